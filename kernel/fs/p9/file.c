/* SPDX-License-Identifier: MIT */
/*
 * Open files of the 9P file system.  Reading and writing go through the page
 * cache; what was written is on the host when close(2) or fsync(2) returns,
 * and earlier when there is more of it than P9_UNSAVED_MAX, or little room there.
 */
#include "p9fs_priv.h"

#include "../fs_priv.h"
#include <kernel/errno.h>

static void write_begin(struct p9_inode *node)
{
    mutex_lock(&node->lock);
    node->writing++;
    node->generation++;
    node->changed = true;
    mutex_unlock(&node->lock);
}

static void write_end(struct p9_inode *node, u64 bytes)
{
    mutex_lock(&node->lock);
    node->writing--;
    node->put += bytes;
    node->written = vfs_now();
    mutex_unlock(&node->lock);
}

/* Has all been written that `seen` is older than?  The lock is held. */
static bool is_to_settle(const struct p9_inode *node)
{
    return node->changed && node->saved == node->put && node->writing == 0;
}

int p9_flush(struct p9_inode *node, bool settle)
{
    u64 before;
    int err;

    if (node->inode.pages == NULL) {
        return 0;
    }
    mutex_lock(&node->lock);
    before = node->put;
    mutex_unlock(&node->lock);
    err = page_cache_sync(node->inode.pages, 0, (u64)INT64_MAX);
    if (err != 0) {
        return err;
    }
    mutex_lock(&node->lock);
    node->saved = MAX(node->saved, before); /* another flush may have got further */
    settle = settle && is_to_settle(node);
    mutex_unlock(&node->lock);
    if (settle) {
        p9_settle(node);
    }
    return 0;
}

static int file_read_pages(struct file *file, struct io *io, u64 *pos)
{
    struct inode *inode = file->inode;

    /* At the end of the file, the server may know of more. */
    if (*pos >= atomic_load_explicit(&inode->size, memory_order_relaxed) &&
        !p9_is_known(p9_inode_of(inode))) {
        int err = p9_validate(p9_inode_of(inode));

        if (err != 0) {
            return err;
        }
    }
    return page_cache_read(inode->pages, io, pos);
}

/* The inode's lock is held: of two writers that append, one is first. */
static int write_locked(struct file *file, struct io *io, u64 *pos, u64 *grown)
{
    u64 size = atomic_load_explicit(&file->inode->size, memory_order_relaxed), now;
    int err;

    if ((atomic_load_explicit(&file->flags, memory_order_relaxed) & O_APPEND) || io->append) {
        *pos = atomic_load_explicit(&file->inode->size, memory_order_relaxed);
    }
    err = bounds_check_write(file->inode, *pos, &io->left);
    if (err == 0) {
        err = page_cache_write(file->inode->pages, io, pos);
    }
    now = atomic_load_explicit(&file->inode->size, memory_order_relaxed);
    *grown = now > size ? now - size : 0; /* the server may have less of it meanwhile */
    return err;
}

static int file_sync_server(struct file *file, bool data_only)
{
    struct p9_inode *node = p9_inode_of(file->inode);
    struct p9_fid *fid;
    int err = p9_flush(node, true);

    if (err != 0) {
        return err;
    }
    err = p9_open_get(node, O_RDONLY, &fid);
    if (err == -EACCES) {
        err = p9_open_get(node, O_WRONLY, &fid);
    }
    if (err == 0) {
        err = p9_fsync(fid, data_only);
        p9_fid_put(fid);
    }
    return err;
}

/* What of it has to be on the server before write(2) returns. */
static int write_through(struct file *file, u64 grown)
{
    struct p9_inode *node = p9_inode_of(file->inode);
    u32 flags = atomic_load_explicit(&file->flags, memory_order_relaxed);

    if ((flags & O_SYNC) != 0) { /* O_DSYNC is a part of it */
        return file_sync_server(file, (flags & O_SYNC) == O_DSYNC);
    }
    return p9_unsaved(node) > P9_UNSAVED_MAX ? p9_flush(node, true) : p9_room_take(node, grown);
}

