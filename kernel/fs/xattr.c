/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes (xattr(7)), kept in memory with the inode: for tmpfs and
 * what is written above an image.  An inode has few, so they are a list.
 *
 * There are the kinds user., trusted. and security., which nobody here looks at;
 * as on Linux, user. ones belong to files and folders only.  Access lists
 * (system.) are refused like by a file system without them.  What one inode may
 * have is limited, since it is the kernel's memory.
 */
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "fs_priv.h"

#define XATTRS_MAX 128u               /* of one inode */
#define XATTRS_SIZE_MAX (128u * 1024) /* their values */

/* (l) lock of the inode */
struct xattr {
    struct xattr *next; /* (l) */
    u8 *value;          /* (l) NULL: empty */
    u32 size;           /* (l) */
    u32 name_size;      /* (l) with its end */
    char name[];
};

static bool has_prefix(const char *name, const char *prefix, size_t len)
{
    return strncmp(name, prefix, len) == 0;
}

/* 0, or why the inode cannot have one of that name; `missing`: for what only asks. */
static int check_name(const struct inode *inode, const char *name, int missing)
{
    bool user = has_prefix(name, "user.", 5);
    size_t prefix = user ? 5 : has_prefix(name, "trusted.", 8) ? 8 : 9;

    if (!inode->super->has_xattrs ||
        (!user && prefix == 9 && !has_prefix(name, "security.", prefix))) {
        return -EOPNOTSUPP;
    }
    if (name[prefix] == '\0') {
        return -EINVAL;
    }
    return user && !inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR) ? missing : 0;
}

/* Where the pointer to it is, or would be. */
static struct xattr **find(struct inode *inode, const char *name)
{
    struct xattr **at = &inode->xattrs;

    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static void xattr_free(struct xattr *xattr)
{
    if (xattr != NULL) {
        kfree(xattr->value);
        kfree(xattr);
    }
}

void xattr_free_all(struct inode *inode)
{
    while (inode->xattrs != NULL) {
        struct xattr *gone = inode->xattrs;

        inode->xattrs = gone->next;
        xattr_free(gone);
    }
}

static struct xattr *xattr_new(const char *name, const void *value, u64 size)
{
    size_t name_size = strlen(name) + 1;
    struct xattr *made = kzalloc(sizeof(*made) + name_size);

    if (made == NULL) {
        return NULL;
    }
    made->size = (u32)size;
    made->name_size = (u32)name_size;
    memcpy(made->name, name, name_size);
    if (size > 0) {
        made->value = kmalloc(size);
        if (made->value == NULL) {
            kfree(made);
            return NULL;
        }
        memcpy(made->value, value, size);
    }
    return made;
}

s64 xattr_get(struct inode *inode, const char *name, void *value, u64 size)
{
    int error = check_name(inode, name, -ENODATA);
    const struct xattr *xattr;
    s64 result;

    if (error != 0) {
        return error;
    }
    mutex_lock(&inode->lock);
    xattr = *find(inode, name);
    if (xattr == NULL) {
        result = -ENODATA;
    } else if (size != 0 && size < xattr->size) {
        result = -ERANGE;
    } else {
        result = xattr->size;
        if (size != 0 && xattr->size != 0) {
            memcpy(value, xattr->value, xattr->size);
        }
    }
    mutex_unlock(&inode->lock);
    return result;
}

/* Is there room for another one, beside `replaced`? */
static bool fits(const struct inode *inode, const struct xattr *replaced, u64 size)
{
    u32 count = 1;

    for (const struct xattr *xattr = inode->xattrs; xattr != NULL; xattr = xattr->next) {
        count += xattr != replaced;
        size += xattr != replaced ? xattr->size : 0;
    }
    return count <= XATTRS_MAX && size <= XATTRS_SIZE_MAX;
}

/* In place of what *at points to; `made` is this function's. */
static int replace(struct inode *inode, struct xattr *made, u32 flags)
{
    struct xattr **at = find(inode, made->name), *old = *at;
    int error = 0;

    if (old != NULL && (flags & XATTR_CREATE)) {
        error = -EEXIST;
    } else if (old == NULL && (flags & XATTR_REPLACE)) {
        error = -ENODATA;
    } else if (!fits(inode, old, made->size)) {
        error = -ENOSPC;
    }
    if (error != 0) {
        xattr_free(made);
        return error;
    }
    made->next = old != NULL ? old->next : NULL;
    *at = made;
    inode->ctime = vfs_now();
    xattr_free(old);
    return 0;
}

int xattr_set(struct inode *inode, const char *name, const void *value, u64 size, u32 flags)
{
    int error = inode->super->read_only ? -EROFS : check_name(inode, name, -EPERM);
    struct xattr *made;

    if (error != 0) {
        return error;
    }
    made = xattr_new(name, value, size);
    if (made == NULL) {
        return -ENOMEM;
    }
    mutex_lock(&inode->lock);
    error = replace(inode, made, flags);
    mutex_unlock(&inode->lock);
    return error;
}

int xattr_remove(struct inode *inode, const char *name)
{
    int error = inode->super->read_only ? -EROFS : check_name(inode, name, -EPERM);
    struct xattr **at, *gone;

    if (error != 0) {
        return error;
    }
    mutex_lock(&inode->lock);
    at = find(inode, name);
    gone = *at;
    if (gone != NULL) {
        *at = gone->next;
        inode->ctime = vfs_now();
    }
    mutex_unlock(&inode->lock);
    xattr_free(gone);
    return gone != NULL ? 0 : -ENODATA;
}

s64 xattr_list(struct inode *inode, char *list, u64 size)
{
    u64 used = 0;

    if (!inode->super->has_xattrs) {
        return 0;
    }
    mutex_lock(&inode->lock);
    for (const struct xattr *xattr = inode->xattrs; xattr != NULL; xattr = xattr->next) {
        if (size != 0 && used + xattr->name_size <= size) {
            memcpy(list + used, xattr->name, xattr->name_size);
        }
        used += xattr->name_size;
    }
    mutex_unlock(&inode->lock);
    return size != 0 && used > size ? -ERANGE : (s64)used;
}
