/* SPDX-License-Identifier: MIT */
/*
 * Open files: their memory, their life, and reading and writing them.
 *
 * The memory of a file that has gone is kept for the next one and never
 * becomes anything else: a lookup of a descriptor on another CPU may still
 * look at its counter (fd.c).  So a program that once had n files open keeps
 * the memory of n, some 200 bytes each.
 *
 * A read or write at the file's own position holds file->lock, so that
 * concurrent ones take turns as on Linux; pread(2) and files without a
 * position take no lock.  A write to a file of the page cache holds the
 * inode's lock, which makes O_APPEND and the growth of the file atomic.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/thread.h>

#include "fs_priv.h"

static struct {
    struct spinlock lock;
    struct file *free; /* linked by priv */
} files = {
    .lock = SPINLOCK_INIT("files", RANK_FD),
};

struct file *file_alloc(void)
{
    bool irq = spin_lock(&files.lock);
    struct file *file = files.free;

    if (file != NULL) {
        files.free = file->priv;
    }
    spin_unlock(&files.lock, irq);
    if (file == NULL) {
        file = kzalloc(sizeof(*file));
        if (file == NULL) {
            return NULL;
        }
        mutex_init(&file->lock, "file");
    }
    file->ops = NULL;
    file->dentry = NULL;
    file->inode = NULL;
    file->kind = NULL;
    file->pos = 0;
    file->seekable = false;
    file->priv = NULL;
    list_init(&file->epolls);
    atomic_store_explicit(&file->flags, 0, memory_order_relaxed);
    atomic_store_explicit(&file->references, 1, memory_order_release);
    return file;
}

static void file_free(struct file *file)
{
    bool irq = spin_lock(&files.lock);

    file->priv = files.free;
    files.free = file;
    spin_unlock(&files.lock, irq);
}

int file_new(const struct file_ops *ops, const char *kind, u32 flags, void *priv,
             struct file **file)
{
    struct file *made = file_alloc();

    if (made == NULL) {
        return -ENOMEM;
    }
    made->ops = ops;
    made->kind = kind;
    made->priv = priv;
    atomic_store_explicit(&made->flags, flags, memory_order_relaxed);
    *file = made;
    return 0;
}

struct file *file_get(struct file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

bool file_get_unless_zero(struct file *file)
{
    u32 count = atomic_load_explicit(&file->references, memory_order_relaxed);

    while (count != 0) {
        if (atomic_compare_exchange_weak_explicit(&file->references, &count, count + 1,
                                                  memory_order_seq_cst, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void file_discard(struct file *file)
{
    if (file->inode != NULL) {
        inode_put(file->inode);
    }
    if (file->dentry != NULL) {
        dentry_put(file->dentry);
    }
    atomic_store_explicit(&file->references, 0, memory_order_release);
    file_free(file);
}

static void file_end(struct file *file)
{
    if (!list_empty(&file->epolls)) {
        epoll_forget_file(file);
    }
    if (file->inode != NULL && (file_flags(file) & O_PATH) == 0) {
        file_locks_release(file);
        notify_file(file, file_may_write(file) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    }
    if (file->ops->release != NULL) {
        file->ops->release(file);
    }
    file_discard(file);
}

void file_put(struct file *file)
{
    if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) == 1) {
        file_end(file);
    }
}

u32 file_poll(struct file *file)
{
    return file->ops->poll != NULL ? file->ops->poll(file)
                                   : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

static int read_at(struct file *file, struct io *io, u64 *pos)
{
    struct page_cache *pages;

    if (file->ops->read != NULL) {
        return file->ops->read(file, io, pos);
    }
    if (file->inode != NULL && inode_is(file->inode, S_IFDIR)) {
        return -EISDIR;
    }
    pages = file->inode != NULL ? inode_pages(file->inode) : NULL;
    return pages != NULL ? page_cache_read(pages, io, pos) : -EINVAL;
}

static int write_cached(struct file *file, struct io *io, u64 *pos)
{
    struct inode *inode = file->inode;
    int error;

    mutex_lock(&inode->lock);
    if ((file_flags(file) & O_APPEND) || io->append) {
        *pos = inode_size(inode);
    }
    error = bounds_check_write(inode, *pos, &io->left);
    if (error == 0) {
        error = page_cache_write(inode_pages(inode), io, pos);
    }
    if (io->done > 0) {
        inode->mtime = inode->ctime = vfs_now();
    }
    mutex_unlock(&inode->lock);
    return error;
}

static int write_at(struct file *file, struct io *io, u64 *pos)
{
    if (file->ops->write != NULL) {
        int error = file->seekable && file->inode != NULL && inode_is(file->inode, S_IFREG)
                        ? bounds_check_write(file->inode, *pos, &io->left)
                        : 0;

        return error != 0 ? error : file->ops->write(file, io, pos);
    }
    if (file->inode == NULL || inode_pages(file->inode) == NULL) {
        return -EINVAL;
    }
    if (io->left == 0) {
        return 0;
    }
    return write_cached(file, io, pos);
}

/* Where it happens, and whose turn it is; then what was moved counts more than an error. */
static s64 transfer(struct file *file, struct io *io, u64 *pos,
                    int (*fn)(struct file *file, struct io *io, u64 *pos), u32 event)
{
    struct thread *self = thread_current();
    unsigned way = event == IN_MODIFY;
    u64 none = 0;
    int error;

    self->calls[way]++;

    if (pos != NULL) {
        if (!file->seekable) {
            return -ESPIPE;
        }
        if ((s64)*pos < 0) {
            return -EINVAL;
        }
        error = fn(file, io, pos);
    } else if (file->seekable) {
        mutex_lock(&file->lock);
        error = fn(file, io, &file->pos);
        mutex_unlock(&file->lock);
    } else {
        error = fn(file, io, &none);
    }
    if (io->done > 0) {
        self->chars[way] += io->done;
        if (file->dentry != NULL) {
            notify_file(file, event);
        }
        return (s64)io->done;
    }
    return error;
}

s64 file_read(struct file *file, struct io *io, u64 *pos)
{
    return file_may_read(file) ? transfer(file, io, pos, read_at, IN_ACCESS) : -EBADF;
}

/* O_SYNC, O_DSYNC: what was written is where it belongs when the call returns. */
static s64 sync_written(struct file *file, s64 written)
{
    int error = 0;

    if (file->ops->sync != NULL) {
        error = file->ops->sync(file, (file_flags(file) & O_SYNC) != O_SYNC);
    } else if (file->inode != NULL && inode_pages(file->inode) != NULL) {
        error = page_cache_sync(inode_pages(file->inode), 0, INT64_MAX);
    }
    return error != 0 ? error : written;
}

s64 file_write(struct file *file, struct io *io, u64 *pos)
{
    s64 result;

    if (!file_may_write(file)) {
        return -EBADF;
    }
    result = transfer(file, io, pos, write_at, IN_MODIFY);
    if (unlikely(result > 0 && ((file_flags(file) & O_DSYNC) != 0 || io->sync))) {
        result = sync_written(file, result);
    }
    return result;
}

s64 file_read_kernel(struct file *file, void *buf, u64 size, u64 pos)
{
    struct iovec vec;
    struct io io;

    io_init(&io, &vec, buf, size, true);
    return file_read(file, &io, &pos);
}
