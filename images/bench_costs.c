/* SPDX-License-Identifier: MIT */
/*
 * costs: what the platform charges for what a kernel cannot do without, in
 * cycles of the time stamp counter.  The benchmark table adds these up to
 * show how much of a figure is the platform's.
 *
 * Each measurement is one function that is called in kernel context and
 * returns cycles; the loop around it is the benchmarks' own.  The page-table
 * entries that are changed map memory that only this benchmark knows, so no
 * lock is taken.
 */
#include "bench_os.h"

#include "app.h"
#include "bench.h"
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>
#include <kernel/tlb.h>
#include <kernel/trap.h>
#include <kernel/uaccess.h>

#define PTE_SOFTWARE (1ull << 9) /* ignored by the CPU: Intel SDM 3A 4.5 */
#define LIVE_SIZE (64 * MIB)
#define LIVE_LARGE (LIVE_SIZE / LARGE_SIZE)
#define HALT_DELAY (3 * NSEC_PER_MSEC) /* beyond any idle polling */
#define COLD_FRAMES 128u               /* together larger than a CPU's own caches */

#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC_ICR 0x830
#define APIC_BASE_X2APIC (1u << 10)

static struct {
    struct bench_memory large; /* LIVE_LARGE pages of 2 MiB */
    struct bench_memory small; /* pages of 4 KiB, touched */
    struct bench_memory empty; /* never touched */
    void *frame[COLD_FRAMES];  /* of 2 MiB, in the direct map */
    unsigned next;             /* of frame */
    struct tlb_batch batch;    /* too large for the stack */
    int vector;
    _Atomic u64 handled_at;
    _Atomic uint32_t spinning; /* 1 while the other CPU spins, 2: to stop */
} costs;

static u64 *live_entry(const void *address, unsigned want)
{
    unsigned level;
    u64 *entry = pt_lookup((vaddr_t)address, &level);

    return level == want ? entry : NULL;
}

static void flip(u64 *entry)
{
    *(volatile u64 *)entry = *entry ^ PTE_SOFTWARE;
}

static void invalidate(const void *address)
{
    __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

/* ---- Costs of one CPU -------------------------------------------------------- */

static long cost_exit(void *arg)
{
    u64 start = bench_ticks();

    __asm__ volatile("outb %%al, $0x80" ::"a"(0));
    return (long)(bench_ticks() - start);
}

/*
 * A write to an entry that the CPU has just used: a hypervisor that shadows
 * page tables notices the first write after a use.
 */
static long write_used(u64 *entry, volatile char *address)
{
    u64 start;

    *address = 1;
    start = bench_ticks();
    flip(entry);
    return (long)(bench_ticks() - start);
}

static long cost_pde_write(void *arg)
{
    return write_used(arg, costs.large.base);
}

static long cost_pte_write(void *arg)
{
    return write_used(arg, costs.small.base);
}

/* All the entries of the 64 MiB at once, as munmap and mprotect do. */
static long cost_pde_write_32(void *arg)
{
    u64 *entry = arg, changed[LIVE_LARGE], start;

    for (unsigned i = 0; i < LIVE_LARGE; i++) {
        *(volatile char *)(costs.large.base + i * LARGE_SIZE) = 1;
    }
    for (unsigned i = 0; i < LIVE_LARGE; i++) {
        changed[i] = entry[i] ^ PTE_SOFTWARE;
    }
    start = bench_ticks();
    platform->write_entries(entry, changed, LIVE_LARGE);
    return (long)(bench_ticks() - start);
}

static long cost_invlpg(void *arg)
{
    u64 start = bench_ticks();

    invalidate(arg);
    return (long)(bench_ticks() - start);
}

static long cost_cr3(void *arg)
{
    u64 start = bench_ticks();

    __asm__ volatile("movq %%cr3, %%rax; movq %%rax, %%cr3" ::: "rax", "memory");
    return (long)(bench_ticks() - start);
}

/* A page fault from the access to the handler and back, without any repair. */
static long cost_fault(void *arg)
{
    u64 start = bench_ticks();
    u32 value;

    if (user_read_u32_nofault(arg, &value) == 0) {
        return -1;
    }
    return (long)(bench_ticks() - start);
}

/* The first access through an entry that was not present a moment ago. */
static long miss(volatile u64 *entry, volatile char *address)
{
    u64 value = *entry, start;

    *entry = 0;
    invalidate((const void *)address);
    *entry = value;
    start = bench_ticks();
    *address = 1;
    return (long)(bench_ticks() - start);
}

static long cost_miss_2m(void *arg)
{
    return miss(arg, costs.large.base);
}

static long cost_miss_4k(void *arg)
{
    return miss(arg, costs.small.base);
}

static void *next_frame(void)
{
    return costs.frame[costs.next++ % COLD_FRAMES];
}

/* Memory that is not in the caches, as a frame that was not used lately. */
static long cost_zero_2m(void *arg)
{
    void *frame = next_frame();
    u64 start = bench_ticks();

    memset(frame, 0, LARGE_SIZE);
    return (long)(bench_ticks() - start);
}

/* The same past the caches, as the kernel does it. */
static long cost_zero_2m_nt(void *arg)
{
    void *frame = next_frame();
    u64 start = bench_ticks();

    (void)arg;
    memzero_uncached(frame, LARGE_SIZE);
    return (long)(bench_ticks() - start);
}

/* ---- Costs of two CPUs --------------------------------------------------------- */

static long cost_shootdown(void *arg)
{
    u64 start = bench_ticks();

    tlb_batch_init(&costs.batch);
    tlb_batch_add(&costs.batch, (vaddr_t)arg, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_finish(&costs.batch);
    return (long)(bench_ticks() - start);
}

static void ipi_handler(void *arg)
{
    atomic_store_explicit(&costs.handled_at, bench_ticks(), memory_order_release);
}

static void wrmsr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static bool has_x2apic(void)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_APIC_BASE));
    return (lo & APIC_BASE_X2APIC) != 0;
}

