/* SPDX-License-Identifier: MIT */
/* What the address space must know of the kernel's own mappings. */
#pragma once

#include <kernel/types.h>

#define KMAP_SIZE (64 * GIB)

/* Start-up: draws the place. */
void kmap_init(void);
vaddr_t kmap_start(void);
