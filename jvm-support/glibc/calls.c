/* SPDX-License-Identifier: MIT */
/*
 * System calls that glibc has functions for and musl 1.2.3 has not.  A kernel
 * that lacks one returns -ENOSYS, which is what its caller sees.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "glibc.h"
#include "syscall.h"

int statx(int dir, const char *restrict path, int flags, unsigned mask, void *restrict result)
{
    return syscall(SYS_statx, dir, path, flags, mask, result);
}

int renameat2(int old_dir, const char *old_path, int new_dir, const char *new_path, unsigned flags)
{
    return syscall(SYS_renameat2, old_dir, old_path, new_dir, new_path, flags);
}

int close_range(unsigned first, unsigned last, int flags)
{
    return syscall(SYS_close_range, first, last, flags);
}

int getcpu(unsigned *cpu, unsigned *node)
{
    return syscall(SYS_getcpu, cpu, node, 0);
}

int tgkill(pid_t process, pid_t thread, int signal)
{
    return syscall(SYS_tgkill, process, thread, signal);
}

int pidfd_open(pid_t process, unsigned flags)
{
    return syscall(SYS_pidfd_open, process, flags);
}

int pidfd_getfd(int pidfd, int fd, unsigned flags)
{
    return syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

int pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}

/* The offset is one argument on x86-64; the kernel's form has its upper half apart. */
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    return syscall_cp(SYS_preadv2, fd, parts, count, offset, 0, flags);
}
ALIAS(preadv2, preadv64v2);

ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    return syscall_cp(SYS_pwritev2, fd, parts, count, offset, 0, flags);
}
ALIAS(pwritev2, pwritev64v2);

int pkey_alloc(unsigned flags, unsigned rights)
{
    return syscall(SYS_pkey_alloc, flags, rights);
}

int pkey_free(int key)
{
    return syscall(SYS_pkey_free, key);
}

int pkey_mprotect(void *p, size_t size, int protection, int key)
{
    if (key == -1) {
        return syscall(SYS_mprotect, p, size, protection);
    }
    return syscall(SYS_pkey_mprotect, p, size, protection, key);
}

/* No key can have been allocated: WRPKRU is not for a program in ring 0. */
int pkey_get(int key)
{
    errno = EINVAL;
    return -1;
}

int pkey_set(int key, unsigned rights)
{
    errno = EINVAL;
    return -1;
}
