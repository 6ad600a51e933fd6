/* SPDX-License-Identifier: MIT */
/*
 * Does a CPU touch memory in ascending order?  Remembers where its last few
 * faults ended.  Any CPU's own, so the lists need no lock; a thread that moves
 * starts anew.
 */
#pragma once

#include <kernel/types.h>

/* How many faults in a row went on where the one before ended, up to `addr`. */
unsigned fault_streak(vaddr_t addr);
/* A fault at `addr` mapped everything up to `next`. */
void fault_streak_note(vaddr_t addr, vaddr_t next);
