/* SPDX-License-Identifier: MIT */
/*
 * The workers of the stress that are application code: preempted at any
 * instruction, moved between CPUs, faulting their memory in.
 */
#include "app.h"
#include "stress.h"
#include "vector.h"

#define SYS_MMAP 9
#define SYS_MPROTECT 10
#define SYS_MUNMAP 11
#define SYS_MADVISE 28
#define SYS_NANOSLEEP 35
#define SYS_FUTEX 202
#define SYS_SCHED_SETAFFINITY 203
#define SYS_CLOCK_GETTIME 228

#define PROT_RW 3
#define PROT_R 1
#define MAP_ANON_PRIVATE 0x22
#define MADV_DONTNEED 4
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define CLOCK_MONOTONIC 1
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

#define ENOMEM 12
#define AREA_PAGES 1280 /* at most: 5 MiB, so two whole windows */

struct timespec {
    s64 sec, nsec;
};

u64 stress_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void stress_fail(struct stress_worker *worker, const char *what, u64 a, u64 b, u64 c)
{
    if (worker->failure == NULL) {
        worker->failure = what;
        worker->detail[0] = a;
        worker->detail[1] = b;
        worker->detail[2] = c;
    }
    atomic_fetch_add_explicit(&worker->shared->failures, 1, memory_order_relaxed);
}

static long call(long nr, u64 a, u64 b, u64 c, u64 d)
{
    return app_syscall(nr, (long)a, (long)b, (long)c, (long)d, -1, 0);
}

/* What the model says of a page. */
enum page_state { PAGE_ZERO, PAGE_WRITTEN, PAGE_GONE };

struct area {
    struct stress_worker *worker;
    u64 base, pages, tag;
    u8 state[AREA_PAGES];
};

static u64 expected(const struct area *area, u64 page)
{
    return area->state[page] == PAGE_WRITTEN ? area->tag ^ page : 0;
}

static volatile u64 *page_word(const struct area *area, u64 page, u64 salt)
{
    return (volatile u64 *)(area->base + page * PAGE_SIZE + (salt & 0xff8));
}

/* A page holds its tag in the first and last word. */
static void page_write(struct area *area, u64 page)
{
    *page_word(area, page, 0) = area->tag ^ page;
    *page_word(area, page, 0xff8) = area->tag ^ page;
    area->state[page] = PAGE_WRITTEN;
}

static void page_check(struct area *area, u64 page)
{
    u64 want = expected(area, page);
    u64 first = *page_word(area, page, 0), last = *page_word(area, page, 0xff8);

    if (first != want || last != want) {
        stress_fail(area->worker, "memory: wrong contents", area->base + page * PAGE_SIZE,
                    first != want ? first : last, want);
    }
}

static void area_check(struct area *area)
{
    for (u64 page = 0; page < area->pages; page++) {
        if (area->state[page] != PAGE_GONE) {
            page_check(area, page);
        }
    }
}

static void range_set(struct area *area, u64 first, u64 count, enum page_state state)
{
    for (u64 page = first; page < first + count; page++) {
        if (area->state[page] != PAGE_GONE) {
            area->state[page] = (u8)state;
        }
    }
}

static bool range_has_gone(const struct area *area, u64 first, u64 count)
{
    for (u64 page = first; page < first + count; page++) {
        if (area->state[page] == PAGE_GONE) {
            return true;
        }
    }
    return false;
}

/* One random operation on a random part of the area. */
static void area_operate(struct area *area)
{
    u64 *seed = &area->worker->seed;
    u64 first = stress_random(seed) % area->pages;
    u64 count = 1 + stress_random(seed) % (area->pages - first);
    u64 start = area->base + first * PAGE_SIZE, size = count * PAGE_SIZE;
    long err = 0;

    switch (stress_random(seed) % 8) {
    case 0:
        if (!range_has_gone(area, first, count)) {
            err = call(SYS_MUNMAP, start, size, 0, 0);
            if (err == 0) {
                range_set(area, first, count, PAGE_GONE);
            }
        }
        break;
    case 1:
        if (!range_has_gone(area, first, count)) {
            err = call(SYS_MADVISE, start, size, MADV_DONTNEED, 0);
            if (err == 0) {
                range_set(area, first, count, PAGE_ZERO);
            }
        }
        break;
    case 2:
        if (!range_has_gone(area, first, count)) {
            err = call(SYS_MPROTECT, start, size, PROT_R, 0);
            for (u64 page = first; err == 0 && page < first + count; page += 7) {
                page_check(area, page);
            }
            if (err == 0) {
                err = call(SYS_MPROTECT, start, size, PROT_RW, 0);
            }
        }
        break;
    case 3:
        if (!range_has_gone(area, first, count)) {
            err = call(SYS_MADVISE, start, size,
                       stress_random(seed) & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE, 0);
        }
        break;
    default:
        for (u64 page = first; page < first + count; page++) {
            if (area->state[page] != PAGE_GONE) {
                page_write(area, page);
            }
        }
        break;
    }
    if (err != 0 && err != -ENOMEM) {
        stress_fail(area->worker, "memory: a call failed", (u64)err, start, size);
    }
}

