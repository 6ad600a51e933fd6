/* SPDX-License-Identifier: MIT */
/*
 * Contents of tmpfs's files.
 *
 * They live in the page cache and nowhere else: its pages are counted against
 * the size limit when they are made.  A file that a lower file system has
 * shows that one's pages, so the two share memory, until it is opened for
 * writing or truncated; then what is to stay is copied in one go.  A mapping
 * made before keeps the old pages, as with Linux's overlayfs.
 */
#include "tmpfs_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define COPY_SIZE (64 * KIB)

static int reserve(struct inode *inode, s64 pages)
{
    struct tmpfs *fs = tmpfs_of(inode);
    u64 used = atomic_load_explicit(&fs->pages_used, memory_order_relaxed);

    if (pages <= 0) {
        atomic_fetch_sub_explicit(&fs->pages_used, (u64)-pages, memory_order_relaxed);
        return 0;
    }
    do {
        if (used + (u64)pages > fs->pages_max) {
            return -ENOSPC;
        }
    } while (!atomic_compare_exchange_weak_explicit(&fs->pages_used, &used, used + (u64)pages,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 0;
}

/* No `read`: what is not there is zero. */
const struct page_cache_ops tmpfs_page_ops = {
    .reserve = reserve,
};

/* Copies [pos, pos + size) by way of buf. */
static int copy_part(struct page_cache *from, struct page_cache *to, char *buf, u64 pos, u64 size)
{
    u64 read_pos = pos, write_pos = pos;
    struct iovec vec;
    struct io io;
    int error;

    io_init(&io, &vec, buf, size, true);
    error = page_cache_read(from, &io, &read_pos);
    if (error == 0 && io.done < size) {
        error = -EIO;
    }
    if (error != 0) {
        return error;
    }
    io_init(&io, &vec, buf, size, true);
    return page_cache_write(to, &io, &write_pos);
}

static int copy_pages(struct page_cache *from, struct page_cache *to, u64 size)
{
    char *buf = kmalloc(COPY_SIZE);
    int error = buf == NULL ? -ENOMEM : 0;

    for (u64 pos = 0; pos < size && error == 0; pos += COPY_SIZE) {
        error = copy_part(from, to, buf, pos, MIN(COPY_SIZE, size - pos));
    }
    kfree(buf);
    return error;
}

int tmpfs_copy_up(struct tmpfs_inode *inode, u64 keep)
{
    struct page_cache *pages;
    int error;

    if (inode->copied) {
        return 0;
    }
    error = page_cache_new(&inode->inode, &tmpfs_page_ops, &pages);
    if (error != 0) {
        return error;
    }
    keep = MIN(keep, inode_size(&inode->inode));
    if (keep > 0 && inode->inode.pages == NULL) {
        error = -EIO;
    } else if (keep > 0) {
        error = copy_pages(inode->inode.pages, pages, keep);
    }
    if (error != 0) {
        page_cache_free(pages);
        return error;
    }
    inode->copied = true;
    __atomic_store_n(&inode->inode.pages, pages, __ATOMIC_RELEASE);
    return 0;
}

int tmpfs_resize(struct tmpfs_inode *inode, u64 size)
{
    struct inode *base = &inode->inode;
    u64 before = inode_size(base);
    int error;

    if (!IS_ALIGNED(size, tmpfs_of(base)->block) && tmpfs_of(base)->block != PAGE_SIZE) {
        return -EINVAL;
    }
    error = tmpfs_copy_up(inode, size);
    if (error != 0) {
        return error;
    }
    atomic_store_explicit(&base->size, size, memory_order_release);
    if (size < before) {
        page_cache_truncate(base->pages, size);
    }
    return 0;
}

#define RUNS_FIRST 16u
#define RUN_PAGES 512u /* found, then filled: what faults meanwhile make there is undone too */

/* fallocate(2) at work: the holes it has filled, which are holes again if it fails. */
struct filling {
    struct inode *inode;
    struct filled {
        u64 first, end;
    } * run;
    u64 runs, room;
};

static int note_run(struct filling *filling, u64 first, u64 end)
{
    if (filling->runs > 0 && filling->run[filling->runs - 1].end == first) {
        filling->run[filling->runs - 1].end = end;
        return 0;
    }
    if (filling->runs == filling->room) {
        u64 room = MAX(2 * filling->room, RUNS_FIRST);
        struct filled *more = kmalloc(room * sizeof(*more));

        if (more == NULL) {
            return -ENOMEM;
        }
        if (filling->runs > 0) {
            memcpy(more, filling->run, filling->runs * sizeof(*more));
        }
        kfree(filling->run);
        filling->run = more;
        filling->room = room;
    }
    filling->run[filling->runs++] = (struct filled){first, end};
    return 0;
}

/* The next pages from *first on that are not there; false if all of them are. */
static bool next_holes(struct inode *inode, u64 *first, u64 *end)
{
    u64 last = *end;

    if (!page_cache_seek(inode->pages, first, last, false)) {
        return false;
    }
    *end = *first;
    if (!page_cache_seek(inode->pages, end, last, true)) {
        *end = last;
    }
    return true;
}

/* Is there room for all of it?  So that what cannot be is refused before much was done. */
static bool has_room(struct inode *inode, u64 first, u64 last)
{
    struct tmpfs *fs = tmpfs_of(inode);
    u64 used = atomic_load_explicit(&fs->pages_used, memory_order_relaxed), holes = 0;
    struct frame_stats stats;

    frame_get_stats(&stats);
    for (u64 end = last; next_holes(inode, &first, &end); first = end, end = last) {
        holes += end - first;
    }
    return holes <= stats.total && holes <= fs->pages_max - MIN(used, fs->pages_max);
}

static int fill_run(struct inode *inode, u64 index, u64 end)
{
    for (; index < end; index++) {
        pfn_t frame;
        int error = page_cache_get(inode->pages, index, true, &frame);

        if (error != 0) {
            return error;
        }
        frame_put(frame, ORDER_4K);
    }
    return 0;
}

static int fill_holes(struct filling *filling, u64 first, u64 last)
{
    int error = 0;

    for (u64 end = last; error == 0 && next_holes(filling->inode, &first, &end);
         first = end, end = last) {
        end = MIN(end, ALIGN_DOWN(first, (u64)RUN_PAGES) + RUN_PAGES);
        error = note_run(filling, first, end);
        if (error == 0) {
            error = fill_run(filling->inode, first, end);
        }
    }
    return error;
}

/* fallocate(2): the pages exist afterwards; or none does that did not before. */
static int populate(struct inode *inode, u64 start, u64 end)
{
    struct filling filling = {.inode = inode};
    u64 first = start / PAGE_SIZE, last = ALIGN_UP(end, PAGE_SIZE) / PAGE_SIZE;
    int error = has_room(inode, first, last) ? fill_holes(&filling, first, last) : -ENOSPC;

    for (u64 i = 0; error != 0 && i < filling.runs; i++) {
        /* Whole pages: that does not fail. */
        (void)!page_cache_punch(inode->pages, filling.run[i].first * PAGE_SIZE,
                                filling.run[i].end * PAGE_SIZE);
    }
    kfree(filling.run);
    return error;
}

#define FALLOC_KEEP_SIZE 1u
#define FALLOC_PUNCH_HOLE 2u
#define FALLOC_ZERO_RANGE 16u

static int allocate_locked(struct inode *inode, u32 mode, u64 offset, u64 end)
{
    u64 before = inode_size(inode);
    int error = 0;

    if ((mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) != 0 &&
        (inode_seals(inode) & F_SEALS_WRITE) != 0) {
        return -EPERM;
    }
    if (end > before && !(mode & FALLOC_KEEP_SIZE)) {
        error = bounds_check_size(inode, end);
    }
    if (error == 0) {
        error = tmpfs_copy_up(tmpfs_inode(inode), before);
    }
    if (error == 0 && (mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) && offset < before) {
        error = page_cache_punch(inode->pages, offset, MIN(end, before));
    }
    if (error != 0 || (mode & FALLOC_PUNCH_HOLE)) {
        return error;
    }
    if (end > before && !(mode & FALLOC_KEEP_SIZE)) {
        atomic_store_explicit(&inode->size, end, memory_order_release);
    }
    error = populate(inode, offset, MIN(end, inode_size(inode)));
    if (error != 0 && inode_size(inode) > before) {
        atomic_store_explicit(&inode->size, before, memory_order_release);
        page_cache_truncate(inode->pages, before);
    }
    return error;
}

static int allocate(struct file *file, u32 mode, u64 offset, u64 size)
{
    struct inode *inode = file->inode;
    int error;

    if ((mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) != 0 ||
        (mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) ==
            (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) {
        return -EOPNOTSUPP;
    }
    mutex_lock(&inode->lock);
    error = allocate_locked(inode, mode, offset, offset + size);
    if (error == 0) {
        inode->mtime = inode->ctime = vfs_now();
    }
    mutex_unlock(&inode->lock);
    return error;
}

const struct file_ops tmpfs_file_ops = {
    .allocate = allocate,
};
