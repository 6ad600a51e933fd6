/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals.
 *
 * While an alarm's entry is queued, further expirations only count as
 * overruns, as POSIX has it.  The timers of CPU time (ITIMER_VIRTUAL,
 * ITIMER_PROF, RLIMIT_CPU) are looked at by wall time: as soon as all CPUs
 * together may have run for that long, and again until they have.
 */
#include "alarm_priv.h"

#include <kernel/clock.h>
#include <kernel/process.h>
#include <kernel/sched.h>

#include "time_syscall_priv.h"

static nsec_t clock_of(const struct alarm *a)
{
    nsec_t now = 0;

    if (a->clock == CLOCK_USER_TIME) {
        return process_user_time();
    }
    (void)!time_read_clock(a->clock, &now); /* it was a good one */
    return now;
}

/* CPU time can go faster than the clock. */
static bool counts_cpu_time(const struct alarm *a)
{
    return a->clock == CLOCK_USER_TIME || a->clock == CLOCK_PROCESS_CPUTIME_ID || a->clock < 0;
}

/* On this CPU's queue, for when the clock will be there at the earliest. */
static void arm(struct alarm *a)
{
    nsec_t now = clock_of(a), mono = clock_now();
    nsec_t left = a->deadline > now ? a->deadline - now : 0;

    if (counts_cpu_time(a)) {
        left = MAX(left / cpu_count(), MIN(left, (nsec_t)NSEC_PER_MSEC));
    }
    timer_start(&a->timer, left < SCHED_NEVER - mono ? mono + left : SCHED_NEVER - 1);
}

static void expired(struct timer *timer)
{
    struct alarm *a = container_of(timer, struct alarm, timer);
    nsec_t now = clock_of(a), deadline = a->deadline;
    u32 missed = 0;

    if (deadline == 0) {
        return;
    }
    if (now < deadline) {
        arm(a);
        return;
    }
    if (a->interval != 0) {
        missed = (u32)MIN((now - deadline) / a->interval, (nsec_t)INT32_MAX);
        a->deadline = deadline + (missed + 1ull) * a->interval;
        arm(a);
    } else {
        a->deadline = 0;
    }
    if (a->signal == 0) {
        return;
    }
    signal_send_entry(a->thread, a->signal, &a->entry, missed);
}

void alarm_setup(struct alarm *a, int clock, int signal)
{
    timer_setup(&a->timer, expired);
    a->clock = clock;
    a->signal = signal;
    a->entry = (struct signal_entry){.owned = true, .info.code = SI_KERNEL};
    list_init(&a->entry.link);
}

void alarm_read(const struct alarm *a, nsec_t *value, nsec_t *interval)
{
    nsec_t now = clock_of(a);

    *value = a->deadline == 0 ? 0 : a->deadline > now ? a->deadline - now : 1;
    *interval = a->interval;
}

void alarm_stop(struct alarm *a)
{
    nsec_t deadline;

    do { /* its function may have started it again */
        (void)timer_cancel(&a->timer);
        deadline = a->deadline;
        a->deadline = 0;
        (void)timer_cancel(&a->timer);
    } while (a->deadline != 0);
    a->deadline = deadline;
}

void alarm_set(struct alarm *a, nsec_t value, bool absolute, nsec_t interval)
{
    a->deadline = 0;
    a->interval = interval;
    if (value != 0) {
        a->deadline = MAX(absolute ? value : clock_of(a) + value, 1);
        arm(a);
    }
}
