/* SPDX-License-Identifier: MIT */
/*
 * Connections of TCP: listen(2), accept(2), connect(2), shutdown(2), their end.
 *
 * connect(2) makes the socket that accept(2) will give, connects the two and
 * hands it to the listener.  A place at the listener is taken first, so that
 * the rest cannot fail for want of one; for whom there is none, waits at the
 * listener, and who accepts a connection completes the next of those.
 *
 * What Linux does with segments has these counterparts:
 *
 *   FIN    `finished` of the peer
 *   RST    stream_reset(): a socket is closed with data that nobody has read, or
 *          at once (SO_LINGER of 0), or data comes for one that is closed
 *
 * A port is free again as soon as the last socket with it is closed: nothing is under way
 * that could come too late, so there is no TIME_WAIT.
 */
#include "inet_priv.h"

/* ---- The end -------------------------------------------------------------------------------- */

#define ALL_EVENTS (POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM | POLLERR)

/* Who waits for room at `peer` looks again. */
static void wake_senders(struct inet_socket *peer)
{
    bool irq = spin_lock(&peer->lock);

    event_wake_all(&peer->write_waiters);
    spin_unlock(&peer->lock, irq);
}

void stream_reset(struct inet_socket *socket, int err)
{
    bool irq = spin_lock(&socket->lock);
    struct inet_socket *peer = NULL;

    if (!stream_is_over(socket)) {
        socket->reset = true;
        atomic_store_explicit(&socket->error, socket->finished ? -EPIPE : err,
                              memory_order_relaxed);
        peer = atomic_exchange_explicit(&socket->peer, NULL, memory_order_relaxed);
        inet_wake_all(socket, ALL_EVENTS);
    }
    inet_unlock(socket, irq);
    if (peer != NULL) {
        wake_senders(peer);
        inet_put(peer);
    }
}

/* The other side sends no more. */
void stream_finish(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock);

    socket->finished = true;
    event_wake_all(&socket->read_waiters);
    poll_notify_quick(&socket->socket.source,
                      POLLIN | POLLRDNORM | POLLRDHUP | (stream_is_over(socket) ? POLLHUP : 0));
    inet_unlock(socket, irq);
}

/* connect(2) has failed. */
void stream_fail(struct inet_socket *socket, int err)
{
    bool irq = spin_lock(&socket->lock);

    if (socket->state == STREAM_CONNECTING) {
        socket->state = STREAM_CLOSED;
        socket->reset = true;
        atomic_store_explicit(&socket->error, err, memory_order_relaxed);
        inet_wake_all(socket, ALL_EVENTS);
    }
    inet_unlock(socket, irq);
}

/* ---- Connecting two -------------------------------------------------------------------------- */

static void inherit(struct inet_socket *fresh, struct inet_socket *listener)
{
    struct socket *to = &fresh->socket, *from = &listener->socket;

    atomic_store_explicit(&to->options, atomic_load_explicit(&from->options, memory_order_relaxed),
                          memory_order_relaxed);
    to->send_size = from->send_size;
    to->receive_size = from->receive_size;
    to->receive_low = from->receive_low;
    to->priority = from->priority;
    to->linger_on = from->linger_on;
    to->linger = from->linger;
    to->send_timeout = from->send_timeout;
    to->receive_timeout = from->receive_timeout;
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        atomic_store_explicit(&fresh->option[i], inet_option(listener, i), memory_order_relaxed);
    }
}

int stream_new_side(struct inet_socket *listener, const struct inet_address *local,
                    const struct inet_address *remote, struct inet_socket **fresh)
{
    int err = inet_new(listener->socket.family, SOCK_STREAM, IPPROTO_TCP, fresh);

    if (err == 0) {
        inherit(*fresh, listener);
        (*fresh)->local = *local;
        (*fresh)->remote = *remote;
        (*fresh)->state = STREAM_CONNECTED;
        port_share(*fresh, listener);
    }
    return err;
}

/* The listener's side of a connection from `socket`.  -ENOMEM */
static int make_other_side(struct inet_socket *socket, struct inet_socket *listener,
                           struct inet_socket **fresh)
{
    struct inet_address local, remote;
    int err;

