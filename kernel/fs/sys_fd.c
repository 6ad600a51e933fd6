/* SPDX-License-Identifier: MIT */
/* dup(2), fcntl(2), flock(2), ioctl(2). */
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

/* ---- Locks --------------------------------------------------------------------------- */

struct flock { /* fcntl(2)'s */
    s16 type, whence;
    u32 pad;
    s64 start, len;
    s32 pid;
    u32 pad2;
};

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

static int range_of(struct file *file, const struct flock *flock, struct lock_range *range)
{
    s64 base = 0, start, end;

    if (flock->whence == 1) {
        base = (s64)file->pos;
    } else if (flock->whence == 2) {
        base = (s64)inode_size(file->inode);
    } else if (flock->whence != 0) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, flock->start, &start)) {
        return -EOVERFLOW;
    }
    end = INT64_MAX;
    if (flock->len > 0 && __builtin_add_overflow(start, flock->len - 1, &end)) {
        return -EOVERFLOW;
    }
    if (flock->len < 0) {
        end = start - 1;
        start += flock->len;
    }
    if (start < 0 || (u16)flock->type > F_UNLCK) {
        return -EINVAL;
    }
    *range = (struct lock_range){.type = flock->type == F_RDLCK   ? LOCK_READ
                                         : flock->type == F_WRLCK ? LOCK_WRITE
                                                                  : LOCK_NONE,
                                 .start = (u64)start,
                                 .end = (u64)end};
    return 0;
}

static s64 lock_test(struct file *file, struct flock *flock, struct lock_range *range, u64 arg)
{
    if (range->type == LOCK_NONE) {
        return -EINVAL;
    }
    file_lock_test(file->inode, range);
    flock->type = F_UNLCK;
    if (range->type != LOCK_NONE) {
        flock->type = range->type == LOCK_READ ? F_RDLCK : F_WRLCK;
        flock->whence = 0;
        flock->start = (s64)range->start;
        flock->len = range->end == INT64_MAX ? 0 : (s64)(range->end - range->start + 1);
        flock->pid = range->owner == NULL ? (s32)PROCESS_ID : -1;
    }
    return user_write((void *)arg, flock, sizeof(*flock));
}

enum lock_step { LOCK_TEST, LOCK_TRY, LOCK_WAIT };

static s64 lock_range(struct file *file, enum lock_step step, bool of_file, u64 arg)
{
    struct lock_range range;
    struct flock flock;
    int error;

    if (user_read(&flock, (const void *)arg, sizeof(flock)) != 0) {
        return -EFAULT;
    }
    if (file->inode == NULL) {
        return -EBADF;
    }
    if (of_file && flock.pid != 0) {
        return -EINVAL;
    }
    error = range_of(file, &flock, &range);
    if (error != 0) {
        return error;
    }
    range.owner = of_file ? file : NULL;
    if (step == LOCK_TEST) {
        return lock_test(file, &flock, &range, arg);
    }
    if ((range.type == LOCK_READ && !file_may_read(file)) ||
        (range.type == LOCK_WRITE && !file_may_write(file))) {
        return -EBADF;
    }
    return file_lock_set(file->inode, &range, step == LOCK_WAIT);
}

#define LOCK_SH 1u
#define LOCK_EX 2u
#define LOCK_NB 4u
#define LOCK_UN 8u

s64 sys_flock(u64 fd, u64 operation, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct lock_range range = {.whole = true, .end = INT64_MAX};
    struct file *file = fd_get((int)fd);
    s64 result;

    if (file == NULL) {
        return -EBADF;
    }
    range.owner = file;
    switch ((u32)operation & ~LOCK_NB) {
    case LOCK_SH:
        range.type = LOCK_READ;
        break;
    case LOCK_EX:
        range.type = LOCK_WRITE;
        break;
    case LOCK_UN:
        range.type = LOCK_NONE;
        break;
    default:
        file_put(file);
        return -EINVAL;
    }
    result = file->inode == NULL
                 ? -EBADF
                 : file_lock_set(file->inode, &range, ((u32)operation & LOCK_NB) == 0);
    file_put(file);
    return result;
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
        return lock_range(file, (enum lock_step)(command - F_GETLK), false, arg);
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_range(file, (enum lock_step)(command - F_OFD_GETLK), true, arg);
    case F_SETOWN:
    case F_GETOWN:
    case F_SETSIG:
    case F_GETSIG:
        return 0; /* SIGIO is never sent */
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        return pipe_fcntl(file, command, arg);
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
