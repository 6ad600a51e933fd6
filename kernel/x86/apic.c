/* SPDX-License-Identifier: MIT */
/*
 * The local APIC: interrupts between CPUs and the one-shot timer; and the
 * I/O APICs, masked until a driver routes a pin.  x2APIC where there is one
 * (an MSR access), else the memory-mapped page.
 *
 * The timer is a TSC deadline where the CPU has that, else the APIC's own
 * counter, whose rate is measured against the clock once.
 */
#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/panic.h>
#include <kernel/start.h>
#include <kernel/trace.h>
#include <kernel/trap.h>

#include "../sched/arch_priv.h"
#include "x86_priv.h"

/* Register offsets of the memory-mapped APIC (SDM 3A, table 11-1). */
enum apic_register {
    APIC_ID = 0x20,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_BASE_ENABLE (1ull << 11)
#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ADDRESS 0xffffff000ull
#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED 0x10000u
#define LVT_TSC_DEADLINE 0x40000u
#define DIVIDE_BY_1 0xbu

#define ICR_FIXED 0x0u
#define ICR_NMI 0x400u
#define ICR_INIT 0x500u
#define ICR_STARTUP 0x600u
#define ICR_ASSERT 0x4000u
#define ICR_BUSY 0x1000u
#define ICR_ALL_BUT_SELF 0xc0000u

static struct {
    char *registers; /* memory-mapped APIC; NULL with x2APIC */
    u64 timer_khz;   /* rate of the APIC's counter; 0 with TSC deadline */
} apic;

static u32 apic_read(enum apic_register reg)
{
    if (cpu_features.x2apic) {
        return (u32)rdmsr(MSR_X2APIC + (reg >> 4));
    }
    return *(volatile u32 *)(apic.registers + reg); /* device memory */
}

static void apic_write(enum apic_register reg, u32 value)
{
    if (cpu_features.x2apic) {
        wrmsr(MSR_X2APIC + (reg >> 4), value);
    } else {
        *(volatile u32 *)(apic.registers + reg) = value;
    }
}

/* Interrupts must be off: the memory-mapped command is two writes. */
static void apic_command(u32 apic_id, u32 command)
{
    if (cpu_features.x2apic) {
        wrmsr(MSR_X2APIC + (APIC_ICR_LOW >> 4), (u64)apic_id << 32 | command);
        return;
    }
    while ((apic_read(APIC_ICR_LOW) & ICR_BUSY) != 0) {
        cpu_pause();
    }
    apic_write(APIC_ICR_HIGH, apic_id << 24);
    apic_write(APIC_ICR_LOW, command);
}

void apic_end_of_interrupt(void)
{
    apic_write(APIC_EOI, 0);
}

static void send_to_mask(u64 mask, u32 command)
{
    u64 others = ((cpu_count() == 64 ? 0 : 1ull << cpu_count()) - 1) & ~(1ull << cpu_id());
    bool irq = irq_save();

    mask &= others;
    if (mask == others && (mask & (mask - 1)) != 0) {
        apic_command(0, command | ICR_ALL_BUT_SELF); /* one access for all */
    } else {
        for (; mask != 0; mask &= mask - 1) {
            apic_command(cpu_get((unsigned)__builtin_ctzll(mask))->apic_id, command);
        }
    }
    irq_restore(irq);
}

void cpu_send_ipi(u64 mask, enum ipi ipi)
{
    u32 vector = ipi == IPI_RESCHED ? VECTOR_RESCHED : VECTOR_SHOOTDOWN;

    /* What the interrupt announces is visible before it: WRMSR to x2APIC does
     * not order earlier stores (SDM 3A, 11.12.3). */
    atomic_thread_fence(memory_order_seq_cst);
    send_to_mask(mask, ICR_FIXED | ICR_ASSERT | vector);
}

void cpu_send_nmi(u64 mask)
{
    send_to_mask(mask, ICR_NMI | ICR_ASSERT);
}

void apic_start_cpu(u32 apic_id, paddr_t trampoline)
{
    bool irq = irq_save();

    apic_command(apic_id, ICR_INIT | ICR_ASSERT);
    clock_delay(100 * NSEC_PER_USEC);
    apic_command(apic_id, ICR_STARTUP | ICR_ASSERT | (u32)(trampoline >> PAGE_SHIFT));
    irq_restore(irq);
}

/* With deadlines rounded up, so that the timer is never early. */
void arch_timer_arm(nsec_t deadline)
{
    nsec_t now;
    u64 ticks;

    if (apic.timer_khz == 0) {
        wrmsr(MSR_TSC_DEADLINE, clock_to_tsc(deadline));
        return;
    }
    now = clock_now();
    ticks =
        deadline <= now ? 1 : (MIN(deadline - now, NSEC_PER_SEC) * apic.timer_khz) / 1000000 + 1;
    apic_write(APIC_TIMER_INITIAL, (u32)MIN(ticks, 0xffffffffull));
}

static void timer_measure(void)
{
    nsec_t start, elapsed;
    u32 count;

    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_TIMER_INITIAL, 0xffffffffu);
    start = clock_now();
    clock_delay(2 * NSEC_PER_MSEC);
    count = 0xffffffffu - apic_read(APIC_TIMER_CURRENT);
    elapsed = clock_now() - start;
    apic_write(APIC_TIMER_INITIAL, 0);
    apic.timer_khz = (u64)count * 1000000 / elapsed;
    if (apic.timer_khz == 0) {
        panic("the local APIC's timer does not count");
    }
}

void apic_cpu_init(void)
{
    if (cpu_features.x2apic) {
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    }
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    if (!cpu_features.tsc_deadline) {
        apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
        if (apic.timer_khz == 0) {
            timer_measure();
        }
    }
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (cpu_features.tsc_deadline ? LVT_TSC_DEADLINE : 0));
    this_cpu()->apic_id = cpu_features.x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

/* Firmware leaves the old interrupt controllers open: IRQ 0 would arrive. */
static void mask_legacy(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void apic_init(void)
{
    void *registers;

    mask_legacy();
    if (!cpu_features.x2apic) {
        if (kernel_map_device(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS, PAGE_SIZE, &registers) !=
            0) {
            config_error("too little memory to map the local APIC");
        }
        apic.registers = registers;
    }
    apic_cpu_init();
}
