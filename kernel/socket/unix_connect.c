/* SPDX-License-Identifier: MIT */
/*
 * Connections of AF_UNIX sockets.
 *
 * connect(2) makes the socket that accept(2) will give, connects the two, and
 * hands it to the listener: the caller can send at once, and who accepts only
 * opens a file.  It is handed over last, so that nobody sees half a
 * connection.  `connecting` orders all changes of peers; nobody waits with it.
 */
#include "unix_priv.h"

#include <kernel/wait.h>

static struct {
    struct mutex lock;
} connecting = {
    .lock = {.queue = WAIT_QUEUE_INIT("connecting", connecting.lock.queue)},
};

/* ---- Peers -------------------------------------------------------------------------------- */

static void leave_peer(struct unix_socket *socket, struct unix_socket *peer)
{
    bool irq = spin_lock(&peer->lock);

    list_remove(&socket->sender_link);
    unix_unlock(peer, irq);
}

static void join_peer(struct unix_socket *socket, struct unix_socket *peer)
{
    bool irq = spin_lock(&peer->lock);

    list_push_back(&peer->senders, &socket->sender_link);
    spin_unlock(&peer->lock, irq);
}

/* `connecting` is held. */
static void replace_peer(struct unix_socket *socket, struct unix_socket *peer)
{
    struct unix_socket *old = unix_peer(socket);
    bool irq;

    if (old == peer) {
        return;
    }
    if (old != NULL) {
        leave_peer(socket, old);
    }
    if (peer != NULL) {
        join_peer(socket, unix_get(peer));
    }
    irq = spin_lock(&socket->lock);
    atomic_store_explicit(&socket->peer, peer, memory_order_release);
    poll_notify_quick(&socket->socket.source, POLLOUT | POLLWRNORM);
    unix_unlock(socket, irq);
    if (old != NULL) {
        unix_put(old);
    }
}

void unix_set_peer(struct unix_socket *socket, struct unix_socket *peer)
{
    mutex_lock(&connecting.lock);
    replace_peer(socket, peer);
    mutex_unlock(&connecting.lock);
}

static void set_connected(struct unix_socket *socket)
{
    bool irq = spin_lock(&socket->lock);

    if (unix_has_connections(socket)) {
        socket->state = UNIX_CONNECTED;
    }
    socket->peer_credentials = unix_own_credentials();
    unix_wake_all(socket, POLLOUT | POLLWRNORM);
    unix_unlock(socket, irq);
}

int unix_pair(struct unix_socket *a, struct unix_socket *b)
{
    unix_set_peer(a, b);
    unix_set_peer(b, a);
    set_connected(a);
    set_connected(b);
    return 0;
}

/* ---- listen(2), accept(2) ------------------------------------------------------------------- */

int unix_listen(struct unix_socket *socket, u32 backlog)
{
    int err = 0;
    bool irq;

    if (!unix_has_connections(socket)) {
        return -EOPNOTSUPP;
    }
    if (unix_name_of(socket) == NULL) {
        return -EINVAL;
    }
    irq = spin_lock(&socket->lock);
    if (socket->state == UNIX_CONNECTED) {
        err = -EINVAL;
    } else {
        socket->state = UNIX_LISTENING;
        socket->backlog = backlog;
        socket->peer_credentials = unix_own_credentials();
        event_wake_all(&socket->write_waiters);
    }
    unix_unlock(socket, irq);
    return err;
}

struct unix_socket *unix_pop_connection(struct unix_socket *listener)
{
    bool irq = spin_lock(&listener->lock);
    struct list *link = list_pop_front(&listener->connections);

    listener->waiting -= link != NULL;
    unix_unlock(listener, irq);
    return link != NULL ? list_entry(link, struct unix_socket, connection) : NULL;
}

