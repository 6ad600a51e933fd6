/* SPDX-License-Identifier: MIT */
/* What the tests of the scheduler have in common. */
#pragma once

#include "guest.h"

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <stdatomic.h>

/* Long enough for a busy host; only failures wait for it. */
#define PATIENCE (20 * NSEC_PER_SEC)

/* A kernel thread that the caller joins; NULL if there is no memory. */
static inline struct thread *start_kernel(void (*fn)(void *arg), void *arg, u64 affinity,
                                          enum sched_class class)
{
    struct thread *thread = NULL;
    struct thread_attr attr = {
        .name = "test", .entry = fn, .arg = arg, .affinity = affinity, .class = class};

    OK(thread_create(&attr, &thread) == 0);
    return thread;
}

static inline void join(struct thread *thread)
{
    if (thread != NULL) {
        thread_join(thread, NULL);
    }
}

/* Until `cond`, asleep for a millisecond at a time; whether it came true. */
#define EVENTUALLY(cond) \
    ({ \
        nsec_t limit_ = clock_now() + PATIENCE; \
        while (!(cond) && clock_now() < limit_) { \
            sched_delay(NSEC_PER_MSEC); \
        } \
        OK(cond); \
    })
