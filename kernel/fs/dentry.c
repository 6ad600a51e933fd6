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
 * File systems are asked with the directory's mutex held, never under the
 * spinlock; after that the table is looked at again.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>

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

static struct dentry *get_locked(struct dentry *dentry)
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

static void unhash_locked(struct dentry *dentry)
{
    assert(spin_is_mine(&tree.lock));
    list_remove(&dentry->hash);
    list_remove(&dentry->sibling);
}

/* The dentry joins `dead` (linked by `parent`).  Returns its parent, which has lost a child. */
static struct dentry *bury_locked(struct dentry *dentry, struct dentry **dead)
{
    struct dentry *parent = dentry->parent;

    unhash_locked(dentry);
    dentry->parent = *dead;
    *dead = dentry;
    return parent;
}

/*
 * One reference less; at 0 it is unused, or dead if nobody can find it, and then
 * its parent has one less.
 */
static void put_locked(struct dentry *dentry, struct dentry **dead)
{
    while (dentry != NULL &&
           atomic_fetch_sub_explicit(&dentry->references, 1, memory_order_acq_rel) == 1) {
        if (dentry->parent != NULL && !list_empty(&dentry->hash) &&
            !dentry->super->no_dentry_cache) {
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
    irq = spin_lock(&tree.lock);
    tree_prepare();
    put_locked(dentry, &dead);
    if (tree.unused_count > UNUSED_MAX) {
        evict_locked(&dead);
    }
    spin_unlock(&tree.lock, irq);
    free_dead(dead);
}

u64 dentry_shrink(u64 count)
{
    struct dentry *dead = NULL;
    u64 gone = 0;

    for (; gone < count; gone++) {
        bool irq = spin_lock(&tree.lock);
        bool any = tree.unused_count > 0;

        if (any) {
            evict_locked(&dead);
        }
        spin_unlock(&tree.lock, irq);
        if (!any) {
            break;
        }
    }
    free_dead(dead);
    return gone;
}

/* ---- Finding and making ---------------------------------------------------------- */

static struct dentry *find_locked(struct dentry *parent, const char *name, size_t len)
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
    bool irq = spin_lock(&tree.lock);
    struct dentry *dentry = find_locked(parent, name, len);

    if (dentry != NULL) {
        (void)get_locked(dentry);
    }
    spin_unlock(&tree.lock, irq);
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

static void hash_locked(struct dentry *dentry, struct dentry *parent)
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

/* Asks the file system.  The directory's mutex is held. */
static int look_up(struct dentry *dir, const char *name, size_t len, struct dentry *known,
                   struct dentry **child)
{
    struct inode *inode = NULL;
    struct dentry *made;
    int error = dir->inode->ops->lookup == NULL
                    ? -ENOTDIR
                    : dir->inode->ops->lookup(dir->inode, name, len, &inode);
    bool irq;

    if (error != 0 && error != -ENOENT) {
        return error;
    }
    if (known != NULL && is_current(known, inode)) {
        if (inode != NULL) {
            inode_put(inode);
        }
        *child = dentry_get(known);
        return 0;
    }
    made = dentry_new(dir->super, name, len);
    if (made == NULL) {
        if (inode != NULL) {
            inode_put(inode);
        }
        return -ENOMEM;
    }
    made->inode = inode;
    irq = spin_lock(&tree.lock);
    if (known != NULL) {
        unhash_locked(known);
    }
    made->parent = get_locked(dir);
    if (dir->parent == NULL || !list_empty(&dir->hash)) {
        hash_locked(made, dir);
    }
    spin_unlock(&tree.lock, irq);
    *child = made;
    return 0;
}

int dentry_child(struct dentry *dir, const char *name, size_t len, bool locked,
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
        error = look_up(dir, name, len, known, child);
    }
    if (!locked) {
        mutex_unlock(&dir->inode->lock);
    }
    if (known != NULL) {
        dentry_put(known);
    }
    return error;
}

/* ---- Changes, with the directories' mutexes held ---------------------------------- */

void dentry_attach(struct dentry *dentry, struct inode *inode)
{
    bool irq = spin_lock(&tree.lock);

    BUG_ON(dentry->inode != NULL);
    __atomic_store_n(&dentry->inode, inode, __ATOMIC_RELEASE);
    spin_unlock(&tree.lock, irq);
}

void dentry_unhash(struct dentry *dentry)
{
    bool irq = spin_lock(&tree.lock);

    unhash_locked(dentry);
    spin_unlock(&tree.lock, irq);
}

bool dentry_is_removed(struct dentry *dentry)
{
    bool irq = spin_lock(&tree.lock);
    bool removed = dentry->parent != NULL && list_empty(&dentry->hash);

    spin_unlock(&tree.lock, irq);
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
    hash_locked(b, b->parent);
}

/* `to`, which nobody finds any more, keeps its folder and `copy` of its name, for its path. */
static char *replace_locked(struct dentry *dentry, struct dentry *to, char *copy)
{
    char *old = dentry->name;

    /* The caller holds references to both folders: neither dies here. */
    atomic_fetch_sub_explicit(&dentry->parent->references, 1, memory_order_relaxed);
    dentry->parent = get_locked(to->parent);
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
    irq = spin_lock(&tree.lock);
    unhash_locked(dentry);
    unhash_locked(to);
    if (exchange) {
        exchange_locked(dentry, to);
    } else {
        spare = replace_locked(dentry, to, spare);
        if (to->name == NULL) {
            to->name_len = 0; /* no memory: its path will lack the last name */
        }
    }
    hash_locked(dentry, dentry->parent);
    spin_unlock(&tree.lock, irq);
    kfree(spare);
}

void dentry_mount(struct dentry *dentry, struct super *super)
{
    bool irq = spin_lock(&tree.lock);

    super->covers = dentry;
    __atomic_store_n(&dentry->mounted, super, __ATOMIC_RELEASE);
    spin_unlock(&tree.lock, irq);
}

/* ---- Moving about ----------------------------------------------------------------- */

struct dentry *dentry_parent(struct dentry *dentry)
{
    bool irq = spin_lock(&tree.lock);
    struct dentry *parent = dentry->parent != NULL ? get_locked(dentry->parent) : NULL;

    spin_unlock(&tree.lock, irq);
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
    bool irq = spin_lock(&tree.lock);

    while (at->parent == NULL && at->super->covers != NULL && at == at->super->root) {
        at = at->super->covers;
    }
    if (at->parent == NULL) { /* ".." of the root of all */
        spin_unlock(&tree.lock, irq);
        return dentry;
    }
    at = get_locked(at->parent);
    spin_unlock(&tree.lock, irq);
    dentry_put(dentry);
    return dentry_cross(at);
}

bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *dentry)
{
    bool irq = spin_lock(&tree.lock);

    while (dentry != NULL && dentry != ancestor) {
        dentry = dentry->parent;
    }
    spin_unlock(&tree.lock, irq);
    return dentry != NULL;
}

size_t dentry_name(struct dentry *dentry, char *name)
{
    bool irq = spin_lock(&tree.lock);
    size_t len = dentry->name_len;

    memcpy(name, dentry->name, len);
    spin_unlock(&tree.lock, irq);
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
    bool irq = spin_lock(&tree.lock);
    bool removed = dentry->parent != NULL && list_empty(&dentry->hash);
    bool fits = prepend(buf, &at, "", 1) &&
                (!removed || (prepend(buf, &at, "", 0) && at + 1 > sizeof(deleted)));

    if (fits && removed) {
        at = size - sizeof(deleted);
        memcpy(buf + at, deleted, sizeof(deleted));
    }
    fits = fits && path_locked(dentry, buf, &at);
    spin_unlock(&tree.lock, irq);
    if (!fits) {
        return -ENAMETOOLONG;
    }
    memmove(buf, buf + at, size - at);
    return (int)(size - at - 1);
}
