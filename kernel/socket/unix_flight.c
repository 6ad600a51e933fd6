/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are sent along (SCM_RIGHTS), and those that nobody can reach.
 *
 * A socket may wait in its own queue, or two in each other's: their files
 * have references for ever, and no descriptor leads to any of them.  To find
 * them, each socket under way is asked how many references its file has
 * that are not parcels in queues of sockets under way:
 *
 *     outside = references - those from such parcels
 *
 * One with outside > 0 is held by a descriptor, by a call, or by the queue of
 * a socket that is not under way itself, which a descriptor leads to.  What
 * can be received from there, and so on, is reached; the parcels that wait
 * at the others are dropped, and with them the sockets.  (Connections that
 * wait to be accepted belong to their listener.)
 *
 *     parcels with sockets     -> list of the socket where they wait
 *     sockets in such parcels  -> flight.sockets
 *
 * flight.lock, a mutex, is held while that is found out and while a parcel with
 * sockets enters or leaves a queue, so what was found stays true: a reference
 * comes only from one that is there, and one under way only from its queue.
 * Files go and come by descriptors meanwhile: that only shows them as reached.
 *
 * A collection costs a step for each socket under way.  It is made when a
 * socket has gone while others are under way, and when twice as many are as
 * after the last one: so at most about half of them are lost ones, as long as
 * programs send more.
 */
#include "unix_priv.h"

#include <kernel/vfs.h>
#include <kernel/wait.h>

#define COLLECT_LEAST 64u

/* (l) lock   (a) atomic, changed under (l) */
static struct {
    struct mutex lock;
    struct list sockets; /* (l) those under way, by `flying` */
    _Atomic u32 total;   /* (a) how often they are */
    _Atomic u32 limit;   /* (a) of that: a collection is due */
} flight = {
    .lock = {.queue = WAIT_QUEUE_INIT("sockets under way", flight.lock.queue)},
    .sockets = {&flight.sockets, &flight.sockets},
    .limit = COLLECT_LEAST,
};

/* NULL: another kind of file. */
static struct unix_socket *unix_of_file(struct file *file)
{
    struct socket *socket = socket_of(file);

    return socket != NULL && socket->family == AF_UNIX ? unix_of(socket) : NULL;
}

