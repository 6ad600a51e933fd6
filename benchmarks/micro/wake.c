/* SPDX-License-Identifier: MIT */
/*
 * handover2 and wake: a thread on one CPU wakes a thread that waits on
 * another.
 *
 * One way is timed: from just before the waker's store to the waiter's first
 * instruction after its futex call.  Both CPUs read the same time stamp
 * counter.  Before each wake the waker spins for a gap, so that the waiter is
 * asleep and its CPU has been idle for about that long: a system that polls
 * before it halts answers sooner after a short gap.  A wake that found the
 * waiter not yet asleep is counted apart and not timed.
 *
 * handover2/oneway is such a wake after 2 us, the shortest in which every
 * system is asleep.  handover2/pingpong is half of a round trip in which both
 * sides wait as soon as they have woken the other; a side that is answered
 * before it sleeps goes on at once, so that it may show less than a hand-over.
 */
#include "bench.h"

#define ROUNDS 200 /* of one pingpong sample */

enum { STOP = UINT32_MAX };

/* One cache line for what each side writes. */
static struct shared {
    _Alignas(64) _Atomic uint32_t word; /* the futex: number of the wake */
    _Alignas(64) _Atomic uint32_t waits_for;
    _Alignas(64) _Atomic uint32_t done;
    uint64_t woken_at;
    bool slept;
} * shared;

static void waiter(void *arg)
{
    (void)arg;
    bench_pin(1);
    for (uint32_t number = 1;; number++) {
        bool slept = false;

        atomic_store_explicit(&shared->waits_for, number, memory_order_release);
        while (atomic_load_explicit(&shared->word, memory_order_acquire) == number - 1) {
            slept = bench_futex_wait(&shared->word, number - 1);
        }
        shared->woken_at = bench_ticks();
        shared->slept = slept;
        if (atomic_load_explicit(&shared->word, memory_order_acquire) == STOP) {
            return;
        }
        atomic_store_explicit(&shared->done, number, memory_order_release);
    }
}

static void spin_ticks(uint64_t ticks)
{
    uint64_t start = bench_ticks();

    while (bench_ticks() - start < ticks) {
        __asm__ volatile("pause");
    }
}

static void run_gap(const char *name, uint64_t gap_ns, unsigned samples)
{
    struct bench_thread thread = {.fn = waiter};
    uint64_t gap = bench_ticks_from_ns(gap_ns), awake = 0;
    uint32_t number = 1;

    atomic_store(&shared->word, 0);
    atomic_store(&shared->waits_for, 0);
    bench_thread_start(&thread);
    bench_begin(name, "ns", samples);
    for (; bench_more() && number < 4 * samples; number++) {
        uint64_t start;

        bench_spin_until(&shared->waits_for, number);
        spin_ticks(gap);
        start = bench_ticks();
        atomic_store_explicit(&shared->word, number, memory_order_release);
        bench_futex_wake(&shared->word);
        bench_spin_until(&shared->done, number);
        if (shared->slept) {
            bench_add_ticks(shared->woken_at > start ? shared->woken_at - start : 0, 1);
        } else {
            awake++;
        }
    }
    bench_end();
    bench_spin_until(&shared->waits_for, number);
    atomic_store(&shared->word, STOP);
    bench_futex_wake(&shared->word);
    bench_thread_join(&thread);
    if (awake != 0) {
        bench_fact(bench_name(name, "found_awake"), awake);
    }
}

/* ---- Ping-pong ------------------------------------------------------------- */

enum { TURN_MAIN, TURN_PARTNER };

static void pass(uint32_t to)
{
    atomic_store_explicit(&shared->word, to, memory_order_release);
    bench_futex_wake(&shared->word);
}

static void partner(void *arg)
{
    (void)arg;
    bench_pin(1);
    for (;;) {
        uint32_t now = atomic_load_explicit(&shared->word, memory_order_acquire);

        if (now == STOP) {
            return;
        }
        if (now == TURN_PARTNER) {
            pass(TURN_MAIN);
        } else {
            bench_futex_wait(&shared->word, TURN_MAIN);
        }
    }
}

static void pingpong_round(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pass(TURN_PARTNER);
        while (atomic_load_explicit(&shared->word, memory_order_acquire) == TURN_PARTNER) {
            bench_futex_wait(&shared->word, TURN_PARTNER);
        }
    }
}

static void run_pingpong(void)
{
    struct bench_thread thread = {.fn = partner};

    atomic_store(&shared->word, TURN_MAIN);
    bench_thread_start(&thread);
    pingpong_round();
    bench_begin("handover2/pingpong", "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        pingpong_round();
        bench_add_ticks(bench_ticks() - start, 2 * ROUNDS);
    }
    bench_end();
    pass(STOP);
    bench_thread_join(&thread);
}

static bool two_cpus(const char *name)
{
    if (bench_cpus() < 2) {
        bench_skip(name, "needs two CPUs");
        return false;
    }
    shared = bench_shared_page();
    bench_pin(0);
    return true;
}

void bench_handover2(void)
{
    if (two_cpus("handover2")) {
        run_gap("handover2/oneway", 2000, 1000);
        run_pingpong();
    }
}

void bench_wake_idle(void)
{
    if (two_cpus("wake")) {
        run_gap("wake/5us", 5000, 1000);
        run_gap("wake/20us", 20000, 1000);
        run_gap("wake/100us", 100000, 500);
        run_gap("wake/1ms", 1000000, 200);
        run_gap("wake/10ms", 10000000, 40);
    }
}
