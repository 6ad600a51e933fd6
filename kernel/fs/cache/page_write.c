/* SPDX-License-Identifier: MIT */
/*
 * write(2) of cached files.  The copies go straight between the application
 * and the frames; they may fault, so no lock is held.
 *
 * Pages that are written whole, where there are none, are neither read nor
 * zeroed first: the bytes go to fresh frames, which then become the pages.  As
 * many as one write covers are one block of frames, up to 2 MiB, at a place in
 * the file where mappings can use it as one.  Rejected: blocks larger than what
 * is written, in the hope for more; small files would pay, and what small
 * writes leave is moved together when it is mapped (page_large.c).
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/io.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

static u64 offset_in_page(u64 pos)
{
    return pos % PAGE_SIZE;
}

/*
 * The page has its bytes, and with them the file is `size` bytes long.  It may have
 * been written back before it had them all, or but for those beyond the end.
 */
static void set_written(struct page_cache *cache, u64 index, u64 size)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_find(&cache->tree, index);

    page_extend(cache, size);
    if (slot != NULL && *slot != 0) {
        page_slot_dirty(cache, slot);
    }
    spin_unlock(&cache->lock, irq);
}

/* Into the page that is there, or comes there now. */
static int write_part(struct page_cache *cache, struct io *io, u64 pos, u64 bytes)
{
    u64 before = io->done;
    pfn_t frame;
    int error = page_get_within(cache, pos / PAGE_SIZE, true, &frame);

    if (error == 0) {
        error = io_take(io, (u8 *)pfn_to_virt(frame) + offset_in_page(pos), bytes);
        set_written(cache, pos / PAGE_SIZE, io->done > before ? pos + io->done - before : 0);
        frame_put(frame, ORDER_4K);
    }
    return error;
}

/* The first `bytes` of a fresh frame belong into a page that may be there. */
static int copy_over(struct page_cache *cache, u64 index, pfn_t fresh, u64 bytes)
{
    pfn_t frame;
    int error = page_get_within(cache, index, true, &frame);

    if (error == 0) {
        memcpy(pfn_to_virt(frame), pfn_to_virt(fresh), bytes);
        set_written(cache, index, index * PAGE_SIZE + bytes);
        frame_put(frame, ORDER_4K);
    }
    return error;
}

/* One page of a block that cannot go in whole: `bytes` of it are filled. */
static int place_page(struct page_cache *cache, u64 index, pfn_t fresh, u64 bytes, u64 flags)
{
    int error = 0;

    if (bytes == PAGE_SIZE) {
        error = page_insert_run(cache, index, fresh, 1, flags, (index + 1) * PAGE_SIZE);
        if (error == 0) {
            return 0;
        }
    }
    if (bytes > 0) {
        error = copy_over(cache, index, fresh, bytes);
    }
    page_unreserve(cache, 1);
    frame_free(fresh, ORDER_4K);
    return error;
}

/* The same for each page of the block, of which `bytes` are filled. */
static int place_pages(struct page_cache *cache, u64 index, pfn_t fresh, u64 pages, u64 bytes,
                       u64 flags)
{
    int error = 0;

    for (u64 i = 0; i < pages; i++) {
        u64 filled = MIN(bytes, PAGE_SIZE);
        int placed = place_page(cache, index + i, fresh + i, filled, flags);

        error = error != 0 ? error : placed;
        bytes -= filled;
    }
    return error;
}

static int take_block(struct page_cache *cache, unsigned order, pfn_t *fresh)
{
    int error = page_reserve(cache, 1ll << order);

    if (error != 0) {
        return error;
    }
    error = frame_alloc(order, 0, fresh);
    if (error != 0) {
        page_unreserve(cache, 1ull << order);
    }
    return error;
}

/* A block of whole pages where there are none. */
static int write_block(struct page_cache *cache, struct io *io, u64 pos, unsigned order)
{
    u64 flags = SLOT_RECENT | (cache->ops->write != NULL ? SLOT_DIRTY : 0);
    u64 before = io->done, index = pos / PAGE_SIZE, pages = 1ull << order;
    pfn_t fresh;
    int error, placed;

    error = take_block(cache, order, &fresh);
    if (error != 0) {
        return error;
    }
    error = io_take(io, pfn_to_virt(fresh), pages * PAGE_SIZE);
    if (error == 0 &&
        page_insert_run(cache, index, fresh, pages, flags, (index + pages) * PAGE_SIZE) == 0) {
        return 0;
    }
    placed = place_pages(cache, index, fresh, pages, io->done - before, flags);
    return error != 0 ? error : placed;
}

/* What comes after the end of the file needs no reading. */
static int make_beyond_end(struct page_cache *cache, u64 index)
{
    pfn_t frame;
    int error;

    if (cache->ops->read == NULL || index < page_cache_end(cache) ||
        page_holes(cache, index, 1) == 0) {
        return 0;
    }
    error = frame_alloc(ORDER_4K, FRAME_ZERO, &frame);
    if (error == 0) {
        error = page_insert_run(cache, index, frame, 1, SLOT_RECENT, 0);
        if (error != 0) {
            frame_free(frame, ORDER_4K);
        }
    }
    return error == -EEXIST ? 0 : error;
}

/* One step.  *order is the largest block that is worth trying. */
static int write_step(struct page_cache *cache, struct io *io, u64 pos, unsigned *order)
{
    u64 index = pos / PAGE_SIZE, before = io->done;
    u64 whole = offset_in_page(pos) != 0 ? 0 : MIN(io->left / PAGE_SIZE, 1ull << *order);
    u64 holes = whole == 0 ? 0 : page_holes(cache, index, whole);
    int error;

    if (holes > 0) {
        unsigned fits = page_block_order(index, holes);

        page_cache_make_room(1ull << fits);
        error = write_block(cache, io, pos, fits);
        if (error != 0 && fits > 0 && io->done == before) {
            /* No room for so much, or not all of it can be read: in smaller steps. */
            *order = fits - 1;
            return 0;
        }
        return error;
    }
    error = make_beyond_end(cache, index);
    return error != 0 ? error
                      : write_part(cache, io, pos, MIN(PAGE_SIZE - offset_in_page(pos), io->left));
}

static void count_writer(struct page_cache *cache, int n)
{
    bool irq = spin_lock(&cache->lock);

    cache->writers += (u64)n;
    spin_unlock(&cache->lock, irq);
}

int page_cache_write(struct page_cache *cache, struct io *io, u64 *pos)
{
    unsigned order = ORDER_2M;
    int error = 0;

    count_writer(cache, 1);
    while (io->left > 0 && error == 0) {
        u64 before = io->done;

        page_balance_dirty(cache);
        error = write_step(cache, io, *pos, &order);
        *pos += io->done - before;
    }
    count_writer(cache, -1);
    return error;
}
