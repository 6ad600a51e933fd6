/* SPDX-License-Identifier: MIT */
/*
 * Linux's structures and clock numbers for calls about clocks and timers.  Apart
 * from timespec.h, which files that the host tests include beside <time.h>.
 */
#pragma once

#include <kernel/timespec.h>

struct timeval {
    s64 sec, usec;
};
struct itimerspec {
    struct timespec interval, value;
};
struct itimerval {
    struct timeval interval, value;
};

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

#define TIMER_ABSTIME 1u /* clock_nanosleep(2), timer_settime(2), timerfd_settime(2) */

static inline struct timeval timeval_from_nsec(nsec_t nsec)
{
    return (struct timeval){(s64)(nsec / NSEC_PER_SEC), (s64)(nsec % NSEC_PER_SEC / NSEC_PER_USEC)};
}
