/* SPDX-License-Identifier: MIT */
/*
 * The stress's workers: each is a thread that loops until told to stop and
 * checks every value it comes across.
 */
#pragma once

#include <kernel/types.h>
#include <stdatomic.h>

struct stress_shared {
    _Atomic bool stop;
    _Atomic u64 failures;
};

/* One worker.  Own cache lines: they are written all the time. */
struct stress_worker {
    struct stress_shared *shared;
    struct stress_worker *partner; /* of a pair */
    u64 seed;
    _Atomic u64 rounds;
    const char *failure; /* what did not hold, first time */
    u64 detail[3];
    _Atomic u32 futex;
} aligned_to(128);

/* Application code (tests/guest/app_stress.c). */
void stress_memory(void *worker);  /* maps, touches, unmaps, protects, discards; checks contents */
void stress_vectors(void *worker); /* keeps values in every register, vector and mask ones too */
void stress_pair(void *worker);    /* passes a token to its partner by futex */
void stress_sleep(void *worker);   /* sleeps; never woken early */
void stress_migrate(void *worker); /* changes its affinity; runs where it may */

u64 stress_random(u64 *seed);
void stress_fail(struct stress_worker *worker, const char *what, u64 a, u64 b, u64 c);

static inline bool stress_stopped(const struct stress_worker *worker)
{
    return atomic_load_explicit(&worker->shared->stop, memory_order_relaxed);
}
