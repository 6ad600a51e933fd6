/* SPDX-License-Identifier: MIT */
/*
 * Demotion: a large page becomes 512 small ones in place.  CPUs that know the
 * large one may go on with it, so there is nothing to flush.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/trace.h>

void aspace_count_demotion(vaddr_t va)
{
    aspace_count(COUNT_2M, -1);
    aspace_count(COUNT_4K, PT_ENTRIES);
    aspace_count(COUNT_DEMOTIONS, 1);
    aspace_event(va, ASPACE_DEMOTED, 1);
    trace(TRACE_DEMOTE, va, 2);
}

static bool is_large(vaddr_t window)
{
    unsigned level;

    return pte_load(pt_lookup(window, &level)) != 0 && level == 2;
}

/* Waits for an operation that works on the window.  Is the table used? */
static bool demote_into(vaddr_t window, pfn_t table)
{
    struct turn turn = {0};

    for (;;) {
        bool irq = aspace_read_lock();
        u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);
        bool busy = region_set_busy(&aspace.set, window, window + LARGE_SIZE), used = false;

        if (!busy) {
            struct spinlock *lock = pt_window_lock(window);
            bool window_irq = spin_lock(lock);

            used = pt_demote_into(window, table << PAGE_SHIFT);
            spin_unlock(lock, window_irq);
        }
        if (used) {
            aspace_count_demotion(window);
        }
        aspace_read_unlock(irq);
        if (!busy) {
            aspace_turn_end(&turn);
            return used;
        }
        aspace_turn_wait(&turn, window, window + LARGE_SIZE, seen);
    }
}

int aspace_demote(vaddr_t window)
{
    int error = IS_ALIGNED(window, LARGE_SIZE) ? aspace_range_valid(window, LARGE_SIZE) : -EINVAL;
    pfn_t table;

    if (error != 0 || !is_large(window)) { /* a glimpse: what comes later is later */
        return error;
    }
    error = frame_alloc_table(0, &table);
    if (error != 0) {
        return error;
    }
    if (demote_into(window, table)) {
        return 1;
    }
    frame_free(table, ORDER_4K);
    return 0;
}
