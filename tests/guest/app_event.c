/* SPDX-License-Identifier: MIT */
/*
 * Application code that waits for files and is interrupted by signals.  What
 * the calls give is what Linux gives for the same.
 */
#include "app.h"
#include "event_app.h"

#include <stdatomic.h>

enum {
    NR_READ = 0,
    NR_WRITE = 1,
    NR_CLOSE = 3,
    NR_POLL = 7,
    NR_SIGACTION = 13,
    NR_SIGPROCMASK = 14,
    NR_PIPE = 22,
    NR_SETITIMER = 38,
    NR_GETPID = 39,
    NR_KILL = 62,
    NR_EPOLL_WAIT = 232,
    NR_EPOLL_CTL = 233,
    NR_TGKILL = 234,
    NR_PPOLL = 271,
    NR_SIGNALFD4 = 289,
    NR_EPOLL_CREATE1 = 291,
    NR_SIGQUEUEINFO = 129,
};

#define EINTR 4
#define EAGAIN 11
#define EPIPE 32
#define SIGUSR1 10
#define SIGPIPE 13
#define SIGALRM 14
#define RT_SIGNAL 40
#define SA_RESTART 0x10000000ull
#define SA_RESTORER 0x04000000ull
#define SIG_BLOCK 0
#define SIG_SETMASK 2

void app_restorer(void);

struct action {
    u64 handler, flags, restorer, mask;
};
struct pollfd {
    s32 fd;
    u16 events, revents;
};

static struct {
    _Atomic int count;
    int write_to; /* a byte from the handler, to end what it interrupted */
} seen;

static long call3(long nr, long a, long b, long c)
{
    return app_syscall(nr, a, b, c, 0, 0, 0);
}

static void handler(int signal)
{
    if (seen.write_to >= 0) {
        char byte[1] = {'h'};

        call3(NR_WRITE, seen.write_to, (long)byte, 1);
    }
    atomic_fetch_add(&seen.count, 1);
}

static long catch_signal(int signal, u64 flags)
{
    struct action action = {(u64)handler, flags | SA_RESTORER, (u64)app_restorer, 0};

    return app_syscall(NR_SIGACTION, signal, (long)&action, 0, 8, 0, 0);
}

static long set_mask(u64 mask, u64 *old)
{
    return app_syscall(NR_SIGPROCMASK, SIG_SETMASK, (long)&mask, (long)old, 8, 0, 0);
}

/* SIGALRM in 3 ms, and again: the first one may come before the call that it is to interrupt. */
static long alarm_soon(void)
{
    s64 timer[4] = {0, 30000, 0, 3000};

    return call3(NR_SETITIMER, 0, (long)timer, 0);
}

/* No more of them: how many came. */
static int alarm_end(void)
{
    s64 timer[4] = {0};

    call3(NR_SETITIMER, 0, (long)timer, 0);
    return atomic_exchange(&seen.count, 0);
}

static long read_is_interrupted(int *fds)
{
    char byte[1];
    int count;

    seen.write_to = -1;
    FAIL_IF(catch_signal(SIGALRM, 0) != 0 || alarm_soon() != 0);
    FAIL_IF(call3(NR_READ, fds[0], (long)byte, 1) != -EINTR);
    FAIL_IF(alarm_end() < 1);
    seen.write_to = fds[1];
    FAIL_IF(catch_signal(SIGALRM, SA_RESTART) != 0 || alarm_soon() != 0);
    FAIL_IF(call3(NR_READ, fds[0], (long)byte, 1) != 1 || byte[0] != 'h');
    count = alarm_end();
    FAIL_IF(count < 1);
    while (--count > 0) { /* what the others wrote */
        FAIL_IF(call3(NR_READ, fds[0], (long)byte, 1) != 1);
    }
    return 0;
}

