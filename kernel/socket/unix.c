/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: the life of a socket, and what the family offers.
 *
 * When a file goes, its socket tells its peer, drops what nobody read, and
 * lets the memory go with the last who knows it.  A peer that is connected
 * finds both ways shut, and an error if it had sent what was never read.
 */
#include "unix_priv.h"

#include "socket_priv.h"
#include <kernel/kmalloc.h>
#include <kernel/process.h>

static const struct socket_ops unix_ops;

struct credentials unix_own_credentials(void)
{
    return (struct credentials){.pid = PROCESS_ID};
}

int unix_new(u16 type, struct unix_socket **fresh)
{
    struct unix_socket *socket = kzalloc(sizeof(*socket));

    if (socket == NULL) {
        return -ENOMEM;
    }
    socket_init(&socket->socket, &unix_ops, AF_UNIX, type, 0);
    atomic_init(&socket->references, 1);
    spinlock_init(&socket->lock, "unix socket", RANK_EVENT);
    list_init(&socket->messages);
    list_init(&socket->read_waiters);
    list_init(&socket->write_waiters);
    list_init(&socket->senders);
    list_init(&socket->sender_link);
    list_init(&socket->connections);
    list_init(&socket->connection);
    list_init(&socket->parcels);
    list_init(&socket->flying);
    list_init(&socket->reach);
    unix_list_add(socket);
    *fresh = socket;
    return 0;
}

struct unix_socket *unix_get(struct unix_socket *socket)
{
    atomic_fetch_add_explicit(&socket->references, 1, memory_order_relaxed);
    return socket;
}

void unix_put(struct unix_socket *socket)
{
    if (atomic_fetch_sub_explicit(&socket->references, 1, memory_order_acq_rel) == 1) {
        unix_list_remove(socket);
        unix_name_put(unix_name_of(socket));
        kfree(socket);
    }
}

struct unix_socket *unix_get_peer(struct unix_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    struct unix_socket *peer = unix_peer(socket);

    if (peer != NULL) {
        (void)unix_get(peer);
    }
    spin_unlock(&socket->lock, irq);
    return peer;
}

int unix_take_error(struct unix_socket *socket)
{
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) == 0) {
        return 0;
    }
    return atomic_exchange_explicit(&socket->error, 0, memory_order_relaxed);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* The other end of a connection: both ways are shut, and what it sent may be lost. */
static void tell_peer(struct unix_socket *peer, bool lost)
{
    bool irq = spin_lock(&peer->lock);

    atomic_store_explicit(&peer->shutdown, SHUT_BOTH, memory_order_release);
    if (lost) {
        atomic_store_explicit(&peer->error, -ECONNRESET, memory_order_relaxed);
    }
    unix_wake_all(peer, POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLERR);
    unix_unlock(peer, irq);
}

/* Nothing is sent to it any more, and nobody waits at it: true if something was not read. */
static bool shut_down_for_good(struct unix_socket *socket)
{
    bool irq = spin_lock(&socket->lock), unread;

    socket->dead = true;
    socket->state = UNIX_CLOSED;
    atomic_store_explicit(&socket->shutdown, SHUT_BOTH, memory_order_release);
    unread = !list_empty(&socket->messages);
    unix_wake_all(socket, POLLIN | POLLOUT | POLLHUP);
    list_for_each (link, &socket->senders) {
        struct unix_socket *sender = list_entry(link, struct unix_socket, sender_link);

        poll_notify_quick(&sender->socket.source, POLLOUT | POLLWRNORM | POLLERR);
    }
    unix_unlock(socket, irq);
    return unread;
}

/* `pending`: a connection that nobody has accepted; who made it lost it. */
static void close_one(struct unix_socket *socket, bool pending)
{
    bool unread = shut_down_for_good(socket);
    struct unix_socket *peer = unix_get_peer(socket);

    if (peer != NULL) {
        if (unix_has_connections(socket)) {
            tell_peer(peer, unread || pending);
        }
        unix_put(peer);
        unix_set_peer(socket, NULL);
    }
    unix_flush(socket);
}

void unix_close(struct unix_socket *socket)
{
    struct unix_socket *pending;

    unix_name_release(socket);
    close_one(socket, false);
    while ((pending = unix_pop_connection(socket)) != NULL) {
        close_one(pending, true);
        unix_put(pending);
    }
    unix_put(socket);
    unix_flight_collect();
}

