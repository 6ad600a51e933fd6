/* SPDX-License-Identifier: MIT */
import java.nio.ByteBuffer;
import moka.Memory;
import moka.MemoryRange;
import moka.Moka;
import moka.PageInfo;

/**
 * The page table of a buffer before and after writes to it: which pages are there, how large they
 * are, and which were written to since the last look.
 *
 * <pre>./moka run build/jni/examples.jar PageTable</pre>
 */
public final class PageTable {
    private static final int SIZE = 4 * Moka.LARGE_PAGE;
    private static final int DIRTY_CLEAR = MemoryRange.DIRTY | MemoryRange.CLEAR;

    private PageTable() {
    }

    /* Runs of pages that are alike, a line each. */
    private static void print(String when, MemoryRange range) {
        PageInfo[] pages = range.pages(0, (int) (range.size() / Moka.PAGE));
        System.out.printf("%n%s:%n", when);
        for (int begin = 0, end; begin < pages.length; begin = end) {
            PageInfo first = pages[begin];
            for (end = begin + 1; end < pages.length && pages[end].flags() == first.flags()
                && pages[end].size() == first.size(); end++) {
            }
            System.out.printf("  %5d to %5d KiB  %s  %s%n", begin * 4, end * 4, first.letters(),
                !first.isPresent() ? "not there" : first.size() >> 20 > 0
                    ? "pages of 2 MiB, the first at physical " + Long.toHexString(first.frame() << 12)
                    : "pages of 4 KiB, the first at physical " + Long.toHexString(first.frame() << 12));
        }
    }

    public static void main(String[] args) {
        Memory memory = Memory.allocate(SIZE);
        ByteBuffer buffer = memory.buffer();
        try (MemoryRange range = MemoryRange.of(memory)) {
            System.out.println("A buffer of 8 MiB.  r w x: it may be read, written, executed;");
            System.out.println("p: present; d: dirty, written to; a: accessed.");
            print("Nothing has been touched", range);
            for (int at = 0; at < SIZE / 2; at += Moka.PAGE) {
                buffer.put(at, (byte) 1);
            }
            print("Its first half has been written to", range);
            System.out.printf("%nsplit: %d pages of 2 MiB%n", range.split(0, Moka.LARGE_PAGE));
            range.scan(Moka.PAGE, DIRTY_CLEAR, null);
            print("The first 2 MiB are small pages now, and all dirty bits have been cleared", range);
            buffer.put(100 * Moka.PAGE, (byte) 2);
            buffer.put(3 * Moka.LARGE_PAGE / 2, (byte) 2);
            print("A byte at 400 KiB and one at 3 MiB were written", range);
            System.out.printf("%njoin: %d pages of 2 MiB%n", range.join(0, Moka.LARGE_PAGE));
            print("Large again", range);
        }
    }
}
