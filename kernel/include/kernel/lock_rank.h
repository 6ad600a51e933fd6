/* SPDX-License-Identifier: MIT */
/*
 * The order in which locks are taken: a lock may be taken only while all
 * locks held by this CPU have a lower rank.  One list, so that a reader sees
 * the whole order; docs/locking.md says what each one guards.
 */
#pragma once

#include <kernel/types.h>

enum lock_rank {
    RANK_NONE = 0,
    RANK_TEST_LOW,   /* for tests */
    RANK_ASPACE,     /* mm: the set of regions (big-reader lock) */
    RANK_WINDOW,     /* mm: page tables of one 2 MiB window */
    RANK_TURNS,      /* mm: who waits for regions */
    RANK_FUTEX,      /* sched: one futex bucket */
    RANK_TREE,       /* fs: the tree of names, and what hangs on it */
    RANK_FD,         /* fs: table of descriptors */
    RANK_CACHES,     /* fs: list of the page caches */
    RANK_PAGES,      /* fs: one file's cached pages */
    RANK_SIGNAL,     /* process: signals and their handlers */
    RANK_NET_CORE,   /* net: lwIP */
    RANK_NET,        /* net: who has which port */
    RANK_EVENT,      /* fs: state of one pipe, eventfd, timerfd ... */
    RANK_POLL,       /* fs: watches of one such object */
    RANK_POLL_EPOLL, /* fs: watches of an epoll instance */
    RANK_HOOKS,      /* gc-hooks: the opened ranges */
    RANK_WAIT,       /* sched: one wait queue */
    RANK_THREADS,    /* sched: list of all threads */
    RANK_TIMER,      /* time: one CPU's timer queue */
    RANK_RUNQ,       /* sched: one CPU's run queue */
    RANK_HEAP,       /* mm: one kmalloc size class */
    RANK_KMAP,       /* mm: the kernel's own mappings */
    RANK_MAGAZINE,   /* mm: one CPU's cache of free frames */
    RANK_ZEROED,     /* mm: pool of zeroed frames */
    RANK_FRAMES,     /* mm: the buddy allocator */
    RANK_DEVICE,     /* drivers */
    RANK_TEST_HIGH,  /* for tests */
    RANK_CONSOLE,    /* console output */
};

/* The checker's view of what one CPU holds; pure, tested on the host. */
#define LOCK_RANK_DEPTH 8

struct held_locks {
    unsigned count;
    struct {
        const void *lock;
        const char *name;
        enum lock_rank rank;
    } held[LOCK_RANK_DEPTH];
};

/* NULL if taking the lock is in order, else what is wrong (a constant text). */
const char *lock_rank_check(const struct held_locks *held, const void *lock, enum lock_rank rank);
void lock_rank_push(struct held_locks *held, const void *lock, const char *name,
                    enum lock_rank rank);
/* Locks may be released in any order.  BUG if not held. */
void lock_rank_pop(struct held_locks *held, const void *lock);
