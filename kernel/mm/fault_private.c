/* SPDX-License-Identifier: MIT */
/*
 * Page faults on private mappings of small files that never change, where a
 * whole window of 2 MiB is mapped: the JVM's archive of classes.  Instead of
 * the cache's pages, and copies of those that are written to, the window gets
 * a frame of its own, into which the file is read.  Nobody can tell, since the
 * file does not change.
 *
 * By single pages, a start of a JVM that uses its archive had 1290 faults
 * here, 670 INVLPG and 1660 misses of the shadow page tables, 24 us each on
 * kvm_pvm; to read 2 MiB takes 0.9 ms.  Several windows of the mapping are
 * done at once, because each store to a directory in use costs as much as a
 * fault.  What is lost is that such pages cannot be evicted, hence the limit of
 * page_cache_may_copy_ahead().
 *
 * A window of which the mapping has a part gets single pages of its own, all at
 * one fault, if the cache has not got them: it would read another window or two
 * around them.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>

#include "fault_priv.h"

#define WINDOWS_MOST 4u /* filled at one fault */

/* Frames that are filled, and where the first one belongs. */
struct own_row {
    vaddr_t va;
    unsigned count, mapped;
    pfn_t frame[WINDOWS_MOST];
};

static int fill_row(struct fault *f, struct own_row *row)
{
    u64 index = f->index - (f->addr - row->va) / PAGE_SIZE;
    u64 most = MIN((f->own_end - f->own_start) / LARGE_SIZE, WINDOWS_MOST);
    int n = page_cache_copy_large(f->object->cache, index, (unsigned)most, row->frame);

    row->count = (unsigned)MAX(n, 0);
    return MIN(n, 0);
}

/* Does the region still map all of [start, end) as it did?  Read lock held. */
static bool still_fits(const struct fault *f, const struct region *region, vaddr_t start,
                       vaddr_t end)
{
    return region->object == f->object && !region->shared && region->start <= start &&
           region->end >= end &&
           region->offset - region->start == f->index * PAGE_SIZE - ALIGN_DOWN(f->addr, PAGE_SIZE);
}

/* Their frames are nobody else's, so that they may be written to at once. */
static u64 own_bits(const struct region *region)
{
    u64 bits = pte_from_prot(region->prot) | PTE_ACCESSED;

    return (bits & PTE_WRITE) != 0 ? bits | PTE_DIRTY : bits;
}

static int map_row(struct fault *f, struct own_row *row)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(row->va);
        bool window_irq = spin_lock(lock);

        step =
            region->pages != PAGES_SMALL &&
                    still_fits(f, region, row->va, row->va + row->count * LARGE_SIZE)
                ? fault_store_large(row->va, row->frame, row->count, own_bits(region), &row->mapped)
                : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

int fault_supply_own_large(struct fault *f)
{
    struct own_row row = {.va = f->own_start};
    int step = fill_row(f, &row);

    if (step != 0) {
        return step;
    }
    step = map_row(f, &row);
    for (unsigned i = row.mapped; i < row.count; i++) {
        frame_free(row.frame[i], ORDER_2M);
    }
    if (step == 0) {
        aspace_count(COUNT_FAULTS_2M, 1);
        f->next = row.va + MAX(row.mapped, 1u) * LARGE_SIZE;
        fault_streak_note(f->addr, f->next);
    }
    return step;
}

/* ---- Single pages ---------------------------------------------------------------- */

struct own_pages {
    vaddr_t va;
    unsigned count;
    pfn_t frame[]; /* 0: mapped */
};

/* What is to be had; NULL: no memory. */
static struct own_pages *pages_wanted(const struct fault *f, u64 *index)
{
    unsigned count = (unsigned)((f->own_end - f->own_start) / PAGE_SIZE);
    struct own_pages *pages = kmalloc(sizeof(*pages) + count * sizeof(pages->frame[0]));

    if (pages != NULL) {
        *index = f->index - (f->addr / PAGE_SIZE - f->own_start / PAGE_SIZE);
        pages->va = f->own_start;
        pages->count = count;
    }
    return pages;
}

/* Read lock and window lock held.  Stores entries where there are none. */
static int store_pages(const struct region *region, struct own_pages *pages)
{
    u64 bits = own_bits(region);
    s64 stored = 0;
    u64 *entry;
    int error = pt_entry(pages->va, 1, &entry);

    if (error != 0) {
        return error == -EEXIST ? FAULT_RETRY : error;
    }
    for (unsigned i = 0; i < pages->count; i++) {
        if (pte_load(&entry[i]) == 0) {
            pte_store(&entry[i], pages->frame[i] << PAGE_SHIFT | bits);
            pages->frame[i] = 0;
            stored++;
        }
    }
    aspace_count(COUNT_4K, stored);
    return 0;
}

static int map_pages(struct fault *f, struct own_pages *pages)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(pages->va);
        bool window_irq = spin_lock(lock);

        step = still_fits(f, region, pages->va, pages->va + pages->count * PAGE_SIZE)
                   ? store_pages(region, pages)
                   : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

int fault_supply_own_pages(struct fault *f)
{
    u64 index;
    struct own_pages *pages = pages_wanted(f, &index);
    int step = pages == NULL
                   ? -ENOMEM
                   : page_cache_copy_pages(f->object->cache, index, pages->count, pages->frame);

    if (step == 0) {
        step = map_pages(f, pages);
        for (unsigned i = 0; i < pages->count; i++) {
            if (pages->frame[i] != 0) {
                frame_free(pages->frame[i], ORDER_4K);
            }
        }
        f->next = pages->va + pages->count * PAGE_SIZE;
    }
    if (step == 0) {
        fault_streak_note(f->addr, f->next);
    }
    kfree(pages);
    return step;
}
