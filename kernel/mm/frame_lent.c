/* SPDX-License-Identifier: MIT */
/*
 * Free memory that the host has back.  Who tells the host takes blocks out of the
 * allocator first (frame_lend), so that nobody can come to use them while the host
 * lets them go, and puts them here afterwards (frame_lent): still free, but
 * the last to be used, since the host must find memory again for each page.
 *
 * The blocks are in use as far as the buddy allocator knows; it counts
 * them (zone_lend) so that its figure of the least that was free is not moved by
 * the lending itself.  They are kept in a stack through their own descriptors,
 * whose links nobody else uses while a block is not on a free list.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/spinlock.h>

#define ORDER_MOST 14u /* 64 MiB: what the host is busy with at a time */

/* (l) lock   (a) atomic, written under the lock */
static struct {
    struct spinlock lock;
    u32 first;          /* (l) BUDDY_NONE: none */
    _Atomic u64 frames; /* (a) here, not on the way */
} lent = {.lock = SPINLOCK_INIT("lent frames", RANK_ZEROED), .first = BUDDY_NONE};

unsigned frame_lend(struct frame_block *blocks, unsigned count, u64 frames)
{
    unsigned got = 0;
    u64 sum = 0;

    for (unsigned order = ORDER_MOST; order >= ORDER_2M && got < count;) {
        u32 pfn;

        if (sum + (1ull << order) > frames || !zone_lend(order, &pfn)) {
            order--;
            continue;
        }
        blocks[got++] = (struct frame_block){.pfn = pfn, .order = order};
        sum += 1ull << order;
    }
    return got;
}

void frame_lent(const struct frame_block *blocks, unsigned count)
{
    bool irq = spin_lock(&lent.lock);
    u64 frames = atomic_load_explicit(&lent.frames, memory_order_relaxed);

    for (unsigned i = 0; i < count; i++) {
        struct frame_desc *desc = zone_desc(blocks[i].pfn);

        BUG_ON(desc->tag != FRAME_TAG_NONE || desc->order != blocks[i].order);
        desc->tag = FRAME_TAG_LENT;
        desc->next = lent.first;
        lent.first = (u32)blocks[i].pfn;
        frames += 1ull << blocks[i].order;
    }
    atomic_store_explicit(&lent.frames, frames, memory_order_relaxed);
    spin_unlock(&lent.lock, irq);
}

void frame_lend_cancel(const struct frame_block *blocks, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        zone_take_back(blocks[i].order, (u32)blocks[i].pfn);
    }
}

u64 lent_frames(void)
{
    return atomic_load_explicit(&lent.frames, memory_order_relaxed);
}

u64 lent_take_back(void)
{
    struct frame_desc *desc;
    u64 frames = 0;
    bool irq;

    if (lent_frames() == 0) {
        return 0;
    }
    irq = spin_lock(&lent.lock);
    if (lent.first != BUDDY_NONE) {
        u32 pfn = lent.first;

        desc = zone_desc(pfn);
        BUG_ON(desc->tag != FRAME_TAG_LENT);
        desc->tag = FRAME_TAG_NONE;
        lent.first = desc->next;
        frames = 1ull << desc->order;
        atomic_store_explicit(&lent.frames, lent_frames() - frames, memory_order_relaxed);
        zone_take_back(desc->order, pfn);
    }
    spin_unlock(&lent.lock, irq);
    return frames;
}
