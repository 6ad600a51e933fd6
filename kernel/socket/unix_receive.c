/* SPDX-License-Identifier: MIT */
/*
 * Receiving on AF_UNIX sockets.
 *
 * A thread claims the front of the queue, copies out of it without the lock,
 * and then takes away what it has read: others may append meanwhile, and a
 * page fault in its buffer stops nobody but other readers.
 *
 * A stream is read across messages, but what came with descriptors ends a
 * read, and so does a message from other credentials if those are asked for.
 */
#include "unix_priv.h"

#include <kernel/uaccess.h>

#define FIONREAD 0x541bu
#define SIOCOUTQ 0x5411u

static struct unix_message *front_of(const struct unix_socket *socket)
{
    return list_empty(&socket->messages)
               ? NULL
               : list_entry(socket->messages.next, struct unix_message, link);
}

/* ---- What a message brings along ---------------------------------------------------------------
 */

/* The front is claimed; no lock is held. */
static int take_parcel(struct unix_message *message, struct socket_message *to)
{
    bool locked = unix_flight_begin(message->parcel);
    int err = 0;

    if ((to->flags & MSG_PEEK) != 0) {
        to->parcel = parcel_copy(message->parcel);
        err = to->parcel != NULL ? 0 : -ENOMEM;
    } else {
        if (locked) {
            unix_flight_leave(message->parcel);
        }
        to->parcel = message->parcel;
        message->parcel = NULL;
    }
    unix_flight_end(locked);
    return err;
}

static void tell_sender(const struct unix_message *message, struct socket_message *to)
{
    to->credentials = message->credentials;
    if (to->address != NULL) {
        if (message->from != NULL) {
            unix_name_tell(message->from, to->address);
        } else {
            to->address->len = 0;
        }
    }
}

/* ---- Streams ----------------------------------------------------------------------------------
 */

/* One call's progress. */
struct reading {
    struct socket_message *to;
    u64 target; /* bytes to wait for */
    nsec_t deadline;
    bool begun;              /* a piece has been read */
    bool full;               /* no more is to be read */
    struct unix_message *at; /* when peeking: the message that was read last */
};

/* The message to be read next; lock held, and the front claimed. */
static struct unix_message *next_message(const struct unix_socket *socket,
                                         const struct reading *reading)
{
    struct list *link;

    if (reading->at == NULL) {
        return front_of(socket);
    }
    link = reading->at->link.next;
    return link == &socket->messages ? NULL : list_entry(link, struct unix_message, link);
}

/* Until there is something and nobody else takes it, with the lock held: 1 if nothing will come. */
static int claim_stream(struct unix_socket *socket, const struct reading *reading, bool *irq)
{
    int err = 0;

    while (err == 0 && (socket->reading || front_of(socket) == NULL)) {
        if (socket->reading) {
            err = unix_wait(socket, irq, &socket->read_waiters, 0, SCHED_NEVER);
            continue;
        }
        if (reading->begun && reading->to->io.done >= reading->target) {
            return 1;
        }
        err = unix_take_error(socket);
        if (err == 0 && unix_is_shut(socket, SHUT_RD)) {
            return 1;
        }
        if (err == 0) {
            err = reading->deadline == 0
                      ? -EAGAIN
                      : unix_wait(socket, irq, &socket->read_waiters, 1, reading->deadline);
        }
    }
    if (err == 0) {
        socket->reading = true;
    }
    return err;
}

