/* SPDX-License-Identifier: MIT */
/*
 * Receiving on a TCP connection.
 *
 * A thread claims the front of the queue, copies out of it without the lock,
 * and then takes away what it has read: others may append meanwhile, and a
 * page fault in its buffer stops nobody but other readers.
 *
 * Urgent data: a read ends at the urgent byte, and the next one goes past
 * it.  Unless SO_OOBINLINE is set the byte is not in the stream, but kept
 * for MSG_OOB.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>

/* One call's progress. */
struct reading {
    struct socket_message *to;
    u64 target; /* bytes to wait for */
    nsec_t deadline;
    bool peek, begun;
    bool stop;             /* at the urgent byte */
    struct inet_chunk *at; /* when peeking: what was read last */
    u64 position;          /* in the stream */
};

/* ---- Waiting --------------------------------------------------------------------------------- */

/* With nothing in the queue: 1 if nothing will come, 0 if it may, or an error.  Lock held. */
static int judge_empty(struct inet_socket *socket, const struct reading *r)
{
    if (r->begun && r->to->io.done >= r->target) {
        return 1;
    }
    if (r->begun && (socket->finished || socket->reset || (socket->shut & SHUT_RD) != 0 ||
                     atomic_load_explicit(&socket->error, memory_order_relaxed) != 0)) {
        return 1; /* the next call tells */
    }
    if (socket->finished) {
        return 1;
    }
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) != 0) {
        return inet_take_error(socket);
    }
    if (socket->reset || (socket->shut & SHUT_RD) != 0) {
        return 1;
    }
    if (socket->state == STREAM_CLOSED || socket->state == STREAM_LISTENING) {
        return -ENOTCONN;
    }
    return r->deadline == 0 ? -EAGAIN : 0;
}

