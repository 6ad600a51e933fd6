/* SPDX-License-Identifier: MIT */
/* The clocks that applications name by a number. */
#pragma once

#include <kernel/posix_time.h>

/* A CPU clock's number: ~id << 3 | 4 (a thread's) | kind; clock_getcpuclockid(3). */
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_KIND 3
#define CPU_CLOCK_SCHED 2 /* the kind that all have here */

/* Clocks that are clock_wall() and clock_now(): no coarse one is coarser. */
static inline bool clock_is_wall(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
           clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static inline bool clock_is_monotonic(int clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_BOOTTIME_ALARM;
}

/* 0, -EINVAL: no such clock. */
must_check int time_read_clock(int clock, nsec_t *now);
