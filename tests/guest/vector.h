/* SPDX-License-Identifier: MIT */
/* tests/guest/vector.S: registers under preemption. */
#pragma once

/*
 * Fills every general, vector and mask register that this CPU has, the x87
 * stack and the red zone with values made from `seed`, spins, and compares.
 * 0, or a number that says which kind differed.  Application context.
 */
long vector_hold(unsigned long seed, unsigned long spins);
