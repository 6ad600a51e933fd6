/* SPDX-License-Identifier: MIT */
/*
 * The PVH way in: the loader leaves a struct hvm_start_info in memory and
 * its address in ebx (Xen, public/arch-x86/hvm/start_info.h).  QEMU's
 * firmwares, Firecracker and Cloud Hypervisor all make version 1 of it,
 * which has the memory map; version 0 has none and is of no use.
 *
 *      0 u32 magic       16 u64 module list     40 u64 memory map
 *      4 u32 version     24 u64 command line    48 u32 entries of it
 *      8 u32 flags       32 u64 ACPI RSDP       52 u32 reserved
 *     12 u32 modules
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define PVH_MAGIC 0x336ec578u
#define PVH_SIZE 56

/* An entry of the memory map: u64 address, u64 size, u32 type, u32 reserved. */
#define MEMMAP_ENTRY 24
#define MEMMAP_MAX 512 /* more is no memory map but garbage */

static int load_cmdline(struct bootinfo *info, paddr_t pa)
{
    /* The string may end at the last byte of memory: ask for no more than there is. */
    for (size_t i = 0; pa != 0 && i < sizeof(info->cmdline); i++) {
        const char *c = boot_phys(pa + i, 1);

        if (c == NULL) {
            return -EPROTO;
        }
        info->cmdline[i] = *c;
        if (*c == '\0') {
            return 0;
        }
    }
    return pa == 0 ? 0 : -E2BIG;
}

static int load_memmap(struct bootinfo *info, paddr_t pa, u32 count)
{
    const u8 *map;
    int err = 0;

    if (pa == 0 || count == 0 || count > MEMMAP_MAX) {
        return -ENODATA;
    }
    map = boot_phys(pa, (u64)count * MEMMAP_ENTRY);
    if (map == NULL) {
        return -ENODATA;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (u32 i = 0; i < count; i++) {
            const u8 *e = map + i * MEMMAP_ENTRY;
            bool ram = load_u32(e + 16) == E820_RAM;
            int e2 = 0;

            if (pass == 0 && ram) {
                e2 = boot_ram_add(info, load_u64(e), load_u64(e + 8));
            } else if (pass == 1 && !ram) {
                e2 = boot_ram_remove(info, load_u64(e), load_u64(e + 8));
            }
            err = err != 0 ? err : e2;
        }
    }
    return err;
}

int boot_pvh_load(struct bootinfo *info, paddr_t start_info)
{
    const u8 *si = boot_phys(start_info, PVH_SIZE);
    int err;

    info->loader = "pvh";
    if (si == NULL || load_u32(si) != PVH_MAGIC) {
        return -EPROTO;
    }
    err = load_cmdline(info, load_u64(si + 24));
    if (err != 0) {
        return err;
    }
    if (load_u32(si + 4) < 1) {
        return -ENODATA;
    }
    err = load_memmap(info, load_u64(si + 40), load_u32(si + 48));
    if (err != 0 && err != -ENOSPC) {
        return err;
    }
    /* Without ACPI the firmware may have left an MP table, without that there is one CPU. */
    if (load_u64(si + 32) == 0 || boot_acpi_load(info, load_u64(si + 32)) != 0) {
        (void)!boot_mptable_load(info);
    }
    return err;
}
