/* SPDX-License-Identifier: MIT */
/* Names of the kernel's functions, from the table that the build embeds. */
#pragma once

#include <kernel/types.h>

/*
 * The function that holds `addr` and the offset in it, or NULL if the
 * address is in no kernel function.  Any context.
 */
const char *symbol_lookup(u64 addr, u64 *offset);

/*
 * Prints "  #n address name+offset" for each frame of the frame-pointer
 * chain that starts at `rbp`, with `rip` first.  Reads only memory that the
 * page tables map; at most 32 frames.  Any context.
 */
void backtrace_print(u64 rip, u64 rbp);
