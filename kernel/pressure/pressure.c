/* SPDX-License-Identifier: MIT */
/*
 * The thread that looks after memory, and who finds some when there is none.
 *
 * The thread runs when there is something to look after: a listener, or a device
 * to give memory back with.  It sleeps without a timer but for three things: while less than
 * `low` is free it looks four times a second, with a device that takes free memory every
 * two seconds (a look is some microseconds, the timer's interrupt 20 to 50), and
 * while the balloon lacks memory.  Whoever allocates wakes it when less than `low` is free, and
 * again as more of it goes (pressure_look): memory can be gone in a tenth of a second.
 *
 * What is lacking comes first from files that nobody has mapped, then from shrinkers.
 */
#include "policy_priv.h"
#include "pressure_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/lock_rank.h>
#include <kernel/pagecache.h>
#include <kernel/signal.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/wait.h>

/* A program of a second never pays for the device's start. */
#define DEVICE_AGE (3 * NSEC_PER_SEC)
#define PERIOD (2 * NSEC_PER_SEC)
/* What a thread that has no memory takes from the cache, and asks shrinkers for, at least. */
#define FIND_LEAST 64u
#define ASK_LEAST (4 * MIB / PAGE_SIZE)

_Atomic u64 pressure_mark;

/* (l) lock   (a) atomic   (t) the thread's own */
static struct {
    struct spinlock lock;
    struct pressure_limits limits; /* (l) in bytes, as they are told; total 0: not set yet */
    _Atomic u32 started;           /* (a) 0 no, 1 being started, 2 yes */
    _Atomic bool work;             /* (a) look again */
    struct wait_queue queue;
    _Atomic u64 given_by_cache; /* (a) */
    nsec_t device_at;           /* (t) when to start the device; 0: that is done */
    bool reports;               /* (t) the device takes free memory */
    bool asks;                  /* (t) it must be asked what it wants */
    nsec_t period_at;           /* (t) when the next period of `unused` ends */
    struct unused unused;       /* (t) */
    unsigned aside_unused;      /* (t) periods in which nothing kept aside was used */
} pressure = {
    .lock = SPINLOCK_INIT("memory limits", RANK_HOOKS),
    .queue = WAIT_QUEUE_INIT("memory", pressure.queue),
};

static struct pressure_limits limits_in_bytes(void)
{
    struct pressure_limits limits;
    struct frame_stats frames;
    bool irq;

    frame_get_stats(&frames);
    irq = spin_lock(&pressure.lock);
    if (pressure.limits.total == 0) {
        pressure.limits = pressure_limits_of(frames.total * PAGE_SIZE);
    }
    limits = pressure.limits;
    spin_unlock(&pressure.lock, irq);
    return limits;
}

static struct pressure_limits limits_now(void)
{
    struct pressure_limits bytes = limits_in_bytes();

    return (struct pressure_limits){
        .total = bytes.total / PAGE_SIZE,
        .low = ALIGN_UP(bytes.low, PAGE_SIZE) / PAGE_SIZE,
        .critical = ALIGN_UP(bytes.critical, PAGE_SIZE) / PAGE_SIZE,
    };
}

int pressure_set(u64 low, u64 critical)
{
    int error;
    bool irq;

    (void)limits_in_bytes();
    irq = spin_lock(&pressure.lock);
    error = pressure_limits_set(&pressure.limits, low, critical);
    spin_unlock(&pressure.lock, irq);
    pressure_wake();
    return error;
}

static u64 evictable(void)
{
    struct page_cache_stats cache;
    u64 fixed;

    page_cache_get_stats(&cache);
    fixed = cache.memory + cache.dirty;
    return cache.pages > fixed ? cache.pages - fixed : 0;
}

void pressure_wake(void)
{
    if (!atomic_exchange_explicit(&pressure.work, true, memory_order_acq_rel)) {
        (void)wait_wake_all(&pressure.queue);
    }
}

void pressure_notice(void)
{
    atomic_store_explicit(&pressure_mark, 0, memory_order_relaxed);
    pressure_wake();
}

/* ---- The thread. -------------------------------------------------------------------------- */

/*
 * What is kept aside is free already, but not for everything.  What the cache has not
 * got either is asked of the shrinkers.  When to try again.
 */
static nsec_t ask_for(u64 frames, enum pressure_level level, nsec_t now)
{
    u64 given;

    frame_trim();
    given = page_cache_shrink(frames);

    if (given < frames) { /* the first pass takes what was not used of late */
        given += page_cache_shrink(frames - given);
    }
    atomic_fetch_add_explicit(&pressure.given_by_cache, given, memory_order_relaxed);
    return given < frames ? listener_ask(frames - given, level, now) : SCHED_NEVER;
}

/* When to look again. */
static nsec_t look_at_level(const struct pressure_limits *limits, nsec_t now)
{
    u64 free = frame_free_estimate();
    u64 available = pressure_available(limits, free, evictable());
    u64 lacking = pressure_lacking(limits, available);
    enum pressure_level level = pressure_level_of(limits, available);
    nsec_t next = SCHED_NEVER;

    if (!listener_is_there()) {
        return SCHED_NEVER;
    }
    if (lacking > 0) {
        next = ask_for(lacking, level, now);
    } else if (free >= limits->low) {
        reserve_fill();
        atomic_store_explicit(&pressure_mark, limits->low, memory_order_relaxed);
        /* Whoever allocated just before has not seen that. */
        return frame_free_estimate() >= limits->low ? SCHED_NEVER : now;
    }
    atomic_store_explicit(&pressure_mark, pressure_next_mark(limits, free, available),
                          memory_order_relaxed);
    return MIN(next, now + pressure_interval(level));
}

