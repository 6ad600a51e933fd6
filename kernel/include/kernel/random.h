/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for addresses, canaries and tests: a ChaCha20 generator
 * seeded at start-up from RDRAND and the TSC's jitter.  A machine without
 * that instruction still boots (TCG without it), and says so once.
 */
#pragma once

#include <kernel/types.h>

/*
 * Start-up, CPU 0, with its GS base set, before anything is placed.  Changes
 * __stack_chk_guard: a caller that returns must have no stack protector.
 */
void random_init(void);
u64 random_u64(void); /* any context but NMI */

/* The canary of gcc's -mstack-protector-guard=global. */
extern u64 __stack_chk_guard;
