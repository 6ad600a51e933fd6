/* SPDX-License-Identifier: MIT */
/*
 * What bench.h asks of a system, by libc and pthreads: the micro-benchmarks'
 * Linux, and for the programs of benchmarks/programs Linux and Moka alike.
 * PROGRAM GROUPS [BUDGET_MS]
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const char bench_system[] = "libc";
const struct bench_group bench_system_groups[] = {{NULL, NULL}};

uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

unsigned bench_cpus(void)
{
    return (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Not libc's syscall(), which would spend time on errno. */
long bench_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5)
{
    register long r10 __asm__("r10") = a3;
    register long r8 __asm__("r8") = a4;
    register long r9 __asm__("r9") = a5;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(nr), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void *thread_main(void *arg)
{
    struct bench_thread *thread = arg;

    thread->fn(thread->arg);
    return NULL;
}

void bench_thread_start(struct bench_thread *thread)
{
    pthread_t id;
    int error = pthread_create(&id, NULL, thread_main, thread);

    if (error != 0) {
        bench_fail("pthread_create", -error);
    }
    thread->handle = (void *)id;
}

void bench_thread_join(struct bench_thread *thread)
{
    pthread_join((pthread_t)thread->handle, NULL);
}

void bench_write(const char *line)
{
    puts(line);
}

_Noreturn void bench_fail(const char *what, long value)
{
    printf("fail %s: %ld\n", what, value);
    exit(1);
}

int main(int argc, char **argv)
{
    bench_run(argc > 1 ? argv[1] : "all", argc > 2 ? (unsigned)atoi(argv[2]) : 300);
    return 0;
}
