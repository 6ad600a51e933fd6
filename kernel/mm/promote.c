/* SPDX-License-Identifier: MIT */
/*
 * Promotion: a window whose 512 pages of 4 KiB are all there gets one frame
 * of 2 MiB with the same contents.
 *
 * The window is made unreachable on all CPUs before it is copied, so that no
 * write is lost; faults wait meanwhile, because the region is busy.  Costs two
 * stores to the directory, a shoot-down, and the copy (about 100 us).
 *
 * Demotion: a large page becomes 512 small ones in place.  CPUs that know the
 * large one may go on with it, so there is nothing to flush.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>
#include <kernel/trace.h>

static bool table_is_whole(const u64 *table)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        if (pte_load(&table[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Copies what the table maps; returns whether any page was dirty. */
static bool copy_pages(pfn_t large, const u64 *table)
{
    bool dirty = false;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = pte_load(&table[i]);

        memcpy(pfn_to_virt(large + i), phys_to_virt(pte & PTE_ADDRESS), PAGE_SIZE);
        dirty |= (pte & PTE_DIRTY) != 0;
    }
    return dirty;
}

static void exchange(struct aspace_op *op, u64 *entry, pfn_t large, unsigned prot)
{
    struct tlb_batch *batch = &op->range.batch;
    u64 old = pte_exchange(entry, 0);
    bool dirty;

    if (!platform->directory_writes_flush) {
        tlb_batch_add(batch, op->start, LARGE_SIZE, PAGE_SIZE);
        tlb_batch_finish(batch);
    }
    dirty = copy_pages(large, pt_table(old));
    pte_store(entry, large << PAGE_SHIFT | pte_from_prot(prot) | PTE_LARGE | PTE_ACCESSED |
                         (dirty ? PTE_DIRTY : 0));
    /* Nobody can know the old table any more: freed without a further shoot-down. */
    tlb_batch_free_table(batch, (old & PTE_ADDRESS) >> PAGE_SHIFT);
    tlb_batch_finish(batch);
    aspace_count(COUNT_4K, -(s64)PT_ENTRIES);
    aspace_count(COUNT_2M, 1);
    aspace_count(COUNT_PROMOTIONS, 1);
}

/* The window is claimed: nobody else changes its entries. */
static int promote_claimed(struct aspace_op *op, unsigned prot)
{
    u64 *entry = pt_directory_entry(op->start);
    u64 value = entry == NULL ? 0 : pte_load(entry);
    pfn_t large;
    int error;

    if (value & PTE_LARGE) {
        return 0;
    }
    if (value == 0 || !table_is_whole(pt_table(value))) {
        return -EINVAL;
    }
    error = frame_alloc(ORDER_2M, 0, &large);
    if (error == 0) {
        exchange(op, entry, large, prot);
    }
    return error;
}

static int promote_locked(struct aspace_op *op, bool irq)
{
    struct region *region = region_set_find(&aspace.set, op->start);
    unsigned prot;
    int error;

    if (region == NULL || region->end < op->end || region->kind != REGION_ANON) {
        aspace_write_unlock(irq);
        return -EINVAL;
    }
    prot = region->prot;
    aspace_op_claim(op);
    aspace_write_unlock(irq);
    error = promote_claimed(op, prot);
    irq = aspace_write_lock();
    aspace_op_release(op, irq);
    return error;
}

int aspace_promote(vaddr_t window)
{
    struct aspace_op op;
    int error = IS_ALIGNED(window, LARGE_SIZE) ? aspace_op_begin(&op, window, LARGE_SIZE) : -EINVAL;

    if (error != 0) {
        return error;
    }
    error = promote_locked(&op, aspace_op_lock(&op));
    aspace_op_end(&op);
    trace(TRACE_PROMOTE, window, (u64)error);
    return error;
}

void aspace_count_demotion(vaddr_t va)
{
    aspace_count(COUNT_2M, -1);
    aspace_count(COUNT_4K, PT_ENTRIES);
    aspace_count(COUNT_DEMOTIONS, 1);
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
            return used;
        }
        aspace_wait_release(seen);
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
