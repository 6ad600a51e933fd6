/* SPDX-License-Identifier: MIT */
/*
 * The power button, in the two shapes that QEMU gives it.
 *
 * q35: ACPI's fixed event (ACPI 6.5, 4.8.3.1).  The block of ports is where
 * the southbridge says, or is put there by us when no firmware has.  Its
 * interrupt is number 9.
 *
 *     +0 status   +2 enable   +4 control        bit 8: the button
 *
 * microvm: a generic event device (ACPI 6.5, 5.6.9), which QEMU 7.2 puts at
 * 0x200 below the sleep register that the FADT names, on interrupt 9 too.
 * Reading its selector tells what happened and clears it; the reset register
 * is 2 behind the sleep register.
 *
 * A machine with neither (microvm,acpi=off) has no button.
 */
#include <drivers/power.h>

#include "pci_priv.h"
#include "power_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/errno.h>
#include <kernel/irq.h>
#include <kernel/platform.h>
#include <kernel/port.h>
#include <kernel/print.h>
#include <kernel/trap.h>

#define ACPI_GSI 9

#define PM1_STATUS 0
#define PM1_ENABLE 2
#define PM1_CONTROL 4
#define PM1_BUTTON (1u << 8)

#define GED_BELOW_SLEEP 0x200
#define GED_BUTTON 2u
#define GED_RESET_BEHIND_SLEEP 2
#define GED_RESET_VALUE 0x42

/* ICH9 (Intel 316972), 13.7.5: a full reset. */
#define RESET_PORT 0xcf9
#define RESET_SYSTEM 0x06

/* (c) constant after power_init() or power_button_set() */
static struct {
    u16 pm1;                /* (c) first of the ports; 0: none */
    volatile u32 *ged;      /* (c) its selector; NULL: none */
    volatile u8 *ged_reset; /* (c) */
    void (*button)(void);   /* (c) */
} power;

static void acpi_interrupt(void *arg)
{
    bool pressed = false;

    (void)arg;
    if (power.pm1 != 0) {
        pressed = (port_read_u16(power.pm1 + PM1_STATUS) & PM1_BUTTON) != 0;
        port_write_u16(power.pm1 + PM1_STATUS, PM1_BUTTON); /* a one clears it */
    } else if (power.ged != NULL) {
        pressed = (*power.ged & GED_BUTTON) != 0;
    }
    if (pressed) {
        power.button();
    }
}

int power_button_set(void (*fn)(void))
{
    int vector, err;

    if (power.pm1 == 0 && power.ged == NULL) {
        return -ENODEV;
    }
    power.button = fn;
    vector = irq_register(acpi_interrupt, NULL);
    if (vector < 0) {
        return vector;
    }
    err = irq_route_gsi(ACPI_GSI, (unsigned)vector, 0);
    if (err == 0 && power.pm1 != 0) {
        port_write_u16(power.pm1 + PM1_STATUS, PM1_BUTTON);
        port_write_u16(power.pm1 + PM1_ENABLE, PM1_BUTTON);
    }
    return err;
}

void power_init(void)
{
    void *va;

    if (bootinfo.sleep_port != 0) {
        power.pm1 = (u16)(bootinfo.sleep_port - PM1_CONTROL);
    } else if (bootinfo.sleep_mmio >= GED_BELOW_SLEEP) {
        if (kernel_map_device(bootinfo.sleep_mmio - GED_BELOW_SLEEP,
                              GED_BELOW_SLEEP + GED_RESET_BEHIND_SLEEP + 1, &va) == 0) {
            power.ged = va;
            power.ged_reset = (volatile u8 *)va + GED_BELOW_SLEEP + GED_RESET_BEHIND_SLEEP;
        }
    } else if (pci_init()) {
        power.pm1 = pci_acpi_ports();
        if (power.pm1 != 0) {
            machine_set_sleep_port((u16)(power.pm1 + PM1_CONTROL));
        }
    }
}

noreturn void machine_reboot(void)
{
    console_flush();
    irq_disable();
    if (power.ged_reset != NULL) {
        *power.ged_reset = GED_RESET_VALUE;
    }
    port_write_u8(RESET_PORT, RESET_SYSTEM);
    machine_triple_fault();
}
