/* SPDX-License-Identifier: MIT */
package suite.work;

import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * Complex fast Fourier transforms, forth and back: strides of all powers of two
 * through one array of doubles, real and imaginary parts by turns.
 */
public final class Fft extends Known {
    private final int points;
    private final int repeats;
    private double[] roots;

    public Fft(int logPoints, int repeats, long expected) {
        super(expected);
        points = 1 << logPoints;
        this.repeats = repeats;
    }

    /** The roots of unity; StrictMath's are the same everywhere. */
    @Override
    public void setUp(Setting setting) {
        roots = new double[points];
        for (int k = 0; k < points / 2; k++) {
            double angle = -2 * StrictMath.PI * k / points;
            roots[2 * k] = StrictMath.cos(angle);
            roots[2 * k + 1] = StrictMath.sin(angle);
        }
    }

    @Override
    public long operation() {
        Checksum sum = new Checksum();
        for (int repeat = 0; repeat < repeats; repeat++) {
            double[] data = new Rng(repeat).doubles(2 * points);
            transform(data);
            sum.add(data[2]).add(data[points]).add(data[2 * points - 1]);
            conjugate(data, 1);
            transform(data);
            conjugate(data, 1.0 / points);
            require(difference(data, new Rng(repeat)) < 1e-10, "the inverse gives the data back");
            sum.add(data[2]);
        }
        return sum.value();
    }

    private void transform(double[] data) {
        reverseBits(data);
        for (int half = 1; half < points; half *= 2) {
            butterflies(data, half);
        }
    }

    private void reverseBits(double[] data) {
        int shift = Integer.numberOfLeadingZeros(points) + 1;
        for (int i = 0; i < points; i++) {
            int j = Integer.reverse(i) >>> shift;
            if (i < j) {
                swap(data, 2 * i, 2 * j);
                swap(data, 2 * i + 1, 2 * j + 1);
            }
        }
    }

    private static void swap(double[] data, int a, int b) {
        double value = data[a];
        data[a] = data[b];
        data[b] = value;
    }

    private void butterflies(double[] data, int half) {
        int step = points / half;
        for (int start = 0; start < 2 * points; start += 4 * half) {
            for (int k = 0; k < half; k++) {
                double re = roots[k * step], im = roots[k * step + 1];
                int a = start + 2 * k, b = a + 2 * half;
                double bRe = data[b] * re - data[b + 1] * im;
                double bIm = data[b] * im + data[b + 1] * re;
                data[b] = data[a] - bRe;
                data[b + 1] = data[a + 1] - bIm;
                data[a] += bRe;
                data[a + 1] += bIm;
            }
        }
    }

    /** The inverse transform is one of the conjugates. */
    private static void conjugate(double[] data, double factor) {
        for (int i = 0; i < data.length; i += 2) {
            data[i] *= factor;
            data[i + 1] *= -factor;
        }
    }

    /** The largest, between the data and what they were made of. */
    private static double difference(double[] data, Rng original) {
        double largest = 0;
        for (double value : data) {
            largest = Math.max(largest, Math.abs(value - original.nextDouble()));
        }
        return largest;
    }
}
