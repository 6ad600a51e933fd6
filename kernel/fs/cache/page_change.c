/* SPDX-License-Identifier: MIT */
/*
 * Taking pages away: truncation and holes.
 *
 * The pages leave the tree first, then the mappings lose them.  A fault that
 * found a page before and would map it after both is told by `generation`: it
 * is read before the page is looked up and compared under the lock of the
 * page table, and it changes between the two steps here.
 */
#include "page_cache_priv.h"

#include <kernel/aspace.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#define PAGES_AT_ONCE 64u /* with the lock held, that is with interrupts off */

static void remove_page(struct page_cache *cache, u64 *slot)
{
    pfn_t frame = slot_pfn(*slot);

    page_slot_count(cache, -1, (*slot & SLOT_DIRTY) ? -1 : 0);
    *slot = 0;
    frame_put(frame, ORDER_4K);
}

/* Removes some pages from *index on; true if there may be more.  Waits for none. */
static bool remove_some(struct page_cache *cache, u64 *index, u64 end, u64 *removed, bool *busy)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_next(&cache->tree, index, end);
    unsigned n = 0;

    while (slot != NULL && (*slot & (SLOT_BUSY | SLOT_WRITING)) == 0 && n < PAGES_AT_ONCE) {
        remove_page(cache, slot);
        n++;
        slot = page_tree_next(&cache->tree, index, end);
    }
    *busy = slot != NULL && (*slot & (SLOT_BUSY | SLOT_WRITING)) != 0;
    *removed += n;
    spin_unlock(&cache->lock, irq);
    return slot != NULL;
}

static u64 remove_pages(struct page_cache *cache, u64 index, u64 end)
{
    u64 removed = 0;
    bool busy;

    while (remove_some(cache, &index, end, &removed, &busy)) {
        if (busy) {
            page_wait(cache, index, SLOT_BUSY | SLOT_WRITING);
        }
    }
    return removed;
}

static void prune(struct page_cache *cache, u64 index, u64 end)
{
    bool more = true;

    while (more) {
        bool irq = spin_lock(&cache->lock);

        more = page_tree_prune(&cache->tree, &index, end, kfree);
        spin_unlock(&cache->lock, irq);
    }
}

/* Pages [index, end) of the file are no more, for anybody. */
static void take_away(struct page_cache *cache, u64 index, u64 end, bool copies)
{
    u64 removed = remove_pages(cache, index, end);

    atomic_fetch_add_explicit(&cache->generation, 1, memory_order_release);
    if (atomic_load_explicit(&cache->mappings, memory_order_acquire) != 0) {
        aspace_unmap_file(cache, index, end, copies);
    }
    if (removed > 0 || index == 0) { /* eviction leaves nodes with nothing in them */
        prune(cache, index, end);
    }
    if (removed > 0) {
        page_unreserve(cache, removed);
    }
}

/* Zeroes [from, to) within one page, if it is there. */
static void zero_part(struct page_cache *cache, u64 from, u64 to)
{
    pfn_t frame;

    page_wait(cache, from / PAGE_SIZE, SLOT_BUSY);
    if (from < to && page_cache_get_ready(cache, from / PAGE_SIZE, 1, &frame) == 1) {
        memset((u8 *)pfn_to_virt(frame) + from % PAGE_SIZE, 0, to - from);
        frame_put(frame, ORDER_4K);
    }
}

void page_cache_truncate(struct page_cache *cache, u64 size)
{
    u64 end = ALIGN_UP(size, PAGE_SIZE);

    if (end < size) {
        return; /* no page lies so far out */
    }
    zero_part(cache, size, end);
    take_away(cache, end / PAGE_SIZE, PAGE_TREE_END, true);
}

/* An edge of a hole: of a file that lives elsewhere, the page must be there to be changed. */
static int punch_edge(struct page_cache *cache, u64 from, u64 to)
{
    pfn_t frame;
    int error;

    if (from >= to || cache->ops->read == NULL) {
        zero_part(cache, from, to);
        return 0;
    }
    error = page_cache_get(cache, from / PAGE_SIZE, true, &frame);
    if (error != 0) {
        return error;
    }
    memset((u8 *)pfn_to_virt(frame) + from % PAGE_SIZE, 0, to - from);
    page_cache_set_dirty(cache, from / PAGE_SIZE);
    frame_put(frame, ORDER_4K);
    return 0;
}

int page_cache_punch(struct page_cache *cache, u64 start, u64 end)
{
    u64 size = atomic_load_explicit(&cache->inode->size, memory_order_acquire);
    u64 first, last;
    int error;

    end = MIN(end, ALIGN_UP(size, PAGE_SIZE));
    if (start >= end) {
        return 0;
    }
    first = ALIGN_UP(start, PAGE_SIZE);
    last = ALIGN_DOWN(end, PAGE_SIZE);
    if (first > last) { /* within one page */
        return punch_edge(cache, start, end);
    }
    error = punch_edge(cache, start, first);
    if (error == 0) {
        error = punch_edge(cache, last, end);
    }
    if (error == 0 && first < last) {
        take_away(cache, first / PAGE_SIZE, last / PAGE_SIZE, false);
    }
    return error;
}