/* Until there is something and nobody else takes it, with the lock held; 1: nothing will come. */
static int claim(struct inet_socket *socket, const struct reading *r, bool *irq)
{
    int err = 0;

    while (err == 0 && (socket->reading || list_empty(&socket->queue))) {
        if (socket->reading) {
            err = inet_wait(socket, irq, &socket->read_waiters, 0, SCHED_NEVER);
            continue;
        }
        err = judge_empty(socket, r);
        if (err == 0) {
            err = inet_wait(socket, irq, &socket->read_waiters, 1, r->deadline);
        }
    }
    if (err == 0) {
        socket->reading = true;
    }
    return err;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static struct inet_chunk *next_chunk(const struct inet_socket *socket, const struct reading *r)
{
    struct list *link = r->at == NULL ? socket->queue.next : r->at->link.next;

    return link == &socket->queue ? NULL : list_entry(link, struct inet_chunk, link);
}

/* How much of `size` bytes at the call's position may be read at once; lock held. */
static u64 up_to_urgent(struct inet_socket *socket, struct reading *r, u64 size)
{
    if (!socket->urgent || socket->urgent_at < r->position) {
        return size;
    }
    if (socket->urgent_at > r->position) {
        return MIN(size, socket->urgent_at - r->position);
    }
    if (r->begun) {
        r->stop = true;
        return 0;
    }
    /* A read that begins at it goes past. */
    return size;
}

static int move_bytes(struct reading *r, const u8 *from, u64 size)
{
    if ((r->to->flags & MSG_TRUNC) != 0) { /* tcp(7): they are thrown away */
        io_skip(&r->to->io, size);
        return 0;
    }
    return io_put(&r->to->io, from, size);
}

/* Bytes have been read: the chunk if it is empty now, to be freed.  Lock held. */
static struct inet_chunk *take_away(struct inet_socket *socket, struct inet_chunk *chunk, u64 size)
{
    struct inet_socket *peer = atomic_load_explicit(&socket->peer, memory_order_relaxed);

    if (peer != NULL) {
        u64 limit = inet_queue_limit(socket, peer);

        if (!stream_has_room(socket->charge, limit) &&
            stream_has_room(socket->charge - size, limit)) {
            poll_notify_quick(&peer->socket.source, POLLOUT | POLLWRNORM);
        }
    }
    chunk->taken += (u32)size;
    socket->charge -= size;
    socket->head += size;
    socket->unacknowledged += socket->by_card ? size : 0;
    if (socket->urgent && socket->head > socket->urgent_at) {
        socket->urgent = socket->urgent_kept = false;
    }
    if (chunk->taken < chunk->size) {
        return NULL;
    }
    list_remove(&chunk->link);
    return chunk;
}

/* What one chunk has; claimed, and the lock held, which it gives up meanwhile. */
static int read_chunk(struct inet_socket *socket, struct inet_chunk *chunk, struct reading *r,
                      bool *irq)
{
    u64 size = up_to_urgent(socket, r, MIN((u64)(chunk->size - chunk->taken), r->to->io.left));
    const u8 *from = chunk->data + chunk->taken;
    struct io before = r->to->io;
    struct inet_chunk *empty = NULL;
    int err;

    if (size == 0) {
        r->stop = true;
        return 0;
    }
    spin_unlock(&socket->lock, *irq);
    err = move_bytes(r, from, size);
    *irq = spin_lock(&socket->lock);
    if (err != 0) {
        r->to->io = before;
        return err;
    }
    r->begun = true;
    r->position += size;
    if (r->peek) {
        r->at = chunk;
        r->stop = size < chunk->size - chunk->taken;
    } else {
        empty = take_away(socket, chunk, size);
    }
    if (empty != NULL) {
        spin_unlock(&socket->lock, *irq);
        kfree(empty);
        *irq = spin_lock(&socket->lock);
    }
    return 0;
}

/* All there is, as far as it goes; lock held. */
static int read_chunks(struct inet_socket *socket, struct reading *r, bool *irq)
{
    struct inet_chunk *chunk = next_chunk(socket, r);
    int err = 0;

    while (err == 0 && chunk != NULL && r->to->io.left != 0 && !r->stop) {
        err = read_chunk(socket, chunk, r, irq);
        chunk = next_chunk(socket, r);
    }
    socket->reading = false;
    return err;
}

/* ---- Urgent data ----------------------------------------------------------------------------- */

static int receive_urgent(struct inet_socket *socket, struct socket_message *to)
{
    bool irq = spin_lock(&socket->lock), peek = (to->flags & MSG_PEEK) != 0;
    bool there = socket->urgent && socket->urgent_kept;
    u8 byte = socket->urgent_byte;

    if (there && !peek) {
        socket->urgent_kept = false;
    }
    inet_unlock(socket, irq);
    if (!there) {
        return -EINVAL;
    }
    to->told |= MSG_OOB;
    if (to->io.left == 0) {
        to->told |= MSG_TRUNC;
        return 0;
    }
    return io_put(&to->io, &byte, 1);
}

/* ---- The call -------------------------------------------------------------------------------- */

static u64 target_of(struct inet_socket *socket, const struct socket_message *to)
{
    u64 low = (u64)atomic_load_explicit(&socket->socket.receive_low, memory_order_relaxed);

    if ((to->flags & MSG_PEEK) != 0) {
        return 1; /* one look: what is there may be gone when more has come */
    }
    return (to->flags & MSG_WAITALL) != 0 ? to->io.left : MIN(low, to->io.left);
}

int stream_receive(struct socket *base, struct socket_message *to)
{
    struct inet_socket *socket = inet_of(base);
    struct reading r = {.to = to,
                        .target = target_of(socket, to),
                        .peek = (to->flags & MSG_PEEK) != 0,
                        .deadline = socket_receive_deadline(base, to->flags)};
    int err = 0;
    bool irq;

    if ((to->flags & MSG_ERRQUEUE) != 0) {
        return -EAGAIN;
    }
    if ((to->flags & MSG_OOB) != 0) {
        return receive_urgent(socket, to);
    }
    irq = spin_lock(&socket->lock);
    r.position = socket->head;
    while (err == 0 && to->io.left != 0 && !r.stop) {
        err = claim(socket, &r, &irq);
        if (!r.begun) {
            r.position = socket->head;
        }
        if (err == 0) {
            err = read_chunks(socket, &r, &irq);
        }
        if (r.begun && to->io.done >= r.target) {
            break;
        }
    }
    inet_unlock(socket, irq);
    if (socket->by_card) {
        tcp_card_read(socket);
    }
    return err == 1 ? 0 : err;
}
