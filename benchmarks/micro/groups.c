/* SPDX-License-Identifier: MIT */
/*
 * The groups of the micro-benchmarks that are linked with the kernel; each
 * file of benchmarks/programs has a list of its own.
 */
#include "bench.h"

const struct bench_group bench_groups[] = {
    {"switch1", bench_switch1},     {"handover2", bench_handover2},
    {"wake", bench_wake_idle},      {"touch1", bench_touch1},
    {"touch2", bench_touch2},       {"fault4k", bench_fault4k},
    {"protect64", bench_protect64}, {"unmap64", bench_unmap64},
    {"syscall", bench_syscalls},    {NULL, NULL},
};
