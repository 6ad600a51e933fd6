/* SPDX-License-Identifier: MIT */
/*
 * PCI: configuration access, and what firmware would have done.
 *
 * Our own boot ROM leaves the chip set as it is after a reset: no BAR has an
 * address, the memory-mapped configuration window (ECAM) is off and the ACPI
 * ports are nowhere.  On q35 the first function is Intel's 82G33 (MCH), whose
 * PCIEXBAR register opens the window at 0xb0000000, where QEMU never has RAM,
 * and BARs go from 0xc0000000 up to the I/O APIC, which is PCI's on that chip
 * set.  What firmware has placed stays where it is.
 *
 * A configuration access through ports is two exits (56 us on kvm_pvm), by
 * ECAM one.  Bridges are not followed: QEMU puts -device on the root bus.
 */
#include "pci_priv.h"

#include <kernel/aspace.h>
#include <kernel/bootinfo.h>
#include <kernel/errno.h>
#include <kernel/port.h>
#include <kernel/print.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u

#define ECAM_BUS_SIZE (1 * MIB)
#define ECAM_Q35 0xb0000000u
#define MCH_PCIEXBAR 0x60
#define PCIEXBAR_ENABLE 1u

#define MCH_Q35 0x29c08086u
#define LPC_ICH9 0x29188086u

#define WINDOW_START 0xc0000000u
#define WINDOW_END 0xfec00000u

#define BAR_IO 1u
#define BAR_64BIT 4u
#define BAR_FLAGS 0xfull

#define HEADER_TYPE 0x0c
#define HEADER_MULTIFUNCTION (1u << 23)

/* ICH9 (Intel 316972), 13.1.13 and 13.1.14. */
#define LPC_PMBASE 0x40
#define LPC_ACPI_CONTROL 0x44
#define LPC_ACPI_ENABLE 0x80u
#define PM_PORT 0x600u
#define PMBASE_ADDRESS 0xff80u

static struct {
    bool known;          /* pci_init() has been here */
    volatile char *ecam; /* of bus 0; NULL: ports */
    paddr_t window_next;
} pci = {.window_next = WINDOW_START};

static u32 config_address(const struct pci_function *f, u32 offset)
{
    return CONFIG_ENABLE | (u32)f->device << 11 | (u32)f->function << 8 | offset;
}

static volatile u32 *ecam_register(const struct pci_function *f, u32 offset)
{
    return (volatile u32 *)(pci.ecam + ((u32)f->device << 15 | (u32)f->function << 12 | offset));
}

u32 pci_read(const struct pci_function *f, u32 offset)
{
    if (pci.ecam != NULL) {
        return *ecam_register(f, offset);
    }
    port_write_u32(CONFIG_ADDRESS, config_address(f, offset));
    return port_read_u32(CONFIG_DATA);
}

void pci_write(const struct pci_function *f, u32 offset, u32 value)
{
    if (pci.ecam != NULL) {
        *ecam_register(f, offset) = value;
        return;
    }
    port_write_u32(CONFIG_ADDRESS, config_address(f, offset));
    port_write_u32(CONFIG_DATA, value);
}

static const struct pci_function host_bridge = {0, 0, 0, 0};

bool pci_init(void)
{
    paddr_t base = bootinfo.pci_ecam;
    void *va;

    if (pci.known) {
        return pci.ecam != NULL || bootinfo.has_pci;
    }
    pci.known = true;

    if (base == 0) {
        if (!bootinfo.has_pci) {
            return false;
        }
        if (pci_read(&host_bridge, PCI_VENDOR) == MCH_Q35) {
            pci_write(&host_bridge, MCH_PCIEXBAR, ECAM_Q35 | PCIEXBAR_ENABLE);
            base = ECAM_Q35;
        }
    } else if (bootinfo.pci_bus_first != 0) {
        return false;
    }
    if (base != 0 && kernel_map_device(base, ECAM_BUS_SIZE, &va) == 0) {
        pci.ecam = va;
    }
    return pci.ecam != NULL || bootinfo.has_pci;
}

static bool probe(struct pci_function *f)
{
    u32 id = pci_read(f, PCI_VENDOR);

    f->vendor_id = (u16)id;
    f->device_id = (u16)(id >> 16);
    return f->vendor_id != 0xffff;
}

void pci_for_each(void (*fn)(const struct pci_function *f, void *arg), void *arg)
{
    for (u8 device = 0; device < 32; device++) {
        struct pci_function f = {device, 0, 0, 0};
        u8 functions = 1;

        if (!probe(&f)) {
            continue;
        }
        if ((pci_read(&f, HEADER_TYPE) & HEADER_MULTIFUNCTION) != 0) {
            functions = 8;
        }
        fn(&f, arg);
        for (f.function = 1; f.function < functions; f.function++) {
            if (probe(&f)) {
                fn(&f, arg);
            }
        }
    }
}

/* Bits that stay 0 tell the size (PCI 3.0, 6.2.5.1). */
static u64 bar_size(const struct pci_function *f, unsigned bar, u64 value, bool wide)
{
    u64 mask;

    pci_write(f, PCI_BAR(bar), 0xffffffffu);
    mask = pci_read(f, PCI_BAR(bar)) | 0xffffffff00000000ull;
    pci_write(f, PCI_BAR(bar), (u32)value);
    if (wide) {
        pci_write(f, PCI_BAR(bar + 1), 0xffffffffu);
        mask = (mask & 0xffffffffu) | (u64)pci_read(f, PCI_BAR(bar + 1)) << 32;
        pci_write(f, PCI_BAR(bar + 1), (u32)(value >> 32));
    }
    return ~(mask & ~BAR_FLAGS) + 1;
}

int pci_bar_place(const struct pci_function *f, unsigned bar, paddr_t *base, u64 *size)
{
    u32 low = pci_read(f, PCI_BAR(bar));
    bool wide = (low & BAR_64BIT) != 0;
    u64 value = low;
    paddr_t at;

    if ((low & BAR_IO) != 0 || (wide && bar + 1 >= PCI_BARS)) {
        return -ENODEV;
    }
    if (wide) {
        value |= (u64)pci_read(f, PCI_BAR(bar + 1)) << 32;
    }
    /* Not while it answers to an address that is all ones. */
    pci_write(f, PCI_COMMAND, 0);
    *size = bar_size(f, bar, value, wide);
    *base = value & ~BAR_FLAGS;
    if (*size == 0) {
        return -ENODEV;
    }
    if (*base != 0) {
        return 0;
    }
    at = ALIGN_UP(pci.window_next, MAX(*size, PAGE_SIZE));
    if (*size > WINDOW_END - WINDOW_START || at > WINDOW_END - *size) {
        return -ENOSPC;
    }
    pci.window_next = at + *size;
    pci_write(f, PCI_BAR(bar), (u32)at);
    *base = at;
    return 0;
}

void pci_enable(const struct pci_function *f)
{
    pci_write(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_LINE);
}

u16 pci_acpi_ports(void)
{
    const struct pci_function lpc = {31, 0, 0, 0};
    u32 base;

    if (pci_read(&lpc, PCI_VENDOR) != LPC_ICH9) {
        return 0;
    }
    base = pci_read(&lpc, LPC_PMBASE) & PMBASE_ADDRESS;
    if (base == 0) {
        base = PM_PORT;
        pci_write(&lpc, LPC_PMBASE, base);
        pci_write(&lpc, LPC_ACPI_CONTROL, LPC_ACPI_ENABLE);
    }
    return (u16)base;
}
