/* SPDX-License-Identifier: MIT */
/*
 * Telling inotify what has happened to a file, by the name it was opened
 * with.
 *
 * A name can change under us, so it is copied under the tree's lock and the
 * directory counted.  That is done only when somebody watches anything at
 * all: else each of these functions is a load.
 */
#include <kernel/kmalloc.h>
#include <kernel/vfs.h>

#include "fs_priv.h"

static bool nobody_watches(void)
{
    return atomic_load_explicit(&fsnotify_watch_count, memory_order_relaxed) == 0;
}

void notify_dentry(struct dentry *dentry, u32 mask)
{
    struct dentry *parent;
    char name[NAME_MAX];

    if (nobody_watches() || dentry->inode == NULL) {
        return;
    }
    parent = dentry_parent(dentry);
    if (parent == NULL) {
        fsnotify(dentry->inode, mask, NULL, NULL, 0, 0);
    } else {
        size_t len = dentry_name(dentry, name);

        mask |= dentry_is_removed(dentry) ? IN_UNLINKED : 0;
        fsnotify(dentry->inode, mask, parent->inode, name, len, 0);
        dentry_put(parent);
    }
}

void notify_file(struct file *file, u32 mask)
{
    if (file->dentry != NULL) {
        notify_dentry(file->dentry, mask);
    }
}

void notify_name(struct inode *inode, u32 mask, struct dentry *dir, const char *name, size_t len)
{
    if (!nobody_watches()) {
        fsnotify(inode, mask, dir->inode, name, len, 0);
    }
}