static int await_connection(struct unix_socket *socket, nsec_t deadline)
{
    bool irq = spin_lock(&socket->lock);
    int err = 0;

    while (list_empty(&socket->connections)) {
        bool listens = socket->state == UNIX_LISTENING;

        if (listens && deadline == 0) {
            err = -EAGAIN;
        } else if (!listens || unix_is_shut(socket, SHUT_RD)) {
            err = -EINVAL;
        }
        if (err != 0) {
            break;
        }
        err = unix_wait(socket, &irq, &socket->read_waiters, 1, deadline);
    }
    if (!list_empty(&socket->connections)) {
        err = 0;
    }
    unix_unlock(socket, irq);
    return err;
}

int unix_accept(struct unix_socket *socket, u32 flags, struct unix_socket **fresh)
{
    nsec_t deadline = socket_receive_deadline(&socket->socket, flags);
    int err = unix_has_connections(socket) ? 0 : -EOPNOTSUPP;

    *fresh = NULL;
    while (err == 0 && *fresh == NULL) {
        err = await_connection(socket, deadline);
        if (err == 0) {
            *fresh = unix_flight_accept(socket);
        }
    }
    return err;
}

/* ---- connect(2): streams ----------------------------------------------------------------------
 */

/* What stands against one more connection: 0, -ECONNREFUSED, -EAGAIN (for now).  Lock held. */
static int check_listener(const struct unix_socket *listener)
{
    if (listener->state != UNIX_LISTENING ||
        atomic_load_explicit(&listener->shutdown, memory_order_relaxed) & SHUT_RD) {
        return -ECONNREFUSED;
    }
    return listener->waiting > listener->backlog ? -EAGAIN : 0;
}

/* Until the listener has room, or is none any more: 0, or what ended the wait. */
static int await_listener(struct unix_socket *listener, nsec_t deadline)
{
    bool irq = spin_lock(&listener->lock);
    int err = 0;

    while (err == 0 && check_listener(listener) == -EAGAIN) {
        err = deadline == 0 ? -EAGAIN
                            : unix_wait(listener, &irq, &listener->write_waiters, 0, deadline);
    }
    unix_unlock(listener, irq);
    return err;
}

static int check_state(struct unix_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    enum unix_state state = socket->state;

    spin_unlock(&socket->lock, irq);
    return state == UNIX_CLOSED ? 0 : state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
}

/* Takes over the reference of `fresh` if it is 0. */
static int hand_over(struct unix_socket *listener, struct unix_socket *fresh)
{
    bool irq = spin_lock(&listener->lock);
    int err = check_listener(listener);

    if (err == 0) {
        list_push_back(&listener->connections, &fresh->connection);
        listener->waiting++;
        poll_notify_quick(&listener->socket.source, POLLIN | POLLRDNORM);
    }
    unix_unlock(listener, irq);
    return err;
}

/* `connecting` is held.  0, -EAGAIN: the listener has no room now. */
static int connect_to(struct unix_socket *socket, struct unix_socket *listener,
                      struct unix_socket *fresh)
{
    bool irq = spin_lock(&listener->lock);
    int err = check_listener(listener);

    spin_unlock(&listener->lock, irq);
    if (err == 0) {
        err = check_state(socket);
    }
    if (err != 0) {
        return err;
    }
    atomic_store_explicit(&fresh->name, unix_name_get(unix_name_of(listener)),
                          memory_order_release);
    replace_peer(fresh, socket);
    replace_peer(socket, fresh);
    set_connected(fresh);
    set_connected(socket);
    err = hand_over(listener, fresh);
    if (err != 0) { /* it has gone, or is full since the look */
        irq = spin_lock(&socket->lock);
        socket->state = UNIX_CLOSED;
        socket->peer_credentials.pid = 0;
        spin_unlock(&socket->lock, irq);
        replace_peer(socket, NULL);
        replace_peer(fresh, NULL);
        unix_name_put(atomic_exchange_explicit(&fresh->name, NULL, memory_order_relaxed));
    }
    return err;
}