    port_get_names(socket, &local, &remote);
    err = stream_new_side(listener, &remote, &local, fresh);
    if (err == 0) {
        atomic_store_explicit(&(*fresh)->peer, inet_get(socket), memory_order_relaxed);
    }
    return err;
}

/* False: it does not want to be connected any more. */
static bool become_connected(struct inet_socket *socket, struct inet_socket *peer)
{
    bool irq = spin_lock(&socket->lock),
         wanted = socket->state == STREAM_CONNECTING && !socket->dead;

    if (wanted) {
        atomic_store_explicit(&socket->peer, inet_get(peer), memory_order_release);
        socket->state = STREAM_CONNECTED;
        inet_wake_all(socket, POLLOUT | POLLWRNORM);
    }
    inet_unlock(socket, irq);
    return wanted;
}

static void give_place_back(struct inet_socket *listener)
{
    bool irq = spin_lock(&listener->lock);

    listener->waiting--;
    inet_unlock(listener, irq);
}

/* Nobody has accepted it, or will. */
static void drop_other_side(struct inet_socket *fresh)
{
    stream_close(fresh);
    inet_put(fresh);
}

/* Connects the two; a place at the listener has been taken. */
static void establish(struct inet_socket *socket, struct inet_socket *listener)
{
    struct inet_socket *fresh;
    bool irq, listens;

    if (make_other_side(socket, listener, &fresh) != 0) {
        give_place_back(listener);
        stream_fail(socket, -ENOBUFS);
        return;
    }
    if (!become_connected(socket, fresh)) {
        give_place_back(listener);
        drop_other_side(fresh);
        return;
    }
    irq = spin_lock(&listener->lock);
    listens = listener->state == STREAM_LISTENING;
    if (listens) {
        list_push_back(&listener->connections, &fresh->connection);
        poll_notify_quick(&listener->socket.source, POLLIN | POLLRDNORM);
    }
    inet_unlock(listener, irq);
    if (!listens) {
        stream_reset(socket, -ECONNRESET);
        drop_other_side(fresh);
    }
}

/*
 * Takes a place at the listener for it, or puts it among those that wait for one: 1 for a place,
 * 0, or -ECONNREFUSED.
 */
static int take_place(struct inet_socket *socket, struct inet_socket *listener)
{
    bool irq = spin_lock(&listener->lock);
    int result = 0;

    if (listener->state != STREAM_LISTENING) {
        result = -ECONNREFUSED;
    } else if (listener->waiting <= listener->backlog) {
        listener->waiting++;
        result = 1;
    } else {
        list_push_back(&listener->hopefuls, &inet_get(socket)->connection);
    }
    spin_unlock(&listener->lock, irq);
    return result;
}

/* A place is free: whose turn it is gets it. */
static void admit_next(struct inet_socket *listener)
{
    bool irq = spin_lock(&listener->lock);
    struct list *link = NULL;

    if (listener->waiting <= listener->backlog) {
        link = list_pop_front(&listener->hopefuls);
        listener->waiting += link != NULL;
    }
    spin_unlock(&listener->lock, irq);
    if (link != NULL) {
        struct inet_socket *socket = list_entry(link, struct inet_socket, connection);

        establish(socket, listener);
        inet_put(socket);
    }
}

/* ---- connect(2) ------------------------------------------------------------------------------ */

/* It waits at no listener any more. */
static void leave_listener(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock), waited;
    struct inet_socket *listener = socket->waits_at;

    socket->waits_at = NULL;
    spin_unlock(&socket->lock, irq);
    if (listener == NULL) {
        return;
    }
    irq = spin_lock(&listener->lock);
    waited = !list_empty(&socket->connection);
    list_remove(&socket->connection);
    spin_unlock(&listener->lock, irq);
    if (waited) {
        inet_put(socket);
    }
    inet_put(listener);
}

/* Who is not bound gets a port, and everybody the address that he is reached at. */
static int bind_source(struct inet_socket *socket, const struct inet_address *to)
{
    struct inet_address target = *to, from = {.port = 0};
    int err = inet_choose_source(socket, &target, &from.ip);

    if (err != 0) {
        return err;
    }
    if (socket->local.port == 0) {
        err = port_bind(socket, &from);
        if (err != 0) {
            return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
        }
    }
    port_set_remote(socket, &target, &from.ip);
    return 0;
}

