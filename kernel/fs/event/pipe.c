/* SPDX-License-Identifier: MIT */
/*
 * The way of bytes through a pipe: who may copy, who waits, who is woken.
 *
 * A reader claims the filled part of the ring (`reading`), copies it out
 * without the lock, and gives the room back; a writer likewise with the free
 * part.  So one reader and one writer copy at the same time, and a page fault
 * in either's buffer stops only its own side.  Per call that is the lock
 * twice, for some 20 cycles each; one lock held across the copy, a mutex,
 * would cost the same and let the two sides wait for each other.
 *
 * Whoever lets go of the lock after a change wakes at most one reader and one
 * writer that can go on now.  The same is done by who leaves without having
 * changed anything, since it may have been chosen for a wake-up that it does
 * not use.
 *
 * A record is a length of 4 bytes and that many bytes.
 */
#include "pipe_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#include "event_priv.h"

#define RECORD_HEADER ((u64)sizeof(u32))

/* Whom to wake once the lock is free. */
struct wake {
    struct thread *reader, *writer;
};

static bool can_read(const struct pipe *pipe)
{
    return !pipe->reading && (pipe_ring_used(&pipe->ring) != 0 || pipe->writers == 0);
}

static struct wake choose_next(struct pipe *pipe)
{
    struct wake wake = {NULL, NULL};

    if (!list_empty(&pipe->read_waiters) && !pipe->reading) {
        wake.reader = event_choose(&pipe->read_waiters, can_read(pipe));
    }
    if (!list_empty(&pipe->write_waiters) && !pipe->writing) {
        u64 room = pipe->readers == 0 ? (u64)-1 : pipe_ring_room(&pipe->ring);

        wake.writer = event_choose(&pipe->write_waiters, room);
    }
    return wake;
}

/* Ends a critical section: see the top of this file. */
static void unlock_and_wake(struct pipe *pipe, bool irq)
{
    struct wake wake = choose_next(pipe);

    spin_unlock(&pipe->lock, irq);
    if (wake.reader != NULL) {
        (void)sched_wake(wake.reader);
    }
    if (wake.writer != NULL) {
        (void)sched_wake(wake.writer);
    }
}

/* ---- Reading ------------------------------------------------------------------- */

/* What a read moves, and by how much it moves the tail. */
static u64 read_size(struct pipe *pipe, u64 wanted, u64 *step)
{
    u32 record;

    if (!pipe->records) {
        *step = MIN(pipe_ring_used(&pipe->ring), wanted);
        return *step;
    }
    pipe_ring_get(&pipe->ring, pipe->ring.tail, &record, RECORD_HEADER);
    *step = RECORD_HEADER + record;
    return MIN(record, wanted);
}

/* A write that is not long goes on: a record has its length before it. */
static bool has_room(const struct pipe *pipe)
{
    return pipe_ring_room(&pipe->ring) >= PIPE_BUF + (pipe->records ? RECORD_HEADER : 0);
}

/* Bytes have gone, and the lock is held. */
static void tail_moved(struct pipe *pipe)
{
    if (!pipe->writing && pipe->ring.tail == pipe->ring.head) {
        pipe_ring_rewind(&pipe->ring);
    }
    if (has_room(pipe)) {
        poll_notify_quick(&pipe->source, POLLOUT | POLLWRNORM);
    }
}

/* With `reading` claimed and the lock held, which it gives up meanwhile. */
static int copy_out(struct pipe *pipe, struct io *io, u32 flags, bool *irq)
{
    u64 step, size = read_size(pipe, io->left, &step), before = io->done;
    u64 pos = pipe->ring.tail + (pipe->records ? RECORD_HEADER : 0);
    int err;

    pipe->reading = true;
    spin_unlock(&pipe->lock, *irq);
    err = pipe_ring_drain(&pipe->ring, pos, io, size);
    if (!pipe->records) {
        step = io->done - before;
    }
    *irq = spin_lock(&pipe->lock);
    pipe->reading = false;
    if ((flags & PIPE_PEEK) == 0 && (err == 0 || !pipe->records)) {
        pipe->ring.tail += step;
        tail_moved(pipe);
    }
    return err;
}