static int connect_stream(struct unix_socket *socket, const struct socket_address *address,
                          nsec_t deadline)
{
    struct unix_socket *fresh, *listener;
    int err = unix_new(socket->socket.type, &fresh);

    if (err != 0) {
        return err;
    }
    do {
        err = unix_find(address, socket->socket.type, &listener);
        if (err != 0) {
            break;
        }
        mutex_lock(&connecting.lock);
        err = connect_to(socket, listener, fresh);
        mutex_unlock(&connecting.lock);
        if (err == -EAGAIN) {
            err = await_listener(listener, deadline);
            err = err == 0 ? 1 : err;
        }
        unix_put(listener);
    } while (err == 1);
    if (err != 0) {
        unix_put(fresh);
    }
    return err;
}

/* ---- connect(2): datagrams ----------------------------------------------------------------------
 */

/* What the old peer has sent is not wanted any more; it is told if it sent to nobody else. */
static void forget_peer(struct unix_socket *socket, struct unix_socket *old)
{
    bool irq = spin_lock(&socket->lock), lost = !list_empty(&socket->messages);

    spin_unlock(&socket->lock, irq);
    if (!lost) {
        return;
    }
    unix_flush(socket);
    irq = spin_lock(&old->lock);
    if (!old->dead && unix_peer(old) == socket) {
        atomic_store_explicit(&old->error, -ECONNRESET, memory_order_relaxed);
        unix_wake_all(old, POLLERR);
    }
    unix_unlock(old, irq);
}

/* May the first send to the second?  Not if that one listens to another alone. */
bool unix_may_send(struct unix_socket *from, struct unix_socket *to)
{
    struct unix_socket *peer = unix_peer(to);

    return peer == NULL || peer == from;
}

/* NULL: disconnects. */
static int connect_datagrams(struct unix_socket *socket, struct unix_socket *to)
{
    struct unix_socket *old;

    if (to != NULL && !unix_may_send(socket, to)) {
        return -EPERM;
    }
    mutex_lock(&connecting.lock);
    old = unix_get_peer(socket);
    replace_peer(socket, to);
    mutex_unlock(&connecting.lock);
    if (to != NULL) {
        set_connected(socket);
    }
    if (old != NULL && old != to) {
        forget_peer(socket, old);
    }
    if (old != NULL) {
        unix_put(old);
    }
    return 0;
}

void unix_disconnect(struct unix_socket *socket)
{
    (void)connect_datagrams(socket, NULL);
}

int unix_connect(struct unix_socket *socket, const struct socket_address *address, u32 flags)
{
    bool streams = unix_has_connections(socket);
    struct unix_socket *to;
    int err;

    if (address->len < sizeof(u16)) {
        return -EINVAL;
    }
    if (!streams && address->family == AF_UNSPEC) {
        return connect_datagrams(socket, NULL);
    }
    err = unix_check_address(address);
    if (err == 0 && socket_has(&socket->socket, SOCKET_PASSCRED)) {
        err = unix_bind_any(socket);
    }
    if (err != 0) {
        return err;
    }
    if (streams) {
        return connect_stream(socket, address, socket_send_deadline(&socket->socket, flags));
    }
    err = unix_find(address, socket->socket.type, &to);
    if (err == 0) {
        err = connect_datagrams(socket, to);
        unix_put(to);
    }
    return err;
}

/* ---- shutdown(2)
 * ---------------------------------------------------------------------------------- */

static void shut(struct unix_socket *socket, u32 ways)
{
    bool irq = spin_lock(&socket->lock);

    atomic_fetch_or_explicit(&socket->shutdown, ways, memory_order_acq_rel);
    unix_wake_all(socket, POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM);
    unix_unlock(socket, irq);
}

void unix_shutdown(struct unix_socket *socket, u32 ways)
{
    struct unix_socket *peer = unix_get_peer(socket);

    shut(socket, ways);
    if (peer != NULL) {
        if (unix_has_connections(socket)) {
            shut(peer,
                 ((ways & SHUT_RD) != 0 ? SHUT_WR : 0) | ((ways & SHUT_WR) != 0 ? SHUT_RD : 0));
        }
        unix_put(peer);
    }
}
