/* SPDX-License-Identifier: MIT */
/*
 * Frames of 2 MiB in files.  To the cache they are 512 pages that happen to
 * lie side by side: each is counted, unmapped and freed for itself, so that
 * truncation, holes, eviction and demotion need no case of their own.  What is
 * gained is that mappings can have them as one.  Counting 512 uses costs about
 * 3 us, less than the fault.
 *
 * Pages of a whole window that lie anywhere, as small writes and small reads
 * leave them, are moved together when somebody wants to map the window.  The
 * copy takes 50 us; to map and touch 512 single pages takes 4 ms on kvm_pvm
 * (a miss of the shadow page table for each) and 0.2 ms elsewhere.  Pages that
 * anybody else uses stay where they are.
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#define LARGE_PAGES (1ull << ORDER_2M)
#define TRIES 6u /* wait, fill both ends, gather, take, and one for bad luck */

enum window {
    WINDOW_EMPTY,     /* no page is there */
    WINDOW_PARTLY,    /* some are */
    WINDOW_BUSY,      /* all are, but some are being read or moved */
    WINDOW_SCATTERED, /* all are, anywhere */
    WINDOW_LARGE,     /* all are, side by side, as a 2 MiB frame */
};

/* Lock held.  What is there of the 512 pages from `index` on; the first one's frame. */
static enum window look(struct page_cache *cache, u64 index, pfn_t *frame)
{
    u64 there = 0, busy = 0;
    bool side_by_side = true;

    for (u64 i = 0, n; i < LARGE_PAGES; i += n) {
        const u64 *slot = page_tree_slots(&cache->tree, index + i, LARGE_PAGES - i, &n);

        for (u64 k = 0; slot != NULL && k < n; k++) {
            if (slot[k] == 0) {
                continue;
            }
            if (i + k == 0) {
                *frame = slot_pfn(slot[k]);
            }
            there++;
            busy |= slot[k] & SLOT_BUSY;
            side_by_side &= slot_pfn(slot[k]) == *frame + i + k;
        }
        if (there != 0 && there < i + n) {
            return WINDOW_PARTLY;
        }
    }
    if (there == 0) {
        return WINDOW_EMPTY;
    }
    if (busy != 0) {
        return WINDOW_BUSY;
    }
    return side_by_side && IS_ALIGNED(*frame, LARGE_PAGES) ? WINDOW_LARGE : WINDOW_SCATTERED;
}

/* Lock held; all pages are there, from `frame` on.  True: what follows is to be read. */
static bool use_all(struct page_cache *cache, u64 index, pfn_t frame)
{
    u64 flags = 0;

    frame_get_all(frame, LARGE_PAGES);
    for (u64 i = 0, n; i < LARGE_PAGES; i += n) {
        u64 *slot = page_tree_slots(&cache->tree, index + i, LARGE_PAGES - i, &n);

        for (u64 k = 0; k < n; k++) {
            flags |= slot[k];
            if ((slot[k] & (SLOT_AHEAD | SLOT_RECENT)) != SLOT_RECENT) {
                slot[k] = (slot[k] & ~SLOT_AHEAD) | SLOT_RECENT;
            }
        }
    }
    return (flags & SLOT_AHEAD) != 0;
}

/* A zeroed frame for a memory file; -EEXIST if somebody was quicker. */
static int fill_zero(struct page_cache *cache, u64 index)
{
    int error = page_reserve(cache, (s64)LARGE_PAGES);
    pfn_t frame;

    if (error != 0) {
        return error;
    }
    error = frame_alloc(ORDER_2M, FRAME_ZERO, &frame);
    if (error == 0) {
        error = page_insert_run(cache, index, frame, LARGE_PAGES, SLOT_RECENT, 0);
        if (error == 0) {
            return 0;
        }
        frame_free(frame, ORDER_2M);
    }
    page_unreserve(cache, LARGE_PAGES);
    return error;
}

/* Lock held.  May the page be moved?  Nobody but the cache uses it, and nobody can come to. */
static bool may_move(u64 slot)
{
    return (slot & (SLOT_HERE | SLOT_BUSY | SLOT_WRITING)) == SLOT_HERE &&
           frame_uses(slot_pfn(slot)) == 1;
}

