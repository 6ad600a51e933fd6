/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel image is, for C, assembly and the linker script.
 *
 * It is loaded at 2 MiB and runs in the last megabytes below 2 GiB: programs
 * that are not position-independent want to be at 4 MiB, the Java heap's best
 * place begins at 2 GiB, and code of the small model must lie below that.
 */
#pragma once

#define KERNEL_LOADED 0x200000
#define KERNEL_START 0x7f800000
#define KERNEL_OFFSET (KERNEL_START - KERNEL_LOADED)

/* Until memory_init() has made the direct map, the first 4 GiB of memory are here. */
#define BOOT_WINDOW 0x100000000

#ifndef __ASSEMBLY__
#include <kernel/types.h>

/* Of something in the image: a function, a static object. */
static inline paddr_t image_to_phys(const void *va)
{
    return (paddr_t)va - KERNEL_OFFSET;
}
#endif
