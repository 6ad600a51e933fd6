/* SPDX-License-Identifier: MIT */
/*
 * How the machine ends.  QEMU's isa-debug-exit device takes a status with
 * it; where there is none, a write to its port does nothing and the next way
 * is tried: power-off as ACPI says it, then a triple fault, which resets the
 * machine or, under -no-reboot, ends it.
 */
#include <drivers/exit.h>

#include "power_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include <kernel/port.h>
#include <kernel/print.h>

#define DEBUG_EXIT_PORT 0xf4

/* ACPI 4.8.3.2.1: SLP_TYP from bit 10, SLP_EN is bit 13. */
#define PM1_SLEEP(type) ((u16)((type) << 10 | 1 << 13))
/* ACPI 4.8.3.7: SLP_TYP from bit 2, SLP_EN is bit 5. */
#define CONTROL_SLEEP(type) ((u8)((type) << 2 | 1 << 5))

/* (c) constant after machine_exit_init() */
static struct {
    u8 *sleep_control; /* (c) bootinfo.sleep_mmio as mapped, or NULL */
    u16 sleep_port;    /* (c) after devices_init(): PM1 control, 0 if none */
} machine;

void machine_set_sleep_port(u16 port)
{
    machine.sleep_port = port;
}

void machine_exit_init(void)
{
    paddr_t page = ALIGN_DOWN(bootinfo.sleep_mmio, PAGE_SIZE);
    void *va;

    machine.sleep_port = bootinfo.sleep_port;
    if (bootinfo.sleep_mmio == 0) {
        return;
    }
    if (kernel_map_device(page, PAGE_SIZE, &va) != 0) {
        kprintf("exit: no memory to map the power-off register\n");
        return;
    }
    machine.sleep_control = (u8 *)va + (bootinfo.sleep_mmio - page);
}

/* An exception that finds no IDT, and then no IDT for the double fault. */
noreturn void machine_triple_fault(void)
{
    static const struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) nothing = {0, 0};

    __asm__ volatile("lidt %0; int3" ::"m"(nothing));
    for (;;) {
        __asm__ volatile("hlt");
    }
}

noreturn void machine_exit(enum exit_status status)
{
    console_flush();
    irq_disable();
    port_write_u32(DEBUG_EXIT_PORT, status);
    if (machine.sleep_port != 0) {
        port_write_u16(machine.sleep_port, PM1_SLEEP(bootinfo.sleep_type));
    }
    if (machine.sleep_control != NULL) {
        *(volatile u8 *)machine.sleep_control = CONTROL_SLEEP(bootinfo.sleep_type);
    }
    machine_triple_fault();
}
