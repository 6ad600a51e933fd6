/* SPDX-License-Identifier: MIT */
/*
 * Frames for page tables, kept close together.  A host that shadows the
 * guest's page tables (KVM without hardware virtualisation) watches each frame
 * that holds one, and therefore maps the 2 MiB around it by single pages: an
 * access to each of them, through the direct map as well, is a miss of 24 us.
 * Tables among the other frames spoiled nearly all of the memory in use so: a
 * start of a JVM had 400 to 800 such misses, of the kernel's own accesses.
 *
 * So tables are taken in blocks of 2 MiB, or of 512 KiB where there is less than
 * 256 MiB, and a frame that was one is kept here for the next, up to a limit.
 * Its tag says what it is, so that frame_free() finds the way, whoever calls it.
 */
#include "frame_priv.h"

#include <kernel/spinlock.h>

#define BLOCK_ORDER 7u                     /* 128 tables: 256 MiB by single pages */
#define LARGE_FROM (256 * MIB / PAGE_SIZE) /* free frames: a whole 2 MiB then */
#define KEPT_MOST 512u
_Static_assert(1u << ORDER_2M <= KEPT_MOST, "a block fits");

/* (l) lock   (a) atomic, written under the lock */
static struct {
    struct spinlock lock;
    u32 pfns[KEPT_MOST]; /* (l) the tag says FRAME_TAG_TABLE_FREE */
    _Atomic u32 count;   /* (a) */
} tables = {.lock = SPINLOCK_INIT("frames of tables", RANK_ZEROED)};

static u32 count_now(void)
{
    return atomic_load_explicit(&tables.count, memory_order_relaxed);
}

/* Lock held. */
static void push(u32 pfn)
{
    u32 count = count_now();

    zone_desc(pfn)->tag = FRAME_TAG_TABLE_FREE;
    tables.pfns[count] = pfn;
    atomic_store_explicit(&tables.count, count + 1, memory_order_relaxed);
}

/* Lock held; there is one. */
static u32 pop(void)
{
    u32 count = count_now() - 1;

    atomic_store_explicit(&tables.count, count, memory_order_relaxed);
    return tables.pfns[count];
}

/* Lock held; nothing is left.  A block, or the largest part of one there is. */
static void refill(void)
{
    unsigned order = zone_free_estimate() >= LARGE_FROM ? (unsigned)ORDER_2M : BLOCK_ORDER;
    u32 first;

    while (zone_alloc(order, &first, 1) == 0) {
        if (order == 0) {
            return;
        }
        order--;
    }
    for (u32 i = 1u << order; i > 0; i--) {
        push(first + i - 1);
    }
}

bool table_alloc(pfn_t *pfn)
{
    bool irq = spin_lock(&tables.lock);
    bool found;

    if (count_now() == 0) {
        refill();
    }
    found = count_now() != 0;
    if (found) {
        *pfn = pop();
        zone_desc(*pfn)->tag = FRAME_TAG_TABLE;
    }
    spin_unlock(&tables.lock, irq);
    return found;
}

void table_free(pfn_t pfn)
{
    u32 block = (u32)pfn;
    bool irq = spin_lock(&tables.lock);
    bool keep = count_now() < KEPT_MOST;

    if (keep) {
        push(block);
    } else {
        zone_desc(pfn)->tag = FRAME_TAG_NONE;
    }
    spin_unlock(&tables.lock, irq);
    if (!keep) {
        zone_free(ORDER_4K, &block, 1);
    }
}

u64 table_drain(void)
{
    bool irq = spin_lock(&tables.lock);
    u64 drained = count_now();

    while (count_now() != 0) {
        u32 pfn = pop();

        zone_desc(pfn)->tag = FRAME_TAG_NONE;
        zone_free(ORDER_4K, &pfn, 1);
    }
    spin_unlock(&tables.lock, irq);
    return drained;
}

u64 table_frames(void)
{
    return count_now();
}