/* Makes all pages busy, and lists their frames: 0, or -EEXIST and none is. */
static int claim_all(struct page_cache *cache, u64 index, pfn_t *old)
{
    bool irq = spin_lock(&cache->lock);
    bool may = true;

    for (u64 i = 0, n; i < LARGE_PAGES && may; i += n) {
        const u64 *slot = page_tree_slots(&cache->tree, index + i, LARGE_PAGES - i, &n);

        may = slot != NULL;
        for (u64 k = 0; may && k < n; k++) {
            may = may_move(slot[k]);
            old[i + k] = slot_pfn(slot[k]);
        }
    }
    for (u64 i = 0, n; i < LARGE_PAGES && may; i += n) {
        u64 *slot = page_tree_slots(&cache->tree, index + i, LARGE_PAGES - i, &n);

        for (u64 k = 0; k < n; k++) {
            slot[k] |= SLOT_BUSY;
        }
    }
    spin_unlock(&cache->lock, irq);
    return may ? 0 : -EEXIST;
}

/* The busy pages have moved to `frame` and on. */
static void replace_all(struct page_cache *cache, u64 index, pfn_t frame)
{
    bool irq = spin_lock(&cache->lock);

    for (u64 i = 0, n; i < LARGE_PAGES; i += n) {
        u64 *slot = page_tree_slots(&cache->tree, index + i, LARGE_PAGES - i, &n);

        for (u64 k = 0; k < n; k++) {
            slot[k] = (frame + i + k) << PAGE_SHIFT | (slot[k] & SLOT_FLAGS & ~SLOT_BUSY);
        }
    }
    spin_unlock(&cache->lock, irq);
    page_wake_run(cache, index, LARGE_PAGES);
}

/* Moves the 512 pages to `frame`; `old` has room for the list of theirs. */
static int move_all(struct page_cache *cache, u64 index, pfn_t frame, pfn_t *old)
{
    int error = claim_all(cache, index, old);

    if (error != 0) {
        return error;
    }
    for (u64 i = 0; i < LARGE_PAGES; i++) {
        memcpy(pfn_to_virt(frame + i), pfn_to_virt(old[i]), PAGE_SIZE);
    }
    replace_all(cache, index, frame);
    for (u64 i = 0; i < LARGE_PAGES; i++) {
        frame_put(old[i], ORDER_4K);
    }
    return 0;
}

static int gather(struct page_cache *cache, u64 index)
{
    pfn_t *old = kmalloc(LARGE_PAGES * sizeof(*old));
    int error = old == NULL ? -ENOMEM : 0;
    pfn_t frame;

    if (error == 0) {
        error = frame_alloc(ORDER_2M, 0, &frame);
    }
    if (error == 0) {
        error = move_all(cache, index, frame, old);
        if (error != 0) {
            frame_free(frame, ORDER_2M);
        }
    }
    kfree(old);
    return error;
}

/*
 * Is the window read whole?  So is the first one of any file that is mapped: it has the
 * directory of what follows, and is looked at here and there.  A JVM's start had 43 faults in
 * the first MiB of its modules.
 */
static bool reads_whole(struct page_cache *cache, u64 index)
{
    return page_cache_takes_windows(cache) ||
           (index == 0 && readahead_takes_windows(LARGE_PAGES, frame_free_estimate()));
}

/* Reads the first hole of the window, and what follows it, if that is done anyway. */
static int read_on(struct page_cache *cache, u64 index, enum window found, enum large_effort effort)
{
    bool whole = reads_whole(cache, index);
    u64 i = 0;

    if (effort != LARGE_READ ||
        (!whole && (found == WINDOW_PARTLY || !page_is_streaming(cache, index)))) {
        return -EEXIST;
    }
    while (i < LARGE_PAGES && page_holes(cache, index + i, 1) == 0) {
        i++;
    }
    if (i == LARGE_PAGES) {
        return 0;
    }
    return whole ? page_fill_window(cache, index + i) : page_fill(cache, index + i);
}

/*
 * Pages are missing.  A file that lives elsewhere is read only if that goes on
 * anyway.  0: look again, perhaps somebody else was quicker.
 */
static int fill(struct page_cache *cache, u64 index, enum window found, enum large_effort effort)
{
    int error;

    if (cache->ops->read != NULL) {
        return read_on(cache, index, found, effort);
    }
    if (found != WINDOW_EMPTY) {
        return -EEXIST;
    }
    error = fill_zero(cache, index);
    return error == -EEXIST ? 0 : error;
}

static bool is_place(const struct page_cache *cache, u64 index)
{
    return IS_ALIGNED(index, LARGE_PAGES) && index + LARGE_PAGES <= page_cache_end(cache);
}

static enum window find(struct page_cache *cache, u64 index, bool use, pfn_t *frame)
{
    bool irq = spin_lock(&cache->lock);
    enum window found = look(cache, index, frame);
    bool ahead = found == WINDOW_LARGE && use && use_all(cache, index, *frame);

    spin_unlock(&cache->lock, irq);
    if (ahead) {
        page_ahead(cache);
    }
    return found;
}

