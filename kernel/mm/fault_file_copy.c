/* SPDX-License-Identifier: MIT */
/*
 * Copies of a file's pages, for private mappings that are written to: of pages that were not
 * mapped before, and of those that were.  Several at a fault where a CPU goes through the mapping
 * in ascending order; and of a small file's mapping all of the aligned 2 MiB that is in memory.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>

#include "fault_file_priv.h"

/* 1, 2, 4, 8, 16 as the streak goes on; what is copied and not changed is memory lost. */
static unsigned copies_wanted(vaddr_t va)
{
    u64 most = (ALIGN_DOWN(va, LARGE_SIZE) + LARGE_SIZE - va) / PAGE_SIZE;
    unsigned streak = MIN(fault_streak(va), 4u);

    if (frame_free_estimate() < aspace.total_frames / 4) {
        return 1;
    }
    return (unsigned)MIN(MIN(1u << streak, most), FAULT_PAGES_MAX);
}

/* Takes frames for copies of these pages; at least one, or -ENOMEM. */
static int copy_row(struct fault_row *row, const pfn_t *pages, unsigned count)
{
    while (row->count < count && frame_alloc(ORDER_4K, 0, &row->frame[row->count]) == 0) {
        memcpy(pfn_to_virt(row->frame[row->count]), pfn_to_virt(pages[row->count]), PAGE_SIZE);
        row->count++;
    }
    return row->count == 0 ? -ENOMEM : 0;
}

/* Copies of `count` pages, for `row`.  The uses of the pages stay the caller's. */
static int map_copies(struct fault *f, struct fault_row *row, const pfn_t *pages, unsigned count,
                      u64 generation)
{
    int error = copy_row(row, pages, count);

    return error != 0 ? error : fault_map_row(f, row, generation);
}

static void put_pages(const pfn_t *pages, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frame_put(pages[i], ORDER_4K);
    }
}

/* Copies of all in the window that is there and not mapped. */
static void copy_window(struct fault *f, u64 generation)
{
    vaddr_t va, end;
    int error = 0;

    fault_window_limits(f, &va, &end);
    while (va < end && error == 0) {
        unsigned room = (unsigned)MIN((end - va) / PAGE_SIZE, FAULT_PAGES_MAX);
        struct fault_row row = {.va = va};
        pfn_t pages[FAULT_PAGES_MAX];
        unsigned count = page_cache_get_ready(f->object->cache, fault_index_at(f, va), room, pages);

        if (count > 0) {
            error = map_copies(f, &row, pages, count, generation);
            put_pages(pages, count);
        }
        va += MAX(count, 1u) * PAGE_SIZE;
    }
}

/* A private page that is written to before it was ever mapped; in a streak, those behind it. */
int fault_supply_private(struct fault *f)
{
    struct page_cache *cache = f->object->cache;
    u64 generation = page_cache_generation(cache);
    struct fault_row row = {.va = ALIGN_DOWN(f->addr, PAGE_SIZE)};
    u64 wanted = MIN(copies_wanted(row.va), (f->end - row.va) / PAGE_SIZE);
    unsigned count = 1;
    pfn_t pages[FAULT_PAGES_MAX];
    int error = page_cache_get(cache, f->index, false, &pages[0]);

    if (error != 0) {
        return error;
    }
    if (wanted > 1) {
        count += page_cache_get_ready(cache, f->index + 1, (unsigned)wanted - 1, &pages[1]);
    }
    error = map_copies(f, &row, pages, count, generation);
    put_pages(pages, count);
    if (error == 0) {
        f->next = row.va + row.count * PAGE_SIZE;
        if (page_cache_may_copy_ahead(cache)) {
            copy_window(f, generation);
        }
        fault_streak_note(f->addr, f->next);
    }
    return error;
}
/* Read lock and window lock held.  One page of a large one is to be copied: it is split. */
static int split_large(vaddr_t va)
{
    int error = pt_demote(va);

    if (error == 0) {
        aspace_count_demotion(va);
    }
    return error;
}

/*
 * Pages that are copied at one fault: the one at the fault, and those behind it
 * that are mapped, when a CPU changes them in ascending order (relocations do, of
 * libraries and of a JVM's archive of classes).
 */
struct copies {
    vaddr_t va;
    unsigned frames, done;
    pfn_t fresh[FAULT_PAGES_MAX], old[FAULT_PAGES_MAX];
};

static void copies_prepare(struct copies *copies, vaddr_t addr)
{
    unsigned wanted;

    copies->va = ALIGN_DOWN(addr, PAGE_SIZE);
    copies->frames = 0;
    copies->done = 0;
    wanted = copies_wanted(copies->va);
    while (copies->frames < wanted &&
           frame_alloc(ORDER_4K, 0, &copies->fresh[copies->frames]) == 0) {
        copies->frames++;
    }
}

/* Read lock and window lock held. */
static int replace_by_copies(struct copies *copies, const struct region *region)
{
    u64 bits = pte_from_prot(region->prot) | PTE_ACCESSED | PTE_DIRTY, value;
    u64 most = MIN(copies->frames, (region->end - copies->va) / PAGE_SIZE);
    unsigned level;
    u64 *entry = pt_lookup(copies->va, &level);

    if (level > 2 || region->shared || (pte_load(entry) & PTE_FILE) == 0) {
        return FAULT_RETRY;
    }
    if (level == 2) {
        int error = split_large(copies->va);

        return error == 0 ? FAULT_RETRY : error;
    }
    while (copies->done < most && ((value = pte_load(entry)) & PTE_FILE) != 0) {
        pfn_t fresh = copies->fresh[copies->done];

        copies->old[copies->done++] = (value & PTE_ADDRESS) >> PAGE_SHIFT;
        memcpy(pfn_to_virt(fresh), phys_to_virt(value & PTE_ADDRESS), PAGE_SIZE);
        pte_store(entry++, fresh << PAGE_SHIFT | bits);
    }
    return 0;
}

/* Other CPUs must not go on reading the pages that this one will not change. */
static void copies_finish(struct copies *copies)
{
    struct tlb_batch batch;

    for (unsigned i = copies->done; i < copies->frames; i++) {
        frame_free(copies->fresh[i], ORDER_4K);
    }
    if (copies->done == 0) {
        return;
    }
    tlb_batch_init(&batch);
    tlb_batch_add(&batch, copies->va, copies->done * PAGE_SIZE, PAGE_SIZE);
    for (unsigned i = 0; i < copies->done; i++) {
        tlb_batch_put(&batch, copies->old[i], ORDER_4K);
    }
    tlb_batch_finish(&batch);
}

int fault_supply_copy(struct fault *f)
{
    struct copies copies;
    bool irq;
    int step;

    copies_prepare(&copies, f->addr);
    if (copies.frames == 0) {
        return -ENOMEM;
    }
    irq = aspace_read_lock();
    step = fault_check_region(f, region_set_find(&aspace.set, f->addr));
    if (step == 0) {
        struct spinlock *lock = pt_window_lock(f->addr);
        bool window_irq = spin_lock(lock);

        step = replace_by_copies(&copies, region_set_find(&aspace.set, f->addr));
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    copies_finish(&copies);
    if (step == 0) {
        f->next = copies.va + copies.done * PAGE_SIZE;
        fault_streak_note(f->addr, f->next);
    }
    return step;
}
