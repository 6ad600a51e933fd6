/* SPDX-License-Identifier: MIT */
/*
 * Names in tmpfs.  All functions but readdir: the folder's mutex is held by
 * the caller (vfs.h).
 *
 * An entry has a number that only grows, which is its position for
 * getdents64(2): names that come and go while a program reads the folder
 * disturb none of the others.  Behind the entries come the lower folder's
 * names (from LOWER_POS on) that have no entry.
 */
#include "tmpfs_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define LOWER_POS (1ull << 40)

/* ---- Making ------------------------------------------------------------------------- */

static void touch(struct inode *dir)
{
    dir->mtime = dir->ctime = vfs_now();
}

static void links_add(struct inode *inode, int count)
{
    atomic_fetch_add_explicit(&inode->links, (u32)count, memory_order_relaxed);
}

/* A name for an inode, which is counted; its links count the name. */
static int enter(struct inode *dir, const char *name, size_t len, struct tmpfs_inode *inode)
{
    struct tmpfs_entry *entry;
    int error = tmpfs_entry_vacant(tmpfs_inode(dir), name, len, &entry);

    if (error != 0) {
        return error;
    }
    tmpfs_entry_set_target(tmpfs_inode(dir), entry, inode);
    links_add(&inode->inode, 1);
    if (inode_is(&inode->inode, S_IFDIR)) {
        links_add(&inode->inode, 1); /* its "." */
        links_add(dir, 1);           /* its ".." */
    }
    touch(dir);
    return 0;
}

int tmpfs_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
                 struct inode **inode)
{
    struct tmpfs_inode *made;
    int error = tmpfs_inode_new(tmpfs_of(dir), mode, rdev, &made);

    if (error != 0) {
        return error;
    }
    error = enter(dir, name, len, made);
    if (error != 0) {
        inode_put(&made->inode);
        return error;
    }
    *inode = &made->inode;
    return 0;
}

int tmpfs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
                  struct inode **inode)
{
    size_t size = strlen(target);
    struct tmpfs_inode *made;
    int error = tmpfs_inode_new(tmpfs_of(dir), S_IFLNK | 0777, 0, &made);

    if (error != 0) {
        return error;
    }
    made->target = kmalloc(size + 1);
    if (made->target == NULL) {
        error = -ENOMEM;
    } else {
        memcpy(made->target, target, size + 1);
        atomic_store_explicit(&made->inode.size, size, memory_order_relaxed);
        error = enter(dir, name, len, made);
    }
    if (error != 0) {
        inode_put(&made->inode);
        return error;
    }
    *inode = &made->inode;
    return 0;
}

int tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *to)
{
    int error = enter(dir, name, len, tmpfs_inode(to));

    if (error == 0) {
        to->ctime = vfs_now();
    }
    return error;
}

/* ---- Removing ----------------------------------------------------------------------- */

struct seek_name {
    struct dir_emit emit;
    struct tmpfs_inode *dir;
    struct dir_emit *to; /* NULL: only whether there is one */
    bool any;
};

/* A lower name: is it to be seen here? */
static bool emit_lower(struct dir_emit *emit, const char *name, size_t len, u64 ino, u32 type,
                       u64 next)
{
    struct seek_name *seek = container_of(emit, struct seek_name, emit);

    if (tmpfs_entry_find(seek->dir, name, len) != NULL) {
        return true;
    }
    seek->any = true;
    return seek->to != NULL && seek->to->fn(seek->to, name, len, ino, type, LOWER_POS + next);
}

static int emit_lower_names(struct tmpfs_inode *dir, u64 *pos, struct seek_name *seek)
{
    int error;

    seek->emit.fn = emit_lower;
    seek->dir = dir;
    mutex_lock(&dir->lower->lock);
    error = dir->lower->ops->readdir(dir->lower, pos, &seek->emit);
    mutex_unlock(&dir->lower->lock);
    return error;
}

/* The mutex of `dir` is held.  0, -ENOTEMPTY. */
static int check_empty(struct tmpfs_inode *dir)
{
    struct seek_name seek = {.to = NULL};
    u64 pos = 0;
    int error = 0;

    if (dir->entries > 0) {
        return -ENOTEMPTY;
    }
    if (dir->lower != NULL) {
        error = emit_lower_names(dir, &pos, &seek);
    }
    return error == 0 && seek.any ? -ENOTEMPTY : error;
}

