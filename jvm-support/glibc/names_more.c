/* SPDX-License-Identifier: MIT */
/*
 * More of names.c: what Debian's programs ask for beside what the JDK does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libintl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <shadow.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>
#include <wchar.h>

#include "glibc.h"

/* Text */

void *__mempcpy(void *to, const void *from, size_t n)
{
    return mempcpy(to, from, n);
}

int __strcasecmp(const char *a, const char *b)
{
    return strcasecmp(a, b);
}

char *__dcgettext(const char *domain, const char *message, int category)
{
    return dcgettext(domain, message, category);
}

long long strtoll_l(const char *text, char **end, int base, locale_t locale)
{
    return strtoll(text, end, base);
}

unsigned long long strtoull_l(const char *text, char **end, int base, locale_t locale)
{
    return strtoull(text, end, base);
}

int __wctomb_chk(char *to, wchar_t c, size_t size)
{
    fortify_check(MB_CUR_MAX, size);
    return wctomb(to, c);
}

/* The bare description, NULL for what is no signal. */
const char *sigdescr_np(int signal)
{
    return signal > 0 && signal < 32 ? strsignal(signal) : NULL;
}

const char *sigabbrev_np(int signal)
{
    static const char *const names[32] = {
        [SIGHUP] = "HUP",       [SIGINT] = "INT",   [SIGQUIT] = "QUIT",   [SIGILL] = "ILL",
        [SIGTRAP] = "TRAP",     [SIGABRT] = "ABRT", [SIGBUS] = "BUS",     [SIGFPE] = "FPE",
        [SIGKILL] = "KILL",     [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV",   [SIGUSR2] = "USR2",
        [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",   [SIGSTKFLT] = "STKFLT",
        [SIGCHLD] = "CHLD",     [SIGCONT] = "CONT", [SIGSTOP] = "STOP",   [SIGTSTP] = "TSTP",
        [SIGTTIN] = "TTIN",     [SIGTTOU] = "TTOU", [SIGURG] = "URG",     [SIGXCPU] = "XCPU",
        [SIGXFSZ] = "XFSZ",     [SIGPROF] = "PROF", [SIGWINCH] = "WINCH", [SIGPOLL] = "POLL",
        [SIGVTALRM] = "VTALRM", [SIGPWR] = "PWR",   [SIGSYS] = "SYS"};

    return signal > 0 && signal < 32 ? names[signal] : NULL;
}

/* The message without a translation; NULL for a number that is no error's. */
const char *strerrordesc_np(int error)
{
    const char *text = strerror(error);

    return error && !strcmp(text, strerror(-1)) ? NULL : text;
}

/* BSD's signal masks of 32 bits. */

static int change_mask(int how, int bits)
{
    sigset_t set, old;
    unsigned result = 0;

    sigemptyset(&set);
    for (int i = 0; i < 31; i++) {
        if ((unsigned)bits >> i & 1) {
            sigaddset(&set, i + 1);
        }
    }
    sigprocmask(how, &set, &old);
    for (int i = 0; i < 31; i++) {
        result |= (unsigned)(sigismember(&old, i + 1) == 1) << i;
    }
    return (int)result;
}

int sigsetmask(int mask)
{
    return change_mask(SIG_SETMASK, mask);
}

int sigblock(int mask)
{
    return change_mask(SIG_BLOCK, mask);
}

int siggetmask(void)
{
    return change_mask(SIG_BLOCK, 0);
}

/* Files */

int close_range(unsigned first, unsigned last, int flags);

void closefrom(int first)
{
    close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
}

int scandirat(int dir, const char *path, struct dirent ***list,
              int (*select)(const struct dirent *),
              int (*compare)(const struct dirent **, const struct dirent **))
{
    char name[32 + 4096];
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), found, error;

    if (fd < 0) {
        return -1;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    found = scandir(name, list, select, compare);
    error = errno;
    close(fd);
    errno = error;
    return found;
}
ALIAS(scandirat64, scandirat);

int getpt(void)
{
    return posix_openpt(O_RDWR);
}

struct spwd *sgetspent(const char *line)
{
    static struct spwd entry;
    static char text[1024];
    long *const numbers[] = {&entry.sp_lstchg, &entry.sp_min,   &entry.sp_max,
                             &entry.sp_warn,   &entry.sp_inact, &entry.sp_expire};
    char *at = text;

    if (strlen(line) >= sizeof text) {
        errno = ERANGE;
        return NULL;
    }
    strcpy(text, line);
    text[strcspn(text, "\n")] = 0;
    entry.sp_namp = strsep(&at, ":");
    entry.sp_pwdp = strsep(&at, ":");
    if (!entry.sp_pwdp) {
        return NULL;
    }
    for (int i = 0; i < 6; i++) {
        char *field = strsep(&at, ":");

        *numbers[i] = field && *field ? strtol(field, NULL, 10) : -1;
    }
    entry.sp_flag = at && *at ? strtoul(at, NULL, 10) : ~0ul;
    return &entry;
}

/* musl keeps no record of logins. */
int getutent_r(struct utmpx *buf, struct utmpx **result)
{
    *result = NULL;
    return -1;
}

void logwtmp(const char *line, const char *name, const char *host)
{
}

/* Threads: a preference and a placement that are hints. */

int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attributes, int kind)
{
    return kind < 0 || kind > 2 ? EINVAL : 0;
}

int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attributes, int *kind)
{
    *kind = 0;
    return 0;
}

int pthread_attr_setaffinity_np(pthread_attr_t *attributes, size_t size, const cpu_set_t *set)
{
    return 0;
}

int pthread_attr_getaffinity_np(const pthread_attr_t *attributes, size_t size, cpu_set_t *set)
{
    memset(set, 0xff, size);
    return 0;
}

/* The allocator's insides: nothing is known of them. */

struct mallinfo2 {
    size_t values[10];
};

struct mallinfo2 mallinfo2(void)
{
    return (struct mallinfo2){{0}};
}

void mtrace(void)
{
}

void muntrace(void)
{
}

/* Mathematics under older names. */

double gamma(double x)
{
    return lgamma(x);
}

float gammaf(float x)
{
    return lgammaf(x);
}

int dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
    *extra = NULL;
    return flags == 0 || flags == 1 || flags == 2 ? dladdr(address, info) : 0;
}
