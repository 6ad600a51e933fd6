/* SPDX-License-Identifier: MIT */
/*
 * Compute: what a program does that has its memory already and only works on
 * it.  Each kernel is run until the compilers are done with it, then measured.
 */
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.Deflater;

public class Compute {
    static final Random random = new Random(42);

    static double[] doubles(int count) {
        return random.doubles(count).toArray();
    }

    /* ---- Product of two matrices ----------------------------------------------------- */

    static final int SIDE = 512;
    static final double[] left = doubles(SIDE * SIDE), right = doubles(SIDE * SIDE);

    static void matrix() {
        double[] product = new double[SIDE * SIDE];
        for (int i = 0; i < SIDE; i++) {
            for (int k = 0; k < SIDE; k++) {
                double factor = left[i * SIDE + k];
                for (int j = 0; j < SIDE; j++) {
                    product[i * SIDE + j] += factor * right[k * SIDE + j];
                }
            }
        }
        Phases.sink = (long) product[SIDE];
    }

    /* ---- Fast Fourier transform, 16 MiB, strides of all sizes ------------------------- */

    static final int POINTS = 1 << 20;
    static final double[] signal = doubles(2 * POINTS), wave = new double[2 * POINTS];

    static void swap(int a, int b) {
        for (int part = 0; part < 2; part++) {
            double value = wave[a + part];
            wave[a + part] = wave[b + part];
            wave[b + part] = value;
        }
    }

    static void reverseBits() {
        for (int i = 0, j = 0; i < POINTS; i++) {
            if (i < j) {
                swap(2 * i, 2 * j);
            }
            int bit = POINTS >> 1;
            for (; (j & bit) != 0; bit >>= 1) {
                j ^= bit;
            }
            j ^= bit;
        }
    }

    static void butterflies(int half) {
        double angle = -Math.PI / half, stepRe = Math.cos(angle), stepIm = Math.sin(angle);
        for (int start = 0; start < POINTS; start += 2 * half) {
            double re = 1, im = 0;
            for (int k = start; k < start + half; k++) {
                int a = 2 * k, b = 2 * (k + half);
                double bRe = wave[b] * re - wave[b + 1] * im, bIm = wave[b] * im + wave[b + 1] * re;
                wave[b] = wave[a] - bRe;
                wave[b + 1] = wave[a + 1] - bIm;
                wave[a] += bRe;
                wave[a + 1] += bIm;
                double next = re * stepRe - im * stepIm;
                im = re * stepIm + im * stepRe;
                re = next;
            }
        }
    }

    static void fft() {
        System.arraycopy(signal, 0, wave, 0, wave.length);
        reverseBits();
        for (int half = 1; half < POINTS; half *= 2) {
            butterflies(half);
        }
        Phases.sink = (long) wave[7];
    }

    /* ---- SHA-256 and zlib: the JVM's and the JDK's own native code -------------------- */

    static final byte[] text = new byte[8 << 20];

    static void sha() {
        try {
            Phases.sink = MessageDigest.getInstance("SHA-256").digest(text)[0];
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    static void compress() {
        byte[] packed = new byte[text.length];
        Deflater deflater = new Deflater();
        deflater.setInput(text, 0, text.length / 2);
        deflater.finish();
        Phases.sink = deflater.deflate(packed);
        deflater.end();
    }

    /* Text of few words, so that there is something to find in it. */
    static void makeText() {
        for (int i = 0; i < text.length; i += 8) {
            Arrays.fill(text, i, i + 8, (byte) ('a' + random.nextInt(20)));
            text[i + 7] = ' ';
        }
    }

    /* ---- Planets --------------------------------------------------------------------- */

    static final int BODIES = 5, STEPS = 500_000;

    static void nbody() {
        double[] at = doubles(BODIES * 3), speed = doubles(BODIES * 3);
        for (int step = 0; step < STEPS; step++) {
            for (int i = 0; i < BODIES; i++) {
                for (int j = i + 1; j < BODIES; j++) {
                    attract(at, speed, 3 * i, 3 * j);
                }
            }
            for (int i = 0; i < at.length; i++) {
                at[i] += 0.001 * speed[i];
            }
        }
        Phases.sink = (long) at[0];
    }

    static void attract(double[] at, double[] speed, int a, int b) {
        double x = at[a] - at[b], y = at[a + 1] - at[b + 1], z = at[a + 2] - at[b + 2];
        double square = x * x + y * y + z * z + 0.01;
        double pull = 0.001 / (square * Math.sqrt(square));
        speed[a] -= x * pull;
        speed[a + 1] -= y * pull;
        speed[a + 2] -= z * pull;
        speed[b] += x * pull;
        speed[b + 1] += y * pull;
        speed[b + 2] += z * pull;
    }

    /* ---- Sorting --------------------------------------------------------------------- */

    static final int[] unsorted = random.ints(2_000_000).toArray();

    static void sort() {
        int[] copy = unsorted.clone();
        Arrays.sort(copy);
        Phases.sink = copy[0];
    }

    static void kernel(String name, int warm, int times, Runnable once) {
        for (int i = 0; i < warm; i++) {
            once.run();
        }
        Phases.measure(name, () -> {
            for (int i = 0; i < times; i++) {
                once.run();
            }
        });
    }

    public static void main(String[] args) {
        makeText();
        kernel("matrix", 3, 5, Compute::matrix);
        kernel("fft", 3, 5, Compute::fft);
        kernel("sha-256", 10, 20, Compute::sha);
        kernel("zlib", 1, 3, Compute::compress);
        kernel("n-body", 3, 8, Compute::nbody);
        kernel("sort", 3, 5, Compute::sort);
    }
}
