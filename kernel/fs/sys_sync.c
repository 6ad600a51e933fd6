/* SPDX-License-Identifier: MIT */
/* sync(2) and relatives; advice about what will be read. */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/pagecache.h>

#include "fs_priv.h"

static s64 sync_file(struct file *file, bool data_only)
{
    struct page_cache *pages;

    if (file->ops->sync != NULL) {
        return file->ops->sync(file, data_only);
    }
    if (file->inode == NULL || inode_is(file->inode, S_IFIFO) || inode_is(file->inode, S_IFCHR)) {
        return -EINVAL;
    }
    pages = inode_pages(file->inode);
    return pages != NULL ? page_cache_sync(pages, 0, INT64_MAX) : 0;
}

static s64 sync_fd(int fd, bool data_only)
{
    struct file *file = fd_get(fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = sync_file(file, data_only);
    file_put(file);
    return result;
}

s64 sys_fsync(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sync_fd((int)fd, false);
}

s64 sys_fdatasync(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sync_fd((int)fd, true);
}

s64 sys_sync(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int ignored = vfs_sync_all(); /* sync(2) tells of no error */

    (void)ignored;
    return 0;
}

s64 sys_syncfs(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result = 0;

    if (file == NULL) {
        return -EBADF;
    }
    if (file->inode != NULL && file->inode->super->ops->sync != NULL) {
        result = file->inode->super->ops->sync(file->inode->super);
    }
    file_put(file);
    return result;
}

#define SYNC_RANGE_ALL 7u

s64 sys_sync_file_range(u64 fd, u64 offset, u64 size, u64 flags, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 end, result = 0;

    if (file == NULL) {
        return -EBADF;
    }
    if (((u32)flags & ~SYNC_RANGE_ALL) || (s64)offset < 0 || (s64)size < 0 ||
        __builtin_add_overflow((s64)offset, (s64)size, &end)) {
        result = -EINVAL;
    } else if (file->inode == NULL || !file->seekable) {
        result = -ESPIPE;
    } else if (flags != 0 && inode_pages(file->inode) != NULL) {
        result = page_cache_sync(inode_pages(file->inode), offset,
                                 size == 0 ? (u64)INT64_MAX : (u64)end);
    }
    file_put(file);
    return result;
}

#define ADVICE_WILLNEED 3u
#define ADVICE_DONTNEED 4u
#define ADVICE_MAX 5u

/* Of read order the page cache thinks by itself.  A size of 0 is to the end. */
static void advise(struct page_cache *pages, u64 offset, u64 size, unsigned advice)
{
    u64 end = size == 0 || offset + size < offset ? (u64)INT64_MAX : offset + size;

    if (advice == ADVICE_WILLNEED) {
        page_cache_will_need(pages, offset / PAGE_SIZE, end / PAGE_SIZE + 1 - offset / PAGE_SIZE);
    } else if (advice == ADVICE_DONTNEED) {
        page_cache_forget(pages, offset, end);
    }
}

s64 sys_fadvise64(u64 fd, u64 offset, u64 size, u64 advice, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result = 0;

    if (file == NULL) {
        return -EBADF;
    }
    if (!file->seekable) {
        result = -ESPIPE;
    } else if ((s64)size < 0 || (unsigned)advice > ADVICE_MAX) {
        result = -EINVAL;
    } else if (file->inode != NULL && inode_pages(file->inode) != NULL) {
        advise(inode_pages(file->inode), offset, size, (unsigned)advice);
    }
    file_put(file);
    return result;
}

s64 sys_readahead(u64 fd, u64 offset, u64 size, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result = 0;

    if (file == NULL) {
        return -EBADF;
    }
    if (!file_may_read(file)) {
        result = -EBADF;
    } else if (file->inode == NULL || inode_pages(file->inode) == NULL) {
        result = -EINVAL;
    } else if (size > 0) {
        advise(inode_pages(file->inode), offset, size, ADVICE_WILLNEED);
    }
    file_put(file);
    return result;
}
