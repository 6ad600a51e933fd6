/* SPDX-License-Identifier: MIT */
/*
 * Readiness: sources, watches, and a thread that waits for one file
 * (kernel/poll.h).  poll(2) and select(2) are in poll_syscall.c, epoll(7) in
 * epoll.c.
 *
 * A watch is told under its source's lock, so one that has been removed is not
 * being told any more.
 *
 * Epoll instances are sources too, and may watch each other.  One rank cannot
 * order their locks; so the watches of all of them are under one lock for the
 * machine, held while a notification goes up through the instances.  Instances
 * in instances are rare; the others find their list empty and never take it.
 */
#include "epoll_priv.h"
#include "event_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>

static struct spinlock nested_lock = SPINLOCK_INIT("nested epoll", RANK_POLL_EPOLL);

static struct spinlock *lock_of(struct poll_source *source)
{
    return source->nested ? &nested_lock : &source->lock;
}

void poll_source_init(struct poll_source *source, const char *name)
{
    spinlock_init(&source->lock, name, RANK_POLL);
    list_init(&source->watches);
    source->nested = false;
}

void poll_source_init_nested(struct poll_source *source, const char *name)
{
    poll_source_init(source, name);
    source->nested = true;
}

static void notify_locked(struct poll_source *source, u32 events)
{
    bool taken = false;

    assert(spin_is_mine(lock_of(source)));
    list_for_each_safe (link, &source->watches) {
        struct poll_watch *watch = list_entry(link, struct poll_watch, link);

        if (unlikely(watch->exclusive)) {
            if (taken) {
                continue;
            }
            watch->took = false;
            watch->fn(watch, events);
            taken = watch->took;
            if (taken) { /* the next time another one */
                list_remove(link);
                list_push_back(&source->watches, link);
            }
        } else {
            watch->fn(watch, events);
        }
    }
}

void poll_notify(struct poll_source *source, u32 events)
{
    bool irq = spin_lock(lock_of(source));

    notify_locked(source, events);
    spin_unlock(lock_of(source), irq);
}

void poll_notify_nested(struct poll_source *source, u32 events, bool held)
{
    assert(source->nested);
    if (!held) {
        poll_notify_quick(source, events);
    } else {
        notify_locked(source, events);
    }
}

void poll_watch_add(struct poll_source *source, struct poll_watch *watch,
                    void (*fn)(struct poll_watch *watch, u32 events))
{
    bool irq;

    watch->source = source;
    watch->fn = fn;
    irq = spin_lock(lock_of(source));
    list_push_back(&source->watches, &watch->link);
    spin_unlock(lock_of(source), irq);
    /* An instance's poll looks without a lock: the look is after the push of the watch.  The
     * partner is the fence of epoll_ready_push(), before a look for watches. */
    if (source->nested) {
        atomic_thread_fence(memory_order_seq_cst);
    }
}

void poll_watch_remove(struct poll_watch *watch)
{
    struct spinlock *lock = lock_of(watch->source);
    bool irq = spin_lock(lock);

    list_remove(&watch->link);
    spin_unlock(lock, irq);
}

/* ---- One thread that waits ------------------------------------------------------ */

void poll_sleeper_init(struct poll_sleeper *sleeper)
{
    sleeper->thread = thread_current();
    atomic_store_explicit(&sleeper->woken, false, memory_order_relaxed);
}

void poll_sleeper_wake(struct poll_sleeper *sleeper)
{
    struct thread *thread = sleeper->thread;

    /* Full fence by sched_wake(); the sleeper's is in sched_prepare_sleep(). */
    atomic_store_explicit(&sleeper->woken, true, memory_order_release);
    (void)sched_wake(thread);
}

int poll_sleeper_sleep(struct poll_sleeper *sleeper, nsec_t deadline)
{
    int err = 0;

    while (err == 0) {
        sched_prepare_sleep();
        if (atomic_exchange_explicit(&sleeper->woken, false, memory_order_acq_rel)) {
            sched_cancel_sleep();
            return 0;
        }
        if (signal_pending()) {
            sched_cancel_sleep();
            return -EINTR;
        }
        err = sched_sleep(deadline);
    }
    return err;
}

struct file_waiter {
    struct poll_watch watch;
    struct poll_sleeper sleeper;
    u32 events;
};

static void file_changed(struct poll_watch *watch, u32 events)
{
    struct file_waiter *waiter = container_of(watch, struct file_waiter, watch);

    if ((events & waiter->events) != 0) {
        poll_sleeper_wake(&waiter->sleeper);
    }
}

int poll_wait_file(struct file *file, u32 events, nsec_t deadline)
{
    struct poll_source *source = event_file_source(file);
    struct file_waiter waiter = {.events = events | POLLERR | POLLHUP};
    bool ready = (file_poll(file) & waiter.events) != 0 || source == NULL;
    int err = 0;

    if (ready) {
        return 0;
    }
    poll_sleeper_init(&waiter.sleeper);
    poll_watch_add(source, &waiter.watch, file_changed);
    for (;;) {
        ready = (file_poll(file) & waiter.events) != 0;
        if (ready || err != 0) {
            break;
        }
        err = poll_sleeper_sleep(&waiter.sleeper, deadline);
    }
    poll_watch_remove(&waiter.watch);
    return ready ? 0 : err;
}
