/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one after the other: each is told to start when
 * the one before has left the trampoline, and does the rest of its start
 * beside the next.  The first one's start overlaps with what CPU 0 does
 * between smp_start() and smp_wait().
 *
 * Starting all at once was rejected: on kvm_pvm their first instructions are
 * interpreted, and with more virtual CPUs than real ones those that wait for
 * the trampoline's stack take the time of the one that has it.
 */
#include <kernel/assert.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/sched.h>
#include <kernel/start.h>
#include <kernel/string.h>
#include <kernel/trace.h>

#include "x86_priv.h"

/* Below 1 MiB and not the allocator's: bootinfo keeps the first 64 KiB free. */
#define TRAMPOLINE 0x8000

#define START_TIMEOUT (10 * NSEC_PER_SEC) /* for one CPU */

extern char ap_trampoline[], ap_trampoline_end[];
extern _Atomic(struct cpu *) ap_cpu;
extern u64 ap_main_root;

static struct {
    unsigned wanted;  /* CPUs in all */
    unsigned started; /* told to start, CPU 0 included */
} smp = {1, 1};

void ap_main(struct cpu *cpu)
{
    cpu_load_tables(cpu);
    fpu_init_cpu();
    platform->cpu_init(cpu);
    apic_cpu_init();
    clock_cpu_init();
    timer_cpu_init();
    if (thread_init_cpu(cpu->id) != 0) {
        config_error("too little memory for CPU %u; give the machine more with -m", cpu->id);
    }
    trace(TRACE_BOOT_STEP, cpu->id, cpu->apic_id);
    cpu_set_online(cpu);
    sched_idle();
}

static int start_next(void)
{
    struct cpu *cpu;
    int err = cpu_alloc(smp.started, &cpu);

    if (err != 0) {
        return err;
    }
    atomic_store_explicit(&ap_cpu, cpu, memory_order_release);
    apic_start_cpu(bootinfo.apic_id[smp.started], TRAMPOLINE);
    smp.started++;
    return 0;
}

int smp_start(void)
{
    smp.wanted = MIN(bootinfo.cpu_count, MAX_CPUS);
    if (smp.wanted <= 1) {
        return 0;
    }
    ap_main_root = pagetable_root();
    memcpy(phys_to_virt(TRAMPOLINE), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    return start_next();
}

static void check_time(nsec_t since)
{
    if (clock_now() - since > START_TIMEOUT) {
        panic("CPU %u (APIC id %u) does not start", smp.started - 1,
              bootinfo.apic_id[smp.started - 1]);
    }
    cpu_pause();
}

int smp_wait(void)
{
    nsec_t since = clock_now();
    int err = 0;

    while (smp.started < smp.wanted && err == 0) {
        if (atomic_load_explicit(&ap_cpu, memory_order_acquire) == NULL) {
            err = start_next();
            since = clock_now();
        }
        check_time(since);
    }
    while (cpu_count() < smp.started) {
        check_time(since);
    }
    return err;
}
