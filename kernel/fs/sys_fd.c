/* SPDX-License-Identifier: MIT */
/* dup(2), fcntl(2), ioctl(2). */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/uaccess.h>

#include "flock_priv.h"
#include "fs_priv.h"

static s64 dup_from(struct file *file, int least, bool cloexec)
{
    int fd = fd_install(file_get(file), least, cloexec);

    if (fd < 0) {
        file_put(file);
    }
    return fd;
}

s64 sys_dup(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get_path((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = dup_from(file, 0, false);
    file_put(file);
    return result;
}

static s64 dup_to(int from, int to, bool cloexec)
{
    struct file *file = fd_get_path(from);
    int result;

    if (file == NULL) {
        return -EBADF;
    }
    result = fd_install_at(file, to, cloexec);
    if (result < 0) {
        file_put(file);
    }
    return result;
}

s64 sys_dup2(u64 from, u64 to, u64 a2, u64 a3, u64 a4, u64 a5)
{
    if ((int)from == (int)to) {
        struct file *file = fd_get_path((int)from);

        if (file == NULL) {
            return -EBADF;
        }
        file_put(file);
        return (int)to;
    }
    return dup_to((int)from, (int)to, false);
}

s64 sys_dup3(u64 from, u64 to, u64 flags, u64 a3, u64 a4, u64 a5)
{
    if (((u32)flags & ~O_CLOEXEC) || (int)from == (int)to) {
        return -EINVAL;
    }
    return dup_to((int)from, (int)to, (flags & O_CLOEXEC) != 0);
}

/* ---- fcntl(2) ------------------------------------------------------------------------- */

enum fcntl_command {
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_GETLK = 5,
    F_SETLK = 6,
    F_SETLKW = 7,
    F_SETOWN = 8,
    F_GETOWN = 9,
    F_SETSIG = 10,
    F_GETSIG = 11,
    F_OFD_GETLK = 36,
    F_OFD_SETLK = 37,
    F_OFD_SETLKW = 38,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ = 1031,
    F_GETPIPE_SZ = 1032,
    F_ADD_SEALS = 1033,
    F_GET_SEALS = 1034,
};

#define FD_CLOEXEC 1u
#define SETFL_MAY (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static s64 set_flags(struct file *file, u32 flags)
{
    u32 old = file_flags(file);

    if (old & O_PATH) {
        return -EBADF;
    }
    while (!atomic_compare_exchange_weak_explicit(&file->flags, &old,
                                                  (old & ~SETFL_MAY) | (flags & SETFL_MAY),
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return 0;
}

static s64 fcntl_of_fd(struct file *file, int fd, u32 command, u64 arg)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if ((int)arg < 0 || (u64)(int)arg >= fd_limit()) {
            return -EINVAL;
        }
        return dup_from(file, (int)arg, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return fd_cloexec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
        fd_set_cloexec(fd, (arg & FD_CLOEXEC) != 0);
        return 0;
    default:
        return -EINVAL;
    }
}

static s64 fcntl_of_file(struct file *file, u32 command, u64 arg)
{
    switch (command) {
    case F_SETFL:
        return set_flags(file, (u32)arg);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
        return file_lock_range(file, (enum lock_step)(command - F_GETLK), false, arg);
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return file_lock_range(file, (enum lock_step)(command - F_OFD_GETLK), true, arg);
    case F_SETOWN:
    case F_GETOWN:
    case F_SETSIG:
    case F_GETSIG:
        return 0; /* SIGIO is never sent */
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        return pipe_fcntl(file, command, arg);
    case F_ADD_SEALS:
        return bounds_add_seals(file, (u32)arg);
    case F_GET_SEALS:
        return bounds_get_seals(file);
    default:
        return -EINVAL;
    }
}

s64 sys_fcntl(u64 fd, u64 command, u64 arg, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get_path((int)fd);
    s64 result;

    if (unlikely(file == NULL)) {
        return -EBADF;
    }
    if ((u32)command == F_GETFL) {
        result = file_flags(file);
    } else if ((u32)command <= F_SETFD || (u32)command == F_DUPFD_CLOEXEC) {
        result = fcntl_of_fd(file, (int)fd, (u32)command, arg);
    } else if (file_flags(file) & O_PATH) {
        result = -EBADF;
    } else {
        result = fcntl_of_file(file, (u32)command, arg);
    }
    file_put(file);
    return result;
}

/* ---- ioctl(2) -------------------------------------------------------------------------- */

#define FIONREAD 0x541bu
#define FIONBIO 0x5421u
#define FIONCLEX 0x5450u
#define FIOCLEX 0x5451u

static s64 set_nonblock(struct file *file, u64 arg)
{
    u32 on;

    if (user_read_u32((const u32 *)arg, &on) != 0) {
        return -EFAULT;
    }
    if (on != 0) {
        atomic_fetch_or_explicit(&file->flags, O_NONBLOCK, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(&file->flags, ~O_NONBLOCK, memory_order_relaxed);
    }
    return 0;
}

static s64 bytes_left(struct file *file, u64 arg)
{
    u32 left;

    mutex_lock(&file->lock);
    left = (u32)(inode_size(file->inode) - file->pos);
    mutex_unlock(&file->lock);
    return user_write((void *)arg, &left, sizeof(left));
}

static s64 ioctl_of_file(struct file *file, int fd, u32 request, u64 arg)
{
    switch (request) {
    case FIOCLEX:
    case FIONCLEX:
        fd_set_cloexec(fd, request == FIOCLEX);
        return 0;
    case FIONBIO:
        return set_nonblock(file, arg);
    case FIONREAD:
        if (file->inode != NULL && inode_is(file->inode, S_IFREG)) {
            return bytes_left(file, arg);
        }
        break;
    default:
        break;
    }
    return file->ops->ioctl != NULL ? file->ops->ioctl(file, request, arg) : -ENOTTY;
}

s64 sys_ioctl(u64 fd, u64 request, u64 arg, u64 a3, u64 a4, u64 a5)
{
    struct file *file = fd_get((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    result = ioctl_of_file(file, (int)fd, (u32)request, arg);
    file_put(file);
    return result;
}
