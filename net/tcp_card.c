/* SPDX-License-Identifier: MIT */
/*
 * Connections of TCP by the card: lwIP's protocol control blocks under our
 * sockets.
 *
 * What arrives is put into the socket's queue as if a peer of this machine
 * had sent it; the window opens as it is read.  What is sent is given to
 * lwIP, which keeps a copy until it is acknowledged.
 *
 * A pcb counts its socket, and is known to it, under the core's lock.  lwIP
 * calls back under that lock, which comes before a socket's and the ports'.
 */
#include "inet_priv.h"

#include <kernel/kmalloc.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define PIECE (16u * 1024)        /* sent at a time: it is copied under the core's lock */
#define WINDOW_STEP (TCP_WND / 8) /* read bytes that lwIP is told of at once */
#define RECEIVED_EVENTS (POLLIN | POLLRDNORM)

static struct inet_address address_of(const ip_addr_t *ip, u16 port)
{
    return (struct inet_address){.ip = inet_ip_v4(swap32(ip->addr)), .port = port};
}

/* ---- What lwIP tells.  The core's lock is held. -----------------------------------------------
 */

/* The pcb and the socket do not know each other any more. */
static struct tcp_pcb *detach(struct inet_socket *socket)
{
    struct tcp_pcb *pcb = socket->pcb;

    socket->pcb = NULL;
    if (pcb != NULL) {
        tcp_arg(pcb, NULL);
        if (pcb->state != LISTEN) {
            tcp_recv(pcb, NULL);
            tcp_sent(pcb, NULL);
            tcp_err(pcb, NULL);
        }
        inet_put(socket);
    }
    return pcb;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct inet_socket *socket = arg;
    struct inet_chunk *chunk;
    bool irq;

    if (p == NULL) {
        stream_finish(socket);
        return ERR_OK;
    }
    chunk = chunk_new(p->tot_len);
    if (chunk == NULL) {
        return ERR_MEM; /* lwIP keeps the packet and asks again */
    }
    chunk->size = pbuf_copy_partial(p, chunk->data, p->tot_len, 0);
    irq = spin_lock(&socket->lock);
    list_push_back(&socket->queue, &chunk->link);
    socket->charge += chunk->size;
    poll_notify_quick(&socket->socket.source, RECEIVED_EVENTS);
    inet_unlock(socket, irq);
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t size)
{
    struct inet_socket *socket = arg;

    if (socket->send_full && pcb->snd_buf >= TCP_SND_BUF / 3) {
        bool irq = spin_lock(&socket->lock);

        socket->send_full = false;
        event_wake_all(&socket->write_waiters);
        poll_notify_quick(&socket->socket.source, POLLOUT | POLLWRNORM);
        inet_unlock(socket, irq);
    }
    return ERR_OK;
}

/* The pcb is no more. */
static void on_error(void *arg, err_t err)
{
    struct inet_socket *socket = arg;
    int error = err == ERR_RST ? -ECONNRESET : err == ERR_ABRT ? -ETIMEDOUT : -ECONNABORTED;
    bool irq = spin_lock(&socket->lock), connecting = socket->state == STREAM_CONNECTING;

    spin_unlock(&socket->lock, irq);
    socket->pcb = NULL;
    if (connecting) {
        stream_fail(socket, err == ERR_RST ? -ECONNREFUSED : error);
    } else {
        stream_reset(socket, error);
    }
    inet_put(socket);
}

static void attach(struct inet_socket *socket, struct tcp_pcb *pcb)
{
    socket->pcb = pcb;
    socket->by_card = true;
    tcp_arg(pcb, inet_get(socket));
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
}

static void apply(struct inet_socket *socket, struct tcp_pcb *pcb)
{
    if (inet_option(socket, OPT_NODELAY) != 0) {
        tcp_nagle_disable(pcb);
    } else {
        tcp_nagle_enable(pcb);
    }
    if (socket_has(&socket->socket, SOCKET_KEEPALIVE)) {
        ip_set_option(pcb, SOF_KEEPALIVE);
    } else {
        ip_reset_option(pcb, SOF_KEEPALIVE);
    }
    pcb->keep_idle = (u32_t)inet_option(socket, OPT_KEEPIDLE) * 1000;
    pcb->keep_intvl = (u32_t)inet_option(socket, OPT_KEEPINTVL) * 1000;
    pcb->keep_cnt = (u32_t)inet_option(socket, OPT_KEEPCNT);
    pcb->ttl = (u8_t)inet_option(socket, OPT_TTL);
    pcb->tos = (u8_t)inet_option(socket, OPT_TOS);
}

