/* SPDX-License-Identifier: MIT */
/* What the address space must know of the kernel's own mappings. */
#pragma once

#include <kernel/types.h>

#define KMAP_SIZE (64 * GIB)

/* Start-up: draws the place.  `frames` is how much memory there is. */
void kmap_init(u64 frames);
vaddr_t kmap_start(void);
