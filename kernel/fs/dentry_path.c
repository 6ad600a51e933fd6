/* SPDX-License-Identifier: MIT */
/* Ways through the tree of names: up, across mounts, and the path of a dentry. */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/string.h>

#include "dentry_priv.h"
#include "fs_priv.h"

struct dentry *dentry_parent(struct dentry *dentry)
{
    bool irq = tree_lock();
    struct dentry *parent = dentry->parent != NULL ? dentry_get_locked(dentry->parent) : NULL;

    tree_unlock(irq);
    return parent;
}

struct dentry *dentry_cross(struct dentry *dentry)
{
    struct super *super = __atomic_load_n(&dentry->mounted, __ATOMIC_ACQUIRE);
    struct dentry *root;

    if (super == NULL) {
        return dentry;
    }
    /* Mounts are for good, and a root is counted by its super: no lock is needed. */
    do {
        root = super->root;
        super = __atomic_load_n(&root->mounted, __ATOMIC_ACQUIRE);
    } while (super != NULL);
    (void)dentry_get(root);
    dentry_put(dentry);
    return root;
}

struct dentry *dentry_up(struct dentry *dentry)
{
    struct dentry *at = dentry;
    bool irq = tree_lock();

    while (at->parent == NULL && at->super->covers != NULL && at == at->super->root) {
        at = at->super->covers;
    }
    if (at->parent == NULL) { /* ".." of the root of all */
        tree_unlock(irq);
        return dentry;
    }
    at = dentry_get_locked(at->parent);
    tree_unlock(irq);
    dentry_put(dentry);
    return dentry_cross(at);
}

bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *dentry)
{
    bool irq = tree_lock();

    while (dentry != NULL && dentry != ancestor) {
        dentry = dentry->parent;
    }
    tree_unlock(irq);
    return dentry != NULL;
}

size_t dentry_name(struct dentry *dentry, char *name)
{
    bool irq = tree_lock();
    size_t len = dentry->name_len;

    memcpy(name, dentry->name, len);
    tree_unlock(irq);
    return len;
}

/* Prepends to what ends at *at; false if there is no room. */
static bool prepend(char *buf, size_t *at, const char *text, size_t len)
{
    if (*at < len) {
        return false;
    }
    *at -= len;
    memcpy(buf + *at, text, len);
    return true;
}

static bool path_locked(struct dentry *dentry, char *buf, size_t *at)
{
    bool any = false;

    for (;;) {
        if (dentry->parent != NULL) {
            if (!prepend(buf, at, dentry->name, dentry->name_len) || !prepend(buf, at, "/", 1)) {
                return false;
            }
            any = true;
            dentry = dentry->parent;
        } else if (dentry->super->covers != NULL && dentry == dentry->super->root) {
            dentry = dentry->super->covers;
        } else {
            return any || prepend(buf, at, "/", 1);
        }
    }
}

int dentry_path(struct dentry *dentry, char *buf, size_t size)
{
    static const char deleted[] = " (deleted)";
    size_t at = size;
    bool irq = tree_lock();
    bool removed = dentry->parent != NULL && list_empty(&dentry->hash);
    bool fits = prepend(buf, &at, "", 1) &&
                (!removed || (prepend(buf, &at, "", 0) && at + 1 > sizeof(deleted)));

    if (fits && removed) {
        at = size - sizeof(deleted);
        memcpy(buf + at, deleted, sizeof(deleted));
    }
    fits = fits && path_locked(dentry, buf, &at);
    tree_unlock(irq);
    if (!fits) {
        return -ENAMETOOLONG;
    }
    memmove(buf, buf + at, size - at);
    return (int)(size - at - 1);
}
