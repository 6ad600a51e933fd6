/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files in memory; also the layer of changes over a read-only file
 * system (tmpfs_priv.h says how).
 *
 * The size limit counts pages of files; the number of inodes is limited to
 * one for each page of the limit, as on Linux.  Those that stand for lower
 * ones do not count: there are no more of them than the image has names, and
 * looking at a file must not fail because many others were looked at.
 */
#include "tmpfs_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define TMPFS_MAGIC 0x01021994u
#define HUGETLBFS_MAGIC 0x958458f6u
#define INODES_MIN 16384u

static u64 inodes_max(const struct tmpfs *fs)
{
    return MAX(fs->pages_max, (u64)INODES_MIN);
}

static s64 tmpfs_readlink(struct inode *base, char *target, size_t size)
{
    struct tmpfs_inode *inode = tmpfs_inode(base);

    if (inode->target == NULL) {
        return inode->lower->ops->readlink(inode->lower, target, size);
    }
    size = MIN(size, strlen(inode->target));
    memcpy(target, inode->target, size);
    return (s64)size;
}

static int tmpfs_setattr(struct inode *inode, const struct file_change *change)
{
    struct timespec now = vfs_now();

    if (change->what & SET_SIZE) {
        int error = bounds_check_size(inode, change->size);

        if (error == 0) {
            error = tmpfs_resize(tmpfs_inode(inode), change->size);
        }

        if (error != 0) {
            return error;
        }
        inode->mtime = now;
    }
    if (change->what & SET_MODE) {
        inode->mode = (inode->mode & S_IFMT) | (change->mode & 07777);
    }
    if (change->what & SET_OWNER) {
        inode->uid = change->uid == (u32)-1 ? inode->uid : change->uid;
        inode->gid = change->gid == (u32)-1 ? inode->gid : change->gid;
    }
    if (change->what & SET_ATIME) {
        inode->atime = change->atime;
    }
    if (change->what & SET_MTIME) {
        inode->mtime = change->mtime;
    }
    inode->ctime = now;
    return 0;
}

static int tmpfs_getattr(struct inode *inode, struct file_stat *stat)
{
    struct tmpfs_inode *own = tmpfs_inode(inode);
    u64 pages;

    mutex_lock(&inode->lock);
    pages = inode->pages != NULL && own->copied ? page_cache_pages(inode->pages)
                                                : (inode_size(inode) + PAGE_SIZE - 1) / PAGE_SIZE;
    *stat = (struct file_stat){
        .dev = inode->super->dev,
        .ino = inode->ino,
        .rdev = inode->rdev,
        .size = inode_size(inode),
        .blocks = inode_is(inode, S_IFREG) ? pages * (PAGE_SIZE / 512) : 0,
        .mode = inode->mode,
        .links = atomic_load_explicit(&inode->links, memory_order_relaxed),
        .uid = inode->uid,
        .gid = inode->gid,
        .block_size = (u32)tmpfs_of(inode)->block,
        .atime = inode->atime,
        .mtime = inode->mtime,
        .ctime = inode->ctime,
    };
    mutex_unlock(&inode->lock);
    return 0;
}

static int tmpfs_open(struct inode *inode, struct file *file)
{
    int error = 0;

    if (!inode_is(inode, S_IFREG)) {
        return 0;
    }
    file->ops = &tmpfs_file_ops;
    /* What is about to be truncated is not copied first. */
    if ((file_flags(file) & O_ACCMODE) != O_RDONLY && (file_flags(file) & O_TRUNC) == 0) {
        mutex_lock(&inode->lock);
        error = tmpfs_copy_up(tmpfs_inode(inode), inode_size(inode));
        mutex_unlock(&inode->lock);
    }
    return error;
}

static void tmpfs_release(struct inode *base)
{
    struct tmpfs_inode *inode = tmpfs_inode(base);

    tmpfs_entries_free(inode);
    xattr_free_all(base);
    if (base->pages != NULL && inode->copied) {
        page_cache_free(base->pages);
    }
    if (inode->lower != NULL) {
        inode_put(inode->lower);
    } else {
        atomic_fetch_sub_explicit(&tmpfs_of(base)->inodes_used, 1, memory_order_relaxed);
    }
    kfree(inode->target);
    kfree(inode);
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **inode)
{
    struct tmpfs_inode *made;
    int error = tmpfs_inode_new(tmpfs_of(dir), mode, 0, &made);

    if (error == 0) {
        *inode = &made->inode;
    }
    return error;
}

static const struct inode_ops tmpfs_ops = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create,
    .symlink = tmpfs_symlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rename = tmpfs_rename,
    .readlink = tmpfs_readlink,
    .tmpfile = tmpfs_tmpfile,
    .getattr = tmpfs_getattr,
    .setattr = tmpfs_setattr,
    .open = tmpfs_open,
    .readdir = tmpfs_readdir,
    .release = tmpfs_release,
};

static int inode_alloc(struct tmpfs *fs, u32 mode, struct tmpfs_inode **inode)
{
    struct tmpfs_inode *made = kzalloc(sizeof(*made));

    if (made == NULL) {
        return -ENOMEM;
    }
    inode_init(&made->inode, &fs->super, &tmpfs_ops, mode);
    made->inode.ino = atomic_fetch_add_explicit(&fs->last_ino, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&made->inode.links, 0, memory_order_relaxed);
    *inode = made;
    return 0;
}

