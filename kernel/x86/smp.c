/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs: all at once.  Each finds its struct cpu by drawing
 * a number (boot.S), so no table of APIC ids is needed to hand them out; the
 * id it turns out to have is read from its APIC.
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

#define START_TIMEOUT (2 * NSEC_PER_SEC)
#define START_TIMEOUT_EMULATED (20 * NSEC_PER_SEC)

extern char ap_trampoline[], ap_trampoline_end[];
extern struct cpu *ap_cpus[MAX_CPUS];
extern u32 ap_count;
extern u64 ap_main_root;

static unsigned wanted = 1;

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

int smp_start(void)
{
    int err;

    wanted = MIN(bootinfo.cpu_count, MAX_CPUS);
    if (wanted <= 1) {
        return 0;
    }
    for (unsigned i = 1; i < wanted; i++) {
        err = cpu_alloc(i, &ap_cpus[i - 1]);
        if (err != 0) {
            return err;
        }
    }
    ap_count = wanted - 1;
    ap_main_root = pagetable_root();
    memcpy(phys_to_virt(TRAMPOLINE), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    apic_start_others(TRAMPOLINE);
    return 0;
}

void smp_wait(void)
{
    nsec_t limit = clock_now() + (platform_is_pvm ? START_TIMEOUT : START_TIMEOUT_EMULATED);

    while (cpu_count() < wanted) {
        if (clock_now() > limit) {
            panic("only %u of %u CPUs started", cpu_count(), wanted);
        }
        cpu_pause();
    }
}
