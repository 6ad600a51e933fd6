/* SPDX-License-Identifier: MIT */
/*
 * Who has which port: one table for TCP and one for UDP, by the port's number.
 *
 * Whether two may have the same port is what Linux says in
 * inet_csk_get_port(): not if some address would belong to both, but for
 * SO_REUSEADDR of both (of TCP: while neither listens) and SO_REUSEPORT of
 * both.  Connections that were accepted share the port of their listener.
 *
 * Listeners are at the front of their list, so that finding one does not go
 * past its connections.  Port numbers from 32768 on are given out from a
 * random place on, since who can guess one can send to it.
 */
#include "inet_priv.h"

#include <kernel/random.h>

#define BUCKETS 256u
#define PORT_FIRST 32768u /* net.ipv4.ip_local_port_range */
#define PORT_LAST 60999u

static struct {
    struct spinlock lock;
    struct list table[2][BUCKETS]; /* UDP, TCP */
} ports = {.lock = SPINLOCK_INIT("ports", RANK_NET)};

void port_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&ports.table[0][i]);
        list_init(&ports.table[1][i]);
    }
}

static struct list *bucket_of(bool tcp, u16 port)
{
    return &ports.table[tcp][port % BUCKETS];
}

static struct inet_socket *socket_at(struct list *link)
{
    return list_entry(link, struct inet_socket, port_link);
}

/* ---- Giving them out ------------------------------------------------------------------------ */

static bool both_have(struct inet_socket *a, struct inet_socket *b, u32 option)
{
    return socket_has(&a->socket, option) && socket_has(&b->socket, option);
}

static bool conflict(struct inet_socket *fresh, const struct inet_ip *ip, struct inet_socket *other)
{
    if (!inet_ip_overlaps(fresh->socket.family, ip, inet_only6(fresh), other->socket.family,
                          &other->local.ip, inet_only6(other))) {
        return false;
    }
    if (both_have(fresh, other, SOCKET_REUSEPORT)) {
        return false;
    }
    return !both_have(fresh, other, SOCKET_REUSEADDR) || other->listed;
}

static bool is_free(struct inet_socket *socket, const struct inet_ip *ip, u16 port)
{
    list_for_each (link, bucket_of(inet_is_tcp(socket), port)) {
        struct inet_socket *other = socket_at(link);

        if (other != socket && other->local.port == port && conflict(socket, ip, other)) {
            return false;
        }
    }
    return true;
}

/* A port that nobody has at all; 0: there is none. */
static u16 choose_port(struct inet_socket *socket, const struct inet_ip *ip)
{
    u32 count = PORT_LAST - PORT_FIRST + 1, start = (u32)(random_u64() % count);

    for (u32 i = 0; i < count; i++) {
        u16 port = (u16)(PORT_FIRST + (start + i) % count);
        bool taken = false;

        list_for_each (link, bucket_of(inet_is_tcp(socket), port)) {
            if (socket_at(link)->local.port == port) {
                taken = true;
                break;
            }
        }
        if (!taken) {
            return port;
        }
    }
    return 0;
}

static void enter(struct inet_socket *socket)
{
    struct list *bucket = bucket_of(inet_is_tcp(socket), socket->local.port);

    if (inet_is_tcp(socket) && !socket->listed) {
        list_push_back(bucket, &socket->port_link);
    } else {
        list_push_front(bucket, &socket->port_link);
    }
}

int port_bind(struct inet_socket *socket, const struct inet_address *address)
{
    bool irq = spin_lock(&ports.lock);
    u16 port = address->port;
    int err = 0;

    if (socket->local.port != 0) {
        err = -EINVAL;
    } else if (port == 0) {
        port = choose_port(socket, &address->ip);
        err = port == 0 ? -EADDRINUSE : 0;
    } else if (!is_free(socket, &address->ip, port)) {
        err = -EADDRINUSE;
    }
    if (err == 0) {
        socket->local = *address;
        socket->local.port = port;
        enter(socket);
    }
    spin_unlock(&ports.lock, irq);
    return err;
}

void port_set_remote(struct inet_socket *socket, const struct inet_address *remote,
                     const struct inet_ip *from)
{
    bool irq = spin_lock(&ports.lock);

    socket->remote = *remote;
    if (from != NULL) {
        socket->local.ip = *from;
    }
    spin_unlock(&ports.lock, irq);
}

void port_get_names(struct inet_socket *socket, struct inet_address *local,
                    struct inet_address *remote)
{
    bool irq = spin_lock(&ports.lock);

    if (local != NULL) {
        *local = socket->local;
    }
    if (remote != NULL) {
        *remote = socket->remote;
    }
    spin_unlock(&ports.lock, irq);
}

