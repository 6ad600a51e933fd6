/* SPDX-License-Identifier: MIT */
/*
 * Allocation of frames: tries the zeroed pool, this CPU's magazine, the
 * zone, and then the zone again after everything that is kept aside on any
 * CPU has gone back to it.  The common case, a 4 KiB frame from the
 * magazine, costs about 60 cycles.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/string.h>

#define FILL_BYTE 0xa5 /* of frames whose contents are undefined, debug builds */
#define RECLAIM_TRIES 3
#define RECLAIM_FRAMES 64u /* asked of frame_set_reclaim()'s function at a time */

/* (a) atomic */
static struct {
    _Atomic(u64 (*)(u64 frames)) reclaim; /* (a) NULL: nobody can give any back */
} state;

void frame_set_reclaim(u64 (*fn)(u64 frames))
{
    atomic_store_explicit(&state.reclaim, fn, memory_order_release);
}

/* What others hold of single frames; larger ones would seldom come of it. */
static u64 reclaim(unsigned order)
{
    u64 (*fn)(u64 frames) = atomic_load_explicit(&state.reclaim, memory_order_acquire);

    return fn == NULL || order != ORDER_4K ? 0 : fn(RECLAIM_FRAMES);
}

static bool alloc_easily(unsigned order, pfn_t *pfn)
{
    u32 block;

    do {
        if (cache_handles(order)) {
            if (cache_alloc(order, pfn)) {
                return true;
            }
        } else if (zone_alloc(order, &block, 1) == 1) {
            *pfn = block;
            return true;
        }
    } while (lent_take_back() != 0);
    return false;
}

/*
 * Another CPU may be quicker to take what we give back; it had its need too,
 * so after a few rounds we are out of memory.
 */
static bool alloc_reclaiming(unsigned order, pfn_t *pfn)
{
    for (int i = 0; i < RECLAIM_TRIES; i++) {
        u64 frames = zeroed_drain() + own_drain() + cache_drain() + table_drain();
        u32 block;

        if (zone_alloc(order, &block, 1) == 1) {
            *pfn = block;
            return true;
        }
        if (frames == 0 && reclaim(order) == 0) {
            break;
        }
    }
    return false;
}

/*
 * A frame of 2 MiB is not in the caches, and would throw out what is.  Zeroing
 * it past them takes 85 us instead of 200 (Xeon, 2.6 GHz).  Who touches a part
 * of it gains that; for who writes all of it the sum is the same within 5 %.
 */
static void fill(pfn_t pfn, unsigned order, unsigned flags)
{
    if ((flags & FRAME_ZERO) && order >= ORDER_2M) {
        memzero_uncached(pfn_to_virt(pfn), PAGE_SIZE << order);
    } else if (flags & FRAME_ZERO) {
        memset(pfn_to_virt(pfn), 0, PAGE_SIZE << order);
    } else if (MOKA_DEBUG >= 1) {
        /* Of larger blocks the first 2 MiB will do. */
        memset(pfn_to_virt(pfn), FILL_BYTE, PAGE_SIZE << MIN(order, (unsigned)ORDER_2M));
    }
}

static int alloc_and_fill(unsigned order, unsigned flags, pfn_t *pfn)
{
    if (!alloc_easily(order, pfn) && !alloc_reclaiming(order, pfn)) {
        return -ENOMEM;
    }
    fill(*pfn, order, flags);
    return 0;
}

int frame_alloc(unsigned order, unsigned flags, pfn_t *pfn)
{
    BUG_ON(order >= FRAME_ORDERS);
    if (order == ORDER_2M && (flags & FRAME_ZERO) != 0 && zeroed_take(pfn)) {
        return 0;
    }
    return alloc_and_fill(order, flags, pfn);
}

int frame_alloc_zeroed(unsigned order, pfn_t *pfn, bool *ahead)
{
    BUG_ON(order >= FRAME_ORDERS);
    *ahead = order == ORDER_2M && zeroed_take(pfn);
    return *ahead ? 0 : alloc_and_fill(order, FRAME_ZERO, pfn);
}

int frame_alloc_table(unsigned flags, pfn_t *pfn)
{
    if (!table_alloc(pfn)) {
        int error = frame_alloc(ORDER_4K, flags, pfn);

        if (error == 0) {
            frame_set_tag(*pfn, FRAME_TAG_TABLE);
        }
        return error;
    }
    fill(*pfn, ORDER_4K, flags);
    return 0;
}

