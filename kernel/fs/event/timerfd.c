/* SPDX-License-Identifier: MIT */
/*
 * timerfd(2): a timer that is a file, whose read gives how often it expired.
 *
 * A periodic timer is not started again when it expires, but when somebody
 * asks how often it has: the count follows from the time, and a timer nobody
 * reads costs one interrupt.  Setting the wall clock does not move timers on
 * it (the wall follows the host's in small steps), so TFD_TIMER_CANCEL_ON_SET has
 * nothing to cancel.
 *
 * The timer's callback takes the lock; so a running one is waited for only
 * without it: settime() disarms, cancels, and then sets anew, under a mutex.
 */
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/posix_time.h>
#include <kernel/syscall.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

#include "event_priv.h"

#define TIMER_CANCEL_ON_SET 2u

/* (l) lock   (c) constant */
struct timerfd {
    struct mutex setting;
    struct spinlock lock; /* RANK_EVENT */
    struct timer timer;
    bool wall;           /* (c) on the wall clock */
    bool armed;          /* (l) `next` means something; else it is not to expire */
    bool expired;        /* (l) armed, and `next` has passed: the timer is not running */
    nsec_t next;         /* (l) clock_now() time */
    nsec_t interval;     /* (l) 0: once */
    struct list waiters; /* (l) */
    struct poll_source source;
};

static void expire(struct timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    struct thread *thread = NULL;
    bool irq = spin_lock(&t->lock);

    if (t->armed) {
        t->expired = true;
        thread = event_choose(&t->waiters, (u64)-1);
        poll_notify_quick(&t->source, POLLIN);
    }
    spin_unlock(&t->lock, irq);
    if (thread != NULL) {
        (void)sched_wake(thread);
    }
}

/* How often it has expired since the last time this was asked; lock held. */
static u64 take_expirations(struct timerfd *t)
{
    u64 count = 1;

    assert(t->expired);
    t->expired = false;
    if (t->interval == 0) {
        t->armed = false;
        return count;
    }
    count += (clock_now() - t->next) / t->interval;
    t->next += count * t->interval;
    timer_start(&t->timer, t->next); /* its callback has let go of the lock: `expired` */
    return count;
}

static int timerfd_read(struct file *file, struct io *io, u64 *pos)
{
    struct timerfd *t = file->priv;
    bool block = (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_NONBLOCK) == 0, irq;
    int err = block ? 0 : -EAGAIN;
    u64 count = 0;

    if (io->left < sizeof(count)) {
        return -EINVAL;
    }
    irq = spin_lock(&t->lock);
    while (!t->expired && err == 0) {
        err = event_wait(&t->lock, &irq, &t->waiters, 0, SCHED_NEVER);
    }
    if (t->expired) {
        err = 0;
        count = take_expirations(t);
    }
    spin_unlock(&t->lock, irq);
    return err != 0 ? err : io_put(io, &count, sizeof(count));
}

static u32 timerfd_poll(struct file *file)
{
    struct timerfd *t = file->priv;
    bool irq = spin_lock(&t->lock);
    u32 events = t->expired ? POLLIN : 0;

    spin_unlock(&t->lock, irq);
    return events;
}

static struct poll_source *timerfd_source(struct file *file)
{
    return &((struct timerfd *)file->priv)->source;
}

static void timerfd_release(struct file *file)
{
    struct timerfd *t = file->priv;

    (void)timer_cancel(&t->timer);
    kfree(t);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .source = timerfd_source,
    .release = timerfd_release,
};

/* ---- Setting -------------------------------------------------------------------- */

/* What is left until it expires; of a periodic one that has, until the next time. */
static struct itimerspec current_setting(struct timerfd *t)
{
    nsec_t now = clock_now(), next = t->next;

    if (!t->armed || (t->expired && t->interval == 0)) {
        return (struct itimerspec){.interval = timespec_from_nsec(t->interval)};
    }
    if (next <= now) {
        next = t->interval == 0 ? now + 1 : next + ((now - next) / t->interval + 1) * t->interval;
    }
    return (struct itimerspec){timespec_from_nsec(t->interval), timespec_from_nsec(next - now)};
}

