/* SPDX-License-Identifier: MIT */
/* Names that come, go, move and are mounted on, with the directories' mutexes held. */
#include <kernel/vfs.h>

#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "dentry_priv.h"
#include "fs_priv.h"

void dentry_attach(struct dentry *dentry, struct inode *inode)
{
    bool irq = tree_lock();

    BUG_ON(dentry->inode != NULL);
    __atomic_store_n(&dentry->inode, inode, __ATOMIC_RELEASE);
    tree_unlock(irq);
}

void dentry_unhash(struct dentry *dentry)
{
    bool irq = tree_lock();

    dentry_unhash_locked(dentry);
    tree_unlock(irq);
}

bool dentry_is_removed(struct dentry *dentry)
{
    bool irq = tree_lock();
    bool removed = dentry->parent != NULL && list_empty(&dentry->hash);

    tree_unlock(irq);
    return removed;
}

static void exchange_locked(struct dentry *a, struct dentry *b)
{
    struct dentry *parent = a->parent;
    char *name = a->name;
    u16 len = a->name_len;

    a->parent = b->parent;
    a->name = b->name;
    a->name_len = b->name_len;
    b->parent = parent;
    b->name = name;
    b->name_len = len;
    dentry_hash_locked(b, b->parent);
}

/* `to`, which nobody finds any more, keeps its folder and `copy` of its name, for its path. */
static char *replace_locked(struct dentry *dentry, struct dentry *to, char *copy)
{
    char *old = dentry->name;

    /* The caller holds references to both folders: neither dies here. */
    atomic_fetch_sub_explicit(&dentry->parent->references, 1, memory_order_relaxed);
    dentry->parent = dentry_get_locked(to->parent);
    dentry->name = to->name;
    dentry->name_len = to->name_len;
    to->name = copy;
    return old;
}

void dentry_move(struct dentry *dentry, struct dentry *to, bool exchange)
{
    char *spare = kmalloc(to->name_len + 1u);
    bool irq;

    if (spare != NULL) {
        memcpy(spare, to->name, to->name_len + 1u);
    }
    irq = tree_lock();
    dentry_unhash_locked(dentry);
    dentry_unhash_locked(to);
    if (exchange) {
        exchange_locked(dentry, to);
    } else {
        spare = replace_locked(dentry, to, spare);
        if (to->name == NULL) {
            to->name_len = 0; /* no memory: its path will lack the last name */
        }
    }
    dentry_hash_locked(dentry, dentry->parent);
    tree_unlock(irq);
    kfree(spare);
}

void dentry_mount(struct dentry *dentry, struct super *super)
{
    bool irq = tree_lock();

    super->covers = dentry;
    __atomic_store_n(&dentry->mounted, super, __ATOMIC_RELEASE);
    tree_unlock(irq);
}
