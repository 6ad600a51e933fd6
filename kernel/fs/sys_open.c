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

static s64 open_at(int fd, u64 path, u32 flags, u32 mode, u32 resolve)
{
    struct file *file;
    struct at at;
    int result = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0
                     ? at_get_within(&at, fd, path)
                     : at_get(&at, fd, path, false);

    if (result != 0) {
        return result;
    }
    result =
        vfs_open_within(at.base, at.path, flags, mode & ~process_umask(0, false), resolve, &file);
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
    return open_at(AT_FDCWD, path, (u32)flags, (u32)mode, 0);
}

s64 sys_openat(u64 fd, u64 path, u64 flags, u64 mode, u64 a4, u64 a5)
{
    return open_at((int)fd, path, (u32)flags, (u32)mode, 0);
}

s64 sys_creat(u64 path, u64 mode, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, (u32)mode, 0);
}

struct open_how {
    u64 flags, mode, resolve;
};

#define O_ALL 037777703u /* what openat2(2) knows */
#define RESOLVE_ALL 63u

/* All bytes behind what is known must be 0: -E2BIG. */
static int check_rest(u64 pointer, u64 size)
{
    for (u64 i = sizeof(struct open_how); i < size; i++) {
        u8 byte;

        if (user_read(&byte, (const u8 *)pointer + i, 1) != 0) {
            return -EFAULT;
        }
        if (byte != 0) {
            return -E2BIG;
        }
    }
    return 0;
}

static int check_how(const struct open_how *how)
{
    bool makes = (how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;

    if ((how->flags & ~(u64)O_ALL) || (how->resolve & ~(u64)RESOLVE_ALL) ||
        (how->mode & ~07777ull) || (how->mode != 0 && !makes)) {
        return -EINVAL;
    }
    if ((how->flags & O_PATH) &&
        (how->flags & ~(u64)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))) {
        return -EINVAL;
    }
    if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT)) {
        return -EINVAL;
    }
    /* It never waits for what is not cached, but could not promise that here. */
    return (how->resolve & RESOLVE_CACHED) && (makes || (how->flags & O_TRUNC)) ? -EAGAIN : 0;
}

s64 sys_openat2(u64 fd, u64 path, u64 pointer, u64 size, u64 a4, u64 a5)
{
    struct open_how how;
    int error;

    if (size < sizeof(how)) {
        return -EINVAL;
    }
    if (size > PAGE_SIZE) {
        return -E2BIG;
    }
    if (user_read(&how, (const void *)pointer, sizeof(how)) != 0) {
        return -EFAULT;
    }
    error = check_rest(pointer, size);
    if (error == 0) {
        error = check_how(&how);
    }
    if (error != 0) {
        return error;
    }
    return open_at((int)fd, path, (u32)how.flags, (u32)how.mode, (u32)how.resolve);
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
