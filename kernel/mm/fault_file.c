/* SPDX-License-Identifier: MIT */
/*
 * Page faults on mappings of files.  The frames of the page cache are mapped
 * themselves, many at a fault, because a fault costs more than mapping hundreds of pages.
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

#include "fault_file_priv.h"

u64 fault_file_index(const struct region *region, vaddr_t va)
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
        page_cache_set_dirty(region->object->cache, fault_file_index(region, f->addr));
    }
    for (;;) {
        u64 new = upgrade ? pte_with_bits(old, bits) | PTE_DIRTY : leaf_with_bits(old, bits);

        if (old == new || pte_replace(entry, &old, new)) {
            return 0;
        }
    }
}

/*
 * Does the region hold the whole window, at such a place of the file?  Not if
 * pages of it may be written to and somebody wants to know which: all 512 would
 * have to be written back; nor if they may be copied one by one.
 */
bool fault_fits_large(const struct region *region, vaddr_t va)
{
    vaddr_t window = ALIGN_DOWN(va, LARGE_SIZE);
    bool single = region->shared
                      ? region->object->may_write && page_cache_has_dirty(region->object->cache)
                      : (region->prot & PROT_WRITE) != 0;

    return !single && region->pages != PAGES_SMALL && window >= region->start &&
           region->end - window >= LARGE_SIZE &&
           IS_ALIGNED(region->offset - region->start, LARGE_SIZE);
}

/* Might the window have a frame of its own, filled from the file? */
static bool fits_own_large(const struct region *region, vaddr_t va)
{
    vaddr_t window = ALIGN_DOWN(va, LARGE_SIZE);

    return !region->shared && region->pages != PAGES_SMALL && window >= region->start &&
           region->end - window >= LARGE_SIZE && page_cache_may_copy_ahead(region->object->cache);
}

/* What may be written to, of a small file, is copied at once: a library's data always is. */
static bool is_copied_ahead(const struct region *region)
{
    return !region->shared && (region->prot & PROT_WRITE) != 0 &&
           page_cache_may_copy_ahead(region->object->cache);
}

/* Does no window of it lie in the cache as it would in memory? */
static bool is_skewed(const struct region *region)
{
    return !region->shared && !IS_ALIGNED(region->offset - region->start, LARGE_SIZE) &&
           page_cache_may_copy_ahead(region->object->cache);
}

/* The empty windows of the region around the fault's, all under one lock. */
static void find_large_windows(struct fault *f, const struct region *region, const u64 *entry,
                               unsigned level)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE), group = ALIGN_DOWN(window, PT_GROUP_SIZE);
    vaddr_t low = MAX(ALIGN_UP(region->start, LARGE_SIZE), group);
    vaddr_t high = MIN(ALIGN_DOWN(region->end, LARGE_SIZE), group + PT_GROUP_SIZE);

    f->large_start = window;
    f->large_end = window + LARGE_SIZE;
    for (const u64 *at = entry; f->large_start > low && (level > 2 || pte_load(--at) == 0);) {
        f->large_start -= LARGE_SIZE;
    }
    for (const u64 *at = entry; f->large_end < high && (level > 2 || pte_load(++at) == 0);) {
        f->large_end += LARGE_SIZE;
    }
}

/* The windows from the fault's on that are the region's and empty, all under one lock. */
static void find_own_windows(struct fault *f, const struct region *region, const u64 *entry,
                             unsigned level)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE);
    vaddr_t end = MIN(region->end, ALIGN_DOWN(window, PT_GROUP_SIZE) + PT_GROUP_SIZE);

    f->own_start = window;
    f->own_end = window + LARGE_SIZE;
    while (end - f->own_end >= LARGE_SIZE && (level > 2 || pte_load(++entry) == 0)) {
        f->own_end += LARGE_SIZE;
    }
}

/* The part of the window around the fault where nothing is mapped yet. */
static void find_own_pages(struct fault *f, const struct region *region, const u64 *entry,
                           unsigned level)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE), page = ALIGN_DOWN(f->addr, PAGE_SIZE);
    vaddr_t low = MAX(region->start, window), high = MIN(region->end, window + LARGE_SIZE);

    f->own_start = level > 1 ? low : page;
    f->own_end = level > 1 ? high : page + PAGE_SIZE;
    for (const u64 *at = entry; f->own_start > low && pte_load(--at) == 0;) {
        f->own_start -= PAGE_SIZE;
    }
    for (const u64 *at = entry; f->own_end < high && pte_load(++at) == 0;) {
        f->own_end += PAGE_SIZE;
    }
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
    f->index = fault_file_index(region, f->addr);
    f->start = region->start;
    f->end = region->end;
    f->copy = (write && !region->shared) || is_copied_ahead(region);
    f->store = write && region->shared;
    f->large = level > 1 && fault_fits_large(region, f->addr) && !f->no_large;
    f->own_large = level > 1 && !f->large && fits_own_large(region, f->addr) && !f->no_large;
    f->own_pages = !f->own_tried && (is_copied_ahead(region) || is_skewed(region));
    if (f->large) {
        find_large_windows(f, region, entry, level);
    } else if (f->own_large) {
        find_own_windows(f, region, entry, level);
    } else if (f->own_pages) {
        find_own_pages(f, region, entry, level);
    }
    return FAULT_NEEDS_PAGES;
}

static int supply(struct fault *f)
{
    if (f->own_large) {
        int step = fault_supply_own_large(f);

        if (step >= 0) {
            return step;
        }
        f->no_large = true; /* and another look for what there can be */
        return FAULT_RETRY;
    }
    if (f->own_pages) {
        int step = fault_supply_own_pages(f);

        if (step >= 0) {
            return step;
        }
        f->own_tried = true;
    }
    if (f->copy) {
        return fault_supply_private(f);
    }
    if (f->large) {
        int step = fault_supply_large(f);

        if (step >= 0) {
            return step;
        }
        f->no_large = true;
    }
    return fault_supply_row(f);
}

int fault_supply_pages(struct fault *f)
{
    int step = supply(f);

    region_object_put(f->object);
    f->object = NULL;
    return step;
}
