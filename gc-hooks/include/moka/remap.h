/* SPDX-License-Identifier: MIT */
/*
 * Remapping within opened ranges: pages change places, or are seen at a second
 * one, without being copied.  Only entries of the page table change, of 2 MiB
 * where both places are as far from a multiple of that, be they large pages
 * or, where pages change places, whole tables of small ones; swaps of a whole GiB, at multiples
 * of that, by two entries; all of a call's pairs with one shoot-down.
 *
 * A place keeps its protection and its advice; a page gets those of the place
 * it comes to, and counts as written to there (moka/page.h).  Memory that is
 * mapped but not backed moves as the zeroes it would be read as.  Pages of
 * files do not move: -EOPNOTSUPP.  mlock(2) holds pages, not places: a locked
 * place has what was put there.  read(2), write(2) and their like under way
 * go on, each byte with the old page or the new one.
 *
 * Other threads may access the memory meanwhile: each access finds the page
 * that was there before the call or the one that is after it, whole, never an
 * error, and waits where it has to.  When the call has returned, all find the
 * new one.  Other calls that change the same memory (mmap(2), munmap(2),
 * mprotect(2), madvise(2), these hooks) come wholly before or after.
 */
#ifndef MOKA_REMAP_H
#define MOKA_REMAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the place `from` to the place `to`, each a multiple of 4096, as is the size in bytes. */
struct moka_pair {
    void *to;
    void *from;
    uint64_t size; /* above 0 */
};

#define MOKA_PAIRS_MAX 16384u /* in one call */

/*
 * swap, move, slide: no other thread accesses either place during the call, as
 * in a pause of a collector.  Then what is too small for a remap to pay
 * (struct moka_remap_info) may be copied, which others could see half-done.
 */
#define MOKA_REMAP_QUIET 1u

/* move: what is left at `from`. */
#define MOKA_MOVE_ZERO 0u  /* memory that is not backed, or was copied from: zeroes */
#define MOKA_MOVE_UNMAP 2u /* nothing is mapped there any more */

/* alias */
#define MOKA_ALIAS_SHARED 0u   /* what is written at one place is seen at both */
#define MOKA_ALIAS_SNAPSHOT 4u /* both have the same contents, each its own: copy on write */

/* slide: what is left at that part of `from` that is not in `to`. */
#define MOKA_SLIDE_ZERO 0u /* as MOKA_MOVE_ZERO */
#define MOKA_SLIDE_LEAVE \
    8u /* the pages that were at `to`, with whatever is in them: no page \
        * is freed, nor faulted in again */

struct moka_remap_info {
    /*
     * With MOKA_REMAP_QUIET, calls of less than so many bytes in all copy: at
     * places that differ modulo 2 MiB, and at places that do not, which never
     * copy what has a whole 2 MiB.  Nor do places where a page has no frame or is
     * an alias, or what is to be unmapped.  UINT64_MAX: however many, because a
     * page that has come to another place costs more to touch than to copy.
     * 0: nothing is copied on this system.
     */
    uint64_t copy_below_small, copy_below_large;
    /* Since the start, by all threads. */
    uint64_t pairs;        /* done */
    uint64_t entries_4k;   /* that were stored, at either place */
    uint64_t entries_2m;   /* pages of 2 MiB or tables of 4 KiB pages */
    uint64_t entries_1g;   /* tables of 2 MiB entries, where the system exchanges those */
    uint64_t bytes_copied; /* instead */
    uint64_t splits;       /* 2 MiB pages that had to be */
    uint64_t shootdowns;
    uint64_t copies; /* of 4 KiB, for writes to what snapshots have too */
};

/*
 * All results: how many pairs are done, from the first; as if one after the
 * other.  Pairs are checked before the first is done, and nothing has changed
 * with any of these errors:
 *
 *   -EBADF       a range's number
 *   -ERANGE      a place is not wholly in its range
 *   -EINVAL      not multiples of 4096, a size of 0, an unknown flag; for all
 *                but slide: the two places of a pair overlap; MOKA_MOVE_UNMAP: a
 *                source is also a part of another one, or of some `to`
 *   -E2BIG       more than MOKA_PAIRS_MAX pairs
 *   -EFAULT      `pairs` cannot be read
 *   -ENXIO       a place is not mapped, or only in part
 *   -EOPNOTSUPP  memory of a file
 *   -EBUSY       a snapshot of pages that are shared by alias
 *   -ENOMEM      no memory for page tables, or for the call itself
 *
 * When memory is short midway, the pairs before are done and the result is
 * their number.  A pair is done wholly or not at all.
 */
struct moka_remap_hooks {
    uint64_t size; /* of this struct, which grows at its end */

    /* Exchanges the pages of the two places.  `flags`: MOKA_REMAP_QUIET. */
    int64_t (*swap)(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags);
    /*
     * `to` gets the pages of `from`; what it had is given back.  `flags`:
     * MOKA_MOVE_*, MOKA_REMAP_QUIET.  Sources are unmapped after the last pair.
     */
    int64_t (*move)(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags);
    /*
     * `to` gets the pages of `from` as well; what it had is given back.  An
     * alias ends, page by page, where something else is put at one of the
     * places, or MADV_DONTNEED or a discard empties it; pages that a swap, a
     * move or mremap(2) takes elsewhere stay aliases there.  `flags`: MOKA_ALIAS_*.
     * -ENOSYS: this system makes no aliases.
     *
     * SHARED: the call backs all of `from`, and ends snapshots there by copies.
     * What is written at one place is dirty there (moka/page.h), not at the other,
     * and futex(2) goes by address: who waits at one place is not woken at the
     * other.  Shared pages are not promoted.
     *
     * SNAPSHOT: the contents of one moment during the call, for all of its pairs:
     * what any thread had written before the call is in it; of what threads write
     * meanwhile, in the order in which they do, all up to some point, and
     * nothing that was written because of a later write.  From then on neither
     * place sees what is written at the other.  `from` keeps its dirty bits.
     * The first write to a page at either place, while both have it, copies
     * the page, and up to fifteen behind it if the writes go upward.  A large page
     * is split first, or copied whole while a quarter of the machine's memory is
     * free: always on a host that shadows page tables, elsewhere if the
     * writes go upward.  When the other place has given all of it up, it is written
     * to as it is.  The frames of copies come as those of any page fault: SIGBUS when
     * there is no memory.
     */
    int64_t (*alias)(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                     uint32_t flags);
    /*
     * memmove(3) of whole pages, as a compacting collector slides objects
     * down: the places of a pair may overlap.  `flags`: MOKA_SLIDE_*,
     * MOKA_REMAP_QUIET.
     */
    int64_t (*slide)(int range, const struct moka_pair *pairs, uint64_t count, uint32_t flags);
    /* Fills in `size` bytes at most.  -EFAULT. */
    int (*info)(struct moka_remap_info *info, uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif
