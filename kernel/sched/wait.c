/* SPDX-License-Identifier: MIT */
/*
 * Wait queues and mutexes on top of sched_prepare_sleep() and sched_wake().
 *
 * A waiter is entered and its thread marked as sleeping under the queue's
 * lock.  So whoever finds it there, under the same lock, finds a thread that
 * can be woken.  And a waker that came before has written what the waiter looks
 * at afterwards.  No fence is needed beyond the lock's.
 *
 * The wake-up itself is done without the lock, which else would be held while
 * another CPU, already running the thread, wants it.  In between, the waiter
 * is chosen but not woken.  A thread that runs for another reason then, its
 * deadline, waits the few instructions until the waker has let go.
 */
#include "wait_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/signal.h>

static bool is_woken(const struct waiter *waiter)
{
    /* Acquire: pairs with the release in waiter_let_go(). */
    return atomic_load_explicit(&waiter->woken, memory_order_acquire);
}

void waiter_enter(struct list *waiters, struct waiter *waiter)
{
    waiter->thread = thread_current();
    waiter->chosen = false;
    atomic_store_explicit(&waiter->woken, false, memory_order_relaxed);
    list_push_back(waiters, &waiter->link);
    sched_prepare_sleep_locked();
}

/* Wakes a chosen one, which is gone afterwards.  No lock held. */
static void waiter_let_go(struct waiter *waiter)
{
    struct thread *thread = waiter->thread;

    atomic_store_explicit(&waiter->woken, true, memory_order_release);
    /* The thread may have noticed, gone on and died: see kernel/thread.h. */
    (void)sched_wake(thread);
}

void waiter_let_go_all(struct list *chosen)
{
    while (!list_empty(chosen)) {
        waiter_let_go(list_entry(list_pop_front(chosen), struct waiter, link));
    }
}

bool waiter_sleep(struct waiter *waiter, nsec_t deadline)
{
    while (sched_sleep(deadline) == 0) {
        if (is_woken(waiter)) {
            return true;
        }
        /* Woken without a cause, or before `woken` was set: again. */
        sched_prepare_sleep();
        if (is_woken(waiter)) {
            sched_cancel_sleep();
            return true;
        }
    }
    return false;
}

int waiter_sleep_signal(struct waiter *waiter, nsec_t deadline)
{
    while (!is_woken(waiter)) {
        if (signal_pending()) {
            sched_cancel_sleep();
            return is_woken(waiter) ? 0 : -EINTR;
        }
        if (sched_sleep(deadline) != 0) {
            return is_woken(waiter) ? 0 : -ETIMEDOUT;
        }
        if (is_woken(waiter)) {
            return 0;
        }
        sched_prepare_sleep();
    }
    sched_cancel_sleep();
    return 0;
}

void waiter_await(const struct waiter *waiter)
{
    while (!is_woken(waiter)) {
        cpu_pause();
    }
}

/* ---- Wait queues ------------------------------------------------------------ */

void wait_queue_init(struct wait_queue *queue, const char *name)
{
    spinlock_init(&queue->lock, name, RANK_WAIT);
    list_init(&queue->waiters);
}

void wait_begin(struct wait_queue *queue, struct waiter *waiter)
{
    bool irq = spin_lock(&queue->lock);

    waiter_enter(&queue->waiters, waiter);
    spin_unlock(&queue->lock, irq);
}

/* Leaves the queue; true if a waker was there first.  Sleeps no more. */
static bool leave(struct wait_queue *queue, struct waiter *waiter)
{
    bool irq = spin_lock(&queue->lock), chosen = waiter->chosen;

    if (!chosen) {
        list_remove(&waiter->link);
    }
    spin_unlock(&queue->lock, irq);
    if (chosen) {
        waiter_await(waiter);
    }
    return chosen;
}

int wait_sleep(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline)
{
    return waiter_sleep(waiter, deadline) || leave(queue, waiter) ? 0 : -ETIMEDOUT;
}

int wait_sleep_signal(struct wait_queue *queue, struct waiter *waiter, nsec_t deadline)
{
    int err = waiter_sleep_signal(waiter, deadline);

    return err == 0 || leave(queue, waiter) ? 0 : err;
}

void wait_abort(struct wait_queue *queue, struct waiter *waiter)
{
    sched_cancel_sleep();
    (void)leave(queue, waiter);
}

