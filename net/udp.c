/* SPDX-License-Identifier: MIT */
/*
 * Datagrams within this machine.  The sender puts a copy into the queue of
 * who has the port; one that has no room loses it, as on Linux.  For a group or a
 * broadcast all get one who have the port and, of a group, have joined it.
 *
 * A connected sender to whose datagram nobody answers to learns that with
 * his next call, as from an ICMP message.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define UDP_MOST 65507u /* with the headers of UDP and IPv4 it is 65535 */
#define UDP_MOST6 65527u

/* ---- connect(2), shutdown(2) ----------------------------------------------------------------- */

static void disconnect(struct inet_socket *socket)
{
    const struct inet_address nowhere = {.ip = socket->socket.family == AF_INET ? inet_ip_v4(0)
                                                                                : INET_IP_ANY6};
    bool irq;

    port_set_remote(socket, &nowhere, socket->bound_ip ? NULL : &nowhere.ip);
    if (!socket->bound_port) {
        port_release(socket);
    }
    irq = spin_lock(&socket->lock);
    socket->state = STREAM_CLOSED;
    socket->shut = 0;
    spin_unlock(&socket->lock, irq);
}

static int bind_any(struct inet_socket *socket)
{
    const struct inet_address any = {.ip = socket->socket.family == AF_INET ? inet_ip_v4(0)
                                                                            : INET_IP_ANY6};
    int err = 0;

    if (__atomic_load_n(&socket->local.port, __ATOMIC_RELAXED) == 0) {
        err = port_bind(socket, &any);
        if (err == -EINVAL) { /* another thread was faster */
            err = 0;
        }
    }
    return err == -EADDRINUSE ? -EAGAIN : err;
}

int datagram_connect(struct socket *base, const struct socket_address *address, u32 flags)
{
    struct inet_socket *socket = inet_of(base);
    struct inet_address to;
    struct inet_ip from;
    bool irq;
    int err;

    if (address->len >= sizeof(u16) && address->family == AF_UNSPEC) {
        disconnect(socket);
        return 0;
    }
    err = inet_parse_target(socket, address, &to);
    if (err == 0) {
        err = inet_choose_source(socket, &to, &from);
    }
    if (err == 0) {
        err = bind_any(socket);
    }
    if (err != 0) {
        return err;
    }
    port_set_remote(socket, &to, &from);
    irq = spin_lock(&socket->lock);
    socket->state = STREAM_CONNECTED;
    socket->shut = 0;
    spin_unlock(&socket->lock, irq);
    return 0;
}

int datagram_shutdown(struct socket *base, u32 ways)
{
    struct inet_socket *socket = inet_of(base);
    bool irq = spin_lock(&socket->lock);
    int err = socket->state == STREAM_CONNECTED ? 0 : -ENOTCONN;

    /* It wakes who reads even so, and Java counts on that. */
    socket->shut |= ways;
    inet_wake_all(socket, POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM);
    inet_unlock(socket, irq);
    return err;
}

/* ---- Sending ------------------------------------------------------------------------------------
 */

static u64 cost_of(u32 size)
{
    return size + DATAGRAM_COST;
}

/* The datagram is taken over. */
void datagram_deliver(struct inet_socket *receiver, struct inet_datagram *datagram)
{
    u64 limit = (u64)atomic_load_explicit(&receiver->socket.receive_size, memory_order_relaxed);
    bool irq = spin_lock(&receiver->lock);
    bool room = !receiver->dead && receiver->charge + cost_of(datagram->size) <= MAX(limit, KIB);

    if (receiver->charge == 0) {
        room = !receiver->dead; /* one always fits */
    }
    if (room) {
        list_push_back(&receiver->queue, &datagram->link);
        receiver->charge += cost_of(datagram->size);
        poll_notify_quick(&receiver->socket.source, POLLIN | POLLRDNORM);
    }
    inet_unlock(receiver, irq);
    if (!room) {
        kfree(datagram);
    }
}

