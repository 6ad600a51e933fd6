/* SPDX-License-Identifier: MIT */
/* What panic and the backtraces share. */
#pragma once

#include <kernel/types.h>

/*
 * Reads the 8 bytes at `va` if they are ordinary memory that the page tables
 * map; false otherwise.  `va` is a multiple of 8.  Any context.
 */
bool debug_peek(vaddr_t va, u64 *value);

/* Prints " name+offset" if `addr` is in a kernel function. */
void debug_print_symbol(u64 addr);

/*
 * As backtrace_print(), for code that was interrupted with the stack pointer
 * `rsp` and may not have made its frame; or with 0 for code that made a call
 * which returns to `rip`.
 */
void debug_backtrace(u64 rip, u64 rbp, u64 rsp);

/* What a trap was, in words: one to three lines. */
struct trap_frame;
void debug_print_cause(const struct trap_frame *frame, u64 fault_address, bool from_app);
void debug_print_registers(const struct trap_frame *frame, u64 fault_address);
