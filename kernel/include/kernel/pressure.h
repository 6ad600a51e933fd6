/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs short, and memory that the host gets back.
 *
 * One kernel thread looks after both: it asks the application's shrinkers, fills the
 * balloon that the host wants filled, and gives free memory that nobody has
 * needed for long back to the host.  While there is neither a listener nor a
 * balloon, there is no such thread, and nothing costs anything.
 */
#pragma once

#include <kernel/frame.h>
#include <kernel/types.h>
#include <stdatomic.h>

/* ---- The host's side: a driver's. -------------------------------------------------------- */

#define BALLOON_TAKE_BACK 1u /* when memory is out, its blocks may be taken back unasked */
#define BALLOON_REPORT 2u    /* it takes free memory until that is used again */
#define BALLOON_ASK 4u       /* what it wants changes without a word */

/* Thread context, no spinlock held; one call at a time. */
struct balloon_ops {
    /* Before all others: sets the device up.  *features: BALLOON_*.  0 or -errno. */
    int (*start)(void *device, unsigned *features);
    /* Frames that the host wants in the balloon now. */
    u64 (*wanted)(void *device);
    /* The host may let go of these blocks of up to 2 MiB / has to know that they are used again. */
    int (*inflate)(void *device, const struct frame_block *blocks, unsigned count);
    int (*deflate)(void *device, const struct frame_block *blocks, unsigned count);
    /* How many frames are in the balloon. */
    void (*tell)(void *device, u64 frames);
    /* The host lets go of the contents of these blocks before it returns. */
    int (*report)(void *device, const struct frame_block *blocks, unsigned count);
    /* After an error of one of these: it touches no memory any more.  None is called again. */
    void (*stop)(void *device);
};
#define BALLOON_BATCH 256u       /* blocks in one call, of 8 MiB in all */
#define BALLOON_REPORT_BATCH 32u /* the same for report(): 64 MiB in all */

/* Start-up, once: there is such a device, not set up yet. */
void balloon_register(const struct balloon_ops *ops, void *device);
/* What wanted() says may have changed.  Any context. */
void balloon_changed(void);

/* ---- The kernel's. ------------------------------------------------------------------------ */

/*
 * When the first program has been started: what is to be looked after, if there is anything.
 * The device is set up seconds later, so that a short run pays nothing for it.
 */
void pressure_start(void);

/*
 * Memory is out: caches are asked, shrinkers, and the balloon, and waited for.  True
 * if that helped.  As page_cache_find_memory().
 */
bool pressure_find_memory(void);

extern _Atomic u64 pressure_mark; /* frames; 0: nobody wants to know */
void pressure_notice(void);

/* Memory was allocated.  Thread context, no spinlock held. */
static inline void pressure_look(void)
{
    u64 mark = atomic_load_explicit(&pressure_mark, memory_order_relaxed);

    if (unlikely(mark != 0) && frame_free_estimate() < mark) {
        pressure_notice();
    }
}

/* ---- What the application may know and set. ----------------------------------------------- */

enum pressure_level { PRESSURE_NONE, PRESSURE_LOW, PRESSURE_CRITICAL };

/* Frames, if nothing else is said. */
struct pressure_stats {
    u64 total, free, available, zeroed, lent, cache;
    u64 balloon, balloon_wanted, inflated, deflated; /* the last two: sums */
    u64 low_bytes, critical_bytes;
    u64 given_by_cache, given_by_shrinkers, shrinks, given_to_host; /* sums */
    enum pressure_level level;
};
void pressure_get_stats(struct pressure_stats *stats);
/* Frames in the balloon; those of them that cannot be had back before the host says so. */
u64 balloon_frames(void);
u64 balloon_kept_frames(void);
/* Bytes; 0: as at the start.  -EINVAL. */
must_check int pressure_set(u64 low, u64 critical);

/*
 * The calling thread listens: sleeps until memory is short, then frames are *wanted of
 * it.  Its next call says how many it has `given`, or, after an error, PRESSURE_UNASKED.
 * -EBUSY: another thread listens; -EINTR.
 */
#define PRESSURE_UNASKED (~0ull)
must_check int pressure_listen(u64 *wanted, u64 given);

/* Up to so many free frames go to the host: how many.  -EOPNOTSUPP, -EINTR; thread context. */
s64 pressure_give(u64 frames);
