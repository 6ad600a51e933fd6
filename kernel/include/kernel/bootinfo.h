/* SPDX-License-Identifier: MIT */
/*
 * What the loader and the firmware say about the machine, gathered once at
 * start-up from PVH's start info, QEMU's fw_cfg, ACPI or MP tables and the
 * command line; constant afterwards.
 */
#pragma once

#include <kernel/types.h>

#define BOOT_RAM_RANGES 32
#define BOOT_MMIO_DEVICES 32
#define BOOT_IOAPICS 4
#define BOOT_CMDLINE 2048

struct boot_range {
    paddr_t start, end; /* usable RAM, page aligned, ascending, disjoint */
};

struct boot_mmio_device { /* virtio-mmio transport */
    paddr_t base;
    u64 size;
    u32 irq; /* global system interrupt */
};

struct boot_ioapic {
    paddr_t base;
    u32 gsi_base;
};

struct bootinfo {
    const char *loader; /* "pvh" or "rom+fw_cfg" */
    const char *tables; /* where the CPUs come from: "acpi", "mp", "fw_cfg", "none" */
    char cmdline[BOOT_CMDLINE];

    /*
     * The RAM below 640 KiB is in it, for the start-up code of the other
     * CPUs; 640 KiB to 1 MiB never is.  The kernel's own image and the first
     * 64 KiB are: whoever hands RAM out leaves them aside.
     */
    unsigned ram_count;
    struct boot_range ram[BOOT_RAM_RANGES];

    unsigned cpu_count;    /* entries of apic_id, 1 .. MAX_CPUS */
    unsigned cpu_found;    /* in the machine; more than MAX_CPUS are not used */
    u32 apic_id[MAX_CPUS]; /* [0] is the CPU that booted */
    unsigned ioapic_count;
    struct boot_ioapic ioapic[BOOT_IOAPICS];
    unsigned mmio_count;
    struct boot_mmio_device mmio[BOOT_MMIO_DEVICES];

    paddr_t pci_ecam; /* PCI configuration window, 0 if none */
    u8 pci_bus_first, pci_bus_last;
    bool has_pci; /* configuration through ports 0xcf8/0xcfc */

    /* Power-off: ACPI 4.8.3.2.1 and 4.8.3.7. */
    u16 sleep_port;      /* PM1a control register, 0 if none */
    paddr_t sleep_mmio;  /* sleep control register in memory, 0 if none */
    u8 sleep_type;       /* SLP_TYP of S5 */
    u16 pm_timer_port;   /* ACPI 4.8.3.3: counts at 3.579545 MHz, 0 if none */
    bool pm_timer_32bit; /* else 24 */
};

extern struct bootinfo bootinfo;

/*
 * Start-up, on the boot CPU, once its GS base is set (it prints), with the
 * first 4 GiB of memory at BOOT_WINDOW.
 * `start_info` is the physical address of PVH's hvm_start_info or 0 when our
 * own ROM jumped to the kernel; up to 128 KiB of RAM behind the kernel are
 * overwritten in the latter case.  Ends with config_error() on what cannot be used.
 */
void bootinfo_init(paddr_t start_info);

/* One line on what was found; its 110 bytes take 8 ms on kvm_pvm's serial port. */
void bootinfo_print(void);

/*
 * The value of option `name` ("name=value" or bare "name") on the command
 * line, copied to `value`; words are separated by spaces, a value may be put
 * in double quotes.  False if it is not there.  The last one wins.  A value
 * that does not fit is cut.
 */
bool cmdline_get(const char *name, char *value, size_t size);
/* As a number (decimal or 0x) with optional suffix K, M, G, T: 0, -ENOENT, or -EINVAL. */
must_check int cmdline_get_u64(const char *name, u64 *value);

/*
 * Ends with config_error() if the command line has a word that is malformed
 * or whose name is neither in `names` (the options of the image) nor one
 * that every image knows.
 */
void cmdline_check(const char *const *names, unsigned count);