void tcp_card_apply(struct inet_socket *socket)
{
    if (__atomic_load_n(&socket->pcb, __ATOMIC_RELAXED) != NULL) {
        bool irq = card_lock();

        if (socket->pcb != NULL && socket->pcb->state != LISTEN) {
            apply(socket, socket->pcb);
        }
        card_unlock(irq);
    }
}

/* ---- Listening ------------------------------------------------------------------------------- */

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct inet_socket *listener = arg, *fresh;
    struct inet_address local, remote;
    bool irq, listens;

    if (listener == NULL || pcb == NULL || err != ERR_OK) {
        return ERR_VAL;
    }
    local = address_of(&pcb->local_ip, pcb->local_port);
    remote = address_of(&pcb->remote_ip, pcb->remote_port);
    if (stream_new_side(listener, &local, &remote, &fresh) != 0) {
        return ERR_MEM;
    }
    attach(fresh, pcb);
    apply(fresh, pcb);
    tcp_backlog_delayed(pcb);
    irq = spin_lock(&listener->lock);
    listens = listener->state == STREAM_LISTENING;
    if (listens) {
        list_push_back(&listener->connections, &fresh->connection);
        listener->waiting++;
        poll_notify_quick(&listener->socket.source, RECEIVED_EVENTS);
    }
    inet_unlock(listener, irq);
    if (!listens) {
        (void)detach(fresh);
        port_release(fresh);
        inet_put(fresh);
        return ERR_RST;
    }
    return ERR_OK;
}

/* As tcp_listen(), for all addresses of the card or for one. */
static struct tcp_pcb *listen_at(const struct inet_address *local, u32 backlog)
{
    struct tcp_pcb *pcb = tcp_new(), *listening = NULL;
    const ip_addr_t ip = {inet_ip_is_any(&local->ip) ? 0 : local->ip.word[3]};

    if (pcb == NULL) {
        return NULL;
    }
    ip_set_option(pcb, SOF_REUSEADDR);
    if (tcp_bind(pcb, &ip, local->port) == ERR_OK) {
        listening = tcp_listen_with_backlog(pcb, (u8_t)MIN(MAX(backlog, 1), 255u));
    }
    if (listening == NULL) {
        tcp_abort(pcb);
    }
    return listening;
}

void tcp_card_listen(struct inet_socket *socket)
{
    struct inet_address local;
    bool irq;

    port_get_names(socket, &local, NULL);
    if (inet_ip_is_loopback(&local.ip) || inet_only6(socket) || !card_open()) {
        return;
    }
    irq = card_lock();
    if (socket->pcb == NULL) {
        socket->pcb = listen_at(&local, socket->backlog);
        if (socket->pcb != NULL) {
            tcp_arg(socket->pcb, inet_get(socket));
            tcp_accept(socket->pcb, on_accept);
        }
    }
    card_unlock(irq);
}

void tcp_card_accepted(struct inet_socket *fresh)
{
    if (fresh->by_card) {
        bool irq = card_lock();

        if (fresh->pcb != NULL) {
            tcp_backlog_accepted(fresh->pcb);
        }
        card_unlock(irq);
    }
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct inet_socket *socket = arg;
    bool irq = spin_lock(&socket->lock);

    if (socket->state == STREAM_CONNECTING) {
        socket->state = STREAM_CONNECTED;
        inet_wake_all(socket, POLLOUT | POLLWRNORM);
    }
    inet_unlock(socket, irq);
    return ERR_OK;
}

