/* SPDX-License-Identifier: MIT */
package moka;

/**
 * Remapping: pages change places, or are seen at a second one, without being copied. Only entries of
 * the page table change: of 2 MiB where both places are as far from a multiple of that, of 4 KiB
 * otherwise. So it takes microseconds where copying takes milliseconds.
 *
 * <p>A place keeps its protection; a page counts as written to where it has come. Memory that is
 * mapped but has nothing behind it moves as the zeroes that it would be read as.
 *
 * <p>Other threads may use the memory meanwhile: each access finds the page that was there before
 * the call or the one that is there after it, whole, and waits where it has to. When the call has
 * returned, all find the new one.
 *
 * <p>Each operation is there for one pair of places and for an array of pairs, of which all have one
 * shoot-down. The array has three numbers a pair: the offset in the range it goes to, the offset in
 * the range it comes from, and the size; all are bytes and multiples of {@link Moka#PAGE}, the size
 * is above 0. Both ranges may be the same.
 *
 * <p>Every method throws
 * <ul>
 * <li>{@link IllegalStateException} if a range is closed,
 * <li>{@link IndexOutOfBoundsException} if a place is not all in its range,
 * <li>{@link IllegalArgumentException} if something is not a multiple, a size is 0, a flag means
 *     nothing, there are more than {@link #PAIRS_MAX} pairs or not three numbers for each, or, of all
 *     but {@code slide}, if both places of a pair overlap,
 * <li>{@link UnsupportedOperationException} if this system has no such hook, or for memory of a
 *     file,
 * <li>{@link MokaException} with {@link MokaException#ENXIO} if a place is not mapped or only in
 *     part, with {@link MokaException#EBUSY} for a snapshot of pages that are shared by an
 *     alias, with {@link MokaException#ENOMEM} if memory is out,
 * </ul>
 * and nothing has changed then. If memory is short midway, the pairs before are done, and the methods
 * for arrays return how many these are.
 */
public final class Remap {
    /** How many pairs an array may have. */
    public static final int PAIRS_MAX = 16384;

    /**
     * Swap, move, slide: no other thread uses either place during the call. Then what is too small
     * for a remap to pay may be copied; see {@link RemapInfo#copyBelowSmall}.
     */
    public static final int QUIET = 1;
    /** Move: nothing is mapped any more where pages came from. Without it there are zeroes. */
    public static final int UNMAP = 2;
    /**
     * Alias: both places have the same contents, each its own from then on; the first write to a
     * page at either, while both have it, copies it. Without it, what is written at one place is seen
     * at both, and dirty where it was written.
     */
    public static final int SNAPSHOT = 4;
    /**
     * Slide: what pages came from, and did not go to, gets the pages that were in the place they went
     * to, with whatever is in them: none is freed. Without it there are zeroes.
     */
    public static final int LEAVE = 8;

    /* What the native methods are to do. */
    private static final int SWAP = 0, MOVE = 1, ALIAS = 2, SLIDE = 3;

    private Remap() {
    }

    /**
     * Exchanges the pages of two places.
     *
     * @param to the range of the one
     * @param toOffset bytes from its start
     * @param from the range of the other
     * @param fromOffset bytes from its start
     * @param length bytes
     * @param flags {@link #QUIET} or 0
     */
    public static void swap(MemoryRange to, long toOffset, MemoryRange from, long fromOffset,
        long length, int flags) {
        one(SWAP, to, toOffset, from, fromOffset, length, flags);
    }

    /**
     * Exchanges the pages of pairs of places, as if one after the other.
     *
     * @param to the range of the ones
     * @param from the range of the others
     * @param pairs three numbers each, see above
     * @param flags {@link #QUIET} or 0
     * @return how many pairs are done, from the first
     */
    public static int swap(MemoryRange to, MemoryRange from, long[] pairs, int flags) {
        return all(SWAP, to, from, pairs, flags);
    }

    /**
     * Moves pages to another place; what that had is given back.
     *
     * @param to the range they go to
     * @param toOffset bytes from its start
     * @param from the range they come from
     * @param fromOffset bytes from its start
     * @param length bytes
     * @param flags {@link #QUIET} and {@link #UNMAP}, added up
     */
    public static void move(MemoryRange to, long toOffset, MemoryRange from, long fromOffset,
        long length, int flags) {
        one(MOVE, to, toOffset, from, fromOffset, length, flags);
    }

