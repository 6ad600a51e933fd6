/* SPDX-License-Identifier: MIT */
/*
 * Between the files of kernel/boot.  All of them but io.c are plain code:
 * they reach the machine only through the functions of io.c named last, which
 * the host tests replace.
 *
 * What they read was written by others.  Every function checks that what it
 * uses lies within what was given to it, and takes nothing on trust but
 * physical addresses: those name RAM or ROM below 4 GiB, or boot_phys()
 * gives NULL.
 */
#pragma once

#include <kernel/bootinfo.h>
#include <kernel/types.h>

/* Little-endian fields at any alignment. */
static inline u16 load_u16(const void *p)
{
    u16 v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline u32 load_u32(const void *p)
{
    u32 v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline u64 load_u64(const void *p)
{
    u64 v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

/* Sum of bytes modulo 256: 0 for a table with a right checksum. */
static inline u8 boot_checksum(const u8 *p, size_t size)
{
    u8 sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (u8)(sum + p[i]);
    }
    return sum;
}

/*
 * ram.c: the memory map.  Add what is usable, then remove what is not, then
 * finish.  -ENOSPC when there are more ranges than room: RAM is left out.
 */
must_check int boot_ram_add(struct bootinfo *info, u64 base, u64 size);
must_check int boot_ram_remove(struct bootinfo *info, u64 base, u64 size);
void boot_ram_finish(struct bootinfo *info);
/* Is all of [start, end) in one range? */
bool boot_ram_contains(const struct bootinfo *info, paddr_t start, paddr_t end);

/* E820 types, which PVH's memory map uses too. */
#define E820_RAM 1u

/* One way in each: fills command line, RAM and CPUs.  0 or -errno. */
must_check int boot_pvh_load(struct bootinfo *info, paddr_t start_info);
must_check int boot_fwcfg_load(struct bootinfo *info);

/* Tables that firmware has put in memory: 0, or -ENOENT, -EPROTO. */
must_check int boot_acpi_load(struct bootinfo *info, paddr_t rsdp);
must_check int boot_mptable_load(struct bootinfo *info);
/* The tables as QEMU makes them, one behind the other: neither linked nor summed up. */
void boot_acpi_scan(struct bootinfo *info, const u8 *blob, size_t size);

/* The DSDT's code: virtio transports, sleep type. */
void boot_aml_scan(struct bootinfo *info, const u8 *aml, size_t size);

/* Used by the parsers; known ones are left out, too many counted only. */
void boot_cpu_add(struct bootinfo *info, u32 apic_id);
void boot_ioapic_add(struct bootinfo *info, paddr_t base, u32 gsi_base);
void boot_mmio_add(struct bootinfo *info, paddr_t base, u64 size, u32 irq);

/* cmdline.c: one word of the command line, not copied. */
struct cmdline_word {
    const char *text; /* all of it */
    size_t len;
    size_t name_len;
    const char *value; /* without quotes; empty for a bare name */
    size_t value_len;
};
/* 1 and the next word at *at, which moves on; 0 at the end; -EINVAL: malformed. */
must_check int cmdline_next(const char **at, struct cmdline_word *word);
/* Number with suffix at the start of [text, end): what follows it, or NULL. */
const char *cmdline_parse_u64(const char *text, const char *end, u64 *value);
/* The devices in virtio_mmio.device= words.  Ends with config_error(). */
void cmdline_find_mmio(struct bootinfo *info);

/* io.c: the machine. */

/* Memory at a physical address, or NULL if [pa, pa + size) is not below 4 GiB. */
void *boot_phys(paddr_t pa, u64 size);
/*
 * Reads an item of fw_cfg from its start; what lies beyond its end reads as
 * zero.  -ENODEV if there is no fw_cfg.  `buf` is from boot_phys() or in the image.
 */
must_check int boot_fwcfg_read(u16 key, void *buf, u32 size);
must_check int boot_fwcfg_read_phys(u16 key, paddr_t to, u32 size);
/* The kernel's own image; the RAM behind it is not in use yet. */
struct boot_range boot_image(void);
/* Does a PCI host bridge answer at ports 0xcf8 and 0xcfc? */
bool boot_pci_ports(void);
/* Of the CPU that runs this. */
u32 boot_apic_id(void);
