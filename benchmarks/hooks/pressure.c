/* SPDX-License-Identifier: MIT */
/*
 * How long it takes from memory's running short to a shrinker's being called.  The
 * threshold is put a little below what is available; then that much more is
 * touched, and the last part of it, which crosses the threshold, is timed with the
 * wait for the call.
 */
#include <errno.h>
#include <moka/pressure.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define BEFORE (8ul << 20) /* is touched before it is timed */
#define WITHIN (8ul << 20) /* is touched then; the threshold is in the middle of it */
#define WAIT_NS 10e9

static atomic_uint calls;

static uint64_t shrink(void *arg, uint64_t wanted)
{
    atomic_fetch_add(&calls, 1);
    madvise(bench.other, BEFORE + WITHIN, MADV_DONTNEED);
    return BEFORE + WITHIN;
}

static int64_t make_plenty(const struct row *row)
{
    const struct moka_pressure_hooks *pressure = bench.moka->pressure;
    struct moka_memory memory;
    int error;

    madvise(bench.other, BEFORE + WITHIN, MADV_DONTNEED);
    error = pressure->memory(&memory, sizeof(memory));
    if (error == 0) {
        error = pressure->thresholds(memory.available - BEFORE - WITHIN / 2, PAGE);
    }
    memset(bench.other, 1, BEFORE);
    atomic_store(&calls, 0);
    return error;
}

static int64_t wait_for_call(const struct row *row)
{
    double end = now_ns() + WAIT_NS;

    memset(bench.other + BEFORE, 1, WITHIN);
    while (atomic_load(&calls) == 0) {
        if (now_ns() > end) {
            return -ETIMEDOUT;
        }
        sched_yield();
    }
    return 0;
}

void run_pressure(void)
{
    static const struct row row = {"shrinker", make_plenty, wait_for_call, 1, 0, 0, 0};
    struct moka_memory memory = {0};
    int number;

    if (bench.moka->pressure == NULL || bench.size < BEFORE + WITHIN) {
        puts("skip shrinker this system has none of it");
        return;
    }
    bench.moka->pressure->memory(&memory, sizeof(memory));
    if (memory.available - BEFORE > memory.total / 2) {
        puts("skip shrinker more than half of the memory is available, where no threshold can be");
        return;
    }
    number = bench.moka->pressure->shrinker_add(shrink, NULL);
    if (number < 0) {
        printf("skip shrinker %s\n", strerror(-number));
        return;
    }
    run_row(&row);
    bench.moka->pressure->shrinker_remove(number);
    bench.moka->pressure->thresholds(0, 0);
}
