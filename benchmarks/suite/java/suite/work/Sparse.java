/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * Products of a sparse matrix, stored row by row without its zeroes, with a
 * vector: reads at places that no prefetcher foresees.
 */
public final class Sparse extends Known {
    private final int rows;
    private final int perRow;
    private final int products;

    public Sparse(int rows, int perRow, int products, long expected) {
        super(expected);
        this.rows = rows;
        this.perRow = perRow;
        this.products = products;
    }

    @Override
    public void setUp(Setting setting) {}

    @Override
    public long operation() {
        Rng random = new Rng(rows);
        double[] values = random.doubles(rows * perRow);
        int[] columns = new int[rows * perRow];
        for (int i = 0; i < columns.length; i++) {
            columns[i] = random.nextInt(rows);
        }
        double[] vector = random.doubles(rows);
        for (int i = 0; i < products; i++) {
            vector = multiply(values, columns, vector);
        }
        return new Checksum().add(vector).value();
    }

    /** Scaled, so that the numbers stay of one size. */
    private double[] multiply(double[] values, int[] columns, double[] vector) {
        double[] result = new double[rows];
        for (int row = 0; row < rows; row++) {
            double sum = 0;
            for (int i = row * perRow; i < (row + 1) * perRow; i++) {
                sum += values[i] * vector[columns[i]];
            }
            result[row] = sum * 2 / perRow;
        }
        return result;
    }
}
