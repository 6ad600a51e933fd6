/* SPDX-License-Identifier: MIT */
/* alarm(2), setitimer(2), and the signals of RLIMIT_CPU. */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <kernel/posix_time.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

#include "alarm_priv.h"

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define ITIMERS 3
enum { LIMIT_SOFT = ITIMERS, LIMIT_HARD, OWN_TIMERS }; /* RLIMIT_CPU, beside the interval timers */

static struct {
    struct mutex mutex;
    struct alarm alarm[OWN_TIMERS]; /* (m) */
} itimers = {
    .mutex = {.queue = WAIT_QUEUE_INIT("interval timers", itimers.mutex.queue)},
};

/* Mutex held. */
static struct alarm *itimer(unsigned which)
{
    static const struct {
        int clock, signal;
    } kinds[OWN_TIMERS] = {
        {CLOCK_MONOTONIC, SIGALRM},
        {CLOCK_USER_TIME, SIGVTALRM},
        {CLOCK_PROCESS_CPUTIME_ID, SIGPROF},
        {CLOCK_PROCESS_CPUTIME_ID, SIGXCPU}, /* and each second from then on */
        {CLOCK_PROCESS_CPUTIME_ID, SIGKILL},
    };
    struct alarm *a = &itimers.alarm[which];

    if (a->timer.fn == NULL) {
        alarm_setup(a, kinds[which].clock, kinds[which].signal);
    }
    return a;
}

static nsec_t from_timeval(const struct timeval *time)
{
    const struct timespec spec = {time->sec, time->usec * (s64)NSEC_PER_USEC};

    return timespec_to_nsec(&spec);
}

/* Rounded up: what is left is never 0. */
static struct timeval to_timeval(nsec_t time)
{
    return timeval_from_nsec(time + NSEC_PER_USEC - 1);
}

static bool timeval_is_valid(const struct timeval *time)
{
    return time->sec >= 0 && time->usec >= 0 && time->usec < 1000000;
}

SYSCALL(getitimer)
{
    struct itimerval out;
    nsec_t value, interval;

    if ((unsigned)a0 >= ITIMERS) {
        return -EINVAL;
    }
    mutex_lock(&itimers.mutex);
    alarm_read(itimer((unsigned)a0), &value, &interval);
    mutex_unlock(&itimers.mutex);
    out = (struct itimerval){to_timeval(interval), to_timeval(value)};
    return user_write((void *)a1, &out, sizeof(out));
}

static void exchange(unsigned which, nsec_t *value, nsec_t *interval)
{
    nsec_t new_value = *value, new_interval = *interval;
    struct alarm *a;

    mutex_lock(&itimers.mutex);
    a = itimer(which);
    alarm_stop(a);
    alarm_read(a, value, interval);
    alarm_set(a, new_value, false, new_interval);
    mutex_unlock(&itimers.mutex);
}

static void limit(unsigned which, u64 seconds, nsec_t interval)
{
    struct alarm *a = itimer(which);

    alarm_stop(a);
    if (seconds < SCHED_NEVER / NSEC_PER_SEC) {
        alarm_set(a, MAX(seconds * NSEC_PER_SEC, 1ull), true, interval);
    } else {
        alarm_set(a, 0, false, 0);
    }
}

void process_limit_cpu(u64 soft, u64 hard)
{
    mutex_lock(&itimers.mutex);
    limit(LIMIT_SOFT, soft, NSEC_PER_SEC);
    limit(LIMIT_HARD, hard, 0);
    mutex_unlock(&itimers.mutex);
}

SYSCALL(setitimer)
{
    struct itimerval in = {0}, out;
    nsec_t value, interval;

    if ((unsigned)a0 >= ITIMERS) {
        return -EINVAL;
    }
    if (a1 != 0 && user_read(&in, (const void *)a1, sizeof(in)) != 0) {
        return -EFAULT;
    }
    if (!timeval_is_valid(&in.value) || !timeval_is_valid(&in.interval)) {
        return -EINVAL;
    }
    value = from_timeval(&in.value);
    interval = from_timeval(&in.interval);
    exchange((unsigned)a0, &value, &interval);
    out = (struct itimerval){to_timeval(interval), to_timeval(value)};
    return a2 != 0 ? user_write((void *)a2, &out, sizeof(out)) : 0;
}

SYSCALL(alarm)
{
    nsec_t value = (u32)a0 * NSEC_PER_SEC, interval = 0;

    exchange(0, &value, &interval);
    /* Rounded, but not down to 0: alarm(2) says that one is there. */
    return value == 0 ? 0 : (s64)MAX((value + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1);
}

void itimer_forget_all(void)
{
    mutex_lock(&itimers.mutex);
    for (unsigned which = 0; which < OWN_TIMERS; which++) {
        struct alarm *a = itimer(which);

        alarm_stop(a);
        alarm_set(a, 0, false, 0);
        signal_forget_entry(&a->entry);
    }
    mutex_unlock(&itimers.mutex);
}
