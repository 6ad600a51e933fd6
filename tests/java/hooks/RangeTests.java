/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.MokaException;

/* moka.MemoryRange: opening and closing, on each system that has hooks. */
final class RangeTests {
    private RangeTests() {
    }

    static void run() {
        opening();
        closing();
        runs();
    }

    private static void opening() {
        Memory memory = Memory.allocate(Moka.LARGE_PAGE);
        ByteBuffer buffer = ByteBuffer.allocateDirect(3 * Moka.PAGE).alignedSlice(Moka.PAGE);
        try (MemoryRange all = MemoryRange.of(memory);
             MemoryRange part = MemoryRange.of(buffer.slice(Moka.PAGE, Moka.PAGE));
             MemoryRange same = MemoryRange.at(memory.address(), memory.size())) {
            Tap.is(memory.address(), all.address(), "its address");
            Tap.is(memory.size(), all.size(), "its size");
            Tap.is(Memory.address(buffer) + Moka.PAGE, part.address(), "of a slice");
            Tap.is(Moka.PAGE, part.size(), "its size too");
            Tap.is(all.address(), same.address(), "of an address");
            Tap.is(8, all.bitmap(Moka.PAGE).length, "a bitmap for all of it");
        }
        Tap.raises(IllegalArgumentException.class,
            () -> MemoryRange.of(ByteBuffer.allocate(Moka.PAGE)), "a buffer on the heap");
        Tap.raises(IllegalArgumentException.class,
            () -> MemoryRange.of(memory.buffer(8, Moka.PAGE)), "not at a page");
        Tap.raises(IllegalArgumentException.class,
            () -> MemoryRange.of(memory.buffer(0, 100)), "not whole pages");
        Tap.raises(IllegalArgumentException.class,
            () -> MemoryRange.of(memory.buffer(0, 0)), "an empty buffer");
        Tap.raises(IllegalArgumentException.class, () -> MemoryRange.at(0, Moka.PAGE), "NULL");
        Tap.raises(IllegalArgumentException.class,
            () -> MemoryRange.at(-1L << 47, Moka.PAGE), "no address of a program");
        Tap.raises(NullPointerException.class, () -> MemoryRange.of((Memory) null), "null");
        Tap.raises(MokaException.class,
            () -> MemoryRange.at(1L << 40, Moka.PAGE), "not mapped");
    }

    private static void closing() {
        Memory memory = Memory.allocate(Moka.LARGE_PAGE);
        MemoryRange range = MemoryRange.of(memory);
        range.close();
        Tap.works(range::close, "close, twice");
        Tap.raises(IllegalStateException.class, () -> range.page(0), "query of a closed range");
        Tap.raises(IllegalStateException.class, () -> range.split(0, Moka.PAGE), "split of it");
        Tap.raises(IllegalStateException.class,
            () -> range.scan(Moka.PAGE, MemoryRange.DIRTY, null), "scan of it");
        if (Moka.isPresent()) {
            List<MemoryRange> opened = new ArrayList<>();
            Tap.raises(MokaException.class, () -> {
                for (;;) {
                    opened.add(MemoryRange.of(memory));
                }
            }, "too many");
            opened.forEach(MemoryRange::close);
            Tap.works(() -> MemoryRange.of(memory).close(), "closed, there is room");
        }
    }

    private static void runs() {
        long[] bitmap = {0b1100_0001L | 1L << 63, -1L, 0, 1L << 63};
        StringBuilder found = new StringBuilder();
        int runs = MemoryRange.forEachRun(bitmap, 8192, Moka.PAGE, (offset, size) ->
            found.append(offset / Moka.PAGE).append('+').append(size / Moka.PAGE).append(' '));
        Tap.ok(found.toString().equals("2+1 8+2 65+65 257+1 "), "runs of a bitmap: " + found);
        Tap.is(4, runs, "how many");
        Tap.is(0, MemoryRange.forEachRun(new long[3], 0, Moka.PAGE, (offset, size) -> { }), "none");
        Tap.is(1, MemoryRange.forEachRun(new long[] {-1, -1}, 0, 1, (offset, size) ->
            Tap.is(128, size, "all are one run")), "one");
    }
}
