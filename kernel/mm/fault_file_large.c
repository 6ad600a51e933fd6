/* SPDX-License-Identifier: MIT */
/*
 * Pages of files by 2 MiB, several at once: on kvm_pvm each store to a directory that is in use
 * makes the host forget what it knew of all its entries, so that mapping and touching them in
 * turns costs 100 us for each.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>

#include "fault_file_priv.h"

/* Frames of 2 MiB, each of whose pages has a use: where the first one belongs. */
struct large_row {
    vaddr_t va;
    unsigned count, mapped;
    pfn_t frame[FAULT_PAGES_MAX];
};

static int map_large(struct fault *f, struct large_row *row, u64 generation)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(row->va);
        bool window_irq = spin_lock(lock);

        step = fault_unchanged(f, region, generation) && fault_fits_large(region, f->addr)
                   ? fault_store_large(row->va, row->frame, row->count,
                                       fault_row_bits(f, region, row->va), &row->mapped)
                   : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

/*
 * The frame at the fault, and those after it that are ready; more is done for
 * them only in a streak.  All are under one lock.
 */
static int gather_large(struct fault *f, struct large_row *row)
{
    struct page_cache *cache = f->object->cache;
    u64 index = f->index - (f->addr - row->va) / PAGE_SIZE;
    vaddr_t group = ALIGN_DOWN(row->va, PT_GROUP_SIZE) + PT_GROUP_SIZE;
    u64 most = MIN((MIN(group, f->end) - row->va) / LARGE_SIZE, FAULT_PAGES_MAX);
    enum large_effort effort =
        f->populate || fault_streak(f->addr) > 0 ? LARGE_MAKE : LARGE_IF_READY;
    int error = page_cache_get_large(cache, index, LARGE_READ, &row->frame[0]);

    row->count = 0;
    row->mapped = 0;
    if (error != 0) {
        return error;
    }
    do {
        row->count++;
    } while (row->count < most && page_cache_get_large(cache, index + row->count * PT_ENTRIES,
                                                       effort, &row->frame[row->count]) == 0);
    return 0;
}

int fault_supply_large(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    struct large_row row = {.va = ALIGN_DOWN(f->addr, LARGE_SIZE)};
    int step = gather_large(f, &row);

    if (step != 0) {
        return step;
    }
    step = map_large(f, &row, generation);
    for (u64 i = row.mapped * PT_ENTRIES; i < row.count * PT_ENTRIES; i++) {
        frame_put(row.frame[i / PT_ENTRIES] + i % PT_ENTRIES, ORDER_4K);
    }
    if (step == 0) {
        aspace_count(COUNT_FAULTS_2M, 1);
        f->next = row.va + MAX(row.mapped, 1u) * LARGE_SIZE;
        fault_streak_note(f->addr, f->next);
    }
    return step;
}
