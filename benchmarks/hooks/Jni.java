/* SPDX-License-Identifier: MIT */
/*
 * Jni [MS]: what the Java API adds to the hooks: a native method that does nothing,
 * and calls of moka.jar beside loops of the same calls in C (jni.c), in one process,
 * so many milliseconds for each.  Prints the least of the rounds, in nanoseconds a call.
 */
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.Remap;

public final class Jni {
    private static final int BATCH = 100, CALLS = 200;

    private static Object sink;

    private Jni() {
    }

    static native void empty();

    static native long time(int kind, long address, long size, int calls);

    /** So many calls; how long they took. */
    @FunctionalInterface
    private interface Timed {
        long run();
    }

    private static Timed timed(Runnable action) {
        return () -> {
            long begin = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                action.run();
            }
            return System.nanoTime() - begin;
        };
    }

    /* Of one call; below 0: not on this system. */
    private static double least(Timed timed, long millis) {
        long least = Long.MAX_VALUE;
        for (long end = System.nanoTime() + millis * 1_000_000; System.nanoTime() < end;) {
            least = Math.min(least, timed.run());
        }
        return (double) least / CALLS;
    }

    private static void print(String what, double inC, double inJava) {
        if (inC < 0) {
            System.out.printf("%-34s not here%n", what);
        } else {
            System.out.printf("%-34s %,12.0f %,12.0f %,12.0f%n", what, inC, inJava, inJava - inC);
        }
    }

    public static void main(String[] args) {
        long millis = args.length > 0 ? Long.parseLong(args[0]) : 500;
        System.loadLibrary("moka_bench");
        Memory memory = Memory.allocate(2L * BATCH * Moka.PAGE, Moka.PAGE);
        try (MemoryRange range = MemoryRange.of(memory)) {
            long[] bits = new long[2], pairs = new long[3 * BATCH];
            for (int i = 0; i < BATCH; i++) {
                pairs[3 * i] = (long) i * Moka.PAGE;
                pairs[3 * i + 1] = (long) (BATCH + i) * Moka.PAGE;
                pairs[3 * i + 2] = Moka.PAGE;
            }
            range.populate(0, range.size(), 1);
            range.split(0, range.size());
            Runnable[] actions = {
                () -> sink = range.page(0),
                () -> sink = range.pages(0, BATCH),
                () -> range.scan(0, BATCH * Moka.PAGE, Moka.PAGE, MemoryRange.DIRTY, bits),
                () -> Remap.swap(range, 0, range, BATCH * Moka.PAGE, Moka.PAGE, 0),
                () -> Remap.swap(range, range, pairs, 0),
            };
            String[] names = {"query of one page", "query of 100 pages", "scan of 100 pages into a bitmap",
                "swap of one pair of 4 KiB", "swap of 100 pairs of 4 KiB"};
            System.out.printf("%-34s %12s %12s %12s%n", "ns, " + Moka.describe(), "C", "Java", "more");
            print("a native method that does nothing", 0, least(timed(Jni::empty), millis));
            for (int i = 0; i < actions.length; i++) {
                int kind = i;
                double inC = least(() -> time(kind, range.address(), range.size(), CALLS), millis);
                print(names[i], inC, inC < 0 ? 0 : least(timed(actions[i]), millis));
            }
        }
    }
}
