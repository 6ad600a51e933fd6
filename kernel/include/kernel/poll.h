/* SPDX-License-Identifier: MIT */
/*
 * Readiness: how poll(2), epoll(7) and blocking reads learn that a file has
 * become ready.
 *
 * An object that can become ready embeds a poll_source and calls
 * poll_notify() after each change that may make somebody ready.  Who wants to
 * know adds a watch; its callback runs in the notifier's context, with the
 * source's lock held: it may wake threads and notify sources of a higher
 * rank (an epoll instance), and no more.
 *
 * A watch is added first and the state looked at after: nothing is missed.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>

/* As in poll(2) and epoll_ctl(2). */
#define POLLIN 0x001u
#define POLLPRI 0x002u
#define POLLOUT 0x004u
#define POLLERR 0x008u
#define POLLHUP 0x010u
#define POLLNVAL 0x020u
#define POLLRDNORM 0x040u
#define POLLRDBAND 0x080u
#define POLLWRNORM 0x100u
#define POLLWRBAND 0x200u
#define POLLRDHUP 0x2000u

struct poll_source {
    struct spinlock lock; /* RANK_POLL */
    struct list watches;  /* under it */
    bool nested;          /* constant: an epoll instance; see poll.c */
};

struct poll_watch {
    struct list link; /* the source's lock */
    struct poll_source *source;
    void (*fn)(struct poll_watch *watch, u32 events);
    /* Of those that are, one is enough that says `took` (it woke somebody). */
    bool exclusive, took;
};

void poll_source_init(struct poll_source *source, const char *name);
/* Tells all watches; `events` are those that may have become true.  Any context. */
void poll_notify(struct poll_source *source, u32 events);

/*
 * The same at the cost of one load when nobody watches; for a caller who holds the
 * lock under which the object's ops->poll looks at what has changed.  Then a watch
 * that is not seen here was added before a look that comes after this change.
 */
static inline void poll_notify_quick(struct poll_source *source, u32 events)
{
    if (__atomic_load_n(&source->watches.next, __ATOMIC_RELAXED) != &source->watches) {
        poll_notify(source, events);
    }
}

void poll_watch_add(struct poll_source *source, struct poll_watch *watch,
                    void (*fn)(struct poll_watch *watch, u32 events));
/* When it returns, fn is not running and will not be called. */
void poll_watch_remove(struct poll_watch *watch);

struct file;
/*
 * Waits until file_poll(file) has one of `events` (POLLERR and POLLHUP always
 * count): 0, -EINTR (a signal), -ETIMEDOUT.  For blocking reads and writes.
 */
must_check int poll_wait_file(struct file *file, u32 events, nsec_t deadline);
