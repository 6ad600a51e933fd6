/* SPDX-License-Identifier: MIT */
/*
 * The one zone of memory: the buddy allocator behind its lock.  Callers come
 * in batches (a magazine's half), so that the lock is taken once for many
 * frames.  An array of zones, one per NUMA node, would go here; virtual
 * machines of our kind have one node.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/spinlock.h>

/* (l) lock   (a) atomic, written under the lock */
static struct {
    struct spinlock lock;
    struct buddy buddy;       /* (l) frames, base, end: constant after start-up */
    u64 lent;                 /* (l) frames in use that are the host's: frame_lent.c */
    u64 low;                  /* (l) least that buddy.free + lent has been since it was asked */
    _Atomic u64 free_glimpse; /* (a) buddy.free, for who needs no exact figure */
    _Atomic u64 lent_glimpse; /* (a) */
} zone = {.lock = SPINLOCK_INIT("frames", RANK_FRAMES)};

static void unlock(bool irq)
{
    atomic_store_explicit(&zone.free_glimpse, zone.buddy.free, memory_order_relaxed);
    zone.low = MIN(zone.low, zone.buddy.free + zone.lent);
    spin_unlock(&zone.lock, irq);
}

int zone_init(struct ram_list *ram)
{
    pfn_t base, end;
    paddr_t array;

    if (ram->count == 0) {
        return -ENOMEM;
    }
    base = ram->range[0].start >> PAGE_SHIFT;
    end = ram->range[ram->count - 1].end >> PAGE_SHIFT;
    if (!ram_list_take(ram, ALIGN_UP((end - base) * sizeof(struct frame_desc), PAGE_SIZE),
                       &array)) {
        return -ENOMEM;
    }
    buddy_init(&zone.buddy, phys_to_virt(array), base, end, MOKA_DEBUG >= 1);
    for (unsigned i = 0; i < ram->count; i++) {
        buddy_add(&zone.buddy, ram->range[i].start >> PAGE_SHIFT, ram->range[i].end >> PAGE_SHIFT);
    }
    atomic_store_explicit(&zone.free_glimpse, zone.buddy.free, memory_order_relaxed);
    return 0;
}

unsigned zone_alloc(unsigned order, u32 *pfns, unsigned count)
{
    bool irq = spin_lock(&zone.lock);
    unsigned got = 0;
    pfn_t pfn;

    while (got < count && buddy_alloc(&zone.buddy, order, &pfn) == 0) {
        pfns[got++] = (u32)pfn;
    }
    unlock(irq);
    /* The blocks are ours already; a large one takes a while. */
    for (unsigned i = 0; i < got; i++) {
        buddy_format(&zone.buddy, pfns[i], order);
    }
    return got;
}

void zone_free(unsigned order, const u32 *pfns, unsigned count)
{
    bool irq = spin_lock(&zone.lock);

    for (unsigned i = 0; i < count; i++) {
        buddy_free(&zone.buddy, pfns[i], order);
    }
    unlock(irq);
}

/* Lock held. */
static void set_lent(u64 lent)
{
    zone.lent = lent;
    atomic_store_explicit(&zone.lent_glimpse, lent, memory_order_relaxed);
}

bool zone_lend(unsigned order, u32 *block)
{
    bool irq = spin_lock(&zone.lock);
    pfn_t pfn;
    bool got = buddy_alloc(&zone.buddy, order, &pfn) == 0;

    if (got) {
        set_lent(zone.lent + (1ull << order));
        *block = (u32)pfn;
    }
    unlock(irq);
    if (got) {
        buddy_format(&zone.buddy, pfn, order);
    }
    return got;
}

void zone_take_back(unsigned order, u32 pfn)
{
    bool irq = spin_lock(&zone.lock);

    buddy_free(&zone.buddy, pfn, order);
    set_lent(zone.lent - (1ull << order));
    unlock(irq);
}

u64 zone_lent_estimate(void)
{
    return atomic_load_explicit(&zone.lent_glimpse, memory_order_relaxed);
}

u64 frame_take_low(void)
{
    bool irq = spin_lock(&zone.lock);
    u64 low = zone.low;

    zone.low = zone.buddy.free + zone.lent;
    unlock(irq);
    return low;
}

void zone_get_stats(struct frame_stats *stats)
{
    bool irq = spin_lock(&zone.lock);

    stats->total = zone.buddy.total;
    stats->free = zone.buddy.free + zone.lent;
    stats->lent = zone.lent;
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        stats->by_order[order] = zone.buddy.count[order];
    }
    spin_unlock(&zone.lock, irq);
}

u64 zone_free_estimate(void)
{
    return atomic_load_explicit(&zone.free_glimpse, memory_order_relaxed);
}

void zone_check_used(pfn_t pfn, unsigned order)
{
    bool irq = spin_lock(&zone.lock);

    buddy_check_used(&zone.buddy, pfn, order);
    spin_unlock(&zone.lock, irq);
}

bool zone_is_used(pfn_t pfn, unsigned order)
{
    bool irq = spin_lock(&zone.lock);
    bool used = buddy_is_used(&zone.buddy, pfn, order);

    spin_unlock(&zone.lock, irq);
    return used;
}

void zone_check(void)
{
    bool irq = spin_lock(&zone.lock);

    buddy_check(&zone.buddy);
    spin_unlock(&zone.lock, irq);
}

struct frame_desc *zone_desc(pfn_t pfn)
{
    if (unlikely(pfn < zone.buddy.base || pfn >= zone.buddy.end)) {
        BUG("frame %lx is not memory", pfn);
    }
    return buddy_desc(&zone.buddy, pfn);
}
