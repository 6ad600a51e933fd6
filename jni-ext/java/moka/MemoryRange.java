/* SPDX-License-Identifier: MIT */
package moka;

import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;

/**
 * Memory of the program, opened for the hooks. Opening checks once that all of it is the program's
 * own; nothing outside of it can be reached through it.
 *
 * <p>A range that was made of a buffer or of {@link Memory} keeps that from being freed. One that
 * was made of an address keeps nothing. Closing it changes nothing about the memory.
 *
 * <p>Every method throws
 * <ul>
 * <li>{@link IllegalStateException} if the range is closed,
 * <li>{@link IndexOutOfBoundsException} if what is asked for is not all in it,
 * <li>{@link IllegalArgumentException} if an offset or a size is not a multiple of a page, where it
 *     must be one,
 * <li>{@link UnsupportedOperationException} if this system has no such hook,
 * <li>{@link MokaException} with {@link MokaException#ENOMEM} if nothing is mapped there any more,
 * </ul>
 * and changes nothing then.
 */
public final class MemoryRange implements AutoCloseable {
    /** A scan tells of pages that memory is behind. */
    public static final int PRESENT = 1;
    /** A scan tells of pages that were written to. */
    public static final int DIRTY = 2;
    /** A scan tells of pages that were read or written. */
    public static final int ACCESSED = 4;
    /** A scan tells of pages of 2 MiB and of 1 GiB. */
    public static final int LARGE = 8;
    /** A scan takes back the dirty and accessed bits that it asks for. */
    public static final int CLEAR = 256;

    /** Takes the runs of pages that a scan has found; see {@link MemoryRange#forEachRun}. */
    @FunctionalInterface
    public interface Run {
        /**
         * Called for neighbouring pages.
         *
         * @param offset bytes from the range's start
         * @param size bytes, above 0
         */
        void accept(long offset, long size);
    }

    /* What closes it when it was forgotten; it may not know the range itself. */
    private static final class Opened implements Runnable {
        private final int number;

        Opened(int number) {
            this.number = number;
        }

        @Override
        public void run() {
            Native.close(number);
        }
    }

    private final long address;
    private final long size;
    private final int number;
    private final Object keeps;
    private final Cleaner.Cleanable opened;

    private MemoryRange(long address, long size, Object keeps) {
        Native.need();
        this.address = address;
        this.size = size;
        this.keeps = keeps;
        this.number = (int) Errors.check(Native.open(address, size));
        this.opened = Memory.CLEANER.register(this, new Opened(number));
    }

    /**
     * Opens what is between a direct buffer's position and its limit.
     *
     * <p>{@code ByteBuffer.allocateDirect(n).alignedSlice(Moka.PAGE)} begins and ends at a page.
     *
     * @param buffer a direct buffer, of which both are at multiples of {@link Moka#PAGE}
     * @return the range, which keeps the buffer
     * @throws IllegalArgumentException it is not direct, empty, or not at multiples
     * @throws MokaException too many ranges are open
     * @throws UnsupportedOperationException there are no hooks
     */
    public static MemoryRange of(ByteBuffer buffer) {
        return new MemoryRange(Memory.address(buffer), buffer.remaining(), buffer);
    }

    /**
     * Opens all of some memory.
     *
     * @param memory which
     * @return the range, which keeps the memory
     * @throws MokaException too many ranges are open
     * @throws UnsupportedOperationException there are no hooks
     */
    public static MemoryRange of(Memory memory) {
        return new MemoryRange(memory.address(), memory.size(), memory);
    }

    /**
     * Opens memory by its address. Nothing keeps it from being freed or, in the Java heap, from
     * being used for other objects.
     *
     * @param address a multiple of {@link Moka#PAGE}
     * @param size bytes, a multiple of {@link Moka#PAGE}, above 0
     * @return the range
     * @throws IllegalArgumentException not multiples, or not memory of the program
     * @throws MokaException not all of it is mapped, or too many ranges are open
     * @throws UnsupportedOperationException there are no hooks
     */
    public static MemoryRange at(long address, long size) {
        return new MemoryRange(address, size, null);
    }

    /**
     * Where it begins.
     *
     * @return its address
     */
    public long address() {
        return address;
    }

    /**
     * How large it is.
     *
     * @return bytes, a multiple of {@link Moka#PAGE}
     */
    public long size() {
        return size;
    }

    /** Closes the range. The memory stays as it is. A second time it does nothing. */
    @Override
    public void close() {
        opened.clean();
    }

    /**
     * Tells of one page.
     *
     * @param offset of any byte of it
     * @return what it is like
     */
    public PageInfo page(long offset) {
        long[] words = new long[PageInfo.WORDS];
        Errors.check(query(number, address + offset, 1, words));
        return PageInfo.of(words, 0);
    }

