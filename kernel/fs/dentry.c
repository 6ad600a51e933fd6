/* SPDX-License-Identifier: MIT */
/*
 * The tree of names known so far.
 *
 * A hash table by directory and name, and one spinlock for all of the tree: a
 * lookup holds it for some 20 ns, and a path has few names.  A dentry counts
 * its users and its children; one that has neither stays known, in a list of
 * unused ones, the longest unused first: from UNUSED_MAX on those go.  That a
 * name is not there is known too (inode NULL), so that a class path of fifty
 * folders is not searched on disk again and again.
 *
 * What leaves the tree (unlinked, replaced, thrown out) is found by nobody
 * any more, but lives while it is in use, with its parent, so that its path
 * can still be told.
 *
 * dentry_change.c moves names about, dentry_path.c finds the way along them.
 *
 * File systems are asked with the directory's mutex held, never under the
 * spinlock; after that the table is looked at again.
 */
#include <kernel/vfs.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>

#include "dentry_priv.h"
#include "fs_priv.h"

#define HASH_SIZE 4096u
#define UNUSED_MAX 16384u

static struct {
    struct spinlock lock;
    struct list buckets[HASH_SIZE];
    struct list unused;
    u64 unused_count;
    bool ready;
} tree = {
    .lock = SPINLOCK_INIT("tree", RANK_TREE),
};

bool tree_lock(void)
{
    return spin_lock(&tree.lock);
}

void tree_unlock(bool irq)
{
    spin_unlock(&tree.lock, irq);
}

static void tree_prepare(void)
{
    assert(spin_is_mine(&tree.lock));
    if (!tree.ready) {
        for (unsigned i = 0; i < HASH_SIZE; i++) {
            list_init(&tree.buckets[i]);
        }
        list_init(&tree.unused);
        tree.ready = true;
    }
}

static u32 hash_name(const struct dentry *parent, const char *name, size_t len)
{
    u64 hash = (u64)(uintptr_t)parent >> 4;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (u8)name[i]) * 0x100000001b3ull;
    }
    return (u32)(hash ^ hash >> 32);
}

static struct list *bucket_of(u32 hash)
{
    return &tree.buckets[hash % HASH_SIZE];
}

/* ---- Counting -------------------------------------------------------------------- */

struct dentry *dentry_get_locked(struct dentry *dentry)
{
    assert(spin_is_mine(&tree.lock));
    if (atomic_fetch_add_explicit(&dentry->references, 1, memory_order_relaxed) == 0) {
        list_remove(&dentry->unused);
        tree.unused_count--;
    }
    return dentry;
}

struct dentry *dentry_get(struct dentry *dentry)
{
    u32 before = atomic_fetch_add_explicit(&dentry->references, 1, memory_order_relaxed);

    BUG_ON(before == 0);
    return dentry;
}

void dentry_unhash_locked(struct dentry *dentry)
{
    assert(spin_is_mine(&tree.lock));
    list_remove(&dentry->hash);
    list_remove(&dentry->sibling);
}

/* The dentry joins `dead` (linked by `parent`).  Returns its parent, which has lost a child. */
static struct dentry *bury_locked(struct dentry *dentry, struct dentry **dead)
{
    struct dentry *parent = dentry->parent;

    dentry_unhash_locked(dentry);
    dentry->parent = *dead;
    *dead = dentry;
    return parent;
}

/* Is it of use to who finds it again? */
static bool stays_known(const struct dentry *dentry)
{
    if (dentry->parent == NULL || list_empty(&dentry->hash)) {
        return false;
    }
    return !dentry->super->no_dentry_cache || dentry->super->trust_nsec > 0;
}

/*
 * One reference less; at 0 it is unused, or dead if nobody can find it, and then
 * its parent has one less.
 */
static void put_locked(struct dentry *dentry, struct dentry **dead)
{
    while (dentry != NULL &&
           atomic_fetch_sub_explicit(&dentry->references, 1, memory_order_acq_rel) == 1) {
        if (stays_known(dentry)) {
            list_push_back(&tree.unused, &dentry->unused);
            tree.unused_count++;
            return;
        }
        dentry = bury_locked(dentry, dead);
    }
}

static void evict_locked(struct dentry **dead)
{
    struct dentry *oldest = list_entry(list_pop_front(&tree.unused), struct dentry, unused);

    tree.unused_count--;
    put_locked(bury_locked(oldest, dead), dead);
}

/* No lock held: the file system may have work to do. */
static void free_dead(struct dentry *dead)
{
    while (dead != NULL) {
        struct dentry *next = dead->parent;

        if (dead->inode != NULL) {
            inode_put(dead->inode);
        }
        kfree(dead->name);
        kfree(dead);
        dead = next;
    }
}

void dentry_put(struct dentry *dentry)
{
    u32 count = atomic_load_explicit(&dentry->references, memory_order_relaxed);
    struct dentry *dead = NULL;
    bool irq;

    while (count > 1) {
        if (atomic_compare_exchange_weak_explicit(&dentry->references, &count, count - 1,
                                                  memory_order_release, memory_order_relaxed)) {
            return;
        }
    }
    irq = tree_lock();
    tree_prepare();
    put_locked(dentry, &dead);
    if (tree.unused_count > UNUSED_MAX) {
        evict_locked(&dead);
    }
    tree_unlock(irq);
    free_dead(dead);
}

u64 dentry_shrink(u64 count)
{
    struct dentry *dead = NULL;
    u64 gone = 0;

    for (; gone < count; gone++) {
        bool irq = tree_lock();
        bool any = tree.unused_count > 0;

        if (any) {
            evict_locked(&dead);
        }
        tree_unlock(irq);
        if (!any) {
            break;
        }
    }
    free_dead(dead);
    return gone;
}

