/* SPDX-License-Identifier: MIT */
/*
 * Making, removing and renaming names.
 *
 * A change is made with the mutex of the folder held, and of the folder that
 * is removed or replaced after it: from the root downwards.  rename(2) takes
 * two folders that may lie anywhere; it alone does, and holds `renames` for
 * that, so two renames do not wait for each other's folders, and no folder
 * becomes its own ancestor.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/string.h>

#include "fs_priv.h"

static struct {
    struct mutex lock; /* one rename at a time */
} renames = {
    .lock = {.queue = WAIT_QUEUE_INIT("renames", renames.lock.queue)},
};

/* ---- Making ------------------------------------------------------------------------ */

struct making {
    u32 mode;
    u64 rdev;
    const char *target; /* of a symbolic link */
    struct inode *link; /* counted: a second name for it */
};

static int make_inode(struct dentry *dir, const struct dentry *child, const struct making *what,
                      struct inode **inode)
{
    const struct inode_ops *ops = dir->inode->ops;
    const char *name = child->name;
    size_t len = child->name_len;

    if (what->link != NULL) {
        int error = ops->link == NULL ? -EPERM : ops->link(dir->inode, name, len, what->link);

        *inode = error == 0 ? inode_get(what->link) : NULL;
        return error;
    }
    if (what->target != NULL) {
        return ops->symlink == NULL ? -EPERM
                                    : ops->symlink(dir->inode, name, len, what->target, inode);
    }
    return ops->create == NULL ? -EROFS
                               : ops->create(dir->inode, name, len, what->mode, what->rdev, inode);
}

/* The folder's mutex is held. */
static int make_locked(struct walk *walk, const struct making *what, struct dentry **made)
{
    struct dentry *dir = walk->at, *child;
    struct inode *inode;
    int error = dentry_child_trusted(dir, walk->last, walk->last_len, TRUST_ABSENT, false, &child);

    if (error != 0) {
        return error;
    }
    if (child->inode != NULL) {
        error = -EEXIST;
    } else if ((walk->directory && (what->mode & S_IFMT) != S_IFDIR) || dentry_is_removed(dir)) {
        error = -ENOENT;
    } else if (dir->super->read_only) {
        error = -EROFS;
    } else if (what->link != NULL && what->link->super != dir->super) {
        error = -EXDEV;
    } else {
        error = make_inode(dir, child, what, &inode);
    }
    if (error != 0) {
        dentry_distrust(child);
        dentry_put(child);
        return error;
    }
    dentry_attach(child, inode);
    *made = child;
    return 0;
}

static int make_dentry(struct dentry *base, const char *path, const struct making *what,
                       struct dentry **made)
{
    struct walk walk;
    int error = walk_start(&walk, base, path, 0);

    if (error == 0) {
        error = walk_to_parent(&walk);
    }
    if (error == 0 && (walk.last_len == 0 || name_is_dots(walk.last, walk.last_len))) {
        error = -EEXIST;
    }
    if (error == 0) {
        mutex_lock(&walk.at->inode->lock);
        error = make_locked(&walk, what, made);
        mutex_unlock(&walk.at->inode->lock);
    }
    if (error == 0) {
        notify_dentry(*made, IN_CREATE);
    }
    walk_end(&walk);
    return error;
}

static int make(struct dentry *base, const char *path, const struct making *what)
{
    struct dentry *made;
    int error = make_dentry(base, path, what, &made);

    if (error == 0) {
        dentry_put(made);
    }
    return error;
}

int vfs_create_dentry(struct dentry *base, const char *path, u32 mode, u64 rdev,
                      struct dentry **made)
{
    return make_dentry(base, path, &(struct making){.mode = mode, .rdev = rdev}, made);
}

int vfs_create(struct dentry *base, const char *path, u32 mode, u64 rdev)
{
    return make(base, path, &(struct making){.mode = mode, .rdev = rdev});
}

int vfs_symlink(struct dentry *base, const char *path, const char *target)
{
    if (target[0] == '\0') {
        return -ENOENT;
    }
    return make(base, path, &(struct making){.mode = S_IFLNK, .target = target});
}

int vfs_link(struct dentry *from, struct dentry *base, const char *path)
{
    int error;

    if (inode_is(from->inode, S_IFDIR)) {
        return -EPERM;
    }
    if (atomic_load_explicit(&from->inode->links, memory_order_relaxed) == 0 &&
        !from->inode->linkable) {
        return -ENOENT; /* what was removed does not come back */
    }
    error = make(base, path, &(struct making){.mode = S_IFREG, .link = from->inode});
    if (error == 0 && !list_empty(&from->inode->watches)) {
        fsnotify(from->inode, IN_ATTRIB, NULL, NULL, 0, 0);
    }
    return error;
}

