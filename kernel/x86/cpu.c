/* SPDX-License-Identifier: MIT */
/*
 * The processors' own tables: GDT, IDT, TSS with its interrupt stacks, GS
 * base, control registers; and the check that the CPU has what the kernel
 * needs.  One IDT serves all; the rest is per CPU.
 *
 * The four interrupt stacks of a CPU are short (entry.S leaves the first two
 * within a few instructions) but for that of double faults, on which a panic
 * prints.
 */
#include <kernel/cpu.h>

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/image_place.h>
#include <kernel/kmalloc.h>
#include <kernel/panic.h>
#include <kernel/signal.h>
#include <kernel/start.h>
#include <kernel/string.h>

#include "x86_priv.h"

#define IST_COUNT 4
#define IST_SIZE 8192

enum { IST_INTERRUPT = 1, IST_EXCEPTION, IST_DOUBLE_FAULT, IST_NMI };

#define GDT_CODE64 0x10
#define GDT_TSS 0x40
/* Flags that a SYSCALL instruction clears: AC, NT, DF, IF, TF. */
#define SYSCALL_MASK 0x44700ull

/* Intel SDM 3A, 8.7. */
struct tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map;
} __attribute__((packed));

/* Intel SDM 3A, 6.14.1. */
struct idt_gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_mid;
    u32 offset_high, reserved;
};

struct table_pointer {
    u16 limit;
    u64 base;
} __attribute__((packed));

_Static_assert(offsetof(struct cpu, irq_enabled) == CPU_IRQ_ENABLED, "known to the host");
_Static_assert(offsetof(struct cpu, irq_pending) == CPU_IRQ_PENDING, "known to the host");
_Static_assert(offsetof(struct cpu, fault_address) == CPU_FAULT_ADDRESS, "known to the host");
_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "known to assembly");
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "known to assembly");
_Static_assert(offsetof(struct cpu, kstack_top) == CPU_KSTACK_TOP, "known to assembly");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "known to assembly");
_Static_assert(offsetof(struct cpu, id) == CPU_ID, "known to assembly");
_Static_assert(offsetof(struct cpu, physical) == CPU_PHYSICAL, "known to assembly");
_Static_assert(offsetof(struct cpu, need_resched) == CPU_NEED_RESCHED, "known to assembly");
_Static_assert(offsetof(struct thread, app_work) == THREAD_APP_WORK, "known to assembly");
_Static_assert(sizeof(struct idt_gate) == 16, "SDM 6.14.1");
_Static_assert(sizeof(struct tss) == 104, "SDM 8.7");

extern u64 boot_gdt[7];
extern char boot_stack_top[];

struct cpu boot_cpu __attribute__((section(".bss.page")));
struct cpu_features cpu_features;
const struct platform_ops *platform;

static struct tss boot_tss;
static u8 boot_ist[IST_COUNT][IST_SIZE] aligned_to(16);
static struct idt_gate idt[256] aligned_to(16);

static struct {
    _Atomic unsigned online;
    struct cpu *cpu[MAX_CPUS]; /* constant once online */
} cpus;

unsigned cpu_count(void)
{
    return atomic_load_explicit(&cpus.online, memory_order_acquire);
}

struct cpu *cpu_get(unsigned id)
{
    assert(id < MAX_CPUS && cpus.cpu[id] != NULL);
    return cpus.cpu[id];
}

/*
 * CPUs come up in any order, but number n is only counted when all below it
 * are there, so that ids below cpu_count() are always valid.
 */
void cpu_set_online(struct cpu *cpu)
{
    cpus.cpu[cpu->id] = cpu;
    atomic_store_explicit(&cpu->online, true, memory_order_release);
    while (cpu_count() < cpu->id) {
        cpu_pause();
    }
    atomic_store_explicit(&cpus.online, cpu->id + 1, memory_order_release);
}

static void idt_build(void)
{
    for (unsigned vector = 0; vector < ARRAY_SIZE(idt); vector++) {
        u64 stub = (u64)trap_stubs + 16 * vector;
        u8 ist = vector >= VECTOR_FIRST ? IST_INTERRUPT
                 : vector == TRAP_DF    ? IST_DOUBLE_FAULT
                 : vector == TRAP_NMI   ? IST_NMI
                                        : IST_EXCEPTION;

        idt[vector] = (struct idt_gate){
            .offset_low = (u16)stub,
            .selector = GDT_CODE64,
            .ist = ist,
            .type = 0x8e, /* present, interrupt gate */
            .offset_mid = (u16)(stub >> 16),
            .offset_high = (u32)(stub >> 32),
        };
    }
}

