/* SPDX-License-Identifier: MIT */
/*
 * read(2), write(2) and their relatives.
 *
 * The plain two are written out, as they are what a pipe's or socket's speed
 * hangs on: descriptor, file, operation, and nothing allocated.
 */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

#define IOV_MAX 1024u
#define IOV_SMALL 8u

/* preadv2(2), pwritev2(2) */
#define RWF_HIPRI 1u
#define RWF_DSYNC 2u
#define RWF_SYNC 4u
#define RWF_NOWAIT 8u
#define RWF_APPEND 16u

typedef s64 (*rw_fn)(struct file *file, struct io *io, u64 *pos);

/* For long ones, reading the clock costs nothing beside the copy: usage.c. */
static inline s64 timed(struct file *file, struct io *io, u64 *pos, rw_fn fn)
{
    s64 result;

    if (likely(io->left < SYSTEM_TIME_BYTES)) {
        return fn(file, io, pos);
    }
    system_time_begin();
    result = fn(file, io, pos);
    system_time_end();
    return result;
}

static inline s64 rw(u64 fd, u64 buf, u64 size, rw_fn fn)
{
    struct file *file = fd_get((int)fd);
    struct iovec vec;
    struct io io;
    s64 result;

    if (unlikely(file == NULL)) {
        return -EBADF;
    }
    io_init(&io, &vec, (void *)buf, MIN(size, RW_MAX), false);
    result = timed(file, &io, NULL, fn);
    file_put(file);
    return result;
}

s64 sys_read(u64 fd, u64 buf, u64 size, u64 a3, u64 a4, u64 a5)
{
    return rw(fd, buf, size, file_read);
}

s64 sys_write(u64 fd, u64 buf, u64 size, u64 a3, u64 a4, u64 a5)
{
    return rw(fd, buf, size, file_write);
}

static s64 rw_at(u64 fd, u64 buf, u64 size, u64 pos, rw_fn fn)
{
    struct file *file;
    struct iovec vec;
    struct io io;
    s64 result;

    if ((s64)pos < 0) {
        return -EINVAL;
    }
    file = fd_get((int)fd);
    if (file == NULL) {
        return -EBADF;
    }
    io_init(&io, &vec, (void *)buf, MIN(size, RW_MAX), false);
    result = timed(file, &io, &pos, fn);
    file_put(file);
    return result;
}

s64 sys_pread64(u64 fd, u64 buf, u64 size, u64 pos, u64 a4, u64 a5)
{
    return rw_at(fd, buf, size, pos, file_read);
}

s64 sys_pwrite64(u64 fd, u64 buf, u64 size, u64 pos, u64 a4, u64 a5)
{
    return rw_at(fd, buf, size, pos, file_write);
}

/* Copies the vectors in and cuts their sum to RW_MAX. */
static int fetch_vectors(struct iovec *vec, u64 from, u64 count, u64 *size)
{
    u64 sum = 0;

    if (user_read(vec, (const void *)from, count * sizeof(*vec)) != 0) {
        return -EFAULT;
    }
    for (u64 i = 0; i < count; i++) {
        if ((s64)vec[i].len < 0) {
            return -EINVAL;
        }
        vec[i].len = MIN(vec[i].len, RW_MAX - sum);
        sum += vec[i].len;
    }
    *size = sum;
    return 0;
}

static s64 rw_vectors(struct file *file, u64 from, u64 count, u64 *pos, u32 flags, rw_fn fn)
{
    struct iovec small[IOV_SMALL], *vec = small;
    struct io io;
    s64 result;
    u64 size;

    if (count > IOV_MAX) {
        return -EINVAL;
    }
    if (count > IOV_SMALL) {
        vec = kmalloc(count * sizeof(*vec));
        if (vec == NULL) {
            return -ENOMEM;
        }
    }
    result = fetch_vectors(vec, from, count, &size);
    if (result == 0) {
        io_init_vec(&io, vec, (unsigned)count, size);
        io.append = (flags & RWF_APPEND) != 0;
        io.sync = (flags & (RWF_DSYNC | RWF_SYNC)) != 0;
        result = fn(file, &io, pos);
    }
    if (vec != small) {
        kfree(vec);
    }
    return result;
}

