/* SPDX-License-Identifier: MIT */
/*
 * Who waits for regions, in order of arrival.  Whoever finds a region free may take it
 * first, as a hand-over to the one that has waited longest costs a switch of threads.  But
 * one that has waited for 4 ms (as with Linux's rw_semaphore) is patient: who came later
 * and wants a part of the same range waits behind it.
 *
 * Nobody waits for a later one, so nobody waits in a circle.  Pure: the caller has a lock.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

#define TURN_PATIENCE 4000000u /* ns */

/* All zero: does not wait. */
struct turn {
    struct list link;
    vaddr_t start, end;
    nsec_t since;
    bool waits;
};

/* At the end of the line; who waits already keeps its place. */
void turn_join(struct list *line, struct turn *turn, vaddr_t start, vaddr_t end, nsec_t now);
/* Did it wait? */
bool turn_leave(struct turn *turn);
/* Does a patient one want a part of [start, end), and came before `turn`? */
bool turn_is_other(const struct list *line, const struct turn *turn, vaddr_t start, vaddr_t end,
                   nsec_t now);