/* Not started again, SA_RESTART or not. */
static long waits_are_interrupted(int *fds)
{
    struct pollfd want = {fds[0], 1, 0};
    u32 event[3] = {1, 7, 0};
    long ep = call3(NR_EPOLL_CREATE1, 0, 0, 0);

    seen.write_to = -1;
    FAIL_IF(alarm_soon() != 0 || call3(NR_POLL, (long)&want, 1, -1) != -EINTR);
    FAIL_IF(alarm_end() < 1);
    FAIL_IF(ep < 0 || app_syscall(NR_EPOLL_CTL, ep, 1, fds[0], (long)event, 0, 0) != 0);
    FAIL_IF(alarm_soon() != 0);
    FAIL_IF(app_syscall(NR_EPOLL_WAIT, ep, (long)event, 1, -1, 0, 0) != -EINTR);
    FAIL_IF(alarm_end() < 1);
    return call3(NR_CLOSE, ep, 0, 0) != 0 ? __LINE__ : 0;
}

/* A signal that is blocked but for the time of the call. */
static long ppoll_swaps_masks(int *fds)
{
    struct pollfd want = {fds[0], 1, 0};
    u64 blocked = 1ull << (SIGUSR1 - 1), none = 0, now = 0;
    s64 zero[2] = {0, 0};

    FAIL_IF(catch_signal(SIGUSR1, 0) != 0 || set_mask(blocked, 0) != 0);
    for (int i = 0; i < 2; i++) {
        FAIL_IF(call3(NR_KILL, call3(NR_GETPID, 0, 0, 0), SIGUSR1, 0) != 0);
        FAIL_IF(atomic_load(&seen.count) != 0);
        FAIL_IF(app_syscall(NR_PPOLL, (long)&want, 1, i == 0 ? 0 : (long)zero, (long)&none, 8, 0) !=
                -EINTR);
        FAIL_IF(atomic_exchange(&seen.count, 0) != 1);
    }
    FAIL_IF(set_mask(0, &now) != 0 || now != blocked);
    FAIL_IF(app_syscall(NR_PPOLL, (long)&want, 1, (long)zero, (long)&none, 8, 0) != 0);
    return 0;
}

long event_app_signals(void)
{
    int fds[2];
    long line;
    char byte[1] = {1};

    atomic_store(&seen.count, 0);
    FAIL_IF(call3(NR_PIPE, (long)fds, 0, 0) != 0);
    line = read_is_interrupted(fds);
    line = line != 0 ? line : waits_are_interrupted(fds);
    line = line != 0 ? line : ppoll_swaps_masks(fds);
    FAIL_IF(call3(NR_CLOSE, fds[0], 0, 0) != 0);
    FAIL_IF(catch_signal(SIGPIPE, 0) != 0);
    FAIL_IF(call3(NR_WRITE, fds[1], (long)byte, 1) != -EPIPE);
    FAIL_IF(atomic_load(&seen.count) != 1);
    FAIL_IF(call3(NR_CLOSE, fds[1], 0, 0) != 0);
    return line;
}

long event_app_signalfd(void)
{
    u64 mask = 1ull << (RT_SIGNAL - 1);
    s32 info[32] = {RT_SIGNAL, 0, -1, 0, 7, 0, 0x1234};
    u32 got[128];
    long fd, pid = call3(NR_GETPID, 0, 0, 0);
    struct pollfd want;

    FAIL_IF(set_mask(mask, 0) != 0);
    fd = app_syscall(NR_SIGNALFD4, -1, (long)&mask, 8, 04000, 0, 0);
    FAIL_IF(fd < 0);
    want = (struct pollfd){(s32)fd, 1, 0};
    FAIL_IF(call3(NR_READ, fd, (long)got, 128) != -EAGAIN);
    FAIL_IF(call3(NR_POLL, (long)&want, 1, 0) != 0);
    for (int i = 0; i < 2; i++) {
        FAIL_IF(call3(NR_SIGQUEUEINFO, pid, RT_SIGNAL, (long)info) != 0);
    }
    FAIL_IF(call3(NR_POLL, (long)&want, 1, -1) != 1 || want.revents != 1);
    FAIL_IF(call3(NR_READ, fd, (long)got, sizeof(got)) != 256);
    FAIL_IF(got[0] != RT_SIGNAL || got[2] != (u32)-1 || got[3] != 7 || got[11] != 0x1234);
    FAIL_IF(got[32] != RT_SIGNAL);
    FAIL_IF(call3(NR_READ, fd, (long)got, 128) != -EAGAIN);
    FAIL_IF(call3(NR_CLOSE, fd, 0, 0) != 0);
    return set_mask(0, 0) != 0 ? __LINE__ : 0;
}
