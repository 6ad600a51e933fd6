/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import moka.Memory;
import moka.Moka;

/* moka.Memory: with or without hooks. */
final class MemoryTests {
    private MemoryTests() {
    }

    static void run() {
        sizes();
        buffers();
        lifetime();
    }

    private static void sizes() {
        Memory memory = Memory.allocate(5000);
        Tap.is(8192, memory.size(), "whole pages");
        Tap.is(0, memory.address() % Moka.LARGE_PAGE, "at a multiple of 2 MiB");
        Tap.is(0, Memory.allocate(1, Moka.HUGE_PAGE).address() % Moka.HUGE_PAGE, "or of 1 GiB");
        Tap.is(0, Memory.allocate(1, Moka.PAGE).address() % Moka.PAGE, "or of a page");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate(0), "nothing");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate(-1), "less than that");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate((1L << 46) + 1), "too much");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate(1, 5000), "no power of 2");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate(1, 2048), "below a page");
        Tap.raises(IllegalArgumentException.class, () -> Memory.allocate(1, 1 << 31), "above 1 GiB");
    }

    private static void buffers() {
        Memory memory = Memory.allocate(3L << 30);
        ByteBuffer end = memory.buffer((3L << 30) - 8, 8);
        end.putLong(0, 42);
        Tap.is(42, memory.buffer((3L << 30) - 4096, 4096).getLong(4088), "two buffers of one memory");
        Tap.is(memory.address() + (3L << 30) - 8, Memory.address(end), "address");
        Tap.is(memory.address() + (3L << 30) - 5, Memory.address(end.position(3)), "of the position");
        Tap.raises(IllegalStateException.class, memory::buffer, "too large for a buffer");
        Tap.raises(IndexOutOfBoundsException.class, () -> memory.buffer(3L << 30, 1), "beyond it");
        Tap.raises(IndexOutOfBoundsException.class, () -> memory.buffer(-1, 1), "before it");
        Tap.raises(IndexOutOfBoundsException.class, () -> memory.buffer(0, -1), "a length below 0");
        Tap.raises(IllegalArgumentException.class, () -> Memory.address(ByteBuffer.allocate(8)),
            "a buffer on the heap has no address");
        Tap.is(1 << 20, Memory.allocate(1 << 20).buffer().capacity(), "all of it");
    }

    private static boolean isMapped(long address) {
        try {
            return Files.readAllLines(Path.of("/proc/self/maps")).stream().anyMatch(line -> {
                String[] ends = line.substring(0, line.indexOf(' ')).split("-");
                return Long.parseUnsignedLong(ends[0], 16) <= address
                    && address < Long.parseUnsignedLong(ends[1], 16);
            });
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /* A slice of a buffer is all that is left of it. */
    private static ByteBuffer slice() {
        return Memory.allocate(1 << 20).buffer(0, 4096).slice(8, 8);
    }

    private static void lifetime() {
        ByteBuffer slice = slice();
        long address = Memory.address(slice);
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        slice.putLong(0, 7);
        Tap.ok(isMapped(address) && slice.getLong(0) == 7, "a slice keeps the memory");
        slice = null;
        boolean mapped = true;
        for (long end = System.nanoTime() + 60_000_000_000L; mapped && System.nanoTime() < end;) {
            System.gc();
            Thread.yield();
            mapped = isMapped(address);
        }
        Tap.ok(!mapped, "nothing keeps it: it is given back");
    }
}
