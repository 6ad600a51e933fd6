/* SPDX-License-Identifier: MIT */
/*
 * The I/O APICs (82093AA data sheet): pins that devices without
 * message-signalled interrupts pull.  All are masked after a reset, and by
 * firmware; a pin is opened when a driver routes it.
 *
 * A register is two accesses, the first of which is left out where it is the
 * one of the access before.  A write to a pin makes QEMU give KVM all routes
 * anew: so none is written that has its value already.
 */
#include <kernel/irq.h>

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/spinlock.h>

#define IOAPIC_SIZE 0x20
#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define REG_VERSION 0x01
#define REG_PIN(pin) (0x10 + 2 * (pin))

/* Redirection entry; edge, active high, physical destination are zeroes. */
#define PIN_MASKED (1u << 16)
#define PIN_DESTINATION(apic_id) ((u32)(apic_id) << 24)

#define MSI_BASE 0xfee00000u

static struct {
    struct spinlock lock; /* the select register and its window are two accesses */
    struct {
        volatile char *registers; /* NULL: not mapped yet */
        u32 pins;
        u32 selected; /* under the lock, or the first access */
    } ioapic[BOOT_IOAPICS];
    _Atomic unsigned next_cpu;
} state = {.lock = SPINLOCK_INIT("I/O APIC", RANK_DEVICE)};

/* Nobody but us has selected since the first time. */
static void ioapic_select(unsigned i, u32 reg)
{
    if (state.ioapic[i].selected != reg) {
        *(volatile u32 *)(state.ioapic[i].registers + IOAPIC_SELECT) = reg;
        state.ioapic[i].selected = reg;
    }
}

static u32 ioapic_read(unsigned i, u32 reg)
{
    ioapic_select(i, reg);
    return *(volatile u32 *)(state.ioapic[i].registers + IOAPIC_WINDOW);
}

static void ioapic_write(unsigned i, u32 reg, u32 value)
{
    ioapic_select(i, reg);
    *(volatile u32 *)(state.ioapic[i].registers + IOAPIC_WINDOW) = value;
}

static int ioapic_map(unsigned i)
{
    void *va;
    int err;

    if (state.ioapic[i].registers != NULL) {
        return 0;
    }
    err = kernel_map_device(bootinfo.ioapic[i].base, IOAPIC_SIZE, &va);
    if (err != 0) {
        return err;
    }
    state.ioapic[i].registers = va;
    state.ioapic[i].selected = UINT32_MAX;
    /* Ones where nothing answers: no pins. */
    state.ioapic[i].pins = ((ioapic_read(i, REG_VERSION) >> 16) + 1) & 0xff;
    return 0;
}

/* Under the lock.  A pin that is open is masked while it changes. */
static void pin_route(unsigned i, u32 reg, u32 low, u32 high)
{
    bool moves = ioapic_read(i, reg + 1) != high;

    if ((ioapic_read(i, reg) & PIN_MASKED) == 0) {
        ioapic_write(i, reg, PIN_MASKED);
    }
    if (moves) {
        ioapic_write(i, reg + 1, high);
    }
    ioapic_write(i, reg, low);
}

/* The one with the pin: each has those from its base up to the next one's.  -ENODEV. */
static int find_ioapic(u32 gsi)
{
    int found = -ENODEV;

    for (unsigned i = 0; i < bootinfo.ioapic_count; i++) {
        if (bootinfo.ioapic[i].gsi_base <= gsi &&
            (found < 0 || bootinfo.ioapic[i].gsi_base > bootinfo.ioapic[found].gsi_base)) {
            found = (int)i;
        }
    }
    return found;
}

int irq_route_gsi(u32 gsi, unsigned vector, unsigned cpu)
{
    int i = find_ioapic(gsi), err = i < 0 ? i : ioapic_map((unsigned)i);
    bool irq;
    u32 pin;

    if (err != 0) {
        return err;
    }
    pin = gsi - bootinfo.ioapic[i].gsi_base;
    if (pin >= state.ioapic[i].pins) {
        return -ENODEV;
    }
    irq = spin_lock(&state.lock);
    pin_route((unsigned)i, REG_PIN(pin), vector, PIN_DESTINATION(cpu_get(cpu)->apic_id));
    spin_unlock(&state.lock, irq);
    return 0;
}

struct msi_message irq_msi_message(unsigned vector, unsigned cpu)
{
    return (struct msi_message){
        .address = MSI_BASE | (u64)(cpu_get(cpu)->apic_id & 0xff) << 12,
        .data = vector,
    };
}

unsigned irq_next_cpu(void)
{
    return atomic_fetch_add_explicit(&state.next_cpu, 1, memory_order_relaxed) % cpu_count();
}
