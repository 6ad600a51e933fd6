/* SPDX-License-Identifier: MIT */
/*
 * Sending on a TCP connection within this machine.
 *
 * The bytes are copied into a chunk before any lock is taken, and the chunk
 * is appended to the peer's queue.  Few bytes are copied to the stack first
 * and put behind those that wait in the last chunk, if there is room: a
 * program that writes byte by byte costs no memory for each.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define FEW 512u
#define CHUNK_FEW ((u32)(KIB - sizeof(struct inet_chunk)))
#define CHUNK_MANY ((u32)(32 * KIB - sizeof(struct inet_chunk)))

struct inet_chunk *chunk_new(u32 room)
{
    struct inet_chunk *chunk = kmalloc(sizeof(*chunk) + room);

    if (chunk != NULL) {
        *chunk = (struct inet_chunk){.room = room};
        list_init(&chunk->link);
    }
    return chunk;
}

/* ---- Into the peer's queue ------------------------------------------------------------------ */

/* The peer's lock is held. */
static void arrived(struct inet_socket *peer, u32 size)
{
    peer->charge += size;
    poll_notify_quick(&peer->socket.source,
                      POLLIN | POLLRDNORM | (peer->urgent ? POLLPRI | POLLRDBAND : 0));
}

/* Behind what waits in the last chunk, or in a new one: 0, -ENOBUFS.  The peer's lock is held. */
static int append_few(struct inet_socket *peer, const void *data, u32 size)
{
    struct inet_chunk *last = NULL;
    bool fits = !list_empty(&peer->queue);

    if (fits) {
        last = list_entry(peer->queue.prev, struct inet_chunk, link);
        fits = last->room - last->size >= size;
    }
    if (!fits) {
        last = chunk_new(CHUNK_FEW);
        if (last == NULL) {
            return -ENOBUFS;
        }
        list_push_back(&peer->queue, &last->link);
    }
    memcpy(last->data + last->size, data, size);
    last->size += size;
    arrived(peer, size);
    return 0;
}

/* The last byte, which is urgent; -ENOBUFS.  The peer's lock is held. */
static int append_urgent(struct inet_socket *peer, u8 byte)
{
    int err = 0;

    peer->urgent = true;
    peer->urgent_at = peer->head + peer->charge;
    peer->urgent_byte = byte;
    peer->urgent_kept = !socket_has(&peer->socket, SOCKET_OOBINLINE);
    if (!peer->urgent_kept) {
        err = append_few(peer, &byte, 1);
    } else {
        arrived(peer, 0);
    }
    return err;
}

/* ---- One piece ------------------------------------------------------------------------------- */

struct sending {
    struct inet_socket *socket, *peer;
    struct socket_message *what;
    nsec_t deadline;
};

/* Until the peer's queue has room: 0, or what ended the wait.  It may be exceeded by a piece. */
static int await_room(const struct sending *s)
{
    struct inet_socket *peer = s->peer;
    u64 limit = inet_queue_limit(peer, s->socket);
    bool irq;
    int err = 0;

    if (likely(__atomic_load_n(&peer->charge, __ATOMIC_RELAXED) < limit)) {
        return 0;
    }
    irq = spin_lock(&peer->lock);
    while (err == 0 && !peer->dead && peer->charge >= limit &&
           !__atomic_load_n(&s->socket->reset, __ATOMIC_RELAXED) &&
           (__atomic_load_n(&s->socket->shut, __ATOMIC_RELAXED) & SHUT_WR) == 0) {
        err = s->deadline == 0 ? -EAGAIN
                               : inet_wait(peer, &irq, &peer->write_waiters,
                                           (u64)INT64_MAX - limit * 2 / 3, s->deadline);
    }
    if (peer->charge < limit) {
        err = 0;
    }
    inet_unlock(peer, irq);
    return err;
}

/* Takes the lock of a peer that is still there; false: it has gone, and the connection with it. */
static bool lock_peer(const struct sending *s, bool *irq)
{
    *irq = spin_lock(&s->peer->lock);
    if (likely(!s->peer->dead)) {
        return true;
    }
    spin_unlock(&s->peer->lock, *irq);
    stream_reset(s->socket, -ECONNRESET);
    return false;
}

