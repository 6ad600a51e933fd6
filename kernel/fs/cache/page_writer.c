/* SPDX-License-Identifier: MIT */
/*
 * The thread that looks after the page cache: it writes dirty pages back that
 * nobody syncs, and finds memory when it is short.
 *
 * As on Linux it looks every 5 seconds and writes what has been dirty for 30;
 * it sleeps without a timer while nothing is dirty.  A writer that has filled
 * an eighth of the memory with dirty pages writes its own file back
 * (page_balance_dirty).
 *
 * Memory is found in steps, each dearer than the one before: names that
 * nobody uses, and with them inodes; clean pages; pages that are mapped, which
 * must be unmapped first; dirty pages.  That takes locks and waits, so it is
 * not for the allocator (which only takes clean pages, page_shrink.c) but for
 * this thread; who needs the memory waits for one round of it.
 */
#include "page_cache_priv.h"

#include <kernel/clock.h>
#include <kernel/frame.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

#include "../fs_priv.h"

#define WRITE_INTERVAL (5 * NSEC_PER_SEC)
#define WRITE_AGE (30 * NSEC_PER_SEC)
#define DIRTY_DIVISOR 8u /* this part of memory may be dirty */
#define ROUND_NAMES 64u
#define ROUND_PAGES 1024u
#define ENOUGH 64u /* pages: a round that found so many goes no further */

/* (c) constant once started   (a) atomic */
static struct {
    _Atomic u32 started; /* (a) 0 no, 1 being started, 2 yes */
    struct wait_queue queue, done;
    struct thread *thread;        /* (c) NULL: there is none */
    _Atomic nsec_t interval, age; /* (a) */
    _Atomic bool dirty;           /* (a) look every `interval` */
    _Atomic bool wanted;          /* (a) memory */
    _Atomic u64 rounds;           /* (a) of finding it */
    _Atomic u64 found;            /* (a) by the last one */
    _Atomic u64 dirty_most;       /* (a) pages */
} writer = {
    .queue = WAIT_QUEUE_INIT("page writer", writer.queue),
    .done = WAIT_QUEUE_INIT("page rounds", writer.done),
    .interval = WRITE_INTERVAL,
    .age = WRITE_AGE,
};

void page_cache_set_write_back(nsec_t interval, nsec_t age)
{
    atomic_store_explicit(&writer.interval, interval == 0 ? WRITE_INTERVAL : interval,
                          memory_order_relaxed);
    atomic_store_explicit(&writer.age, interval == 0 ? WRITE_AGE : age, memory_order_relaxed);
    (void)wait_wake_all(&writer.queue);
}

void page_writer_note_dirty(void)
{
    if (!atomic_exchange_explicit(&writer.dirty, true, memory_order_relaxed)) {
        (void)wait_wake_all(&writer.queue);
    }
}

void page_balance_dirty(struct page_cache *cache)
{
    u64 most = atomic_load_explicit(&writer.dirty_most, memory_order_relaxed);

    if (cache->ops->write != NULL && most != 0 && page_dirty_total() > most) {
        /* To a disk that is full, nothing is to be tried for each page that is written. */
        page_write_back(cache, 0, PAGE_TREE_END, false);
    }
}

/* Files whose oldest dirty page is that old; what an error does is told by the next sync. */
static void write_old(nsec_t age)
{
    nsec_t now = clock_now();
    struct page_cache *cache;
    u64 round = page_caches_round();

    while ((cache = page_caches_next_dirty(round, now > age ? now - age : 0)) != NULL) {
        page_write_back(cache, 0, PAGE_TREE_END, true);
        page_cache_unpin(cache);
    }
}

static u64 unmap_some(void)
{
    struct page_cache *cache = page_caches_next_mapped();
    u64 freed = 0;

    if (cache != NULL) {
        freed = page_evict_mapped(cache);
        page_cache_unpin(cache);
    }
    return freed;
}

