/* SPDX-License-Identifier: MIT */
/*
 * One CPU's timers in the order of when they must fire at the latest, those of one
 * time in the order of their start.  No locks, no hardware: the caller (timer.c, or
 * a host test) has its own.
 */
#pragma once

#include <kernel/rbtree.h>
#include <kernel/timer.h>
#include <kernel/types.h>

#define TIMER_NEVER ((nsec_t)-1)

/*
 * first  = the leftmost node of `tree`, NULL if it is empty
 * count  = nodes in `tree`
 */
struct timerq {
    struct rb_tree tree;
    struct timer *first;
    unsigned count;
};

void timerq_init(struct timerq *q);
/* When it is to fire, and may: not before `deadline`, `slack` later at the latest.  Not queued. */
void timerq_set(struct timer *timer, nsec_t deadline, nsec_t slack);
/* Adds by timer->latest; it must not be queued. */
void timerq_insert(struct timerq *q, struct timer *timer);
/* It must be queued. */
void timerq_remove(struct timerq *q, struct timer *timer);
/* Removes and returns the first if its deadline is at or before `now`; or NULL. */
struct timer *timerq_pop_due(struct timerq *q, nsec_t now);
/*
 * The timer, which was just popped, is likely to be started again so that an interrupt at the time
 * that is returned would serve it: TIMER_NEVER if nothing is known.
 */
nsec_t timerq_guess(const struct timer *timer);
/* When one must fire at the latest; TIMER_NEVER if there is none. */
nsec_t timerq_deadline(const struct timerq *q);
/* Walks the tree; BUG on a broken invariant. */
void timerq_check(const struct timerq *q);