static long cost_ipi_send(void *arg)
{
    u64 start = bench_ticks(), sent;

    atomic_store_explicit(&costs.handled_at, 0, memory_order_relaxed);
    wrmsr(MSR_X2APIC_ICR, (u64)cpu_get(1)->apic_id << 32 | (u32)costs.vector);
    sent = bench_ticks() - start;
    while (atomic_load_explicit(&costs.handled_at, memory_order_acquire) == 0) {
        cpu_pause();
    }
    return (long)sent;
}

static long cost_ipi_handled(void *arg)
{
    u64 start = bench_ticks();

    cost_ipi_send(arg);
    return (long)(atomic_load_explicit(&costs.handled_at, memory_order_relaxed) - start);
}

static long cost_ipi_halted(void *arg)
{
    clock_delay(HALT_DELAY);
    return cost_ipi_handled(arg);
}

/* ---- The group ------------------------------------------------------------------ */

static long setup_ipi(void *arg)
{
    costs.vector = irq_register(ipi_handler, NULL);
    return 0;
}

/* Kept: the image ends soon. */
static long setup_frame(void *arg)
{
    void **frame = arg;
    pfn_t pfn;

    if (frame_alloc(ORDER_2M, 0, &pfn) != 0) {
        return -1;
    }
    *frame = pfn_to_virt(pfn);
    memset(*frame, 0, LARGE_SIZE); /* the host supplies it now */
    return 0;
}

static long x2apic_in_use(void *arg)
{
    return has_x2apic();
}

static void measure(const char *name, long (*fn)(void *arg), void *arg)
{
    bench_begin(bench_name("costs", name), "cycles", 200);
    while (bench_more()) {
        long cycles = app_call_kernel(fn, arg);

        if (cycles < 0) {
            bench_fail(name, cycles);
        }
        bench_add((u64)cycles * 1000);
    }
    bench_end();
}

static void spin(void *arg)
{
    bench_pin(1);
    atomic_store_explicit(&costs.spinning, 1, memory_order_release);
    bench_spin_until(&costs.spinning, 2);
}

static void measure_two_cpus(void)
{
    struct bench_thread thread = {.fn = spin};
    bool ipi = costs.vector > 0 && app_call_kernel(x2apic_in_use, NULL) != 0;

    measure("shootdown_idle", cost_shootdown, costs.small.base);
    if (ipi) {
        measure("ipi_halted", cost_ipi_halted, NULL);
    }
    bench_thread_start(&thread);
    bench_spin_until(&costs.spinning, 1);
    measure("shootdown_busy", cost_shootdown, costs.small.base);
    if (ipi) {
        measure("ipi_busy", cost_ipi_handled, NULL);
        measure("ipi_send", cost_ipi_send, NULL);
    }
    atomic_store_explicit(&costs.spinning, 2, memory_order_release);
    bench_thread_join(&thread);
}

/* The mapping's first 2 MiB window such that all lie in one page directory. */
static char *one_directory(struct bench_memory *memory)
{
    vaddr_t base = (vaddr_t)memory->base, end = ALIGN_UP(base, GIANT_SIZE);

    return (char *)(end != base && end - base < LIVE_SIZE ? end : base);
}

void bench_costs(void)
{
    u64 *small, *large;

    bench_pin(0);
    bench_map(&costs.large, 2 * LIVE_SIZE, BENCH_PAGES_2M);
    costs.large.base = one_directory(&costs.large);
    bench_touch(costs.large.base, LIVE_SIZE);
    bench_map(&costs.small, LARGE_SIZE, BENCH_PAGES_4K);
    bench_touch(costs.small.base, LARGE_SIZE);
    bench_map(&costs.empty, LARGE_SIZE, BENCH_PAGES_4K);
    large = live_entry(costs.large.base, 2);
    small = live_entry(costs.small.base, 1);
    if (large == NULL || small == NULL) {
        bench_fail("costs: cannot set up", 0);
    }
    app_call_kernel(setup_ipi, NULL);
    for (unsigned i = 0; i < COLD_FRAMES; i++) {
        if (app_call_kernel(setup_frame, &costs.frame[i]) != 0) {
            bench_fail("costs: no memory", i);
        }
    }
    measure("exit", cost_exit, NULL);
    measure("pte_write", cost_pte_write, small);
    measure("pde_write", cost_pde_write, large);
    measure("pde_write_32", cost_pde_write_32, large);
    measure("invlpg", cost_invlpg, costs.large.base);
    measure("cr3_reload", cost_cr3, NULL);
    measure("fault", cost_fault, costs.empty.base);
    measure("miss_4k", cost_miss_4k, small);
    measure("miss_2m", cost_miss_2m, large);
    measure("zero_2m", cost_zero_2m, NULL);
    measure("zero_2m_nt", cost_zero_2m_nt, NULL);
    if (bench_cpus() > 1) {
        measure_two_cpus();
    }
}