int tcp_card_connect(struct inet_socket *socket)
{
    struct inet_address local, remote;
    ip_addr_t from, to;
    struct tcp_pcb *pcb;
    err_t err = ERR_MEM;
    bool irq;

    port_get_names(socket, &local, &remote);
    from.addr = local.ip.word[3];
    to.addr = remote.ip.word[3];
    irq = card_lock();
    pcb = tcp_new();
    if (pcb != NULL) {
        ip_set_option(pcb, SOF_REUSEADDR);
        err = tcp_bind(pcb, &from, local.port);
        if (err == ERR_OK) {
            attach(socket, pcb);
            apply(socket, pcb);
            err = tcp_connect(pcb, &to, remote.port, on_connected);
        }
        if (err != ERR_OK) {
            (void)detach(socket);
            tcp_abort(pcb);
        }
    }
    card_unlock(irq);
    return err == ERR_OK    ? 0
           : err == ERR_RTE ? -ENETUNREACH
           : err == ERR_USE ? -EADDRNOTAVAIL
                            : -ENOBUFS;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* As much of it as lwIP takes: bytes, 0: it is full now; -EPIPE: it has gone. */
static s64 write_piece(struct inet_socket *socket, const u8 *data, u32 size, bool more)
{
    bool irq = card_lock();
    struct tcp_pcb *pcb = socket->pcb;
    u32 taken;

    if (pcb == NULL) {
        card_unlock(irq);
        return -EPIPE;
    }
    taken = MIN(size, (u32)tcp_sndbuf(pcb));
    if (taken != 0 &&
        tcp_write(pcb, data, (u16_t)taken,
                  (u8_t)(TCP_WRITE_FLAG_COPY | (more ? TCP_WRITE_FLAG_MORE : 0))) != ERR_OK) {
        taken = 0;
    }
    if (taken < size) {
        bool own = spin_lock(&socket->lock);

        socket->send_full = true;
        spin_unlock(&socket->lock, own);
    }
    (void)tcp_output(pcb);
    card_unlock(irq);
    return taken;
}

static int await_room(struct inet_socket *socket, nsec_t deadline)
{
    bool irq = spin_lock(&socket->lock);
    int err = 0;

    while (err == 0 && socket->send_full && !socket->reset && (socket->shut & SHUT_WR) == 0) {
        err =
            deadline == 0 ? -EAGAIN : inet_wait(socket, &irq, &socket->write_waiters, 0, deadline);
    }
    inet_unlock(socket, irq);
    return err;
}

/* All of a piece that was copied: 0, or what ended it; *done bytes went. */
static int send_piece(struct inet_socket *socket, const u8 *data, u32 size, bool more,
                      nsec_t deadline, u32 *done)
{
    int err = 0;

    *done = 0;
    while (err == 0 && *done < size) {
        s64 taken = write_piece(socket, data + *done, size - *done, more);

        if (taken < 0) {
            return (int)taken;
        }
        *done += (u32)taken;
        if (*done < size) {
            err = await_room(socket, deadline);
        }
        if (err == 0) {
            err = stream_check_send(socket, 0);
        }
    }
    return err;
}

int tcp_card_send(struct inet_socket *socket, struct socket_message *message, nsec_t deadline)
{
    u8 *data = kmalloc(MIN(message->io.left, (u64)PIECE));
    int err = data != NULL ? 0 : message->io.left == 0 ? 0 : -ENOBUFS;

    while (err == 0 && message->io.left != 0) {
        u32 size = (u32)MIN(message->io.left, (u64)PIECE), done;
        struct io before = message->io;

        err = io_take(&message->io, data, size);
        if (err != 0) {
            message->io = before;
            break;
        }
        err = send_piece(socket, data, size, message->io.left != 0, deadline, &done);
        if (done < size) { /* the rest was not sent */
            message->io = before;
            io_skip(&message->io, done);
        }
    }
    kfree(data);
    return err;
}

void tcp_card_read(struct inet_socket *socket)
{
    bool irq = spin_lock(&socket->lock);
    u64 size = socket->unacknowledged;

    if (size < WINDOW_STEP && socket->charge != 0) {
        size = 0;
    }
    socket->unacknowledged -= size;
    spin_unlock(&socket->lock, irq);
    if (size == 0) {
        return;
    }
    irq = card_lock();
    while (size != 0 && socket->pcb != NULL) {
        u16 some = (u16)MIN(size, (u64)0xffff);

        tcp_recved(socket->pcb, some);
        size -= some;
    }
    card_unlock(irq);
}

/* ---- The end --------------------------------------------------------------------------------- */

void tcp_card_shutdown(struct inet_socket *socket)
{
    bool irq = card_lock();

    if (socket->pcb != NULL && socket->pcb->state != LISTEN) {
        (void)tcp_shutdown(socket->pcb, 0, 1);
    }
    card_unlock(irq);
}

void tcp_card_close(struct inet_socket *socket, bool at_once)
{
    struct tcp_pcb *pcb;
    bool irq;

    if (__atomic_load_n(&socket->pcb, __ATOMIC_ACQUIRE) == NULL) {
        return;
    }
    tcp_card_read(socket);
    irq = card_lock();
    pcb = detach(socket);
    if (pcb != NULL && (at_once ? pcb->state != LISTEN : tcp_close(pcb) != ERR_OK)) {
        tcp_abort(pcb);
    }
    card_unlock(irq);
}
