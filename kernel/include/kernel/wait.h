/* SPDX-License-Identifier: MIT */
/*
 * Wait queues and sleeping mutexes.  Both serve in order of arrival; a mutex
 * that is released with somebody waiting is handed to that one, so nobody
 * starves and nobody wakes in vain.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>
#include <stdatomic.h>

struct wait_queue {
    struct spinlock lock;
    struct list waiters;
};

#define WAIT_QUEUE_INIT(name, field) \
    { \
        .lock = SPINLOCK_INIT(name, RANK_WAIT), .waiters = { &(field).waiters, &(field).waiters } \
    }
void wait_queue_init(struct wait_queue *queue, const char *name);

/*
 * One thread's place in a queue; lives on its stack.
 *
 * Who wakes it takes it out (chosen, under the queue's lock), and later sets
 * `woken` as the last thing it does with either waiter or queue.  The thread
 * does not return before that.
 */
struct waiter {
    struct list link;      /* queue's lock */
    struct thread *thread; /* constant */
    bool chosen;           /* queue's lock */
    _Atomic bool woken;    /* atomic */
};

/* Thread context, no spinlock held. */
void wait_begin(struct wait_queue *queue, struct waiter *waiter);
/* 0 when woken, -ETIMEDOUT. */
int wait_sleep(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline);
/* The same, ended also by a signal: -EINTR (nothing was slept if one is pending already). */
int wait_sleep_signal(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline);
/* Leaves the queue without having slept. */
void wait_abort(struct wait_queue *queue, struct waiter *waiter);

/* Wakes the first, or all; returns how many.  Any context. */
unsigned wait_wake_one(struct wait_queue *queue);
unsigned wait_wake_all(struct wait_queue *queue);

/* Waits until `cond` holds; whoever makes it true wakes the queue after. */
#define wait_until(queue, cond) \
    do { \
        while (!(cond)) { \
            struct waiter waiter_; \
            wait_begin((queue), &waiter_); \
            if (cond) { \
                wait_abort((queue), &waiter_); \
                break; \
            } \
            (void)wait_sleep((queue), &waiter_, SCHED_NEVER); \
        } \
    } while (0)

#define MUTEX_WAITERS 1ull

struct mutex {
    struct wait_queue queue;
    _Atomic u64 owner; /* see wait.c */
};

void mutex_init(struct mutex *mutex, const char *name);
void mutex_lock(struct mutex *mutex); /* thread context */
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex); /* by the owner */
bool mutex_is_mine(struct mutex *mutex);
