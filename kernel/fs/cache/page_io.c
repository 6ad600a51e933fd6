/* SPDX-License-Identifier: MIT */
/*
 * read(2) and write(2) of cached files.  The copies go straight between the
 * application and the frames, up to 16 pages for one look into the tree; they
 * may fault, so no lock is held.
 *
 * A page that is written whole is neither read nor zeroed first: the bytes go
 * to a fresh frame, which then becomes the page.
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/io.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#define READ_PAGES 16u

static u64 offset_in_page(u64 pos)
{
    return pos % PAGE_SIZE;
}

/* Copies `bytes` from `pos` on out of frames, and drops their uses. */
static int put_frames(struct io *io, u64 *pos, u64 bytes, const pfn_t *frames, unsigned count)
{
    int error = 0;

    for (unsigned i = 0; i < count; i++) {
        u64 offset = offset_in_page(*pos), before = io->done;
        u64 n = MIN(PAGE_SIZE - offset, bytes);

        if (error == 0) {
            error = io_put(io, (const u8 *)pfn_to_virt(frames[i]) + offset, n);
            *pos += io->done - before;
            bytes -= n;
        }
        frame_put(frames[i], ORDER_4K);
    }
    return error;
}

/* What is not there: read it, and 0, or deliver the zeroes of a hole. */
static int read_missing(struct page_cache *cache, struct io *io, u64 *pos, u64 bytes)
{
    u64 before = io->done;
    int error;

    if (cache->ops->read != NULL) {
        page_wait(cache, *pos / PAGE_SIZE, SLOT_BUSY);
        return page_fill(cache, *pos / PAGE_SIZE);
    }
    error = io_put_zeros(io, MIN(PAGE_SIZE - offset_in_page(*pos), bytes));
    *pos += io->done - before;
    return error;
}

int page_cache_read(struct page_cache *cache, struct io *io, u64 *pos)
{
    int error = 0;

    while (io->left > 0 && error == 0) {
        u64 size = atomic_load_explicit(&cache->inode->size, memory_order_acquire);
        pfn_t frames[READ_PAGES];
        unsigned count;
        u64 bytes;

        if (*pos >= size) {
            break;
        }
        bytes = MIN(io->left, size - *pos);
        count =
            (unsigned)MIN((offset_in_page(*pos) + bytes + PAGE_SIZE - 1) / PAGE_SIZE, READ_PAGES);
        count = page_cache_get_ready(cache, *pos / PAGE_SIZE, count, frames);
        if (count > 0) {
            error = put_frames(io, pos, bytes, frames, count);
        } else {
            error = read_missing(cache, io, pos, bytes);
        }
    }
    return error;
}

/* Into the page that is there, or comes there now. */
static int write_part(struct page_cache *cache, struct io *io, u64 pos, u64 bytes)
{
    pfn_t frame;
    int error = page_get_within(cache, pos / PAGE_SIZE, true, &frame);

    if (error == 0) {
        error = io_take(io, (u8 *)pfn_to_virt(frame) + offset_in_page(pos), bytes);
        /* It may have been written back before the copy was done. */
        page_cache_set_dirty(cache, pos / PAGE_SIZE);
        frame_put(frame, ORDER_4K);
    }
    return error;
}

/* The first `bytes` of a fresh frame belong into a page that is there. */
static int copy_over(struct page_cache *cache, u64 index, pfn_t fresh, u64 bytes)
{
    pfn_t frame;
    int error = page_get_within(cache, index, true, &frame);

    if (error == 0) {
        memcpy(pfn_to_virt(frame), pfn_to_virt(fresh), bytes);
        page_cache_set_dirty(cache, index);
        frame_put(frame, ORDER_4K);
    }
    return error;
}

static int take_fresh(struct page_cache *cache, struct io *io, u64 index, pfn_t fresh)
{
    u64 flags = SLOT_RECENT | (cache->ops->write != NULL ? SLOT_DIRTY : 0);
    u64 before = io->done;
    int error = io_take(io, pfn_to_virt(fresh), PAGE_SIZE);
    int placed = error != 0 ? -EEXIST : page_insert(cache, index, fresh, flags);

    if (placed == 0) {
        return 0;
    }
    if (placed == -EEXIST && io->done > before) {
        placed = copy_over(cache, index, fresh, io->done - before);
    }
    page_unreserve(cache, 1);
    frame_free(fresh, ORDER_4K);
    return error != 0 ? error : placed;
}

/* A whole page where there is none. */
static int write_whole(struct page_cache *cache, struct io *io, u64 pos)
{
    pfn_t fresh;
    int error = page_reserve(cache, 1);

    if (error != 0) {
        return error;
    }
    page_cache_make_room();
    error = frame_alloc(ORDER_4K, 0, &fresh);
    if (error != 0) {
        page_unreserve(cache, 1);
        return error;
    }
    return take_fresh(cache, io, pos / PAGE_SIZE, fresh);
}

static bool is_there(struct page_cache *cache, u64 index)
{
    bool irq = spin_lock(&cache->lock);
    const u64 *slot = page_tree_find(&cache->tree, index);
    bool there = slot != NULL && *slot != 0;

    spin_unlock(&cache->lock, irq);
    return there;
}

/* What comes after the end of the file needs no reading. */
static int make_beyond_end(struct page_cache *cache, u64 index)
{
    pfn_t frame;
    int error;

    if (cache->ops->read == NULL || index < page_cache_end(cache) || is_there(cache, index)) {
        return 0;
    }
    error = frame_alloc(ORDER_4K, FRAME_ZERO, &frame);
    if (error == 0) {
        error = page_insert(cache, index, frame, SLOT_RECENT);
        if (error != 0) {
            frame_free(frame, ORDER_4K);
        }
    }
    return error == -EEXIST ? 0 : error;
}

static int write_page(struct page_cache *cache, struct io *io, u64 pos, u64 bytes)
{
    int error;

    if (bytes == PAGE_SIZE && !is_there(cache, pos / PAGE_SIZE)) {
        return write_whole(cache, io, pos);
    }
    error = make_beyond_end(cache, pos / PAGE_SIZE);
    return error != 0 ? error : write_part(cache, io, pos, bytes);
}

int page_cache_write(struct page_cache *cache, struct io *io, u64 *pos)
{
    int error = 0;

    while (io->left > 0 && error == 0) {
        u64 before = io->done;

        error = write_page(cache, io, *pos, MIN(PAGE_SIZE - offset_in_page(*pos), io->left));
        *pos += io->done - before;
        if (*pos > atomic_load_explicit(&cache->inode->size, memory_order_relaxed)) {
            /* Release: who sees the new size sees the bytes. */
            atomic_store_explicit(&cache->inode->size, *pos, memory_order_release);
        }
    }
    return error;
}
