/* SPDX-License-Identifier: MIT */
/*
 * Platform "bare": ring 0 of an x86-64 CPU, real or emulated.  Everything is
 * as in the processor's manual.
 */
#include <kernel/cpu.h>
#include <kernel/platform.h>
#include <kernel/trap.h>

#include "../../x86/x86_priv.h"

static void bare_cpu_init(struct cpu *cpu)
{
    (void)cpu;
}

static void bare_fix_frame(struct trap_frame *frame)
{
    (void)frame;
}

static u64 bare_fault_address(void)
{
    u64 address;

    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    return address;
}

static void bare_write_entries(u64 *dst, const u64 *src, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        __atomic_store_n(&dst[i], src[i], __ATOMIC_RELAXED);
    }
}

const struct platform_ops platform_bare = {
    .name = "bare",
    .cpu_init = bare_cpu_init,
    .end_of_interrupt = apic_end_of_interrupt,
    .halt = bare_halt,
    .fix_frame = bare_fix_frame,
    .fault_address = bare_fault_address,
    .flush_all_above = 33, /* Linux's tlb_single_page_flush_ceiling, measured there */
    .giant_pages = true,
    .write_entries = bare_write_entries,
    .write_first_of_many = bare_write_entries,
};