/* State is STREAM_CONNECTING.  0: it is connected, has failed, or waits for a place. */
static int begin(struct inet_socket *socket, const struct inet_address *to)
{
    struct inet_address from, target;
    struct inet_socket *listener;
    int err = bind_source(socket, to), place;
    bool irq;

    if (err != 0) {
        return err;
    }
    port_get_names(socket, &from, &target);
    if (interface_of(&target.ip) == NULL) {
        return tcp_card_connect(socket);
    }
    listener = port_find_listener(&target, &from);
    if (listener == NULL) {
        stream_fail(socket, -ECONNREFUSED);
        return 0;
    }
    irq = spin_lock(&socket->lock);
    socket->waits_at = inet_get(listener);
    spin_unlock(&socket->lock, irq);
    place = take_place(socket, listener);
    if (place == 1) {
        establish(socket, listener);
    } else if (place < 0) {
        stream_fail(socket, place);
    }
    if (place != 0) {
        leave_listener(socket);
    }
    inet_put(listener);
    return 0;
}

/* As it was before connect(2); a port that bind(2) gave stays. */
static void start_again(struct inet_socket *socket)
{
    const struct inet_address nowhere = {.ip = socket->socket.family == AF_INET ? inet_ip_v4(0)
                                                                                : INET_IP_ANY6};
    bool irq = spin_lock(&socket->lock);

    socket->state = STREAM_CLOSED;
    socket->reset = socket->finished = socket->in_progress = false;
    socket->shut = 0;
    spin_unlock(&socket->lock, irq);
    port_set_remote(socket, &nowhere, socket->bound_ip ? NULL : &nowhere.ip);
    if (!socket->bound_port) {
        port_release(socket);
    }
}

/* How connecting has gone so far, once nobody is to wait: what connect(2) gives. */
static int outcome(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    enum stream_state state = socket->state;

    if (state == STREAM_CONNECTED) {
        socket->in_progress = false;
    }
    spin_unlock(&socket->lock, irq);
    if (state == STREAM_CLOSED) {
        int err = inet_take_error(socket);

        start_again(socket);
        return err != 0 ? err : -ECONNABORTED;
    }
    leave_listener(socket);
    return 0;
}

static int await_connection(struct inet_socket *socket, nsec_t deadline)
{
    bool irq = spin_lock(&socket->lock);
    int err = 0;

    while (err == 0 && socket->state == STREAM_CONNECTING) {
        err = deadline == 0 ? -EINPROGRESS
                            : inet_wait(socket, &irq, &socket->write_waiters, INT64_MAX, deadline);
        err = err == -EAGAIN ? -EINPROGRESS : err;
    }
    if (socket->state != STREAM_CONNECTING) {
        err = 0;
    }
    inet_unlock(socket, irq);
    return err;
}

/* What connect(2) finds: 0 (it is to begin), 1 (it has begun), or an error. */
static int claim_connect(struct inet_socket *socket, bool wait)
{
    bool irq = spin_lock(&socket->lock);
    int result = 0;

    switch (socket->state) {
    case STREAM_LISTENING:
        result = -EISCONN;
        break;
    case STREAM_CONNECTED:
        result = socket->in_progress ? 1 : -EISCONN;
        break;
    case STREAM_CONNECTING:
        result = wait ? 1 : -EALREADY;
        break;
    case STREAM_CLOSED:
        if (socket->in_progress) {
            result = 1;
        } else {
            socket->state = STREAM_CONNECTING;
            socket->in_progress = true;
        }
        break;
    }
    spin_unlock(&socket->lock, irq);
    return result;
}

static void disconnect(struct inet_socket *socket)
{
    struct inet_socket *peer = inet_get_peer(socket);

    leave_listener(socket);
    tcp_card_close(socket, true);
    if (peer != NULL) {
        stream_reset(peer, -ECONNRESET);
        stream_reset(socket, -ECONNRESET);
        inet_put(peer);
    }
    inet_flush(socket);
    (void)inet_take_error(socket);
    start_again(socket);
}