/* ---- Removing ---------------------------------------------------------------------- */

/* The folder's mutex is held.  What went is the caller's, counted. */
static int remove_locked(struct walk *walk, bool directory, struct dentry **gone)
{
    struct dentry *dir = walk->at, *child;
    struct inode *inode;
    bool is_directory;
    int error = dentry_child_trusted(dir, walk->last, walk->last_len, TRUST_FOLDERS | TRUST_FILES,
                                     false, &child);

    if (error != 0) {
        return error;
    }
    inode = child->inode;
    is_directory = inode != NULL && inode_is(inode, S_IFDIR);
    if (inode == NULL) {
        error = -ENOENT;
    } else if (!directory && is_directory) {
        error = -EISDIR;
    } else if (!is_directory && (directory || walk->directory)) {
        error = -ENOTDIR;
    } else if (child->mounted != NULL) {
        error = -EBUSY;
    } else if (dir->super->read_only || dir->inode->ops->unlink == NULL) {
        error = -EROFS;
    } else {
        if (is_directory) {
            mutex_lock(&inode->lock);
        }
        error = dir->inode->ops->unlink(dir->inode, child->name, child->name_len, inode);
        if (error == 0) {
            dentry_unhash(child);
        }
        if (is_directory) {
            mutex_unlock(&inode->lock);
        }
    }
    if (error != 0) {
        dentry_distrust(child);
        dentry_put(child);
        return error;
    }
    *gone = child;
    return 0;
}

static void notify_gone(struct inode *inode)
{
    if (!list_empty(&inode->watches)) {
        fsnotify(inode, IN_ATTRIB, NULL, NULL, 0, 0);
    }
}

/* As on Linux, the file's own end (unless it is open) is told before the folder's. */
static void end_removed(struct dentry *gone, struct dentry *dir)
{
    u32 mask = IN_DELETE | (inode_is(gone->inode, S_IFDIR) ? IN_ISDIR : 0);
    char name[NAME_MAX];
    size_t len = dentry_name(gone, name);

    notify_gone(gone->inode);
    dentry_put(gone);
    notify_name(NULL, mask, dir, name, len);
}

int vfs_unlink(struct dentry *base, const char *path, bool directory)
{
    struct dentry *gone;
    struct walk walk;
    int error = walk_start(&walk, base, path, 0);

    if (error == 0) {
        error = walk_to_parent(&walk);
    }
    if (error == 0 && walk.last_len == 0) {
        error = directory ? -EBUSY : -EISDIR;
    } else if (error == 0 && name_is_dots(walk.last, walk.last_len)) {
        error = !directory ? -EISDIR : walk.last_len == 1 ? -EINVAL : -ENOTEMPTY;
    }
    if (error == 0) {
        mutex_lock(&walk.at->inode->lock);
        error = remove_locked(&walk, directory, &gone);
        mutex_unlock(&walk.at->inode->lock);
    }
    if (error == 0) {
        end_removed(gone, walk.at);
    }
    walk_end(&walk);
    return error;
}

/* ---- Renaming ---------------------------------------------------------------------- */

struct renaming {
    struct walk from, to;
    struct dentry *old, *new; /* counted */
    u32 flags;
};

/* Ancestors first, as everywhere; unrelated ones in any order. */
static void lock_folders(struct dentry *a, struct dentry *b)
{
    if (a == b) {
        mutex_lock(&a->inode->lock);
    } else if (dentry_is_ancestor(b, a)) {
        mutex_lock(&b->inode->lock);
        mutex_lock(&a->inode->lock);
    } else {
        mutex_lock(&a->inode->lock);
        mutex_lock(&b->inode->lock);
    }
}

static void unlock_folders(struct dentry *a, struct dentry *b)
{
    mutex_unlock(&a->inode->lock);
    if (a != b) {
        mutex_unlock(&b->inode->lock);
    }
}

/* Types and places, once both names are known. */
static int may_rename(const struct renaming *r)
{
    struct inode *old = r->old->inode, *new = r->new->inode;
    bool exchange = (r->flags & RENAME_EXCHANGE) != 0;

    if (old == NULL || (exchange && new == NULL)) {
        return -ENOENT;
    }
    if (new != NULL && (r->flags & RENAME_NOREPLACE)) {
        return -EEXIST;
    }
    if (dentry_is_ancestor(r->old, r->to.at)) {
        return -EINVAL;
    }
    if (dentry_is_ancestor(r->new, r->from.at)) {
        return exchange ? -EINVAL : -ENOTEMPTY;
    }
    if (!inode_is(old, S_IFDIR) && (r->from.directory || (!exchange && r->to.directory))) {
        return -ENOTDIR;
    }
    if (exchange && r->to.directory && !inode_is(new, S_IFDIR)) {
        return -ENOTDIR;
    }
    if (new != NULL && !exchange &&new != old) {
        if (inode_is(old, S_IFDIR) && !inode_is(new, S_IFDIR)) {
            return -ENOTDIR;
        }
        if (!inode_is(old, S_IFDIR) && inode_is(new, S_IFDIR)) {
            return -EISDIR;
        }
    }
    if (r->old->mounted != NULL || r->new->mounted != NULL) {
        return -EBUSY;
    }
    if (r->from.at->super->read_only || r->from.at->inode->ops->rename == NULL) {
        return -EROFS;
    }
    return dentry_is_removed(r->to.at) ? -ENOENT : 0;
}

