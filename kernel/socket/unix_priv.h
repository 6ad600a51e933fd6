/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX, unix(7), between its files:
 *
 *   unix.c           life of a socket; what the family offers
 *   unix_name.c      names: paths, the abstract ones; bind(2)
 *   unix_connect.c   listen(2), accept(2), connect(2), pairs, shutdown(2)
 *   unix_queue.c     messages: where they wait, who waits for them and for room
 *   unix_send.c      sending            unix_receive.c   receiving
 *   unix_flight.c    sockets that are sent along, and those that only wait for themselves
 *
 * A message waits at its receiver, in a list under the receiver's lock.  The
 * sender's buffer (SO_SNDBUF) bounds what waits there: there is one place to
 * count, and to wait at.  (Linux counts at the sender what it has under way
 * to all.)
 *
 * Locks: no two of sockets at a time; before them the mutexes of connecting
 * (unix_connect.c) and of what is under way (unix_flight.c), in this order.
 *
 * A socket is counted by its file, by each socket whose peer it is, and by
 * the queue of connections that nobody has accepted.  The peer of a stream or
 * a sequence of packets is set once, and stays until the socket goes; that of
 * datagrams may change.
 */
#pragma once

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/list.h>
#include <kernel/socket.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/types.h>

#include "../fs/event/event_priv.h"
#include "parcel.h"

#define UNIX_PATH_MAX 108u
#define UNIX_NAME_MAX 111u     /* family, 108 bytes, and a 0 that was not given */
#define UNIX_DATAGRAMS 10u     /* net.unix.max_dgram_qlen: more wait only from the peer itself */
#define UNIX_MESSAGE_COST 256u /* what a message counts beside its bytes */

struct dentry;
struct inode;
struct text;

/* (c) constant   (a) atomic   (n) the lock of the names */
struct unix_name {
    _Atomic u32 references;    /* (a) */
    struct list link;          /* (n) by its hash, while it has an owner */
    struct unix_socket *owner; /* (n) not counted; NULL: it has gone */
    struct dentry *dentry;     /* (c) counted; NULL: an abstract name */
    struct inode *inode;       /* (c) its inode */
    u16 type;                  /* (c) SOCK_*: abstract names of different types differ */
    u32 len;                   /* (c) of `bytes` */
    u8 bytes[UNIX_NAME_MAX];   /* (c) struct sockaddr_un */
};

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

/* (q) the queue's lock, that of its socket; of a message that is read: the reader's */
struct unix_message {
    struct list link;               /* (q) */
    u32 size, taken;                /* (q) bytes; those that are read already */
    struct parcel *parcel;          /* (q) */
    struct unix_name *from;         /* counted, or NULL */
    struct credentials credentials; /* pid 0: not told */
    u8 data[];
};

/* (l) `lock`   (a) atomic   (c) constant   (f) flight.lock   (p) the peer's lock */
struct unix_socket {
    struct socket socket;
    _Atomic u32 references;              /* (a) */
    struct spinlock lock;                /* RANK_EVENT */
    enum unix_state state;               /* (l) */
    _Atomic u32 shutdown;                /* (a) SHUT_*; changed under (l) */
    bool dead;                           /* (l) its file has gone */
    _Atomic int error;                   /* (a) -errno, for who asks next */
    struct unix_socket *_Atomic peer;    /* (a) changed under (l); counted */
    struct unix_name *_Atomic name;      /* (a) set once */
    struct credentials peer_credentials; /* (l) pid 0: there is none */

    struct list messages;      /* (l) */
    u32 waiting;               /* (l) how many */
    _Atomic u64 charge;        /* (a) what they count; changed under (l) */
    bool reading;              /* (l) a thread takes them */
    struct list read_waiters;  /* (l) for messages, or connections */
    struct list write_waiters; /* (l) for room; need: UNIX_ROOM less what may be there */
    struct list senders;       /* (l) whose peer this is, by sender_link */
    struct list sender_link;   /* (p) */

    struct list connections; /* (l) a listener's, that nobody has accepted yet */
    struct list connection;  /* (p) in its listener's list */
    u32 backlog;             /* (l) */

    struct list all;     /* the lock of the names: every socket */
    struct list parcels; /* (f) those with sockets in its messages */
    u32 in_flight;       /* (f) how often it is under way itself */
    u64 outside;         /* (f) references from elsewhere, while that is found out */
    bool reached;        /* (f) likewise */
    struct list flying;  /* (f) those with in_flight */
    struct list reach;   /* (f) those to go on from */
};

#define UNIX_ROOM (1ull << 40) /* more than ever waits */

static inline struct unix_socket *unix_of(struct socket *socket)
{
    return container_of(socket, struct unix_socket, socket);
}

static inline struct unix_socket *unix_peer(struct unix_socket *unix_socket)
{
    return atomic_load_explicit(&unix_socket->peer, memory_order_acquire);
}

static inline struct unix_name *unix_name_of(struct unix_socket *socket)
{
    return atomic_load_explicit(&socket->name, memory_order_acquire);
}

static inline bool unix_is_shut(struct unix_socket *socket, u32 way)
{
    return (atomic_load_explicit(&socket->shutdown, memory_order_acquire) & way) != 0;
}

