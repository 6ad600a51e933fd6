/* SPDX-License-Identifier: MIT */
/*
 * Pages that are not there yet.  Of a file that lives elsewhere, several are
 * read at once (readahead.c): they stand in the tree as busy while the file
 * system fills them, with no lock held.  Of a memory file it is one zeroed
 * frame.
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/vfs.h>

int page_insert(struct page_cache *cache, u64 index, pfn_t frame, u64 flags)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_make(&cache->tree, index, kmalloc);
    int result = 0;

    if (slot == NULL) {
        result = -ENOMEM;
    } else if (*slot != 0) {
        result = -EEXIST;
    } else {
        *slot = frame << PAGE_SHIFT | SLOT_HERE | flags;
        page_slot_count(cache, 1, (flags & SLOT_DIRTY) != 0);
    }
    spin_unlock(&cache->lock, irq);
    return result;
}

int page_reserve(struct page_cache *cache, s64 pages)
{
    return cache->ops->reserve == NULL || pages == 0 ? 0 : cache->ops->reserve(cache->inode, pages);
}

/* Giving back cannot fail. */
void page_unreserve(struct page_cache *cache, u64 pages)
{
    int ignored = page_reserve(cache, -(s64)pages);

    (void)ignored;
}

static int fill_zero(struct page_cache *cache, u64 index)
{
    int error = page_reserve(cache, 1);
    pfn_t frame;

    if (error != 0) {
        return error;
    }
    error = frame_alloc(ORDER_4K, FRAME_ZERO, &frame);
    if (error == 0) {
        error = page_insert(cache, index, frame, SLOT_RECENT);
        if (error == 0) {
            return 0;
        }
        frame_free(frame, ORDER_4K);
    }
    page_unreserve(cache, 1);
    return error == -EEXIST ? 0 : error;
}

static unsigned take_frames(pfn_t *frames, unsigned count)
{
    unsigned n = 0;

    while (n < count && frame_alloc(ORDER_4K, 0, &frames[n]) == 0) {
        n++;
    }
    return n;
}

static void give_frames(const pfn_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frame_free(frames[i], ORDER_4K);
    }
}

/* Puts busy pages in the holes from `index` on, as far as there is no page: how many. */
static unsigned claim(struct page_cache *cache, u64 index, const pfn_t *frames, unsigned count)
{
    unsigned n = 0;

    while (n < count && page_insert(cache, index + n, frames[n], SLOT_BUSY) == 0) {
        n++;
    }
    return n;
}

/* Busy pages are there for all, or, if reading them failed, gone again. */
static void finish(struct page_cache *cache, u64 index, const pfn_t *frames, unsigned count,
                   int error)
{
    bool irq = spin_lock(&cache->lock);

    for (unsigned i = 0; i < count; i++) {
        u64 *slot = page_tree_find(&cache->tree, index + i);

        if (error == 0) {
            *slot &= ~SLOT_BUSY;
        } else {
            *slot = 0;
            page_slot_count(cache, -1, 0);
        }
    }
    spin_unlock(&cache->lock, irq);
    for (unsigned i = 0; i < count; i++) {
        page_wake(cache, index + i);
    }
    if (error != 0) {
        give_frames(frames, count);
    }
}

static int read_pages(struct page_cache *cache, u64 index, pfn_t *frames, unsigned count)
{
    unsigned taken = take_frames(frames, count);
    unsigned claimed;
    int error;

    if (taken == 0) {
        return -ENOMEM;
    }
    claimed = claim(cache, index, frames, taken);
    give_frames(frames + claimed, taken - claimed);
    if (claimed == 0) {
        /* Somebody else has put it there; or there is no memory for a node. */
        bool irq = spin_lock(&cache->lock);
        const u64 *slot = page_tree_find(&cache->tree, index);

        error = slot != NULL && *slot != 0 ? 0 : -EAGAIN;
        spin_unlock(&cache->lock, irq);
        return error;
    }
    error = cache->ops->read(cache->inode, index, frames, claimed);
    finish(cache, index, frames, claimed, error);
    page_count(PAGES_READ, error == 0 ? claimed : 0);
    return error;
}

static unsigned plan(struct page_cache *cache, u64 index)
{
    u64 end = page_cache_end(cache);
    bool irq = spin_lock(&cache->lock);
    unsigned count = readahead_plan(&cache->ahead, index, end);

    spin_unlock(&cache->lock, irq);
    return count;
}

int page_fill(struct page_cache *cache, u64 index)
{
    unsigned count;
    pfn_t *frames, one;
    int error;

    page_cache_make_room();
    if (cache->ops->read == NULL) {
        /* Who begins at such a place (fallocate) goes on: all 2 MiB at once. */
        return page_fill_large(cache, index) == 0 ? 0 : fill_zero(cache, index);
    }
    count = plan(cache, index);
    frames = count == 1 ? NULL : kmalloc(count * sizeof(*frames));
    error = frames == NULL ? -ENOMEM : read_pages(cache, index, frames, count);
    kfree(frames);
    if (error != 0) {
        /* Without what was not asked for: its trouble must not be this page's. */
        error = read_pages(cache, index, &one, 1);
    }
    return error == -EAGAIN ? -ENOMEM : error;
}
