/* SPDX-License-Identifier: MIT */
/*
 * Sending on AF_UNIX sockets.
 *
 * The bytes are copied before any lock is taken; then the message is appended
 * at the receiver, if that is still there.  Two who send at once may both find
 * the last room: the buffer is exceeded by what they had in hand, as on Linux.
 */
#include "unix_priv.h"

#include <kernel/event.h>

/* A message of a stream fills a block of 32 KiB with its header. */
#define STREAM_MESSAGE ((u32)(32 * KIB - sizeof(struct unix_message)))
#define MESSAGE_RESERVE 32 /* of a buffer, beside the largest message: as on Linux */

/* ---- Room ------------------------------------------------------------------------------------ */

/* Whether the receiver would take it: 0, -ECONNREFUSED (it has gone), -EPIPE.  Lock held. */
static int check_receiver(struct unix_socket *receiver)
{
    if (receiver->dead) {
        return -ECONNREFUSED;
    }
    return unix_is_shut(receiver, SHUT_RD) ? -EPIPE : 0;
}

/* Until there is room, or the receiver takes nothing at all: 0, or what ended the wait. */
static int await_room(struct unix_socket *receiver, struct unix_socket *sender, nsec_t deadline)
{
    u64 limit = (u64)atomic_load_explicit(&sender->socket.send_size, memory_order_relaxed);
    u64 need = receiver->socket.type == SOCK_STREAM ? UNIX_ROOM - limit / 4 : 0;
    int err = 0;
    bool irq;

    if (likely(unix_has_room(receiver, sender))) {
        return 0;
    }
    irq = spin_lock(&receiver->lock);
    while (err == 0 && check_receiver(receiver) == 0 && !unix_has_room(receiver, sender)) {
        err = deadline == 0 ? -EAGAIN
                            : unix_wait(receiver, &irq, &receiver->write_waiters, need, deadline);
    }
    if (unix_has_room(receiver, sender)) {
        err = 0;
    }
    unix_unlock(receiver, irq);
    return err;
}

/* ---- One message -------------------------------------------------------------------------------
 */

/* With the next `size` bytes; on an error none of them has been taken. */
static int read_message(struct unix_socket *sender, struct socket_message *from, u32 size,
                        struct unix_message **message)
{
    struct unix_message *made = unix_message_new(size);
    struct io before = from->io;

    if (made == NULL) {
        return -ENOBUFS;
    }
    if (io_take(&from->io, made->data, size) != 0) {
        from->io = before;
        unix_message_free(made);
        return -EFAULT;
    }
    made->from = unix_name_get(unix_name_of(sender));
    made->credentials = from->credentials;
    *message = made;
    return 0;
}

/* Who wants to know who sends is told; so is who has not been asked yet. */
static void add_credentials(struct unix_message *message, struct unix_socket *sender,
                            struct unix_socket *receiver)
{
    if (message->credentials.pid == 0 &&
        (socket_has(&sender->socket, SOCKET_PASSCRED) ||
         socket_has(&receiver->socket, SOCKET_PASSCRED) ||
         atomic_load_explicit(&receiver->socket.file, memory_order_relaxed) == NULL)) {
        message->credentials = unix_own_credentials();
    }
}

/* The message and the parcel are taken over if it is 0. */
static int deliver(struct unix_socket *receiver, struct unix_message *message,
                   struct parcel **parcel)
{
    bool locked = unix_flight_begin(*parcel), irq = spin_lock(&receiver->lock);
    int err = check_receiver(receiver);

    if (err == 0) {
        message->parcel = *parcel;
        unix_append(receiver, message);
    }
    unix_unlock(receiver, irq);
    if (err == 0 && locked) {
        unix_flight_enter(receiver, *parcel, message);
    }
    unix_flight_end(locked);
    if (err == 0) {
        *parcel = NULL;
    }
    return err;
}

/* ---- Streams ------------------------------------------------------------------------------------
 */

static int send_piece(struct unix_socket *socket, struct unix_socket *peer,
                      struct socket_message *what, nsec_t deadline)
{
    u32 size = (u32)MIN(what->io.left, (u64)STREAM_MESSAGE);
    struct io before = what->io;
    struct unix_message *message;
    int err = await_room(peer, socket, deadline);

    if (err == 0) {
        err = read_message(socket, what, size, &message);
    }
    if (err != 0) {
        return err;
    }
    add_credentials(message, socket, peer);
    err = deliver(peer, message, &what->parcel);
    if (err != 0) {
        what->io = before;
        unix_message_free(message);
    }
    return err == 0 ? 0 : -EPIPE;
}

