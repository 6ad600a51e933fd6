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

#define FILL_TRIES 8u      /* others may take the memory that was found */
#define MEMORY_SMALL 1024u /* pages of a memory file that is mapped by windows */

/* Lock held.  Nodes for all pages: 0, -ENOMEM, or -EEXIST if there is a page. */
static int make_slots(struct page_cache *cache, u64 index, u64 pages)
{
    for (u64 i = 0, n; i < pages; i += n) {
        const u64 *slot = page_tree_make(&cache->tree, index + i, kmalloc);

        if (slot == NULL) {
            return -ENOMEM;
        }
        (void)page_tree_slots(&cache->tree, index + i, pages - i, &n);
        for (u64 k = 0; k < n; k++) {
            if (slot[k] != 0) {
                return -EEXIST;
            }
        }
    }
    return 0;
}

int page_insert_run(struct page_cache *cache, u64 index, pfn_t frame, u64 pages, u64 flags,
                    u64 size)
{
    bool irq = spin_lock(&cache->lock);
    int error = make_slots(cache, index, pages);

    for (u64 i = 0, n; i < pages && error == 0; i += n) {
        u64 *slot = page_tree_slots(&cache->tree, index + i, pages - i, &n);

        for (u64 k = 0; k < n; k++) {
            slot[k] = (frame + i + k) << PAGE_SHIFT | SLOT_HERE | flags;
        }
    }
    if (error == 0) {
        page_slot_count(cache, (s64)pages, (flags & SLOT_DIRTY) ? (s64)pages : 0);
        page_extend(cache, size);
    }
    spin_unlock(&cache->lock, irq);
    return error;
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
        error = page_insert_run(cache, index, frame, 1, SLOT_RECENT, 0);
        if (error == 0) {
            return 0;
        }
        frame_free(frame, ORDER_4K);
    }
    page_unreserve(cache, 1);
    return error == -EEXIST ? 0 : error;
}

/* One block of frames for some of `count` pages from `index` on: how many; 0: no memory. */
static unsigned take_block(u64 index, unsigned count, pfn_t *frames)
{
    unsigned order = page_block_order(index, count);

    while (frame_alloc(order, 0, &frames[0]) != 0) {
        if (order == 0) {
            return 0;
        }
        order--;
    }
    for (unsigned i = 1; i < 1u << order; i++) {
        frames[i] = frames[0] + i;
    }
    return 1u << order;
}

unsigned page_take_frames(u64 index, pfn_t *frames, unsigned count)
{
    unsigned n = 0, block = 1;

    while (n < count && block > 0) {
        block = take_block(index + n, count - n, &frames[n]);
        n += block;
    }
    return n;
}

void page_give_frames(const pfn_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        frame_free(frames[i], ORDER_4K);
    }
}

/*
 * Puts busy pages in the holes from `index` on, as far as there is no page: how
 * many.  `flags` are the first one's.
 */
static unsigned claim(struct page_cache *cache, u64 index, const pfn_t *frames, unsigned count,
                      u64 flags)
{
    bool irq = spin_lock(&cache->lock);
    unsigned n = 0;

    while (n < count) {
        u64 *slot = page_tree_make(&cache->tree, index + n, kmalloc);

        if (slot == NULL || *slot != 0) {
            break;
        }
        *slot = frames[n] << PAGE_SHIFT | SLOT_HERE | SLOT_BUSY | (n == 0 ? flags : 0);
        n++;
    }
    page_slot_count(cache, n, 0);
    spin_unlock(&cache->lock, irq);
    return n;
}

/* Busy pages are there for all, or, if reading them failed, gone again. */
static void finish(struct page_cache *cache, u64 index, const pfn_t *frames, unsigned count,
                   int error)
{
    bool irq = spin_lock(&cache->lock);

    for (u64 i = 0, n; i < count; i += n) {
        u64 *slot = page_tree_slots(&cache->tree, index + i, count - i, &n);

        for (u64 k = 0; k < n; k++) {
            slot[k] = error == 0 ? slot[k] & ~SLOT_BUSY : 0;
        }
    }
    page_slot_count(cache, error == 0 ? 0 : -(s64)count, 0);
    spin_unlock(&cache->lock, irq);
    page_wake_run(cache, index, count); /* the cache itself may have gone */
    if (error != 0) {
        page_give_frames(frames, count);
    }
}

struct page_run *page_run_claim(struct page_cache *cache, u64 index, unsigned count, u64 flags)
{
    struct page_run *run = kmalloc(sizeof(*run) + count * sizeof(run->frame[0]));
    unsigned taken;

    if (run == NULL) {
        return NULL;
    }
    taken = page_take_frames(index, run->frame, count);
    *run = (struct page_run){.cache = cache, .index = index};
    run->count = claim(cache, index, run->frame, taken, flags);
    page_give_frames(run->frame + run->count, taken - run->count);
    if (run->count == 0) {
        kfree(run);
        return NULL;
    }
    return run;
}

