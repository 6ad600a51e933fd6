/* SPDX-License-Identifier: MIT */
/*
 * Single pages of the page cache: up to 16 at a fault (the aligned 64 KiB around it, as far as
 * they are in memory), up to 128 when a CPU goes through a file in ascending order, and of small
 * files all of the aligned 2 MiB that is in memory.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>

#include "fault_file_priv.h"

#define STREAK_GROUPS 8u /* mapped at a fault in a streak */

bool fault_unchanged(const struct fault *f, const struct region *region, u64 generation)
{
    return region->object == f->object && region->start <= f->start && region->end >= f->end &&
           fault_file_index(region, f->addr) == f->index && (f->copy ? !region->shared : true) &&
           page_cache_generation(f->object->cache) == generation;
}

u64 fault_row_bits(const struct fault *f, const struct region *region, vaddr_t va)
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
static int store_row(struct fault *f, const struct region *region, struct fault_row *row)
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
            pte_store(&entry[i], row->frame[i] << PAGE_SHIFT | fault_row_bits(f, region, va));
            row->frame[i] = 0;
            stored++;
        }
    }
    aspace_count(COUNT_4K, stored);
    return 0;
}

/* Maps what it can of the row: 0 even if others have done so meanwhile. */
int fault_map_row(struct fault *f, struct fault_row *row, u64 generation)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(row->va);
        bool window_irq = spin_lock(lock);

        step = fault_unchanged(f, region, generation) ? store_row(f, region, row) : FAULT_RETRY;
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
    vaddr_t low = MAX(f->start, ALIGN_DOWN(page, FAULT_ROW * PAGE_SIZE));
    vaddr_t high = MIN(f->end, ALIGN_DOWN(page, FAULT_ROW * PAGE_SIZE) + FAULT_ROW * PAGE_SIZE);

    *before = (page - low) / PAGE_SIZE;
    *after = (high - page) / PAGE_SIZE - 1;
}

static int gather(struct fault *f, struct fault_row *row)
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
        u64 room = MIN((end - f->next) / PAGE_SIZE, FAULT_ROW);
        struct fault_row row = {.va = f->next};

        row.count = page_cache_get_ready(f->object->cache, f->index + (f->next - page) / PAGE_SIZE,
                                         (unsigned)room, row.frame);
        if (row.count == 0 || fault_map_row(f, &row, generation) != 0) {
            break;
        }
        f->next += row.count * PAGE_SIZE;
    }
}

/* Where the window and the region overlap. */
void fault_window_limits(const struct fault *f, vaddr_t *start, vaddr_t *end)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE);

    *start = MAX(f->start, window);
    *end = MIN(f->end, window + LARGE_SIZE);
}

u64 fault_index_at(const struct fault *f, vaddr_t va)
{
    return f->index + va / PAGE_SIZE - f->addr / PAGE_SIZE;
}

/* All of the window that is there. */
static void map_window(struct fault *f, u64 generation)
{
    vaddr_t va, end;

    fault_window_limits(f, &va, &end);
    while (va < end) {
        u64 room = MIN((end - va) / PAGE_SIZE, FAULT_ROW);
        struct fault_row row = {.va = va};

        row.count = page_cache_get_ready(f->object->cache, fault_index_at(f, va), (unsigned)room,
                                         row.frame);
        if (row.count > 0 && fault_map_row(f, &row, generation) != 0) {
            break;
        }
        va += MAX(row.count, 1u) * PAGE_SIZE;
    }
}

int fault_supply_row(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    struct fault_row row;
    int step = gather(f, &row);

    if (step != 0) {
        return step;
    }
    step = fault_map_row(f, &row, generation);
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