struct inet_datagram *datagram_new(u32 size)
{
    struct inet_datagram *datagram = kmalloc(sizeof(*datagram) + size);

    if (datagram != NULL) {
        *datagram = (struct inet_datagram){.size = size};
        list_init(&datagram->link);
    }
    return datagram;
}

/* To all that want it.  Through lo it comes back without IP_MULTICAST_LOOP, too, as on Linux. */
static int send_to_group(const struct inet_address *to, struct inet_datagram *datagram)
{
    bool group = inet_ip_is_multicast(&to->ip);
    struct inet_socket *receiver = NULL;

    while ((receiver = port_next_member(receiver, to, &datagram->from)) != NULL) {
        struct inet_datagram *copy;
        bool irq = spin_lock(&receiver->lock);
        bool wanted = !group || multicast_has_joined(receiver, &to->ip);

        spin_unlock(&receiver->lock, irq);
        copy = wanted ? datagram_new(datagram->size) : NULL;
        if (copy != NULL) {
            copy->from = datagram->from;
            memcpy(copy->data, datagram->data, datagram->size);
            datagram_deliver(receiver, copy);
        }
    }
    kfree(datagram);
    return 0;
}

static bool is_broadcast(const struct inet_ip *ip)
{
    return inet_ip_is_v4(ip) && (inet_ip_get_v4(ip) == ~0u || inet_ip_get_v4(ip) == 0x7fffffff);
}

/* The datagram is taken over. */
static int route(struct inet_socket *socket, const struct inet_address *to,
                 struct inet_datagram *datagram, bool connected)
{
    struct inet_socket *receiver;

    if (inet_ip_is_multicast(&to->ip) || is_broadcast(&to->ip)) {
        return send_to_group(to, datagram);
    }
    if (interface_of(&to->ip) == NULL) {
        int err = udp_card_send(socket, to, datagram);

        kfree(datagram);
        return err;
    }
    receiver = port_find_receiver(to, &datagram->from);
    if (receiver != NULL) {
        datagram_deliver(receiver, datagram);
        inet_put(receiver);
        return 0;
    }
    kfree(datagram);
    if (connected || inet_option(socket, OPT_RECVERR) != 0) {
        bool irq = spin_lock(&socket->lock);

        atomic_store_explicit(&socket->error, -ECONNREFUSED, memory_order_relaxed);
        inet_wake_all(socket, POLLERR);
        inet_unlock(socket, irq);
    }
    return 0;
}

/* Where to, and from where: 0, -EDESTADDRREQ, -EACCES (a broadcast), -EINVAL, -ENETUNREACH. */
static int find_target(struct inet_socket *socket, const struct socket_message *what,
                       struct inet_address *to, struct inet_address *from, bool *connected)
{
    int err = 0;

    port_get_names(socket, NULL, to);
    *connected = what->address == NULL;
    if (what->address != NULL) {
        err = inet_parse_target(socket, what->address, to);
        if (err == 0 && to->port == 0) {
            err = -EINVAL;
        }
    } else if (to->port == 0) {
        err = -EDESTADDRREQ;
    }
    if (err == 0 && is_broadcast(&to->ip) && !socket_has(&socket->socket, SOCKET_BROADCAST)) {
        err = -EACCES;
    }
    if (err == 0) {
        err = inet_choose_source(socket, to, &from->ip);
    }
    return err;
}