static bool same_credentials(const struct credentials *a, const struct credentials *b)
{
    return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* Copies from one message, without the lock; 0, 1: it is not for this call, -EFAULT. */
static int copy_piece(struct unix_socket *socket, struct unix_message *message,
                      struct reading *reading, u64 *size)
{
    struct socket_message *to = reading->to;
    struct io before = to->io;

    if (!reading->begun) {
        tell_sender(message, to);
    } else if (socket_has(&socket->socket, SOCKET_PASSCRED) &&
               !same_credentials(&message->credentials, &to->credentials)) {
        return 1;
    }
    *size = MIN((u64)(message->size - message->taken), to->io.left);
    if (io_put(&to->io, message->data + message->taken, *size) != 0) {
        to->io = before;
        return -EFAULT;
    }
    reading->begun = true;
    if (message->parcel != NULL) {
        reading->full = true;
        return take_parcel(message, to);
    }
    return 0;
}

/* One message, or a part of it; claimed, and the lock held, which it gives up meanwhile. */
static int read_piece(struct unix_socket *socket, struct unix_message *message,
                      struct reading *reading, bool *irq)
{
    struct unix_message *done = NULL;
    u64 size = 0;
    int err;

    spin_unlock(&socket->lock, *irq);
    err = copy_piece(socket, message, reading, &size);
    *irq = spin_lock(&socket->lock);
    if ((reading->to->flags & MSG_PEEK) != 0) {
        reading->at = message;
        return err;
    }
    if (err == 0) {
        message->taken += (u32)size;
        if (message->taken == message->size) {
            unix_remove(socket, message);
            done = message;
        }
    }
    if (done != NULL) {
        spin_unlock(&socket->lock, *irq);
        unix_message_free(done);
        *irq = spin_lock(&socket->lock);
    }
    return err;
}

/* All there is, as far as it goes; lock held. */
static int read_pieces(struct unix_socket *socket, struct reading *reading, bool *irq)
{
    struct unix_message *message = next_message(socket, reading);
    int err = 0;

    while (err == 0 && message != NULL && !reading->full) {
        err = read_piece(socket, message, reading, irq);
        reading->full = reading->full || reading->to->io.left == 0;
        message = next_message(socket, reading);
    }
    socket->reading = false;
    return err;
}

static int receive_stream(struct unix_socket *socket, struct socket_message *to)
{
    u64 low = (u64)atomic_load_explicit(&socket->socket.receive_low, memory_order_relaxed);
    bool peek = (to->flags & MSG_PEEK) != 0, all = (to->flags & MSG_WAITALL) != 0 && !peek;
    struct reading reading = {.to = to,
                              .target = all    ? to->io.left
                                        : peek ? 1
                                               : MIN(low, to->io.left),
                              .deadline = socket_receive_deadline(&socket->socket, to->flags)};
    bool irq = spin_lock(&socket->lock);
    int err = socket->state == UNIX_CONNECTED ? 0 : -EINVAL;

    while (err == 0) {
        err = claim_stream(socket, &reading, &irq);
        if (err == 0) {
            err = read_pieces(socket, &reading, &irq);
        }
        if (reading.full || (reading.begun && to->io.done >= reading.target)) {
            break;
        }
    }
    unix_unlock(socket, irq);
    return err == 1 ? 0 : err;
}

/* ---- Datagrams and packets ----------------------------------------------------------------------
 */

/* As claim_stream(), but an error comes before what waits. */
static int claim_record(struct unix_socket *socket, nsec_t deadline, bool *irq)
{
    int err = 0;

    for (;;) {
        if (err == 0 && !socket->reading) {
            err = unix_take_error(socket);
        }
        if (err != 0) {
            return err;
        }
        if (!socket->reading && front_of(socket) != NULL) {
            socket->reading = true;
            return 0;
        }
        if (!socket->reading && unix_is_shut(socket, SHUT_RD) &&
            (deadline != 0 || socket->socket.type == SOCK_SEQPACKET)) {
            return 1;
        }
        if (!socket->reading && deadline == 0) {
            return -EAGAIN;
        }
        err = unix_wait(socket, irq, &socket->read_waiters, !socket->reading,
                        socket->reading ? SCHED_NEVER : deadline);
    }
}

/* Claimed, without the lock. */
static int copy_record(struct unix_message *message, struct socket_message *to)
{
    u64 size = MIN((u64)message->size, to->io.left);
    int err;

    tell_sender(message, to);
    if (size < message->size) {
        to->told |= MSG_TRUNC;
    }
    err = io_put(&to->io, message->data, size);
    if (err == 0 && message->parcel != NULL) {
        err = take_parcel(message, to);
    }
    if (err != 0) {
        to->io.done = 0;
    } else if ((to->flags & MSG_TRUNC) != 0) {
        to->io.done = message->size;
    }
    return err;
}

static int receive_record(struct unix_socket *socket, struct socket_message *to)
{
    nsec_t deadline = socket_receive_deadline(&socket->socket, to->flags);
    bool peek = (to->flags & MSG_PEEK) != 0, irq = spin_lock(&socket->lock);
    struct unix_message *message = NULL;
    int err =
        socket->socket.type == SOCK_SEQPACKET && socket->state != UNIX_CONNECTED ? -ENOTCONN : 0;

    if (err == 0) {
        err = claim_record(socket, deadline, &irq);
    }
    if (err == 0) {
        message = front_of(socket);
        spin_unlock(&socket->lock, irq);
        err = copy_record(message, to);
        irq = spin_lock(&socket->lock);
        socket->reading = false;
        if (!peek) {
            unix_remove(socket, message);
        }
    }
    unix_unlock(socket, irq);
    if (message != NULL && !peek) {
        unix_message_drop(message);
    }
    return err == 1 ? 0 : err;
}

int unix_receive(struct unix_socket *socket, struct socket_message *message)
{
    if ((message->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    if ((message->flags & MSG_ERRQUEUE) != 0) {
        return -EAGAIN;
    }
    return socket->socket.type == SOCK_STREAM ? receive_stream(socket, message)
                                              : receive_record(socket, message);
}

/* ---- How much there is
 * --------------------------------------------------------------------------- */

/* Of datagrams the first; -EINVAL: it listens. */
static int count_bytes(struct unix_socket *socket, bool first, u32 *count)
{
    bool irq = spin_lock(&socket->lock);
    int err = socket->state == UNIX_LISTENING ? -EINVAL : 0;

    *count = 0;
    list_for_each (link, &socket->messages) {
        struct unix_message *message = list_entry(link, struct unix_message, link);

        *count += message->size - message->taken;
        if (first) {
            break;
        }
    }
    spin_unlock(&socket->lock, irq);
    return err;
}

s64 unix_ioctl(struct unix_socket *socket, u32 request, u64 arg)
{
    struct unix_socket *peer;
    u32 count = 0;
    int err = 0;

    if (request == FIONREAD) {
        err = count_bytes(socket, !unix_has_connections(socket), &count);
    } else if (request == SIOCOUTQ) {
        peer = unix_get_peer(socket);
        if (peer != NULL) {
            err = count_bytes(peer, false, &count);
            unix_put(peer);
        }
    } else {
        err = -ENOTTY;
    }
    return err != 0 ? err : user_write((void *)arg, &count, sizeof(count));
}
