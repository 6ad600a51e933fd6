/* SPDX-License-Identifier: MIT */
/*
 * Frames of 2 MiB in memory files.  To the cache they are 512 pages that happen
 * to lie side by side: each is counted, unmapped and freed for itself, so that
 * truncation, holes and demotion need no case of their own.  What is gained is
 * that mappings can have them as one.  Counting 512 uses costs about 3 us, less
 * than the fault.
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/vfs.h>

#define LARGE_PAGES (1ull << ORDER_2M)

static bool may_have_large(const struct page_cache *cache, u64 index)
{
    return cache->ops->read == NULL && cache->ops->write == NULL &&
           index + LARGE_PAGES <= page_cache_end(cache);
}

/* Lock held.  0 and the frame if all pages are there, side by side; -ENOENT: none; -EEXIST. */
static int look(struct page_cache *cache, u64 index, pfn_t *frame)
{
    u64 at = index;
    const u64 *slot = page_tree_next(&cache->tree, &at, index + LARGE_PAGES);

    if (slot == NULL) {
        return -ENOENT;
    }
    *frame = slot_pfn(*slot);
    if (at != index || !IS_ALIGNED(*frame, LARGE_PAGES)) {
        return -EEXIST;
    }
    for (u64 i = 1; i < LARGE_PAGES; i++) {
        slot = page_tree_find(&cache->tree, index + i);
        if (slot == NULL || *slot == 0 || slot_pfn(*slot) != *frame + i) {
            return -EEXIST;
        }
    }
    return 0;
}

static void use_all(pfn_t frame)
{
    for (u64 i = 0; i < LARGE_PAGES; i++) {
        frame_get(frame + i);
    }
}

/* Lock held; no page is there.  All or nothing. */
static int insert_all(struct page_cache *cache, u64 index, pfn_t frame)
{
    for (u64 i = 0; i < LARGE_PAGES; i++) {
        u64 *slot = page_tree_make(&cache->tree, index + i, kmalloc);

        if (slot == NULL) {
            while (i-- > 0) {
                *page_tree_find(&cache->tree, index + i) = 0;
            }
            return -ENOMEM;
        }
        *slot = (frame + i) << PAGE_SHIFT | SLOT_HERE | SLOT_RECENT;
    }
    page_slot_count(cache, (s64)LARGE_PAGES, 0);
    return 0;
}

/* Puts a fresh frame there; -EEXIST if somebody was quicker. */
static int fill_frame(struct page_cache *cache, u64 index)
{
    pfn_t frame, other;
    int error = frame_alloc(ORDER_2M, FRAME_ZERO, &frame);
    bool irq;

    if (error != 0) {
        return error;
    }
    irq = spin_lock(&cache->lock);
    error = look(cache, index, &other) == -ENOENT ? insert_all(cache, index, frame) : -EEXIST;
    spin_unlock(&cache->lock, irq);
    if (error != 0) {
        frame_free(frame, ORDER_2M);
    }
    return error;
}

static int fill(struct page_cache *cache, u64 index)
{
    int error = page_reserve(cache, (s64)LARGE_PAGES);

    if (error == 0) {
        error = fill_frame(cache, index);
        if (error != 0) {
            page_unreserve(cache, LARGE_PAGES);
        }
    }
    return error;
}

int page_fill_large(struct page_cache *cache, u64 index)
{
    pfn_t frame;
    bool irq;
    int found;

    if (!IS_ALIGNED(index, LARGE_PAGES) || !may_have_large(cache, index)) {
        return -EINVAL;
    }
    irq = spin_lock(&cache->lock);
    found = look(cache, index, &frame);
    spin_unlock(&cache->lock, irq);
    return found == -ENOENT ? fill(cache, index) : -EEXIST;
}

int page_cache_get_large(struct page_cache *cache, u64 index, pfn_t *frame)
{
    for (;;) {
        bool irq;
        int error;

        if (!may_have_large(cache, index)) {
            return -EINVAL;
        }
        irq = spin_lock(&cache->lock);
        error = look(cache, index, frame);
        if (error == 0) {
            use_all(*frame);
        }
        spin_unlock(&cache->lock, irq);
        if (error != -ENOENT) {
            return error;
        }
        error = fill(cache, index);
        if (error != 0 && error != -EEXIST) {
            return error;
        }
    }
}
