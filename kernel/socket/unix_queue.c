/* SPDX-License-Identifier: MIT */
/*
 * What waits at a socket: messages, those who want them, those who want room.
 *
 * One thread at a time takes messages (`reading`): it copies out what is at
 * the front without the lock, while others append.  Whoever lets go of the
 * lock after a change wakes who can go on now, at most one who reads and one
 * who writes; those pass it on.
 *
 * A writer of a stream waits until three quarters of its buffer are free, so
 * that it is not woken for each piece that the reader takes.
 */
#include "unix_priv.h"

#include <kernel/kmalloc.h>

#define WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

struct unix_message *unix_message_new(u32 size)
{
    struct unix_message *message = kmalloc(sizeof(*message) + size);

    if (message != NULL) {
        *message = (struct unix_message){.size = size};
        list_init(&message->link);
    }
    return message;
}

void unix_message_free(struct unix_message *message)
{
    unix_name_put(message->from);
    kfree(message);
}

void unix_message_drop(struct unix_message *message)
{
    bool locked = unix_flight_begin(message->parcel);

    if (locked) {
        unix_flight_leave(message->parcel);
    }
    unix_flight_end(locked);
    parcel_drop(message->parcel);
    unix_message_free(message);
}

/* ---- Who waits ------------------------------------------------------------------------------- */

int unix_wait(struct unix_socket *socket, bool *irq, struct list *waiters, u64 need,
              nsec_t deadline)
{
    int err = event_wait(&socket->lock, irq, waiters, need, deadline);

    return err == -ETIMEDOUT ? -EAGAIN : err == -ERESTARTSYS ? socket_interrupted(deadline) : err;
}

static bool can_read(const struct unix_socket *socket)
{
    return !socket->reading;
}

static u64 charge_of(struct unix_socket *socket)
{
    return atomic_load_explicit(&socket->charge, memory_order_relaxed);
}

void unix_unlock(struct unix_socket *socket, bool irq)
{
    struct thread *reader = NULL, *writer = NULL;

    if (!list_empty(&socket->read_waiters) && can_read(socket)) {
        bool some = !list_empty(&socket->messages) || !list_empty(&socket->connections);

        reader = event_choose(&socket->read_waiters, some);
    }
    if (!list_empty(&socket->write_waiters)) {
        writer = event_choose(&socket->write_waiters, UNIX_ROOM - charge_of(socket));
    }
    spin_unlock(&socket->lock, irq);
    if (reader != NULL) {
        (void)sched_wake(reader);
    }
    if (writer != NULL) {
        (void)sched_wake(writer);
    }
}

void unix_wake_all(struct unix_socket *socket, u32 events)
{
    event_wake_all(&socket->read_waiters);
    event_wake_all(&socket->write_waiters);
    poll_notify_quick(&socket->socket.source, events);
}

/* ---- Messages ---------------------------------------------------------------------------------
 */

static u64 cost_of(const struct unix_message *message)
{
    return message->size + UNIX_MESSAGE_COST;
}

void unix_append(struct unix_socket *receiver, struct unix_message *message)
{
    assert(spin_is_mine(&receiver->lock));
    list_push_back(&receiver->messages, &message->link);
    receiver->waiting++;
    atomic_store_explicit(&receiver->charge, charge_of(receiver) + cost_of(message),
                          memory_order_relaxed);
    poll_notify_quick(&receiver->socket.source, POLLIN | POLLRDNORM);
}

void unix_remove(struct unix_socket *receiver, struct unix_message *message)
{
    assert(spin_is_mine(&receiver->lock));
    list_remove(&message->link);
    receiver->waiting--;
    atomic_store_explicit(&receiver->charge, charge_of(receiver) - cost_of(message),
                          memory_order_relaxed);
    list_for_each (link, &receiver->senders) {
        struct unix_socket *sender = list_entry(link, struct unix_socket, sender_link);

        poll_notify_quick(&sender->socket.source, WRITABLE);
    }
}

void unix_flush(struct unix_socket *socket)
{
    for (;;) {
        bool irq = spin_lock(&socket->lock);
        struct list *link = list_empty(&socket->messages) ? NULL : socket->messages.next;
        struct unix_message *message = list_entry(link, struct unix_message, link);

        if (link == NULL) {
            spin_unlock(&socket->lock, irq);
            return;
        }
        unix_remove(socket, message);
        spin_unlock(&socket->lock, irq);
        unix_message_drop(message);
    }
}

/* ---- Readiness ----------------------------------------------------------------------------------
 */

static u64 limit_of(struct unix_socket *sender)
{
    return (u64)atomic_load_explicit(&sender->socket.send_size, memory_order_relaxed);
}

bool unix_has_room(struct unix_socket *receiver, struct unix_socket *sender)
{
    if (receiver->socket.type != SOCK_STREAM && receiver != sender &&
        unix_peer(receiver) != sender &&
        __atomic_load_n(&receiver->waiting, __ATOMIC_RELAXED) > UNIX_DATAGRAMS) {
        return false;
    }
    return charge_of(receiver) < limit_of(sender);
}

/* With a quarter of the buffer taken at most. */
static bool is_writable(struct unix_socket *socket)
{
    struct unix_socket *peer = unix_get_peer(socket);
    bool irq, room;

    if (peer == NULL) {
        return true;
    }
    irq = spin_lock(&peer->lock);
    room = peer->dead || (charge_of(peer) * 4 <= limit_of(socket) && unix_has_room(peer, socket));
    spin_unlock(&peer->lock, irq);
    unix_put(peer);
    return room;
}

u32 unix_poll(struct unix_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    u32 shutdown = atomic_load_explicit(&socket->shutdown, memory_order_relaxed), events = 0;
    enum unix_state state = socket->state;

    if (!list_empty(&socket->messages) || !list_empty(&socket->connections)) {
        events |= POLLIN | POLLRDNORM;
    }
    spin_unlock(&socket->lock, irq);
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) != 0) {
        events |= POLLERR;
    }
    if ((shutdown & SHUT_RD) != 0) {
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if (shutdown == SHUT_BOTH || (unix_has_connections(socket) && state == UNIX_CLOSED)) {
        events |= POLLHUP;
    }
    if (state != UNIX_LISTENING && is_writable(socket)) {
        events |= WRITABLE;
    }
    return events;
}
