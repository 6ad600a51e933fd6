/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: a ChaCha20 generator seeded at start-up from RDRAND and the
 * TSC's jitter, and by drivers from the host.  A machine without that
 * instruction still boots (TCG without it), and says so once; getrandom(2)
 * gives nothing there until random_is_seeded().
 */
#pragma once

#include <kernel/types.h>

/*
 * Start-up, CPU 0, with its GS base set, before anything is placed.  Changes
 * __stack_chk_guard: a caller that returns must have no stack protector.
 */
void random_init(void);
u64 random_u64(void); /* any context but NMI */

/*
 * Mixes in what a source of random numbers gave; what was there is not lost.
 * All numbers drawn later depend on it.  From thread context.
 */
void random_add(const void *data, size_t size);
/* Has a source that is to be trusted given 256 bits, the CPU's RDRAND or random_add()? */
bool random_is_seeded(void);

/* The canary of gcc's -mstack-protector-guard=global. */
extern u64 __stack_chk_guard;
