/* SPDX-License-Identifier: MIT */
/* Threads: life, classes, affinity, and that no wake-up is lost. */
#include "sched_help.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

#define MANY 100

static void exit_with(void *arg)
{
    thread_exit((int)(u64)arg);
}

GUEST_TEST(sched_threads_end)
{
    struct thread *threads[MANY];
    u32 last = 0;

    for (u64 i = 0; i < MANY; i++) {
        threads[i] = start_kernel(exit_with, (void *)i, 0, SCHED_CLASS_FAIR);
        if (threads[i] == NULL) {
            return;
        }
        OK(threads[i]->tid > last);
        last = threads[i]->tid;
    }
    for (u64 i = 0; i < MANY; i++) {
        int status = -1;

        thread_join(threads[i], &status);
        EQ(status, i);
    }
}

GUEST_TEST(sched_create_refuses)
{
    struct thread_attr attr = {.entry = exit_with, .class = SCHED_CLASS_FAIR};
    struct thread *thread;

    attr.affinity = 1ull << 63;
    if (cpu_count() < 64) {
        EQ(thread_create(&attr, &thread), -EINVAL);
    }
    attr.affinity = 0;
    attr.class = SCHED_CLASSES;
    EQ(thread_create(&attr, &thread), -EINVAL);
    attr.class = SCHED_CLASS_FAIR;
    attr.nice = 20;
    EQ(thread_create(&attr, &thread), -EINVAL);
    attr.nice = -21;
    EQ(thread_create(&attr, &thread), -EINVAL);
    EQ(thread_set_affinity(thread_current(), 0), -EINVAL);
    EQ(thread_set_class(thread_current(), SCHED_CLASS_FAIR, 20), -EINVAL);
    EQ(thread_set_class(thread_current(), SCHED_CLASSES, 0), -EINVAL);
}

/*
 * No memory for a thread: that is said, and nothing is lost.  What dead threads have
 * left does without; one that ended long ago may be on its way there still.
 */
GUEST_TEST(sched_create_without_memory)
{
    static struct thread *threads[5 * MANY];
    struct thread_attr attr = {.name = "test", .entry = exit_with, .class = SCHED_CLASS_FAIR};
    unsigned count = 0;
    int err = 0;

    while (err == 0 && count < ARRAY_SIZE(threads)) {
        kmalloc_fail_after(0);
        err = thread_create(&attr, &threads[count]);
        kmalloc_fail_after((u64)-1);
        count += err == 0;
    }
    EQ(err, -ENOMEM);
    while (count > 0) {
        join(threads[--count]);
    }
}

/* ---- Order -------------------------------------------------------------------- */

static struct {
    _Atomic unsigned count;
    enum sched_class class[8];
} order;

static void note_class(void *arg)
{
    order.class[atomic_fetch_add(&order.count, 1)] = (enum sched_class)(u64)arg;
}

/* All wait for the one CPU that this thread runs on; then it lets go. */
GUEST_TEST(sched_classes_are_strict)
{
    static const enum sched_class created[] = {
        SCHED_CLASS_IDLE, SCHED_CLASS_FAIR,   SCHED_CLASS_GC, SCHED_CLASS_URGENT,
        SCHED_CLASS_FAIR, SCHED_CLASS_URGENT, SCHED_CLASS_GC, SCHED_CLASS_IDLE};
    struct thread *threads[ARRAY_SIZE(created)];

    memset(&order, 0, sizeof(order));
    OK(thread_set_affinity(thread_current(), 1) == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(created); i++) {
        threads[i] = start_kernel(note_class, (void *)created[i], 1, created[i]);
    }
    EQ(order.count, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(created); i++) {
        join(threads[i]);
    }
    EQ(order.count, ARRAY_SIZE(created));
    for (unsigned i = 1; i < ARRAY_SIZE(created); i++) {
        OK(order.class[i - 1] <= order.class[i]);
    }
    OK(thread_set_affinity(thread_current(), ~0ull) == 0);
}

/* A queued thread that changes its class changes its place. */
GUEST_TEST(sched_class_changes_while_queued)
{
    struct thread *fair, *late;

    memset(&order, 0, sizeof(order));
    OK(thread_set_affinity(thread_current(), 1) == 0);
    fair = start_kernel(note_class, (void *)SCHED_CLASS_FAIR, 1, SCHED_CLASS_FAIR);
    late = start_kernel(note_class, (void *)SCHED_CLASS_GC, 1, SCHED_CLASS_IDLE);
    OK(thread_set_class(late, SCHED_CLASS_GC, 3) == 0);
    join(fair);
    join(late);
    EQ(order.class[0], SCHED_CLASS_GC);
    EQ(order.class[1], SCHED_CLASS_FAIR);
    OK(thread_set_affinity(thread_current(), ~0ull) == 0);
}