    /**
     * Tells of pages that follow each other, by one native call.
     *
     * @param offset of any byte of the first
     * @param count how many, 0 or more
     * @return what they are like
     */
    public PageInfo[] pages(long offset, int count) {
        long[] words = new long[Math.multiplyExact(count, PageInfo.WORDS)];
        PageInfo[] pages = new PageInfo[count];
        Errors.check(query(number, address + offset, count, words));
        for (int i = 0; i < count; i++) {
            pages[i] = PageInfo.of(words, i);
        }
        return pages;
    }

    /**
     * Looks at all pages of a part and tells which of them have one of some properties. The part is
     * cut into units of a grain, and each unit is a bit.
     *
     * <p>Exact beside writers: a write that comes after this has returned is in the next scan for
     * dirty pages, and one that came before is in this one, an earlier one or the next. Whoever
     * copies the pages that a clearing scan has told of, after it, misses no write.
     *
     * <p>A page counts as dirty from when it is mapped, if it may be written then. With a grain of
     * {@link Moka#PAGE} all units of a 2 MiB page have the same answer, as have those of a 1 GiB page with
     * either grain; {@link #split} it first where that is too coarse. Of such a page that is only
     * partly in the scan, nothing is cleared.
     *
     * @param offset a multiple of the grain in the address space
     * @param length bytes, a multiple of the grain, above 0
     * @param grain {@link Moka#PAGE} or {@link Moka#LARGE_PAGE}
     * @param flags {@link #PRESENT}, {@link #DIRTY}, {@link #ACCESSED} and {@link #LARGE}, added up:
     *     those that any is true of; and {@link #CLEAR}
     * @param bitmap bit <i>i</i> of word <i>n</i> becomes that of unit 64<i>n</i> + <i>i</i>, as
     *     {@link java.util.BitSet#valueOf(long[])} takes it; null if they are only counted
     * @return how many units it tells of
     * @throws IllegalArgumentException besides: the flags, the grain, or a bitmap that is too small
     */
    public long scan(long offset, long length, int grain, int flags, long[] bitmap) {
        return Errors.check(scan(number, address + offset, length, grain, flags, bitmap));
    }

    /**
     * Scans all of the range, see {@link #scan(long, long, int, int, long[])}.
     *
     * @param grain as there
     * @param flags as there
     * @param bitmap as there
     * @return how many units it tells of
     */
    public long scan(int grain, int flags, long[] bitmap) {
        return scan(0, size, grain, flags, bitmap);
    }

    /**
     * An array that is large enough for a scan of all of this range.
     *
     * @param grain {@link Moka#PAGE} or {@link Moka#LARGE_PAGE}
     * @return a new array
     */
    public long[] bitmap(int grain) {
        return new long[Math.toIntExact((size / grain + 63) / 64)];
    }

    /**
     * Calls for each run of neighbouring units whose bits are set, in ascending order.
     *
     * @param bitmap as a scan has left it
     * @param offset where the scan began
     * @param grain that of the scan
     * @param action what is to be called
     * @return how many runs there were
     */
    public static int forEachRun(long[] bitmap, long offset, int grain, Run action) {
        long units = bitmap.length * 64L, end;
        int runs = 0;
        for (long begin = next(bitmap, 0, 0); begin < units; begin = next(bitmap, end, 0)) {
            end = next(bitmap, begin, -1);
            action.accept(offset + begin * grain, (end - begin) * grain);
            runs++;
        }
        return runs;
    }

    /* The next bit that is set, or with a mask of ones the next that is not; all if there is none. */
    private static long next(long[] bitmap, long from, long mask) {
        for (long at = from; at < bitmap.length * 64L; at = (at | 63) + 1) {
            long word = (bitmap[(int) (at >> 6)] ^ mask) & -1L << (at & 63);
            if (word != 0) {
                return (at & -64L) + Long.numberOfTrailingZeros(word);
            }
        }
        return bitmap.length * 64L;
    }

    /**
     * Makes 4 KiB pages of all larger ones that have a part in some memory; of a page of 1 GiB the rest
     * keeps 2 MiB. Their dirty and accessed bits are carried over.
     *
     * @param offset of its first page
     * @param length bytes
     * @return how many were split
     * @throws MokaException besides: memory is out, and some may have been split
     */
    public long split(long offset, long length) {
        return Errors.check(split(number, address + offset, length));
    }

    /**
     * The reverse of {@link #split}: wherever 2 MiB are wholly in some memory, private, without a
     * file, of one protection and all there, they become one page, by copying.
     *
     * @param offset of its first page
     * @param length bytes
     * @return how many were made
     * @throws MokaException besides: memory is out, and some may have been made
     */
    public long join(long offset, long length) {
        return Errors.check(join(number, address + offset, length));
    }

