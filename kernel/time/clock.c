/* SPDX-License-Identifier: MIT */
/*
 * The clock: nanoseconds since the kernel's first instruction, the same on
 * all CPUs, from the TSC.
 *
 * Reading it is one RDTSCP and one multiplication.  The parameters are
 * fixed at start-up; kvmclock's are converted to the same form, so there is
 * one fast path and no version to check in it.  What KVM would change in
 * them later on a host with a stable TSC is no rate but the relation to its
 * own clock, which nobody here asks for.  The TSC is not read before earlier
 * loads are done: else a thread that has seen another one's
 * message could read an earlier time than that one had.
 *
 * Sources of the frequency, best first: kvmclock; CPUID leaf 0x15; the leaf
 * in which hypervisors give it; the PIT; ACPI's timer; CPUID leaf 0x16,
 * which is nominal.
 *
 * Where nothing vouches for the TSCs of several CPUs to agree, the last time
 * given is kept and none earlier is given out: one shared cache line, on
 * such machines only.
 */
#include <kernel/clock.h>

#include "../x86/x86_priv.h"
#include "clock_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/print.h>
#include <kernel/start.h>
#include <stdatomic.h>

#define CPUID_TSC 0x15u
#define CPUID_FREQUENCY 0x16u
#define CPUID_HYPERVISOR 0x40000000u
#define CPUID_HYPERVISOR_TSC 0x40000010u
#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_RDTSCP (1u << 27) /* edx */

/* (c) constant after clock_init()   (a) atomic */
static struct {
    u64 base;                                  /* (c) TSC when the clock was 0 */
    u64 mult;                                  /* (c) see CLOCK_SHIFT */
    _Atomic u64 fast;                          /* (a) see set_fast(); 0: the long way */
    _Atomic u64 wall;                          /* (a) wall-clock time when the clock was 0 */
    _Atomic bool guarded;                      /* (a) the TSCs may disagree */
    bool kvm;                                  /* (c) */
    const char *source;                        /* (c) */
    _Atomic u64 latest aligned_to(CACHE_LINE); /* (a) guarded: greatest time given */
} clock = {.source = "none"};

static bool has_rdtscp(void)
{
    return platform->rdtscp || (cpuid(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_RDTSCP) != 0;
}

/* Intel SDM 3A 18.17: LFENCE; RDTSC reads it after all earlier loads. */
static inline u64 rdtsc_ordered(void)
{
    u32 lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (u64)hi << 32 | lo;
}

/* Intel SDM 2B, RDTSCP: the same, and a little faster. */
static inline u64 rdtscp(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi)::"ecx", "memory");
    return (u64)hi << 32 | lo;
}

