/* SPDX-License-Identifier: MIT */
/*
 * Micro-benchmarks that run on Linux and on Moka from the same object files.
 *
 * A benchmark is plain code of an application: it calls the system by Linux's
 * system-call numbers and knows nothing else of it.  What differs between the
 * two systems is the first part below, which benchmarks/micro/linux.c and
 * images/bench_os.c provide.  No libc: the same objects link with both.
 *
 * A run prints lines.  "sample NAME UNIT VALUE..." carries measurements,
 * "fact NAME VALUE" what they were made on, "skip NAME WHY" a benchmark that
 * cannot run here, and "end" says that the run is complete.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- What a system provides ---------------------------------------------- */

extern const char bench_system[]; /* "linux", "moka" */

uint64_t bench_now_ns(void); /* monotonic; the system's fastest way */
unsigned bench_cpus(void);

/* As syscall(2) of the x86-64 ABI: the result or -errno. */
long bench_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5);

/* A thread that may run anywhere; stays valid until it is joined. */
struct bench_thread {
    void (*fn)(void *arg);
    void *arg;
    void *handle; /* the system's */
};
void bench_thread_start(struct bench_thread *thread);
void bench_thread_join(struct bench_thread *thread);

void bench_write(const char *line); /* adds the line's end */
_Noreturn void bench_fail(const char *what, long value);

struct bench_group {
    const char *name;
    void (*run)(void);
};
/* What only this system can run; ends with a NULL name, as the list below. */
extern const struct bench_group bench_system_groups[];

/* ---- bench.c: the runner ------------------------------------------------- */

/* What there is to run: groups.c, or the program that is linked with the runner. */
extern const struct bench_group bench_groups[];

/* Runs the named groups ("a,b" or "all"), about `budget_ms` for each row. */
void bench_run(const char *groups, unsigned budget_ms);

/*
 * One row:
 *     bench_begin("name", "ns", 200);
 *     while (bench_more()) {
 *         ... bench_add(value) ...
 *     }
 *     bench_end();
 * bench_more() ends after `samples` samples or when the time budget is used,
 * but not before three samples.  Values are thousandths of the unit.  At most
 * BENCH_PRINTED of them are printed, evenly spaced in time.
 */
#define BENCH_SAMPLES 4096
#define BENCH_PRINTED 60
void bench_begin(const char *name, const char *unit, unsigned samples);
bool bench_more(void);
void bench_add(uint64_t thousandths);
/* The time of `ticks` shared by `operations`, in thousandths of ns. */
void bench_add_ticks(uint64_t ticks, uint64_t operations);
void bench_end(void);
void bench_fact(const char *name, uint64_t value);
void bench_skip(const char *name, const char *why);

/* "prefix/suffix" in a static buffer that the next call overwrites. */
const char *bench_name(const char *prefix, const char *suffix);

/* The time stamp counter, not before what precedes it has been done. */
static inline uint64_t bench_ticks(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}
uint64_t bench_ticks_from_ns(uint64_t ns);

/* ---- sys.c: system calls by name ------------------------------------ */

void bench_pin(unsigned cpu); /* the calling thread */
void bench_yield(void);
/* False if it did not sleep because the word was not `value` any more. */
bool bench_futex_wait(_Atomic uint32_t *word, uint32_t value);
void bench_futex_wake(_Atomic uint32_t *word);
void bench_sleep_ns(uint64_t ns);
/* Spins until *word is `value`; for threads on two CPUs. */
void bench_spin_until(_Atomic uint32_t *word, uint32_t value);

enum bench_pages {
    BENCH_PAGES_DEFAULT, /* as the system likes it */
    BENCH_PAGES_4K,      /* MADV_NOHUGEPAGE */
    BENCH_PAGES_2M,      /* MADV_HUGEPAGE */
    BENCH_PAGES_KINDS
};
extern const char *const bench_pages_name[BENCH_PAGES_KINDS];

/* Anonymous memory, aligned to 2 MiB; gives it back as it was. */
struct bench_memory {
    char *base; /* [base, base + size) is to be used */
    size_t size;
    char *mapped;
    size_t mapped_size;
};
void bench_map(struct bench_memory *memory, size_t size, enum bench_pages pages);
void bench_unmap(struct bench_memory *memory);
/*
 * A page that stays mapped, for words that threads wait on: on Moka the
 * program's own variables are in the kernel's image, which futexes refuse.
 */
void *bench_shared_page(void);
void bench_protect(void *start, size_t size, bool write);
/* Writes a word in each 4 KiB. */
void bench_touch(char *start, size_t size);
/* Before a benchmark of memory: the host has supplied it, and all is quiet.  See touch.c. */
void bench_warm_up(void);

/* ---- The benchmarks -------------------------------------------------------- */

void bench_switch1(void);   /* switch.c */
void bench_handover2(void); /* wake.c */
void bench_wake_idle(void);
void bench_touch1(void); /* touch.c */
void bench_touch2(void);
void bench_fault4k(void);
void bench_protect64(void); /* protect.c */
void bench_unmap64(void);
void bench_syscalls(void); /* call.c */
