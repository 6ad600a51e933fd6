/* SPDX-License-Identifier: MIT */
/* System calls that make, remove and rename names. */
#include "sys_priv.h"

#include <kernel/kmalloc.h>
#include <kernel/process.h>

#include "fs_priv.h"

static s64 make_at(int fd, u64 path, u32 mode, u64 rdev)
{
    struct at at;
    s64 result = at_get(&at, fd, path, false);

    if (result == 0) {
        result = vfs_create(at.base, at.path, mode & ~process_umask(0, false), rdev);
        at_put(&at);
    }
    return result;
}

s64 sys_mkdir(u64 path, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return make_at(AT_FDCWD, path, S_IFDIR | ((u32)mode & 01777), 0);
}

s64 sys_mkdirat(u64 fd, u64 path, u64 mode, u64 a3, u64 a4, u64 a5)
{
    return make_at((int)fd, path, S_IFDIR | ((u32)mode & 01777), 0);
}

static s64 mknod_at(int fd, u64 path, u32 mode, u64 rdev)
{
    switch (mode & S_IFMT) {
    case 0:
        mode |= S_IFREG;
        break;
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        break;
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
    return make_at(fd, path, mode & (S_IFMT | 07777), rdev);
}

s64 sys_mknod(u64 path, u64 mode, u64 rdev, u64 a3, u64 a4, u64 a5)
{
    return mknod_at(AT_FDCWD, path, (u32)mode, (u32)rdev);
}

s64 sys_mknodat(u64 fd, u64 path, u64 mode, u64 rdev, u64 a4, u64 a5)
{
    return mknod_at((int)fd, path, (u32)mode, (u32)rdev);
}

static s64 unlink_at(int fd, u64 path, bool directory)
{
    struct at at;
    s64 result = at_get(&at, fd, path, false);

    if (result == 0) {
        result = vfs_unlink(at.base, at.path, directory);
        at_put(&at);
    }
    return result;
}

s64 sys_rmdir(u64 path, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return unlink_at(AT_FDCWD, path, true);
}

s64 sys_unlink(u64 path, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return unlink_at(AT_FDCWD, path, false);
}

s64 sys_unlinkat(u64 fd, u64 path, u64 flags, u64 a3, u64 a4, u64 a5)
{
    if ((u32)flags & ~AT_REMOVEDIR) {
        return -EINVAL;
    }
    return unlink_at((int)fd, path, (flags & AT_REMOVEDIR) != 0);
}

static s64 rename_at(int from_fd, u64 from_path, int to_fd, u64 to_path, u32 flags)
{
    struct at from, to;
    s64 result;

    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
        ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))) {
        return -EINVAL;
    }
    result = at_get(&from, from_fd, from_path, false);
    if (result != 0) {
        return result;
    }
    result = at_get(&to, to_fd, to_path, false);
    if (result == 0) {
        result = vfs_rename(from.base, from.path, to.base, to.path, flags);
        at_put(&to);
    }
    at_put(&from);
    return result;
}

s64 sys_rename(u64 from, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

s64 sys_renameat(u64 from_fd, u64 from, u64 to_fd, u64 to, u64 a4, u64 a5)
{
    return rename_at((int)from_fd, from, (int)to_fd, to, 0);
}

s64 sys_renameat2(u64 from_fd, u64 from, u64 to_fd, u64 to, u64 flags, u64 a5)
{
    return rename_at((int)from_fd, from, (int)to_fd, to, (u32)flags);
}

static s64 link_at(int from_fd, u64 from, int to_fd, u64 to, u32 flags)
{
    u32 how = (flags & AT_SYMLINK_FOLLOW) ? 0 : LOOKUP_NOFOLLOW;
    struct dentry *dentry;
    struct at at;
    s64 result;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) {
        return -EINVAL;
    }
    how |= (flags & AT_EMPTY_PATH) ? LOOKUP_EMPTY : 0;
    result = at_lookup(from_fd, from, how, &dentry);
    if (result != 0) {
        return result;
    }
    result = at_get(&at, to_fd, to, false);
    if (result == 0) {
        result = vfs_link(dentry, at.base, at.path);
        at_put(&at);
    }
    dentry_put(dentry);
    return result;
}

s64 sys_link(u64 from, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

s64 sys_linkat(u64 from_fd, u64 from, u64 to_fd, u64 to, u64 flags, u64 a5)
{
    return link_at((int)from_fd, from, (int)to_fd, to, (u32)flags);
}

static s64 symlink_at(u64 target, int fd, u64 path)
{
    struct at at;
    char *text;
    s64 result = user_path((const char *)target, &text);

    if (result != 0) {
        return result;
    }
    result = at_get(&at, fd, path, false);
    if (result == 0) {
        result = vfs_symlink(at.base, at.path, text);
        at_put(&at);
    }
    kfree(text);
    return result;
}

s64 sys_symlink(u64 target, u64 path, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return symlink_at(target, AT_FDCWD, path);
}

s64 sys_symlinkat(u64 target, u64 fd, u64 path, u64 a3, u64 a4, u64 a5)
{
    return symlink_at(target, (int)fd, path);
}
