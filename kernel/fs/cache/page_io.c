/* SPDX-License-Identifier: MIT */
/*
 * read(2) of cached files.  The copies go straight from the frames to the
 * application, up to 16 pages for one look into the tree; they may fault, so no
 * lock is held.
 */
#include "page_cache_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/io.h>
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
        return page_holes(cache, *pos / PAGE_SIZE, 1) == 0 ? 0 : page_fill(cache, *pos / PAGE_SIZE);
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
