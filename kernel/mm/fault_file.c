/* SPDX-License-Identifier: MIT */
/*
 * Page faults on mappings of files.  The frames of the page cache are mapped
 * themselves, up to 16 at a fault (the aligned 64 KiB around it, as far as they
 * are in memory), up to 128 when a CPU goes through a file in ascending order, and
 * of small files all of the aligned 2 MiB that is in memory: a fault costs
 * more than mapping hundreds of pages.
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
#include <kernel/trace.h>
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

/*
 * Does the region hold the whole window, at such a place of the file?  Not if
 * pages of it may be written to and somebody wants to know which: all 512 would
 * have to be written back; nor if they may be copied one by one.
 */
static bool fits_large(const struct region *region, vaddr_t va)
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
    f->index = index_of(region, f->addr);
    f->start = region->start;
    f->end = region->end;
    f->copy = (write && !region->shared) || is_copied_ahead(region);
    f->store = write && region->shared;
    f->large = level > 1 && fits_large(region, f->addr) && !f->no_large;
    f->own_large = level > 1 && !f->large && fits_own_large(region, f->addr) && !f->no_large;
    f->own_pages = !f->own_tried && (is_copied_ahead(region) || is_skewed(region));
    if (f->own_large) {
        find_own_windows(f, region, entry, level);
    } else if (f->own_pages) {
        find_own_pages(f, region, entry, level);
    }
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

/* Where the window and the region overlap. */
static void window_limits(const struct fault *f, vaddr_t *start, vaddr_t *end)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE);

    *start = MAX(f->start, window);
    *end = MIN(f->end, window + LARGE_SIZE);
}

static u64 index_at(const struct fault *f, vaddr_t va)
{
    return f->index + va / PAGE_SIZE - f->addr / PAGE_SIZE;
}

/* All of the window that is there. */
static void map_window(struct fault *f, u64 generation)
{
    vaddr_t va, end;

    window_limits(f, &va, &end);
    while (va < end) {
        u64 room = MIN((end - va) / PAGE_SIZE, AROUND);
        struct row row = {.va = va};

        row.count =
            page_cache_get_ready(f->object->cache, index_at(f, va), (unsigned)room, row.frame);
        if (row.count > 0 && map_row(f, &row, generation) != 0) {
            break;
        }
        va += MAX(row.count, 1u) * PAGE_SIZE;
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
        if (page_cache_maps_windows(f->object->cache)) {
            map_window(f, generation);
        } else if (f->populate || fault_streak(f->addr) >= 2) {
            map_ahead(f, generation);
        }
        fault_streak_note(f->addr, f->next);
    }
    return step;
}

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
static int copy_row(struct row *row, const pfn_t *pages, unsigned count)
{
    while (row->count < count && frame_alloc(ORDER_4K, 0, &row->frame[row->count]) == 0) {
        memcpy(pfn_to_virt(row->frame[row->count]), pfn_to_virt(pages[row->count]), PAGE_SIZE);
        row->count++;
    }
    return row->count == 0 ? -ENOMEM : 0;
}

/* Copies of `count` pages, for `row`.  The uses of the pages stay the caller's. */
static int map_copies(struct fault *f, struct row *row, const pfn_t *pages, unsigned count,
                      u64 generation)
{
    int error = copy_row(row, pages, count);

    return error != 0 ? error : map_row(f, row, generation);
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

    window_limits(f, &va, &end);
    while (va < end && error == 0) {
        unsigned room = (unsigned)MIN((end - va) / PAGE_SIZE, FAULT_PAGES_MAX);
        struct row row = {.va = va};
        pfn_t pages[FAULT_PAGES_MAX];
        unsigned count = page_cache_get_ready(f->object->cache, index_at(f, va), room, pages);

        if (count > 0) {
            error = map_copies(f, &row, pages, count, generation);
            put_pages(pages, count);
        }
        va += MAX(count, 1u) * PAGE_SIZE;
    }
}

/* A private page that is written to before it was ever mapped; in a streak, those behind it. */
static int supply_private(struct fault *f)
{
    struct page_cache *cache = f->object->cache;
    u64 generation = page_cache_generation(cache);
    struct row row = {.va = ALIGN_DOWN(f->addr, PAGE_SIZE)};
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

        step = unchanged(f, region, generation) && fits_large(region, f->addr)
                   ? fault_store_large(row->va, row->frame, row->count,
                                       row_bits(f, region, row->va), &row->mapped)
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

/*
 * By 2 MiB, several at once: on kvm_pvm each store to a directory that is in use
 * makes the host forget what it knew of all its entries, so that mapping and
 * touching them in turns costs 100 us for each.  -EEXIST and the like: not so.
 */
static int supply_large(struct fault *f)
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

/* Read lock and window lock held.  One page of a large one is to be copied: it is split. */
static int split_large(vaddr_t va)
{
    int error = pt_demote(va);

    if (error == 0) {
        aspace_count(COUNT_2M, -1);
        aspace_count(COUNT_4K, PT_ENTRIES);
        aspace_count(COUNT_DEMOTIONS, 1);
        trace(TRACE_DEMOTE, va, 2);
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
