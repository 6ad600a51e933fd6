/* SPDX-License-Identifier: MIT */
/* Time as applications give and get it. */
#pragma once

#include <kernel/sched.h>
#include <kernel/types.h>
#include <kernel/vfs.h> /* struct timespec */

enum { /* clock_gettime(2) */
       CLOCK_REALTIME,
       CLOCK_MONOTONIC,
       CLOCK_PROCESS_CPUTIME_ID,
       CLOCK_THREAD_CPUTIME_ID,
       CLOCK_MONOTONIC_RAW,
       CLOCK_REALTIME_COARSE,
       CLOCK_MONOTONIC_COARSE,
       CLOCK_BOOTTIME,
       CLOCK_REALTIME_ALARM,
       CLOCK_BOOTTIME_ALARM,
       CLOCK_TAI = 11,
};

/* A CPU clock's number: ~id << 3 | 4 (a thread's) | kind; clock_getcpuclockid(3). */
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_KIND 3
#define CPU_CLOCK_SCHED 2 /* the kind that all have here */

struct timeval {
    s64 sec, usec;
};

/* 0, -EINVAL: no such clock. */
must_check int time_read_clock(int clock, nsec_t *now);
/* A struct timespec of the application: 0, -EFAULT, -EINVAL. */
must_check int time_read_spec(u64 pointer, nsec_t *value);

static inline bool time_is_valid(const struct timespec *time)
{
    return time->sec >= 0 && time->nsec >= 0 && time->nsec < (s64)NSEC_PER_SEC;
}

/* Centuries are as good as never. */
static inline nsec_t time_to_nsec(const struct timespec *time)
{
    if ((u64)time->sec >= SCHED_NEVER / NSEC_PER_SEC / 2) {
        return SCHED_NEVER / 2;
    }
    return (u64)time->sec * NSEC_PER_SEC + (u64)time->nsec;
}

static inline struct timespec time_from_nsec(nsec_t nsec)
{
    return (struct timespec){(s64)(nsec / NSEC_PER_SEC), (s64)(nsec % NSEC_PER_SEC)};
}
