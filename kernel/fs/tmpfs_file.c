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

/* fallocate(2): the pages exist afterwards. */
static int populate(struct inode *inode, u64 start, u64 end)
{
    for (u64 index = start / PAGE_SIZE; index * PAGE_SIZE < end; index++) {
        pfn_t frame;
        int error = page_cache_get(inode->pages, index, true, &frame);

        if (error != 0) {
            return error;
        }
        frame_put(frame, ORDER_4K);
    }
    return 0;
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
