/* SPDX-License-Identifier: MIT */
/*
 * What wait queues and futexes have in common: how one waiter is entered,
 * slept on, chosen and woken.  The protocol is told in wait.c; the lock is
 * that of the queue, whatever kind of queue it is.
 */
#pragma once

#include <kernel/wait.h>

/* Enters a queue and marks the thread as going to sleep.  Lock held. */
void waiter_enter(struct list *waiters, struct waiter *waiter);

/* Takes it out for a wake-up.  Lock held. */
static inline void waiter_choose(struct waiter *waiter)
{
    list_remove(&waiter->link);
    waiter->chosen = true;
}

/* Wakes all of a private list of chosen ones.  No lock held. */
void waiter_let_go_all(struct list *chosen);

/* After entering: true when woken; false at the deadline, still entered. */
must_check bool waiter_sleep(struct waiter *waiter, nsec_t deadline);

/* 0 when woken, -ETIMEDOUT, -EINTR: still entered then, and awake. */
must_check int waiter_sleep_signal(struct waiter *waiter, nsec_t deadline);

/* For a thread that found itself chosen: until its waker has let go. */
void waiter_await(const struct waiter *waiter);
