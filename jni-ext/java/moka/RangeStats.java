/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What memory and which pages a range has; see {@link MemoryRange#stats}. All are bytes but faults,
 * promotions and demotions. What a system does not know is 0.
 *
 * @param mapped where something is mapped
 * @param bytes4K backed, in pages of 4 KiB
 * @param bytes2M backed, in pages of 2 MiB
 * @param bytes1G backed, in pages of 1 GiB
 * @param bytesFile of all these: of a file's cache
 * @param faults page faults in the range since it was opened
 * @param promotions larger pages that were made of smaller ones, since then
 * @param demotions larger pages that were split, since then
 * @param zeroedAhead what the range got since then that idle processors had zeroed before
 * @param pageSizes the page sizes that this machine has, added up
 */
public record RangeStats(long mapped, long bytes4K, long bytes2M, long bytes1G, long bytesFile,
    long faults, long promotions, long demotions, long zeroedAhead, long pageSizes) {
    /* Longs of a native method's array. */
    static final int WORDS = 10;

    static RangeStats of(long[] words) {
        return new RangeStats(words[0], words[1], words[2], words[3], words[4], words[5], words[6],
            words[7], words[8], words[9]);
    }

    /**
     * How much memory is behind the range.
     *
     * @return bytes, of all page sizes
     */
    public long backed() {
        return bytes4K + bytes2M + bytes1G;
    }

    /**
     * Has this machine such pages?
     *
     * @param pageSize {@link Moka#PAGE}, {@link Moka#LARGE_PAGE} or {@link Moka#HUGE_PAGE}
     * @return true if it has
     */
    public boolean hasPages(int pageSize) {
        return (pageSizes & pageSize) != 0;
    }
}
