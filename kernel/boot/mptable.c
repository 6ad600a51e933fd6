/* SPDX-License-Identifier: MIT */
/*
 * The MP table (Intel MultiProcessor Specification 1.4, chapter 4), which
 * firmwares leave that make no ACPI tables: QEMU's qboot on a microvm with
 * acpi=off, older Firecracker.  CPUs and I/O APICs are taken from it.
 *
 * qboot leaves the number of entries at 0, so the table is read to its
 * length; the zeroes behind the last entry look like CPUs not enabled.
 *
 * The table does not say where an I/O APIC's interrupts begin in the global
 * numbering; each is taken to have 24, as all that are emulated do.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define POINTER_SIZE 16
#define HEADER_SIZE 44
#define IOAPIC_PINS 24
#define ENTRY_ENABLED 1u

/* Pointer structure: "_MP_", u32 table, u8 length in 16 bytes, u8 revision, u8 checksum. */
static const u8 *find_pointer(paddr_t start, u64 size)
{
    const u8 *area = boot_phys(start, size);

    for (u64 at = 0; area != NULL && at + POINTER_SIZE <= size; at += POINTER_SIZE) {
        const u8 *p = area + at;

        if (memcmp(p, "_MP_", 4) == 0 && p[8] == 1 && boot_checksum(p, POINTER_SIZE) == 0) {
            return p;
        }
    }
    return NULL;
}

/* In the order that the specification gives: EBDA, end of base memory, ROM. */
static const u8 *find_pointer_anywhere(void)
{
    const u8 *segment = boot_phys(0x40e, 2); /* BIOS data area: the EBDA's segment */
    paddr_t ebda = segment == NULL ? 0 : (paddr_t)load_u16(segment) << 4;
    const u8 *p = NULL;

    if (ebda >= 64 * KIB && ebda < 640 * KIB) {
        p = find_pointer(ebda, KIB);
    }
    if (p == NULL) {
        p = find_pointer(639 * KIB, KIB);
    }
    return p != NULL ? p : find_pointer(0xf0000, 64 * KIB);
}

/* A processor: type 0, APIC id, version, flags, ...; 20 bytes.  The others have 8. */
static void parse_entries(struct bootinfo *info, const u8 *t, size_t size)
{
    size_t at = HEADER_SIZE;
    u32 gsi_base = 0;

    while (at < size) {
        const u8 *e = t + at;
        size_t len = e[0] == 0 ? 20 : 8;

        if (e[0] > 4 || len > size - at) {
            return;
        }
        if (e[0] == 0 && (e[3] & ENTRY_ENABLED) != 0) {
            boot_cpu_add(info, e[1]);
        } else if (e[0] == 2 && (e[3] & ENTRY_ENABLED) != 0) {
            boot_ioapic_add(info, load_u32(e + 4), gsi_base);
            gsi_base += IOAPIC_PINS;
        }
        at += len;
    }
}

/* "PCMP", u16 length, u8 revision, u8 checksum, 26 bytes of names, u16 entries, u32 APIC, ... */
int boot_mptable_load(struct bootinfo *info)
{
    const u8 *p = find_pointer_anywhere();
    const u8 *t;
    u16 size;

    if (p == NULL) {
        return -ENOENT;
    }
    t = load_u32(p + 4) == 0 ? NULL : boot_phys(load_u32(p + 4), HEADER_SIZE);
    if (t == NULL || memcmp(t, "PCMP", 4) != 0) {
        return -EPROTO;
    }
    size = load_u16(t + 4);
    if (size < HEADER_SIZE || boot_phys(load_u32(p + 4), size) == NULL ||
        boot_checksum(t, size) != 0) {
        return -EPROTO;
    }
    parse_entries(info, t, size);
    if (info->cpu_count == 0) {
        return -ENOENT;
    }
    info->tables = "mp";
    return 0;
}
