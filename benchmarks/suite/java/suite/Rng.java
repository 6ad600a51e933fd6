/* SPDX-License-Identifier: MIT */
package suite;

/**
 * Pseudo-random numbers for inputs (SplitMix64): the same on each machine and
 * for each version of the JDK.
 */
public final class Rng {
    private long state;

    public Rng(long seed) {
        state = seed;
    }

    public long nextLong() {
        state += 0x9e3779b97f4a7c15L;
        return mix(state);
    }

    /** From 0 to bound - 1. */
    public int nextInt(int bound) {
        return (int) ((nextLong() >>> 33) * bound >>> 31);
    }

    /** From 0 to below 1. */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /** From 0 to bound - 1, small ones far more often than large ones, as words are in a text. */
    public int nextRank(int bound) {
        double x = nextDouble();
        return (int) (bound * x * x * x);
    }

    public double[] doubles(int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = nextDouble();
        }
        return values;
    }

    public byte[] bytes(int count) {
        byte[] values = new byte[count];
        for (int i = 0; i < count; i++) {
            values[i] = (byte) nextLong();
        }
        return values;
    }

    /** A bijection whose output bits each depend on all of the input's. */
    public static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