/* SYSCALL leads to the kernel's own selectors: SDM 3A 5.8.8, SS is CS + 8. */
static void syscall_init(void)
{
    wrmsr(MSR_STAR, (u64)GDT_CODE64 << 32);
    wrmsr(MSR_LSTAR, (u64)syscall_instruction);
    wrmsr(MSR_FMASK, SYSCALL_MASK);
}

static void control_registers_init(void)
{
    u64 cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | cpu_features.cr4));
}

void cpu_load_tables(struct cpu *cpu)
{
    u64 tss = (u64)cpu->tss;
    struct table_pointer gdt = {sizeof(cpu->gdt) - 1, (u64)cpu->gdt};
    struct table_pointer idt_pointer = {sizeof(idt) - 1, (u64)idt};

    memcpy(cpu->gdt, boot_gdt, sizeof(boot_gdt));
    cpu->gdt[GDT_TSS / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
                            (tss >> 24 & 0xff) << 56;
    cpu->gdt[GDT_TSS / 8 + 1] = tss >> 32;

    control_registers_init();
    __asm__ volatile("lgdt %0" ::"m"(gdt));
    if (platform_is_pvm) {
        __asm__ volatile("wrgsbase %0" ::"r"(cpu)); /* always there, and no exit */
    } else {
        wrmsr(MSR_GS_BASE, (u64)cpu);
    }
    __asm__ volatile("lidt %0" ::"m"(idt_pointer));
    __asm__ volatile("ltr %w0" ::"r"(GDT_TSS));
    syscall_init();
}

static void cpu_fill(struct cpu *cpu, unsigned id, struct tss *tss, u8 (*ist)[IST_SIZE])
{
    cpu->self = cpu;
    cpu->id = id;
    cpu->tss = tss;
    for (unsigned i = 0; i < IST_COUNT; i++) {
        tss->ist[i] = (u64)ist[i] + IST_SIZE;
    }
    tss->io_map = sizeof(*tss);
}

int cpu_alloc(unsigned id, struct cpu **result)
{
    struct cpu *cpu = kmalloc_aligned(sizeof(*cpu), 4096);
    struct tss *tss = kzalloc(sizeof(*tss));
    u8(*ist)[IST_SIZE] = kmalloc_aligned(IST_COUNT * IST_SIZE, 4096);
    int err = -ENOMEM;

    if (cpu == NULL || tss == NULL || ist == NULL) {
        goto fail;
    }
    memset(cpu, 0, sizeof(*cpu));
    err = kstack_alloc(&cpu->kstack_top);
    if (err != 0) {
        goto fail;
    }
    cpu->physical = virt_to_phys(cpu);
    cpu_fill(cpu, id, tss, ist);
    *result = cpu;
    return 0;

fail:
    kfree(ist);
    kfree(tss);
    kfree(cpu);
    return err;
}

u64 arch_hwcap(void)
{
    return cpu_features.hwcap;
}

u64 arch_hwcap2(void)
{
    return 2; /* HWCAP2_FSGSBASE */
}

bool cpu_has_giant_pages(void)
{
    return cpu_features.giant_pages;
}

/* Reads CPUID: an exit each on kvm_pvm. */
static void features_read(void)
{
    struct cpuid leaf1 = cpuid(1, 0);
    struct cpuid leaf7 = cpuid(7, 0);

    if ((leaf7.ebx & 1u << 0) != 0) {
        cpu_features.cr4 |= CR4_FSGSBASE;
    }
    if ((leaf1.ecx & 1u << 26) != 0) {
        cpu_features.cr4 |= CR4_OSXSAVE;
    }
    cpu_features.hwcap = leaf1.edx;
    cpu_features.x2apic = (leaf1.ecx & 1u << 21) != 0;
    cpu_features.tsc_deadline = (leaf1.ecx & 1u << 24) != 0;
    cpu_features.giant_pages = platform->giant_pages && (cpuid(0x80000001, 0).edx & 1u << 26) != 0;
}

void cpu_init_boot(void)
{
    platform = platform_is_pvm ? &platform_kvm_pvm : &platform_bare;
    features_read();
    idt_build();
    cpu_fill(&boot_cpu, 0, &boot_tss, boot_ist);
    boot_cpu.physical = image_to_phys(&boot_cpu);
    boot_cpu.kstack_top = (u64)boot_stack_top;
    cpu_load_tables(&boot_cpu);
    cpu_set_online(&boot_cpu);
}

void cpu_check_features(void)
{
    if ((cpu_features.cr4 & CR4_FSGSBASE) == 0) {
        config_error("this CPU has no FSGSBASE; start QEMU with -cpu max (TCG) or -cpu host (KVM)");
    }
    if ((cpu_features.cr4 & CR4_OSXSAVE) == 0) {
        config_error("this CPU has no XSAVE; start QEMU with -cpu max (TCG) or -cpu host (KVM)");
    }
    fpu_init_boot();
    platform->cpu_init(&boot_cpu);
}
