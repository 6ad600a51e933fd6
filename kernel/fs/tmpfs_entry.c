/* SPDX-License-Identifier: MIT */
/*
 * The entries of a tmpfs folder: its two trees, and the names of the lower
 * folder that come up into them.  The folder's mutex is held by the caller.
 */
#include "tmpfs_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

/* ---- The trees ---------------------------------------------------------------------- */

static int compare(const struct tmpfs_entry *entry, const char *name, size_t len)
{
    int order = memcmp(name, entry->name, MIN(len, (size_t)entry->len));

    return order != 0 ? order : (int)len - (int)entry->len;
}

struct tmpfs_entry *tmpfs_entry_find(const struct tmpfs_inode *dir, const char *name, size_t len)
{
    struct rb_node *node = dir->by_name.root;

    while (node != NULL) {
        struct tmpfs_entry *entry = container_of(node, struct tmpfs_entry, by_name);
        int order = compare(entry, name, len);

        if (order == 0) {
            return entry;
        }
        node = node->child[order > 0];
    }
    return NULL;
}

static void link_by_name(struct tmpfs_inode *dir, struct tmpfs_entry *entry)
{
    struct rb_node *parent = NULL, *node = dir->by_name.root;
    int side = 0;

    while (node != NULL) {
        parent = node;
        side =
            compare(container_of(node, struct tmpfs_entry, by_name), entry->name, entry->len) > 0;
        node = node->child[side];
    }
    rb_link(&dir->by_name, parent, side, &entry->by_name);
}

/* A new entry without a target, in both trees. */
static struct tmpfs_entry *entry_add(struct tmpfs_inode *dir, const char *name, size_t len)
{
    struct tmpfs_entry *entry = kzalloc(sizeof(*entry) + len + 1);
    struct rb_node *last = rb_last(&dir->by_number);

    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->name, name, len);
    entry->len = (u16)len;
    entry->number = ++dir->last_number;
    link_by_name(dir, entry);
    rb_link(&dir->by_number, last, 1, &entry->by_number);
    return entry;
}

static void entry_remove(struct tmpfs_inode *dir, struct tmpfs_entry *entry)
{
    rb_remove(&dir->by_name, &entry->by_name);
    rb_remove(&dir->by_number, &entry->by_number);
    kfree(entry);
}

void tmpfs_entry_set_target(struct tmpfs_inode *dir, struct tmpfs_entry *entry,
                            struct tmpfs_inode *target)
{
    dir->entries += (entry->target == NULL) - (target == NULL);
    entry->target = target;
    if (target != NULL) {
        (void)inode_get(&target->inode);
    }
}

void tmpfs_entry_clear(struct tmpfs_inode *dir, struct tmpfs_entry *entry)
{
    tmpfs_entry_set_target(dir, entry, NULL);
    if (!entry->in_lower) {
        entry_remove(dir, entry);
    }
}

void tmpfs_entries_free(struct tmpfs_inode *dir)
{
    struct rb_node *node;

    while ((node = rb_first(&dir->by_number)) != NULL) {
        struct tmpfs_entry *entry = container_of(node, struct tmpfs_entry, by_number);

        if (entry->target != NULL) {
            inode_put(&entry->target->inode);
        }
        entry_remove(dir, entry);
    }
}

/* ---- Looking up --------------------------------------------------------------------- */

static int lower_lookup(struct tmpfs_inode *dir, const char *name, size_t len, struct inode **lower)
{
    int error;

    mutex_lock(&dir->lower->lock);
    error = dir->lower->ops->lookup(dir->lower, name, len, lower);
    mutex_unlock(&dir->lower->lock);
    return error;
}

/* A lower name gets an entry, and its file an inode of ours. */
static int bring_up(struct tmpfs_inode *dir, const char *name, size_t len,
                    struct tmpfs_entry **entry)
{
    struct tmpfs_inode *above;
    struct inode *lower;
    int error = lower_lookup(dir, name, len, &lower);

    if (error != 0) {
        return error;
    }
    error = tmpfs_inode_above(tmpfs_of(&dir->inode), lower, &above);
    inode_put(lower);
    if (error != 0) {
        return error;
    }
    *entry = entry_add(dir, name, len);
    if (*entry == NULL) {
        error = -ENOMEM;
    } else {
        (*entry)->in_lower = true;
        tmpfs_entry_set_target(dir, *entry, above);
    }
    inode_put(&above->inode);
    return error;
}

int tmpfs_entry_get(struct tmpfs_inode *dir, const char *name, size_t len,
                    struct tmpfs_entry **entry)
{
    *entry = tmpfs_entry_find(dir, name, len);
    if (*entry != NULL) {
        return 0;
    }
    return dir->lower == NULL ? -ENOENT : bring_up(dir, name, len, entry);
}

int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **inode)
{
    struct tmpfs_entry *entry;
    int error = tmpfs_entry_get(tmpfs_inode(dir), name, len, &entry);

    if (error == 0 && entry->target == NULL) {
        error = -ENOENT;
    }
    if (error == 0) {
        *inode = inode_get(&entry->target->inode);
    }
    return error;
}

int tmpfs_entry_vacant(struct tmpfs_inode *dir, const char *name, size_t len,
                       struct tmpfs_entry **entry)
{
    int error = tmpfs_entry_get(dir, name, len, entry);

    if (error == -ENOENT) {
        *entry = entry_add(dir, name, len);
        return *entry == NULL ? -ENOMEM : 0;
    }
    return error == 0 && (*entry)->target != NULL ? -EEXIST : error;
}
