/* SPDX-License-Identifier: MIT */
/*
 * The platform contract: what differs between "bare" (ring 0 of x86-64 under
 * TCG or hardware virtualisation) and "kvm_pvm" (KVM without it, where ring 0
 * runs at hardware CPL 3 and privileged instructions trap).
 *
 * Which one it is, the boot code finds out (platform_is_pvm).  The hot
 * operations are inline below and branch on that byte; a mispredicted branch
 * is rarer than an exit is dear.  The others are a table of functions that
 * each platform's folder fills with the same names.
 */
#pragma once

#include <kernel/types.h>

struct cpu;
struct trap_frame;

struct platform_ops {
    const char *name;

    /* On each CPU, after its GDT, IDT and GS base are set. */
    void (*cpu_init)(struct cpu *cpu);

    /* Acknowledges an interrupt at the local APIC, where that is needed. */
    void (*end_of_interrupt)(void);

    /*
     * Enables interrupts and halts until one arrives; returns with them
     * enabled.  Called with them disabled; an interrupt that became pending
     * before the halt ends it.
     */
    void (*halt)(void);

    /*
     * Adjusts an interrupt's frame before it is looked at: an interrupt that
     * hit the platform's own event-return or idle code is made to look as if
     * it had hit the code before or after.
     */
    void (*fix_frame)(struct trap_frame *frame);

    /* Value of CR2 for the page fault being handled. */
    u64 (*fault_address)(void);

    /* Above this many pages a full flush of the TLB costs less than INVLPGs. */
    unsigned flush_all_above;

    /* May the page table have 1 GiB leaves, if the CPU has them? */
    bool giant_pages;

    /* Can RDTSCP be used even if CPUID does not have it? */
    bool rdtscp;

    /* Does one write_entries() cost less than as many single stores, so that it
     * is worth gathering them? */
    bool batch_directory_writes;

    /*
     * Does a store to a directory drop, on all CPUs, what they know through the
     * entry?  A hypervisor that shadows page tables sees to that.
     */
    bool directory_writes_flush;

    /*
     * Stores `count` page-table entries from `src` to `dst`, ascending.
     * Where a store to a live page directory exits to the host, one exit
     * serves all.  Not atomic with the CPUs' setting of accessed and dirty.
     */
    void (*write_entries)(u64 *dst, const u64 *src, unsigned count);

    /*
     * The same, for the first of many stores to one directory.  Where those exit, the host
     * forgets all that it knows through the directory, and those after it cost nothing.
     */
    void (*write_first_of_many)(u64 *dst, const u64 *src, unsigned count);
};

extern const struct platform_ops *platform; /* set before the first C code that uses it */
extern const struct platform_ops platform_bare;
extern const struct platform_ops platform_kvm_pvm;

extern u8 platform_is_pvm; /* set by boot code, constant afterwards */

/* Offsets in struct cpu that the hypervisor (kvm_pvm) and assembly know. */
#define CPU_IRQ_ENABLED 0   /* u8: 1 = interrupts enabled; cleared by the host on delivery */
#define CPU_IRQ_PENDING 1   /* u8: set by the host when an interrupt waits */
#define CPU_FAULT_ADDRESS 8 /* u64: CR2 of the last #PF */

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)

static inline bool irq_enabled(void)
{
    u64 flags;

    if (platform_is_pvm) {
        u8 on;

        __asm__ volatile("movb %%gs:%c1, %0" : "=q"(on) : "i"(CPU_IRQ_ENABLED) : "memory");
        return on != 0;
    }
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return (flags & RFLAGS_IF) != 0;
}

static inline void irq_disable(void)
{
    if (platform_is_pvm) {
        __asm__ volatile("movb $0, %%gs:%c0" ::"i"(CPU_IRQ_ENABLED) : "memory");
    } else {
        __asm__ volatile("cli" ::: "memory");
    }
}

static inline void irq_enable(void)
{
    if (platform_is_pvm) {
        u8 pending;

        __asm__ volatile("movb $1, %%gs:%c1\n\t"
                         "movb %%gs:%c2, %0"
                         : "=q"(pending)
                         : "i"(CPU_IRQ_ENABLED), "i"(CPU_IRQ_PENDING)
                         : "memory");
        if (unlikely(pending)) {
            __asm__ volatile("cli" ::: "memory"); /* any exit: the host delivers */
        }
    } else {
        __asm__ volatile("sti" ::: "memory");
    }
}

/* Disables interrupts; returns what irq_restore() wants. */
static inline bool irq_save(void)
{
    bool on = irq_enabled();

    irq_disable();
    return on;
}

static inline void irq_restore(bool on)
{
    if (on) {
        irq_enable();
    }
}
