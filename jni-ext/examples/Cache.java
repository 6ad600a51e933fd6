/* SPDX-License-Identifier: MIT */
import java.lang.ref.Reference;
import java.util.concurrent.locks.ReentrantLock;
import moka.MachineMemory;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.Pressure;

/**
 * Cache [MIB]: a cache outside of the Java heap that grows into the memory that is free, MIB at most,
 * and shrinks when something else needs it. Without MIB it may become as large as the machine is in
 * Moka, and 256 MiB on Linux, which has more to do.
 *
 * <pre>./moka run -m 1G -Xmx64m build/jni/examples.jar Cache</pre>
 */
public final class Cache implements AutoCloseable {
    private static final int BLOCK = Moka.LARGE_PAGE;

    private final Memory memory;
    private final MemoryRange range;
    private final Pressure.Registration registration;
    /* Fair: the shrinkers' thread has its turn, however often blocks are added. */
    private final ReentrantLock lock = new ReentrantLock(true);
    /* Blocks from `oldest` to before `next` are filled, as a ring; both only grow. */
    private long oldest, next;
    private int shrinks;

    private Cache(long size) {
        memory = Memory.allocate(size);
        range = MemoryRange.of(memory);
        registration = Pressure.add(this::shrink);
    }

    private long blocks() {
        return memory.size() / BLOCK;
    }

    /* When there is no more room, or memory is short already, a block takes the place of the oldest. */
    private void add() {
        lock.lock();
        try {
            boolean full = next - oldest == blocks()
                || next > oldest && Pressure.memory().level() != MachineMemory.Level.PLENTY;
            if (full) {
                drop();
            }
            long at = next % blocks() * BLOCK;
            range.populate(at, BLOCK, 1);
            memory.buffer(at, BLOCK).putLong(0, next);
            next++;
        } finally {
            lock.unlock();
        }
    }

    private long drop() {
        return range.discard(oldest++ % blocks() * BLOCK, BLOCK);
    }

    /* By the shrinkers' thread. */
    private long shrink(long wanted) {
        long given = 0;
        lock.lock();
        try {
            while (given < wanted && oldest < next) {
                given += drop();
            }
            shrinks++;
        } finally {
            lock.unlock();
        }
        return given;
    }

    private void print(String what) {
        MachineMemory now = Pressure.memory();
        System.out.printf("%-34s the cache has %,6d MiB, %,6d MiB are available: %s%n", what,
            (next - oldest) * BLOCK >> 20, now.available() >> 20, now.level());
    }

    @Override
    public void close() {
        registration.close();
        range.close();
    }

    public static void main(String[] args) throws InterruptedException {
        MachineMemory machine = Pressure.memory();
        long size = args.length > 0 ? Long.parseLong(args[0]) << 20
            : Moka.isPresent() ? machine.total() / BLOCK * BLOCK : 256L << 20;
        Pressure.thresholds(machine.total() / 4, machine.total() / 8); // in time
        try (Cache cache = new Cache(size)) {
            cache.print("At first:");
            for (long blocks = size / BLOCK; cache.next < 2 * blocks;) {
                cache.add();
                if (cache.next % (blocks / 2) == 0) {
                    cache.print(String.format("%,d MiB have been cached:", cache.next * BLOCK >> 20));
                }
            }
            Memory other = Memory.allocate(size / 2 / BLOCK * BLOCK);
            try (MemoryRange range = MemoryRange.of(other)) {
                for (long at = 0; at < other.size(); at += BLOCK) {
                    range.populate(at, BLOCK, 1);
                    Thread.sleep(5);
                }
                cache.print(String.format("Something else has %,d MiB:", other.size() >> 20));
            }
            Reference.reachabilityFence(other);
            System.out.printf("The cache was asked %d times to shrink.%n", cache.shrinks);
        }
    }
}
