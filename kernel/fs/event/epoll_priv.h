/* SPDX-License-Identifier: MIT */
/*
 * An epoll instance and its items.  epoll.c: the instance, adding, changing and
 * removing; epoll_file.c: a file's items; epoll_wait.c: waiting; epoll_nest.c: instances in
 * instances.
 */
#pragma once

#include <kernel/rbtree.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>
#include <kernel/wait.h>

#include "epoll_ready.h"
#include "event_priv.h"

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP (1u << 29)
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)
/* Flags that stay when a one-shot item has had its shot. */
#define EPOLL_FLAGS (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET)

struct epoll_event { /* as in epoll_ctl(2) */
    u32 events;
    u64 data;
} __attribute__((packed));

/*
 * (m) mutex   (l) lock   (a) atomic   (c) constant   (r) by the rules of epoll_ready.h
 *
 * Locks: nest_mutex, then the mutex of an instance, then those of instances in
 * it; spinlocks of sources; then `lock`, which is held for a few instructions
 * and below which nothing is taken.
 */
struct epoll {
    struct mutex mutex;
    struct rb_tree items;      /* (m) by descriptor and file */
    struct epoll_ready ready;  /* (r) */
    struct spinlock lock;      /* RANK_WAIT, because it is taken below nested sources */
    struct list waiters;       /* (l) struct event_waiter */
    struct poll_source source; /* for who polls this instance */
    struct file *file;         /* (c) its own, not counted */
    _Atomic u32 references;    /* (a) */
};

/* (f) files_lock of epoll_file.c */
struct epoll_item {
    struct poll_watch watch;
    struct epoll_entry entry; /* (r) */
    struct rb_node node;      /* (m) */
    struct epoll *epoll;      /* (c) */
    struct file *file;        /* (c) not counted: closing it removes the item */
    int fd;                   /* (c) */
    struct list of_file;      /* (f) */
    _Atomic u32 events;       /* (a) wanted, and EPOLL_FLAGS; changed under (m) */
    u64 data;                 /* (m) */
};

/* The instance behind a file, or NULL. */
struct epoll *epoll_of(struct file *file);
must_check int epoll_insert(struct epoll *ep, struct file *file, int fd,
                            const struct epoll_event *event);
/* With the mutex held; frees the item. */
void epoll_remove(struct epoll *ep, struct epoll_item *item);
void epoll_put(struct epoll *ep);
/* The list of the item's file. */
void epoll_file_add(struct epoll_item *item);
void epoll_file_remove(struct epoll_item *item);
/* What of the wanted events is true now. */
u32 epoll_item_poll(const struct epoll_item *item);
/* Something may be ready: wakes one who waits. */
bool epoll_wake_one(struct epoll *ep);

/* File `file` may be added to `ep`: 0 or -ELOOP.  Holds nest_mutex until the other. */
must_check int epoll_nest_begin(struct epoll *ep, struct file *file);
void epoll_nest_end(struct file *file);
/* ops->poll of an instance. */
u32 epoll_poll(struct file *file);
/* Calls fn for each item whose file this is; files_lock is held. */
bool epoll_any_of_file(struct file *file, bool (*fn)(struct epoll *ep, unsigned arg), unsigned arg);
/* Tells who watches the instance; `held`: called below another instance's source. */
void poll_notify_nested(struct poll_source *source, u32 events, bool held);
