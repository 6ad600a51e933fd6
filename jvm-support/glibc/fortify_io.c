/* SPDX-License-Identifier: MIT */
/*
 * System interfaces as _FORTIFY_SOURCE calls them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "glibc.h"

ssize_t __read_chk(int fd, void *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return read(fd, to, n);
}

ssize_t __pread_chk(int fd, void *to, size_t n, off_t offset, size_t size)
{
    fortify_check(n, size);
    return pread(fd, to, n, offset);
}
ALIAS(__pread64_chk, __pread_chk);

ssize_t __recv_chk(int fd, void *to, size_t n, size_t size, int flags)
{
    fortify_check(n, size);
    return recv(fd, to, n, flags);
}

ssize_t __recvfrom_chk(int fd, void *to, size_t n, size_t size, int flags, struct sockaddr *from,
                       socklen_t *length)
{
    fortify_check(n, size);
    return recvfrom(fd, to, n, flags, from, length);
}

ssize_t __readlink_chk(const char *path, char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return readlink(path, to, n);
}

ssize_t __readlinkat_chk(int fd, const char *path, char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return readlinkat(fd, path, to, n);
}

char *__getcwd_chk(char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return getcwd(to, n);
}

char *__realpath_chk(const char *path, char *to, size_t size)
{
    fortify_check(to ? PATH_MAX : 0, size);
    return realpath(path, to);
}

int __getgroups_chk(int n, gid_t *to, size_t size)
{
    fortify_check(n < 0 ? 0 : n * sizeof *to, size);
    return getgroups(n, to);
}

size_t __confstr_chk(int name, char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return confstr(name, to, n);
}

int __gethostname_chk(char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return gethostname(to, n);
}

int __ttyname_r_chk(int fd, char *to, size_t n, size_t size)
{
    fortify_check(n, size);
    return ttyname_r(fd, to, n);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
    fortify_check(n * sizeof *fds, size);
    return poll(fds, n, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
                size_t size)
{
    fortify_check(n * sizeof *fds, size);
    return ppoll(fds, n, timeout, mask);
}

/* The index of a descriptor's word in an fd_set. */
long __fdelt_chk(long fd)
{
    if (fd < 0 || fd >= FD_SETSIZE) {
        __fortify_fail();
    }
    return fd / (8 * sizeof(long));
}

/* These are for calls without a mode: that O_CREAT would need one is our caller's error. */
static void need_no_mode(int flags)
{
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {
        __fortify_fail();
    }
}

int __open_2(const char *path, int flags)
{
    need_no_mode(flags);
    return open(path, flags);
}
ALIAS(__open64_2, __open_2);

int __openat_2(int fd, const char *path, int flags)
{
    need_no_mode(flags);
    return openat(fd, path, flags);
}
ALIAS(__openat64_2, __openat_2);

/* glibc's check that the jump goes outward has false alarms with switched stacks; none here. */
_Noreturn void __longjmp_chk(jmp_buf state, int value)
{
    longjmp(state, value);
}
