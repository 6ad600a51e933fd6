/* SPDX-License-Identifier: MIT */
/*
 * System calls by name, for the benchmarks: Linux's numbers and constants,
 * the same on both systems.  A call that fails ends the run, because a
 * benchmark of a failing call measures nothing.
 */
#include "bench.h"

enum {
    NR_MMAP = 9,
    NR_MPROTECT = 10,
    NR_MUNMAP = 11,
    NR_SCHED_YIELD = 24,
    NR_MADVISE = 28,
    NR_NANOSLEEP = 35,
    NR_FUTEX = 202,
    NR_SCHED_SETAFFINITY = 203,
};

enum {
    PROT_READ_ONLY = 1,
    PROT_READ_WRITE = 3,
    MAP_PRIVATE_ANONYMOUS = 0x22,
    ADVICE_HUGEPAGE = 14,
    ADVICE_NOHUGEPAGE = 15,
    FUTEX_WAIT_PRIVATE = 128,
    FUTEX_WAKE_PRIVATE = 129,
    ERROR_AGAIN = 11,
    ERROR_INTR = 4,
};

#define WINDOW (2ul << 20)

const char *const bench_pages_name[BENCH_PAGES_KINDS] = {"default", "4k", "2m"};

static long call_or_fail(const char *what, long nr, long a0, long a1, long a2, long a3)
{
    long result = bench_syscall(nr, a0, a1, a2, a3, -1, 0);

    if (result < 0 && result > -4096) {
        bench_fail(what, result);
    }
    return result;
}

void bench_pin(unsigned cpu)
{
    unsigned long mask = 1ul << cpu;

    call_or_fail("sched_setaffinity", NR_SCHED_SETAFFINITY, 0, sizeof(mask), (long)&mask, 0);
}

void bench_yield(void)
{
    bench_syscall(NR_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
}

bool bench_futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    long result = bench_syscall(NR_FUTEX, (long)word, FUTEX_WAIT_PRIVATE, (long)value, 0, 0, 0);

    if (result != 0 && result != -ERROR_AGAIN && result != -ERROR_INTR) {
        bench_fail("futex wait", result);
    }
    return result == 0;
}

void bench_futex_wake(_Atomic uint32_t *word)
{
    call_or_fail("futex wake", NR_FUTEX, (long)word, FUTEX_WAKE_PRIVATE, 1, 0);
}

void bench_sleep_ns(uint64_t ns)
{
    long time[2] = {(long)(ns / 1000000000), (long)(ns % 1000000000)};

    call_or_fail("nanosleep", NR_NANOSLEEP, (long)time, 0, 0, 0);
}

void bench_spin_until(_Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load_explicit(word, memory_order_acquire) != value) {
        __asm__ volatile("pause");
    }
}

void bench_map(struct bench_memory *memory, size_t size, enum bench_pages pages)
{
    memory->size = size;
    memory->mapped_size = size + WINDOW;
    memory->mapped = (char *)call_or_fail("mmap", NR_MMAP, 0, (long)memory->mapped_size,
                                          PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS);
    memory->base = (char *)(((uintptr_t)memory->mapped + WINDOW - 1) & ~(WINDOW - 1));
    if (pages != BENCH_PAGES_DEFAULT) {
        call_or_fail("madvise", NR_MADVISE, (long)memory->mapped, (long)memory->mapped_size,
                     pages == BENCH_PAGES_4K ? ADVICE_NOHUGEPAGE : ADVICE_HUGEPAGE, 0);
    }
}

void bench_unmap(struct bench_memory *memory)
{
    call_or_fail("munmap", NR_MUNMAP, (long)memory->mapped, (long)memory->mapped_size, 0, 0);
}

void bench_protect(void *start, size_t size, bool write)
{
    call_or_fail("mprotect", NR_MPROTECT, (long)start, (long)size,
                 write ? PROT_READ_WRITE : PROT_READ_ONLY, 0);
}

void bench_touch(char *start, size_t size)
{
    for (size_t at = 0; at < size; at += 4096) {
        *(volatile uint64_t *)(start + at) = at;
    }
}

void *bench_shared_page(void)
{
    static struct bench_memory memory;

    if (memory.base == NULL) {
        bench_map(&memory, 4096, BENCH_PAGES_4K);
        bench_touch(memory.base, 4096);
    }
    return memory.base;
}