void port_share(struct inet_socket *fresh, struct inet_socket *listener)
{
    bool irq = spin_lock(&ports.lock);

    if (listener->local.port == fresh->local.port) {
        list_push_back(bucket_of(true, fresh->local.port), &fresh->port_link);
    }
    spin_unlock(&ports.lock, irq);
}

void port_release(struct inet_socket *socket)
{
    bool irq = spin_lock(&ports.lock);

    list_remove(&socket->port_link);
    socket->local.port = 0;
    socket->listed = false;
    spin_unlock(&ports.lock, irq);
}

int port_listen(struct inet_socket *socket)
{
    bool irq = spin_lock(&ports.lock);
    int err = 0;

    if (!socket->listed && !is_free(socket, &socket->local.ip, socket->local.port)) {
        err = -EADDRINUSE;
    } else {
        socket->listed = true;
        list_remove(&socket->port_link);
        enter(socket);
    }
    spin_unlock(&ports.lock, irq);
    return err;
}

void port_unlisten(struct inet_socket *socket)
{
    bool irq = spin_lock(&ports.lock);

    socket->listed = false;
    if (socket->local.port != 0) {
        list_remove(&socket->port_link);
        enter(socket);
    }
    spin_unlock(&ports.lock, irq);
}

/* ---- Finding ----------------------------------------------------------------------------------
 */

/* How well it fits, 0: not at all. */
static unsigned score_of(struct inet_socket *socket, const struct inet_address *to,
                         const struct inet_address *from)
{
    unsigned score = 1;

    if (socket->local.port != to->port ||
        !inet_ip_takes(socket->socket.family, &socket->local.ip, inet_only6(socket), &to->ip)) {
        return 0;
    }
    score += inet_ip_is_any(&socket->local.ip) ? 0 : 4;
    score += socket->socket.family == AF_INET;
    if (!socket->listed && socket->remote.port != 0) {
        if (socket->remote.port != from->port || !inet_ip_equal(&socket->remote.ip, &from->ip)) {
            return 0;
        }
        score += 8;
    }
    return score;
}

/* Of those that fit best the first, or with SO_REUSEPORT one that depends on the sender. */
static struct inet_socket *find(bool tcp, const struct inet_address *to,
                                const struct inet_address *from)
{
    u32 hash = (from->ip.word[3] ^ from->port) * 0x9e3779b1u >> 8;
    struct inet_socket *best = NULL;
    unsigned best_score = 0, equals = 0;

    list_for_each (link, bucket_of(tcp, to->port)) {
        struct inet_socket *socket = socket_at(link);
        unsigned score;

        if (tcp && !socket->listed) {
            break;
        }
        score = score_of(socket, to, from);
        if (score > best_score) {
            best = socket;
            best_score = score;
            equals = 1;
        } else if (score != 0 && score == best_score && both_have(best, socket, SOCKET_REUSEPORT)) {
            equals++;
            if (hash % equals == 0) {
                best = socket;
            }
        }
    }
    return best;
}

static struct inet_socket *find_locked(bool tcp, const struct inet_address *to,
                                       const struct inet_address *from)
{
    bool irq = spin_lock(&ports.lock);
    struct inet_socket *found = find(tcp, to, from);

    if (found != NULL) {
        (void)inet_get(found);
    }
    spin_unlock(&ports.lock, irq);
    return found;
}

struct inet_socket *port_find_listener(const struct inet_address *to,
                                       const struct inet_address *from)
{
    return find_locked(true, to, from);
}

struct inet_socket *port_find_receiver(const struct inet_address *to,
                                       const struct inet_address *from)
{
    return find_locked(false, to, from);
}

struct inet_socket *port_next_member(struct inet_socket *last, const struct inet_address *to,
                                     const struct inet_address *from)
{
    struct list *bucket = bucket_of(false, to->port), *link;
    bool irq = spin_lock(&ports.lock);
    struct inet_socket *found = NULL;

    /* One that has left the list meanwhile points at itself: the round ends there. */
    link = last == NULL ? bucket->next : last->port_link.next;
    for (; link != bucket && !(last != NULL && link == &last->port_link); link = link->next) {
        if (score_of(socket_at(link), to, from) != 0) {
            found = inet_get(socket_at(link));
            break;
        }
    }
    spin_unlock(&ports.lock, irq);
    if (last != NULL) {
        inet_put(last);
    }
    return found;
}

void port_for_each(bool tcp, void (*fn)(struct inet_socket *socket, void *arg), void *arg)
{
    bool irq = spin_lock(&ports.lock);

    for (unsigned i = 0; i < BUCKETS; i++) {
        list_for_each (link, &ports.table[tcp][i]) {
            fn(socket_at(link), arg);
        }
    }
    spin_unlock(&ports.lock, irq);
}
