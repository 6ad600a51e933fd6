/* SPDX-License-Identifier: MIT */
/*
 * Load averages without a tick.  Threads' time on a CPU and on a run queue is
 * counted anyhow; its growth over the clock's is the mean number of runnable
 * threads since the last look, and enters the averages for as many steps of five
 * seconds as that was, by Linux's constants.  If nobody looks for long, what was in
 * between counts as if it had been even.
 */
#include "process_priv.h"

#include <kernel/clock.h>
#include <kernel/wait.h>

#define STEP (5 * NSEC_PER_SEC)

/* In units of 1 / LOAD_ONE. */
static const u64 decay[3] = {1884, 2014, 2037}; /* e^(-5s / 1, 5, 15 min) */

/* (m) mutex */
static struct {
    struct mutex mutex;
    nsec_t at, busy; /* (m) at the last step */
    u64 load[3];     /* (m) */
} loads = {.mutex.queue = WAIT_QUEUE_INIT("load", loads.mutex.queue)};

/* factor^n */
static u64 power(u64 factor, u64 n)
{
    u64 result = LOAD_ONE;

    for (; n > 0; n /= 2) {
        if (n % 2 != 0) {
            result = result * factor / LOAD_ONE;
        }
        factor = factor * factor / LOAD_ONE;
    }
    return result;
}

void process_load(u64 load[3])
{
    struct process_usage usage;
    nsec_t now, busy;

    mutex_lock(&loads.mutex);
    process_usage(&usage);
    now = clock_now();
    busy = usage.run_time + usage.wait_time;
    if (now - loads.at >= STEP) {
        u64 steps = (now - loads.at) / STEP;
        u64 mean = (busy - MIN(busy, loads.busy)) * LOAD_ONE / (now - loads.at);

        for (unsigned i = 0; i < 3; i++) {
            u64 keep = power(decay[i], steps);

            loads.load[i] = (loads.load[i] * keep + mean * (LOAD_ONE - keep)) / LOAD_ONE;
        }
        loads.at = now;
        loads.busy = busy;
    }
    for (unsigned i = 0; i < 3; i++) {
        load[i] = loads.load[i];
    }
    mutex_unlock(&loads.mutex);
}