/* Two that yield take turns. */
#define TURNS 1000u
static struct {
    u8 log[2 * TURNS];
    unsigned count;
} turns;

static void take_turns(void *arg)
{
    for (unsigned i = 0; i < TURNS; i++) {
        turns.log[turns.count++] = (u8)(u64)arg;
        sched_yield();
    }
}

GUEST_TEST(sched_yield_takes_turns)
{
    struct thread *threads[2];
    unsigned same = 0;

    turns.count = 0;
    OK(thread_set_affinity(thread_current(), 1) == 0);
    for (u64 i = 0; i < 2; i++) {
        threads[i] = start_kernel(take_turns, (void *)i, 1, SCHED_CLASS_FAIR);
    }
    join(threads[0]);
    join(threads[1]);
    EQ(turns.count, 2 * TURNS);
    for (unsigned i = 1; i < 2 * TURNS; i++) {
        same += turns.log[i] == turns.log[i - 1];
    }
    OK(same < TURNS / 10); /* at the ends, and where a third one came in between */
    OK(thread_set_affinity(thread_current(), ~0ull) == 0);
}

/* ---- Affinity ------------------------------------------------------------------- */

static struct {
    _Atomic bool stop;
    _Atomic u64 wrong, rounds;
} affinity;

static void hop(void *arg)
{
    u64 n = 0;

    (void)arg;
    while (!atomic_load(&affinity.stop)) {
        unsigned cpu = (unsigned)(n++ % cpu_count());

        if (thread_set_affinity(thread_current(), 1ull << cpu) != 0 || cpu_id() != cpu) {
            affinity.wrong++;
        }
        sched_yield();
        if (cpu_id() != cpu) {
            affinity.wrong++;
        }
        if (n % 16 == 0) {
            sched_delay(10 * NSEC_PER_USEC);
            affinity.wrong += cpu_id() != cpu;
        }
        affinity.rounds++;
    }
}

GUEST_TEST(sched_affinity_of_self)
{
    struct thread *threads[6];

    memset(&affinity, 0, sizeof(affinity));
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i] = start_kernel(hop, NULL, 0, SCHED_CLASS_FAIR);
    }
    sched_delay(200 * NSEC_PER_MSEC);
    EVENTUALLY(atomic_load(&affinity.rounds) > 100);
    atomic_store(&affinity.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
    }
    EQ(affinity.wrong, 0);
}

/* Application code that spins: it is moved from outside. */
static struct spinner {
    _Atomic bool stop;
    _Atomic u64 rounds;
    _Atomic u32 cpu;
} spinners[4];

static void spin(void *arg)
{
    struct spinner *s = arg;

    while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        atomic_store_explicit(&s->cpu, cpu_id(), memory_order_relaxed);
        atomic_fetch_add_explicit(&s->rounds, 1, memory_order_relaxed);
    }
}

GUEST_TEST(sched_affinity_of_others)
{
    struct app *apps[ARRAY_SIZE(spinners)];

    if (cpu_count() < 2) {
        guest_skip("one CPU");
        return;
    }
    memset(spinners, 0, sizeof(spinners));
    for (unsigned i = 0; i < ARRAY_SIZE(spinners); i++) {
        apps[i] = app_start("spin", spin, &spinners[i], 0);
        if (!OK(apps[i] != NULL)) {
            return;
        }
    }
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(spinners); i++) {
            u32 cpu = (round + i) % cpu_count();
            u64 seen;

            OK(thread_set_affinity(app_thread(apps[i]), 1ull << cpu) == 0);
            /* One that runs goes when its CPU takes the interrupt; and then for good. */
            EVENTUALLY(atomic_load(&spinners[i].cpu) == cpu);
            seen = atomic_load(&spinners[i].rounds);
            EVENTUALLY(atomic_load(&spinners[i].rounds) > seen + 1);
            EQ(atomic_load(&spinners[i].cpu), cpu);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(spinners); i++) {
        atomic_store(&spinners[i].stop, true);
        EQ(app_join(apps[i]), 0);
    }
}

/* ---- No wake-up is lost ------------------------------------------------------------ */

#define SLEEPERS 12
#define STORM_MS 300

static struct storm {
    struct thread *thread;
    _Atomic u64 pending, sent, received, timeouts;
} aligned_to(CACHE_LINE) storm[SLEEPERS];

static struct {
    _Atomic bool ready, stop;
    _Atomic unsigned quiet;
} storm_state;

static void wait_for_token(struct storm *me)
{
    while (atomic_load_explicit(&me->pending, memory_order_relaxed) == 0) {
        sched_prepare_sleep();
        if (atomic_load_explicit(&me->pending, memory_order_relaxed) != 0) {
            sched_cancel_sleep();
        } else if (sched_sleep(clock_now() + PATIENCE) == -ETIMEDOUT) {
            me->timeouts++;
            return;
        }
    }
    me->received += atomic_exchange(&me->pending, 0);
}

