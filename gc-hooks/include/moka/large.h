/* SPDX-License-Identifier: MIT */
/*
 * Page sizes of an opened range: which ones it shall have, making larger pages
 * of smaller ones and back, giving and taking its frames, and what it has.
 *
 * Sizes are bytes: MOKA_SIZE_4K, MOKA_SIZE_2M, MOKA_SIZE_1G.  Whether there are
 * pages of 1 GiB depends on the machine: moka_range_stats.page_sizes.  All of it
 * is for code, metaspace, stacks and mapped files as well as for heaps; a part
 * of a range where nothing is mapped any more is left out.
 */
#ifndef MOKA_LARGE_H
#define MOKA_LARGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOKA_SIZE_4K 4096ull
#define MOKA_SIZE_2M (2ull << 20)
#define MOKA_SIZE_1G (1ull << 30)

/* Policies.  They belong to what is mapped now: a new mmap(2) there begins with DEFAULT. */
#define MOKA_LARGE_DEFAULT 0u /* 2 MiB wherever they fit and memory is not scarce */
#define MOKA_LARGE_REFUSE 1u  /* nothing of page_size or larger, now or ever after */
#define MOKA_LARGE_PREFER 2u  /* page_size wherever it fits, to the last free page; else smaller */
#define MOKA_LARGE_REQUIRE 3u /* all of page_size, from now on: see policy() */

/* Frames may have what the application itself had in them before. */
#define MOKA_POPULATE_UNZEROED 1u

struct moka_range_stats {
    uint64_t mapped;       /* bytes of the range where something is mapped */
    uint64_t bytes_4k;     /* backed by frames, in pages of 4 KiB */
    uint64_t bytes_2m;     /* in pages of 2 MiB */
    uint64_t bytes_1g;     /* in pages of 1 GiB */
    uint64_t bytes_file;   /* of all these: frames of a file's cache */
    uint64_t faults;       /* page faults in it since it was opened */
    uint64_t promotions;   /* larger pages that were made of smaller ones, since then */
    uint64_t demotions;    /* larger pages that were split, since then */
    uint64_t zeroed_ahead; /* bytes that it got and that idle CPUs had zeroed before, since then */
    uint64_t page_sizes;   /* those that this machine has, or'ed together */
};

struct moka_large_hooks {
    uint64_t size; /* of this struct, which grows at its end */

    /*
     * What pages [start, start + size), multiples of 4096, shall have.
     * page_size is 2 MiB or 1 GiB (of no meaning with DEFAULT).  0, or:
     *
     * REFUSE splits what is larger at once; the rest of the address space keeps
     * its pages.  Neither faults nor promote() make such pages there again.
     *
     * PREFER promotes nothing that is there; the next page fault or populate()
     * of an empty place finds large pages if there are any.
     *
     * REQUIRE: start and size are multiples of page_size, and all of it is one
     * kind of private memory without a file.  The call itself backs every page,
     * whatever its protection, and promotes what is smaller, so there is no
     * fault later that could find no memory: no SIGBUS.  -ENOMEM: there are not
     * so many such frames; the policy is as it was, and what was got until then
     * stays.  The system does not split the pages; discard(), split(), demote(),
     * munmap(2) and mprotect(2) of parts do what they say, and what is touched
     * again after a discard() is as with PREFER.
     *
     * -EBADF; -ERANGE; -EINVAL: alignment, page_size, policy, or REQUIRE of what
     * cannot have it; -ENOMEM: also a hole; -EOPNOTSUPP: REQUIRE of 1 GiB where
     * the machine has no such pages.
     */
    int (*policy)(int range, void *start, uint64_t size, uint64_t page_size, unsigned policy);

    /*
     * Backs a part of the range with frames, by up to `threads` CPUs (0: all).
     * How many bytes got frames.  MOKA_POPULATE_UNZEROED: private memory without a file may
     * show what this application had in memory that it has discarded or unmapped,
     * which saves the zeroing; never anything else.
     * -EBADF; -ERANGE; -EINVAL: alignment, flags; -ENOMEM: a hole, and nothing
     * was done, or no memory, and some got frames; -EIO and the like from a file.
     */
    int64_t (*populate)(int range, void *start, uint64_t size, unsigned flags, unsigned threads);

    /*
     * Pages of page_size, 2 MiB or 1 GiB, wherever such a window is wholly in
     * [start, start + size), is private memory of one protection without a file,
     * and has frames of its own, in smaller pages; what is not there yet becomes zeroes.
     * In place if it was split from such a page and none of it was given back, else by
     * copying.  Threads that touch a window meanwhile wait.  How many were made.
     * -EBADF; -ERANGE; -EINVAL: alignment (4096), page_size; -ENOMEM: some may have been
     * made; -EOPNOTSUPP: the machine has no pages of 1 GiB.
     */
    int64_t (*promote)(int range, void *start, uint64_t size, uint64_t page_size);

    /*
     * The reverse, without copying: pages of page_size, 4 KiB or 2 MiB, of all larger
     * ones that have a part in [start, start + size); dirty and accessed are carried over.
     * How many were split.  -EBADF; -ERANGE; -EINVAL; -ENOMEM: some may have been.
     */
    int64_t (*demote)(int range, void *start, uint64_t size, uint64_t page_size);

    /*
     * Gives back the frames of a part: the next access finds zeroes, or what the file
     * has.  Shared memory without a file keeps what it has.  How many bytes had frames.
     * -EBADF; -ERANGE; -EINVAL: alignment; -ENOMEM: a hole, and nothing was done, or
     * no memory, and some have gone.
     */
    int64_t (*discard)(int range, void *start, uint64_t size);

    /* -EBADF; -EFAULT. */
    int (*stats)(int range, struct moka_range_stats *stats);
};

#ifdef __cplusplus
}
#endif

#endif
