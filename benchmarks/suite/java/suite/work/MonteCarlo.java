/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** An integral by random points: registers only, no memory at all. */
public final class MonteCarlo extends Known {
    private static final int POINTS = 20_000_000;

    public MonteCarlo(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) {}

    @Override
    public long operation() {
        Rng random = new Rng(3);
        int inside = 0;
        for (int i = 0; i < POINTS; i++) {
            double x = random.nextDouble(), y = random.nextDouble();
            if (x * x + y * y <= 1) {
                inside++;
            }
        }
        return new Checksum().add(inside).value();
    }
}
