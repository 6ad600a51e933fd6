/* SPDX-License-Identifier: MIT */
/*
 * AF_INET and AF_INET6: what the families offer, the life of a socket, and
 * what TCP and UDP have in common: addresses, errors, waiting.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <net/net.h>

#define TCP_SEND_SIZE 16384 /* net.ipv4.tcp_wmem, tcp_rmem: what a new one has */
#define TCP_RECEIVE_SIZE 131072

static const struct socket_ops stream_ops, datagram_ops;

/* ---- Life --------------------------------------------------------------------------------- */

int inet_new(u16 family, u16 type, u16 protocol, struct inet_socket **fresh)
{
    struct inet_socket *socket = kzalloc(sizeof(*socket));

    if (socket == NULL) {
        return -ENOMEM;
    }
    socket_init(&socket->socket, type == SOCK_STREAM ? &stream_ops : &datagram_ops, family, type,
                protocol);
    if (type == SOCK_STREAM) {
        atomic_init(&socket->socket.send_size, TCP_SEND_SIZE);
        atomic_init(&socket->socket.receive_size, TCP_RECEIVE_SIZE);
    }
    atomic_init(&socket->references, 1);
    spinlock_init(&socket->lock, "inet socket", RANK_EVENT);
    list_init(&socket->port_link);
    list_init(&socket->queue);
    list_init(&socket->read_waiters);
    list_init(&socket->write_waiters);
    list_init(&socket->connections);
    list_init(&socket->hopefuls);
    list_init(&socket->connection);
    list_init(&socket->groups);
    if (family == AF_INET) {
        socket->local.ip = socket->remote.ip = inet_ip_v4(0);
    }
    inet_options_init(socket);
    *fresh = socket;
    return 0;
}

struct inet_socket *inet_get(struct inet_socket *socket)
{
    atomic_fetch_add_explicit(&socket->references, 1, memory_order_relaxed);
    return socket;
}

void inet_put(struct inet_socket *socket)
{
    if (atomic_fetch_sub_explicit(&socket->references, 1, memory_order_acq_rel) == 1) {
        inet_flush(socket);
        multicast_leave_all(socket);
        kfree(socket);
    }
}

struct inet_socket *inet_get_peer(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    struct inet_socket *peer = atomic_load_explicit(&socket->peer, memory_order_relaxed);

    if (peer != NULL) {
        (void)inet_get(peer);
    }
    spin_unlock(&socket->lock, irq);
    return peer;
}

/* ---- Errors, waiting --------------------------------------------------------------------------
 */

int inet_take_error(struct inet_socket *socket)
{
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) == 0) {
        return 0;
    }
    return atomic_exchange_explicit(&socket->error, 0, memory_order_relaxed);
}

int inet_wait(struct inet_socket *socket, bool *irq, struct list *waiters, u64 need,
              nsec_t deadline)
{
    int err = event_wait(&socket->lock, irq, waiters, need, deadline);

    return err == -ETIMEDOUT ? -EAGAIN : err == -ERESTARTSYS ? socket_interrupted(deadline) : err;
}

void inet_wake_all(struct inet_socket *socket, u32 events)
{
    assert(spin_is_mine(&socket->lock));
    event_wake_all(&socket->read_waiters);
    event_wake_all(&socket->write_waiters);
    poll_notify_quick(&socket->socket.source, events);
}

/* ---- Addresses ----------------------------------------------------------------------------------
 */

/* The family that an address of this socket's is told in. */
static void tell(struct inet_socket *socket, const struct inet_address *address,
                 struct socket_address *to)
{
    inet_address_tell(address, socket->socket.family, to);
}

/* May it be bound to?  0, -EADDRNOTAVAIL, -EINVAL (of IPV6_V6ONLY), -ENODEV. */
static int check_own(struct inet_socket *socket, const struct inet_address *address)
{
    const struct inet_ip *ip = &address->ip;

    if (inet_ip_is_v4(ip) && inet_only6(socket)) {
        return -EINVAL;
    }
    if (inet_ip_is_any(ip) || inet_ip_is_multicast(ip) || interface_of(ip) != NULL ||
        inet_option(socket, OPT_FREEBIND) != 0) {
        return inet_ip_is_multicast(ip) && inet_is_tcp(socket) ? -EADDRNOTAVAIL : 0;
    }
    if (inet_ip_is_v4(ip) && inet_ip_get_v4(ip) == ~0u && !inet_is_tcp(socket)) {
        return 0; /* the broadcast address */
    }
    return -EADDRNOTAVAIL;
}

static int inet_bind(struct socket *base, const struct socket_address *from)
{
    struct inet_socket *socket = inet_of(base);
    struct inet_address address;
    int err = inet_address_parse(from, base->family, &address);

    if (err == 0) {
        err = check_own(socket, &address);
    }
    if (err == 0 && inet_is_tcp(socket)) {
        bool irq = spin_lock(&socket->lock);

        err = socket->state != STREAM_CLOSED ? -EINVAL : 0;
        spin_unlock(&socket->lock, irq);
    }
    if (err == 0) {
        bool given = address.port != 0;

        err = port_bind(socket, &address);
        if (err == 0) {
            if (!inet_is_tcp(socket) && !inet_ip_is_loopback(&address.ip)) {
                (void)card_open();
            }
            socket->bound_port = given;
            socket->bound_ip = !inet_ip_is_any(&address.ip);
        }
    }
    return err;
}

