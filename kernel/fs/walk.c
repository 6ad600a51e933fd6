/* SPDX-License-Identifier: MIT */
/*
 * Paths.  A walk goes name by name: `at` is where it has come to, `rest` what
 * is left.  A symbolic link puts its target in front of the rest, in a buffer
 * of the walk's own, and the walk goes on; so there is no recursion, and a
 * loop of links ends at the fortieth (-ELOOP).
 *
 * The last name is left to the caller: open(2), mkdir(2), rename(2) want the
 * folder it is in.
 */
#include <kernel/vfs.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

#define PATH_SHORT 240u

bool name_is_dots(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

int walk_start(struct walk *walk, struct dentry *base, const char *path, u32 resolve)
{
    *walk = (struct walk){.rest = path, .resolve = resolve};
    if (path[0] == '\0') {
        return -ENOENT;
    }
    if ((resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == 0) {
        walk->at = path_begin(base, path);
        return 0;
    }
    if (path[0] == '/' && (resolve & RESOLVE_BENEATH)) {
        return -EXDEV;
    }
    walk->at = base != NULL ? dentry_get(base) : vfs_cwd();
    walk->top = dentry_get(walk->at);
    return 0;
}

void walk_end(struct walk *walk)
{
    if (walk->at != NULL) {
        dentry_put(walk->at);
    }
    if (walk->file != NULL) {
        file_put(walk->file);
    }
    if (walk->top != NULL) {
        dentry_put(walk->top);
    }
    kfree(walk->buffer);
    *walk = (struct walk){0};
}

static void walk_to(struct walk *walk, struct dentry *dentry)
{
    dentry_put(walk->at);
    walk->at = dentry;
}

/* RESOLVE_NO_XDEV: may it go on from `from` there?  A reference to `to` is dropped if not. */
static int check_device(const struct walk *walk, const struct super *from, struct dentry *to)
{
    if ((walk->resolve & RESOLVE_NO_XDEV) != 0 && to->super != from) {
        dentry_put(to);
        return -EXDEV;
    }
    return 0;
}

/* On to `dentry`, whose reference is taken over, or what is mounted there. */
static int walk_across(struct walk *walk, struct dentry *dentry)
{
    struct super *from = walk->at->super;
    int error;

    dentry = dentry_cross(dentry);
    error = check_device(walk, from, dentry);
    if (error == 0) {
        walk_to(walk, dentry);
    }
    return error;
}

/* ".." */
static int walk_up(struct walk *walk)
{
    struct super *from = walk->at->super;

    if (walk->at == walk->top) {
        return (walk->resolve & RESOLVE_BENEATH) != 0 ? -EXDEV : 0;
    }
    walk->at = dentry_up(walk->at);
    return (walk->resolve & RESOLVE_NO_XDEV) != 0 && walk->at->super != from ? -EXDEV : 0;
}

/* An absolute link. */
static int walk_to_top(struct walk *walk)
{
    struct dentry *top = walk->top != NULL ? walk->top : vfs_root();

    if ((walk->resolve & RESOLVE_BENEATH) != 0 ||
        ((walk->resolve & RESOLVE_NO_XDEV) != 0 && top->super != walk->at->super)) {
        return -EXDEV;
    }
    walk_to(walk, dentry_get(top));
    return 0;
}

/* `size` bytes at `target` come before the rest of the path. */
static int put_before_rest(struct walk *walk, const char *target, size_t size)
{
    size_t rest = strlen(walk->rest);
    bool slash = rest > 0 || walk->directory;
    char *joined = kmalloc(size + 1 + rest + 1);

    if (joined == NULL) {
        return -ENOMEM;
    }
    memcpy(joined, target, size);
    joined[size] = '/';
    memcpy(joined + size + slash, walk->rest, rest);
    joined[size + slash + rest] = '\0';
    kfree(walk->buffer);
    walk->buffer = joined;
    walk->rest = joined;
    if (joined[0] == '/') {
        int error = walk_to_top(walk);

        return error != 0 ? error : 1;
    }
    return 1;
}

static int follow_text(struct walk *walk, struct inode *link)
{
    char *target;
    s64 size;
    int result;

    if (link->ops->readlink == NULL) {
        return -EINVAL;
    }
    target = kmalloc(PATH_MAX);
    if (target == NULL) {
        return -ENOMEM;
    }
    size = link->ops->readlink(link, target, PATH_MAX);
    if (size <= 0) {
        result = size < 0 ? (int)size : -ENOENT;
    } else if (size >= (s64)PATH_MAX) {
        result = -ENAMETOOLONG;
    } else {
        result = put_before_rest(walk, target, (size_t)size);
    }
    kfree(target);
    return result;
}

/* Links of /proc lead to files themselves: 0, or -errno. */
static int follow_to_file(struct walk *walk, struct inode *link)
{
    struct dentry *dentry;
    int error;

    if ((walk->resolve & RESOLVE_NO_MAGICLINKS) != 0) {
        return -ELOOP;
    }
    if (walk->top != NULL) {
        return -EXDEV;
    }
    error = link->ops->follow(link, &dentry);
    if (error == 0) {
        error = walk_across(walk, dentry);
    } else if (error == -ENXIO && link->ops->follow_file != NULL) {
        error = walk->rest[0] == '\0' ? link->ops->follow_file(link, &walk->file) : -ENOTDIR;
    }
    return error;
}

int walk_link(struct walk *walk, struct dentry *dentry)
{
    int result;

    if (++walk->links > SYMLINKS_MAX || (walk->resolve & RESOLVE_NO_SYMLINKS) != 0) {
        result = -ELOOP;
    } else if (dentry->inode->ops->follow != NULL) {
        result = follow_to_file(walk, dentry->inode);
    } else {
        result = follow_text(walk, dentry->inode);
    }
    dentry_put(dentry);
    return result;
}

/* What is believed of a name: who opens a file believes in folders on the way only. */
static u32 trust_of(const struct walk *walk, bool last)
{
    if (!walk->asks) {
        return TRUST_ALL;
    }
    if (last) {
        return walk->for_folder ? TRUST_FILES : 0;
    }
    return TRUST_FOLDERS;
}

/* One name on from `at`, the last or one on the way.  0, 1: a link was followed by its text,
 * -errno. */
static int walk_into(struct walk *walk, const char *name, size_t len, bool last, bool follow)
{
    struct dentry *child;
    int error;

    if (!inode_is(walk->at->inode, S_IFDIR)) {
        return -ENOTDIR;
    }
    if (name_is_dots(name, len)) {
        return len == 2 ? walk_up(walk) : 0;
    }
    child = dentry_trusted(walk->at, name, len, trust_of(walk, last));
    error =
        child != NULL ? 0 : dentry_child(walk->at, name, len, false, last && walk->asks, &child);
    if (error != 0) {
        return error;
    }
    if (__atomic_load_n(&child->inode, __ATOMIC_ACQUIRE) == NULL) {
        dentry_put(child);
        return -ENOENT;
    }
    if (follow && inode_is(child->inode, S_IFLNK)) {
        return walk_link(walk, child);
    }
    return walk_across(walk, child);
}

static const char *skip_slashes(const char *path)
{
    while (*path == '/') {
        path++;
    }
    return path;
}

int walk_to_parent(struct walk *walk)
{
    for (;;) {
        const char *name = skip_slashes(walk->rest), *end = name, *next;
        int error;

        while (*end != '\0' && *end != '/') {
            end++;
        }
        next = skip_slashes(end);
        walk->rest = next;
        if (*next == '\0') {
            walk->last = name;
            walk->last_len = (size_t)(end - name);
            walk->directory |= *end == '/';
            if (!inode_is(walk->at->inode, S_IFDIR)) {
                return -ENOTDIR;
            }
            return walk->last_len > NAME_MAX ? -ENAMETOOLONG : 0;
        }
        error = walk_into(walk, name, (size_t)(end - name), false, true);
        if (error < 0) {
            return error;
        }
    }
}

int walk_last(struct walk *walk, bool follow)
{
    return walk->last_len == 0 ? 0 : walk_into(walk, walk->last, walk->last_len, true, follow);
}

int vfs_lookup(struct dentry *base, const char *path, u32 flags, struct dentry **dentry)
{
    struct walk walk;
    int error;

    if (path[0] == '\0' && (flags & LOOKUP_EMPTY)) {
        *dentry = base != NULL ? dentry_get(base) : vfs_cwd();
        return 0;
    }
    error = walk_start(&walk, base, path, 0);
    while (error == 0) {
        error = walk_to_parent(&walk);
        if (error == 0) {
            bool follow = (flags & LOOKUP_NOFOLLOW) == 0 || walk.directory;

            error = walk_last(&walk, follow);
            if (error == 0) {
                break;
            }
            error = error == 1 ? 0 : error;
        }
    }
    if (error == 0 && walk.file != NULL) {
        error = -ENXIO;
    } else if (error == 0 && (walk.directory || (flags & LOOKUP_DIRECTORY)) &&
               !inode_is(walk.at->inode, S_IFDIR)) {
        error = -ENOTDIR;
    } else if (error == 0) {
        *dentry = dentry_get(walk.at);
    }
    walk_end(&walk);
    return error;
}

/*
 * Copies up to and with the NUL: 1 if it was found, 0, -EFAULT.  A
 * cache line at a time, so that no page behind the end is touched.
 */
static int copy_text(char *buf, const char *from, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t part = MIN(CACHE_LINE - ((uintptr_t)from + at) % CACHE_LINE, size - at);

        if (user_read(buf + at, from + at, part) != 0) {
            return -EFAULT;
        }
        if (memchr(buf + at, '\0', part) != NULL) {
            return 1;
        }
        at += part;
    }
    return 0;
}

/* Most paths are short; a long one is begun anew with all the room there may be. */
int user_path(const char *path, char **copy)
{
    static const size_t sizes[] = {PATH_SHORT, PATH_MAX};

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        char *buf = kmalloc(sizes[i]);
        int found;

        if (buf == NULL) {
            return -ENOMEM;
        }
        found = copy_text(buf, path, sizes[i]);
        if (found == 1) {
            *copy = buf;
            return 0;
        }
        kfree(buf);
        if (found < 0) {
            return found;
        }
    }
    return -ENAMETOOLONG;
}
