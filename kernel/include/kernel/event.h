/* SPDX-License-Identifier: MIT */
/*
 * Threads asleep at one object - a pipe, a socket - whose lock guards the list
 * of them.  The object's owner decides whom a change concerns.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>

struct thread;

struct event_waiter {
    struct list link;
    struct thread *thread;
    u64 need; /* what it waits for, as the object counts */
};

/*
 * Sleeps once, giving up `lock` (held; `irq` as spin_lock() gave it) meanwhile:
 * 0, -ETIMEDOUT, or -ERESTARTSYS without having slept if a signal waits.  After
 * any of them the caller looks again whether it can go on.
 */
must_check int event_wait(struct spinlock *lock, bool *irq, struct list *waiters, u64 need,
                          nsec_t deadline);
/* The first that needs no more than `have`, taken out of the list; lock held. */
struct thread *event_choose(struct list *waiters, u64 have);
/* All of them, with the lock held. */
void event_wake_all(struct list *waiters);

/* SIGPIPE for the calling thread. */
void event_signal_broken(void);