static int file_write_pages(struct file *file, struct io *io, u64 *pos)
{
    struct p9_inode *node = p9_inode_of(file->inode);
    u64 before = io->done, begin, grown;
    int err;

    write_begin(node);
    mutex_lock(&file->inode->lock);
    err = write_locked(file, io, pos, &grown);
    begin = *pos - (io->done - before);
    mutex_unlock(&file->inode->lock);
    write_end(node, io->done - before);
    if (err == 0) {
        err = write_through(file, grown);
        if (err != 0) { /* as if it had not been written: an error beside bytes is not told */
            io->done = before;
            *pos = begin;
        }
    }
    return err;
}

static bool is_for_reading(struct file *file)
{
    return (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE) == O_RDONLY;
}

/* If nobody else has the file, it is released next, and that settles it. */
static int file_flush(struct file *file)
{
    bool last = atomic_load_explicit(&file->references, memory_order_acquire) == 1;

    return is_for_reading(file) ? 0 : p9_flush(p9_inode_of(file->inode), !last);
}

/*
 * The server is asked how the file is now while it closes the fid, and both are waited for:
 * the host can execute what was written when close(2) returns.
 */
static void release_written(struct p9_inode *node)
{
    bool settle;

    mutex_lock(&node->lock);
    settle = is_to_settle(node);
    mutex_unlock(&node->lock);
    if (settle) {
        p9_settle(node);
    }
    p9_fids_settle(&node->p9->client);
}

static void file_release(struct file *file)
{
    struct p9_inode *node = p9_inode_of(file->inode);
    bool written = !is_for_reading(file);
    /* What a mapping has written.  Errors were for msync(2) and close(2) to tell. */
    int ignored = written ? p9_flush(node, false) : 0;
    bool last = p9_open_leave(node, written);

    (void)ignored;
    if (written) {
        release_written(node);
    }
    if (last && file->inode->pages != NULL) {
        p9_keep(node);
    }
}

/*
 * Whoever reads a folder reads until there is nothing more: the end was known before, and `priv`
 * has where it is, once.
 */
static int dir_read(struct file *file, u64 *pos, struct dir_emit *emit)
{
    bool at_end = *pos != 0 && (uintptr_t)file->priv == *pos;
    struct p9_fid *fid;
    int result;

    file->priv = NULL;
    if (at_end) {
        return 0;
    }
    result = p9_open_get(p9_inode_of(file->inode), O_RDONLY, &fid);
    if (result == 0) {
        result = p9_readdir(fid, pos, emit);
        p9_fid_put(fid);
    }
    if (result == 1) {
        file->priv = (void *)(uintptr_t)*pos;
        result = 0;
    }
    return result;
}

static const struct file_ops p9_file_ops = {
    .read = file_read_pages,
    .write = file_write_pages,
    .sync = file_sync_server,
    .flush = file_flush,
    .release = file_release,
};

static const struct file_ops p9_dir_ops = {
    .readdir = dir_read,
    .sync = file_sync_server,
    .release = file_release,
};

/* Opened on the server now: the server says whether it may be, and it stays when unlinked. */
int p9_file_open(struct inode *inode, struct file *file)
{
    struct p9_inode *node = p9_inode_of(inode);
    u32 access = atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE;
    u32 type = inode->mode & S_IFMT;
    struct p9_fid *fid;
    int err;

    if (type != S_IFREG && type != S_IFDIR) {
        return 0; /* FIFOs and devices are not the server's */
    }
    if (access != O_RDONLY && inode->super->read_only) {
        return -EROFS;
    }
    mutex_lock(&node->lock);
    node->files++;
    mutex_unlock(&node->lock);
    err = p9_open_get(node, access == 3 ? O_RDWR : access, &fid);
    if (err == 0) {
        p9_fid_put(fid);
        err = p9_is_valid_since(node, file->began) ? 0 : p9_validate(node);
    }
    if (err != 0) {
        (void)p9_open_leave(node, false);
        return err;
    }
    file->ops = type == S_IFDIR ? &p9_dir_ops : &p9_file_ops;
    return 0;
}