static int send_few(const struct sending *s, u32 size)
{
    struct io before = s->what->io;
    u8 data[FEW];
    int err = io_take(&s->what->io, data, size);
    bool irq;

    if (err == 0 && lock_peer(s, &irq)) {
        err = append_few(s->peer, data, size);
        inet_unlock(s->peer, irq);
    }
    if (err != 0) {
        s->what->io = before;
    }
    return err;
}

static int send_many(const struct sending *s, u32 size)
{
    struct io before = s->what->io;
    struct inet_chunk *chunk = chunk_new(size);
    bool irq;

    if (chunk == NULL) {
        return -ENOBUFS;
    }
    if (io_take(&s->what->io, chunk->data, size) != 0) {
        s->what->io = before;
        kfree(chunk);
        return -EFAULT;
    }
    chunk->size = size;
    if (lock_peer(s, &irq)) {
        list_push_back(&s->peer->queue, &chunk->link);
        arrived(s->peer, size);
        inet_unlock(s->peer, irq);
    } else {
        kfree(chunk); /* as if it had been under way when the answer came */
    }
    return 0;
}

static int send_urgent(const struct sending *s)
{
    struct io before = s->what->io;
    int err;
    bool irq;
    u8 byte;

    err = io_take(&s->what->io, &byte, 1);
    if (err == 0 && lock_peer(s, &irq)) {
        err = append_urgent(s->peer, byte);
        inet_unlock(s->peer, irq);
    }
    if (err != 0) {
        s->what->io = before;
    }
    return err;
}

/* ---- The call -------------------------------------------------------------------------------- */

/* 0, -EPIPE, -EAGAIN (it is not connected yet), or the error that was left. */
int stream_check_send(struct inet_socket *socket, nsec_t deadline)
{
    bool irq = spin_lock(&socket->lock);
    int err = 0;

    while (err == 0 && socket->state == STREAM_CONNECTING) {
        err = deadline == 0 ? -EAGAIN
                            : inet_wait(socket, &irq, &socket->write_waiters, INT64_MAX, deadline);
    }
    if (err == 0 &&
        (socket->state != STREAM_CONNECTED || socket->reset || (socket->shut & SHUT_WR) != 0)) {
        err = -EPIPE;
    }
    inet_unlock(socket, irq);
    if (err != -EAGAIN && atomic_load_explicit(&socket->error, memory_order_relaxed) != 0) {
        err = inet_take_error(socket);
    }
    return err;
}

static int send_piece(const struct sending *s)
{
    bool urgent = (s->what->flags & MSG_OOB) != 0;
    u64 size = s->what->io.left - urgent;
    int err;

    if (size == 0) {
        return send_urgent(s);
    }
    err = await_room(s);
    if (err == 0) {
        err = stream_check_send(s->socket, 0);
    }
    if (err != 0) {
        return err;
    }
    return size <= FEW ? send_few(s, (u32)size) : send_many(s, (u32)MIN(size, (u64)CHUNK_MANY));
}

int stream_send(struct socket *base, struct socket_message *message)
{
    struct inet_socket *socket = inet_of(base);
    struct sending s = {
        .socket = socket, .what = message, .deadline = socket_send_deadline(base, message->flags)};
    int err = stream_check_send(socket, s.deadline);

    if (err == 0 && socket->by_card) {
        err = tcp_card_send(socket, message, s.deadline);
    } else if (err == 0) {
        s.peer = inet_get_peer(socket);
        err = s.peer == NULL ? -EPIPE : 0;
    }
    while (err == 0 && s.peer != NULL && message->io.left != 0) {
        err = send_piece(&s);
    }
    if (s.peer != NULL) {
        inet_put(s.peer);
    }
    if (err == -EPIPE && message->io.done == 0 && (message->flags & MSG_NOSIGNAL) == 0) {
        event_signal_broken();
    }
    return err;
}
