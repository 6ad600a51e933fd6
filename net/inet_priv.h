/* SPDX-License-Identifier: MIT */
/*
 * AF_INET and AF_INET6 between their files:
 *
 *   inet.c          families, life of a socket, bind(2), names, errors, poll
 *   port.c          who has which port
 *   queue.c         what waits at a socket to be read
 *   tcp.c           listen(2), accept(2), connect(2), shutdown(2), the end
 *   tcp_send.c      sending            tcp_receive.c   receiving
 *   udp.c           datagrams          multicast.c     who has joined what
 *   card.c          lwIP and the network card; its TCP: tcp_card.c, its UDP: udp_card.c
 *   finish.c        the end of the machine
 *   option.c        levels IP, IPV6, TCP of getsockopt(2)
 *   interface.c     interfaces: ioctl, /proc/net          netlink.c  what getifaddrs(3) asks
 *
 * Two sockets of this machine that are connected know each other: what one
 * sends is appended to the other's queue by the sender, in its own context.
 * There are no segments, no acknowledgements and no timers between them.
 *
 * Locks: no two of sockets at a time; before them the table of ports (RANK_NET).
 *
 * A socket is counted by its file, by its peer, by the queue of connections
 * that nobody has accepted, and by who found it in the table of ports.
 */
#pragma once

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/event.h>
#include <kernel/list.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/socket.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>

#include "address.h"

#define IPPROTO_IP 0u
#define IPPROTO_ICMP 1u
#define IPPROTO_TCP 6u
#define IPPROTO_UDP 17u
#define IPPROTO_IPV6 41u
#define IPPROTO_ICMPV6 58u

#define LO_INDEX 1u
#define LO_MTU 65536u

/* A stretch of a stream that waits to be read.  (l) the socket's lock */
struct inet_chunk {
    struct list link; /* (l) */
    u32 size;         /* (l) bytes in it */
    u32 taken;        /* (l) of them, read already */
    u32 room;         /* constant: of data */
    u8 data[];
};

/* A datagram.  (l) the receiver's lock */
struct inet_datagram {
    struct list link; /* (l) */
    struct inet_address from;
    u32 size;
    u8 data[];
};
#define DATAGRAM_COST 512u /* what one counts beside its bytes */

enum stream_state {
    STREAM_CLOSED,
    STREAM_LISTENING,
    STREAM_CONNECTING, /* it waits for a place at its listener */
    STREAM_CONNECTED,
};

/* Options that are numbers: option.c. */
enum inet_option {
    OPT_TOS,
    OPT_TTL,
    OPT_MTU_DISCOVER,
    OPT_RECVERR,
    OPT_PKTINFO,
    OPT_RECVTTL,
    OPT_RECVTOS,
    OPT_FREEBIND,
    OPT_BIND_NO_PORT,
    OPT_MULTICAST_TTL,
    OPT_MULTICAST_LOOP,
    OPT_MULTICAST_ALL,
    OPT_HOPS6,
    OPT_MULTICAST_IF6,
    OPT_MULTICAST_HOPS6,
    OPT_MULTICAST_LOOP6,
    OPT_MULTICAST_ALL6,
    OPT_V6ONLY,
    OPT_RECVPKTINFO6,
    OPT_TCLASS6,
    OPT_RECVTCLASS6,
    OPT_RECVHOPS6,
    OPT_RECVERR6,
    OPT_MTU_DISCOVER6,
    OPT_NODELAY,
    OPT_MAXSEG,
    OPT_CORK,
    OPT_KEEPIDLE,
    OPT_KEEPINTVL,
    OPT_KEEPCNT,
    OPT_SYNCNT,
    OPT_LINGER2,
    OPT_DEFER_ACCEPT,
    OPT_WINDOW_CLAMP,
    OPT_QUICKACK,
    OPT_USER_TIMEOUT,
    OPT_FASTOPEN,
    OPT_COUNT,
};

/* A group that a socket has joined.  (l) */
struct inet_membership {
    struct list link; /* (l) */
    struct inet_ip group;
    u32 interface;
};