/* Until the reader's side is free and has something: 0, -EAGAIN, -ERESTARTSYS. */
static int await_bytes(struct pipe *pipe, u32 flags, bool *irq)
{
    int err = 0;

    while (!can_read(pipe)) {
        if ((flags & PIPE_NONBLOCK) != 0 && !pipe->reading) {
            err = -EAGAIN;
        }
        if (err != 0) {
            return err;
        }
        /* Who does not wait for bytes waits for the other reader only: needs 0. */
        err = event_wait(&pipe->lock, irq, &pipe->read_waiters, (flags & PIPE_NONBLOCK) == 0,
                         SCHED_NEVER);
    }
    return 0;
}

int pipe_read(struct pipe *pipe, struct io *io, u32 flags)
{
    bool irq = spin_lock(&pipe->lock);
    int err = await_bytes(pipe, flags, &irq);

    if (err == 0 && pipe_ring_used(&pipe->ring) != 0) {
        err = copy_out(pipe, io, flags, &irq);
    }
    unlock_and_wake(pipe, irq);
    return err;
}

int pipe_hold(struct pipe *pipe, struct io *io, u32 flags)
{
    bool irq = spin_lock(&pipe->lock);
    int err = await_bytes(pipe, flags, &irq);
    u64 step, size, pos;

    if (err != 0 || pipe_ring_used(&pipe->ring) == 0) {
        unlock_and_wake(pipe, irq);
        return err;
    }
    size = read_size(pipe, io->left, &step);
    pos = pipe->ring.tail + (pipe->records ? RECORD_HEADER : 0);
    pipe->reading = true;
    spin_unlock(&pipe->lock, irq);
    err = pipe_ring_drain(&pipe->ring, pos, io, size);
    if (io->done == 0) {
        pipe_let_go(pipe, 0);
    }
    return io->done == 0 ? err : 0;
}

/* Of a record the rest becomes one: its length moves to before what is left. */
static void cut_record(struct pipe *pipe, u64 taken)
{
    u64 tail = pipe->ring.tail;
    u32 record;

    pipe_ring_get(&pipe->ring, tail, &record, RECORD_HEADER);
    if (taken >= record) {
        pipe->ring.tail = tail + RECORD_HEADER + record;
        return;
    }
    record -= (u32)taken;
    /* The pages are there: bytes that were taken lie on them. */
    BUG_ON(pipe_ring_put(&pipe->ring, tail + taken, &record, RECORD_HEADER) != 0);
    pipe->ring.tail = tail + taken;
}

void pipe_let_go(struct pipe *pipe, u64 taken)
{
    bool irq = spin_lock(&pipe->lock);

    pipe->reading = false;
    if (taken != 0 && pipe->records) {
        cut_record(pipe, taken);
    } else {
        pipe->ring.tail += taken;
    }
    if (taken != 0) {
        tail_moved(pipe);
    }
    unlock_and_wake(pipe, irq);
}

/* ---- Writing ------------------------------------------------------------------- */

/*
 * How much room the write has to find before it goes on.  A long one goes on
 * when a page is free, as on Linux, also if it is not to wait.
 */
static u64 write_need(const struct pipe *pipe, const struct io *io)
{
    if (pipe->records) {
        return MIN(io->left, pipe->record_max) + RECORD_HEADER;
    }
    return MIN(io->left, PIPE_BUF);
}

static bool can_write(const struct pipe *pipe, const struct io *io)
{
    return !pipe->writing &&
           (pipe->readers == 0 || pipe_ring_room(&pipe->ring) >= write_need(pipe, io));
}

static int fill(struct pipe *pipe, struct io *io, u64 size)
{
    u64 pos = pipe->ring.head;
    u32 record = (u32)size;
    int err;

    if (pipe->records) {
        err = pipe_ring_put(&pipe->ring, pos, &record, RECORD_HEADER);
        if (err != 0) {
            return err;
        }
        pos += RECORD_HEADER;
    }
    return pipe_ring_fill(&pipe->ring, pos, io, size);
}