/* The value of settime as clock_now() time. */
static nsec_t deadline_of(const struct timerfd *t, nsec_t value, bool absolute)
{
    nsec_t now = clock_now(), clock = t->wall ? clock_wall() : now;

    if (!absolute) {
        return now + value;
    }
    return value > clock ? now + (value - clock) : now;
}

static void set_timer(struct timerfd *t, nsec_t value, nsec_t interval, bool absolute,
                      struct itimerspec *old)
{
    bool irq;

    mutex_lock(&t->setting);
    irq = spin_lock(&t->lock);
    *old = current_setting(t);
    t->armed = t->expired = false;
    spin_unlock(&t->lock, irq);
    (void)timer_cancel(&t->timer);

    irq = spin_lock(&t->lock);
    t->interval = interval;
    t->armed = value != 0;
    if (t->armed) {
        t->next = deadline_of(t, value, absolute);
        timer_start(&t->timer, t->next); /* it is not running: cancelled, and nobody read it */
    }
    spin_unlock(&t->lock, irq);
    mutex_unlock(&t->setting);
}

/* The timerfd behind a descriptor, whose file is counted; -EBADF, -EINVAL. */
static int get_timerfd(u64 fd, struct file **file)
{
    *file = fd_get((int)fd);
    if (*file == NULL) {
        return -EBADF;
    }
    if ((*file)->ops != &timerfd_ops) {
        file_put(*file);
        return -EINVAL;
    }
    return 0;
}

s64 sys_timerfd_settime(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct itimerspec set, old;
    struct file *file;
    int err;

    if (user_read(&set, (const void *)a2, sizeof(set)) != 0) {
        return -EFAULT;
    }
    if (((u32)a1 & ~(TIMER_ABSTIME | TIMER_CANCEL_ON_SET)) != 0 || !timespec_is_valid(&set.value) ||
        !timespec_is_valid(&set.interval)) {
        return -EINVAL;
    }
    err = get_timerfd(a0, &file);
    if (err != 0) {
        return err;
    }
    set_timer(file->priv, timespec_to_nsec(&set.value), timespec_to_nsec(&set.interval),
              ((u32)a1 & TIMER_ABSTIME) != 0, &old);
    file_put(file);
    return a3 != 0 && user_write((void *)a3, &old, sizeof(old)) != 0 ? -EFAULT : 0;
}

s64 sys_timerfd_gettime(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct itimerspec setting;
    struct timerfd *t;
    struct file *file;
    bool irq;
    int err = get_timerfd(a0, &file);

    if (err != 0) {
        return err;
    }
    t = file->priv;
    mutex_lock(&t->setting);
    irq = spin_lock(&t->lock);
    setting = current_setting(t);
    spin_unlock(&t->lock, irq);
    mutex_unlock(&t->setting);
    file_put(file);
    return user_write((void *)a1, &setting, sizeof(setting));
}

static int timerfd_new(bool wall, u32 flags, struct file **file)
{
    struct timerfd *t = kzalloc(sizeof(*t));
    int err;

    if (t == NULL) {
        return -ENOMEM;
    }
    mutex_init(&t->setting, "timerfd");
    spinlock_init(&t->lock, "timerfd", RANK_EVENT);
    timer_setup(&t->timer, expire);
    list_init(&t->waiters);
    poll_source_init(&t->source, "timerfd watches");
    t->wall = wall;
    err = file_new(&timerfd_ops, "anon_inode:[timerfd]", O_RDWR | (flags & O_NONBLOCK), t, file);
    if (err != 0) {
        kfree(t);
    }
    return err;
}

s64 sys_timerfd_create(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int clock = (int)a0;
    u32 flags = (u32)a1;
    struct file *file;
    int err;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0 ||
        (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
         clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)) {
        return -EINVAL;
    }
    err = timerfd_new(clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM, flags, &file);
    return err != 0 ? err : event_install(file, (flags & O_CLOEXEC) != 0);
}