static inline bool unix_has_connections(const struct unix_socket *socket)
{
    return socket->socket.type != SOCK_DGRAM;
}

/* ---- unix.c ----------------------------------------------------------------------------- */

/* A new one without a file.  -ENOMEM */
must_check int unix_new(u16 type, struct unix_socket **fresh);
struct unix_socket *unix_get(struct unix_socket *socket);
void unix_put(struct unix_socket *socket);
/* The peer, counted, or NULL. */
struct unix_socket *unix_get_peer(struct unix_socket *socket);
/* What its file's end means; the caller's reference goes too. */
void unix_close(struct unix_socket *socket);
struct credentials unix_own_credentials(void);
/* The error that was left for the next call, once. */
int unix_take_error(struct unix_socket *socket);

/* ---- unix_name.c ------------------------------------------------------------------------- */

struct unix_name *unix_name_get(struct unix_name *name);
void unix_name_put(struct unix_name *name); /* NULL is ignored */
void unix_name_tell(const struct unix_name *name, struct socket_address *address);
must_check int unix_bind(struct unix_socket *socket, const struct socket_address *address);
/* An abstract name of the kernel's choice, if it has none. */
must_check int unix_bind_any(struct unix_socket *socket);
/* -EINVAL */
must_check int unix_check_address(const struct socket_address *address);
/* Who has this name, counted: -ECONNREFUSED, -EPROTOTYPE, or why the path leads nowhere. */
must_check int unix_find(const struct socket_address *address, u16 type,
                         struct unix_socket **found);
/* The socket of that name goes. */
void unix_name_release(struct unix_socket *socket);
void unix_list_add(struct unix_socket *socket);
void unix_list_remove(struct unix_socket *socket);

/* ---- unix_connect.c ---------------------------------------------------------------------- */

must_check int unix_listen(struct unix_socket *socket, u32 backlog);
must_check int unix_accept(struct unix_socket *socket, u32 flags, struct unix_socket **fresh);
must_check int unix_connect(struct unix_socket *socket, const struct socket_address *address,
                            u32 flags);
must_check int unix_pair(struct unix_socket *a, struct unix_socket *b);
void unix_shutdown(struct unix_socket *socket, u32 ways);
/* A connection that nobody has accepted: the caller's, or NULL. */
struct unix_socket *unix_pop_connection(struct unix_socket *listener);
/* May the first send to the second? */
bool unix_may_send(struct unix_socket *from, struct unix_socket *to);
/* Of datagrams: it has no peer any more. */
void unix_disconnect(struct unix_socket *socket);
/* NULL: none. */
void unix_set_peer(struct unix_socket *socket, struct unix_socket *peer);

/* ---- unix_queue.c ------------------------------------------------------------------------ */

/* NULL: no memory. */
struct unix_message *unix_message_new(u32 size);
void unix_message_free(struct unix_message *message);
/* One that is in no queue any more, with its parcel. */
void unix_message_drop(struct unix_message *message);
/*
 * Ends a critical section of the socket's lock: wakes one of those who wait for messages and
 * one of those who wait for room, if they can go on.
 */
void unix_unlock(struct unix_socket *socket, bool irq);
/* All who wait at it or watch it look again; lock held. */
void unix_wake_all(struct unix_socket *socket, u32 events);
/* Appends the message, which is taken over; `receiver` is locked and may be read from. */
void unix_append(struct unix_socket *receiver, struct unix_message *message);
/* Takes it out of the list; lock held. */
void unix_remove(struct unix_socket *receiver, struct unix_message *message);
/*
 * event_wait() at a socket, with the errors of sockets: 0, -EAGAIN (the time is over),
 * -ERESTARTSYS, -EINTR.
 */
must_check int unix_wait(struct unix_socket *socket, bool *irq, struct list *waiters, u64 need,
                         nsec_t deadline);
/* Is there room at `receiver` for more from `sender`?  Without a lock: a guess. */
bool unix_has_room(struct unix_socket *receiver, struct unix_socket *sender);
/* All that waits goes; the file has gone. */
void unix_flush(struct unix_socket *socket);
u32 unix_poll(struct unix_socket *socket);

/* ---- unix_send.c, unix_receive.c ----------------------------------------------------------- */

must_check int unix_send(struct unix_socket *socket, struct socket_message *message);
must_check int unix_receive(struct unix_socket *socket, struct socket_message *message);
s64 unix_ioctl(struct unix_socket *socket, u32 request, u64 arg);

/* ---- unix_flight.c --------------------------------------------------------------------------- */

/*
 * Around what puts a parcel into a queue or takes it out.  True: it has sockets, and
 * unix_flight_enter() or _leave() is due between the two.  No spinlock held.
 */
must_check bool unix_flight_begin(const struct parcel *parcel);
void unix_flight_end(bool locked);
/* The message with this parcel waits at the receiver now; of one it waits nowhere any more. */
void unix_flight_enter(struct unix_socket *receiver, struct parcel *parcel,
                       struct unix_message *message);
void unix_flight_leave(struct parcel *parcel);
/* As unix_pop_connection(). */
struct unix_socket *unix_flight_accept(struct unix_socket *listener);
/* A socket has gone, or one more is to be sent: those that nobody can reach go. */
void unix_flight_collect(void);
void unix_flight_limit(void);
