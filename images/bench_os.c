/* SPDX-License-Identifier: MIT */
/*
 * The micro-benchmarks' Moka: what benchmarks/micro/bench.h asks of a system.
 *
 * The benchmarks run as application code, preemptible and on stacks of their
 * own.  All they measure goes through system calls by function call, as from
 * a C library; only printing and making threads take the back door into the
 * kernel, because there is no console file and no clone(2) yet.
 */
#include "bench_os.h"

#include "app.h"
#include "bench.h"
#include <kernel/bootinfo.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include <kernel/print.h>

#define NR_CLOCK_GETTIME 228
#define CLOCK_MONOTONIC 1

const char bench_system[] = "moka";
const struct bench_group bench_system_groups[] = {{"costs", bench_costs}, {NULL, NULL}};

long bench_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5)
{
    return app_syscall(nr, a0, a1, a2, a3, a4, a5);
}

uint64_t bench_now_ns(void)
{
    long now[2];

    app_syscall(NR_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)now, 0, 0, 0, 0);
    return (u64)now[0] * NSEC_PER_SEC + (u64)now[1];
}

unsigned bench_cpus(void)
{
    return cpu_count();
}

static long kernel_thread_start(void *arg)
{
    struct bench_thread *thread = arg;

    thread->handle = app_start("bench", thread->fn, thread->arg, 0);
    return thread->handle == NULL ? -1 : 0;
}

void bench_thread_start(struct bench_thread *thread)
{
    if (app_call_kernel(kernel_thread_start, thread) != 0) {
        bench_fail("app_start", 0);
    }
}

static long kernel_thread_join(void *arg)
{
    return app_join(arg);
}

void bench_thread_join(struct bench_thread *thread)
{
    app_call_kernel(kernel_thread_join, thread->handle);
}

static long kernel_write(void *arg)
{
    kprintf("%s\n", (const char *)arg);
    return 0;
}

void bench_write(const char *line)
{
    app_call_kernel(kernel_write, (void *)line);
}

struct failure {
    const char *what;
    long value;
};

static long kernel_fail(void *arg)
{
    struct failure *failure = arg;

    kprintf("fail %s: %ld\n", failure->what, failure->value);
    machine_exit(EXIT_FAILED);
}

_Noreturn void bench_fail(const char *what, long value)
{
    struct failure failure = {what, value};

    app_call_kernel(kernel_fail, &failure);
    __builtin_unreachable();
}

struct request {
    char groups[128];
    u64 budget_ms;
};

static long kernel_read_request(void *arg)
{
    struct request *request = arg;

    if (cmdline_get_u64("bench_ms", &request->budget_ms) == -EINVAL) {
        config_error("bench_ms= wants a number of milliseconds");
    }
    (void)cmdline_get("bench", request->groups, sizeof(request->groups));
    kprintf("fact platform %s\n", platform->name);
    return 0;
}

void bench_app_main(void *arg)
{
    struct request request = {.groups = "all", .budget_ms = 300};

    app_call_kernel(kernel_read_request, &request);
    bench_run(request.groups, (unsigned)request.budget_ms);
}