/* Both folders' mutexes are held from here on. */
static int find_names(struct renaming *r)
{
    int error = dentry_child_trusted(r->from.at, r->from.last, r->from.last_len,
                                     TRUST_FOLDERS | TRUST_FILES, false, &r->old);

    if (error == 0) {
        error = dentry_child_trusted(r->to.at, r->to.last, r->to.last_len,
                                     TRUST_FOLDERS | TRUST_FILES, false, &r->new);
    }
    return error;
}

static int rename_locked(struct renaming *r)
{
    struct inode *replaced;
    int error = may_rename(r);

    if (error != 0) {
        return error;
    }
    replaced = r->new->inode;
    if (replaced == r->old->inode) {
        return 0; /* two names of one file: nothing happens, says POSIX */
    }
    if (replaced != NULL && inode_is(replaced, S_IFDIR)) {
        mutex_lock(&replaced->lock);
    }
    error =
        r->from.at->inode->ops->rename(r->from.at->inode, r->old->name, r->old->name_len,
                                       r->to.at->inode, r->new->name, r->new->name_len, r->flags);
    if (replaced != NULL && inode_is(replaced, S_IFDIR)) {
        mutex_unlock(&replaced->lock);
    }
    return error;
}

static void notify_renamed(struct renaming *r, const char *name, size_t len)
{
    struct inode *moved = r->old->inode;
    u32 cookie = fsnotify_cookie();

    fsnotify(moved, IN_MOVED_FROM, r->from.at->inode, name, len, cookie);
    fsnotify(moved, IN_MOVED_TO, r->to.at->inode, r->old->name, r->old->name_len, cookie);
    fsnotify(moved, IN_MOVE_SELF, NULL, NULL, 0, 0);
    if (r->new->inode != NULL && !(r->flags & RENAME_EXCHANGE)) {
        notify_gone(r->new->inode);
    }
}

static int rename_in(struct renaming *r)
{
    char name[NAME_MAX];
    size_t len;
    int error;

    lock_folders(r->from.at, r->to.at);
    error = find_names(r);
    if (error == 0) {
        error = rename_locked(r);
        if (error != 0) {
            dentry_distrust(r->old);
            dentry_distrust(r->new);
        }
    }
    if (error == 0 && r->new->inode != r->old->inode) {
        len = dentry_name(r->old, name);
        dentry_move(r->old, r->new, (r->flags & RENAME_EXCHANGE) != 0);
        notify_renamed(r, name, len);
    }
    unlock_folders(r->from.at, r->to.at);
    return error;
}

static int rename_walked(struct renaming *r)
{
    int error = walk_to_parent(&r->from);

    if (error == 0) {
        error = walk_to_parent(&r->to);
    }
    if (error != 0) {
        return error;
    }
    if (r->from.at->super != r->to.at->super) {
        return -EXDEV;
    }
    if (r->from.last_len == 0 || r->to.last_len == 0 ||
        name_is_dots(r->from.last, r->from.last_len) || name_is_dots(r->to.last, r->to.last_len)) {
        return (r->flags & RENAME_NOREPLACE) && name_is_dots(r->to.last, r->to.last_len) ? -EEXIST
                                                                                         : -EBUSY;
    }
    mutex_lock(&renames.lock);
    error = rename_in(r);
    mutex_unlock(&renames.lock);
    return error;
}

int vfs_rename(struct dentry *from_base, const char *from, struct dentry *to_base, const char *to,
               u32 flags)
{
    struct renaming r = {.flags = flags};
    int error = walk_start(&r.from, from_base, from, 0);

    if (error == 0) {
        error = walk_start(&r.to, to_base, to, 0);
    }
    if (error == 0) {
        error = rename_walked(&r);
    }
    if (r.old != NULL) {
        dentry_put(r.old);
    }
    if (r.new != NULL) {
        dentry_put(r.new);
    }
    walk_end(&r.from);
    walk_end(&r.to);
    return error;
}