/* Takes the first waiter out; lock held.  NULL if there is none. */
static struct waiter *choose(struct list *waiters)
{
    struct waiter *waiter;

    if (list_empty(waiters)) {
        return NULL;
    }
    waiter = list_entry(waiters->next, struct waiter, link);
    waiter_choose(waiter);
    return waiter;
}

unsigned wait_wake_one(struct wait_queue *queue)
{
    bool irq = spin_lock(&queue->lock);
    struct waiter *waiter = choose(&queue->waiters);

    spin_unlock(&queue->lock, irq);
    if (waiter == NULL) {
        return 0;
    }
    waiter_let_go(waiter);
    return 1;
}

unsigned wait_wake_all(struct wait_queue *queue)
{
    struct list chosen = LIST_INIT(chosen);
    struct waiter *waiter;
    unsigned count = 0;
    bool irq = spin_lock(&queue->lock);

    while ((waiter = choose(&queue->waiters)) != NULL) {
        list_push_back(&chosen, &waiter->link);
        count++;
    }
    spin_unlock(&queue->lock, irq);
    waiter_let_go_all(&chosen);
    return count;
}

/* ---- Mutexes ----------------------------------------------------------------
 *
 * `owner` is the owning thread, or 0, and MUTEX_WAITERS if somebody waits.  Taking
 * a free mutex and releasing one that nobody waits for is one compare-and-swap
 * without the queue's lock; the mark is set and cleared under it.
 */

void mutex_init(struct mutex *mutex, const char *name)
{
    wait_queue_init(&mutex->queue, name);
    atomic_store_explicit(&mutex->owner, 0, memory_order_relaxed);
}

bool mutex_trylock(struct mutex *mutex)
{
    u64 nobody = 0;

    return atomic_compare_exchange_strong_explicit(&mutex->owner, &nobody, (u64)thread_current(),
                                                   memory_order_acquire, memory_order_relaxed);
}

/* With the queue's lock held: true if the mutex has become free. */
static bool take_or_enter(struct mutex *mutex, struct waiter *waiter)
{
    while (!mutex_trylock(mutex)) {
        u64 owner = atomic_load_explicit(&mutex->owner, memory_order_relaxed);

        BUG_ON((owner & ~MUTEX_WAITERS) == (u64)thread_current());
        if (owner != 0 &&
            atomic_compare_exchange_strong_explicit(&mutex->owner, &owner, owner | MUTEX_WAITERS,
                                                    memory_order_relaxed, memory_order_relaxed)) {
            waiter_enter(&mutex->queue.waiters, waiter);
            return false;
        }
    }
    return true;
}

static void lock_slow(struct mutex *mutex)
{
    struct waiter waiter;
    bool irq = spin_lock(&mutex->queue.lock), taken = take_or_enter(mutex, &waiter);

    spin_unlock(&mutex->queue.lock, irq);
    if (!taken) {
        (void)wait_sleep(&mutex->queue, &waiter, SCHED_NEVER);
        assert(mutex_is_mine(mutex));
    }
}

void mutex_lock(struct mutex *mutex)
{
    if (unlikely(!mutex_trylock(mutex))) {
        lock_slow(mutex);
    }
}

/* The first who waits becomes the owner before it runs. */
static void unlock_slow(struct mutex *mutex)
{
    bool irq = spin_lock(&mutex->queue.lock);
    struct waiter *waiter;
    u64 next = 0;

    BUG_ON(!mutex_is_mine(mutex));
    waiter = choose(&mutex->queue.waiters);
    if (waiter != NULL) {
        next = (u64)waiter->thread | (list_empty(&mutex->queue.waiters) ? 0 : MUTEX_WAITERS);
    }
    atomic_store_explicit(&mutex->owner, next, memory_order_release);
    spin_unlock(&mutex->queue.lock, irq);
    if (waiter != NULL) {
        waiter_let_go(waiter);
    }
}

void mutex_unlock(struct mutex *mutex)
{
    u64 me = (u64)thread_current();

    if (unlikely(!atomic_compare_exchange_strong_explicit(
            &mutex->owner, &me, 0, memory_order_release, memory_order_relaxed))) {
        unlock_slow(mutex);
    }
}

bool mutex_is_mine(struct mutex *mutex)
{
    u64 owner = atomic_load_explicit(&mutex->owner, memory_order_relaxed);

    return (owner & ~MUTEX_WAITERS) == (u64)thread_current();
}
