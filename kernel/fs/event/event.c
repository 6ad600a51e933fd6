/* SPDX-License-Identifier: MIT */
/*
 * Threads that sleep at a pipe, an eventfd and the like (event_priv.h).
 *
 * kernel/wait.h is not used here because a signal must end these sleeps, and
 * because a pipe chooses the waiter by what it needs.  No wake-up is lost: a
 * waiter enters the list and marks itself asleep under the object's lock, and
 * after it was woken, by whatever, looks at the object again.  A thread that
 * leaves while it was chosen has taken a wake-up with it; so whoever leaves
 * an object passes on what others could use (see wake_next() in pipe.c).
 */
#include "event_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>

int event_wait(struct spinlock *lock, bool *irq, struct list *waiters, u64 need, nsec_t deadline)
{
    struct event_waiter waiter = {.thread = thread_current(), .need = need};
    int err = 0;

    list_push_back(waiters, &waiter.link);
    /* With its fence: a signal is looked for after this thread can be woken. */
    sched_prepare_sleep();
    spin_unlock(lock, *irq);
    if (signal_pending()) {
        sched_cancel_sleep();
        err = -ERESTARTSYS;
    } else {
        err = sched_sleep(deadline);
    }
    *irq = spin_lock(lock);
    list_remove(&waiter.link);
    return err;
}

struct thread *event_choose(struct list *waiters, u64 have)
{
    list_for_each (link, waiters) {
        struct event_waiter *waiter = list_entry(link, struct event_waiter, link);

        if (waiter->need <= have) {
            list_remove(link);
            return waiter->thread;
        }
    }
    return NULL;
}

void event_wake_all(struct list *waiters)
{
    struct thread *thread;

    while ((thread = event_choose(waiters, (u64)-1)) != NULL) {
        (void)sched_wake(thread);
    }
}

s64 event_install(struct file *file, bool cloexec)
{
    int fd = fd_install(file, 0, cloexec);

    if (fd < 0) {
        file_put(file);
    }
    return fd;
}
