/* SPDX-License-Identifier: MIT */
/*
 * The few ACPI tables that say what the command line does not (ACPI 6.5,
 * chapter 5): MADT for CPUs and I/O APICs, MCFG for PCI's configuration
 * window, FADT for power-off and the timer, and of the DSDT what aml.c knows
 * to find.
 *
 * They come in two ways.  Firmware leaves a root pointer, tables linked by
 * addresses and with checksums: a table whose checksum is wrong is not used.
 * Or QEMU hands over the unlinked file that firmware would have worked on;
 * there the tables lie one behind the other and are told by signature.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

/* Every table: signature, u32 length, u8 revision, u8 checksum, ... */
#define SDT_HEADER 36
#define SDT_MAX (1 * MIB)
#define SDT_LENGTH 4

#define MADT_ENTRIES 44
#define MADT_LOCAL_APIC 0
#define MADT_IO_APIC 1
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED 1u

#define MCFG_ENTRIES 44
#define MCFG_ENTRY 16

#define FADT_DSDT 40
#define FADT_PM1A_CONTROL 64
#define FADT_PM_TIMER 76
#define FADT_FLAGS 112
#define FADT_TIMER_32BIT (1u << 8)
#define FADT_HW_REDUCED (1u << 20)
#define FADT_X_DSDT 140
#define FADT_X_PM1A_CONTROL 172
#define FADT_X_PM_TIMER 208
#define FADT_SLEEP_CONTROL 244

/* Generic address structure: u8 space, u8 width, u8 offset, u8 access, u64 address. */
#define GAS_SIZE 12
#define GAS_MEMORY 0
#define GAS_IO 1

/*
 * Ports below belong to the PC's own chips.  A chip set that no firmware has
 * set up says that its ACPI block is at 0.
 */
#define FIRST_ACPI_PORT 0x400

static bool has_signature(const u8 *table, const char *signature)
{
    return memcmp(table, signature, 4) == 0;
}

static void parse_madt(struct bootinfo *info, const u8 *t, size_t size)
{
    size_t at = MADT_ENTRIES;

    while (at + 2 <= size) {
        const u8 *e = t + at;
        size_t len = e[1];

        if (len < 2 || len > size - at) {
            return;
        }
        if (e[0] == MADT_LOCAL_APIC && len >= 8 && (load_u32(e + 4) & MADT_ENABLED) != 0) {
            boot_cpu_add(info, e[3]);
        } else if (e[0] == MADT_LOCAL_X2APIC && len >= 16 &&
                   (load_u32(e + 8) & MADT_ENABLED) != 0) {
            boot_cpu_add(info, load_u32(e + 4));
        } else if (e[0] == MADT_IO_APIC && len >= 12) {
            boot_ioapic_add(info, load_u32(e + 4), load_u32(e + 8));
        }
        at += len;
    }
}

/* u64 base, u16 segment, u8 first bus, u8 last bus, u32 reserved: segment 0 is taken. */
static void parse_mcfg(struct bootinfo *info, const u8 *t, size_t size)
{
    for (size_t at = MCFG_ENTRIES; at + MCFG_ENTRY <= size; at += MCFG_ENTRY) {
        const u8 *e = t + at;

        if (load_u16(e + 8) == 0 && load_u64(e) != 0 && load_u64(e) != UINT64_MAX &&
            e[10] <= e[11]) {
            info->pci_ecam = load_u64(e);
            info->pci_bus_first = e[10];
            info->pci_bus_last = e[11];
            return;
        }
    }
}

/* A port given by its old 32-bit field and, in longer tables, by a structure that has precedence.
 */
static u16 fadt_port(const u8 *t, size_t size, size_t field, size_t gas)
{
    u64 port = field + 4 <= size ? load_u32(t + field) : 0;

    if (gas + GAS_SIZE <= size && t[gas] == GAS_IO && load_u64(t + gas + 4) != 0) {
        port = load_u64(t + gas + 4);
    }
    return port >= FIRST_ACPI_PORT && port <= UINT16_MAX ? (u16)port : 0;
}

