/* SPDX-License-Identifier: MIT */
/* flock(2) and the locks of fcntl(2): from what the application says to flock.c. */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/uaccess.h>

#include "flock_priv.h"
#include "fs_priv.h"

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

s64 file_lock_range(struct file *file, enum lock_step step, bool of_file, u64 arg)
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
