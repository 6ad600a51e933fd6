/* SPDX-License-Identifier: MIT */
/*
 * What the page cache asks of the 9P file system: pages read from the server
 * and written to it, in messages as large as the two agreed on, straight
 * between the server and the frames.
 */
#include "p9fs_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/string.h>

static void zero_rest(const pfn_t *frames, u64 start, u64 end)
{
    while (start < end) {
        u64 part = MIN(PAGE_SIZE - start % PAGE_SIZE, end - start);

        memset((u8 *)pfn_to_virt(frames[start >> PAGE_SHIFT]) + start % PAGE_SIZE, 0, part);
        start += part;
    }
}

static int pages_read(struct inode *inode, u64 index, const pfn_t *frames, unsigned count)
{
    u64 offset = index << PAGE_SHIFT;
    u64 size = (u64)count << PAGE_SHIFT;
    u64 end = atomic_load_explicit(&inode->size, memory_order_acquire);
    u64 done = 0;
    s64 got = 1;
    struct p9_fid *fid;
    int err = p9_open_get(p9_inode_of(inode), O_RDONLY, &fid);

    if (err != 0) {
        return err;
    }
    /* Beyond the end there is nothing; when that moves, these pages are read anew. */
    while (offset + done < end && done < size && got > 0) {
        got = p9_read(fid, offset + done, frames, done, size - done);
        done += got > 0 ? (u64)got : 0;
    }
    p9_fid_put(fid);
    zero_rest(frames, done, size);
    return got < 0 ? (int)got : 0;
}

/* The file's size does not change meanwhile. */
static int write_sized(struct inode *inode, u64 index, const pfn_t *frames, u64 size)
{
    u64 offset = index << PAGE_SHIFT;
    u64 done = 0;
    s64 put = 1;
    struct p9_fid *fid;
    int err = p9_open_get(p9_inode_of(inode), O_WRONLY, &fid);

    if (err != 0) {
        return err;
    }
    mutex_lock(&p9_inode_of(inode)->lock);
    p9_inode_of(inode)->changed = true;
    mutex_unlock(&p9_inode_of(inode)->lock);
    p9_alter_begin(p9_inode_of(inode));
    while (done < size && put > 0) {
        put = p9_write(fid, offset + done, frames, done, size - done);
        done += put > 0 ? (u64)put : 0;
    }
    p9_alter_end(p9_inode_of(inode), 0);
    p9_fid_put(fid);
    if (put < 0) {
        return (int)put;
    }
    return done < size ? -EIO : 0;
}

static int pages_write(struct inode *inode, u64 index, const pfn_t *frames, unsigned count,
                       u64 size)
{
    struct p9_inode *node = p9_inode_of(inode);
    u64 offset = index << PAGE_SHIFT, now;
    int err = 0;

    (void)count;
    mutex_lock(&node->sizing);
    now = atomic_load_explicit(&inode->size, memory_order_acquire);
    if (now > offset) { /* else it was cut while we waited */
        err = write_sized(inode, index, frames, MIN(size, now - offset));
    }
    mutex_unlock(&node->sizing);
    return err;
}

const struct page_cache_ops p9_page_ops = {
    .read = pages_read,
    .write = pages_write,
};