/* As copy_out(). */
static int copy_in(struct pipe *pipe, struct io *io, bool *irq)
{
    u64 size = io->left, before = io->done;
    int err;

    size = MIN(size, pipe->records ? pipe->record_max : pipe_ring_room(&pipe->ring));
    pipe->writing = true;
    spin_unlock(&pipe->lock, *irq);
    err = fill(pipe, io, size);
    *irq = spin_lock(&pipe->lock);
    pipe->writing = false;
    if (pipe->records && err == 0) {
        pipe->ring.head += size + RECORD_HEADER;
    } else if (pipe->records) {
        io->done = before; /* no part of a record */
    } else {
        pipe->ring.head += io->done - before;
    }
    if (pipe_ring_used(&pipe->ring) != 0) {
        poll_notify_quick(&pipe->source, POLLIN | POLLRDNORM);
    }
    return err;
}

/* Until there is room: 0, -EAGAIN, -EPIPE, -ERESTARTSYS. */
static int await_room(struct pipe *pipe, const struct io *io, u32 flags, bool *irq)
{
    int err = 0;

    while (!can_write(pipe, io)) {
        if ((flags & PIPE_NONBLOCK) != 0 && !pipe->writing) {
            err = -EAGAIN;
        }
        if (err != 0) {
            return err;
        }
        err = event_wait(&pipe->lock, irq, &pipe->write_waiters,
                         pipe->writing ? 0 : write_need(pipe, io), SCHED_NEVER);
    }
    return pipe->readers == 0 ? -EPIPE : 0;
}

int pipe_write(struct pipe *pipe, struct io *io, u32 flags)
{
    bool irq;
    int err;

    irq = spin_lock(&pipe->lock);
    do {
        err = await_room(pipe, io, flags, &irq);
        if (err == 0) {
            err = copy_in(pipe, io, &irq);
        }
        if (io->left != 0) {
            unlock_and_wake(pipe, irq);
            irq = spin_lock(&pipe->lock);
        }
    } while (err == 0 && io->left != 0);
    unlock_and_wake(pipe, irq);
    return err;
}

/* ---- Its size -------------------------------------------------------------------- */

u64 pipe_size(struct pipe *pipe)
{
    bool irq = spin_lock(&pipe->lock);
    u64 size = pipe->ring.slots * PAGE_SIZE;

    spin_unlock(&pipe->lock, irq);
    return size;
}

static void ring_assign(struct pipe_ring *to, const struct pipe_ring *from)
{
    *to = *from;
    if (from->pages == from->few) {
        to->pages = to->few;
    }
}

/*
 * With both sides claimed, so that nobody else changes the ring; who polls looks at it all
 * the same.  What is left in `fresh` is to be freed.
 */
static s64 replace_ring(struct pipe *pipe, struct pipe_ring *fresh)
{
    struct pipe_ring old;
    bool irq;

    ring_assign(&old, &pipe->ring);
    if (pipe_ring_used(&old) > fresh->slots * PAGE_SIZE) {
        return -EBUSY;
    }
    if (pipe_ring_move(&old, fresh) != 0) {
        return -ENOMEM;
    }
    irq = spin_lock(&pipe->lock);
    ring_assign(&pipe->ring, fresh);
    ring_assign(fresh, &old);
    spin_unlock(&pipe->lock, irq);
    return (s64)(pipe->ring.slots * PAGE_SIZE);
}

