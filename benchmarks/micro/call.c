/* SPDX-License-Identifier: MIT */
/*
 * syscall: the cheapest system call (getppid), and the clock by the fastest
 * way that the system has (Linux: in the vDSO).
 * thread: a thread made and joined.
 */
#include "bench.h"

#define CALLS 10000 /* of one sample */
#define NR_GETPPID 110

static void run_getppid(void)
{
    bench_begin("syscall/getppid", "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        for (unsigned i = 0; i < CALLS; i++) {
            bench_syscall(NR_GETPPID, 0, 0, 0, 0, 0, 0);
        }
        bench_add_ticks(bench_ticks() - start, CALLS);
    }
    bench_end();
}

static void run_clock(void)
{
    bench_begin("syscall/clock", "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        for (unsigned i = 0; i < CALLS; i++) {
            bench_now_ns();
        }
        bench_add_ticks(bench_ticks() - start, CALLS);
    }
    bench_end();
}

void bench_syscalls(void)
{
    bench_pin(0);
    run_getppid();
    run_clock();
}

static void nothing(void *arg)
{
    (void)arg;
}

void bench_threads(void)
{
    bench_pin(0);
    bench_begin("thread/create_join", "ns", 500);
    while (bench_more()) {
        struct bench_thread thread = {.fn = nothing};
        uint64_t start = bench_ticks();

        bench_thread_start(&thread);
        bench_thread_join(&thread);
        bench_add_ticks(bench_ticks() - start, 1);
    }
    bench_end();
}