    /**
     * Says what pages some memory shall have.
     *
     * @param offset of its first page; with {@link PagePolicy#REQUIRE} the address is a multiple of
     *     the page size
     * @param length bytes; with {@link PagePolicy#REQUIRE} a multiple of the page size
     * @param pageSize {@link Moka#LARGE_PAGE} or {@link Moka#HUGE_PAGE}; with
     *     {@link PagePolicy#DEFAULT} it means nothing
     * @param policy what is wanted
     * @throws IllegalArgumentException besides: the page size, or memory that cannot have what is
     *     required
     * @throws UnsupportedOperationException besides: 1 GiB is required, and the machine has no such
     *     pages
     * @throws MokaException besides, if it is required: there are not so many pages
     */
    public void policy(long offset, long length, int pageSize, PagePolicy policy) {
        Errors.check(policy(number, address + offset, length, pageSize, policy.ordinal()));
    }

    /**
     * Puts memory of zeroes, or a file's, behind all of a part, so that no access to it has to wait for
     * that.
     *
     * @param offset of its first page
     * @param length bytes
     * @param threads by how many processors at most, 0 or more; 0: all
     * @return how many bytes got memory
     * @throws IllegalArgumentException besides: less than 0 processors
     * @throws MokaException besides: memory is out, and some got it; or a file cannot be read
     */
    public long populate(long offset, long length, int threads) {
        return Errors.check(populate(number, address + offset, length, true, atLeast0(threads)));
    }

    /**
     * The same, without zeroing where that can be saved: private memory without a file may show what
     * this program itself had in memory that it has discarded or freed; never anything else.
     *
     * @param offset of its first page
     * @param length bytes
     * @param threads by how many processors at most, 0 or more; 0: all
     * @return how many bytes got memory
     * @throws IllegalArgumentException besides: less than 0 processors
     * @throws MokaException besides: memory is out, and some got it; or a file cannot be read
     */
    public long populateUnzeroed(long offset, long length, int threads) {
        return Errors.check(populate(number, address + offset, length, false, atLeast0(threads)));
    }

    /**
     * Makes pages of a size wherever such a window is wholly in some memory, is private, of one
     * protection and without a file, and has memory in smaller pages. By copying: threads that touch a
     * window meanwhile wait. What is not there yet becomes zeroes.
     *
     * @param offset of its first page
     * @param length bytes
     * @param pageSize {@link Moka#LARGE_PAGE} or {@link Moka#HUGE_PAGE}
     * @return how many were made
     * @throws IllegalArgumentException besides: the page size
     * @throws MokaException besides: memory is out, and some may have been made
     */
    public long promote(long offset, long length, int pageSize) {
        return Errors.check(promote(number, address + offset, length, pageSize));
    }

    /**
     * Makes pages of a size of all larger ones that have a part in some memory, without copying.
     * Their dirty and accessed bits are carried over.
     *
     * @param offset of its first page
     * @param length bytes
     * @param pageSize {@link Moka#PAGE} or {@link Moka#LARGE_PAGE}
     * @return how many were split
     * @throws IllegalArgumentException besides: the page size
     * @throws MokaException besides: memory is out, and some may have been split
     */
    public long demote(long offset, long length, int pageSize) {
        return Errors.check(demote(number, address + offset, length, pageSize));
    }

    /**
     * Gives the memory behind a part back to the system. The next access finds zeroes, or what the
     * file has. Shared memory without a file keeps what it has.
     *
     * @param offset of its first page
     * @param length bytes
     * @return how many bytes had memory
     * @throws MokaException besides: memory is out, which splitting a large page may need, and some
     *     has gone
     */
    public long discard(long offset, long length) {
        return Errors.check(discard(number, address + offset, length));
    }

    /**
     * Tells what memory is behind the range, and in what pages.
     *
     * @return as of now
     */
    public RangeStats stats() {
        long[] words = new long[RangeStats.WORDS];
        Errors.check(stats(number, words));
        return RangeStats.of(words);
    }

    /**
     * Where it is, and how large.
     *
     * @return a line for people
     */
    @Override
    public String toString() {
        return String.format("MemoryRange[0x%x, %d KiB%s]", address, size >> 10,
            keeps == null ? "" : " of " + keeps.getClass().getSimpleName());
    }

    int number() {
        return number;
    }

    private static int atLeast0(int threads) {
        if (threads < 0) {
            throw new IllegalArgumentException("threads " + threads);
        }
        return threads;
    }

    /* Methods of the object, so that a call keeps it, and with it what it keeps. */
    private native long query(int range, long at, int count, long[] words);

    private native long scan(int range, long start, long length, int grain, int flags, long[] bitmap);

    private native long split(int range, long start, long length);

    private native long join(int range, long start, long length);

    private native long policy(int range, long start, long length, long pageSize, int policy);

    private native long populate(int range, long start, long length, boolean zeroed, int threads);

    private native long promote(int range, long start, long length, long pageSize);

    private native long demote(int range, long start, long length, long pageSize);

    private native long discard(int range, long start, long length);

    private native long stats(int range, long[] words);
}
