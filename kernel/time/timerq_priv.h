/* SPDX-License-Identifier: MIT */
/*
 * One CPU's timers in the order of their deadlines, those of one deadline in
 * the order of their start.  No locks, no hardware: the caller (timer.c, or
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
/* Adds by timer->deadline; it must not be queued. */
void timerq_insert(struct timerq *q, struct timer *timer);
/* It must be queued. */
void timerq_remove(struct timerq *q, struct timer *timer);
/* Removes and returns the first with a deadline at or before `now`; or NULL. */
struct timer *timerq_pop_due(struct timerq *q, nsec_t now);
/* TIMER_NEVER if there is none. */
nsec_t timerq_deadline(const struct timerq *q);
/* Walks the tree; BUG on a broken invariant. */
void timerq_check(const struct timerq *q);