static int send_stream(struct unix_socket *socket, struct socket_message *what)
{
    nsec_t deadline = socket_send_deadline(&socket->socket, what->flags);
    struct unix_socket *peer = unix_peer(socket);
    int err = 0;

    if (what->address != NULL) {
        return peer != NULL ? -EISCONN : -EOPNOTSUPP;
    }
    if (peer == NULL) {
        return -ENOTCONN;
    }
    if (unix_is_shut(socket, SHUT_WR)) {
        err = -EPIPE;
    }
    while (err == 0 && what->io.left != 0) {
        err = send_piece(socket, peer, what, deadline);
    }
    if (err == -EPIPE && what->io.done == 0 && (what->flags & MSG_NOSIGNAL) == 0) {
        event_signal_broken();
    }
    return err;
}

/* ---- Datagrams and packets
 * ------------------------------------------------------------------------ */

/* Where a datagram goes to, counted. */
static int find_receiver(struct unix_socket *socket, const struct socket_message *what,
                         struct unix_socket **receiver)
{
    if (what->address != NULL && socket->socket.type == SOCK_DGRAM) {
        int err = unix_find(what->address, SOCK_DGRAM, receiver);

        return err;
    }
    *receiver = unix_get_peer(socket);
    return *receiver != NULL ? 0 : -ENOTCONN;
}

/* The receiver has gone: a later datagram finds nobody. */
static int receiver_gone(struct unix_socket *socket, struct unix_socket *receiver)
{
    if (socket->socket.type == SOCK_SEQPACKET) {
        return -EPIPE;
    }
    if (unix_peer(socket) == receiver) {
        unix_disconnect(socket);
    }
    return -ECONNREFUSED;
}

static int send_to(struct unix_socket *socket, struct unix_socket *receiver,
                   struct unix_message *message, struct socket_message *what)
{
    nsec_t deadline = socket_send_deadline(&socket->socket, what->flags);
    int err;

    if (!unix_may_send(socket, receiver)) {
        bool irq = spin_lock(&receiver->lock), dead = receiver->dead;

        spin_unlock(&receiver->lock, irq);
        return dead ? receiver_gone(socket, receiver) : -EPERM;
    }
    err = await_room(receiver, socket, deadline);
    if (err == 0) {
        add_credentials(message, socket, receiver);
        err = deliver(receiver, message, &what->parcel);
    }
    return err == -ECONNREFUSED ? receiver_gone(socket, receiver) : err;
}

/* Before any byte is looked at. */
static int check_send(struct unix_socket *socket, const struct socket_message *what)
{
    u64 limit = (u64)atomic_load_explicit(&socket->socket.send_size, memory_order_relaxed);
    int err = 0;

    if (socket->socket.type == SOCK_SEQPACKET) {
        err = unix_take_error(socket);
        if (err != 0 || unix_peer(socket) == NULL) {
            return err != 0 ? err : -ENOTCONN;
        }
    } else if (what->address != NULL) {
        err = unix_check_address(what->address);
    } else if (unix_peer(socket) == NULL) {
        err = -ENOTCONN;
    }
    if (err == 0 && what->io.left > limit - MESSAGE_RESERVE) {
        err = -EMSGSIZE;
    }
    if (err == 0) {
        err = unix_take_error(socket);
    }
    return err == 0 && unix_is_shut(socket, SHUT_WR) ? -EPIPE : err;
}

static int send_record(struct unix_socket *socket, struct socket_message *what)
{
    struct unix_socket *receiver;
    struct unix_message *message;
    struct io before = what->io;
    int err = check_send(socket, what);

    if (err == 0) {
        err = read_message(socket, what, (u32)what->io.left, &message);
    }
    if (err != 0) {
        return err;
    }
    err = find_receiver(socket, what, &receiver);
    if (err == 0) {
        err = send_to(socket, receiver, message, what);
        unix_put(receiver);
    }
    if (err != 0) {
        what->io = before;
        unix_message_free(message);
    }
    return err;
}

int unix_send(struct unix_socket *socket, struct socket_message *message)
{
    int err = 0;

    if ((message->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    if (message->parcel != NULL) {
        unix_flight_limit();
    }
    if (socket->socket.type == SOCK_STREAM) {
        return send_stream(socket, message);
    }
    if (socket_has(&socket->socket, SOCKET_PASSCRED) && unix_name_of(socket) == NULL) {
        err = unix_bind_any(socket);
    }
    return err != 0 ? err : send_record(socket, message);
}