int page_fill_large(struct page_cache *cache, u64 index)
{
    pfn_t frame;

    if (cache->ops->read != NULL || !is_place(cache, index)) {
        return -EINVAL;
    }
    return find(cache, index, false, &frame) == WINDOW_EMPTY ? fill_zero(cache, index) : -EEXIST;
}

/* Makes a window one that is WINDOW_LARGE: 0, look again. */
static int make_large(struct page_cache *cache, u64 index, enum window found,
                      enum large_effort effort)
{
    if ((found == WINDOW_EMPTY || found == WINDOW_PARTLY) && effort >= LARGE_MAKE) {
        return fill(cache, index, found, effort);
    }
    if (found == WINDOW_SCATTERED && effort >= LARGE_MAKE) {
        return gather(cache, index);
    }
    if (found == WINDOW_BUSY && effort == LARGE_READ) {
        page_wait(cache, index, SLOT_BUSY);
        page_wait(cache, index + LARGE_PAGES - 1, SLOT_BUSY);
        return 0;
    }
    return -EEXIST;
}

int page_cache_get_large(struct page_cache *cache, u64 index, enum large_effort effort,
                         pfn_t *frame)
{
    for (unsigned i = 0; i < TRIES; i++) {
        enum window found;
        int error;

        if (!is_place(cache, index)) {
            return -EINVAL;
        }
        found = find(cache, index, true, frame);
        if (found == WINDOW_LARGE) {
            return 0;
        }
        error = make_large(cache, index, found, effort);
        if (error != 0) {
            return error;
        }
    }
    return -EEXIST;
}

bool page_cache_may_copy_ahead(struct page_cache *cache)
{
    return cache->ops->write == NULL && page_cache_takes_windows(cache);
}

/* As one request, if the frames lie side by side. */
static int read_past(struct page_cache *cache, u64 index, const pfn_t *frames, unsigned count)
{
    pfn_t *list = kmalloc(count * LARGE_PAGES * sizeof(*list));
    u64 pages = count * LARGE_PAGES;
    int error;

    if (list == NULL) {
        return -ENOMEM;
    }
    for (u64 i = 0; i < pages; i++) {
        list[i] = frames[i / LARGE_PAGES] + i % LARGE_PAGES;
    }
    error = cache->ops->read(cache->inode, index, list, (unsigned)pages);
    page_count(PAGES_READ, error == 0 ? pages : 0);
    kfree(list);
    return error;
}

/* From the cache, into which they may have been read ahead.  False: not all are there. */
static bool copy_cached(struct page_cache *cache, u64 index, pfn_t to)
{
    pfn_t *list = kmalloc(LARGE_PAGES * sizeof(*list));
    unsigned n = list == NULL ? 0 : page_cache_get_ready(cache, index, LARGE_PAGES, list);

    for (unsigned i = 0; i < n; i++) {
        if (n == LARGE_PAGES) {
            memcpy(pfn_to_virt(to + i), pfn_to_virt(list[i]), PAGE_SIZE);
        }
        frame_put(list[i], ORDER_4K);
    }
    kfree(list);
    return n == LARGE_PAGES;
}

int page_cache_copy_large(struct page_cache *cache, u64 index, unsigned count, pfn_t *frames)
{
    u64 end = page_cache_end(cache);
    unsigned n = 0, copied = 0;
    int error;

    if (!page_cache_may_copy_ahead(cache) || index + LARGE_PAGES > end) {
        return -EINVAL;
    }
    count = (unsigned)MIN((end - index) / LARGE_PAGES, (u64)count);
    while (n < count && frame_alloc(ORDER_2M, 0, &frames[n]) == 0) {
        n++;
    }
    while (copied < n && copy_cached(cache, index + copied * LARGE_PAGES, frames[copied])) {
        copied++;
    }
    error = n == 0 ? -ENOMEM : 0;
    if (copied < n) {
        error = read_past(cache, index + copied * LARGE_PAGES, frames + copied, n - copied);
    }
    for (unsigned i = 0; i < n && error != 0; i++) {
        frame_free(frames[i], ORDER_2M);
    }
    return error == 0 ? (int)n : error;
}

int page_cache_copy_pages(struct page_cache *cache, u64 index, unsigned count, pfn_t *frames)
{
    unsigned n;
    int error;

    if (!page_cache_may_copy_ahead(cache) || index + count > page_cache_end(cache)) {
        return -EINVAL;
    }
    if (page_holes(cache, index, 1) == 0) {
        return -EEXIST;
    }
    n = page_take_frames(index, frames, count);
    error = n < count ? -ENOMEM : cache->ops->read(cache->inode, index, frames, count);
    if (error != 0) {
        page_give_frames(frames, n);
    } else {
        page_count(PAGES_READ, count);
    }
    return error;
}