static bool has_sockets(const struct parcel *parcel)
{
    for (u32 i = 0; parcel != NULL && i < parcel->count; i++) {
        if (unix_of_file(parcel->files[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- On the way -------------------------------------------------------------------------------
 */

bool unix_flight_begin(const struct parcel *parcel)
{
    bool locked = unlikely(has_sockets(parcel));

    if (locked) {
        mutex_lock(&flight.lock);
    }
    return locked;
}

void unix_flight_end(bool locked)
{
    if (locked) {
        mutex_unlock(&flight.lock);
    }
}

static void count(struct unix_socket *socket, bool more)
{
    if (more) {
        if (socket->in_flight++ == 0) {
            list_push_back(&flight.sockets, &socket->flying);
        }
        atomic_fetch_add_explicit(&flight.total, 1, memory_order_relaxed);
    } else {
        if (--socket->in_flight == 0) {
            list_remove(&socket->flying);
        }
        atomic_fetch_sub_explicit(&flight.total, 1, memory_order_relaxed);
    }
}

static void count_all(const struct parcel *parcel, bool more)
{
    for (u32 i = 0; i < parcel->count; i++) {
        struct unix_socket *socket = unix_of_file(parcel->files[i]);

        if (socket != NULL) {
            count(socket, more);
        }
    }
}

void unix_flight_enter(struct unix_socket *receiver, struct parcel *parcel,
                       struct unix_message *message)
{
    assert(mutex_is_mine(&flight.lock));
    parcel->message = message;
    list_push_back(&receiver->parcels, &parcel->link);
    count_all(parcel, true);
}

void unix_flight_leave(struct parcel *parcel)
{
    assert(mutex_is_mine(&flight.lock));
    list_remove(&parcel->link);
    count_all(parcel, false);
}

struct unix_socket *unix_flight_accept(struct unix_socket *listener)
{
    struct unix_socket *accepted;

    mutex_lock(&flight.lock);
    accepted = unix_pop_connection(listener);
    mutex_unlock(&flight.lock);
    return accepted;
}

/* ---- Who is reached ----------------------------------------------------------------------------
 */

/* Calls for each socket in the parcels of one list. */
static void each_in_parcels(struct list *parcels, void (*fn)(struct unix_socket *socket, void *arg),
                            void *arg)
{
    list_for_each (link, parcels) {
        struct parcel *parcel = list_entry(link, struct parcel, link);

        for (u32 i = 0; i < parcel->count; i++) {
            struct unix_socket *socket = unix_of_file(parcel->files[i]);

            if (socket != NULL) {
                fn(socket, arg);
            }
        }
    }
}

/* What can be received from this socket, and from connections that it can accept. */
static void each_carried(struct unix_socket *socket,
                         void (*fn)(struct unix_socket *socket, void *arg), void *arg)
{
    bool irq;

    each_in_parcels(&socket->parcels, fn, arg);
    irq = spin_lock(&socket->lock);
    list_for_each (link, &socket->connections) {
        each_in_parcels(&list_entry(link, struct unix_socket, connection)->parcels, fn, arg);
    }
    spin_unlock(&socket->lock, irq);
}

static void count_inside(struct unix_socket *socket, void *arg)
{
    socket->outside--;
}

/* To be gone on from, once. */
static void reach(struct unix_socket *socket, void *arg)
{
    if (!socket->reached) {
        socket->reached = true;
        list_push_back(arg, &socket->reach);
    }
}

static void count_outside(void)
{
    list_for_each (link, &flight.sockets) {
        struct unix_socket *socket = list_entry(link, struct unix_socket, flying);
        struct file *file = atomic_load_explicit(&socket->socket.file, memory_order_relaxed);

        socket->reached = false;
        socket->outside = atomic_load_explicit(&file->references, memory_order_acquire);
    }
    list_for_each (link, &flight.sockets) {
        each_carried(list_entry(link, struct unix_socket, flying), count_inside, NULL);
    }
}

static void mark_reached(void)
{
    struct list todo = LIST_INIT(todo);

    list_for_each (link, &flight.sockets) {
        struct unix_socket *socket = list_entry(link, struct unix_socket, flying);

        if (socket->outside != 0) {
            reach(socket, &todo);
        }
    }
    while (!list_empty(&todo)) {
        each_carried(list_entry(list_pop_front(&todo), struct unix_socket, reach), reach, &todo);
    }
}

/* ---- Those that are not -------------------------------------------------------------------------
 */

/* Out of their messages, onto the chain `lost`; they are under way no more. */
static void take_parcels(struct list *parcels, struct parcel **lost)
{
    struct list *link;

    while ((link = list_pop_front(parcels)) != NULL) {
        struct parcel *parcel = list_entry(link, struct parcel, link);

        parcel->message->parcel = NULL;
        parcel->next = *lost;
        *lost = parcel;
    }
}

static void take_from(struct unix_socket *socket, struct parcel **lost)
{
    bool irq;

    take_parcels(&socket->parcels, lost);
    irq = spin_lock(&socket->lock);
    list_for_each (link, &socket->connections) {
        take_parcels(&list_entry(link, struct unix_socket, connection)->parcels, lost);
    }
    spin_unlock(&socket->lock, irq);
}

/* The parcels of what is not reached, for the caller to drop. */
static struct parcel *sweep(void)
{
    struct parcel *lost = NULL;

    list_for_each (link, &flight.sockets) {
        struct unix_socket *socket = list_entry(link, struct unix_socket, flying);

        if (!socket->reached) {
            take_from(socket, &lost);
        }
    }
    for (struct parcel *parcel = lost; parcel != NULL; parcel = parcel->next) {
        count_all(parcel, false);
    }
    return lost;
}

static void collect(void)
{
    struct parcel *lost;
    u32 left;

    mutex_lock(&flight.lock);
    count_outside();
    mark_reached();
    lost = sweep();
    left = atomic_load_explicit(&flight.total, memory_order_relaxed);
    atomic_store_explicit(&flight.limit, MAX(2 * left, COLLECT_LEAST), memory_order_relaxed);
    mutex_unlock(&flight.lock);
    parcel_drop_all(lost);
}

void unix_flight_collect(void)
{
    if (unlikely(atomic_load_explicit(&flight.total, memory_order_relaxed) != 0)) {
        collect();
    }
}

void unix_flight_limit(void)
{
    if (unlikely(atomic_load_explicit(&flight.total, memory_order_relaxed) >
                 atomic_load_explicit(&flight.limit, memory_order_relaxed))) {
        collect();
    }
}
