/* SPDX-License-Identifier: MIT */
/*
 * Inodes: counting them, and asking and changing what stat(2) tells.
 *
 * When the last reference goes, the file system's `release` frees the inode.
 * A file system that wants to find inodes again (by number, say) keeps a
 * reference of its own, as tmpfs does for every name, or counts up from an
 * inode it finds only if the count is not 0.
 */
#include <kernel/vfs.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/string.h>

#include "fs_priv.h"

static _Atomic u64 last_dev;

u64 vfs_new_dev(void)
{
    return atomic_fetch_add_explicit(&last_dev, 1, memory_order_relaxed) + 1;
}

struct timespec vfs_now(void)
{
    return timespec_from_nsec(clock_wall());
}

void inode_init(struct inode *inode, struct super *super, const struct inode_ops *ops, u32 mode)
{
    inode->ops = ops;
    inode->super = super;
    inode->mode = mode;
    inode->uid = inode->gid = 0;
    inode->rdev = 0;
    inode->pages = NULL;
    inode->atime = inode->mtime = inode->ctime = vfs_now();
    atomic_init(&inode->links, 1);
    atomic_init(&inode->references, 1);
    atomic_init(&inode->size, 0);
    mutex_init(&inode->lock, "inode");
    list_init(&inode->watches);
    list_init(&inode->file_locks);
    inode->xattrs = NULL;
    atomic_init(&inode->seals, 0);
    atomic_init(&inode->writers_mapped, 0);
    inode->linkable = false;
}

struct inode *inode_get(struct inode *inode)
{
    atomic_fetch_add_explicit(&inode->references, 1, memory_order_relaxed);
    return inode;
}

void inode_put(struct inode *inode)
{
    if (atomic_fetch_sub_explicit(&inode->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (atomic_load_explicit(&inode->links, memory_order_relaxed) == 0 &&
        !list_empty(&inode->watches)) {
        fsnotify(inode, IN_DELETE_SELF, NULL, NULL, 0, 0);
    }
    if (inode->ops->release != NULL) {
        inode->ops->release(inode);
    }
}

static void getattr_default(struct inode *inode, struct file_stat *stat)
{
    u64 size = inode_size(inode);

    *stat = (struct file_stat){
        .dev = inode->super->dev,
        .ino = inode->ino,
        .rdev = inode->rdev,
        .size = size,
        .blocks = (size + 511) / 512,
        .mode = inode->mode,
        .links = atomic_load_explicit(&inode->links, memory_order_relaxed),
        .uid = inode->uid,
        .gid = inode->gid,
        .block_size = PAGE_SIZE,
        .atime = inode->atime,
        .mtime = inode->mtime,
        .ctime = inode->ctime,
    };
}

int vfs_getattr(struct inode *inode, struct file_stat *stat)
{
    if (inode->ops->getattr != NULL) {
        return inode->ops->getattr(inode, stat);
    }
    mutex_lock(&inode->lock);
    getattr_default(inode, stat);
    mutex_unlock(&inode->lock);
    return 0;
}

int vfs_setattr(struct inode *inode, const struct file_change *change)
{
    int error;

    if (inode->super->read_only || inode->ops->setattr == NULL) {
        return -EROFS;
    }
    mutex_lock(&inode->lock);
    error = inode->ops->setattr(inode, change);
    mutex_unlock(&inode->lock);
    return error;
}