static void start_device(nsec_t now)
{
    pressure.device_at = 0;
    pressure.asks = balloon_start() && balloon_must_be_asked();
    if (balloon_start() && balloon_can_report()) {
        pressure.reports = true;
        pressure.period_at = now + PERIOD;
        (void)frame_take_low();
    }
}

/* The host gets what nobody has needed of late. */
static void end_period(const struct pressure_limits *limits, nsec_t now)
{
    struct frame_stats frames;
    u64 lend, lent = 1;

    pressure.period_at = now + PERIOD;
    pressure.aside_unused = frame_take_unused() ? pressure.aside_unused + 1 : 0;
    if (pressure.aside_unused == UNUSED_PERIODS) {
        frame_trim();
    }
    unused_note(&pressure.unused, frame_take_low());
    frame_get_stats(&frames);
    lend = unused_to_lend(&pressure.unused, limits->total, frames.lent);
    while (lend > 0 && lent > 0) {
        lent = balloon_report(lend);
        lend -= MIN(lend, lent);
    }
}

static nsec_t look_at_device(const struct pressure_limits *limits, nsec_t now)
{
    nsec_t next = SCHED_NEVER;
    u64 lacking;

    if (pressure.device_at != 0) {
        if (now < pressure.device_at) {
            return pressure.device_at;
        }
        start_device(now);
    }
    if (balloon_step(now, frame_free_estimate(), limits, &lacking)) {
        return now;
    }
    if (lacking > 0) {
        (void)ask_for(lacking, PRESSURE_LOW, now);
        next = now + PERIOD;
    }
    if (pressure.reports && now >= pressure.period_at) {
        end_period(limits, now);
    }
    if (pressure.asks) {
        next = now + PERIOD;
    }
    return pressure.reports ? MIN(next, pressure.period_at) : next;
}

static void wait_for_work(nsec_t deadline)
{
    struct waiter waiter;

    wait_begin(&pressure.queue, &waiter);
    if (atomic_load_explicit(&pressure.work, memory_order_acquire)) {
        wait_abort(&pressure.queue, &waiter);
    } else {
        (void)wait_sleep(&pressure.queue, &waiter, deadline);
    }
    /* Who finds it set has been seen: pairs with the exchange in pressure_wake(). */
    (void)atomic_exchange_explicit(&pressure.work, false, memory_order_acq_rel);
}

static void pressure_main(void *arg)
{
    (void)arg;
    for (;;) {
        struct pressure_limits limits = limits_now();
        nsec_t now = clock_now();
        nsec_t device = look_at_device(&limits, now);
        nsec_t level = look_at_level(&limits, now);

        wait_for_work(MIN(device, level));
    }
}

void pressure_run(void)
{
    const struct thread_attr attr = {
        .name = "memory",
        .entry = pressure_main,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };
    u32 none = 0;

    if (!atomic_compare_exchange_strong_explicit(&pressure.started, &none, 1, memory_order_acquire,
                                                 memory_order_acquire)) {
        pressure_wake();
        return;
    }
    if (balloon_is_there()) {
        pressure.device_at = clock_now() + DEVICE_AGE;
    }
    if (thread_create(&attr, NULL) != 0) {
        atomic_store_explicit(&pressure.started, 0, memory_order_release);
    }
}

void pressure_start(void)
{
    if (balloon_is_there()) {
        pressure_run();
    }
}

/* ---- Who has no memory, or gives some. ---------------------------------------------------- */

/* Files that nobody has mapped, which is the cheapest. */
static bool find_in_cache(void)
{
    u64 given = page_cache_shrink(FIND_LEAST);

    if (given < FIND_LEAST) { /* the first pass takes what was not used of late */
        given += page_cache_shrink(FIND_LEAST - given);
    }
    return given >= FIND_LEAST;
}

/*
 * Shrinkers come before files that are mapped: these are the text of programs, and
 * who has none of it left does nothing but read it again.
 */
bool pressure_find_memory(void)
{
    struct pressure_limits limits;

    if (find_in_cache()) {
        return true;
    }
    if (listener_is_me()) {
        if (reserve_give()) {
            return true;
        }
    } else {
        limits = limits_now();
        if (listener_ask_and_wait(
                MAX(pressure_lacking(&limits, frame_free_estimate()), ASK_LEAST))) {
            return true;
        }
    }
    return page_cache_find_memory() || balloon_take_back(ASK_LEAST) > 0;
}

s64 pressure_give(u64 frames)
{
    u64 given = 0, last = 1;

    if (!balloon_start() || !balloon_can_report()) {
        return -EOPNOTSUPP;
    }
    frame_trim();
    while (given < frames && last > 0 && !signal_pending()) {
        last = balloon_report(frames - given);
        given += last;
    }
    return given == 0 && frames > 0 && last > 0 ? -EINTR : (s64)given;
}

void pressure_get_stats(struct pressure_stats *stats)
{
    struct pressure_limits limits = limits_now(), bytes = limits_in_bytes();
    struct page_cache_stats cache;
    struct frame_stats frames;

    frame_get_stats(&frames);
    page_cache_get_stats(&cache);
    *stats = (struct pressure_stats){
        .total = frames.total,
        .free = frames.free,
        .available = pressure_available(&limits, frames.free, evictable()),
        .zeroed = frames.zeroed,
        .lent = frames.lent,
        .cache = cache.pages,
        .low_bytes = bytes.low,
        .critical_bytes = bytes.critical,
        .given_by_cache = atomic_load_explicit(&pressure.given_by_cache, memory_order_relaxed),
    };
    stats->level = pressure_level_of(&limits, stats->available);
    listener_get_stats(stats);
    balloon_get_stats(stats);
}
