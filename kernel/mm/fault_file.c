/* SPDX-License-Identifier: MIT */
/*
 * Page faults on mappings of files.  The frames of the page cache are mapped
 * themselves, up to 16 at a fault (the aligned 64 KiB around it, as far as they
 * are in memory), and up to 128 when a CPU goes through a file in ascending order:
 * a fault costs more than mapping 16 pages.
 *
 *   private, read     the cache's frame, not writable
 *   private, write    a copy; flushed on all CPUs if the frame was mapped before
 *   shared, read      the frame; writable at once if nobody cares what is dirty
 *   shared, write     the frame is marked dirty, then writable
 *
 * The page is looked up with no lock held and may be taken away meanwhile:
 * that changes the cache's generation, which is compared under the window's
 * lock before an entry is stored (see page_change.c).
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>
#include <kernel/trap.h>

#include "fault_priv.h"

#define AROUND 16u
#define STREAK_GROUPS 8u /* mapped at a fault in a streak */

static u64 index_of(const struct region *region, vaddr_t va)
{
    return (region->offset + (ALIGN_DOWN(va, PAGE_SIZE) - region->start)) / PAGE_SIZE;
}

static bool writes(const struct fault *f, const struct region *region)
{
    if (f->populate) {
        return (region->prot & PROT_WRITE) != 0 && (f->write || !region->shared);
    }
    return (f->error & FAULT_WRITE) != 0;
}

/* There is a leaf.  A shared page gets dirty under the window's lock: see page_sync.c. */
static int look_at_leaf(struct fault *f, const struct region *region, u64 *entry)
{
    u64 old = pte_load(entry);
    u64 bits = pte_from_prot(region->prot);
    bool upgrade = writes(f, region) && (old & PTE_FILE) != 0 && (old & PTE_WRITE) == 0;

    if (upgrade && !region->shared) {
        return f->may_wait ? FAULT_NEEDS_COPY : -EFAULT;
    }
    if (upgrade) {
        page_cache_set_dirty(region->object->cache, index_of(region, f->addr));
    }
    for (;;) {
        u64 new = upgrade ? pte_with_bits(old, bits) | PTE_DIRTY : leaf_with_bits(old, bits);

        if (old == new || pte_replace(entry, &old, new)) {
            return 0;
        }
    }
}

/* Does the region hold the whole window, at such a place of the file? */
static bool fits_large(const struct region *region, vaddr_t va)
{
    vaddr_t window = ALIGN_DOWN(va, LARGE_SIZE);

    return region->shared && region->pages != PAGES_SMALL && window >= region->start &&
           region->end - window >= LARGE_SIZE &&
           IS_ALIGNED(region->offset - region->start, LARGE_SIZE);
}

int fault_look_file(struct fault *f, const struct region *region, u64 *entry, unsigned level)
{
    bool write = writes(f, region);

    if (pte_load(entry) != 0) {
        f->next = ALIGN_DOWN(f->addr, pt_level_size(level)) + pt_level_size(level);
        return look_at_leaf(f, region, entry);
    }
    if (!f->may_wait) {
        return -EFAULT;
    }
    f->object = region_object_get(region->object);
    f->index = index_of(region, f->addr);
    f->start = region->start;
    f->end = region->end;
    f->copy = write && !region->shared;
    f->store = write && region->shared;
    f->large = level > 1 && fits_large(region, f->addr) && !f->no_large;
    return FAULT_NEEDS_PAGES;
}

/* Is everything still as fault_look_file() found it?  Read lock and window lock held. */
static bool unchanged(struct fault *f, const struct region *region, u64 generation)
{
    return region->object == f->object && region->start <= f->start && region->end >= f->end &&
           index_of(region, f->addr) == f->index && (f->copy ? !region->shared : true) &&
           page_cache_generation(f->object->cache) == generation;
}

/* A row of pages, each with a use: where frames[0] belongs. */
struct row {
    vaddr_t va;
    unsigned count;
    pfn_t frame[AROUND];
};

static u64 row_bits(const struct fault *f, const struct region *region, vaddr_t va)
{
    u64 bits = pte_from_prot(region->prot) | PTE_ACCESSED;

    if (f->copy) {
        return bits | PTE_DIRTY;
    }
    bits |= PTE_FILE;
    if (!region->shared || (page_cache_has_dirty(f->object->cache) &&
                            !(f->store && va == ALIGN_DOWN(f->addr, PAGE_SIZE)))) {
        bits &= ~PTE_WRITE;
    }
    return bits | (bits & PTE_WRITE ? PTE_DIRTY : 0);
}

