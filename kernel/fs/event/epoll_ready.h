/* SPDX-License-Identifier: MIT */
/*
 * The files of an epoll instance that may be ready, in the order in which
 * they became so.  Pure, tested on the host.
 *
 * Notifiers, in any context, put an entry on `pending`, a stack without a
 * lock.  Who waits takes all of it over into `ready`, a list that a mutex of
 * the owner guards.  An entry is queued at most once:
 *
 *     queued  ==  on `pending`, or in `ready`, or in a batch being looked at
 *
 * Whoever looks at an entry clears `queued` first; what happens after that
 * puts it on the stack again.  So nothing that happens is lost, and an entry
 * that is queued already needs nothing done to it.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>
#include <stdatomic.h>

struct epoll_entry {
    _Atomic bool queued;
    struct epoll_entry *next; /* on the stack */
    struct list link;         /* in `ready` */
};

struct epoll_ready {
    _Atomic(struct epoll_entry *) pending;
    _Atomic bool left; /* `ready` may have something: for a look without the mutex */
    struct list ready;
};

void epoll_ready_init(struct epoll_ready *queue);
void epoll_entry_init(struct epoll_entry *entry);

/* Any context, many at once.  False: it was queued. */
bool epoll_ready_push(struct epoll_ready *queue, struct epoll_entry *entry);
/* May there be something?  Ordered after what the caller did before. */
bool epoll_ready_any(struct epoll_ready *queue);

/* The rest is for the holder of the mutex. */

/* Moves all there is to `batch`. */
void epoll_ready_take(struct epoll_ready *queue, struct list *batch);
/* Takes an entry out of the batch for a look at its file; NULL at its end. */
struct epoll_entry *epoll_ready_next(struct list *batch);
/* Puts one at the end again, unless a notifier has. */
void epoll_ready_again(struct epoll_ready *queue, struct epoll_entry *entry);
/* Gives back what is left of the batch, to be the first; true if there is anything in the queue. */
bool epoll_ready_give_back(struct epoll_ready *queue, struct list *batch);
/* Takes an entry out that no notifier will push any more. */
void epoll_ready_remove(struct epoll_ready *queue, struct epoll_entry *entry);