int tmpfs_inode_new(struct tmpfs *fs, u32 mode, u64 rdev, struct tmpfs_inode **inode)
{
    u64 used = atomic_fetch_add_explicit(&fs->inodes_used, 1, memory_order_relaxed);
    int error = used >= inodes_max(fs) ? -ENOSPC : inode_alloc(fs, mode, inode);

    if (error != 0) {
        atomic_fetch_sub_explicit(&fs->inodes_used, 1, memory_order_relaxed);
        return error;
    }
    (*inode)->inode.rdev = rdev;
    (*inode)->copied = true;
    if ((mode & S_IFMT) == S_IFREG) {
        error = page_cache_new(&(*inode)->inode, &tmpfs_page_ops, &(*inode)->inode.pages);
    }
    if (error != 0) {
        inode_put(&(*inode)->inode);
    }
    return error;
}

int tmpfs_inode_above(struct tmpfs *fs, struct inode *lower, struct tmpfs_inode **inode)
{
    struct file_stat stat;
    int error = vfs_getattr(lower, &stat);

    if (error == 0) {
        error = inode_alloc(fs, stat.mode, inode);
    }
    if (error != 0) {
        return error;
    }
    (*inode)->lower = inode_get(lower);
    (*inode)->copied = !inode_is(lower, S_IFREG);
    (*inode)->inode.ino = stat.ino; /* as readdir of the lower folder told */
    (*inode)->inode.rdev = stat.rdev;
    (*inode)->inode.uid = stat.uid;
    (*inode)->inode.gid = stat.gid;
    (*inode)->inode.atime = stat.atime;
    (*inode)->inode.mtime = stat.mtime;
    (*inode)->inode.ctime = stat.ctime;
    (*inode)->inode.pages = lower->pages;
    atomic_store_explicit(&(*inode)->inode.links, stat.links, memory_order_relaxed);
    atomic_store_explicit(&(*inode)->inode.size, stat.size, memory_order_relaxed);
    return 0;
}

static int tmpfs_statfs(struct super *super, struct fs_stat *stat)
{
    struct tmpfs *fs = container_of(super, struct tmpfs, super);
    u64 inodes = atomic_load_explicit(&fs->inodes_used, memory_order_relaxed);

    *stat = (struct fs_stat){
        .type = fs->block == PAGE_SIZE ? TMPFS_MAGIC : HUGETLBFS_MAGIC,
        .block_size = fs->block,
        .blocks = fs->pages_max / (fs->block / PAGE_SIZE),
        .free = (fs->pages_max - atomic_load_explicit(&fs->pages_used, memory_order_relaxed)) /
                (fs->block / PAGE_SIZE),
        .available = (fs->pages_max - atomic_load_explicit(&fs->pages_used, memory_order_relaxed)) /
                     (fs->block / PAGE_SIZE),
        .files = inodes_max(fs),
        .files_free = inodes_max(fs) - MIN(inodes, inodes_max(fs)),
        .fsid = super->dev,
        .name_max = NAME_MAX,
    };
    return 0;
}

static const struct super_ops tmpfs_super_ops = {
    .statfs = tmpfs_statfs,
};

static int make_root(struct tmpfs *fs, struct super *lower)
{
    struct tmpfs_inode *root;
    int error = lower != NULL ? tmpfs_inode_above(fs, lower->root->inode, &root)
                              : tmpfs_inode_new(fs, S_IFDIR | 01777, 0, &root);

    if (error != 0) {
        return error;
    }
    if (lower == NULL) {
        atomic_store_explicit(&root->inode.links, 2, memory_order_relaxed);
    }
    fs->super.root = dentry_new_root(&fs->super, &root->inode);
    if (fs->super.root == NULL) {
        inode_put(&root->inode);
        return -ENOMEM;
    }
    return 0;
}

int tmpfs_new(u64 size_limit, struct super *lower, struct super **super)
{
    struct tmpfs *fs = kzalloc(sizeof(*fs));
    int error;

    if (fs == NULL) {
        return -ENOMEM;
    }
    fs->super.ops = &tmpfs_super_ops;
    fs->super.type = "tmpfs";
    fs->super.has_xattrs = true;
    (void)strlcpy(fs->super.source, lower != NULL ? "overlay" : "tmpfs", sizeof(fs->super.source));
    fs->super.dev = vfs_new_dev();
    fs->pages_max = size_limit / PAGE_SIZE;
    fs->block = PAGE_SIZE;
    fs->lower = lower;
    /* Numbers of our own must not be those of lower inodes. */
    atomic_store_explicit(&fs->last_ino, lower != NULL ? 1ull << 40 : 0, memory_order_relaxed);
    error = make_root(fs, lower);
    if (error != 0) {
        kfree(fs);
        return error;
    }
    *super = &fs->super;
    return 0;
}

void tmpfs_set_large(struct super *super)
{
    container_of(super, struct tmpfs, super)->block = LARGE_SIZE;
}