/* Stores entries where there are none; the uses of the others are the caller's still. */
static int store_row(struct fault *f, const struct region *region, struct row *row)
{
    u64 *entry;
    int error = pt_entry(row->va, 1, &entry);
    s64 stored = 0;

    if (error != 0) {
        return error == -EEXIST ? FAULT_RETRY : error;
    }
    if (f->store) {
        page_cache_set_dirty(f->object->cache, f->index);
    }
    for (unsigned i = 0; i < row->count; i++) {
        vaddr_t va = row->va + i * PAGE_SIZE;

        if (row->frame[i] != 0 && pte_load(&entry[i]) == 0) {
            pte_store(&entry[i], row->frame[i] << PAGE_SHIFT | row_bits(f, region, va));
            row->frame[i] = 0;
            stored++;
        }
    }
    aspace_count(COUNT_4K, stored);
    return 0;
}

/* Maps what it can of the row: 0 even if others have done so meanwhile. */
static int map_row(struct fault *f, struct row *row, u64 generation)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(row->va);
        bool window_irq = spin_lock(lock);

        step = unchanged(f, region, generation) ? store_row(f, region, row) : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    for (unsigned i = 0; i < row->count; i++) {
        if (row->frame[i] != 0) {
            frame_put(row->frame[i], ORDER_4K);
        }
    }
    return step;
}

/* The part of the aligned group around the fault that one row may map. */
static void row_limits(const struct fault *f, u64 *before, u64 *after)
{
    vaddr_t page = ALIGN_DOWN(f->addr, PAGE_SIZE);
    vaddr_t low = MAX(f->start, ALIGN_DOWN(page, AROUND * PAGE_SIZE));
    vaddr_t high = MIN(f->end, ALIGN_DOWN(page, AROUND * PAGE_SIZE) + AROUND * PAGE_SIZE);

    *before = (page - low) / PAGE_SIZE;
    *after = (high - page) / PAGE_SIZE - 1;
}

static int gather(struct fault *f, struct row *row)
{
    struct page_cache *cache = f->object->cache;
    u64 before, after;
    int error;

    row_limits(f, &before, &after);
    memset(row->frame, 0, sizeof(row->frame));
    error = page_cache_get(cache, f->index, f->store, &row->frame[before]);
    if (error != 0) {
        return error;
    }
    row->va = ALIGN_DOWN(f->addr, PAGE_SIZE) - before * PAGE_SIZE;
    row->count = (unsigned)before + 1;
    page_cache_get_ready(cache, f->index - before, (unsigned)before, row->frame);
    row->count +=
        page_cache_get_ready(cache, f->index + 1, (unsigned)after, &row->frame[row->count]);
    return 0;
}

/* The groups after the first, in a streak: as long as all pages are there. */
static void map_ahead(struct fault *f, u64 generation)
{
    vaddr_t page = ALIGN_DOWN(f->addr, PAGE_SIZE);
    vaddr_t end = MIN(f->end, ALIGN_DOWN(page, LARGE_SIZE) + LARGE_SIZE);

    for (unsigned i = 1; i < STREAK_GROUPS && f->next < end; i++) {
        u64 room = MIN((end - f->next) / PAGE_SIZE, AROUND);
        struct row row = {.va = f->next};

        row.count = page_cache_get_ready(f->object->cache, f->index + (f->next - page) / PAGE_SIZE,
                                         (unsigned)room, row.frame);
        if (row.count == 0 || map_row(f, &row, generation) != 0) {
            break;
        }
        f->next += row.count * PAGE_SIZE;
    }
}

static int supply_row(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    struct row row;
    int step = gather(f, &row);

    if (step != 0) {
        return step;
    }
    step = map_row(f, &row, generation);
    if (step == 0) {
        f->next = row.va + row.count * PAGE_SIZE;
        if (f->populate || fault_streak(f->addr) >= 2) {
            map_ahead(f, generation);
        }
        fault_streak_note(f->addr, f->next);
    }
    return step;
}