static u64 find_memory(void)
{
    u64 names = dentry_shrink(ROUND_NAMES);
    u64 freed = page_cache_shrink(ROUND_PAGES);

    if (freed < ENOUGH) { /* the first pass takes what was not used of late */
        freed += page_cache_shrink(ROUND_PAGES);
    }
    for (u64 i = page_caches_count(); i > 0 && freed < ENOUGH; i--) {
        freed += unmap_some();
    }
    if (freed < ENOUGH && page_dirty_total() > 0) {
        write_old(0);
        freed += page_cache_shrink(ROUND_PAGES) + page_cache_shrink(ROUND_PAGES);
    }
    return names + freed;
}

static void wait_for_work(nsec_t deadline)
{
    struct waiter waiter;

    wait_begin(&writer.queue, &waiter);
    if (atomic_load_explicit(&writer.wanted, memory_order_acquire) ||
        (deadline == SCHED_NEVER && atomic_load_explicit(&writer.dirty, memory_order_relaxed))) {
        wait_abort(&writer.queue, &waiter);
    } else {
        (void)wait_sleep(&writer.queue, &waiter, deadline);
    }
}

static void find_for_waiters(void)
{
    if (atomic_exchange_explicit(&writer.wanted, false, memory_order_acq_rel)) {
        atomic_store_explicit(&writer.found, find_memory(), memory_order_relaxed);
        atomic_fetch_add_explicit(&writer.rounds, 1, memory_order_release);
        (void)wait_wake_all(&writer.done);
    }
}

/* Looks if it is time, *last being when that was; when to do so again, SCHED_NEVER: not now. */
static nsec_t look(nsec_t *last)
{
    nsec_t now = clock_now();
    nsec_t interval = atomic_load_explicit(&writer.interval, memory_order_relaxed);

    if (!atomic_load_explicit(&writer.dirty, memory_order_relaxed)) {
        *last = SCHED_NEVER;
        return SCHED_NEVER;
    }
    if (*last == SCHED_NEVER) {
        *last = now;
    } else if (now - *last >= interval) {
        *last = now;
        write_old(atomic_load_explicit(&writer.age, memory_order_relaxed));
        /* Who makes a page dirty from now on says so again. */
        atomic_store_explicit(&writer.dirty, false, memory_order_seq_cst);
        if (page_dirty_total() > 0) {
            atomic_store_explicit(&writer.dirty, true, memory_order_relaxed);
        }
    }
    return *last + interval;
}

static void writer_main(void *arg)
{
    nsec_t last = SCHED_NEVER;

    (void)arg;
    for (;;) {
        wait_for_work(look(&last));
        find_for_waiters();
    }
}

void page_writer_start(void)
{
    struct thread_attr attr = {
        .name = "pages",
        .entry = writer_main,
        .class = SCHED_CLASS_FAIR,
    };
    struct frame_stats stats;
    u32 none = 0;

    if (!atomic_compare_exchange_strong_explicit(&writer.started, &none, 1, memory_order_acquire,
                                                 memory_order_acquire)) {
        return;
    }
    frame_get_stats(&stats);
    atomic_store_explicit(&writer.dirty_most, stats.total / DIRTY_DIVISOR, memory_order_relaxed);
    if (thread_create(&attr, &writer.thread) == 0) {
        atomic_store_explicit(&writer.started, 2, memory_order_release);
    } else {
        atomic_store_explicit(&writer.started, 0, memory_order_release); /* the next file tries */
    }
}

bool page_cache_find_memory(void)
{
    u64 rounds = atomic_load_explicit(&writer.rounds, memory_order_acquire);

    /* The writer may be waiting for what the other thread reads, to let a file go. */
    if (atomic_load_explicit(&writer.started, memory_order_acquire) != 2 ||
        thread_current() == writer.thread || page_ahead_is_me()) {
        return false;
    }
    atomic_store_explicit(&writer.wanted, true, memory_order_release);
    (void)wait_wake_all(&writer.queue);
    wait_until(&writer.done, atomic_load_explicit(&writer.rounds, memory_order_acquire) != rounds);
    return atomic_load_explicit(&writer.found, memory_order_relaxed) > 0;
}
