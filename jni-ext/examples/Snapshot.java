/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.Remap;

/**
 * Snapshot [MIB]: a copy-on-write snapshot of 256 MiB of accounts, which a thread goes on moving money
 * between while the snapshot is added up.
 *
 * <pre>./moka run -m 2G build/jni/examples.jar Snapshot</pre>
 */
public final class Snapshot {
    private static final long EACH = 1000;

    private final int size;
    private final Memory accounts, copy;
    private final ByteBuffer live, still;
    private volatile boolean stop;
    private long transfers;

    private Snapshot(int size) {
        this.size = size;
        accounts = Memory.allocate(size);
        copy = Memory.allocate(size);
        live = accounts.buffer();
        still = copy.buffer();
        for (int at = 0; at < size; at += Long.BYTES) {
            live.putLong(at, EACH);
        }
    }

    /* The lock is held by who transfers, and for as long as a snapshot takes. */
    private synchronized void transfer(int from, int to, long amount) {
        live.putLong(from, live.getLong(from) - amount);
        live.putLong(to, live.getLong(to) + amount);
        transfers++;
    }

    private void transferAlways() {
        SplittableRandom random = new SplittableRandom(1);
        int count = size / Long.BYTES;
        while (!stop) {
            transfer(random.nextInt(count) * Long.BYTES, random.nextInt(count) * Long.BYTES,
                random.nextInt(100));
        }
    }

    private static long sum(ByteBuffer buffer) {
        long sum = 0;
        for (int at = 0; at < buffer.capacity(); at += Long.BYTES) {
            sum += buffer.getLong(at);
        }
        return sum;
    }

    private synchronized long time(Runnable action) {
        long begin = System.nanoTime();
        action.run();
        return (System.nanoTime() - begin) / 1000;
    }

    private static void judge(String what, long micros, long off) {
        System.out.printf("%-12s no transfer for %,9d us; its sum is off by %,d%n", what, micros, off);
    }

    private void run(MemoryRange from, MemoryRange to) throws InterruptedException {
        long right = size / Long.BYTES * EACH, copies = Remap.info().copies();
        to.populate(0, size, 0); // which is not what is measured
        Thread writer = new Thread(this::transferAlways);
        writer.start();
        judge("no copy:", 0, sum(live) - right);
        judge("by copying:", time(() -> still.put(0, live, 0, size)), sum(still) - right);
        long before = transfers;
        judge("snapshot:", time(() -> Remap.alias(to, 0, from, 0, size, Remap.SNAPSHOT)),
            sum(still) - right);
        stop = true;
        writer.join();
        System.out.printf("%,d transfers since the snapshot made the system copy %,d pages of %,d%n",
            transfers - before, Remap.info().copies() - copies, size / Moka.PAGE);
        System.out.printf("the accounts are off by %,d at the end%n", sum(live) - right);
    }

    public static void main(String[] args) throws InterruptedException {
        int size = (args.length > 0 ? Integer.parseInt(args[0]) : 256) << 20;
        Snapshot snapshot = new Snapshot(size);
        try (MemoryRange from = MemoryRange.of(snapshot.accounts);
             MemoryRange to = MemoryRange.of(snapshot.copy)) {
            Remap.alias(to, 0, from, 0, Moka.PAGE, Remap.SNAPSHOT); // can it?
            snapshot.run(from, to);
        }
    }
}
