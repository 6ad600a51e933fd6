/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import java.util.BitSet;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.PageInfo;

/* moka.MemoryRange: pages, in Moka. */
final class PageTests {
    private static final int DIRTY_CLEAR = MemoryRange.DIRTY | MemoryRange.CLEAR;
    private static final int LARGE = Moka.LARGE_PAGE, PAGE = Moka.PAGE;

    private PageTests() {
    }

    static void run() {
        queries();
        scans();
        misuse();
        writers();
    }

    private static void queries() {
        Memory memory = Memory.allocate(2 * LARGE);
        try (MemoryRange range = MemoryRange.of(memory)) {
            PageInfo page = range.page(0);
            Tap.is(PageInfo.READ | PageInfo.WRITE | PageInfo.ZERO, page.flags(), "not touched yet");
            Tap.is(0, page.size(), "it has no size");
            Tap.ok(!page.isPresent() && !page.isDirty() && !page.isLarge(), "and is not there");
            memory.buffer().put(5, (byte) 1);
            page = range.page(5);
            Tap.ok(page.isPresent() && page.isDirty() && page.isAccessed(), "written to: " + page);
            Tap.ok((page.frame() != 0 || !Moka.isPresent()) && page.size() >= PAGE,
                "its frame, which Linux tells not all, and its size");
            Tap.ok(page.letters().equals("rw-pda-"), "letters: " + page.letters());
            PageInfo[] pages = range.pages(0, 3);
            Tap.ok(pages.length == 3 && pages[0].equals(range.page(0))
                && pages[2].equals(range.page(2 * PAGE)), "three at once are as one by one");
            Tap.is(0, range.pages(0, 0).length, "none at once");
        }
    }

    private static void scans() {
        Memory memory = Memory.allocate(4 * LARGE);
        ByteBuffer buffer = memory.buffer();
        for (int at = 0; at < 4 * LARGE; at += PAGE) {
            buffer.put(at, (byte) 1);
        }
        try (MemoryRange range = MemoryRange.of(memory)) {
            long[] bits = range.bitmap(PAGE);
            Tap.is(2048, range.scan(PAGE, MemoryRange.PRESENT, bits), "all are there");
            Tap.is(-1, bits[31], "the last word too");
            range.split(0, 4 * LARGE);
            Tap.is(0, range.scan(PAGE, MemoryRange.LARGE, null), "split, none is large");
            Tap.is(2048, range.scan(PAGE, DIRTY_CLEAR, null), "all were written to");
            Tap.is(0, range.scan(PAGE, DIRTY_CLEAR, bits), "but not since");
            Tap.is(0, bits[31], "the bitmap is empty");
            buffer.put(100 * PAGE, (byte) 2).put(2047 * PAGE, (byte) 2);
            Tap.is(2, range.scan(LARGE, MemoryRange.DIRTY, bits), "two were: by 2 MiB");
            Tap.is(9, bits[0], "which");
            Tap.is(2, range.scan(PAGE, DIRTY_CLEAR, bits), "by 4 KiB");
            Tap.ok(BitSet.valueOf(bits).stream().boxed().toList().toString().equals("[100, 2047]"),
                "which");
            Tap.is(4, range.join(0, 4 * LARGE), "join");
            Tap.is(4, range.scan(LARGE, MemoryRange.LARGE, null), "all are large then");
            Tap.is(2, buffer.get(100 * PAGE), "what was there is there");
            Tap.is(1, range.split(LARGE + PAGE, PAGE), "one is split");
            Tap.is(1, range.scan(LARGE, LARGE, LARGE, MemoryRange.PRESENT, null), "a part of the range");
            Tap.is(2048, range.scan(PAGE, MemoryRange.PRESENT, new long[100]), "a bitmap with room");
        }
    }

    private static void misuse() {
        Memory memory = Memory.allocate(4 * LARGE);
        try (MemoryRange range = MemoryRange.at(memory.address(), 2 * LARGE)) {
            Class<? extends Throwable> argument = IllegalArgumentException.class;
            Class<? extends Throwable> bounds = IndexOutOfBoundsException.class;
            Tap.raises(bounds, () -> range.page(2 * LARGE), "query beyond it");
            Tap.raises(bounds, () -> range.page(-1), "query before it");
            Tap.raises(bounds, () -> range.pages(2 * LARGE - PAGE, 2), "half beyond it");
            Tap.raises(NegativeArraySizeException.class, () -> range.pages(0, -1), "less than none");
            Tap.raises(bounds, () -> range.split(LARGE, 2 * LARGE), "split beyond it");
            Tap.raises(argument, () -> range.split(1, PAGE), "split, not a page's start");
            Tap.raises(bounds, () -> range.join(-LARGE, LARGE), "join before it");
            Tap.raises(argument, () -> range.join(0, 100), "join, not whole pages");
            Tap.raises(bounds, () -> range.scan(LARGE, 2 * LARGE, PAGE, DIRTY_CLEAR, null),
                "scan beyond it");
            Tap.raises(argument, () -> range.scan(PAGE, 0, null), "scan for nothing");
            Tap.raises(argument, () -> range.scan(PAGE, 1 << 20, null), "for something unknown");
            Tap.raises(argument, () -> range.scan(8192, DIRTY_CLEAR, null), "another grain");
            Tap.raises(argument, () -> range.scan(0, DIRTY_CLEAR, new long[16]), "a grain of 0");
            Tap.raises(argument, () -> range.scan(PAGE, DIRTY_CLEAR, new long[15]), "a small bitmap");
            Tap.raises(argument, () -> range.scan(PAGE, LARGE, LARGE, DIRTY_CLEAR, null),
                "by 2 MiB, not at a multiple of that");
            Tap.raises(bounds, () -> range.scan(0, -PAGE, PAGE, DIRTY_CLEAR, null), "a size below 0");
        }
    }

    /* A checkpoint of counters that other threads write: no write is missing from it. */
    private static void writers() {
        int pages = 1024, rounds = 200;
        Memory memory = Memory.allocate((long) pages * PAGE);
        ByteBuffer buffer = memory.buffer();
        byte[] copy = new byte[pages];
        Thread[] threads = new Thread[3];
        for (int i = 0; i < threads.length; i++) {
            int seed = i;
            threads[i] = new Thread(() -> {
                java.util.Random random = new java.util.Random(seed);
                for (int n = 0; n < 200_000; n++) {
                    int page = random.nextInt(pages / threads.length) * threads.length + seed;
                    buffer.put(page * PAGE, (byte) (buffer.get(page * PAGE) + 1));
                }
            });
        }
        try (MemoryRange range = MemoryRange.of(memory)) {
            long[] bits = range.bitmap(PAGE);
            for (Thread thread : threads) {
                thread.start();
            }
            for (int n = 0; n <= rounds; n++) {
                if (n == rounds) {
                    for (Thread thread : threads) {
                        thread.join();
                    }
                }
                range.scan(PAGE, DIRTY_CLEAR, bits);
                BitSet.valueOf(bits).stream().forEach(page -> copy[page] = buffer.get(page * PAGE));
                if (n % 16 == 0) {
                    range.split(0, range.size());
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        int wrong = 0;
        for (int page = 0; page < pages; page++) {
            wrong += copy[page] != buffer.get(page * PAGE) ? 1 : 0;
        }
        Tap.is(0, wrong, "no write of three threads is missing from the checkpoints");
    }
}
