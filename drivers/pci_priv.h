/* SPDX-License-Identifier: MIT */
/*
 * PCI functions of bus 0, where virtual machines have their devices.
 * Start-up only, one thread.
 */
#pragma once

#include <kernel/types.h>

#define PCI_VENDOR 0x00    /* u16 vendor, u16 device */
#define PCI_SUBSYSTEM 0x2c /* likewise, of the board */
#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u
#define PCI_COMMAND_NO_LINE (1u << 10)     /* interrupts are messages only */
#define PCI_STATUS_CAPABILITIES (1u << 20) /* in the word at PCI_COMMAND */
#define PCI_BAR(n) (0x10u + 4u * (n))
#define PCI_BARS 6u
#define PCI_CAPABILITIES 0x34

struct pci_function {
    u8 device, function; /* of bus 0 */
    u16 vendor_id, device_id;
};

/* False if the machine has no PCI. */
bool pci_init(void);
/* Register offset: a multiple of 4, below 256. */
u32 pci_read(const struct pci_function *f, u32 offset);
void pci_write(const struct pci_function *f, u32 offset, u32 value);
/* Calls fn for each function there is. */
void pci_for_each(void (*fn)(const struct pci_function *f, void *arg), void *arg);

/*
 * Where the memory BAR is, once it is somewhere: as firmware has put it, or
 * at a place of ours.  -ENODEV: no such memory BAR; -ENOSPC: no room for it.
 * Memory decoding may be off afterwards: pci_enable() turns it on.
 */
must_check int pci_bar_place(const struct pci_function *f, unsigned bar, paddr_t *base, u64 *size);
/* Memory decoding and bus mastering. */
void pci_enable(const struct pci_function *f);

/*
 * Where the ACPI registers of the southbridge ICH9 (q35) are, put there if
 * no firmware has; 0 if there is no ICH9.
 */
u16 pci_acpi_ports(void);