/* ---- Finding and making ---------------------------------------------------------- */

struct dentry *dentry_find_locked(struct dentry *parent, const char *name, size_t len)
{
    u32 hash = hash_name(parent, name, len);

    tree_prepare();
    list_for_each (node, bucket_of(hash)) {
        struct dentry *dentry = list_entry(node, struct dentry, hash);

        if (dentry->name_hash == hash && dentry->parent == parent && dentry->name_len == len &&
            memcmp(dentry->name, name, len) == 0) {
            return dentry;
        }
    }
    return NULL;
}

static struct dentry *find(struct dentry *parent, const char *name, size_t len)
{
    bool irq = tree_lock();
    struct dentry *dentry = dentry_find_locked(parent, name, len);

    if (dentry != NULL) {
        (void)dentry_get_locked(dentry);
    }
    tree_unlock(irq);
    return dentry;
}

static struct dentry *dentry_new(struct super *super, const char *name, size_t len)
{
    struct dentry *dentry = kzalloc(sizeof(*dentry));

    if (dentry == NULL) {
        return NULL;
    }
    dentry->name = kmalloc(len + 1);
    if (dentry->name == NULL) {
        kfree(dentry);
        return NULL;
    }
    memcpy(dentry->name, name, len);
    dentry->name[len] = '\0';
    dentry->name_len = (u16)len;
    dentry->super = super;
    list_init(&dentry->children);
    list_init(&dentry->sibling);
    list_init(&dentry->hash);
    list_init(&dentry->unused);
    atomic_init(&dentry->references, 1);
    return dentry;
}

struct dentry *dentry_new_root(struct super *super, struct inode *inode)
{
    struct dentry *dentry = dentry_new(super, "", 0);

    if (dentry != NULL) {
        dentry->inode = inode;
    }
    return dentry;
}

void dentry_hash_locked(struct dentry *dentry, struct dentry *parent)
{
    assert(spin_is_mine(&tree.lock));
    dentry->name_hash = hash_name(parent, dentry->name, dentry->name_len);
    list_push_front(bucket_of(dentry->name_hash), &dentry->hash);
    list_push_back(&parent->children, &dentry->sibling);
}

/* Names may have changed: is what is known still what is there?  Directory's mutex held. */
static bool is_current(struct dentry *dentry, struct inode *inode)
{
    return dentry->inode == inode || dentry->mounted != NULL;
}

/* The file system has just confirmed it. */
void dentry_note_asked(struct dentry *dentry, nsec_t asked)
{
    bool irq = tree_lock();

    dentry->asked = asked;
    tree_unlock(irq);
}

/* A file system may be able to say that a name is still what it was. */
static bool is_confirmed(struct dentry *dir, struct dentry *known, bool opens)
{
    const struct inode_ops *ops = dir->inode->ops;

    return known != NULL && known->inode != NULL && ops->confirm != NULL &&
           ops->confirm(dir->inode, known->name, known->name_len, known->inode, opens) == 0;
}

/* Asks the file system.  The directory's mutex is held. */
static int look_up(struct dentry *dir, const char *name, size_t len, struct dentry *known,
                   bool opens, struct dentry **child)
{
    nsec_t asked = dir->super->trust_nsec > 0 ? clock_now() : 0;
    struct inode *inode = NULL;
    struct dentry *made;
    int error;
    bool irq;

    if (is_confirmed(dir, known, opens)) {
        dentry_note_asked(known, asked);
        *child = dentry_get(known);
        return 0;
    }
    error = dir->inode->ops->lookup == NULL
                ? -ENOTDIR
                : dir->inode->ops->lookup(dir->inode, name, len, &inode);
    if (error != 0 && error != -ENOENT) {
        return error;
    }
    if (known != NULL && is_current(known, inode)) {
        if (inode != NULL) {
            inode_put(inode);
        }
        dentry_note_asked(known, asked);
        *child = dentry_get(known);
        return 0;
    }
    if (known != NULL) {
        vfs_heard(); /* somebody else has changed it */
    }
    made = dentry_new(dir->super, name, len);
    if (made == NULL) {
        if (inode != NULL) {
            inode_put(inode);
        }
        return -ENOMEM;
    }
    made->inode = inode;
    made->asked = asked;
    irq = tree_lock();
    if (known != NULL) {
        dentry_unhash_locked(known);
    }
    made->parent = dentry_get_locked(dir);
    if (dir->parent == NULL || !list_empty(&dir->hash)) {
        dentry_hash_locked(made, dir);
    }
    tree_unlock(irq);
    *child = made;
    return 0;
}

int dentry_child(struct dentry *dir, const char *name, size_t len, bool locked, bool opens,
                 struct dentry **child)
{
    bool cached = !dir->super->no_dentry_cache;
    struct dentry *known;
    int error = 0;

    if (len > NAME_MAX) {
        return -ENAMETOOLONG;
    }
    known = find(dir, name, len);
    if (known != NULL && cached) {
        *child = known;
        return 0;
    }
    if (!locked) {
        if (known != NULL) {
            dentry_put(known);
        }
        mutex_lock(&dir->inode->lock);
        known = find(dir, name, len);
    }
    if (known != NULL && cached) {
        *child = known; /* it came meanwhile */
        known = NULL;
    } else {
        error = look_up(dir, name, len, known, opens, child);
    }
    if (!locked) {
        mutex_unlock(&dir->inode->lock);
    }
    if (known != NULL) {
        dentry_put(known);
    }
    return error;
}
