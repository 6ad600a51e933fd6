/* SPDX-License-Identifier: MIT */
package moka;

/**
 * What remapping costs here and has done; see {@link Remap#info}. Sums are since the start of the
 * system, by all threads.
 *
 * @param copyBelowSmall with {@link Remap#QUIET}, pairs of less than so many bytes are copied where
 *     they have pages of 4 KiB at places that differ modulo 2 MiB; 0: nothing is copied
 * @param copyBelowLarge the same for places that do not differ so
 * @param pairs pairs that were done
 * @param entries4K entries of 4 KiB pages that were stored, at either place
 * @param entries2M entries of 2 MiB pages, or of tables of 4 KiB pages
 * @param entries1G entries of tables of 2 MiB pages
 * @param bytesCopied bytes that were copied instead
 * @param splits pages of 2 MiB that had to be split
 * @param shootdowns how often the processors had to forget entries
 * @param copies pages of snapshots that were copied because one of both was written to
 */
public record RemapInfo(long copyBelowSmall, long copyBelowLarge, long pairs, long entries4K,
    long entries2M, long entries1G, long bytesCopied, long splits, long shootdowns, long copies) {
    /* Longs of a native method's array. */
    static final int WORDS = 10;

    static RemapInfo of(long[] words) {
        return new RemapInfo(words[0], words[1], words[2], words[3], words[4], words[5], words[6],
            words[7], words[8], words[9]);
    }
}
