/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Factorisation of dense matrices by elimination with partial pivoting, row by row. */
public final class Lu extends Known {
    private final int side;
    private final int repeats;

    public Lu(int side, int repeats, long expected) {
        super(expected);
        this.side = side;
        this.repeats = repeats;
    }

    @Override
    public void setUp(Setting setting) {}

    @Override
    public long operation() {
        Checksum sum = new Checksum();
        for (int repeat = 0; repeat < repeats; repeat++) {
            double[][] matrix = matrix(repeat);
            int[] pivots = factor(matrix);
            sum.add(matrix[side - 1]).add(pivots[side / 2]);
        }
        return sum.value();
    }

    private double[][] matrix(int seed) {
        Rng random = new Rng(seed);
        double[][] matrix = new double[side][];
        for (int i = 0; i < side; i++) {
            matrix[i] = random.doubles(side);
        }
        return matrix;
    }

    private int[] factor(double[][] matrix) {
        int[] pivots = new int[side];
        for (int column = 0; column < side; column++) {
            int pivot = pivotOf(matrix, column);
            pivots[column] = pivot;
            double[] row = matrix[pivot];
            matrix[pivot] = matrix[column];
            matrix[column] = row;
            for (int i = column + 1; i < side; i++) {
                eliminate(row, matrix[i], column);
            }
        }
        return pivots;
    }

    private int pivotOf(double[][] matrix, int column) {
        int pivot = column;
        for (int i = column + 1; i < side; i++) {
            if (Math.abs(matrix[i][column]) > Math.abs(matrix[pivot][column])) {
                pivot = i;
            }
        }
        return pivot;
    }

    private static void eliminate(double[] by, double[] row, int column) {
        double factor = row[column] / by[column];
        row[column] = factor;
        for (int j = column + 1; j < row.length; j++) {
            row[j] -= factor * by[j];
        }
    }
}
