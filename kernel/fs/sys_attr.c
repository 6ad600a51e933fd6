/* SPDX-License-Identifier: MIT */
/* chmod(2), chown(2), utimensat(2), truncate(2) and their relatives. */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

static s64 change_at(int fd, u64 path, u32 flags, const struct file_change *change)
{
    struct dentry *dentry;
    struct inode *inode;
    struct file *file;
    s64 result = target_get(fd, path, flags, &inode, &dentry, &file);

    if (result != 0) {
        return result;
    }
    if (inode != NULL) {
        result = vfs_setattr(inode, change);
    }
    if (dentry != NULL && result == 0) {
        notify_dentry(dentry, IN_ATTRIB);
    }
    target_put(inode, dentry, file);
    return result;
}

/* By descriptor: an O_PATH one is no use here. */
static s64 change_fd(int fd, const struct file_change *change)
{
    struct file *file = fd_get(fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = file->inode == NULL ? 0 : vfs_setattr(file->inode, change);
    if (result == 0) {
        notify_file(file, IN_ATTRIB);
    }
    file_put(file);
    return result;
}

/* ---- chmod(2) -------------------------------------------------------------------------- */

static struct file_change mode_change(u64 mode)
{
    return (struct file_change){.what = SET_MODE, .mode = (u32)mode & 07777};
}

s64 sys_chmod(u64 path, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = mode_change(mode);

    return change_at(AT_FDCWD, path, 0, &change);
}

s64 sys_fchmodat(u64 fd, u64 path, u64 mode, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = mode_change(mode);

    return change_at((int)fd, path, 0, &change);
}

s64 sys_fchmod(u64 fd, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = mode_change(mode);

    return change_fd((int)fd, &change);
}

/* ---- chown(2) -------------------------------------------------------------------------- */

static struct file_change owner_change(u64 uid, u64 gid)
{
    return (struct file_change){.what = SET_OWNER, .uid = (u32)uid, .gid = (u32)gid};
}

s64 sys_chown(u64 path, u64 uid, u64 gid, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = owner_change(uid, gid);

    return change_at(AT_FDCWD, path, 0, &change);
}

s64 sys_lchown(u64 path, u64 uid, u64 gid, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = owner_change(uid, gid);

    return change_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &change);
}

s64 sys_fchown(u64 fd, u64 uid, u64 gid, u64 a3, u64 a4, u64 a5)
{
    struct file_change change = owner_change(uid, gid);

    return change_fd((int)fd, &change);
}

s64 sys_fchownat(u64 fd, u64 path, u64 uid, u64 gid, u64 flags, u64 a5)
{
    struct file_change change = owner_change(uid, gid);

    if ((u32)flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) {
        return -EINVAL;
    }
    return change_at((int)fd, path, (u32)flags, &change);
}

/* ---- Times ------------------------------------------------------------------------------ */

#define UTIME_NOW ((1 << 30) - 1)
#define UTIME_OMIT ((1 << 30) - 2)

/* Unlike timespec_is_valid(): years before 1970 are. */
static bool time_valid(const struct timespec *time)
{
    return time->nsec == UTIME_NOW || time->nsec == UTIME_OMIT ||
           (time->nsec >= 0 && time->nsec < (s64)NSEC_PER_SEC);
}

static void set_time(struct file_change *change, u32 what, struct timespec *to,
                     const struct timespec *time)
{
    if (time->nsec != UTIME_OMIT) {
        change->what |= what;
        *to = time->nsec == UTIME_NOW ? vfs_now() : *time;
    }
}

static s64 set_times(int fd, u64 path, u32 flags, const struct timespec *times)
{
    struct file_change change = {0};

    if (!time_valid(&times[0]) || !time_valid(&times[1])) {
        return -EINVAL;
    }
    set_time(&change, SET_ATIME, &change.atime, &times[0]);
    set_time(&change, SET_MTIME, &change.mtime, &times[1]);
    if (change.what == 0) {
        return 0; /* both UTIME_OMIT: not even the path is looked at */
    }
    if (path == 0) {
        return fd == AT_FDCWD ? -EFAULT : change_fd(fd, &change);
    }
    return change_at(fd, path, flags, &change);
}

