/* SPDX-License-Identifier: MIT */
/*
 * open(2): from a path to an open file.
 *
 * With O_CREAT the last name is looked up and, if it is not there, made under
 * the folder's mutex, so that O_EXCL is a promise.  A link at the end leads
 * on to where it points, and the file is made there, as on Linux.
 */
#include <kernel/vfs.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/pagecache.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define O_TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define OPEN_TRIES 8u

static const struct file_ops plain_ops; /* everything by default */

/* What of the flags stays with the file, as F_GETFL tells. */
#define OPEN_ONLY (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

/* May an inode of this type be opened so? */
static int may_open(struct inode *inode, u32 flags)
{
    bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;

    switch (inode->mode & S_IFMT) {
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        if (write || (flags & O_CREAT)) {
            return -EISDIR;
        }
        break;
    case S_IFSOCK:
        return -ENXIO;
    case S_IFREG:
        if (write && inode->super->read_only) {
            return -EROFS;
        }
        break;
    default:
        break;
    }
    return (flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR) ? -ENOTDIR : 0;
}

static int open_by_type(struct inode *inode, struct file *file)
{
    if (inode->ops->open != NULL) {
        int error = inode->ops->open(inode, file);

        if (error != 0) {
            return error;
        }
    }
    if (file->ops != &plain_ops) {
        return 0;
    }
    switch (inode->mode & S_IFMT) {
    case S_IFCHR:
        return device_open(inode, file);
    case S_IFBLK:
        return -ENXIO;
    case S_IFIFO:
        file->seekable = false;
        return fifo_open(inode, file);
    default:
        return 0;
    }
}

int vfs_truncate(struct file *file, struct inode *inode, u64 size)
{
    struct file_change change = {.what = SET_SIZE, .size = size};

    if (file != NULL && file->ops->truncate != NULL) {
        return file->ops->truncate(file, size);
    }
    return vfs_setattr(inode, &change);
}

/* All but truncation, of which a file that was just made has no need. */
static int open_inode(struct dentry *dentry, struct inode *inode, u32 flags, nsec_t began,
                      struct file **file)
{
    struct file *made;
    int error = flags & O_PATH ? 0 : may_open(inode, flags);

    if (error == 0 && (flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR)) {
        error = -ENOTDIR;
    }
    if (error != 0) {
        return error;
    }
    made = file_alloc();
    if (made == NULL) {
        return -ENOMEM;
    }
    made->ops = &plain_ops;
    made->dentry = dentry_get(dentry);
    made->inode = inode_get(inode);
    made->seekable = true;
    made->began = began;
    atomic_store_explicit(&made->flags, (flags & ~(OPEN_ONLY & ~O_TRUNC)) | O_LARGEFILE,
                          memory_order_relaxed);
    if (flags & O_PATH) {
        atomic_store_explicit(&made->flags, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW),
                              memory_order_relaxed);
    } else {
        error = open_by_type(inode, made);
        atomic_fetch_and_explicit(&made->flags, ~O_TRUNC, memory_order_relaxed);
    }
    if (error != 0) {
        file_discard(made);
        return error;
    }
    *file = made;
    return 0;
}

static int open_existing(struct dentry *dentry, u32 flags, nsec_t began, struct file **file)
{
    struct inode *inode = dentry->inode;
    struct file *made;
    int error = open_inode(dentry, inode, flags, began, &made);

    if (error != 0) {
        return error;
    }
    if ((flags & O_TRUNC) && !(flags & O_PATH) && inode_is(inode, S_IFREG)) {
        bool any = inode_size(inode) > 0;

        error = vfs_truncate(made, inode, 0);
        if (error != 0) {
            file_put(made);
            return error;
        }
        if (any) {
            notify_dentry(dentry, IN_MODIFY);
        }
    }
    if (!(flags & O_PATH)) {
        notify_dentry(dentry, IN_OPEN);
    }
    *file = made;
    return 0;
}

/* What open(2) was asked for. */
struct open_call {
    struct dentry *base;
    const char *path;
    u32 flags, mode, resolve;
    nsec_t began; /* now, for the file system to know what is older */
};

static int open_plain(const struct open_call *call, struct file **file)
{
    u32 flags = call->flags;
    struct walk walk;
    int error = walk_start(&walk, call->base, call->path, call->resolve);

    walk.asks = true;
    walk.for_folder = (flags & O_DIRECTORY) != 0;
    while (error == 0) {
        error = walk_to_parent(&walk);
        if (error == 0) {
            error = walk_last(&walk, (flags & O_NOFOLLOW) == 0 || walk.directory);
            if (error == 0) {
                break;
            }
            error = error == 1 ? 0 : error;
        }
    }
    if (error == 0 && walk.file != NULL) {
        *file = file_get(walk.file);
    } else if (error == 0) {
        error =
            open_existing(walk.at, flags | (walk.directory ? O_DIRECTORY : 0), call->began, file);
        if (error == -ELOOP && (flags & O_DIRECTORY)) {
            error = -ENOTDIR;
        }
    }
    walk_end(&walk);
    return error;
}

/* The folder for O_TMPFILE, counted. */
static int open_folder(const struct open_call *call, struct dentry **dir)
{
    struct open_call folder = *call;
    struct file *file;
    int error;

    folder.flags = O_PATH | O_DIRECTORY;
    error = open_plain(&folder, &file);
    if (error == 0) {
        *dir = dentry_get(file->dentry);
        file_put(file);
    }
    return error;
}

