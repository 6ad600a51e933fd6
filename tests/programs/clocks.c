/* SPDX-License-Identifier: MIT */
/*
 * The clocks as the C library reads them, which is in the vDSO where it can,
 * beside the system call; and the CPU's number, which comes from there too.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define SECOND 1000000000ll
#define MESSAGES 200000

static long long nanoseconds(const struct timespec *time)
{
    return time->tv_sec * SECOND + time->tv_nsec;
}

static long long now(clockid_t clock)
{
    struct timespec time = {-1, -1};

    return clock_gettime(clock, &time) == 0 ? nanoseconds(&time) : -1;
}

static long long now_by_call(clockid_t clock)
{
    struct timespec time = {-1, -1};

    return syscall(SYS_clock_gettime, clock, &time) == 0 ? nanoseconds(&time) : -1;
}

/* `slack` for a clock that is coarser than the other one. */
static bool agrees(clockid_t clock, long long slack)
{
    for (int i = 0; i < 1000; i++) {
        long long before = now_by_call(clock), here = now(clock), after = now_by_call(clock);

        if (before < 0 || here < before - slack || here > after + slack) {
            return false;
        }
    }
    return true;
}

/* Until a second has ended: where the digits behind the point begin anew. */
static bool counts_through(clockid_t clock)
{
    struct timespec last, time;
    time_t first;

    clock_gettime(clock, &last);
    first = last.tv_sec;
    do {
        clock_gettime(clock, &time);
        if (time.tv_nsec < 0 || time.tv_nsec >= SECOND || nanoseconds(&time) < nanoseconds(&last)) {
            return false;
        }
        last = time;
    } while (time.tv_sec < first + 2);
    return true;
}

/* A time that one thread tells is not later than the other's afterwards. */
static _Atomic long long message;
static _Atomic bool done;

static void *send(void *arg)
{
    while (!done) {
        atomic_store_explicit(&message, now(CLOCK_MONOTONIC), memory_order_release);
    }
    return arg;
}

static bool same_for_all(void)
{
    pthread_t sender;
    bool good = true;

    tap_need(pthread_create(&sender, NULL, send, NULL) == 0, "pthread_create");
    for (int i = 0; i < MESSAGES && good; i++) {
        long long told = atomic_load_explicit(&message, memory_order_acquire);

        good = now(CLOCK_MONOTONIC) >= told;
    }
    done = true;
    pthread_join(sender, NULL);
    return good;
}

/* A time in seconds lies between two of the clock; time(2) may be a tick behind. */
static bool is_now(long long (*seconds)(void))
{
    long long before = now(CLOCK_REALTIME) / SECOND - 1, told = seconds();

    return told >= before && told <= now(CLOCK_REALTIME) / SECOND;
}

static long long seconds_of_day(void)
{
    struct timeval day;

    return gettimeofday(&day, NULL) == 0 && day.tv_usec >= 0 && day.tv_usec < 1000000 ? day.tv_sec
                                                                                      : -1;
}

static long long seconds_by_time(void)
{
    return time(NULL);
}

static bool knows_its_cpu(void)
{
    cpu_set_t all, one;
    bool good = true;

    tap_need(sched_getaffinity(0, sizeof(all), &all) == 0, "sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            good &= sched_setaffinity(0, sizeof(one), &one) == 0 && sched_getcpu() == cpu;
        }
    }
    sched_setaffinity(0, sizeof(all), &all);
    return good;
}

static sigjmp_buf landing;

static void on_fault(int signal)
{
    siglongjmp(landing, signal);
}

/* The library may ask the kernel, which refuses, or write there itself. */
static bool bad_pointer_is_ours(void)
{
    bool good;

    signal(SIGSEGV, on_fault);
    if (sigsetjmp(landing, 1) == 0) {
        good = clock_gettime(CLOCK_MONOTONIC, (struct timespec *)16) == -1 && errno == EFAULT;
    } else {
        good = true;
    }
    signal(SIGSEGV, SIG_DFL);
    return good && now(CLOCK_MONOTONIC) > 0;
}

int main(void)
{
    struct timeval day;

    OK(getauxval(AT_SYSINFO_EHDR) != 0, "there is a vDSO");
    OK(agrees(CLOCK_MONOTONIC, 0), "the monotonic clock is the system call's");
    OK(agrees(CLOCK_BOOTTIME, 0), "so is that since boot");
    OK(agrees(CLOCK_REALTIME, 0), "and the wall clock");
    OK(agrees(CLOCK_MONOTONIC_COARSE, SECOND / 10), "and the coarse ones");
    OK(agrees(CLOCK_THREAD_CPUTIME_ID, SECOND / 10), "a thread's own time");
    OK(counts_through(CLOCK_MONOTONIC), "the monotonic clock counts through a second's end");
    OK(counts_through(CLOCK_REALTIME), "the wall clock too");
    OK(same_for_all(), "a time that was told is over");
    OK(is_now(seconds_of_day), "gettimeofday");
    OK(is_now(seconds_by_time), "time");
    FAILS(clock_gettime(99, (struct timespec *)&day), EINVAL, "there is no such clock");
    OK(knows_its_cpu(), "a thread knows its CPU");
    OK(bad_pointer_is_ours(), "a bad pointer is the program's own fault");
    return tap_end();
}
