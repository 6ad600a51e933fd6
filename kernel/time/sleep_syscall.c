/* SPDX-License-Identifier: MIT */
/*
 * Clocks and sleeps for applications: clock_gettime(2), nanosleep(2) and
 * their kin.
 *
 * The monotonic clocks are all clock_now(), which starts at boot and never
 * stops; the wall clock is clock_wall(); the coarse ones are no coarser.
 * A thread's or the process's own time is what the scheduler has charged.
 */
#include <kernel/syscall.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/role.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#include "time_syscall_priv.h"

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define TICK_NSEC (10 * NSEC_PER_MSEC) /* CLOCK_TICKS of exec_stack.c, times(2) */

static bool is_cpu_clock(int clock)
{
    return clock < 0 && (clock & CPU_CLOCK_KIND) != CPU_CLOCK_KIND;
}

/* Time that the thread or the process behind such a number has run: -EINVAL. */
static int cpu_clock_now(int clock, nsec_t *now)
{
    u32 id = (u32) ~(clock >> 3);
    struct thread *t;

    if ((clock & CPU_CLOCK_THREAD) == 0) {
        *now = process_run_time();
        return id == 0 || id == PROCESS_ID ? 0 : -EINVAL;
    }
    t = id == 0 ? thread_current() : thread_find(id);
    if (t == NULL) {
        return -EINVAL;
    }
    *now = thread_run_time(t);
    if (id != 0) {
        thread_put(t);
    }
    return 0;
}

int time_read_clock(int clock, nsec_t *now)
{
    if (clock_is_wall(clock)) {
        *now = clock_wall();
    } else if (clock_is_monotonic(clock)) {
        *now = clock_now();
    } else if (clock == CLOCK_PROCESS_CPUTIME_ID) {
        *now = process_run_time();
    } else if (clock == CLOCK_THREAD_CPUTIME_ID) {
        *now = thread_run_time(thread_current());
    } else {
        return is_cpu_clock(clock) ? cpu_clock_now(clock, now) : -EINVAL;
    }
    return 0;
}

/* ---- Reading ------------------------------------------------------------------- */

SYSCALL(clock_gettime)
{
    struct timespec time;
    nsec_t now;
    int err = time_read_clock((int)a0, &now);

    if (err != 0) {
        return err;
    }
    time = timespec_from_nsec(now);
    return user_write((void *)a1, &time, sizeof(time));
}

SYSCALL(clock_getres)
{
    const struct timespec resolution = {0, 1};
    nsec_t now;
    int err = time_read_clock((int)a0, &now);

    if (err != 0 || a1 == 0) {
        return err;
    }
    return user_write((void *)a1, &resolution, sizeof(resolution));
}

SYSCALL(gettimeofday)
{
    static const s32 zone[2];
    struct timeval time = timeval_from_nsec(clock_wall());

    if (a0 != 0 && user_write((void *)a0, &time, sizeof(time)) != 0) {
        return -EFAULT;
    }
    return a1 != 0 ? user_write((void *)a1, zone, sizeof(zone)) : 0;
}

SYSCALL(time)
{
    s64 now = (s64)(clock_wall() / NSEC_PER_SEC);

    if (a0 != 0 && user_write((void *)a0, &now, sizeof(now)) != 0) {
        return -EFAULT;
    }
    return now;
}

SYSCALL(times)
{
    nsec_t all = process_run_time(), user = MIN(process_user_time(), all);
    /* user, system, children's */
    const s64 times[4] = {(s64)(user / TICK_NSEC), (s64)((all - user) / TICK_NSEC)};

    if (a0 != 0 && user_write((void *)a0, times, sizeof(times)) != 0) {
        return -EFAULT;
    }
    return (s64)(clock_now() / TICK_NSEC);
}

/* The host keeps the wall clock. */
SYSCALL(clock_settime)
{
    struct timespec time;

    if (user_read(&time, (const void *)a1, sizeof(time)) != 0) {
        return -EFAULT;
    }
    return (int)a0 == CLOCK_REALTIME && timespec_is_valid(&time) ? -EPERM : -EINVAL;
}

SYSCALL(settimeofday)
{
    return -EPERM;
}

/* ---- Sleeping -------------------------------------------------------------------- */