int stream_connect(struct socket *base, const struct socket_address *address, u32 flags)
{
    nsec_t deadline = socket_send_deadline(base, flags);
    struct inet_socket *socket = inet_of(base);
    struct inet_address to;
    int result;

    if (address->len >= sizeof(u16) && address->family == AF_UNSPEC) {
        disconnect(socket);
        return 0;
    }
    result = inet_parse_target(socket, address, &to);
    if (result == 0) {
        result = claim_connect(socket, deadline != 0);
    }
    if (result == 0) {
        result = begin(socket, &to);
        if (result != 0) {
            start_again(socket);
        } else if (deadline == 0) { /* as on Linux, where the answer comes a moment later */
            return -EINPROGRESS;
        }
    }
    if (result >= 0) {
        result = await_connection(socket, deadline);
        if (result == 0) {
            result = outcome(socket);
        }
    }
    return result;
}

/* ---- listen(2), accept(2) -------------------------------------------------------------------- */

int stream_listen(struct socket *base, int backlog)
{
    struct inet_socket *socket = inet_of(base);
    const struct inet_address any = {.ip = base->family == AF_INET ? inet_ip_v4(0) : INET_IP_ANY6};
    int err = 0;
    bool irq = spin_lock(&socket->lock);

    if (socket->state != STREAM_CLOSED && socket->state != STREAM_LISTENING) {
        err = -EINVAL;
    }
    spin_unlock(&socket->lock, irq);
    if (err == 0 && socket->local.port == 0) {
        err = port_bind(socket, &any);
    }
    if (err == 0) {
        err = port_listen(socket);
    }
    if (err == 0) {
        irq = spin_lock(&socket->lock);
        socket->state = STREAM_LISTENING;
        socket->reset = socket->finished = false;
        socket->shut = 0;
        socket->backlog = (u32)backlog;
        spin_unlock(&socket->lock, irq);
        tcp_card_listen(socket);
        admit_next(socket);
    }
    return err;
}

/* A connection that nobody has accepted, if there is one. */
static struct inet_socket *pop_connection(struct inet_socket *listener)
{
    bool irq = spin_lock(&listener->lock);
    struct list *link = list_pop_front(&listener->connections);

    listener->waiting -= link != NULL;
    inet_unlock(listener, irq);
    return link != NULL ? list_entry(link, struct inet_socket, connection) : NULL;
}

static int await_arrival(struct inet_socket *socket, nsec_t deadline)
{
    bool irq = spin_lock(&socket->lock);
    int err = 0;

    while (err == 0 && list_empty(&socket->connections)) {
        if (socket->state != STREAM_LISTENING) {
            err = -EINVAL;
        } else {
            err = deadline == 0 ? -EAGAIN
                                : inet_wait(socket, &irq, &socket->read_waiters, 1, deadline);
        }
    }
    if (!list_empty(&socket->connections)) {
        err = 0;
    }
    inet_unlock(socket, irq);
    return err;
}

int stream_accept(struct socket *base, u32 flags, struct socket **fresh)
{
    nsec_t deadline = socket_receive_deadline(base, flags);
    struct inet_socket *socket = inet_of(base), *found = NULL;
    int err = 0;

    while (err == 0 && found == NULL) {
        err = await_arrival(socket, deadline);
        if (err == 0) {
            found = pop_connection(socket);
        }
    }
    if (found != NULL) {
        found->accepted = true;
        tcp_card_accepted(found);
        *fresh = &found->socket;
        admit_next(socket);
    }
    return err;
}

/* Those who came, and those who hoped to, are turned away. */
static void stop_listening(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    struct inet_socket *one;
    struct list *link;

    socket->state = STREAM_CLOSED;
    inet_wake_all(socket, ALL_EVENTS);
    spin_unlock(&socket->lock, irq);
    tcp_card_close(socket, false);
    port_unlisten(socket);
    while ((one = pop_connection(socket)) != NULL) {
        drop_other_side(one);
    }
    do {
        irq = spin_lock(&socket->lock);
        link = list_pop_front(&socket->hopefuls);
        spin_unlock(&socket->lock, irq);
        if (link != NULL) {
            one = list_entry(link, struct inet_socket, connection);
            stream_fail(one, -ECONNREFUSED);
            inet_put(one);
        }
    } while (link != NULL);
}

/* ---- shutdown(2), close(2) ------------------------------------------------------------------- */

