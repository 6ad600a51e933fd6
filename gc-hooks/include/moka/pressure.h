/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory: how much there is, being told when it runs short, and
 * giving it back to the host.  Amounts are bytes.
 *
 * When less than `low` is available, files that are cached and frames that are kept
 * aside go first; what is wanted beyond that is asked of the shrinkers, as it
 * is when the host takes memory away (a balloon).  Memory that has been free for
 * long goes to the host by itself, and comes back when it is touched.
 */
#ifndef MOKA_PRESSURE_H
#define MOKA_PRESSURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum moka_level {
    MOKA_LEVEL_PLENTY,   /* available >= low */
    MOKA_LEVEL_LOW,      /* shrinkers are asked */
    MOKA_LEVEL_CRITICAL, /* available < critical: asked again as soon as they have answered */
};

struct moka_memory {
    uint64_t total;     /* of the machine, for programs and files; the balloon's is in it */
    uint64_t free;      /* held by nobody, zeroed and reported included */
    uint64_t available; /* free, and cached files that can go at once */
    uint64_t zeroed;    /* of the free: zeroed ahead */
    uint64_t reported;  /* of the free: given back to the host until it is needed */
    uint64_t cache;     /* files */

    uint64_t balloon;        /* taken by the host for as long as it wants */
    uint64_t balloon_wanted; /* how much of that it asks for */
    uint64_t low, critical;  /* see thresholds() */

    /* Sums since the start. */
    uint64_t given_by_cache;     /* because memory was short */
    uint64_t given_by_shrinkers; /* as they said */
    uint64_t shrinks;            /* how often the shrinkers were asked */
    uint64_t given_to_host;      /* reported, again and again */

    uint32_t level; /* enum moka_level */
    uint32_t shrinkers;
};

struct moka_pressure_hooks {
    uint64_t size; /* of this struct, which grows at its end */

    /*
     * Has `shrink` called when memory is short: it gives up to `wanted` bytes, or
     * more, back to the system (free(3), munmap(2), madvise(2)), and returns how
     * many it has given.  0: it has none.  All shrinkers are called by one
     * thread, which is made for the first of them, has the signal mask of the thread
     * that added it but with SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP open, and a
     * stack of 1 MiB at least; in the order in which they were added, until enough is given.
     * That thread may do whatever a thread may, shrinker_remove() included; but
     * memory is short, so it should need little.
     * The shrinker's number.  -EINVAL: NULL; -EMFILE: more than 64; -EAGAIN: no
     * thread could be made.
     */
    int (*shrinker_add)(uint64_t (*shrink)(void *arg, uint64_t wanted), void *arg);
    /*
     * It is not called any more when this returns: a call that is under way is
     * waited for, unless this is it.  -EBADF: no such shrinker.
     */
    int (*shrinker_remove)(int shrinker);

    /*
     * Available memory below which the level is LOW, and CRITICAL.  0: as at the start,
     * a sixteenth and a 64th of all.  -EINVAL: critical > low, or low > half of
     * all; nothing has changed then.
     */
    int (*thresholds)(uint64_t low, uint64_t critical);

    /* As of now.  `size` is that of the struct: later ones may be longer.  -EINVAL; -EFAULT. */
    int (*memory)(struct moka_memory *memory, uint64_t size);

    /*
     * Gives up to `size` bytes of free memory back to the host now, in
     * pieces of 2 MiB and more, rather than when it has been free for long: for a collector
     * that has just given up memory that it will not need soon.  Each 2 MiB that
     * is used again costs the host a page fault at least.  How many bytes were given.
     * -EOPNOTSUPP: the host takes none; -EINTR: a signal came before anything was given.
     */
    int64_t (*give)(uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif
