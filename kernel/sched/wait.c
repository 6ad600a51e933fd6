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

void waiter_let_go(struct waiter *waiter)
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

/* ---- Mutexes ---------------------------------------------------------------- */

void mutex_init(struct mutex *mutex, const char *name)
{
    wait_queue_init(&mutex->queue, name);
    mutex->owner = NULL;
}

/* With the queue's lock held. */
static bool take(struct mutex *mutex)
{
    if (mutex->owner != NULL) {
        return false;
    }
    mutex->owner = thread_current();
    return true;
}

void mutex_lock(struct mutex *mutex)
{
    struct waiter waiter;
    bool irq = spin_lock(&mutex->queue.lock), taken = take(mutex);

    if (unlikely(!taken)) {
        BUG_ON(mutex->owner == thread_current());
        waiter_enter(&mutex->queue.waiters, &waiter);
    }
    spin_unlock(&mutex->queue.lock, irq);
    if (unlikely(!taken)) {
        (void)wait_sleep(&mutex->queue, &waiter, SCHED_NEVER);
        assert(mutex_is_mine(mutex));
    }
}

bool mutex_trylock(struct mutex *mutex)
{
    bool irq = spin_lock(&mutex->queue.lock), taken = take(mutex);

    spin_unlock(&mutex->queue.lock, irq);
    return taken;
}

/* The first who waits becomes the owner before it runs. */
void mutex_unlock(struct mutex *mutex)
{
    bool irq = spin_lock(&mutex->queue.lock);
    struct waiter *waiter;

    BUG_ON(mutex->owner != thread_current());
    waiter = choose(&mutex->queue.waiters);
    mutex->owner = waiter != NULL ? waiter->thread : NULL;
    spin_unlock(&mutex->queue.lock, irq);
    if (waiter != NULL) {
        waiter_let_go(waiter);
    }
}

bool mutex_is_mine(struct mutex *mutex)
{
    bool irq = spin_lock(&mutex->queue.lock), mine = mutex->owner == thread_current();

    spin_unlock(&mutex->queue.lock, irq);
    return mine;
}
