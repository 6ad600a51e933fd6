/* SPDX-License-Identifier: MIT */
/*
 * The way in without firmware: our boot ROM has jumped to the kernel, which
 * asks QEMU itself what the firmware would have asked, through the fw_cfg
 * device (QEMU, docs/specs/fw_cfg.rst).
 *
 * Four reads do it, each one DMA transfer and so one exit: the directory,
 * the command line, "etc/e820" and the ACPI tables.  Sizes are not asked
 * for: what lies beyond an item's end reads as zero.  The CPUs' number is
 * read only where there is no ACPI.  On kvm_pvm that takes 0.3 ms on a
 * microvm and 1.5 ms on q35, which builds its ACPI tables when asked.
 *
 * What QEMU 7.2 was found to do with `-bios moka.rom -kernel moka.elf`:
 * - It loads the ELF's segments itself, on microvm and q35, before the CPU
 *   starts, and -append is in FW_CFG_CMDLINE_DATA on both.
 * - microvm names the virtio transports that have a device in its DSDT, the
 *   first -device first (0xfeb02e00, interrupt 47, the second I/O APIC's).
 *   Only with acpi=off does it append them to the command line instead, as
 *   " virtio_mmio.device=512@0xfeb00e00:12"; auto-kernel-cmdline=off stops
 *   that.  q35 appends nothing.
 * - "etc/e820" lists RAM as one range below and one above 4 GiB, and what
 *   KVM reserves at 0xfeffc000; the hole at 640 KiB is not taken out of it.
 * - The ACPI tables lie in "etc/acpi/tables" one behind the other, FACS
 *   first.  Firmware would copy them, then link them and fill their
 *   checksums in as "etc/table-loader" says.  MADT and MCFG have no links
 *   and the DSDT is found as easily, so they are read in place.
 * - On q35 nobody has assigned PCI BARs, the ECAM window or the ACPI ports:
 *   there is no MCFG, and the FADT's PM1a register is of no use.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/fwcfg.h>
#include <kernel/string.h>

#define FWCFG_NB_CPUS 0x05
#define FWCFG_CMDLINE_DATA 0x15
#define FWCFG_FILE_DIR 0x19

/* Directory: u32 count, then entries, big-endian: u32 size, u16 key, u16 0, char name[56]. */
#define DIR_ENTRY 64
#define DIR_ENTRIES 63
#define DIR_NAME 8

/* Packed u64 base, u64 size, u32 type. */
#define E820_ENTRY 20
#define E820_ENTRIES 64

/* The ACPI tables of the largest machine QEMU makes; on a PC they are padded to this. */
#define ACPI_MAX (128 * KIB)

static struct {
    u8 dir[4 + DIR_ENTRIES * DIR_ENTRY];
    u8 e820[E820_ENTRIES * E820_ENTRY];
} fwcfg;

static bool find_file(const char *name, struct fwcfg_file *file)
{
    u32 count = MIN(__builtin_bswap32(load_u32(fwcfg.dir)), DIR_ENTRIES);

    for (u32 i = 0; i < count; i++) {
        const u8 *e = fwcfg.dir + 4 + i * DIR_ENTRY;

        if (strncmp((const char *)e + DIR_NAME, name, DIR_ENTRY - DIR_NAME) == 0) {
            file->size = __builtin_bswap32(load_u32(e));
            file->key = __builtin_bswap16(load_u16(e + 4));
            return true;
        }
    }
    return false;
}

static int load_e820(struct bootinfo *info)
{
    struct fwcfg_file file;
    int result = 0;
    u32 count;
    int err;

    if (!find_file("etc/e820", &file) || file.size < E820_ENTRY) {
        return -ENODATA;
    }
    count = MIN(file.size / E820_ENTRY, E820_ENTRIES);
    err = boot_fwcfg_read(file.key, fwcfg.e820, count * E820_ENTRY);
    if (err != 0) {
        return err;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (u32 i = 0; i < count; i++) {
            const u8 *e = fwcfg.e820 + i * E820_ENTRY;
            bool ram = load_u32(e + 16) == E820_RAM;

            err = 0;
            if (pass == 0 && ram) {
                err = boot_ram_add(info, load_u64(e), load_u64(e + 8));
            } else if (pass == 1 && !ram) {
                err = boot_ram_remove(info, load_u64(e), load_u64(e + 8));
            }
            result = result != 0 ? result : err;
        }
    }
    return result;
}

/*
 * The tables go to the RAM behind the kernel: on the same large page of the
 * host as the kernel itself.  Elsewhere the host would have to find and zero
 * one first, which takes 0.3 to 5 ms.
 */
static int load_acpi(struct bootinfo *info)
{
    paddr_t scratch = ALIGN_UP(boot_image().end, PAGE_SIZE);
    struct fwcfg_file file;
    u32 size;
    void *blob;
    int err;

    if (!find_file("etc/acpi/tables", &file)) {
        return -ENOENT;
    }
    size = MIN(file.size, ACPI_MAX);
    blob = boot_phys(scratch, size);
    if (blob == NULL || !boot_ram_contains(info, scratch, scratch + size)) {
        return -ENOMEM;
    }
    err = boot_fwcfg_read(file.key, blob, size);
    if (err == 0) {
        boot_acpi_scan(info, blob, size);
    }
    return err;
}

/* Without ACPI: QEMU numbers APICs from 0 as long as no topology is asked for. */
static int load_cpu_count(struct bootinfo *info)
{
    static u16 count;
    int err = boot_fwcfg_read(FWCFG_NB_CPUS, &count, sizeof(count));

    for (u32 i = 0; err == 0 && i < count; i++) {
        boot_cpu_add(info, i);
    }
    info->tables = "fw_cfg";
    return err;
}

int boot_fwcfg_load(struct bootinfo *info)
{
    int result;
    int err;

    info->loader = "rom+fw_cfg";
    err = boot_fwcfg_read(FWCFG_FILE_DIR, fwcfg.dir, sizeof(fwcfg.dir));
    if (err != 0) {
        return err;
    }
    err = boot_fwcfg_read(FWCFG_CMDLINE_DATA, info->cmdline, sizeof(info->cmdline));
    if (err != 0) {
        return err;
    }
    if (info->cmdline[sizeof(info->cmdline) - 1] != '\0') {
        return -E2BIG;
    }
    result = load_e820(info);
    if (result != 0 && result != -ENOSPC) {
        return result;
    }
    if (load_acpi(info) != 0 || info->cpu_count == 0) {
        err = load_cpu_count(info);
        if (err != 0) {
            return err;
        }
    }
    return result;
}

bool fwcfg_find(const char *name, struct fwcfg_file *file)
{
    /* Not read yet if firmware has loaded us. */
    if (load_u32(fwcfg.dir) == 0 &&
        boot_fwcfg_read(FWCFG_FILE_DIR, fwcfg.dir, sizeof(fwcfg.dir)) != 0) {
        return false;
    }
    return find_file(name, file);
}

int fwcfg_read(const struct fwcfg_file *file, paddr_t to)
{
    return boot_fwcfg_read_phys(file->key, to, file->size);
}
