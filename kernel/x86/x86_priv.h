/* SPDX-License-Identifier: MIT */
/* Privileged instructions and what the files of kernel/x86 share. */
#pragma once

#include <kernel/cpu.h>
#include <kernel/thread.h>
#include <kernel/trap.h>
#include <kernel/types.h>

#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define MSR_GS_BASE 0xc0000101
#define MSR_X2APIC 0x800

#define CR4_FSGSBASE (1ull << 16)
#define CR4_OSXSAVE (1ull << 18)

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

struct cpuid {
    u32 eax, ebx, ecx, edx;
};

/* An exit on kvm_pvm, dear: ask once, at start-up. */
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "0"(leaf), "2"(subleaf));
    return r;
}

/* What start-up found out about the CPUs (all are alike). */
struct cpu_features {
    u64 cr4; /* bits to set beyond those of boot.S */
    bool x2apic, tsc_deadline, xsavec, giant_pages;
    u32 hwcap;      /* CPUID 1, edx */
    u32 xsave_size; /* bytes of a thread's save area */
    u64 xsave_mask; /* state components that are saved */
};
extern struct cpu_features cpu_features;

/* Builds the descriptor tables of `cpu` and loads them on this CPU. */
void cpu_load_tables(struct cpu *cpu);
/* Memory for another CPU: struct cpu, TSS, interrupt stacks, kernel stack. */
must_check int cpu_alloc(unsigned id, struct cpu **cpu);
void cpu_set_online(struct cpu *cpu);

void fpu_init_boot(void);
void fpu_init_cpu(void);

/* Local APIC of this CPU. */
void apic_cpu_init(void);
void apic_end_of_interrupt(void);
void apic_start_cpu(u32 apic_id, paddr_t trampoline); /* INIT, then SIPI */

/* Assembly. */
extern char trap_stubs[], trap_return_window[], trap_iret[], trap_iret_end[];
extern char syscall_exit[], syscall_exit_end[];
extern char syscall_entry_early[]; /* not an address: the bytes of its first instructions */
extern char pvm_halt_begin[], pvm_halt_end[];
void pvm_halt(void);
void bare_halt(void);
extern struct cpu boot_cpu;

/* fault_signal.c: a fault of the application becomes a signal.  False: there is no program that
 * it could end, nor a handler. */
bool fault_signal(struct trap_frame *frame, u64 address, int err);

/* Called by entry.S. */
void trap_dispatch(struct trap_frame *frame);
void trap_syscall_exit(struct trap_frame *frame);
void trap_syscall_instruction(struct trap_frame *frame);
void syscall_instruction(void);
/* Leaves the kernel: the frame is on the kernel stack, interrupts are disabled. */
noreturn void trap_load_frame(struct trap_frame *frame);
/* Preemption and signals before that.  Interrupts disabled, before and after. */
void trap_go_on(struct trap_frame *frame);

/* fpu.c: the calling thread's vector registers as the application sees them. */
void fpu_save_standard(struct thread *thread);
void fpu_load_initial(void);
noreturn void trap_stack_overflow(struct trap_frame *frame);
noreturn void trap_fatal(struct trap_frame *frame);
void trap_nmi_dispatch(struct trap_frame *frame);
/* Called by boot.S. */
noreturn void ap_main(struct cpu *cpu);
