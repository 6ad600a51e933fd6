/* SPDX-License-Identifier: MIT */
/* Wait queues and mutexes: order, hand-over, deadlines, nothing lost. */
#include "sched_help.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/wait.h>

#define WAITERS 8

static struct wait_queue queue = WAIT_QUEUE_INIT("test", queue);

static struct {
    _Atomic unsigned waiting, places;
    _Atomic unsigned count; /* of those that have said their place */
    unsigned order[WAITERS];
    int result[WAITERS];
    nsec_t deadline;
} waits;

static void wait_in_turn(void *arg)
{
    unsigned n = (unsigned)(u64)arg;
    struct waiter waiter;

    wait_begin(&queue, &waiter);
    atomic_fetch_add(&waits.waiting, 1);
    waits.result[n] = wait_sleep(&queue, &waiter, waits.deadline);
    waits.order[atomic_fetch_add(&waits.places, 1)] = n;
    atomic_fetch_add(&waits.count, 1);
}

static void start_waiters(struct thread **threads, nsec_t deadline)
{
    memset(&waits, 0, sizeof(waits));
    waits.deadline = deadline;
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(wait_in_turn, (void *)i, 0, SCHED_CLASS_FAIR);
        EVENTUALLY(atomic_load(&waits.waiting) == i + 1);
    }
}

static void join_waiters(struct thread **threads)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        join(threads[i]);
    }
    OK(list_empty(&queue.waiters));
}

GUEST_TEST(wait_wakes_in_order)
{
    struct thread *threads[WAITERS];

    start_waiters(threads, SCHED_NEVER);
    for (unsigned i = 0; i < WAITERS; i++) {
        EQ(wait_wake_one(&queue), 1);
        EVENTUALLY(atomic_load(&waits.count) == i + 1);
        EQ(waits.order[i], i);
    }
    EQ(wait_wake_one(&queue), 0);
    join_waiters(threads);
}

GUEST_TEST(wait_wakes_all)
{
    struct thread *threads[WAITERS];

    start_waiters(threads, clock_now() + 1000 * NSEC_PER_SEC);
    EQ(wait_wake_all(&queue), WAITERS);
    EQ(wait_wake_all(&queue), 0);
    join_waiters(threads);
    for (unsigned i = 0; i < WAITERS; i++) {
        EQ(waits.result[i], 0);
    }
}

GUEST_TEST(wait_times_out)
{
    struct thread *threads[WAITERS];
    nsec_t deadline = clock_now() + 30 * NSEC_PER_MSEC;

    start_waiters(threads, deadline);
    join_waiters(threads);
    OK(clock_now() >= deadline);
    for (unsigned i = 0; i < WAITERS; i++) {
        EQ(waits.result[i], -ETIMEDOUT);
    }
}

/* Deadlines and wake-ups at the same moment: each waiter gets one or the other. */
static struct {
    _Atomic bool stop;
    _Atomic u64 woken, timed_out;
} race;

static void wait_shortly(void *arg)
{
    u64 seed = (u64)arg + 1;

    while (!atomic_load(&race.stop)) {
        struct waiter waiter;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        wait_begin(&queue, &waiter);
        if ((seed >> 61) == 0) {
            wait_abort(&queue, &waiter);
        } else if (wait_sleep(&queue, &waiter, clock_now() + (seed >> 33) % 50000) == 0) {
            race.woken++;
        } else {
            race.timed_out++;
        }
    }
}

GUEST_TEST(wait_deadline_races_with_wake)
{
    struct thread *threads[WAITERS];
    nsec_t end, limit;
    u64 woken = 0;

    memset(&race, 0, sizeof(race));
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(wait_shortly, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    end = clock_now() + 300 * NSEC_PER_MSEC;
    limit = end + PATIENCE;
    while (clock_now() < end || ((race.woken == 0 || race.timed_out == 0) && clock_now() < limit)) {
        woken += wait_wake_one(&queue) + wait_wake_all(&queue);
        sched_delay(20 * NSEC_PER_USEC);
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < WAITERS; i++) {
        join(threads[i]);
    }
    /* A waiter that was woken while it aborted is counted by the waker only. */
    OK(race.woken <= woken);
    OK(race.woken > 0 && race.timed_out > 0);
    OK(list_empty(&queue.waiters));
    guest_note("%lu woken, %lu timed out", (unsigned long)race.woken,
               (unsigned long)race.timed_out);
}

static struct {
    _Atomic unsigned value;
} condition;

static void wait_for_value(void *arg)
{
    wait_until(&queue, atomic_load(&condition.value) >= (u64)arg);
}

GUEST_TEST(wait_until_condition)
{
    struct thread *threads[WAITERS];

    atomic_store(&condition.value, 0);
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(wait_for_value, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 1; i < WAITERS; i++) {
        atomic_store(&condition.value, i);
        wait_wake_all(&queue);
        join(threads[i]);
    }
    join(threads[0]);
    OK(list_empty(&queue.waiters));
}

/* ---- Mutexes -------------------------------------------------------------------- */

static struct mutex mutex;

static struct {
    u64 plain;   /* under the mutex */
    bool inside; /* under the mutex */
    _Atomic u64 wrong;
    _Atomic unsigned waiting, count;
    unsigned order[WAITERS];
} locked;

#define LOCK_ROUNDS 3000

static void lock_and_count(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < LOCK_ROUNDS; i++) {
        if (i % 16 != 0) {
            mutex_lock(&mutex);
        } else if (!mutex_trylock(&mutex)) {
            continue;
        }
        locked.wrong += locked.inside || !mutex_is_mine(&mutex);
        locked.inside = true;
        locked.plain++;
        if (i % 64 == 0) {
            sched_yield();
        }
        locked.inside = false;
        mutex_unlock(&mutex);
    }
}

GUEST_TEST(mutex_excludes)
{
    struct thread *threads[WAITERS];

    mutex_init(&mutex, "test");
    memset(&locked, 0, sizeof(locked));
    for (unsigned i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(lock_and_count, NULL, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        join(threads[i]);
    }
    EQ(locked.wrong, 0);
    OK(locked.plain <= WAITERS * LOCK_ROUNDS);
    OK(locked.plain >= WAITERS * (LOCK_ROUNDS - LOCK_ROUNDS / 16 - 1));
    OK(mutex.owner == 0);
}

static void lock_in_turn(void *arg)
{
    atomic_fetch_add(&locked.waiting, 1);
    mutex_lock(&mutex);
    locked.order[atomic_fetch_add(&locked.count, 1)] = (unsigned)(u64)arg;
    mutex_unlock(&mutex);
}

static bool is_waiting(const struct list *waiters, unsigned count)
{
    bool irq = spin_lock(&mutex.queue.lock);

    list_for_each (node, waiters) {
        count--;
    }
    spin_unlock(&mutex.queue.lock, irq);
    return count == 0;
}

/* Those who wait get it in the order in which they came; nobody gets in between. */
GUEST_TEST(mutex_is_handed_over_in_order)
{
    struct thread *threads[WAITERS];

    mutex_init(&mutex, "test");
    memset(&locked, 0, sizeof(locked));
    mutex_lock(&mutex);
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(lock_in_turn, (void *)i, 0, SCHED_CLASS_FAIR);
        EVENTUALLY(is_waiting(&mutex.queue.waiters, (unsigned)i + 1));
    }
    mutex_unlock(&mutex);
    OK(!mutex_is_mine(&mutex));
    for (unsigned i = 0; i < WAITERS; i++) {
        join(threads[i]);
        EQ(locked.order[i], i);
    }
}