/* RWF_NOWAIT: what is in memory never waits, so only a pipe or the like can. */
static bool would_wait(struct file *file, rw_fn fn)
{
    u32 wanted = fn == file_read ? POLLIN | POLLHUP : POLLOUT | POLLERR;

    return (file_poll(file) & wanted) == 0;
}

static s64 rwv(u64 fd, u64 from, u64 count, u64 *pos, u32 flags, rw_fn fn)
{
    struct file *file;
    s64 result;

    if (pos != NULL && (s64)*pos < 0) {
        return -EINVAL;
    }
    file = fd_get((int)fd);
    if (file == NULL) {
        return -EBADF;
    }
    if ((flags & RWF_NOWAIT) && would_wait(file, fn)) {
        result = -EAGAIN;
    } else {
        result = rw_vectors(file, from, count, pos, flags, fn);
    }
    file_put(file);
    return result;
}

s64 sys_readv(u64 fd, u64 vec, u64 count, u64 a3, u64 a4, u64 a5)
{
    return rwv(fd, vec, count, NULL, 0, file_read);
}

s64 sys_writev(u64 fd, u64 vec, u64 count, u64 a3, u64 a4, u64 a5)
{
    return rwv(fd, vec, count, NULL, 0, file_write);
}

/* The position's upper half (a4) is in the lower one already on 64 bits. */
s64 sys_preadv(u64 fd, u64 vec, u64 count, u64 pos, u64 a4, u64 a5)
{
    return rwv(fd, vec, count, &pos, 0, file_read);
}

s64 sys_pwritev(u64 fd, u64 vec, u64 count, u64 pos, u64 a4, u64 a5)
{
    return rwv(fd, vec, count, &pos, 0, file_write);
}

static s64 rwv2(u64 fd, u64 vec, u64 count, u64 pos, u64 flags, rw_fn fn)
{
    if (flags & ~(u64)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)) {
        return -EOPNOTSUPP;
    }
    return rwv(fd, vec, count, (s64)pos == -1 ? NULL : &pos, (u32)flags, fn);
}

s64 sys_preadv2(u64 fd, u64 vec, u64 count, u64 pos, u64 a4, u64 flags)
{
    return rwv2(fd, vec, count, pos, flags, file_read);
}

s64 sys_pwritev2(u64 fd, u64 vec, u64 count, u64 pos, u64 a4, u64 flags)
{
    return rwv2(fd, vec, count, pos, flags, file_write);
}

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define SEEK_DATA 3
#define SEEK_HOLE 4

/* SEEK_DATA, SEEK_HOLE; a file that is not in memory has no hole but the one at its end. */
static s64 seek_data(struct file *file, u64 offset, u64 size, bool data)
{
    struct page_cache *pages = inode_pages(file->inode);
    u64 index = offset / PAGE_SIZE, end = (size + PAGE_SIZE - 1) / PAGE_SIZE;

    if (pages == NULL) {
        return data ? (s64)offset : (s64)size;
    }
    if (!page_cache_seek(pages, &index, end, data)) {
        return data ? -ENXIO : (s64)size;
    }
    return (s64)MIN(MAX(offset, index * PAGE_SIZE), size);
}

/* Where it would lead, file->lock held. */
static s64 seek_to(struct file *file, s64 offset, int whence)
{
    s64 size = file->inode != NULL ? (s64)inode_size(file->inode) : 0;
    s64 base = 0;

    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = (s64)file->pos;
        break;
    case SEEK_END:
        base = size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || offset >= size) {
            return -ENXIO;
        }
        return seek_data(file, (u64)offset, (u64)size, whence == SEEK_DATA);
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &base)) {
        return -EOVERFLOW;
    }
    return base < 0 ? -EINVAL : base;
}

s64 sys_lseek(u64 fd, u64 offset, u64 whence, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    if ((unsigned)whence > SEEK_HOLE) {
        result = -EINVAL;
    } else if (file->ops->seek != NULL) {
        result = file->ops->seek(file, (s64)offset, (int)whence);
    } else if (!file->seekable) {
        result = -ESPIPE;
    } else {
        mutex_lock(&file->lock);
        result = seek_to(file, (s64)offset, (int)whence);
        if (result >= 0) {
            file->pos = (u64)result;
        }
        mutex_unlock(&file->lock);
    }
    file_put(file);
    return result;
}
