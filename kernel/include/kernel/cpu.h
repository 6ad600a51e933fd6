/* SPDX-License-Identifier: MIT */
/*
 * The processors.  Each has a page-aligned struct cpu that its GS base points
 * to.  Subsystems keep their own per-CPU state in arrays indexed by cpu_id().
 */
#pragma once

#include <kernel/lock_rank.h>
#include <kernel/platform.h>
#include <kernel/types.h>
#include <stdatomic.h>

struct thread;

/*
 * (c) constant after start-up   (o) own CPU only   (i) own CPU, interrupts off
 * (h) shared with the hypervisor   (a) atomic
 */
struct cpu {
    u8 irq_enabled; /* (h) see platform.h */
    u8 irq_pending; /* (h) */
    u8 reserved[6];
    u64 fault_address; /* (h) */
    u8 host_page[112]; /* (h) not ours to use */

    struct cpu *self;       /* (c) */
    struct thread *current; /* (i) the running thread */
    u64 kstack_top;         /* (i) of the running thread */
    u64 scratch;            /* (i) entry code */
    u32 id;                 /* (c) 0 .. cpu_count() - 1 */
    u32 apic_id;            /* (c) */
    u64 physical;           /* (c) where this struct is, for kvm_pvm */
    bool need_resched;      /* (i) leave the running thread at the next chance */
    bool no_fault;          /* (i) a fault of the kernel takes its fixup at once */
    u32 irq_depth;          /* (i) interrupts being handled */

    _Atomic bool online;     /* (a) */
    struct held_locks locks; /* (i) debug builds: spinlocks held */

    u64 gdt[10];                         /* (c) */
    struct tss *tss;                     /* (c) */
    u64 panic_rip, panic_rbp, panic_rsp; /* (o) saved by panic_stop_cpu() */
    _Atomic bool stopped;                /* (a) by panic */
} aligned_to(4096);

/* Offsets that assembly knows; checked in kernel/x86/cpu.c. */
#define CPU_SELF 128
#define CPU_CURRENT 136
#define CPU_KSTACK_TOP 144
#define CPU_SCRATCH 152
#define CPU_ID 160
#define CPU_PHYSICAL 168
#define CPU_NEED_RESCHED 176

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
    return cpu;
}

/*
 * The number of this CPU.  Stays right only while the caller cannot move:
 * kernel code is not preempted, so until it blocks.
 */
static inline unsigned cpu_id(void)
{
    u32 id;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(id) : "i"(CPU_ID));
    return id;
}

unsigned cpu_count(void);         /* CPUs that are online */
struct cpu *cpu_get(unsigned id); /* id < cpu_count() */

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline u64 rdtsc(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (u64)hi << 32 | lo;
}

/* Can 1 GiB leaves be used: does the platform allow them and the CPU have them? */
bool cpu_has_giant_pages(void);

/* Interrupts to other CPUs; `mask` has a bit per CPU, this one's is ignored. */
enum ipi {
    IPI_RESCHED,  /* look at the wake list and need_resched */
    IPI_SHOOTDOWN /* flush what kernel/tlb.h says */
};
void cpu_send_ipi(u64 mask, enum ipi ipi);
/* For panic: a non-maskable interrupt. */
void cpu_send_nmi(u64 mask);
