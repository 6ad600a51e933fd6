/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead of who reads a file from one end to the other.
 *
 * When the reader comes to the first page of a window (2 MiB), the next one is
 * claimed: its pages are in the tree, busy, and a thread of its own has them
 * filled while the reader copies.  A reader that is quicker waits for the busy
 * pages as for any others.  What fails is simply not there, and whoever comes to
 * want it is told why.  One window ahead is enough: the device is either
 * quicker than the reader or it is not.
 *
 * The text of a program that is mapped is read likewise, by windows: while the
 * loader relocates, the device is at work.
 */
#include "page_cache_priv.h"

#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

#define QUEUE_MOST 8u

/* (l) lock   (a) atomic   (c) constant */
static struct {
    struct spinlock lock;
    struct list runs;        /* (l) to be read */
    unsigned count;          /* (l) of them */
    struct wait_queue queue; /* for `runs` not to be empty */
    struct thread *thread;   /* (c) once started */
    _Atomic u32 started;     /* (a) 0 no, 1 being started, 2 yes */
} ahead = {
    .lock = SPINLOCK_INIT("read-ahead", RANK_CACHES),
    .runs = {&ahead.runs, &ahead.runs},
    .queue = WAIT_QUEUE_INIT("read-ahead", ahead.queue),
};

static bool push_run(struct page_run *run)
{
    bool irq = spin_lock(&ahead.lock);
    bool room = ahead.count < QUEUE_MOST;

    if (room) {
        list_push_back(&ahead.runs, &run->link);
        ahead.count++;
    }
    spin_unlock(&ahead.lock, irq);
    return room;
}

static struct page_run *pop_run(void)
{
    bool irq = spin_lock(&ahead.lock);
    struct page_run *run = NULL;

    if (!list_empty(&ahead.runs)) {
        run = container_of(ahead.runs.next, struct page_run, link);
        list_remove(&run->link);
        ahead.count--;
    }
    spin_unlock(&ahead.lock, irq);
    return run;
}

static void ahead_main(void *arg)
{
    (void)arg;
    for (;;) {
        struct page_run *run;
        int ignored;

        wait_until(&ahead.queue, (run = pop_run()) != NULL);
        ignored = page_run_read(run);
        (void)ignored;
    }
}

void page_ahead_start(void)
{
    struct thread_attr attr = {
        .name = "read-ahead",
        .entry = ahead_main,
        .class = SCHED_CLASS_FAIR,
    };
    u32 none = 0;

    if (atomic_compare_exchange_strong_explicit(&ahead.started, &none, 1, memory_order_acquire,
                                                memory_order_acquire)) {
        u32 now = thread_create(&attr, &ahead.thread) == 0 ? 2 : 0; /* the next file tries again */

        atomic_store_explicit(&ahead.started, now, memory_order_release);
    }
}

bool page_ahead_is_me(void)
{
    return atomic_load_explicit(&ahead.started, memory_order_acquire) == 2 &&
           thread_current() == ahead.thread;
}

/* The window to be read next, if the file is being streamed. */
static unsigned take_window(struct page_cache *cache, u64 *index)
{
    u64 end = page_cache_end(cache);
    bool irq = spin_lock(&cache->lock);
    unsigned count = readahead_next(&cache->ahead, end, index);

    spin_unlock(&cache->lock, irq);
    return count;
}

/* It was not read after all. */
static void give_window(struct page_cache *cache, u64 index)
{
    bool irq = spin_lock(&cache->lock);

    readahead_undo(&cache->ahead, index);
    spin_unlock(&cache->lock, irq);
}

void page_ahead(struct page_cache *cache)
{
    struct page_run *run = NULL;
    unsigned count;
    u64 index;

    if (atomic_load_explicit(&ahead.started, memory_order_acquire) != 2 ||
        page_memory_is_short(READAHEAD_MOST)) {
        return;
    }
    count = take_window(cache, &index);
    if (count > 0) {
        run = page_run_claim(cache, index, count, SLOT_AHEAD);
    }
    if (run != NULL && push_run(run)) {
        (void)wait_wake_all(&ahead.queue);
    } else if (run != NULL) {
        page_run_drop(run);
    }
    if (count > 0 && run == NULL) {
        give_window(cache, index);
    }
}

void page_cache_read_ahead(struct page_cache *cache, u64 index, u64 count)
{
    u64 end = page_cache_end(cache);
    int error = 0;

    end = cache->ops->read == NULL ? index : MIN(end, index + MIN(count, end));
    while (index < end && error == 0 && !page_memory_is_short(READAHEAD_MOST)) {
        u64 window = ALIGN_DOWN(index, (u64)READAHEAD_MOST) + READAHEAD_MOST;
        u64 holes = page_holes(cache, index, MIN(end, window) - index);
        struct page_run *run = holes > 0 ? page_run_claim(cache, index, (unsigned)holes, 0) : NULL;

        index += run != NULL ? run->count : 1; /* over a page that is there */
        error = run != NULL ? page_run_read(run) : 0;
    }
}

/* What is missing of the window's pages from `index` on; false: enough for now. */
static bool queue_window(struct page_cache *cache, u64 index, unsigned count)
{
    struct page_run *run = page_run_claim(cache, index, count, 0);

    if (run == NULL) {
        return true; /* the first is there already */
    }
    if (!push_run(run)) {
        page_run_drop(run);
        return false;
    }
    (void)wait_wake_all(&ahead.queue);
    return true;
}

void page_cache_will_need_soon(struct page_cache *cache, u64 index, u64 count)
{
    u64 end = page_cache_end(cache);

    if (!page_cache_takes_windows(cache) ||
        atomic_load_explicit(&ahead.started, memory_order_acquire) != 2) {
        return;
    }
    end = MIN(end, index + MIN(count, end));
    index = ALIGN_DOWN(index, (u64)READAHEAD_MOST);
    if (end <= index + READAHEAD_MOST) {
        return; /* who wants it reads it as quickly */
    }
    for (; index < end && !page_memory_is_short(READAHEAD_MOST); index += READAHEAD_MOST) {
        u64 most = MIN(page_cache_end(cache) - index, (u64)READAHEAD_MOST);

        if (!queue_window(cache, index, (unsigned)most)) {
            break;
        }
    }
}