static int inet_name(struct socket *base, bool of_peer, struct socket_address *to)
{
    struct inet_socket *socket = inet_of(base);
    struct inet_address local, remote;
    bool connected = true;

    port_get_names(socket, &local, &remote);
    if (inet_is_tcp(socket)) {
        bool irq = spin_lock(&socket->lock);

        connected = socket->state == STREAM_CONNECTED && !stream_is_over(socket);
        spin_unlock(&socket->lock, irq);
    }
    if (of_peer && (!connected || remote.port == 0)) {
        return -ENOTCONN;
    }
    tell(socket, of_peer ? &remote : &local, to);
    return 0;
}

/* For an address that is not ours; may wait for DHCP. */
static int choose_card(const struct inet_address *local, const struct inet_address *to,
                       struct inet_ip *from)
{
    const struct interface *interface;
    int err = inet_ip_is_v4(&to->ip) && !inet_ip_is_loopback(&local->ip)
                  ? card_await_address(SCHED_NEVER)
                  : -ENETUNREACH;

    interface = err == 0 ? card_interface() : NULL;
    if (interface == NULL) {
        return err != 0 ? err : -ENETUNREACH;
    }
    *from = inet_ip_v4(interface->v4);
    return 0;
}

int inet_choose_source(struct inet_socket *socket, struct inet_address *to, struct inet_ip *from)
{
    struct inet_address local;

    port_get_names(socket, &local, NULL);
    if (inet_ip_is_any(&to->ip)) { /* this machine, as a dual-stack socket would be reached */
        to->ip = inet_ip_is_v4(&to->ip) || inet_ip_is_v4(&local.ip) ? INET_IP_LOOPBACK4
                                                                    : INET_IP_LOOPBACK6;
    }
    if (inet_ip_is_v4(&to->ip) ? inet_only6(socket)
                               : inet_ip_is_v4(&local.ip) && socket->socket.family == AF_INET6) {
        return -ENETUNREACH;
    }
    if (!inet_ip_is_any(&local.ip) && !inet_ip_is_multicast(&local.ip)) {
        *from = local.ip;
    } else if (inet_ip_is_loopback(&to->ip) || inet_ip_is_multicast(&to->ip)) {
        *from = inet_ip_is_v4(&to->ip) ? INET_IP_LOOPBACK4 : INET_IP_LOOPBACK6;
    } else {
        *from = to->ip;
    }
    if (inet_ip_is_multicast(&to->ip) || interface_of(&to->ip) != NULL) {
        return 0;
    }
    return choose_card(&local, to, from);
}

int inet_parse_target(struct inet_socket *socket, const struct socket_address *from,
                      struct inet_address *to)
{
    u16 family = socket->socket.family;

    if (from->len < sizeof(u16)) {
        return -EINVAL;
    }
    /* Datagrams of AF_INET6 may go to an address of AF_INET. */
    if (family == AF_INET6 && from->family == AF_INET && !inet_is_tcp(socket)) {
        family = AF_INET;
    }
    return inet_address_parse(from, family, to);
}

/* ---- What the families offer ----------------------------------------------------------------- */

static int inet_take(struct socket *base)
{
    return inet_take_error(inet_of(base));
}

static bool inet_listens(struct socket *base)
{
    struct inet_socket *socket = inet_of(base);
    bool irq = spin_lock(&socket->lock), listens = socket->state == STREAM_LISTENING;

    spin_unlock(&socket->lock, irq);
    return listens;
}

static void stream_changed(struct socket *base)
{
    tcp_card_apply(inet_of(base));
}

static void stream_release(struct socket *base)
{
    struct inet_socket *socket = inet_of(base);

    stream_close(socket);
    inet_put(socket);
}

static const struct socket_ops stream_ops = {
    .bind = inet_bind,
    .listen = stream_listen,
    .accept = stream_accept,
    .connect = stream_connect,
    .name = inet_name,
    .send = stream_send,
    .receive = stream_receive,
    .shutdown = stream_shutdown,
    .poll = stream_poll,
    .ioctl = inet_ioctl,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
    .take_error = inet_take,
    .listens = inet_listens,
    .changed = stream_changed,
    .release = stream_release,
};

static void datagram_release(struct socket *base)
{
    struct inet_socket *socket = inet_of(base);

    port_release(socket);
    inet_put(socket);
}

static const struct socket_ops datagram_ops = {
    .bind = inet_bind,
    .connect = datagram_connect,
    .name = inet_name,
    .send = datagram_send,
    .receive = datagram_receive,
    .shutdown = datagram_shutdown,
    .poll = datagram_poll,
    .ioctl = inet_ioctl,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
    .take_error = inet_take,
    .release = datagram_release,
};

/* 0: -ESOCKTNOSUPPORT, -EPROTONOSUPPORT. */
static int check_type(u32 type, u32 protocol)
{
    switch (type) {
    case SOCK_STREAM:
        return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
    case SOCK_DGRAM:
        return protocol == 0 || protocol == IPPROTO_UDP ? 0 : -EPROTONOSUPPORT;
    case SOCK_RAW:
        return -EPROTONOSUPPORT;
    default:
        return -ESOCKTNOSUPPORT;
    }
}

static int create(u16 family, u32 type, u32 protocol, struct socket **made)
{
    struct inet_socket *socket;
    int err = check_type(type, protocol);

    if (err == 0) {
        err = inet_new(family, (u16)type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, &socket);
    }
    if (err == 0) {
        socket->accepted = true;
        *made = &socket->socket;
    }
    return err;
}

static int create4(u32 type, u32 protocol, struct socket **made)
{
    return create(AF_INET, type, protocol, made);
}

static int create6(u32 type, u32 protocol, struct socket **made)
{
    return create(AF_INET6, type, protocol, made);
}

void net_init(void)
{
    static const struct socket_family inet = {AF_INET, create4}, inet6 = {AF_INET6, create6};

    port_init();
    socket_register_family(&inet);
    socket_register_family(&inet6);
    netlink_init();
}
