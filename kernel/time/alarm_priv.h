/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals, as alarm(2), setitimer(2) and timer_create(2) have
 * them: a kernel timer and an entry for a signal queue.  The caller serializes
 * the calls for one alarm by a mutex of its own (m).
 */
#pragma once

#include <kernel/signal.h>
#include <kernel/timer.h>
#include <kernel/types.h>

#define CLOCK_USER_TIME 1000 /* the process's: nobody else knows it by this number */

/* (m) the owner's mutex   (t) its function, and (m) while it is stopped   (c) constant */
struct alarm {
    struct timer timer;
    struct signal_entry entry;
    int clock;             /* (c) */
    int signal;            /* (c) 0: SIGEV_NONE */
    struct thread *thread; /* (c) a reference, or NULL: the process */
    nsec_t deadline;       /* (t) of `clock`, 0: not armed */
    nsec_t interval;       /* (t) */
};

/* For a clock of time_read_clock(), or CLOCK_USER_TIME. */
void alarm_setup(struct alarm *a, int clock, int signal);
/* What is left until it expires (0: it is not armed), and the period. */
void alarm_read(const struct alarm *a, nsec_t *value, nsec_t *interval);
/* Its function does not run, and will not, until alarm_set(). */
void alarm_stop(struct alarm *a);
/* Of a stopped one; `value` 0: not armed. */
void alarm_set(struct alarm *a, nsec_t value, bool absolute, nsec_t interval);

/* For process_forget_timers(): those of setitimer(2), and of RLIMIT_CPU. */
void itimer_forget_all(void);