/* (l) `lock`   (a) atomic   (c) constant   (p) lock of the ports   (g) the listener's lock */
struct inet_socket {
    struct socket socket;
    _Atomic u32 references; /* (a) */
    struct spinlock lock;   /* RANK_EVENT */

    struct list port_link;             /* (p) by local.port, while that is not 0 */
    struct inet_address local, remote; /* (p) to write; (l) too, of `remote` and when connecting */
    bool bound_port;                   /* (p) bind(2) gave the port: it stays */
    bool bound_ip;                     /* (p) bind(2) gave the address */
    bool listed;                       /* (p) as listening */

    enum stream_state state;          /* (l) */
    u32 shut;                         /* (l) SHUT_* by shutdown(2) */
    bool finished;                    /* (l) the peer sends no more */
    bool reset;                       /* (l) the connection is over, either way */
    bool accepted;                    /* (c) it has a file, or had one */
    bool dead;                        /* (l) the file has gone */
    bool in_progress;                 /* (l) connect(2) has not told of its success yet */
    _Atomic int error;                /* (a) -errno, for who asks next */
    struct inet_socket *_Atomic peer; /* (a) changed under (l); counted */
    struct inet_socket *waits_at;     /* (l) counted: a listener without room for it */

    struct list queue;         /* (l) chunks, or datagrams */
    u64 charge;                /* (l) what they count */
    u64 head;                  /* (l) bytes of the stream that were read */
    bool reading;              /* (l) a thread takes from the queue */
    struct list read_waiters;  /* (l) for data, connections, or the end of connecting */
    struct list write_waiters; /* (l) for room in this queue; need: bytes that may be in it */

    bool urgent;      /* (l) there is urgent data, at `urgent_at` */
    bool urgent_kept; /* (l) the byte is not in the stream, and nobody has read it */
    u8 urgent_byte;   /* (l) */
    u64 urgent_at;    /* (l) as `head` counts */

    struct list connections; /* (l) a listener's, that nobody has accepted yet */
    struct list hopefuls;    /* (l) a listener's: those for whom there was no place */
    struct list connection;  /* (g) in one of these lists of its listener */
    u32 waiting, backlog;    /* (l) how many are in `connections`, or have a place there */

    /* Of a connection by the card, or a listener that it may reach: tcp_card.c.  (n) core lock */
    struct tcp_pcb *pcb; /* (n) it counts the socket */
    bool by_card;        /* (c) since it is connected */
    bool send_full;      /* (l) the pcb takes no more for now */
    u64 unacknowledged;  /* (l) bytes that were read, and lwIP does not know of */

    struct list groups;            /* (l) of inet_membership */
    u32 multicast_from;            /* (l) IP_MULTICAST_IF's address, network order */
    _Atomic s32 option[OPT_COUNT]; /* (a) */
};

static inline struct inet_socket *inet_of(struct socket *socket)
{
    return container_of(socket, struct inet_socket, socket);
}

static inline bool inet_is_tcp(const struct inet_socket *socket)
{
    return socket->socket.type == SOCK_STREAM;
}

static inline s32 inet_option(struct inet_socket *socket, enum inet_option option)
{
    return atomic_load_explicit(&socket->option[option], memory_order_relaxed);
}

static inline bool inet_only6(struct inet_socket *socket)
{
    return socket->socket.family == AF_INET6 && inet_option(socket, OPT_V6ONLY) != 0;
}

/* ---- inet.c ----------------------------------------------------------------------------- */

must_check int inet_new(u16 family, u16 type, u16 protocol, struct inet_socket **fresh);
struct inet_socket *inet_get(struct inet_socket *socket);
void inet_put(struct inet_socket *socket);
/* The peer, counted, or NULL. */
struct inet_socket *inet_get_peer(struct inet_socket *socket);
/* The error that was left for the next call, once. */
int inet_take_error(struct inet_socket *socket);
/*
 * event_wait() at a socket, with the errors of sockets: 0, -EAGAIN (the time is over),
 * -ERESTARTSYS, -EINTR.
 */
must_check int inet_wait(struct inet_socket *socket, bool *irq, struct list *waiters, u64 need,
                         nsec_t deadline);