s64 sys_utimensat(u64 fd, u64 path, u64 from, u64 flags, u64 a4, u64 a5)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

    if ((u32)flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) {
        return -EINVAL;
    }
    if (from != 0 && user_read(times, (const void *)from, sizeof(times)) != 0) {
        return -EFAULT;
    }
    return set_times((int)fd, path, (u32)flags, times);
}

/* struct timeval: microseconds. */
static s64 set_timevals(int fd, u64 path, u64 from)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

    if (from != 0) {
        if (user_read(times, (const void *)from, sizeof(times)) != 0) {
            return -EFAULT;
        }
        for (unsigned i = 0; i < 2; i++) {
            if (times[i].nsec < 0 || times[i].nsec >= 1000000) {
                return -EINVAL;
            }
            times[i].nsec *= (s64)NSEC_PER_USEC;
        }
    }
    return set_times(fd, path, 0, times);
}

s64 sys_utimes(u64 path, u64 times, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return path == 0 ? -EFAULT : set_timevals(AT_FDCWD, path, times);
}

s64 sys_futimesat(u64 fd, u64 path, u64 times, u64 a3, u64 a4, u64 a5)
{
    return set_timevals((int)fd, path, times);
}

s64 sys_utime(u64 path, u64 from, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    s64 seconds[2];

    if (path == 0) {
        return -EFAULT;
    }
    if (from != 0) {
        if (user_read(seconds, (const void *)from, sizeof(seconds)) != 0) {
            return -EFAULT;
        }
        times[0] = (struct timespec){seconds[0], 0};
        times[1] = (struct timespec){seconds[1], 0};
    }
    return set_times(AT_FDCWD, path, 0, times);
}

/* ---- Size ------------------------------------------------------------------------------- */

s64 sys_truncate(u64 path, u64 size, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct dentry *dentry;
    s64 result;

    if ((s64)size < 0) {
        return -EINVAL;
    }
    result = at_lookup(AT_FDCWD, path, 0, &dentry);
    if (result != 0) {
        return result;
    }
    if (inode_is(dentry->inode, S_IFDIR)) {
        result = -EISDIR;
    } else if (!inode_is(dentry->inode, S_IFREG)) {
        result = -EINVAL;
    } else {
        result = vfs_truncate(NULL, dentry->inode, size);
    }
    if (result == 0) {
        notify_dentry(dentry, IN_MODIFY);
    }
    dentry_put(dentry);
    return result;
}

s64 sys_ftruncate(u64 fd, u64 size, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file;
    s64 result;

    if ((s64)size < 0) {
        return -EINVAL;
    }
    file = fd_get((int)fd);
    if (file == NULL) {
        return -EBADF;
    }
    if (!file_may_write(file) ||
        (file->ops->truncate == NULL && (file->inode == NULL || !inode_is(file->inode, S_IFREG)))) {
        result = -EINVAL;
    } else {
        result = vfs_truncate(file, file->inode, size);
    }
    if (result == 0) {
        notify_file(file, IN_MODIFY);
    }
    file_put(file);
    return result;
}

#define FALLOC_KEEP_SIZE 1u
#define FALLOC_PUNCH_HOLE 2u

static s64 allocate(struct file *file, u32 mode, s64 offset, s64 size)
{
    s64 end;

    if (!file_may_write(file)) {
        return -EBADF;
    }
    if (offset < 0 || size <= 0) {
        return -EINVAL;
    }
    if ((mode & FALLOC_PUNCH_HOLE) && !(mode & FALLOC_KEEP_SIZE)) {
        return -EOPNOTSUPP;
    }
    if (!file->seekable && file->inode == NULL) {
        return -ESPIPE;
    }
    if (file->inode != NULL && !inode_is(file->inode, S_IFREG)) {
        return inode_is(file->inode, S_IFIFO) ? -ESPIPE : -ENODEV;
    }
    if (__builtin_add_overflow(offset, size, &end)) {
        return -EFBIG;
    }
    if (file->ops->allocate == NULL) {
        return -EOPNOTSUPP;
    }
    return file->ops->allocate(file, mode, (u64)offset, (u64)size);
}

s64 sys_fallocate(u64 fd, u64 mode, u64 offset, u64 size, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = allocate(file, (u32)mode, (s64)offset, (s64)size);
    if (result == 0) {
        notify_file(file, IN_MODIFY);
    }
    file_put(file);
    return result;
}