static void parse_fadt(struct bootinfo *info, const u8 *t, size_t size)
{
    u32 flags = FADT_FLAGS + 4 <= size ? load_u32(t + FADT_FLAGS) : 0;
    const u8 *sleep = t + FADT_SLEEP_CONTROL;

    if ((flags & FADT_HW_REDUCED) == 0) {
        info->has_pci = true;
        info->sleep_port = fadt_port(t, size, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL);
        info->pm_timer_port = fadt_port(t, size, FADT_PM_TIMER, FADT_X_PM_TIMER);
        info->pm_timer_32bit = (flags & FADT_TIMER_32BIT) != 0;
    } else if (FADT_SLEEP_CONTROL + GAS_SIZE <= size && sleep[0] == GAS_MEMORY) {
        info->sleep_mmio = load_u64(sleep + 4);
    }
}

static void parse_table(struct bootinfo *info, const u8 *t, size_t size)
{
    if (has_signature(t, "APIC")) {
        parse_madt(info, t, size);
    } else if (has_signature(t, "MCFG")) {
        parse_mcfg(info, t, size);
    } else if (has_signature(t, "FACP")) {
        parse_fadt(info, t, size);
    } else if (has_signature(t, "DSDT")) {
        boot_aml_scan(info, t + SDT_HEADER, size - SDT_HEADER);
    }
}

void boot_acpi_scan(struct bootinfo *info, const u8 *blob, size_t size)
{
    size_t at = 0;

    info->tables = "acpi";
    while (size - at >= SDT_HEADER) {
        u32 len = load_u32(blob + at + SDT_LENGTH);

        if (len < SDT_HEADER || len > size - at) {
            return;
        }
        parse_table(info, blob + at, len);
        at += len;
    }
}

/* The table at `pa` if it is all there and its checksum right, else NULL. */
static const u8 *table_at(paddr_t pa, u32 *size)
{
    const u8 *t = pa == 0 ? NULL : boot_phys(pa, SDT_HEADER);

    if (t == NULL) {
        return NULL;
    }
    *size = load_u32(t + SDT_LENGTH);
    if (*size < SDT_HEADER || *size > SDT_MAX || boot_phys(pa, *size) == NULL ||
        boot_checksum(t, *size) != 0) {
        return NULL;
    }
    return t;
}

static void visit_table(struct bootinfo *info, paddr_t pa)
{
    paddr_t dsdt = 0;
    const u8 *t;
    u32 size;

    t = table_at(pa, &size);
    if (t == NULL) {
        return;
    }
    parse_table(info, t, size);
    if (!has_signature(t, "FACP")) {
        return;
    }
    if (FADT_X_DSDT + 8 <= size) {
        dsdt = load_u64(t + FADT_X_DSDT);
    }
    if (dsdt == 0 && FADT_DSDT + 4 <= size) {
        dsdt = load_u32(t + FADT_DSDT);
    }
    t = table_at(dsdt, &size);
    if (t != NULL) {
        parse_table(info, t, size);
    }
}

/* RSDP: 8 signature, u8 checksum of 20 bytes, 6 OEM, u8 revision, u32 RSDT, u32 length, u64 XSDT.
 */
int boot_acpi_load(struct bootinfo *info, paddr_t rsdp)
{
    const u8 *r = boot_phys(rsdp, 20);
    unsigned entry = 4;
    const u8 *root = NULL;
    u32 size = 0;

    if (r == NULL || memcmp(r, "RSD PTR ", 8) != 0 || boot_checksum(r, 20) != 0) {
        return -ENOENT;
    }
    if (r[15] >= 2 && boot_phys(rsdp, 36) != NULL && boot_checksum(r, 36) == 0) {
        root = table_at(load_u64(r + 24), &size);
        entry = 8;
    }
    if (root == NULL || !has_signature(root, "XSDT")) {
        root = table_at(load_u32(r + 16), &size);
        entry = 4;
        if (root == NULL || !has_signature(root, "RSDT")) {
            return -EPROTO;
        }
    }
    for (size_t at = SDT_HEADER; at + entry <= size; at += entry) {
        visit_table(info, entry == 8 ? load_u64(root + at) : load_u32(root + at));
    }
    info->tables = "acpi";
    return info->cpu_count > 0 ? 0 : -ENOENT;
}