/* All who wait at it or watch it look again; lock held. */
void inet_wake_all(struct inet_socket *socket, u32 events);
/* Where one who sends to `to` says he is; `to` any becomes loopback.  -ENETUNREACH. */
must_check int inet_choose_source(struct inet_socket *socket, struct inet_address *to,
                                  struct inet_ip *from);
/* Takes an address of connect(2) or sendto(2): 0, -EINVAL, -EAFNOSUPPORT, -ENETUNREACH. */
must_check int inet_parse_target(struct inet_socket *socket, const struct socket_address *from,
                                 struct inet_address *to);

/* ---- port.c ------------------------------------------------------------------------------- */

void port_init(void);
/* Gives the socket this address and port, or a free port for 0: 0, -EADDRINUSE. */
must_check int port_bind(struct inet_socket *socket, const struct inet_address *address);
/* Where it is connected to (port 0: nowhere), and from where, if that is not NULL. */
void port_set_remote(struct inet_socket *socket, const struct inet_address *remote,
                     const struct inet_ip *from);
/* A copy of both, either may be NULL. */
void port_get_names(struct inet_socket *socket, struct inet_address *local,
                    struct inet_address *remote);
/* The port of `listener`, for a connection that came there. */
void port_share(struct inet_socket *fresh, struct inet_socket *listener);
/* It has none any more. */
void port_release(struct inet_socket *socket);
/* It is no listener any more, but keeps its port. */
void port_unlisten(struct inet_socket *socket);
/* Makes it a listener: 0, -EADDRINUSE. */
must_check int port_listen(struct inet_socket *socket);
/* Who listens there, counted, or NULL. */
struct inet_socket *port_find_listener(const struct inet_address *to,
                                       const struct inet_address *from);
/* Who is to get a datagram, counted, or NULL. */
struct inet_socket *port_find_receiver(const struct inet_address *to,
                                       const struct inet_address *from);
/* The next one, counted, after `last` (which is put) that a multicast datagram is for. */
struct inet_socket *port_next_member(struct inet_socket *last, const struct inet_address *to,
                                     const struct inet_address *from);
/* Calls fn on all with a port, under the lock of the ports. */
void port_for_each(bool tcp, void (*fn)(struct inet_socket *socket, void *arg), void *arg);

/* ---- queue.c ------------------------------------------------------------------------------- */

/* Ends a critical section of the socket's lock: wakes who can go on now. */
void inet_unlock(struct inet_socket *socket, bool irq);
/* All that waits goes. */
void inet_flush(struct inet_socket *socket);
/* Bytes that could be read now; lock held. */
u64 inet_readable(const struct inet_socket *socket);
/* How much may wait at `receiver` of what its peer sends. */
u64 inet_queue_limit(struct inet_socket *receiver, struct inet_socket *sender);

/* ---- tcp.c, stream_send.c, stream_receive.c
 * ------------------------------------------------------------ */

int stream_listen(struct socket *socket, int backlog);
int stream_accept(struct socket *socket, u32 flags, struct socket **fresh);
int stream_connect(struct socket *socket, const struct socket_address *address, u32 flags);
int stream_shutdown(struct socket *socket, u32 ways);
u32 stream_poll(struct socket *socket);
/* The file has gone; what it knows of others goes, too. */
void stream_close(struct inet_socket *socket);
/* Has it been reset, or have both sides finished?  Lock held. */
static inline bool stream_is_over(const struct inet_socket *socket)
{
    return socket->reset || (socket->finished && (socket->shut & SHUT_WR) != 0);
}
/* Writable: a third of what may wait at the peer is free. */
bool stream_has_room(u64 charge, u64 limit);
/* The connection is over: readers find the end or this error; the lock is not held. */
void stream_reset(struct inet_socket *socket, int err);
int stream_send(struct socket *socket, struct socket_message *message);
int stream_receive(struct socket *socket, struct socket_message *message);

/* ---- udp.c, multicast.c
 * ------------------------------------------------------------------------------ */

