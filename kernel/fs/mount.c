/* SPDX-License-Identifier: MIT */
/*
 * What is mounted where, and the process's root and working folder.
 *
 * A mount is for good; so the list only grows, and walking it needs the lock
 * only for the next link.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define MOUNTS_MAX 64u

/* (l) lock */
static struct {
    struct spinlock lock;
    struct super *supers[MOUNTS_MAX]; /* (l) constant below `count` */
    _Atomic unsigned count;           /* (l) */
    struct dentry *cwd;               /* (l) counted; NULL: the root */
} mounts = {
    .lock = SPINLOCK_INIT("mounts", RANK_TREE),
};

static int add(struct super *super)
{
    bool irq = spin_lock(&mounts.lock);
    unsigned count = atomic_load_explicit(&mounts.count, memory_order_relaxed);
    bool room = count < MOUNTS_MAX;

    if (room) {
        mounts.supers[count] = super;
        atomic_store_explicit(&mounts.count, count + 1, memory_order_release);
    }
    spin_unlock(&mounts.lock, irq);
    return room ? 0 : -ENOSPC;
}

int vfs_mount_root(struct super *super)
{
    if (atomic_load_explicit(&mounts.count, memory_order_acquire) != 0) {
        return -EBUSY;
    }
    return add(super);
}

int vfs_mount(struct super *super, const char *path)
{
    struct dentry *dentry;
    int error = vfs_lookup(NULL, path, LOOKUP_DIRECTORY, &dentry);

    if (error != 0) {
        return error;
    }
    error = add(super);
    if (error != 0) {
        dentry_put(dentry);
        return error;
    }
    dentry_mount(dentry, super); /* keeps the reference */
    return 0;
}

void vfs_for_each_mount(void (*fn)(const struct super *super, const char *path, void *arg),
                        void *arg)
{
    unsigned count = atomic_load_explicit(&mounts.count, memory_order_acquire);
    char *path = kmalloc(PATH_MAX);

    for (unsigned i = 0; i < count && path != NULL; i++) {
        if (dentry_path(mounts.supers[i]->root, path, PATH_MAX) > 0) {
            fn(mounts.supers[i], path, arg);
        }
    }
    kfree(path);
}

int vfs_sync_all(void)
{
    unsigned count = atomic_load_explicit(&mounts.count, memory_order_acquire);
    int first = 0;

    for (unsigned i = 0; i < count; i++) {
        struct super *super = mounts.supers[i];
        int error = super->ops->sync != NULL ? super->ops->sync(super) : 0;

        first = first != 0 ? first : error;
    }
    return first;
}

struct dentry *vfs_root(void)
{
    BUG_ON(atomic_load_explicit(&mounts.count, memory_order_acquire) == 0);
    return mounts.supers[0]->root;
}

struct dentry *vfs_cwd(void)
{
    bool irq = spin_lock(&mounts.lock);
    struct dentry *cwd = mounts.cwd != NULL ? dentry_get(mounts.cwd) : NULL;

    spin_unlock(&mounts.lock, irq);
    return cwd != NULL ? cwd : dentry_get(vfs_root());
}

void vfs_set_cwd(struct dentry *dentry)
{
    struct dentry *old;
    bool irq;

    (void)dentry_get(dentry);
    irq = spin_lock(&mounts.lock);
    old = mounts.cwd;
    mounts.cwd = dentry;
    spin_unlock(&mounts.lock, irq);
    if (old != NULL) {
        dentry_put(old);
    }
}

struct dentry *path_begin(struct dentry *base, const char *path)
{
    if (path[0] == '/') {
        return dentry_get(vfs_root());
    }
    return base != NULL ? dentry_get(base) : vfs_cwd();
}
