/* SPDX-License-Identifier: MIT */
/*
 * Functions that musl has under another name, or only for itself, and small
 * ones that it does not have at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "glibc.h"

/* Written by glibc's start-up; Boehm's collector and old HotSpots look. */
void *__libc_stack_end;

int __getpagesize(void)
{
    return getpagesize();
}

long __sysconf(int name)
{
    return sysconf(name);
}

/* The argument is a number or a pointer: one register in both cases. */
int fcntl64(int fd, int command, ...)
{
    va_list args;
    unsigned long argument;

    va_start(args, command);
    argument = va_arg(args, unsigned long);
    va_end(args);
    return fcntl(fd, command, argument);
}

char *__strdup(const char *s)
{
    return strdup(s);
}

char *__strndup(const char *s, size_t n)
{
    return strndup(s, n);
}

char *__strtok_r(char *s, const char *separators, char **state)
{
    return strtok_r(s, separators, state);
}

void *rawmemchr(const void *s, int c)
{
    return memchr(s, c, SIZE_MAX);
}
ALIAS(__rawmemchr, rawmemchr);

size_t __mbrlen(const char *s, size_t n, mbstate_t *state)
{
    return mbrlen(s, n, state);
}

char *canonicalize_file_name(const char *path)
{
    return realpath(path, NULL);
}

/* The next header of a control message, or NULL; cmsg(3). */
struct cmsghdr *__cmsg_nxthdr(struct msghdr *message, struct cmsghdr *header)
{
    return CMSG_NXTHDR(message, header);
}

unsigned gnu_dev_major(unsigned long long device)
{
    return major(device);
}

unsigned gnu_dev_minor(unsigned long long device)
{
    return minor(device);
}

unsigned long long gnu_dev_makedev(unsigned major_number, unsigned minor_number)
{
    return makedev(major_number, minor_number);
}

/* Yes is 1, no is 0, anything else -1; the C locale's words only. */
int rpmatch(const char *answer)
{
    switch (*answer) {
    case 'y':
    case 'Y':
        return 1;
    case 'n':
    case 'N':
        return 0;
    default:
        return -1;
    }
}

void arc4random_buf(void *to, size_t n)
{
    char *p = to;

    /* getentropy() gives at most 256 bytes at a time. */
    while (n) {
        size_t part = n < 256 ? n : 256;

        if (getentropy(p, part)) {
            abort();
        }
        p += part, n -= part;
    }
}

uint32_t arc4random(void)
{
    uint32_t value;

    arc4random_buf(&value, sizeof value);
    return value;
}

/* Draws again what would make some results likelier than others. */
uint32_t arc4random_uniform(uint32_t bound)
{
    uint32_t value;

    if (bound < 2) {
        return 0;
    }
    do {
        value = arc4random();
    } while (value < -bound % bound);
    return value % bound;
}

/* HotSpot keeps the version's text without a look at the result. */
size_t confstr(int name, char *to, size_t n)
{
    const char *text;
    size_t size;

    switch (name) {
    case 0: /* _CS_PATH */
        text = "/bin:/usr/bin";
        break;
    case 2: /* _CS_GNU_LIBC_VERSION */
        text = "glibc 2.36";
        break;
    case 3: /* _CS_GNU_LIBPTHREAD_VERSION */
        text = "NPTL 2.36";
        break;
    default:
        if (name < 4 || name > 1160) {
            errno = EINVAL;
            return 0;
        }
        text = ""; /* flags for compilers: none are needed */
    }
    size = strlen(text) + 1;
    if (to && n) {
        memcpy(to, text, size < n ? size : n);
        to[(size < n ? size : n) - 1] = 0;
    }
    return size;
}

const char *gnu_get_libc_version(void)
{
    return "2.36";
}

const char *gnu_get_libc_release(void)
{
    return "stable";
}

/* An allocator's knobs: accepted, without effect. */
int malloc_trim(size_t keep)
{
    return 0;
}

int mallopt(int name, int value)
{
    return 1;
}