/* What is not gone: in the holes somebody else may have mapped by now. */
static void area_unmap(struct area *area)
{
    for (u64 page = 0, count; page < area->pages; page += count) {
        bool gone = area->state[page] == PAGE_GONE;

        for (count = 1;
             page + count < area->pages && (area->state[page + count] == PAGE_GONE) == gone;
             count++) {
        }
        if (!gone &&
            call(SYS_MUNMAP, area->base + page * PAGE_SIZE, count * PAGE_SIZE, 0, 0) != 0) {
            stress_fail(area->worker, "memory: munmap failed", area->base, page, count);
        }
    }
}

void stress_memory(void *arg)
{
    struct stress_worker *worker = arg;
    struct area area = {.worker = worker};

    while (!stress_stopped(worker)) {
        long addr;

        area.pages = 1 + stress_random(&worker->seed) % AREA_PAGES;
        area.tag = stress_random(&worker->seed);
        addr = call(SYS_MMAP, 0, area.pages * PAGE_SIZE, PROT_RW, MAP_ANON_PRIVATE);
        if (addr < 0) {
            if (addr != -ENOMEM) {
                stress_fail(worker, "memory: mmap failed", (u64)addr, area.pages, 0);
            }
            continue;
        }
        area.base = (u64)addr;
        for (u64 page = 0; page < area.pages; page++) {
            area.state[page] = PAGE_ZERO;
        }
        for (unsigned i = 0; i < 12 && !stress_stopped(worker); i++) {
            area_operate(&area);
            area_check(&area);
        }
        area_unmap(&area);
        worker->rounds++;
    }
}

void stress_vectors(void *arg)
{
    struct stress_worker *worker = arg;

    while (!stress_stopped(worker)) {
        u64 seed = stress_random(&worker->seed);
        long wrong = vector_hold(seed, 200000);

        if (wrong != 0) {
            stress_fail(worker, "vectors: a register lost its value", (u64)wrong, seed, 0);
        }
        worker->rounds++;
    }
}

/* The token is worker->futex: the one whose word is 1 has it. */
void stress_pair(void *arg)
{
    struct stress_worker *worker = arg;
    u64 spins = 0;

    while (!stress_stopped(worker)) {
        struct timespec limit = {1, 0};
        long err;

        if (atomic_load(&worker->futex) == 0) {
            err = call(SYS_FUTEX, (u64)&worker->futex, FUTEX_WAIT, 0, (u64)&limit);
            if (err == -110 && ++spins > 20 && !stress_stopped(worker)) {
                stress_fail(worker, "pair: the token was lost", worker->rounds,
                            worker->partner->rounds, worker->partner->futex);
                spins = 0;
            }
            continue;
        }
        spins = 0;
        worker->rounds++;
        atomic_store(&worker->futex, 0);
        if (atomic_exchange(&worker->partner->futex, 1) != 0) {
            stress_fail(worker, "pair: two tokens", worker->rounds, worker->partner->rounds, 0);
        }
        (void)call(SYS_FUTEX, (u64)&worker->partner->futex, FUTEX_WAKE, 1, 0);
    }
    atomic_store(&worker->partner->futex, 1);
    (void)call(SYS_FUTEX, (u64)&worker->partner->futex, FUTEX_WAKE, 1, 0);
}

static u64 now_ns(void)
{
    struct timespec now;

    (void)call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (u64)&now, 0, 0);
    return (u64)now.sec * NSEC_PER_SEC + (u64)now.nsec;
}

void stress_sleep(void *arg)
{
    struct stress_worker *worker = arg;

    while (!stress_stopped(worker)) {
        u64 wanted = stress_random(&worker->seed) % (3 * NSEC_PER_MSEC);
        struct timespec duration = {0, (s64)wanted};
        u64 start = now_ns(), slept;
        long err = call(SYS_NANOSLEEP, (u64)&duration, 0, 0, 0);

        slept = now_ns() - start;
        if (err != 0 || slept < wanted) {
            stress_fail(worker, "sleep: woken early", (u64)err, slept, wanted);
        }
        worker->rounds++;
    }
}

static long current_cpu(void *arg)
{
    u32 id;

    (void)arg;
    __asm__ volatile("movl %%gs:160, %0" : "=r"(id)); /* CPU_ID, kernel/cpu.h */
    return id;
}

void stress_migrate(void *arg)
{
    struct stress_worker *worker = arg;
    u64 cpus = worker->detail[0];

    worker->detail[0] = 0;
    while (!stress_stopped(worker)) {
        u64 mask = 1ull << stress_random(&worker->seed) % cpus;
        long cpu, err = call(SYS_SCHED_SETAFFINITY, 0, sizeof(mask), (u64)&mask, 0);

        if (err != 0) {
            stress_fail(worker, "migrate: sched_setaffinity failed", (u64)err, mask, 0);
        }
        cpu = app_call_kernel(current_cpu, NULL);
        if ((mask >> cpu & 1) == 0) {
            stress_fail(worker, "migrate: runs on a CPU it may not", (u64)cpu, mask, 0);
        }
        for (unsigned i = 0; i < stress_random(&worker->seed) % 10000; i++) {
            __asm__ volatile("pause");
        }
        worker->rounds++;
    }
}