/* Passes tokens on at random; the number of tokens stays the same. */
static void storm_thread(void *arg)
{
    struct storm *me = arg;
    u64 seed = (u64)(me - storm) + 1;

    while (!atomic_load(&storm_state.ready)) {
        sched_yield();
    }
    while (me->timeouts == 0) {
        struct storm *to;

        wait_for_token(me);
        if (atomic_load(&storm_state.stop)) {
            return;
        }
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        to = &storm[(seed >> 33) % SLEEPERS];
        me->sent++;
        atomic_fetch_add_explicit(&to->pending, 1, memory_order_relaxed);
        (void)sched_wake(to->thread);
        if ((seed >> 60) == 0) {
            sched_yield();
        }
    }
}

/* Has each token been passed on?  Also when somebody gave up, which is told later. */
static bool all_sent(unsigned tokens)
{
    u64 sent = 0, timeouts = 0;

    for (unsigned i = 0; i < SLEEPERS; i++) {
        sent += atomic_load(&storm[i].sent);
        timeouts += atomic_load(&storm[i].timeouts);
    }
    return sent >= tokens || timeouts != 0;
}

static void run_storm(unsigned tokens)
{
    u64 sent = 0, timeouts = 0;

    memset(storm, 0, sizeof(storm));
    memset(&storm_state, 0, sizeof(storm_state));
    for (unsigned i = 0; i < SLEEPERS; i++) {
        storm[i].pending = i < tokens;
        storm[i].thread = start_kernel(storm_thread, &storm[i], 0, SCHED_CLASS_FAIR);
    }
    atomic_store(&storm_state.ready, true);
    sched_delay(STORM_MS * NSEC_PER_MSEC);
    EVENTUALLY(all_sent(tokens));
    atomic_store(&storm_state.stop, true);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        atomic_fetch_add(&storm[i].pending, 1);
        (void)sched_wake(storm[i].thread);
    }
    for (unsigned i = 0; i < SLEEPERS; i++) {
        join(storm[i].thread);
        sent += storm[i].sent;
        timeouts += storm[i].timeouts;
    }
    EQ(timeouts, 0);
    guest_note("%u tokens: %lu wake-ups in %u ms", tokens, (unsigned long)sent, STORM_MS);
}

GUEST_TEST(sched_wakes_are_not_lost)
{
    run_storm(1);
    run_storm(2);
    run_storm(SLEEPERS / 2);
    run_storm(SLEEPERS);
}

/* A hand-over: two threads wake each other and sleep in one call. */
#define HANDOVERS 20000u

static struct pair {
    struct thread *thread, *partner;
    _Atomic bool turn;
    unsigned turns, timeouts;
} pair[2];

static void hand_over(void *arg)
{
    struct pair *me = arg, *other = &pair[me == pair];

    for (unsigned i = 0; i < me->turns; i++) {
        while (!atomic_load_explicit(&me->turn, memory_order_acquire)) {
            sched_prepare_sleep();
            if (atomic_load_explicit(&me->turn, memory_order_acquire)) {
                sched_cancel_sleep();
            } else if (sched_sleep(clock_now() + PATIENCE) == -ETIMEDOUT) {
                me->timeouts++;
                return;
            }
        }
        atomic_store_explicit(&me->turn, false, memory_order_relaxed);
        sched_prepare_sleep();
        atomic_store_explicit(&other->turn, true, memory_order_release);
        if (sched_wake_and_sleep(other->thread, clock_now() + PATIENCE) == -ETIMEDOUT &&
            !atomic_load(&me->turn) && i + 1 < me->turns) {
            me->timeouts++;
            return;
        }
    }
    if (me == pair) { /* the first is woken by the other's last turn; it may be gone by now */
        atomic_store(&other->turn, true);
        (void)sched_wake(other->thread);
    }
}

static void run_pair(u64 first, u64 second, unsigned count)
{
    struct thread *threads[2];
    u64 start = rdtsc();

    memset(pair, 0, sizeof(pair));
    pair[0].turns = pair[1].turns = count;
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = start_kernel(hand_over, &pair[i], i == 0 ? first : second, SCHED_CLASS_FAIR);
        pair[i].thread = threads[i];
    }
    atomic_store(&pair[0].turn, true);
    (void)sched_wake(pair[0].thread);
    join(threads[0]);
    join(threads[1]);
    EQ(pair[0].timeouts, 0);
    EQ(pair[1].timeouts, 0);
    guest_note("hand-over: %lu cycles", (unsigned long)((rdtsc() - start) / (2ul * count)));
}

GUEST_TEST(sched_hands_over)
{
    run_pair(1, 1, HANDOVERS);
    run_pair(0, 0, HANDOVERS);
    if (cpu_count() > 1) {
        run_pair(1, 2, HANDOVERS / 5); /* of which a busy host may take a millisecond for each */
    }
}
