/* SPDX-License-Identifier: MIT */
/*
 * What waits at a socket to be read, and who waits for it or for room.
 *
 * One thread at a time takes from the queue (`reading`): it copies without
 * the lock while others append.  Whoever lets go of the lock after a change
 * wakes who can go on now, at most one who reads and one who writes; those
 * pass it on.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>

u64 inet_queue_limit(struct inet_socket *receiver, struct inet_socket *sender)
{
    /* On Linux both the receiver's and the sender's buffer can be full. */
    return (u64)atomic_load_explicit(&receiver->socket.receive_size, memory_order_relaxed) +
           (u64)atomic_load_explicit(&sender->socket.send_size, memory_order_relaxed);
}

u64 inet_readable(const struct inet_socket *socket)
{
    if (inet_is_tcp(socket)) {
        return socket->charge;
    }
    return list_empty(&socket->queue)
               ? 0
               : list_entry(socket->queue.next, struct inet_datagram, link)->size;
}

/* Is there anything that would end a reader's wait? */
static bool can_read(const struct inet_socket *socket)
{
    return !socket->reading && (!list_empty(&socket->queue) || !list_empty(&socket->connections));
}

void inet_unlock(struct inet_socket *socket, bool irq)
{
    struct thread *reader = NULL, *writer = NULL;

    assert(spin_is_mine(&socket->lock));
    if (!list_empty(&socket->read_waiters) && !socket->reading) {
        /* What a reader needs is told in bytes; of connections and datagrams one is enough. */
        u64 have = !can_read(socket) ? 0 : inet_is_tcp(socket) ? MAX(socket->charge, 1) : 1;

        reader = event_choose(&socket->read_waiters, have);
    }
    if (!list_empty(&socket->write_waiters)) {
        writer = event_choose(&socket->write_waiters, INT64_MAX - socket->charge);
    }
    spin_unlock(&socket->lock, irq);
    if (reader != NULL) {
        (void)sched_wake(reader);
    }
    if (writer != NULL) {
        (void)sched_wake(writer);
    }
}

void inet_flush(struct inet_socket *socket)
{
    struct list *link;

    do {
        bool irq = spin_lock(&socket->lock);

        link = list_pop_front(&socket->queue);
        socket->charge = 0;
        spin_unlock(&socket->lock, irq);
        if (link != NULL && inet_is_tcp(socket)) {
            kfree(list_entry(link, struct inet_chunk, link));
        } else if (link != NULL) {
            kfree(list_entry(link, struct inet_datagram, link));
        }
    } while (link != NULL);
}
