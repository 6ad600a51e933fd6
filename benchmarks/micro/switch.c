/* SPDX-License-Identifier: MIT */
/*
 * switch1: two threads on one CPU that take turns.
 *
 * yield: by sched_yield.  Only switches that took place are counted, because
 * Linux's scheduler may return to the caller instead.
 * futex: each wakes the other and waits, as a lock or a queue that is handed
 * back and forth does; one switch is one wake and one wait.
 */
#include "bench.h"

#define ROUNDS 500 /* of one sample */

enum { TURN_MAIN, TURN_PARTNER, TURN_STOP };

/* One word that both threads wait on: only one of them waits at a time. */
static _Atomic uint32_t *turn;

static void yield_partner(void *arg)
{
    (void)arg;
    bench_pin(0);
    while (atomic_load_explicit(turn, memory_order_relaxed) != TURN_STOP) {
        atomic_store_explicit(turn, TURN_MAIN, memory_order_relaxed);
        bench_yield();
    }
}

static uint64_t yield_round(void)
{
    uint64_t switches = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_store_explicit(turn, TURN_PARTNER, memory_order_relaxed);
        bench_yield();
        if (atomic_load_explicit(turn, memory_order_relaxed) == TURN_MAIN) {
            switches += 2;
        }
    }
    return switches == 0 ? 1 : switches;
}

static void run_yield(void)
{
    struct bench_thread partner = {.fn = yield_partner};

    atomic_store(turn, TURN_PARTNER);
    bench_thread_start(&partner);
    while (atomic_load(turn) == TURN_PARTNER) {
        bench_yield();
    }
    bench_begin("switch1/yield", "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks(), switches = yield_round();

        bench_add_ticks(bench_ticks() - start, switches);
    }
    bench_end();
    /* The partner may be between its test and its store: tell it twice. */
    do {
        atomic_store(turn, TURN_STOP);
        bench_yield();
    } while (atomic_load(turn) != TURN_STOP);
    bench_thread_join(&partner);
}

static void futex_pass(uint32_t to)
{
    atomic_store_explicit(turn, to, memory_order_release);
    bench_futex_wake(turn);
}

static void futex_partner(void *arg)
{
    (void)arg;
    bench_pin(0);
    for (;;) {
        uint32_t now = atomic_load_explicit(turn, memory_order_acquire);

        if (now == TURN_STOP) {
            return;
        }
        if (now == TURN_PARTNER) {
            futex_pass(TURN_MAIN);
        } else {
            bench_futex_wait(turn, TURN_MAIN);
        }
    }
}

static void futex_round(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        futex_pass(TURN_PARTNER);
        while (atomic_load_explicit(turn, memory_order_acquire) == TURN_PARTNER) {
            bench_futex_wait(turn, TURN_PARTNER);
        }
    }
}

static void run_futex(void)
{
    struct bench_thread partner = {.fn = futex_partner};

    atomic_store(turn, TURN_MAIN);
    bench_thread_start(&partner);
    futex_round();
    bench_begin("switch1/futex", "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        futex_round();
        bench_add_ticks(bench_ticks() - start, 2 * ROUNDS);
    }
    bench_end();
    futex_pass(TURN_STOP);
    bench_thread_join(&partner);
}

void bench_switch1(void)
{
    turn = bench_shared_page();
    bench_pin(0);
    run_yield();
    run_futex();
}
