/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait(2): a scan of what may be ready, and the sleep until something is.
 *
 * Who scans holds the instance's mutex and looks at each file of the ready
 * queue.  What is ready is reported; a level-triggered item then goes to the
 * end of the queue, to be looked at again by the next scan, an edge-triggered
 * one leaves it until its file changes.
 *
 * A notifier pushes an item and then looks for who waits; who waits enters the
 * list and then looks at the queue; both with a fence between, so one of them
 * sees the other.  One waiter is woken for a push.  It scans before it leaves,
 * whatever else ended its sleep, and wakes the next if it leaves anything.
 */
#include "epoll_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "sigmask_priv.h"
#include "timeout_priv.h"

#define EVENTS_MAX (0x7fffffffu / sizeof(struct epoll_event))

/* Reports the item if it is ready: 1, 0, -EFAULT (it stays in the queue). */
static int report(struct epoll *ep, struct epoll_item *item, struct epoll_event *to)
{
    u32 wanted = atomic_load_explicit(&item->events, memory_order_relaxed);
    struct epoll_event event = {epoll_item_poll(item), item->data};

    if (event.events == 0) {
        return 0;
    }
    if (user_write(to, &event, sizeof(event)) != 0) {
        epoll_ready_again(&ep->ready, &item->entry);
        return -EFAULT;
    }
    if ((wanted & EPOLLONESHOT) != 0) {
        atomic_store_explicit(&item->events, wanted & EPOLL_FLAGS, memory_order_relaxed);
    } else if ((wanted & EPOLLET) == 0) {
        epoll_ready_again(&ep->ready, &item->entry);
    }
    return 1;
}

/* How many events it found, or -EFAULT if that befell the first. */
static int scan(struct epoll *ep, struct epoll_event *to, unsigned max)
{
    struct epoll_entry *entry;
    struct list batch;
    unsigned count = 0;
    int result = 0;
    bool left;

    mutex_lock(&ep->mutex);
    epoll_ready_take(&ep->ready, &batch);
    while (count < max && result >= 0 && (entry = epoll_ready_next(&batch)) != NULL) {
        result = report(ep, container_of(entry, struct epoll_item, entry), &to[count]);
        count += result > 0;
    }
    left = epoll_ready_give_back(&ep->ready, &batch);
    mutex_unlock(&ep->mutex);
    if (left) {
        (void)epoll_wake_one(ep);
    }
    return count != 0 || result > 0 ? (int)count : result;
}

/* Sleeps unless something is queued: 0, -EINTR, -ETIMEDOUT. */
static int sleep_once(struct epoll *ep, nsec_t deadline)
{
    struct event_waiter waiter = {.thread = thread_current()};
    bool irq = spin_lock(&ep->lock);
    int err = 0;

    list_push_back(&ep->waiters, &waiter.link);
    sched_prepare_sleep(); /* the fence; see the top of this file */
    spin_unlock(&ep->lock, irq);
    if (epoll_ready_any(&ep->ready)) {
        sched_cancel_sleep();
    } else if (signal_pending()) {
        sched_cancel_sleep();
        err = -EINTR;
    } else {
        err = sched_sleep(deadline);
    }
    irq = spin_lock(&ep->lock);
    list_remove(&waiter.link);
    spin_unlock(&ep->lock, irq);
    return err;
}

static int wait(struct epoll *ep, struct epoll_event *to, unsigned max, nsec_t deadline)
{
    int err = deadline == 0 ? -ETIMEDOUT : 0;

    for (;;) {
        int count = epoll_ready_any(&ep->ready) ? scan(ep, to, max) : 0;

        if (count != 0) {
            return count;
        }
        if (err != 0) {
            return err == -ETIMEDOUT ? 0 : err;
        }
        err = sleep_once(ep, deadline);
    }
}

static s64 do_wait(u64 fd, u64 events, u64 max, nsec_t deadline)
{
    struct file *file;
    s64 result = -EINVAL;

    if ((int)max <= 0 || (u32)max > EVENTS_MAX) {
        return -EINVAL;
    }
    if (!user_range_ok((const void *)events, (u32)max * sizeof(struct epoll_event))) {
        return -EFAULT;
    }
    file = fd_get((int)fd);
    if (file == NULL) {
        return -EBADF;
    }
    if (epoll_of(file) != NULL) {
        result = wait(epoll_of(file), (struct epoll_event *)events, (u32)max, deadline);
    }
    file_put(file);
    return result;
}

s64 sys_epoll_wait(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return do_wait(a0, a1, a2, timeout_from_ms((int)a3));
}

static s64 wait_masked(const u64 *args, nsec_t deadline)
{
    struct sigmask_swap swap;
    s64 result = sigmask_begin(&swap, args[3], args[4]);

    if (result == 0) {
        result = do_wait(args[0], args[1], args[2], deadline);
        sigmask_end(&swap, result);
    }
    return result;
}

s64 sys_epoll_pwait(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    const u64 args[] = {a0, a1, a2, a4, a5};

    return wait_masked(args, timeout_from_ms((int)a3));
}

s64 sys_epoll_pwait2(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    const u64 args[] = {a0, a1, a2, a4, a5};
    nsec_t deadline;
    s64 err = timeout_read(a3, false, &deadline);

    return err != 0 ? err : wait_masked(args, deadline);
}
