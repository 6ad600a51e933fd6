/* SPDX-License-Identifier: MIT */
/*
 * eventfd(2): a counter that is a file.  A read takes all of it, or one
 * (EFD_SEMAPHORE), and waits while it is 0; a write adds, and waits while the
 * sum would reach 2^64 - 1.
 *
 * The value comes from or goes to the application outside the lock, and is
 * small: a read that faults has taken the value, as on Linux.
 */
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/syscall.h>

#include "event_priv.h"

#define EFD_SEMAPHORE 1u
#define COUNT_MAX (~0ull - 1)

/* (l) lock   (c) constant */
struct eventfd {
    struct spinlock lock;      /* RANK_EVENT */
    u64 count;                 /* (l) */
    bool semaphore;            /* (c) */
    struct list read_waiters;  /* (l) need: 1 */
    struct list write_waiters; /* (l) need: what it adds */
    struct poll_source source;
};

/* Ends a critical section: wakes who can go on now; see pipe.c. */
static void unlock_and_wake(struct eventfd *event, bool irq)
{
    struct thread *reader = event_choose(&event->read_waiters, event->count);
    struct thread *writer = event_choose(&event->write_waiters, COUNT_MAX - event->count);

    spin_unlock(&event->lock, irq);
    if (reader != NULL) {
        (void)sched_wake(reader);
    }
    if (writer != NULL) {
        (void)sched_wake(writer);
    }
}

static bool may_block(struct file *file)
{
    return (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_NONBLOCK) == 0;
}

/* Takes `*value` out: 0, -EAGAIN, -ERESTARTSYS. */
static int take(struct eventfd *event, bool block, u64 *value)
{
    bool irq = spin_lock(&event->lock);
    int err = block ? 0 : -EAGAIN;

    while (event->count == 0 && err == 0) {
        err = event_wait(&event->lock, &irq, &event->read_waiters, 1, SCHED_NEVER);
    }
    if (event->count != 0) {
        err = 0;
        *value = event->semaphore ? 1 : event->count;
        event->count -= *value;
        poll_notify_quick(&event->source, POLLOUT);
    }
    unlock_and_wake(event, irq);
    return err;
}

static int add(struct eventfd *event, bool block, u64 value)
{
    bool irq = spin_lock(&event->lock);
    int err = block ? 0 : -EAGAIN;

    while (COUNT_MAX - event->count < value && err == 0) {
        err = event_wait(&event->lock, &irq, &event->write_waiters, value, SCHED_NEVER);
    }
    if (COUNT_MAX - event->count >= value) {
        err = 0;
        event->count += value;
        poll_notify_quick(&event->source, POLLIN);
    }
    unlock_and_wake(event, irq);
    return err;
}

static int eventfd_read(struct file *file, struct io *io, u64 *pos)
{
    u64 value = 0;
    int err = io->left < sizeof(value) ? -EINVAL : take(file->priv, may_block(file), &value);

    return err != 0 ? err : io_put(io, &value, sizeof(value));
}

static int eventfd_write(struct file *file, struct io *io, u64 *pos)
{
    u64 value;
    int err;

    if (io->left < sizeof(value)) {
        return -EINVAL;
    }
    err = io_take(io, &value, sizeof(value));
    if (err != 0) {
        return err;
    }
    err = value == ~0ull ? -EINVAL : add(file->priv, may_block(file), value);
    if (err != 0) {
        io->done = 0;
    }
    return err;
}

static u32 eventfd_poll(struct file *file)
{
    struct eventfd *event = file->priv;
    bool irq = spin_lock(&event->lock);
    u32 events = (event->count != 0 ? POLLIN : 0) | (event->count < COUNT_MAX ? POLLOUT : 0);

    spin_unlock(&event->lock, irq);
    return events;
}

static struct poll_source *eventfd_source(struct file *file)
{
    return &((struct eventfd *)file->priv)->source;
}

static void eventfd_release(struct file *file)
{
    kfree(file->priv);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .source = eventfd_source,
    .release = eventfd_release,
};

static int eventfd_new(u32 count, u32 flags, struct file **file)
{
    struct eventfd *event = kzalloc(sizeof(*event));
    int err;

    if (event == NULL) {
        return -ENOMEM;
    }
    spinlock_init(&event->lock, "eventfd", RANK_EVENT);
    list_init(&event->read_waiters);
    list_init(&event->write_waiters);
    poll_source_init(&event->source, "eventfd watches");
    event->count = count;
    event->semaphore = (flags & EFD_SEMAPHORE) != 0;
    err =
        file_new(&eventfd_ops, "anon_inode:[eventfd]", O_RDWR | (flags & O_NONBLOCK), event, file);
    if (err != 0) {
        kfree(event);
    }
    return err;
}

s64 sys_eventfd2(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a1;
    struct file *file;
    int err;

    if ((flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    err = eventfd_new((u32)a0, flags, &file);
    return err != 0 ? err : event_install(file, (flags & O_CLOEXEC) != 0);
}

s64 sys_eventfd(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_eventfd2(a0, 0, 0, 0, 0, 0);
}