int datagram_connect(struct socket *socket, const struct socket_address *address, u32 flags);
int datagram_send(struct socket *socket, struct socket_message *message);
int datagram_receive(struct socket *socket, struct socket_message *message);
int datagram_shutdown(struct socket *socket, u32 ways);
u32 datagram_poll(struct socket *socket);
/* Has it joined the group?  Lock held. */
bool multicast_has_joined(struct inet_socket *socket, const struct inet_ip *group);
/* 0, -EADDRINUSE, -ENODEV, -ENOBUFS, -EADDRNOTAVAIL, -EINVAL */
must_check int multicast_join(struct inet_socket *socket, const struct inet_ip *group,
                              u32 interface);
must_check int multicast_leave(struct inet_socket *socket, const struct inet_ip *group,
                               u32 interface);
void multicast_leave_all(struct inet_socket *socket);

/* ---- option.c, ioctl.c
 * -------------------------------------------------------------------------------- */

void inet_options_init(struct inet_socket *socket);
s64 inet_get_option(struct socket *socket, u32 level, u32 option, u64 value, u64 len);
s64 inet_set_option(struct socket *socket, u32 level, u32 option, u64 value, u32 len);
s64 inet_ioctl(struct socket *socket, u32 request, u64 arg);

/* ---- card.c, tcp_card.c, udp_card.c -----------------------------------------------------------
 */

struct tcp_pcb;
/* lwIP is used under this lock alone.  Rank RANK_NET_CORE. */
must_check bool card_lock(void);
void card_unlock(bool irq);
/* Opens the card, if there is one and it is not open: false if there is none.  May wait. */
bool card_open(void);
/* Of an open card that has an address, or NULL. */
const struct interface *card_interface(void);
/* Until the card has an address: 0, -ENETUNREACH (no card, or none came), -EAGAIN, a signal. */
must_check int card_await_address(nsec_t deadline);
/* Something for the card's thread to look at.  Any context. */
void card_kick(void);

/* The listener is reached by the card as well. */
void tcp_card_listen(struct inet_socket *socket);
void tcp_card_accepted(struct inet_socket *fresh);
/* Begins to connect; the state is STREAM_CONNECTING.  Takes part in port_bind() before. */
must_check int tcp_card_connect(struct inet_socket *socket);
must_check int tcp_card_send(struct inet_socket *socket, struct socket_message *message,
                             nsec_t deadline);
/* Bytes have been read. */
void tcp_card_read(struct inet_socket *socket);
void tcp_card_shutdown(struct inet_socket *socket);
/* The pcb goes; at once: with a reset. */
void tcp_card_close(struct inet_socket *socket, bool at_once);
/* Options have changed. */
void tcp_card_apply(struct inet_socket *socket);

void udp_card_init(void);
/* -EHOSTUNREACH, -ENOBUFS, -EMSGSIZE */
must_check int udp_card_send(struct inet_socket *socket, const struct inet_address *to,
                             const struct inet_datagram *datagram);
/* The datagram is taken over. */
void datagram_deliver(struct inet_socket *receiver, struct inet_datagram *datagram);
/* NULL: no memory. */
struct inet_datagram *datagram_new(u32 size);

/* A socket for a connection that came to `listener`, with its options.  -ENOMEM */
must_check int stream_new_side(struct inet_socket *listener, const struct inet_address *local,
                               const struct inet_address *remote, struct inet_socket **fresh);
/* The peer sends no more. */
void stream_finish(struct inet_socket *socket);
/* connect(2) has failed. */
void stream_fail(struct inet_socket *socket, int err);
/* May it send, once it is connected?  0, -EPIPE, -EAGAIN, or the error that was left. */
must_check int stream_check_send(struct inet_socket *socket, nsec_t deadline);
/* A chunk without bytes, or NULL. */
struct inet_chunk *chunk_new(u32 room);

/* ---- interface.c, netlink.c
 * ---------------------------------------------------------------------------- */

struct interface {
    const char *name;
    u32 index, flags, mtu;
    u16 type; /* ARPHRD_* */
    u8 mac[6];
    u32 v4, mask; /* host order */
    struct inet_ip v6;
    u8 v6_prefix, v6_scope; /* as /proc/net/if_inet6 has it */
    bool has_v6;
};
/* By index, or NULL. */
const struct interface *interface_find(u32 index);
/* The address is one of this machine's: its interface, or NULL. */
const struct interface *interface_of(const struct inet_ip *ip);
void netlink_init(void);