/* Until the deadline, or a signal: -EINTR. */
static int sleep_until(nsec_t deadline)
{
    if (deadline <= clock_now() + SCHED_SHORT && sched_poll(deadline)) {
        return 0;
    }
    for (;;) {
        sched_prepare_sleep();
        if (signal_pending()) {
            sched_cancel_sleep();
            return -EINTR;
        }
        if (sched_sleep(deadline) != 0) {
            return 0;
        }
    }
}

/* The short sleeps of who conducts pauses are waits for others: -EAGAIN if that is over. */
static int sleep_told(nsec_t duration, nsec_t deadline)
{
    if (duration <= ROLE_SHORT_SLEEP && role_conducts()) {
        return role_await_mutators(deadline) ? 0 : signal_pending() ? -EINTR : -EAGAIN;
    }
    return sleep_until(deadline);
}

/* With the rest at `left`, if that is not 0. */
static s64 sleep_relative(nsec_t duration, u64 left)
{
    struct thread *self = thread_current();
    nsec_t now = clock_now();
    nsec_t deadline = duration < SCHED_NEVER - now ? now + duration : SCHED_NEVER;
    struct timespec rest;
    int err;

    if (self->restart_deadline != 0) {
        deadline = self->restart_deadline; /* woken without a handler: the same sleep goes on */
        self->restart_deadline = 0;
    }
    err = duration == 0 ? 0 : sleep_told(duration, deadline);
    if (err == 0) {
        return 0;
    }
    now = clock_now();
    rest = timespec_from_nsec(deadline > now ? deadline - now : 0);
    if (left != 0 && user_write((void *)left, &rest, sizeof(rest)) != 0) {
        return -EFAULT;
    }
    if (err == -EAGAIN) {
        return -EINTR;
    }
    self->restart_deadline = deadline;
    return -ERESTARTNOHAND;
}

SYSCALL(nanosleep)
{
    nsec_t duration;
    int err = timespec_read(a0, &duration);

    return err != 0 ? err : sleep_relative(duration, a1);
}

/* That of all CPUs together goes faster than the clock. */
static bool counts_cpu_time(int clock)
{
    return is_cpu_clock(clock) || clock == CLOCK_PROCESS_CPUTIME_ID;
}

/* A wall clock that steps is looked at again, and CPU time. */
static s64 sleep_absolute(int clock, nsec_t when)
{
    for (;;) {
        nsec_t now, left, mono = clock_now();
        int err = time_read_clock(clock, &now);

        if (err != 0) {
            return err;
        }
        if (now >= when) {
            return 0;
        }
        left = when - now;
        if (counts_cpu_time(clock)) {
            left = MAX(left / cpu_count(), MIN(left, (nsec_t)NSEC_PER_MSEC));
        }
        err = sleep_until(left < SCHED_NEVER - mono ? mono + left : SCHED_NEVER);
        if (err != 0) {
            return -ERESTARTNOHAND;
        }
    }
}

/* As sleep_relative(), of CPU time. */
static s64 sleep_cpu_time(int clock, nsec_t now, nsec_t duration, u64 left)
{
    struct thread *self = thread_current();
    nsec_t deadline = self->restart_deadline != 0 ? self->restart_deadline : now + duration;
    struct timespec rest;
    s64 err;

    self->restart_deadline = 0;
    err = sleep_absolute(clock, deadline);
    if (err != -ERESTARTNOHAND) {
        return err;
    }
    (void)!time_read_clock(clock, &now);
    rest = timespec_from_nsec(deadline > now ? deadline - now : 0);
    if (left != 0 && user_write((void *)left, &rest, sizeof(rest)) != 0) {
        return -EFAULT;
    }
    self->restart_deadline = deadline;
    return err;
}

SYSCALL(clock_nanosleep)
{
    int clock = (int)a0;
    nsec_t value, now;
    int err = time_read_clock(clock, &now);

    if (err == 0 && clock == CLOCK_THREAD_CPUTIME_ID) {
        err = -EINVAL;
    }
    if (err == 0 && (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
                     clock == CLOCK_REALTIME_COARSE)) {
        err = -EOPNOTSUPP;
    }
    if (err == 0) {
        err = timespec_read(a2, &value);
    }
    if (err != 0) {
        return err;
    }
    if (((u32)a1 & TIMER_ABSTIME) != 0) {
        return sleep_absolute(clock, value);
    }
    return counts_cpu_time(clock) ? sleep_cpu_time(clock, now, value, a3)
                                  : sleep_relative(value, a3);
}
