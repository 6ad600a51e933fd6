/* SPDX-License-Identifier: MIT */
/*
 * Memory that the shrinkers themselves need when there is none: pages of their own code,
 * which the cache of files has given up, stack that was not touched before, page tables
 * where they unmap a part of a large page.  Without it the one who could give memory would be
 * ended for want of it.
 *
 * 2 MiB, given out in parts to all: who else might take them sleeps until the shrinkers
 * have answered.  The thread of pressure.c fills it again when there is plenty.
 */
#include "pressure_priv.h"

#include <kernel/lock_rank.h>
#include <kernel/spinlock.h>
#include <stdatomic.h>

#define PART_ORDER 4u
#define PARTS (1u << (ORDER_2M - PART_ORDER))

/* (l) lock   (a) atomic, written under it */
static struct {
    struct spinlock lock;
    pfn_t pfn;             /* (l) of the whole */
    _Atomic unsigned left; /* (a) parts, the last first to go */
} reserve = {.lock = SPINLOCK_INIT("the shrinkers' reserve", RANK_HOOKS)};

static unsigned left_now(void)
{
    return atomic_load_explicit(&reserve.left, memory_order_relaxed);
}

bool reserve_give(void)
{
    bool irq = spin_lock(&reserve.lock);
    unsigned left = left_now();
    bool had = left > 0;
    pfn_t pfn = reserve.pfn + ((pfn_t)(left - 1) << PART_ORDER);

    if (had) {
        atomic_store_explicit(&reserve.left, left - 1, memory_order_relaxed);
    }
    spin_unlock(&reserve.lock, irq);
    if (had) {
        frame_free(pfn, PART_ORDER);
    }
    return had;
}

void reserve_fill(void)
{
    pfn_t pfn;
    bool irq;

    if (left_now() == PARTS || frame_alloc(ORDER_2M, 0, &pfn) != 0) {
        return;
    }
    while (reserve_give()) {
    }
    irq = spin_lock(&reserve.lock);
    reserve.pfn = pfn;
    atomic_store_explicit(&reserve.left, PARTS, memory_order_relaxed);
    spin_unlock(&reserve.lock, irq);
}