static nsec_t guard(nsec_t now)
{
    u64 latest = atomic_load_explicit(&clock.latest, memory_order_relaxed);

    /* A CPU whose TSC lags behind the base would read a time in 584 years. */
    if ((s64)now < 0) {
        return latest;
    }
    while (now > latest &&
           !atomic_compare_exchange_weak_explicit(&clock.latest, &latest, now, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return MAX(now, latest);
}

/* By the exact factor, and kept from going back where that is needed. */
static nsec_t now_by_long_way(void)
{
    nsec_t now = clock_cycles_scale(rdtsc_ordered() - clock.base, clock.mult);

    return atomic_load_explicit(&clock.guarded, memory_order_relaxed) ? guard(now) : now;
}

nsec_t clock_now(void)
{
    u64 fast = atomic_load_explicit(&clock.fast, memory_order_relaxed);

    if (unlikely(fast == 0)) {
        return now_by_long_way();
    }
    return (nsec_t)((unsigned __int128)(rdtscp() - clock.base) * fast >> 64);
}

/*
 * The fast way has RDTSCP, and the factor times 2^64 instead of 2^60, so that the
 * time is the upper word of the product.  That fits above 1 GHz.
 */
static void set_fast(void)
{
    bool possible = clock.mult >> CLOCK_SHIFT == 0 && has_rdtscp() &&
                    !atomic_load_explicit(&clock.guarded, memory_order_relaxed);

    atomic_store_explicit(&clock.fast, possible ? clock.mult << (64 - CLOCK_SHIFT) : 0,
                          memory_order_relaxed);
}

u64 clock_wall(void)
{
    return atomic_load_explicit(&clock.wall, memory_order_relaxed) + clock_now();
}

const char *clock_source(void)
{
    return clock.source;
}

u64 clock_tsc_khz(void)
{
    return clock_khz_from_mult(clock.mult);
}

u64 clock_to_tsc(nsec_t when)
{
    u64 cycles = clock_nsec_unscale(when, clock.mult);

    return cycles > UINT64_MAX - clock.base ? UINT64_MAX : clock.base + cycles;
}

nsec_t clock_cycles_to_nsec(u64 cycles)
{
    return clock_cycles_scale(cycles, clock.mult);
}

void clock_delay(nsec_t duration)
{
    nsec_t end = clock_now() + duration;

    while (clock_now() < end) {
        cpu_pause();
    }
}

static int init_kvm(void)
{
    struct kvmclock_time time;

    if (kvmclock_init() != 0) {
        return -ENODEV;
    }
    time = kvmclock_read();
    clock.mult = clock_mult_from_kvm(time.tsc_to_system_mul, time.tsc_shift);
    if (clock.mult == 0) {
        return -ENODEV;
    }
    clock.kvm = true;
    clock.source = "kvmclock";
    clock.wall = kvmclock_wall_base() + clock_kvm_time_at(&time, clock.mult, clock.base);
    clock.guarded = (time.flags & KVMCLOCK_TSC_STABLE) == 0;
    set_fast();
    return 0;
}

/* Exact frequencies in CPUID, in kHz: Intel SDM 3A 19.7.3; the other is a VMware convention. */
static u64 cpuid_khz(u32 max_leaf)
{
    struct cpuid id;

    if (max_leaf >= CPUID_TSC) {
        id = cpuid(CPUID_TSC, 0);
        if (id.eax != 0 && id.ebx != 0 && id.ecx != 0) {
            return (u64)id.ecx * id.ebx / id.eax / 1000;
        }
    }
    id = cpuid(CPUID_HYPERVISOR, 0);
    if (id.eax >= CPUID_HYPERVISOR_TSC && id.eax <= CPUID_HYPERVISOR + 0xff) {
        return cpuid(CPUID_HYPERVISOR_TSC, 0).eax;
    }
    return 0;
}

static int init_tsc(void)
{
    u32 max_leaf = cpuid(0, 0).eax;

    clock.source = "tsc (cpuid)";
    clock.mult = clock_mult_from_khz(cpuid_khz(max_leaf));
    if (clock.mult != 0) {
        return 0;
    }
    clock.source = "tsc (pit)";
    if (clock_measure_pit(&clock.mult) == 0) {
        return 0;
    }
    clock.source = "tsc (acpi)";
    if (clock_measure_acpi(&clock.mult) == 0) {
        return 0;
    }
    clock.source = "tsc (cpuid)";
    if (max_leaf >= CPUID_FREQUENCY) {
        clock.mult = clock_mult_from_khz((cpuid(CPUID_FREQUENCY, 0).eax & 0xffff) * 1000ull);
    }
    return clock.mult != 0 ? 0 : -ENODEV;
}

int clock_init(void)
{
    u64 seconds;
    int err;

    clock.base = boot_tsc;
    if (init_kvm() == 0) {
        clock_stop_pit();
        return 0;
    }
    err = init_tsc();
    clock_stop_pit();
    if (err != 0) {
        return err;
    }
    set_fast();
    if (clock_read_rtc(&seconds) == 0) {
        clock.wall = seconds * NSEC_PER_SEC - clock_now();
    } else {
        kprintf("clock: no clock tells the date; it is taken to be 1970-01-01\n");
    }
    return 0;
}

/* A TSC that lags behind the boot CPU's by more than its own way here is out of step. */
void clock_cpu_init(void)
{
    if ((s64)(rdtsc() - clock.base) < 0 &&
        !atomic_exchange_explicit(&clock.guarded, true, memory_order_relaxed)) {
        set_fast();
        kprintf("clock: the TSC of CPU %u lags behind; time is kept from going back\n", cpu_id());
    }
}

void clock_recheck(void)
{
    struct kvmclock_time time;
    u64 mult;

    if (!clock.kvm) {
        return;
    }
    time = kvmclock_read();
    mult = clock_mult_from_kvm(time.tsc_to_system_mul, time.tsc_shift);
    if (mult != clock.mult) {
        kprintf("clock: the TSC's frequency changed from %lu to %lu kHz\n",
                (unsigned long)clock_tsc_khz(),
                (unsigned long)(mult == 0 ? 0 : clock_khz_from_mult(mult)));
        return;
    }
    atomic_store_explicit(&clock.wall,
                          kvmclock_wall_base() + clock_kvm_time_at(&time, mult, clock.base),
                          memory_order_relaxed);
}
