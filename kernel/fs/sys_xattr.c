/* SPDX-License-Identifier: MIT */
/*
 * setxattr(2) and its relatives: a name and a value brought in or out, for a
 * file by its path, its link, or its descriptor.
 */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

/* What a call is about. */
struct xattr_call {
    int fd; /* or -1 */
    u64 path;
    bool follow;
    u64 name, value, size;
    u32 flags;
};

typedef s64 (*xattr_fn)(struct inode *inode, const char *name, const struct xattr_call *call);

/* -ERANGE: no name, or too long. */
static s64 read_name(u64 from, char *name)
{
    for (u64 i = 0; i <= XATTR_NAME_MAX; i++) {
        if (user_read(&name[i], (const char *)from + i, 1) != 0) {
            return -EFAULT;
        }
        if (name[i] == '\0') {
            return i > 0 ? 0 : -ERANGE;
        }
    }
    return -ERANGE;
}

static s64 on_path(const struct xattr_call *call, const char *name, u32 event, xattr_fn fn)
{
    struct dentry *dentry;
    s64 result = at_lookup(AT_FDCWD, call->path, call->follow ? 0 : LOOKUP_NOFOLLOW, &dentry);

    if (result == 0) {
        result = fn(dentry->inode, name, call);
        if (result >= 0 && event != 0) {
            notify_dentry(dentry, event);
        }
        dentry_put(dentry);
    }
    return result;
}

static s64 on_fd(const struct xattr_call *call, const char *name, u32 event, xattr_fn fn)
{
    struct file *file = fd_get(call->fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = file->inode != NULL ? fn(file->inode, name, call) : -EOPNOTSUPP;
    if (result >= 0 && event != 0) {
        notify_file(file, event);
    }
    file_put(file);
    return result;
}

static s64 on_file(const struct xattr_call *call, u32 event, xattr_fn fn)
{
    char name[XATTR_NAME_MAX + 1] = "";
    s64 result = call->name != 0 ? read_name(call->name, name) : 0;

    if (result != 0) {
        return result;
    }
    return call->fd >= 0 ? on_fd(call, name, event, fn) : on_path(call, name, event, fn);
}

/* ---- What is done ------------------------------------------------------------- */

static s64 get(struct inode *inode, const char *name, const struct xattr_call *call)
{
    u64 size = MIN(call->size, (u64)XATTR_SIZE_MAX);
    void *value = size != 0 ? kmalloc(size) : NULL;
    s64 result;

    if (size != 0 && value == NULL) {
        return -ENOMEM;
    }
    result = xattr_get(inode, name, value, size);
    if (result > 0 && size != 0 && user_write((void *)call->value, value, (u64)result) != 0) {
        result = -EFAULT;
    }
    kfree(value);
    return result;
}

static s64 set(struct inode *inode, const char *name, const struct xattr_call *call)
{
    void *value = call->size != 0 ? kmalloc(call->size) : NULL;
    s64 result;

    if (call->size != 0 && value == NULL) {
        return -ENOMEM;
    }
    result = call->size != 0 ? user_read(value, (const void *)call->value, call->size) : 0;
    if (result == 0) {
        result = xattr_set(inode, name, value, call->size, call->flags);
    }
    kfree(value);
    return result;
}

static s64 list(struct inode *inode, const char *name, const struct xattr_call *call)
{
    u64 size = MIN(call->size, (u64)XATTR_SIZE_MAX);
    char *names = size != 0 ? kmalloc(size) : NULL;
    s64 result;

    if (size != 0 && names == NULL) {
        return -ENOMEM;
    }
    result = xattr_list(inode, names, size);
    if (result > 0 && size != 0 && user_write((void *)call->value, names, (u64)result) != 0) {
        result = -EFAULT;
    }
    kfree(names);
    return result;
}

static s64 take_away(struct inode *inode, const char *name, const struct xattr_call *call)
{
    return xattr_remove(inode, name);
}

/* ---- The calls ---------------------------------------------------------------- */

static s64 get_call(int fd, u64 path, bool follow, u64 name, u64 value, u64 size)
{
    struct xattr_call call = {fd, path, follow, name, value, size, 0};

    return on_file(&call, 0, get);
}

s64 sys_getxattr(u64 path, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return get_call(-1, path, true, name, value, size);
}

s64 sys_lgetxattr(u64 path, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return get_call(-1, path, false, name, value, size);
}

s64 sys_fgetxattr(u64 fd, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return (int)fd < 0 ? -EBADF : get_call((int)fd, 0, false, name, value, size);
}

static s64 set_call(const struct xattr_call *call)
{
    if ((call->flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) {
        return -EINVAL;
    }
    if (call->size > XATTR_SIZE_MAX) {
        return -E2BIG;
    }
    return on_file(call, IN_ATTRIB, set);
}

s64 sys_setxattr(u64 path, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    return set_call(&(struct xattr_call){-1, path, true, name, value, size, (u32)flags});
}

s64 sys_lsetxattr(u64 path, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    return set_call(&(struct xattr_call){-1, path, false, name, value, size, (u32)flags});
}

s64 sys_fsetxattr(u64 fd, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    if ((int)fd < 0) {
        return -EBADF;
    }
    return set_call(&(struct xattr_call){(int)fd, 0, false, name, value, size, (u32)flags});
}

static s64 list_call(int fd, u64 path, bool follow, u64 at, u64 size)
{
    struct xattr_call call = {fd, path, follow, 0, at, size, 0};

    return on_file(&call, 0, list);
}

s64 sys_listxattr(u64 path, u64 at, u64 size, u64 a3, u64 a4, u64 a5)
{
    return list_call(-1, path, true, at, size);
}

s64 sys_llistxattr(u64 path, u64 at, u64 size, u64 a3, u64 a4, u64 a5)
{
    return list_call(-1, path, false, at, size);
}

s64 sys_flistxattr(u64 fd, u64 at, u64 size, u64 a3, u64 a4, u64 a5)
{
    return (int)fd < 0 ? -EBADF : list_call((int)fd, 0, false, at, size);
}

static s64 remove_call(int fd, u64 path, bool follow, u64 name)
{
    struct xattr_call call = {fd, path, follow, name, 0, 0, 0};

    return on_file(&call, IN_ATTRIB, take_away);
}

s64 sys_removexattr(u64 path, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return remove_call(-1, path, true, name);
}

s64 sys_lremovexattr(u64 path, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return remove_call(-1, path, false, name);
}

s64 sys_fremovexattr(u64 fd, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return (int)fd < 0 ? -EBADF : remove_call((int)fd, 0, false, name);
}