void frame_free(pfn_t pfn, unsigned order)
{
    const struct frame_desc *desc = zone_desc(pfn);
    u32 block = (u32)pfn;

    if (desc->tag == FRAME_TAG_TABLE && order == ORDER_4K) {
        table_free(pfn);
        return;
    }
    if (desc->tag != FRAME_TAG_NONE) {
        BUG("freed frame %lx, order %u, has tag %x: is free already, or kmalloc's", pfn, order,
            desc->tag);
    }
    if (atomic_load_explicit(&desc->uses, memory_order_relaxed) != 0) {
        BUG("freed frame %lx, order %u, is used elsewhere", pfn, order);
    }
    if (MOKA_DEBUG >= 2) {
        zone_check_used(pfn, order);
    }
    if (cache_handles(order)) {
        cache_free(order, pfn);
    } else {
        zone_free(order, &block, 1);
    }
}

void frame_get(pfn_t pfn)
{
    atomic_fetch_add_explicit(&zone_desc(pfn)->uses, 1, memory_order_relaxed);
}

/* True: that was the last use. */
static bool drop_use(_Atomic u32 *uses)
{
    /*
     * At 0 further uses we are the only one, and nobody can add one.  The
     * acquire pairs with the release of those who have left: what they did
     * to the frame is done before it is somebody else's.
     */
    if (atomic_load_explicit(uses, memory_order_acquire) != 0) {
        if (atomic_fetch_sub_explicit(uses, 1, memory_order_acq_rel) != 0) {
            return false;
        }
        /* The others left between the two lines; take the 1 back. */
        atomic_store_explicit(uses, 0, memory_order_relaxed);
    }
    return true;
}

void frame_put(pfn_t pfn, unsigned order)
{
    if (drop_use(&zone_desc(pfn)->uses)) {
        frame_free(pfn, order);
    }
}

/* The descriptors of frames side by side lie side by side. */
static struct frame_desc *descs_of(pfn_t pfn, u64 count)
{
    (void)zone_desc(pfn + count - 1); /* is there */
    return zone_desc(pfn);
}

void frame_get_all(pfn_t pfn, u64 count)
{
    struct frame_desc *desc = descs_of(pfn, count);

    for (u64 i = 0; i < count; i++) {
        atomic_fetch_add_explicit(&desc[i].uses, 1, memory_order_relaxed);
    }
}

void frame_put_all(pfn_t pfn, u64 count)
{
    struct frame_desc *desc = descs_of(pfn, count);

    for (u64 i = 0; i < count; i++) {
        if (drop_use(&desc[i].uses)) {
            frame_free(pfn + i, ORDER_4K);
        }
    }
}

u32 frame_uses(pfn_t pfn)
{
    /* Acquire: pairs with frame_put() of those who have left. */
    return atomic_load_explicit(&zone_desc(pfn)->uses, memory_order_acquire) + 1;
}

bool frame_used_once(pfn_t pfn, u64 count)
{
    const struct frame_desc *desc = descs_of(pfn, count);

    for (u64 i = 0; i < count; i++) {
        if (atomic_load_explicit(&desc[i].uses, memory_order_acquire) != 0) {
            return false;
        }
    }
    return true;
}

void frame_hold(pfn_t pfn)
{
    atomic_fetch_add_explicit(&zone_desc(pfn)->uses, FRAME_HELD, memory_order_relaxed);
}

void frame_release(pfn_t pfn)
{
    _Atomic u32 *uses = &zone_desc(pfn)->uses;

    /* As in drop_use(): FRAME_HELD - 1 is the mark without the first use. */
    if (atomic_fetch_sub_explicit(uses, FRAME_HELD, memory_order_acq_rel) == FRAME_HELD - 1) {
        atomic_store_explicit(uses, 0, memory_order_relaxed);
        frame_free(pfn, ORDER_4K);
    }
}

void frame_set_tag(pfn_t pfn, u16 tag)
{
    zone_desc(pfn)->tag = tag;
}

u16 frame_tag(pfn_t pfn)
{
    return zone_desc(pfn)->tag;
}

void frame_set_note(pfn_t pfn, u32 note)
{
    zone_desc(pfn)->next = note;
}

u32 frame_note(pfn_t pfn)
{
    return zone_desc(pfn)->next;
}

bool frame_is_block(pfn_t pfn, unsigned order)
{
    return zone_is_used(pfn, order);
}

void frame_get_stats(struct frame_stats *stats)
{
    zone_get_stats(stats);
    stats->free += cache_frames() + table_frames() + own_frames() + zeroed_frames(&stats->zeroed);
}

u64 frame_free_estimate(void)
{
    u64 ready;

    return zone_free_estimate() + zone_lent_estimate() + own_frames() + zeroed_frames(&ready);
}

void frame_check(void)
{
    zone_check();
    cache_check();
}
