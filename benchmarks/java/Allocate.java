/* SPDX-License-Identifier: MIT */
/*
 * Allocate: what a program does that makes objects all the time and drops
 * most of them: trees of small objects, large arrays, a cache that forgets the
 * oldest, and all of it by many threads.
 */
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

public class Allocate {
    static final class Node {
        final Node left, right;

        Node(int depth) {
            left = depth == 0 ? null : new Node(depth - 1);
            right = depth == 0 ? null : new Node(depth - 1);
        }

        int count() {
            return left == null ? 1 : 1 + left.count() + right.count();
        }
    }

    /* A tree that stays, and many that do not. */
    static void small(int trees) {
        Node old = new Node(17);
        long nodes = 0;
        for (int i = 0; i < trees; i++) {
            nodes += new Node(12).count();
        }
        Phases.sink = nodes + old.count();
    }

    /* 64 KiB to 8 MiB, the last 16 kept: what a server's buffers and tables look like. */
    static void large(int arrays) {
        Random random = new Random(1);
        byte[][] ring = new byte[16][];
        for (int i = 0; i < arrays; i++) {
            byte[] made = new byte[1 << 16 + random.nextInt(8)];
            for (int at = 0; at < made.length; at += 4096) {
                made[at] = (byte) i;
            }
            ring[i % ring.length] = made;
        }
        Phases.sink = ring[0][0];
    }

    static final class Cache extends LinkedHashMap<String, byte[]> {
        private static final int LIMIT = 100_000;

        Cache() {
            super(LIMIT, 0.75f, true);
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, byte[]> eldest) {
            return size() > LIMIT;
        }
    }

    static void cache(int requests) {
        Random random = new Random(2);
        Cache cache = new Cache();
        long hits = 0;
        for (int i = 0; i < requests; i++) {
            String key = "object " + random.nextInt(300_000);
            if (cache.get(key) != null) {
                hits++;
            } else {
                cache.put(key, new byte[100 + random.nextInt(400)]);
            }
        }
        Phases.sink = hits;
    }

    static void session(Map<Integer, Object> shared, int id, int rounds) {
        Random random = new Random(id);
        for (int i = 0; i < rounds; i++) {
            shared.put(random.nextInt(2000), new Node(random.nextInt(8)));
        }
    }

    static void threads(int count, int rounds) {
        Map<Integer, Object> shared = new ConcurrentHashMap<>();
        Thread[] all = new Thread[count];
        for (int i = 0; i < count; i++) {
            int id = i;
            all[i] = new Thread(() -> session(shared, id, rounds));
            all[i].start();
        }
        try {
            for (Thread thread : all) {
                thread.join();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        Phases.sink = shared.size();
    }

    public static void main(String[] args) {
        small(500);
        Phases.measure("small", () -> small(4000));
        large(100);
        Phases.measure("large", () -> large(1500));
        cache(100_000);
        Phases.measure("cache", () -> cache(800_000));
        threads(2, 10_000);
        Phases.measure("threads", () -> threads(16, 50_000));
    }
}