int page_run_read(struct page_run *run)
{
    struct page_cache *cache = run->cache;
    int error = cache->ops->read(cache->inode, run->index, run->frame, run->count);

    page_count(PAGES_READ, error == 0 ? run->count : 0);
    finish(cache, run->index, run->frame, run->count, error);
    kfree(run);
    return error;
}

void page_run_drop(struct page_run *run)
{
    finish(run->cache, run->index, run->frame, run->count, -EAGAIN);
    kfree(run);
}

/* `count` pages, or fewer.  0: look again; -EAGAIN: there was no memory for any. */
static int read_pages(struct page_cache *cache, u64 index, unsigned count)
{
    struct page_run *run = page_run_claim(cache, index, count, 0);

    if (run == NULL) {
        /* Somebody else may have put it there. */
        return page_holes(cache, index, 1) == 0 ? 0 : -EAGAIN;
    }
    if (run->count > 1) {
        page_ahead(cache);
    }
    return page_run_read(run);
}

static unsigned plan(struct page_cache *cache, u64 index)
{
    u64 end = page_cache_end(cache);
    bool irq = spin_lock(&cache->lock);
    unsigned count = readahead_plan(&cache->ahead, index, end);

    spin_unlock(&cache->lock, irq);
    return count;
}

/* Lock held.  The holes around `index`, in its window, begin here. */
static u64 window_start(struct page_cache *cache, u64 index)
{
    u64 first = ALIGN_DOWN(index, (u64)READAHEAD_MOST), start = first;

    for (u64 i = first, n; i < index; i += n) {
        const u64 *slot = page_tree_slots(&cache->tree, i, index - i, &n);

        for (u64 k = 0; slot != NULL && k < n; k++) {
            start = slot[k] != 0 ? i + k + 1 : start;
        }
    }
    return start;
}

bool page_cache_takes_windows(struct page_cache *cache)
{
    return cache->ops->read != NULL &&
           readahead_takes_windows(page_cache_end(cache), frame_free_estimate());
}

/*
 * All of the window that is not there before `index`, and what follows.  The first window of
 * a large file is no sign that the next one will be wanted.
 */
static unsigned plan_window(struct page_cache *cache, u64 index, u64 *first)
{
    u64 end = ALIGN_DOWN(index, (u64)READAHEAD_MOST) + READAHEAD_MOST;
    bool small = page_cache_takes_windows(cache), irq;

    end = MIN(end, MAX(page_cache_end(cache), index + 1));
    irq = spin_lock(&cache->lock);
    *first = window_start(cache, index);
    if (small) {
        readahead_note_window(&cache->ahead, *first, end - *first);
    } else {
        readahead_reset(&cache->ahead);
    }
    spin_unlock(&cache->lock, irq);
    return (unsigned)(end - *first);
}

bool page_cache_maps_windows(struct page_cache *cache)
{
    return cache->ops->read == NULL ? page_cache_end(cache) <= MEMORY_SMALL
                                    : page_cache_takes_windows(cache);
}

bool page_is_streaming(struct page_cache *cache, u64 index)
{
    bool irq = spin_lock(&cache->lock);
    bool streaming = readahead_is_streaming(&cache->ahead, index);

    spin_unlock(&cache->lock, irq);
    return streaming;
}

/* `window`: all around it that is missing. */
static int fill(struct page_cache *cache, u64 index, bool window)
{
    u64 first = index;
    unsigned count;
    int error;

    if (cache->ops->read == NULL) {
        page_cache_make_room(1);
        /* Who begins at such a place (fallocate) goes on: all 2 MiB at once. */
        return page_fill_large(cache, index) == 0 ? 0 : fill_zero(cache, index);
    }
    count = window ? plan_window(cache, index, &first) : plan(cache, index);
    page_cache_make_room(count);
    error = read_pages(cache, first, count);
    if (error != 0) {
        /* Without what was not asked for: its trouble must not be this page's. */
        error = read_pages(cache, index, 1);
    }
    return error == -EAGAIN ? -ENOMEM : error;
}

static int fill_patiently(struct page_cache *cache, u64 index, bool window)
{
    int error = fill(cache, index, window);

    for (unsigned i = 0; i < FILL_TRIES && error == -ENOMEM && page_cache_find_memory(); i++) {
        error = fill(cache, index, window);
    }
    return error;
}

int page_fill(struct page_cache *cache, u64 index)
{
    return fill_patiently(cache, index, page_cache_takes_windows(cache));
}

int page_fill_window(struct page_cache *cache, u64 index)
{
    return fill_patiently(cache, index, true);
}
