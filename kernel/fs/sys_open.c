/* SPDX-License-Identifier: MIT */
/* open(2) and close(2). */
#include "sys_priv.h"

#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

static _Atomic u32 umask_bits = 022;

u32 process_umask(u32 mask, bool set)
{
    return set ? atomic_exchange_explicit(&umask_bits, mask & 0777, memory_order_relaxed)
               : atomic_load_explicit(&umask_bits, memory_order_relaxed);
}

s64 sys_umask(u64 mask, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return process_umask((u32)mask, true);
}

static s64 open_at(int fd, u64 path, u32 flags, u32 mode)
{
    struct file *file;
    struct at at;
    int result = at_get(&at, fd, path, false);

    if (result != 0) {
        return result;
    }
    result = vfs_open(at.base, at.path, flags, mode & ~process_umask(0, false), &file);
    at_put(&at);
    if (result == 0) {
        result = fd_install(file, 0, (flags & O_CLOEXEC) != 0);
        if (result < 0) {
            file_put(file);
        }
    }
    return result;
}

s64 sys_open(u64 path, u64 flags, u64 mode, u64 a3, u64 a4, u64 a5)
{
    return open_at(AT_FDCWD, path, (u32)flags, (u32)mode);
}

s64 sys_openat(u64 fd, u64 path, u64 flags, u64 mode, u64 a4, u64 a5)
{
    return open_at((int)fd, path, (u32)flags, (u32)mode);
}

s64 sys_creat(u64 path, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, (u32)mode);
}

struct open_how {
    u64 flags, mode, resolve;
};

#define O_ALL 037777703u /* what openat2(2) knows */

s64 sys_openat2(u64 fd, u64 path, u64 pointer, u64 size, u64 a4, u64 a5)
{
    struct open_how how;

    if (size < sizeof(how)) {
        return -EINVAL;
    }
    if (size > PAGE_SIZE || size > sizeof(how)) {
        return -E2BIG;
    }
    if (user_read(&how, (const void *)pointer, sizeof(how)) != 0) {
        return -EFAULT;
    }
    if ((how.flags & ~(u64)O_ALL) || how.resolve != 0 || (how.mode & ~07777ull) ||
        (how.mode != 0 && !(how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))) {
        return -EINVAL; /* no RESOLVE_* either */
    }
    return open_at((int)fd, path, (u32)how.flags, (u32)how.mode);
}

s64 sys_close(u64 fd, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return fd_close((int)fd);
}

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

s64 sys_close_range(u64 first, u64 last, u64 flags, u64 a3, u64 a4, u64 a5)
{
    unsigned from = (unsigned)first, to = (unsigned)last;

    if (from > to || ((u32)flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))) {
        return -EINVAL;
    }
    if (from > INT32_MAX) {
        return 0;
    }
    for (int fd = fd_next((int)from); fd >= 0 && (unsigned)fd <= to; fd = fd_next(fd + 1)) {
        /* An error is that of the file's flush, which nobody asked for here. */
        int ignored = 0;

        if (flags & CLOSE_RANGE_CLOEXEC) {
            fd_set_cloexec(fd, true);
        } else {
            ignored = fd_close(fd);
        }
        (void)ignored;
    }
    return 0;
}
