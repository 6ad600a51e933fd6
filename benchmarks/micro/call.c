/* SPDX-License-Identifier: MIT */
/*
 * syscall: the cheapest system call, getppid, by a call of the kernel.  Programs
 * make theirs through a C library: benchmarks/programs.
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

void bench_syscalls(void)
{
    bench_pin(0);
    run_getppid();
}