static int open_unnamed(const struct open_call *call, struct file **file)
{
    u32 flags = call->flags;
    struct dentry *dir, *nameless;
    struct inode *inode;
    int error;

    if ((flags & O_ACCMODE) == O_RDONLY) {
        return -EINVAL;
    }
    error = open_folder(call, &dir);
    if (error != 0) {
        return error;
    }
    error = -EOPNOTSUPP;
    if (dir->super->read_only) {
        error = -EROFS;
    } else if (dir->inode->ops->tmpfile != NULL) {
        mutex_lock(&dir->inode->lock);
        error = dir->inode->ops->tmpfile(dir->inode, S_IFREG | (call->mode & 07777), &inode);
        mutex_unlock(&dir->inode->lock);
    }
    if (error == 0) {
        nameless = dentry_new_root(dir->super, inode);
        if (nameless == NULL) {
            inode_put(inode);
            error = -ENOMEM;
        } else {
            error = open_inode(nameless, inode, flags & ~(O_TMPFILE | O_CREAT), call->began, file);
            if (error == 0) {
                inode->linkable = (flags & O_EXCL) == 0;
                atomic_fetch_or_explicit(&(*file)->flags, O_TMPFILE, memory_order_relaxed);
            }
            dentry_put(nameless);
        }
    }
    dentry_put(dir);
    return error;
}

/*
 * The folder's mutex is held: makes what `child` says is not there.  -ESTALE: it is
 * there, as was not known; so it is to be looked up again, and opened.
 */
static int create_child(struct dentry *dir, struct dentry *child, u32 flags, u32 mode)
{
    struct inode *inode;
    int error;

    if (dir->super->read_only) {
        return -EROFS;
    }
    if (dentry_is_removed(dir)) {
        return -ENOENT;
    }
    if (dir->inode->ops->create == NULL) {
        return -EROFS;
    }
    error = dir->inode->ops->create(dir->inode, child->name, child->name_len,
                                    S_IFREG | (mode & 07777), 0, &inode);
    if (error == 0) {
        dentry_attach(child, inode);
        return 0;
    }
    dentry_distrust(child);
    return error == -EEXIST && (flags & O_EXCL) == 0 ? -ESTALE : error;
}

/* The last name of a walk, with O_CREAT.  0, 1: a link was followed, -errno. */
static int open_or_create(struct walk *walk, const struct open_call *call, struct file **file)
{
    struct dentry *dir = walk->at, *child;
    u32 flags = call->flags;
    bool made = false;
    int error;

    mutex_lock(&dir->inode->lock);
    error = dentry_child_trusted(dir, walk->last, walk->last_len, TRUST_ABSENT, true, &child);
    if (error == 0 && child->inode == NULL) {
        error = walk->directory ? -EISDIR : create_child(dir, child, flags, call->mode);
        made = error == 0;
        if (error != 0) {
            dentry_put(child);
        }
    }
    mutex_unlock(&dir->inode->lock);
    if (error != 0) {
        return error;
    }
    if (made) {
        notify_dentry(child, IN_CREATE);
        error = open_inode(child, child->inode, flags & ~(O_TRUNC | O_CREAT), call->began, file);
        if (error == 0) {
            notify_dentry(child, IN_OPEN);
        }
    } else if (flags & O_EXCL) {
        error = -EEXIST;
    } else if (inode_is(child->inode, S_IFLNK) && !(flags & O_NOFOLLOW)) {
        return walk_link(walk, child);
    } else {
        struct dentry *there = dentry_cross(child);

        child = there;
        error = (walk->resolve & RESOLVE_NO_XDEV) != 0 && there->super != dir->super ? -EXDEV
                : walk->directory && !inode_is(child->inode, S_IFDIR)
                    ? -ENOTDIR
                    : open_existing(child, flags, call->began, file);
    }
    dentry_put(child);
    return error;
}

static int open_create(const struct open_call *call, struct file **file)
{
    u32 flags = call->flags;
    struct walk walk;
    int error = walk_start(&walk, call->base, call->path, call->resolve);

    walk.asks = true;
    while (error == 0) {
        error = walk_to_parent(&walk);
        if (error != 0) {
            break;
        }
        if (walk.last_len == 0 || name_is_dots(walk.last, walk.last_len)) {
            error = -EISDIR;
            break;
        }
        unsigned links = walk.links;

        error = open_or_create(&walk, call, file);
        if (error == 0 && walk.links != links) { /* to a file itself, not by a text */
            error =
                walk.file != NULL ? 0 : open_existing(walk.at, flags & ~O_CREAT, call->began, file);
            if (walk.file != NULL) {
                *file = file_get(walk.file);
            }
            break;
        }
        if (error == 0) {
            break;
        }
        error = error == 1 ? 0 : error;
    }
    walk_end(&walk);
    return error;
}

static int open_once(const struct open_call *call, struct file **file)
{
    u32 flags = call->flags;

    if ((flags & O_TMPFILE_BIT) != 0) {
        return (flags & O_TMPFILE) != O_TMPFILE || (flags & O_CREAT) ? -EINVAL
                                                                     : open_unnamed(call, file);
    }
    if ((flags & O_CREAT) == 0) {
        return open_plain(call, file);
    }
    return flags & O_DIRECTORY ? -EINVAL : open_create(call, file);
}

int vfs_open_within(struct dentry *base, const char *path, u32 flags, u32 mode, u32 resolve,
                    struct file **file)
{
    struct open_call call = {base, path, flags, mode, resolve, 0};
    int error = -ESTALE;

    if (flags & O_PATH) {
        call.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    }
    /* A file of the host whose name was given to another one after we had found it. */
    for (unsigned i = 0; i < OPEN_TRIES && error == -ESTALE; i++) {
        call.began = clock_now();
        error = open_once(&call, file);
    }
    return error;
}

int vfs_open(struct dentry *base, const char *path, u32 flags, u32 mode, struct file **file)
{
    return vfs_open_within(base, path, flags, mode, 0, file);
}
