/* SPDX-License-Identifier: MIT */
package suite.work;

import java.util.LinkedHashMap;
import java.util.Map;
import suite.Rng;
import suite.Setting;
import suite.Workload;

/**
 * Caches that forget what was not used for longest: each entry lives long
 * enough to become old, then dies, so that the collector has an old generation
 * of small objects, linked in all directions, that changes all the time.
 *
 * <p>Each thread has a cache of its own.  A value says which key it is of: each
 * that is found is checked.
 */
public final class Lru implements Workload {
    private static final int LOOKUPS = 200_000;

    private int entries;
    private int bytes;
    private Map<Long, byte[]> cache;
    private Rng random;

    private static final class Cache extends LinkedHashMap<Long, byte[]> {
        private static final long serialVersionUID = 1;
        private final int limit;

        Cache(int limit) {
            super(limit * 4 / 3 + 1, 0.75f, true);
            this.limit = limit;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
            return size() > limit;
        }
    }

    @Override
    public void setUp(Setting setting) {
        bytes = setting.parameter("bytes");
        // What an entry takes beside its value: a node, a key, a slot of the table, an array's header.
        entries = Math.max(1, (int) ((long) setting.parameter("live") * (1 << 20) / setting.threads() / (bytes + 96)));
        cache = new Cache(entries);
        random = new Rng(setting.thread());
        for (long key = 0; key < entries; key++) {
            cache.put(key, value(key));
        }
    }

    private byte[] value(long key) {
        byte[] value = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            value[i] = (byte) (key + i);
        }
        return value;
    }

    private boolean isRight(long key, byte[] value) {
        int last = value.length - 1;
        return value.length == bytes && value[0] == (byte) key && value[last] == (byte) (key + last);
    }

    @Override
    public long operation() {
        long right = 0;
        for (int i = 0; i < LOOKUPS; i++) {
            // Twice as many keys as there is room for, some of them far more often than others.
            long key = random.nextRank(2 * entries);
            byte[] value = cache.get(key);
            if (value == null) {
                value = value(key);
                cache.put(key, value);
            }
            right += isRight(key, value) ? 1 : 0;
        }
        return right + (cache.size() <= entries ? 0 : 1);
    }

    @Override
    public long expected() {
        return LOOKUPS;
    }
}
