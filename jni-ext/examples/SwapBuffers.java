/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import moka.Memory;
import moka.MemoryRange;
import moka.Remap;
import moka.RemapInfo;

/**
 * SwapBuffers [MIB]: two buffers of 64 MiB exchange what is in them, by copying and by exchanging their
 * pages, and how long both take.
 *
 * <pre>./moka run build/jni/examples.jar SwapBuffers</pre>
 */
public final class SwapBuffers {
    private static final int ROUNDS = 8;

    private SwapBuffers() {
    }

    /* Each page's first long is the page's number and a mark. */
    private static void fill(ByteBuffer buffer, long mark) {
        for (int at = 0; at < buffer.capacity(); at += 8) {
            buffer.putLong(at, mark + at);
        }
    }

    private static boolean has(ByteBuffer buffer, long mark) {
        for (int at = 0; at < buffer.capacity(); at += 8) {
            if (buffer.getLong(at) != mark + at) {
                return false;
            }
        }
        return true;
    }

    /* The least of some rounds, in nanoseconds: an even number of swaps changes nothing. */
    private static long time(Runnable swap) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS; i++) {
            long begin = System.nanoTime();
            swap.run();
            least = Math.min(least, System.nanoTime() - begin);
        }
        return least;
    }

    private static void copy(ByteBuffer one, ByteBuffer other, ByteBuffer third) {
        third.put(0, one, 0, one.capacity());
        one.put(0, other, 0, one.capacity());
        other.put(0, third, 0, one.capacity());
    }

    public static void main(String[] args) {
        int size = (args.length > 0 ? Integer.parseInt(args[0]) : 64) << 20;
        Memory first = Memory.allocate(size), second = Memory.allocate(size);
        ByteBuffer one = first.buffer(), other = second.buffer();
        ByteBuffer third = Memory.allocate(size).buffer();
        fill(one, 1L << 40);
        fill(other, 2L << 40);
        long copied = time(() -> copy(one, other, third));
        System.out.printf("copied:  %,8d us for two buffers of %d MiB, by way of a third one%n",
            copied / 1000, size >> 20);
        try (MemoryRange to = MemoryRange.of(first); MemoryRange from = MemoryRange.of(second)) {
            RemapInfo before = Remap.info();
            long swapped = time(() -> Remap.swap(to, 0, from, 0, size, Remap.QUIET));
            RemapInfo after = Remap.info();
            System.out.printf("swapped: %,8d us, %,d times as fast%n", swapped / 1000,
                copied / swapped);
            Remap.swap(to, 0, from, 0, size, Remap.QUIET);
            System.out.printf("a swap stored %,d entries of 4 KiB, %,d of 2 MiB and %,d of tables of 1 GiB%n",
                (after.entries4K() - before.entries4K()) / ROUNDS,
                (after.entries2M() - before.entries2M()) / ROUNDS,
                (after.entries1G() - before.entries1G()) / ROUNDS);
            System.out.println(has(one, 2L << 40) && has(other, 1L << 40)
                ? "Each has what the other had." : "NOT SWAPPED.");
        }
    }
}