s64 pipe_resize(struct pipe *pipe, u64 size)
{
    struct pipe_ring fresh;
    u32 slots = pipe->records ? 2 : 1; /* PIPE_BUF bytes with their length */
    bool irq;
    s64 result;

    while (slots * PAGE_SIZE < size) {
        slots *= 2;
    }
    if (slots * PAGE_SIZE > PIPE_SIZE_MAX) {
        return -EPERM;
    }
    if (pipe_ring_init(&fresh, slots) != 0) {
        return -ENOMEM;
    }
    irq = spin_lock(&pipe->lock);
    while (pipe->reading || pipe->writing) {
        spin_unlock(&pipe->lock, irq);
        sched_yield();
        irq = spin_lock(&pipe->lock);
    }
    pipe->reading = pipe->writing = true;
    spin_unlock(&pipe->lock, irq);
    result = replace_ring(pipe, &fresh);
    irq = spin_lock(&pipe->lock);
    pipe->reading = pipe->writing = false;
    if (pipe_ring_used(&pipe->ring) != 0) {
        poll_notify_quick(&pipe->source, POLLIN | POLLRDNORM);
    }
    poll_notify_quick(&pipe->source, POLLOUT | POLLWRNORM);
    unlock_and_wake(pipe, irq);
    pipe_ring_free(&fresh);
    return result;
}
/* ---- State --------------------------------------------------------------------- */

u32 pipe_poll_reader(struct pipe *pipe, u64 unopened)
{
    bool irq = spin_lock(&pipe->lock);
    u32 events = pipe_ring_used(&pipe->ring) != 0 ? POLLIN | POLLRDNORM : 0;

    if (pipe->writers == 0 && pipe->writes_opened != unopened) {
        events |= POLLHUP;
    }
    spin_unlock(&pipe->lock, irq);
    return events;
}

u32 pipe_poll_writer(struct pipe *pipe)
{
    bool irq = spin_lock(&pipe->lock);
    u32 events = has_room(pipe) ? POLLOUT | POLLWRNORM : 0;

    if (pipe->readers == 0) {
        events |= POLLERR;
    }
    spin_unlock(&pipe->lock, irq);
    return events;
}

u64 pipe_pending(struct pipe *pipe)
{
    bool irq = spin_lock(&pipe->lock);
    u64 used = pipe_ring_used(&pipe->ring);
    u32 record;

    if (used != 0 && pipe->records) {
        pipe_ring_get(&pipe->ring, pipe->ring.tail, &record, RECORD_HEADER);
        used = record;
    }
    spin_unlock(&pipe->lock, irq);
    return used;
}

struct pipe_others pipe_open_end(struct pipe *pipe, bool reads, bool writes)
{
    bool irq = spin_lock(&pipe->lock);
    struct pipe_others others;

    pipe->readers += reads;
    pipe->reads_opened += reads;
    pipe->writers += writes;
    pipe->writes_opened += writes;
    pipe->references++;
    others.none = (!writes && pipe->writers == 0) || (!reads && pipe->readers == 0);
    others.opened = reads ? pipe->writes_opened : pipe->reads_opened;
    event_wake_all(&pipe->open_waiters);
    spin_unlock(&pipe->lock, irq);
    return others;
}

bool pipe_close_end(struct pipe *pipe, bool reads, bool writes)
{
    bool irq = spin_lock(&pipe->lock), last;

    pipe->readers -= reads;
    pipe->writers -= writes;
    last = --pipe->references == 0;
    if (reads && pipe->readers == 0) {
        event_wake_all(&pipe->write_waiters);
        poll_notify_quick(&pipe->source, POLLERR | POLLOUT | POLLWRNORM);
    }
    if (writes && pipe->writers == 0) {
        event_wake_all(&pipe->read_waiters);
        poll_notify_quick(&pipe->source, POLLHUP | POLLIN | POLLRDNORM);
    }
    spin_unlock(&pipe->lock, irq);
    return last;
}

int pipe_new(u32 slots, u32 record_max, struct pipe **pipe)
{
    struct pipe *p = kzalloc(sizeof(*p));

    if (p == NULL || pipe_ring_init(&p->ring, slots) != 0) {
        kfree(p);
        return -ENOMEM;
    }
    spinlock_init(&p->lock, "pipe", RANK_EVENT);
    poll_source_init(&p->source, "pipe watches");
    p->records = record_max != 0;
    p->record_max = record_max;
    list_init(&p->read_waiters);
    list_init(&p->write_waiters);
    list_init(&p->open_waiters);
    list_init(&p->fifos);
    *pipe = p;
    return 0;
}

void pipe_free(struct pipe *pipe)
{
    pipe_ring_free(&pipe->ring);
    kfree(pipe);
}
