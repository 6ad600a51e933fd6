/* SPDX-License-Identifier: MIT */
/* From the arguments of a system call to what they name. */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>

#include "fs_priv.h"

/* The folder a descriptor stands for. */
static int base_of(int fd, bool any, struct dentry **base)
{
    struct file *file = fd_get_path(fd);
    int error = 0;

    if (file == NULL) {
        return -EBADF;
    }
    if (file->dentry == NULL || (!any && !inode_is(file->inode, S_IFDIR))) {
        error = -ENOTDIR;
    } else {
        *base = dentry_get(file->dentry);
    }
    file_put(file);
    return error;
}

/*
 * at->path is there: the folder it is relative to, which `any_path` wants to know for an
 * absolute one too.  Frees the path if that fails.
 */
static int at_find_base(struct at *at, int fd, bool empty, bool any_path)
{
    int error = 0;

    at->base = NULL;
    if (at->path[0] == '\0' && !empty) {
        error = -ENOENT;
    } else if (fd != AT_FDCWD && (at->path[0] != '/' || any_path)) {
        error = base_of(fd, at->path[0] == '\0', &at->base);
    }
    if (error != 0) {
        kfree(at->path);
    }
    return error;
}

int at_get(struct at *at, int fd, u64 path, bool empty)
{
    int error = user_path((const char *)path, &at->path);

    return error != 0 ? error : at_find_base(at, fd, empty, false);
}

int at_get_within(struct at *at, int fd, u64 path)
{
    int error = user_path((const char *)path, &at->path);

    return error != 0 ? error : at_find_base(at, fd, false, true);
}

void at_put(struct at *at)
{
    kfree(at->path);
    if (at->base != NULL) {
        dentry_put(at->base);
    }
}

int at_lookup(int fd, u64 path, u32 flags, struct dentry **dentry)
{
    struct at at;
    int error = at_get(&at, fd, path, (flags & LOOKUP_EMPTY) != 0);

    if (error == 0) {
        error = vfs_lookup(at.base, at.path, flags, dentry);
        at_put(&at);
    }
    return error;
}

static int target_of_fd(int fd, struct inode **inode, struct dentry **dentry, struct file **file)
{
    *file = fd_get_path(fd);
    if (*file == NULL) {
        return -EBADF;
    }
    *inode = (*file)->inode != NULL ? inode_get((*file)->inode) : NULL;
    *dentry = (*file)->dentry != NULL ? dentry_get((*file)->dentry) : NULL;
    return 0;
}

int target_get(int fd, u64 path, u32 flags, struct inode **inode, struct dentry **dentry,
               struct file **file)
{
    u32 how = (flags & AT_SYMLINK_NOFOLLOW) ? LOOKUP_NOFOLLOW : 0;
    struct at at;
    int error;

    *file = NULL;
    if (path == 0 && (flags & AT_EMPTY_PATH) && fd != AT_FDCWD) {
        return target_of_fd(fd, inode, dentry, file);
    }
    error = user_path((const char *)path, &at.path);
    if (error != 0) {
        return error;
    }
    if (at.path[0] == '\0' && (flags & AT_EMPTY_PATH) && fd != AT_FDCWD) {
        kfree(at.path);
        return target_of_fd(fd, inode, dentry, file);
    }
    error = at_find_base(&at, fd, (flags & AT_EMPTY_PATH) != 0, false);
    if (error != 0) {
        return error;
    }
    how |= (flags & AT_EMPTY_PATH) ? LOOKUP_EMPTY : 0;
    error = vfs_lookup(at.base, at.path, how, dentry);
    at_put(&at);
    if (error == 0) {
        *inode = inode_get((*dentry)->inode);
    }
    return error;
}

void target_put(struct inode *inode, struct dentry *dentry, struct file *file)
{
    if (inode != NULL) {
        inode_put(inode);
    }
    if (dentry != NULL) {
        dentry_put(dentry);
    }
    if (file != NULL) {
        file_put(file);
    }
}