/* A name has gone from an inode, whose entry's reference goes too. */
static void drop(struct inode *dir, struct tmpfs_inode *inode)
{
    inode->inode.ctime = vfs_now();
    if (inode_is(&inode->inode, S_IFDIR)) {
        links_add(&inode->inode, -2);
        links_add(dir, -1);
    } else {
        links_add(&inode->inode, -1);
    }
    inode_put(&inode->inode);
}

int tmpfs_unlink(struct inode *dir, const char *name, size_t len, struct inode *inode)
{
    struct tmpfs_entry *entry = tmpfs_entry_find(tmpfs_inode(dir), name, len);

    if (entry == NULL || entry->target != tmpfs_inode(inode)) {
        return -ENOENT;
    }
    if (inode_is(inode, S_IFDIR)) {
        int error = check_empty(tmpfs_inode(inode));

        if (error != 0) {
            return error;
        }
    }
    tmpfs_entry_clear(tmpfs_inode(dir), entry);
    drop(dir, tmpfs_inode(inode));
    touch(dir);
    return 0;
}

/* ---- Renaming ----------------------------------------------------------------------- */

static void move_parent(struct inode *from, struct inode *to, const struct tmpfs_inode *moved)
{
    if (inode_is(&moved->inode, S_IFDIR)) {
        links_add(from, -1);
        links_add(to, 1);
    }
}

static void exchange(struct inode *from, struct tmpfs_entry *a, struct inode *to,
                     struct tmpfs_entry *b)
{
    struct tmpfs_inode *target = a->target;

    a->target = b->target;
    b->target = target;
    move_parent(from, to, b->target);
    move_parent(to, from, a->target);
}

/* `there` is the new name's entry: vacant, or what it leads to goes. */
static void replace(struct inode *from, struct tmpfs_entry *old, struct inode *to,
                    struct tmpfs_entry *there)
{
    struct tmpfs_inode *moved = old->target, *gone = there->target;

    tmpfs_entry_set_target(tmpfs_inode(to), there, moved);
    tmpfs_entry_clear(tmpfs_inode(from), old);
    inode_put(&moved->inode); /* the old entry's */
    move_parent(from, to, moved);
    if (gone != NULL) {
        drop(to, gone);
    }
}

int tmpfs_rename(struct inode *from, const char *name, size_t len, struct inode *to,
                 const char *new_name, size_t new_len, u32 flags)
{
    struct tmpfs_entry *old = tmpfs_entry_find(tmpfs_inode(from), name, len), *there;
    int error;

    if (old == NULL || old->target == NULL) {
        return -ENOENT;
    }
    if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) {
        return -EINVAL;
    }
    error = tmpfs_entry_get(tmpfs_inode(to), new_name, new_len, &there);
    if (error == -ENOENT) {
        error = tmpfs_entry_vacant(tmpfs_inode(to), new_name, new_len, &there);
    }
    if (error == 0 && !(flags & RENAME_EXCHANGE) && there->target != NULL &&
        inode_is(&there->target->inode, S_IFDIR)) {
        error = check_empty(there->target);
    }
    if (error != 0) {
        return error;
    }
    old->target->inode.ctime = vfs_now();
    if (flags & RENAME_EXCHANGE) {
        exchange(from, old, to, there);
    } else {
        replace(from, old, to, there);
    }
    touch(from);
    touch(to);
    return 0;
}

/* ---- Listing ------------------------------------------------------------------------ */

static struct tmpfs_entry *entry_from(const struct tmpfs_inode *dir, u64 number)
{
    struct rb_node *node = dir->by_number.root;
    struct tmpfs_entry *best = NULL;

    while (node != NULL) {
        struct tmpfs_entry *entry = container_of(node, struct tmpfs_entry, by_number);
        bool right = entry->number < number;

        best = right ? best : entry;
        node = node->child[right];
    }
    return best;
}

int tmpfs_readdir(struct inode *base, u64 *pos, struct dir_emit *emit)
{
    struct tmpfs_inode *dir = tmpfs_inode(base);
    struct seek_name seek = {.to = emit};
    int error = 0;

    while (*pos < LOWER_POS) {
        struct tmpfs_entry *entry = entry_from(dir, *pos);

        if (entry == NULL) {
            *pos = LOWER_POS;
            break;
        }
        if (entry->target != NULL &&
            !emit->fn(emit, entry->name, entry->len, entry->target->inode.ino,
                      entry->target->inode.mode & S_IFMT, entry->number + 1)) {
            return 0;
        }
        *pos = entry->number + 1;
    }
    if (dir->lower != NULL) {
        u64 lower_pos = *pos - LOWER_POS;

        error = emit_lower_names(dir, &lower_pos, &seek);
        *pos = LOWER_POS + lower_pos;
    }
    return error;
}