/* A private page that is written to before it was ever mapped. */
static int supply_private(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    struct row row = {.va = ALIGN_DOWN(f->addr, PAGE_SIZE), .count = 1};
    pfn_t page;
    int error = page_cache_get(f->object->cache, f->index, false, &page);

    if (error != 0) {
        return error;
    }
    error = frame_alloc(ORDER_4K, 0, &row.frame[0]);
    if (error == 0) {
        memcpy(pfn_to_virt(row.frame[0]), pfn_to_virt(page), PAGE_SIZE);
        error = map_row(f, &row, generation);
    }
    frame_put(page, ORDER_4K);
    f->next = row.va + PAGE_SIZE;
    return error;
}

/* Read lock and window lock held.  0 and whether it was mapped. */
static int store_large(struct fault *f, const struct region *region, vaddr_t window, pfn_t frame,
                       bool *mapped)
{
    u64 value = frame << PAGE_SHIFT | row_bits(f, region, window) | PTE_LARGE;
    u64 *entry;
    int error = pt_entry(window, 2, &entry);

    if (error != 0 || pte_load(entry) != 0) {
        return error; /* or another CPU was first */
    }
    platform->write_entries(entry, &value, 1);
    aspace_count(COUNT_2M, 1);
    *mapped = true;
    return 0;
}

static int map_large(struct fault *f, vaddr_t window, pfn_t frame, u64 generation, bool *mapped)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(window);
        bool window_irq = spin_lock(lock);

        step = unchanged(f, region, generation) && fits_large(region, f->addr)
                   ? store_large(f, region, window, frame, mapped)
                   : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

/* As one page of 2 MiB.  -EEXIST and the like: not like that. */
static int supply_large(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE);
    bool mapped = false;
    pfn_t frame;
    int step =
        page_cache_get_large(f->object->cache, f->index - (f->addr - window) / PAGE_SIZE, &frame);

    if (step != 0) {
        return step;
    }
    step = map_large(f, window, frame, generation, &mapped);
    for (u64 i = 0; i < PT_ENTRIES && !mapped; i++) {
        frame_put(frame + i, ORDER_4K);
    }
    if (step == 0) {
        aspace_count(COUNT_FAULTS_2M, 1);
        f->next = window + LARGE_SIZE;
    }
    return step;
}

static int supply(struct fault *f)
{
    if (f->copy) {
        return supply_private(f);
    }
    if (f->large) {
        int step = supply_large(f);

        if (step >= 0) {
            return step;
        }
        f->no_large = true;
    }
    return supply_row(f);
}

int fault_supply_pages(struct fault *f)
{
    int step = supply(f);

    region_object_put(f->object);
    f->object = NULL;
    return step;
}

/* Read lock and window lock held.  Takes over `fresh` on 0. */
static int replace_by_copy(struct fault *f, const struct region *region, pfn_t fresh, u64 *old)
{
    unsigned level;
    u64 *entry = pt_lookup(f->addr, &level);

    *old = pte_load(entry);
    if (level != 1 || region->shared || (*old & PTE_FILE) == 0) {
        return FAULT_RETRY;
    }
    memcpy(pfn_to_virt(fresh), phys_to_virt(*old & PTE_ADDRESS), PAGE_SIZE);
    pte_store(entry, fresh << PAGE_SHIFT | pte_from_prot(region->prot) | PTE_ACCESSED | PTE_DIRTY);
    return 0;
}

int fault_supply_copy(struct fault *f)
{
    struct tlb_batch batch;
    pfn_t fresh;
    bool irq;
    int step;
    u64 old;

    if (frame_alloc(ORDER_4K, 0, &fresh) != 0) {
        return -ENOMEM;
    }
    irq = aspace_read_lock();
    step = fault_check_region(f, region_set_find(&aspace.set, f->addr));
    if (step == 0) {
        struct spinlock *lock = pt_window_lock(f->addr);
        bool window_irq = spin_lock(lock);

        step = replace_by_copy(f, region_set_find(&aspace.set, f->addr), fresh, &old);
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    if (step != 0) {
        frame_free(fresh, ORDER_4K);
        return step;
    }
    /* Other CPUs must not go on reading the page that this one will not change. */
    tlb_batch_init(&batch);
    tlb_batch_add(&batch, ALIGN_DOWN(f->addr, PAGE_SIZE), PAGE_SIZE, PAGE_SIZE);
    tlb_batch_put(&batch, (old & PTE_ADDRESS) >> PAGE_SHIFT, ORDER_4K);
    tlb_batch_finish(&batch);
    return 0;
}