int stream_shutdown(struct socket *base, u32 ways)
{
    struct inet_socket *socket = inet_of(base), *peer = NULL;
    bool irq = spin_lock(&socket->lock), tells = false;
    enum stream_state state = socket->state;
    int err = state == STREAM_CLOSED || (state == STREAM_CONNECTED && stream_is_over(socket))
                  ? -ENOTCONN
                  : 0;

    if (err == 0 && state == STREAM_CONNECTED) {
        tells = (ways & ~socket->shut & SHUT_WR) != 0;
        socket->shut |= ways;
        peer = atomic_load_explicit(&socket->peer, memory_order_relaxed);
        if (peer != NULL) {
            (void)inet_get(peer);
        }
        inet_wake_all(socket, ALL_EVENTS & ~POLLERR);
    }
    inet_unlock(socket, irq);
    if (state == STREAM_LISTENING && (ways & SHUT_RD) != 0) {
        stop_listening(socket);
    } else if (state == STREAM_CONNECTING) {
        disconnect(socket);
    }
    if (tells && peer == NULL) {
        tcp_card_shutdown(socket);
    }
    if (peer != NULL) {
        wake_senders(peer);
        if (tells) {
            stream_finish(peer);
        }
        inet_put(peer);
    }
    return err;
}

void stream_close(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock), at_once, told = (socket->shut & SHUT_WR) != 0;
    enum stream_state state = socket->state;
    struct inet_socket *peer = atomic_exchange_explicit(&socket->peer, NULL, memory_order_relaxed);

    socket->dead = true;
    at_once = socket->charge != 0 || !socket->accepted ||
              (socket->socket.linger_on != 0 && socket->socket.linger == 0);
    inet_wake_all(socket, 0);
    inet_unlock(socket, irq);
    if (state == STREAM_LISTENING) {
        stop_listening(socket);
    }
    leave_listener(socket);
    tcp_card_close(socket, at_once);
    port_release(socket);
    if (peer != NULL) {
        if (at_once) {
            stream_reset(peer, -ECONNRESET);
        } else if (!told) {
            stream_finish(peer);
        }
        inet_put(peer);
    }
}

/* ---- Readiness ------------------------------------------------------------------------------- */

bool stream_has_room(u64 charge, u64 limit)
{
    return charge * 3 <= limit * 2;
}

static bool is_writable(struct inet_socket *socket)
{
    struct inet_socket *peer = inet_get_peer(socket);
    bool irq, room;

    if (peer == NULL) {
        return !__atomic_load_n(&socket->send_full, __ATOMIC_RELAXED);
    }
    irq = spin_lock(&peer->lock);
    room = peer->dead || stream_has_room(peer->charge, inet_queue_limit(peer, socket));
    spin_unlock(&peer->lock, irq);
    inet_put(peer);
    return room;
}

/* Of what arrives and ends; lock held. */
static u32 poll_state(struct inet_socket *socket)
{
    bool no_more = socket->finished || socket->reset || (socket->shut & SHUT_RD) != 0;
    u64 low = (u64)atomic_load_explicit(&socket->socket.receive_low, memory_order_relaxed);
    u32 events = 0;

    if (socket->state == STREAM_LISTENING) {
        return list_empty(&socket->connections) ? 0 : POLLIN | POLLRDNORM;
    }
    if (no_more) {
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if (socket->state == STREAM_CLOSED ||
        (no_more && (socket->reset || (socket->shut & SHUT_WR) != 0))) {
        events |= POLLHUP;
    }
    if (socket->charge != 0 && socket->charge >= low) {
        events |= POLLIN | POLLRDNORM;
    }
    if (socket->urgent) {
        events |= POLLPRI;
    }
    return events;
}

u32 stream_poll(struct socket *base)
{
    struct inet_socket *socket = inet_of(base);
    bool irq = spin_lock(&socket->lock);
    u32 events = poll_state(socket);
    enum stream_state state = socket->state;
    bool ended = socket->reset || (socket->shut & SHUT_WR) != 0;

    spin_unlock(&socket->lock, irq);
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) != 0) {
        events |= POLLERR;
    }
    if (state == STREAM_CLOSED || (state == STREAM_CONNECTED && (ended || is_writable(socket)))) {
        events |= POLLOUT | POLLWRNORM;
    }
    return events;
}
