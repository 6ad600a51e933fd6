/* SPDX-License-Identifier: MIT */
/*
 * Collect SECONDS THREADS: builds and drops trees and arrays on all threads,
 * and checks what lives.  It prints "intact" if every tree had its sum, no
 * increment under a lock was lost, and there were collections.
 */
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

public class Collect {
    static final int DEPTH = 10;

    static final class Node {
        final Node left, right;
        final int value;
        final byte[] padding;

        Node(int depth, int value) {
            this.value = value;
            padding = new byte[24 + (value & 63)];
            left = depth == 0 ? null : new Node(depth - 1, value * 2 + 1);
            right = depth == 0 ? null : new Node(depth - 1, value * 2 + 2);
        }

        long sum() {
            return value + (left == null ? 0 : left.sum() + right.sum());
        }
    }

    static final long EXPECTED = new Node(DEPTH, 1).sum();
    static final ConcurrentHashMap<Integer, Object> live = new ConcurrentHashMap<>();
    static final AtomicLong rounds = new AtomicLong(), broken = new AtomicLong();
    static final Object lock = new Object();
    static long locked;

    static boolean isWhole(Object old) {
        return !(old instanceof Node) || ((Node) old).sum() == EXPECTED;
    }

    static void work(int id, long end) {
        Random random = new Random(id);
        while (System.nanoTime() < end) {
            Object made = random.nextInt(50) == 0 ? new byte[300_000] : new Node(DEPTH, 1);
            if (!isWhole(live.put(random.nextInt(400), made))) {
                broken.incrementAndGet();
            }
            synchronized (lock) {
                locked++;
            }
            rounds.incrementAndGet();
        }
    }

    public static void main(String[] args) throws Exception {
        long end = System.nanoTime() + (long) (Double.parseDouble(args[0]) * 1e9);
        live.put(0, new Node(DEPTH, 1));
        Thread[] threads = new Thread[Integer.parseInt(args[1])];
        for (int i = 0; i < threads.length; i++) {
            int id = i;
            threads[i] = new Thread(() -> work(id, end));
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.gc(); /* one at least, however slow the machine */
        long collections = 0, ms = 0;
        for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
            collections += bean.getCollectionCount();
            ms += bean.getCollectionTime();
        }
        for (Object old : live.values()) {
            broken.addAndGet(isWhole(old) ? 0 : 1);
        }
        System.err.println(rounds + " rounds, " + collections + " collections, " + ms + " ms");
        if (broken.get() != 0 || locked != rounds.get() || collections == 0) {
            System.out.println(broken + " broken, " + (rounds.get() - locked) + " lost");
            System.exit(1);
        }
        System.out.println("intact");
    }
}
