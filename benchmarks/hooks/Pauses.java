/* SPDX-License-Identifier: MIT */
/*
 * Pauses MUTATORS SECONDS: so many threads that compute and allocate, always,
 * beside a few megabytes that live.  Prints "warm" when measuring begins (what
 * is in the log before is start-up), and then "work UNITS PER SECOND".
 */
import java.util.concurrent.atomic.LongAdder;

final class Pauses {
    private static final int LIVE = 20_000, WARM_MS = 1500, ROUNDS = 400, RING = 64;
    private static final LongAdder done = new LongAdder();
    private static volatile boolean stop;

    static volatile Object[] live;
    static volatile long sink;

    private Pauses() {}

    private static Object[] makeLive() {
        Object[] all = new Object[LIVE];
        for (int i = 0; i < LIVE; i++) {
            all[i] = new long[i % 50];
        }
        return all;
    }

    /* One unit: some microseconds of computing, and an object of about a kilobyte. */
    private static byte[] unit(long[] seed) {
        long x = seed[0];
        for (int i = 0; i < ROUNDS; i++) {
            x ^= x << 13;
            x ^= x >>> 7;
            x ^= x << 17;
        }
        seed[0] = x;
        return new byte[512 + (int) (x & 1023)];
    }

    private static void work(long number) {
        long[] seed = {number + 1};
        byte[][] ring = new byte[RING][];
        for (long n = 0; !stop; n++) {
            ring[(int) (n % RING)] = unit(seed);
            done.increment();
        }
        sink += seed[0] + ring.length;
    }

    public static void main(String[] args) throws InterruptedException {
        int mutators = Integer.parseInt(args[0]);
        long millis = Integer.parseInt(args[1]) * 1000L;
        Thread[] threads = new Thread[mutators];
        live = makeLive();
        for (int i = 0; i < mutators; i++) {
            long number = i;
            threads[i] = new Thread(() -> work(number), "mutator-" + i);
            threads[i].start();
        }
        Thread.sleep(WARM_MS);
        System.out.println("warm");
        long before = done.sum(), start = System.nanoTime();
        Thread.sleep(millis);
        long units = done.sum() - before, took = System.nanoTime() - start;
        System.out.println("work " + units * 1_000_000_000L / took);
        stop = true;
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