/* ---- The family -------------------------------------------------------------------------------
 */

static int op_bind(struct socket *socket, const struct socket_address *address)
{
    return unix_bind(unix_of(socket), address);
}

static int op_listen(struct socket *socket, int backlog)
{
    return unix_listen(unix_of(socket), (u32)backlog);
}

static int op_accept(struct socket *socket, u32 flags, struct socket **fresh)
{
    struct unix_socket *accepted;
    int err = unix_accept(unix_of(socket), flags, &accepted);

    if (err == 0) {
        *fresh = &accepted->socket;
    }
    return err;
}

static int op_connect(struct socket *socket, const struct socket_address *address, u32 flags)
{
    return unix_connect(unix_of(socket), address, flags);
}

static int op_pair(struct socket *a, struct socket *b)
{
    return unix_pair(unix_of(a), unix_of(b));
}

static int op_name(struct socket *socket, bool of_peer, struct socket_address *address)
{
    struct unix_socket *whose = unix_of(socket);

    if (!of_peer) {
        unix_name_tell(unix_name_of(whose), address);
        return 0;
    }
    whose = unix_get_peer(whose);
    if (whose == NULL) {
        return -ENOTCONN;
    }
    unix_name_tell(unix_name_of(whose), address);
    unix_put(whose);
    return 0;
}

static int op_send(struct socket *socket, struct socket_message *message)
{
    return unix_send(unix_of(socket), message);
}

static int op_receive(struct socket *socket, struct socket_message *message)
{
    return unix_receive(unix_of(socket), message);
}

static int op_shutdown(struct socket *socket, u32 ways)
{
    unix_shutdown(unix_of(socket), ways);
    return 0;
}

static u32 op_poll(struct socket *socket)
{
    return unix_poll(unix_of(socket));
}

static s64 op_ioctl(struct socket *socket, u32 request, u64 arg)
{
    return unix_ioctl(unix_of(socket), request, arg);
}

static int op_take_error(struct socket *socket)
{
    return unix_take_error(unix_of(socket));
}

static int op_peer_credentials(struct socket *socket, struct credentials *credentials)
{
    struct unix_socket *whose = unix_of(socket);
    bool irq = spin_lock(&whose->lock);
    bool known = whose->peer_credentials.pid != 0;

    if (known) {
        *credentials = whose->peer_credentials;
    }
    spin_unlock(&whose->lock, irq);
    return known ? 0 : -ENODATA;
}

static bool op_listens(struct socket *socket)
{
    struct unix_socket *whose = unix_of(socket);
    bool irq = spin_lock(&whose->lock), listens = whose->state == UNIX_LISTENING;

    spin_unlock(&whose->lock, irq);
    return listens;
}

/* The buffer may have become larger: who sends waits at the peer. */
static void op_changed(struct socket *socket)
{
    struct unix_socket *whose = unix_of(socket), *peer = unix_get_peer(whose);
    bool irq;

    if (peer == NULL) {
        return;
    }
    irq = spin_lock(&peer->lock);
    event_wake_all(&peer->write_waiters);
    poll_notify_quick(&socket->source, POLLOUT | POLLWRNORM);
    unix_unlock(peer, irq);
    unix_put(peer);
}

static void op_release(struct socket *socket)
{
    unix_close(unix_of(socket));
}

static const struct socket_ops unix_ops = {
    .bind = op_bind,
    .listen = op_listen,
    .accept = op_accept,
    .connect = op_connect,
    .pair = op_pair,
    .name = op_name,
    .send = op_send,
    .receive = op_receive,
    .shutdown = op_shutdown,
    .poll = op_poll,
    .ioctl = op_ioctl,
    .take_error = op_take_error,
    .peer_credentials = op_peer_credentials,
    .listens = op_listens,
    .changed = op_changed,
    .release = op_release,
};

static int create(u32 type, u32 protocol, struct socket **socket)
{
    struct unix_socket *fresh;
    int err;

    if (protocol != 0 && protocol != AF_UNIX) {
        return -EPROTONOSUPPORT;
    }
    if (type == SOCK_RAW) {
        type = SOCK_DGRAM;
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET) {
        return -ESOCKTNOSUPPORT;
    }
    err = unix_new((u16)type, &fresh);
    if (err == 0) {
        *socket = &fresh->socket;
    }
    return err;
}

const struct socket_family unix_family = {.family = AF_UNIX, .create = create};
