/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Successive over-relaxation: sweeps over a grid, each cell from its four neighbours. */
public final class Sor extends Known {
    private static final double OMEGA = 1.25;

    private final int side;
    private final int sweeps;

    public Sor(int side, int sweeps, long expected) {
        super(expected);
        this.side = side;
        this.sweeps = sweeps;
    }

    @Override
    public void setUp(Setting setting) {}

    @Override
    public long operation() {
        Rng random = new Rng(side);
        double[][] grid = new double[side][];
        for (int i = 0; i < side; i++) {
            grid[i] = random.doubles(side);
        }
        for (int sweep = 0; sweep < sweeps; sweep++) {
            for (int i = 1; i < side - 1; i++) {
                relax(grid[i - 1], grid[i], grid[i + 1]);
            }
        }
        return new Checksum().add(grid[1]).add(grid[side / 2]).value();
    }

    private static void relax(double[] above, double[] row, double[] below) {
        for (int j = 1; j < row.length - 1; j++) {
            row[j] = OMEGA / 4 * (above[j] + below[j] + row[j - 1] + row[j + 1]) + (1 - OMEGA) * row[j];
        }
    }
}