    /**
     * Moves pages to other places, as if one pair after the other; what these had is given back.
     * Places they come from are unmapped after the last pair.
     *
     * @param to the range they go to
     * @param from the range they come from
     * @param pairs three numbers each, see above
     * @param flags {@link #QUIET} and {@link #UNMAP}, added up
     * @return how many pairs are done, from the first
     */
    public static int move(MemoryRange to, MemoryRange from, long[] pairs, int flags) {
        return all(MOVE, to, from, pairs, flags);
    }

    /**
     * Puts pages into a second place as well; what that had is given back. It ends, page by page,
     * where something else is put at one of the places or {@link MemoryRange#discard} empties it; pages
     * that are swapped or moved elsewhere stay aliases there.
     *
     * <p>A snapshot is of one moment during the call, for all of its pairs: what any thread had
     * written before the call is in it, and of what threads write meanwhile all up to some point. On
     * Linux it is a copy, and shared pages are copied once, so other threads must be kept away.
     *
     * @param to the range that gets them too
     * @param toOffset bytes from its start
     * @param from the range that has them
     * @param fromOffset bytes from its start
     * @param length bytes
     * @param flags {@link #SNAPSHOT} or 0
     */
    public static void alias(MemoryRange to, long toOffset, MemoryRange from, long fromOffset,
        long length, int flags) {
        one(ALIAS, to, toOffset, from, fromOffset, length, flags);
    }

    /**
     * Puts pages into second places as well, as if one pair after the other.
     *
     * @param to the range that gets them too
     * @param from the range that has them
     * @param pairs three numbers each, see above
     * @param flags {@link #SNAPSHOT} or 0
     * @return how many pairs are done, from the first
     */
    public static int alias(MemoryRange to, MemoryRange from, long[] pairs, int flags) {
        return all(ALIAS, to, from, pairs, flags);
    }

    /**
     * Moves pages within a range to a place that may overlap the one they come from, as a compacting
     * collector does.
     *
     * @param range which
     * @param toOffset where they go to, bytes from its start
     * @param fromOffset where they come from
     * @param length bytes
     * @param flags {@link #QUIET} and {@link #LEAVE}, added up
     */
    public static void slide(MemoryRange range, long toOffset, long fromOffset, long length,
        int flags) {
        one(SLIDE, range, toOffset, range, fromOffset, length, flags);
    }

    /**
     * Moves pages within a range, as if one pair after the other.
     *
     * @param range which
     * @param pairs three numbers each, see above
     * @param flags {@link #QUIET} and {@link #LEAVE}, added up
     * @return how many pairs are done, from the first
     */
    public static int slide(MemoryRange range, long[] pairs, int flags) {
        return all(SLIDE, range, range, pairs, flags);
    }

    /**
     * Tells what remapping costs here, and what has been done.
     *
     * @return as of now
     * @throws UnsupportedOperationException this system has no such hook
     */
    public static RemapInfo info() {
        Native.need();
        long[] words = new long[RemapInfo.WORDS];
        Errors.check(info(words));
        return RemapInfo.of(words);
    }

    private static void one(int kind, MemoryRange to, long toOffset, MemoryRange from,
        long fromOffset, long length, int flags) {
        Errors.check(one(kind, to, from, to.number(), from.number(), to.address() + toOffset,
            from.address() + fromOffset, length, flags));
    }

    private static int all(int kind, MemoryRange to, MemoryRange from, long[] pairs, int flags) {
        if (pairs.length % 3 != 0) {
            throw new IllegalArgumentException(pairs.length + " numbers, not three for each pair");
        } else if (pairs.length / 3 > PAIRS_MAX) {
            throw new IllegalArgumentException(pairs.length / 3 + " pairs");
        }
        return (int) Errors.check(all(kind, to, from, to.number(), from.number(), to.address(),
            from.address(), pairs, flags));
    }

    /* The objects are arguments so that a call keeps them, and with them what they keep. */
    private static native long one(int kind, MemoryRange to, MemoryRange from, int toNumber,
        int fromNumber, long toAddress, long fromAddress, long length, int flags);

    private static native long all(int kind, MemoryRange to, MemoryRange from, int toNumber,
        int fromNumber, long toAddress, long fromAddress, long[] pairs, int flags);

    private static native long info(long[] words);
}
