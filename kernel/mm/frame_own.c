/* SPDX-License-Identifier: MIT */
/*
 * Frames of 2 MiB that the application has given back by name, with what it had written to them.
 * They are kept apart, because it alone may see that again: who asks for memory that
 * need not be zeroed gets one of these, and nobody else does without its being zeroed.
 * They count as free, and are given up whenever memory is short.
 *
 * Rejected: a mark on each frame in the buddy allocator, which would have to follow the
 * splitting and joining of blocks.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/spinlock.h>

#define OWN_MOST 1024u /* 2 GiB */
#define FRAMES_IN_2M (1ull << ORDER_2M)

/* (l) lock   (a) atomic, written under the lock */
static struct {
    struct spinlock lock;
    u32 pfns[OWN_MOST]; /* (l) the tag says FRAME_TAG_OWN */
    _Atomic u32 count;  /* (a) */
    _Atomic u64 taken;  /* (a) a sum */
} own = {.lock = SPINLOCK_INIT("own frames", RANK_ZEROED)};

static u32 count_now(void)
{
    return atomic_load_explicit(&own.count, memory_order_relaxed);
}

u64 own_taken(void)
{
    return atomic_load_explicit(&own.taken, memory_order_relaxed);
}

static bool push(pfn_t pfn)
{
    bool irq = spin_lock(&own.lock);
    u32 count = count_now();

    if (count < OWN_MOST) {
        BUG_ON(zone_desc(pfn)->tag != FRAME_TAG_NONE);
        zone_desc(pfn)->tag = FRAME_TAG_OWN;
        own.pfns[count] = (u32)pfn;
        atomic_store_explicit(&own.count, count + 1, memory_order_relaxed);
    }
    spin_unlock(&own.lock, irq);
    return count < OWN_MOST;
}

void frame_free_own(pfn_t pfn, unsigned order)
{
    if (order != ORDER_2M || frame_uses(pfn) != 1 || !push(pfn)) {
        frame_free(pfn, order);
    }
}

bool frame_take_own(pfn_t *pfn)
{
    bool irq, got;
    u32 count;

    if (count_now() == 0) {
        return false;
    }
    irq = spin_lock(&own.lock);
    count = count_now();
    got = count > 0;
    if (got) {
        *pfn = own.pfns[count - 1];
        zone_desc(*pfn)->tag = FRAME_TAG_NONE;
        atomic_store_explicit(&own.count, count - 1, memory_order_relaxed);
        atomic_store_explicit(&own.taken, own_taken() + 1, memory_order_relaxed);
    }
    spin_unlock(&own.lock, irq);
    return got;
}

u64 own_drain(void)
{
    u64 frames = 0;
    pfn_t pfn;

    while (frame_take_own(&pfn)) {
        zone_free(ORDER_2M, &(u32){(u32)pfn}, 1);
        frames += FRAMES_IN_2M;
    }
    return frames;
}

u64 own_frames(void)
{
    return count_now() * FRAMES_IN_2M;
}