int datagram_send(struct socket *base, struct socket_message *message)
{
    struct inet_socket *socket = inet_of(base);
    struct inet_address to, from = {.port = 0};
    struct inet_datagram *datagram;
    struct io before = message->io;
    bool connected;
    int err;

    if (message->io.left > 65535) {
        return -EMSGSIZE;
    }
    if ((message->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    err = find_target(socket, message, &to, &from, &connected);
    if (err == 0 && message->io.left > (inet_ip_is_v4(&to.ip) ? UDP_MOST : UDP_MOST6)) {
        err = -EMSGSIZE;
    }
    if (err == 0) {
        err = inet_take_error(socket);
    }
    if (err == 0 && (__atomic_load_n(&socket->shut, __ATOMIC_RELAXED) & SHUT_WR) != 0) {
        if ((message->flags & MSG_NOSIGNAL) == 0) {
            event_signal_broken();
        }
        err = -EPIPE;
    }
    if (err == 0) {
        err = bind_any(socket);
    }
    if (err != 0) {
        return err;
    }
    from.port = __atomic_load_n(&socket->local.port, __ATOMIC_RELAXED);
    datagram = datagram_new((u32)message->io.left);
    if (datagram == NULL) {
        return -ENOBUFS;
    }
    datagram->from = from;
    if (io_take(&message->io, datagram->data, datagram->size) != 0) {
        message->io = before;
        kfree(datagram);
        return -EFAULT;
    }
    return route(socket, &to, datagram, connected);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* Until there is one and nobody else takes it, with the lock held; 1: nothing will come. */
static int claim(struct inet_socket *socket, nsec_t deadline, bool *irq)
{
    int err = 0;

    while (err == 0 && (socket->reading || list_empty(&socket->queue))) {
        if (socket->reading) {
            err = inet_wait(socket, irq, &socket->read_waiters, 0, SCHED_NEVER);
            continue;
        }
        err = inet_take_error(socket);
        if (err == 0 && (socket->shut & SHUT_RD) != 0) {
            return 1;
        }
        if (err == 0) {
            err = deadline == 0 ? -EAGAIN
                                : inet_wait(socket, irq, &socket->read_waiters, 1, deadline);
        }
    }
    if (err == 0) {
        socket->reading = true;
    }
    return err;
}

static int copy_out(struct inet_socket *socket, const struct inet_datagram *datagram,
                    struct socket_message *to)
{
    u64 size = MIN((u64)datagram->size, to->io.left);
    int err = io_put(&to->io, datagram->data, size);

    if (err != 0) {
        to->io.done = 0;
        return err;
    }
    if (to->address != NULL) {
        inet_address_tell(&datagram->from, socket->socket.family, to->address);
    }
    if (size < datagram->size) {
        to->told |= MSG_TRUNC;
        if ((to->flags & MSG_TRUNC) != 0) {
            to->io.done = datagram->size;
        }
    }
    return 0;
}

int datagram_receive(struct socket *base, struct socket_message *to)
{
    struct inet_socket *socket = inet_of(base);
    nsec_t deadline = socket_receive_deadline(base, to->flags);
    struct inet_datagram *datagram = NULL;
    bool peek = (to->flags & MSG_PEEK) != 0, irq;
    int err;

    if ((to->flags & MSG_ERRQUEUE) != 0) {
        return -EAGAIN;
    }
    if ((to->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    irq = spin_lock(&socket->lock);
    err = claim(socket, deadline, &irq);
    if (err == 0) {
        datagram = list_entry(socket->queue.next, struct inet_datagram, link);
        spin_unlock(&socket->lock, irq);
        err = copy_out(socket, datagram, to);
        irq = spin_lock(&socket->lock);
        socket->reading = false;
        if (!peek) {
            list_remove(&datagram->link);
            socket->charge -= cost_of(datagram->size);
        }
    }
    inet_unlock(socket, irq);
    if (!peek) {
        kfree(datagram);
    }
    return err == 1 ? 0 : err;
}

u32 datagram_poll(struct socket *base)
{
    struct inet_socket *socket = inet_of(base);
    bool irq = spin_lock(&socket->lock);
    u32 events = POLLOUT | POLLWRNORM, shut = socket->shut;

    if (!list_empty(&socket->queue)) {
        events |= POLLIN | POLLRDNORM;
    }
    spin_unlock(&socket->lock, irq);
    if ((shut & SHUT_RD) != 0) {
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if (shut == SHUT_BOTH) {
        events |= POLLHUP;
    }
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) != 0) {
        events |= POLLERR;
    }
    return events;
}
