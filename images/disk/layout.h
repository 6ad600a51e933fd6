/* SPDX-License-Identifier: MIT */
/*
 * How a disk that `moka build` makes is laid out, for boot.S and the tool.
 *
 *     0        the boot sector
 *     1024     the root, an EROFS image from the disk's start on: EROFS leaves
 *              its first 1024 bytes to others
 *     behind   the loader, DISK_LOADER_SIZE bytes, of which struct disk_header
 *     it       is a part
 *              the kernel, an ELF file without its symbols
 *              the recipe: what `moka run` is to do with this disk
 *
 * So the disk is its own root for the kernel, and can be mounted on Linux to
 * look into it.  All numbers are little-endian; places are sectors of 512
 * bytes, and each part begins at one.
 */
#pragma once

#define DISK_SECTOR 512
#define DISK_LOADER_SIZE 4096
#define DISK_LOADER_AT 0x7e00 /* in memory: behind the boot sector */
#define DISK_HEADER_AT 8      /* of the loader */
#define DISK_MAGIC 0x616b6f4d /* "Moka" */
#define DISK_PIECES 4
#define DISK_CMDLINE 256

/* In the boot sector: where the loader is, u64. */
#define DISK_LOADER_SECTOR_AT 0x1a8

#ifndef __ASSEMBLY__
#include <stdint.h>

struct disk_piece { /* of the kernel, to memory */
    uint32_t sector, count, address;
};

struct disk_header {
    uint32_t magic;
    uint32_t kernel_sector, kernel_size; /* bytes */
    uint32_t recipe_sector, recipe_size;
    uint32_t entry;                       /* PVH's */
    uint32_t clear, clear_end;            /* memory that the kernel wants zeroed */
    struct disk_piece piece[DISK_PIECES]; /* count 0: not used */
    char cmdline[DISK_CMDLINE];
};

_Static_assert(sizeof(struct disk_header) == 32 + 12 * DISK_PIECES + DISK_CMDLINE, "boot.S");
#endif
