/* SPDX-License-Identifier: MIT */
/*
 * touch1, touch2, fault4k: the first touch of anonymous memory.
 *
 * A fresh mapping of 256 MiB for each sample, one word written in each 4 KiB
 * by one thread, or by two that take half each; unmapped again afterwards, so
 * that the system hands out the same frames again.  With every kind of pages
 * that the system knows.
 *
 * The first time a virtual machine touches memory, its host has to supply it,
 * and that may cost more than all the rest.  So more memory than a sample
 * needs is touched before and given back, on both systems (bench_warm_up()),
 * and what that took is reported as a row of its own ("cold").  The two
 * systems cannot be compared there: the guest may get memory that Linux has
 * just given back.
 *
 * fault4k times single faults, in an order in which no system maps further
 * pages ahead: what a thread feels that touches one page.
 */
#include "bench.h"

#define SIZE (256ul << 20)
#define COLD_SIZE (896ul << 20) /* of a machine with 1 GiB */
#define SETTLE_NS 100000000ul
#define FAULT_SIZE (16ul << 20)
#define FAULT_STRIDE 1237 /* pages; odd, so that each page is met once */
#define PAGES(size) ((size) >> 12)

static uint64_t touch_all(void)
{
    struct bench_memory memory;
    uint64_t start, ticks;

    bench_map(&memory, COLD_SIZE, BENCH_PAGES_2M);
    start = bench_ticks();
    bench_touch(memory.base, COLD_SIZE);
    ticks = bench_ticks() - start;
    bench_unmap(&memory);
    return ticks;
}

void bench_warm_up(void)
{
    bench_begin("touch/cold", "ns", 1);
    while (bench_more()) {
        bench_add_ticks(touch_all(), PAGES(COLD_SIZE));
    }
    bench_end();
    touch_all(); /* another choice of frames takes those that were left out */
    /* What the system does in the background about so much memory is over then. */
    bench_sleep_ns(SETTLE_NS);
}

void bench_touch1(void)
{
    bench_pin(0);
    bench_warm_up();
    for (unsigned pages = 0; pages < BENCH_PAGES_KINDS; pages++) {
        bench_begin(bench_name("touch1", bench_pages_name[pages]), "ns", 12);
        while (bench_more()) {
            struct bench_memory memory;
            uint64_t start;

            bench_map(&memory, SIZE, pages);
            start = bench_ticks();
            bench_touch(memory.base, SIZE);
            bench_add_ticks(bench_ticks() - start, PAGES(SIZE));
            bench_unmap(&memory);
        }
        bench_end();
    }
}

/* ---- Two threads ----------------------------------------------------------- */

enum { STEP_START, STEP_READY, STEP_GO, STEP_DONE };

static struct {
    _Atomic uint32_t step;
    char *base;
} second;

static void touch_second(void *arg)
{
    (void)arg;
    bench_pin(1);
    atomic_store_explicit(&second.step, STEP_READY, memory_order_release);
    bench_spin_until(&second.step, STEP_GO);
    bench_touch(second.base, SIZE / 2);
    atomic_store_explicit(&second.step, STEP_DONE, memory_order_release);
}

static void touch_both(enum bench_pages pages)
{
    struct bench_thread thread = {.fn = touch_second};
    struct bench_memory memory;
    uint64_t start;

    bench_map(&memory, SIZE, pages);
    second.base = memory.base + SIZE / 2;
    atomic_store(&second.step, STEP_START);
    bench_thread_start(&thread);
    bench_spin_until(&second.step, STEP_READY);
    start = bench_ticks();
    atomic_store_explicit(&second.step, STEP_GO, memory_order_release);
    bench_touch(memory.base, SIZE / 2);
    bench_spin_until(&second.step, STEP_DONE);
    bench_add_ticks(bench_ticks() - start, PAGES(SIZE));
    bench_thread_join(&thread);
    bench_unmap(&memory);
}

void bench_touch2(void)
{
    if (bench_cpus() < 2) {
        bench_skip("touch2", "needs two CPUs");
        return;
    }
    bench_pin(0);
    bench_warm_up();
    for (unsigned pages = 0; pages < BENCH_PAGES_KINDS; pages++) {
        bench_begin(bench_name("touch2", bench_pages_name[pages]), "ns", 12);
        while (bench_more()) {
            touch_both(pages);
        }
        bench_end();
    }
}

/* ---- Single faults ----------------------------------------------------------- */

void bench_fault4k(void)
{
    struct bench_memory memory;
    size_t page = 0;

    bench_pin(0);
    bench_warm_up();
    bench_map(&memory, FAULT_SIZE, BENCH_PAGES_4K);
    bench_begin("fault4k", "ns", PAGES(FAULT_SIZE));
    for (; bench_more(); page = (page + FAULT_STRIDE) % PAGES(FAULT_SIZE)) {
        uint64_t start = bench_ticks();

        *(volatile char *)(memory.base + (page << 12)) = 1;
        bench_add_ticks(bench_ticks() - start, 1);
    }
    bench_end();
    bench_unmap(&memory);
}
