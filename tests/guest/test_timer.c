/* SPDX-License-Identifier: MIT */
/* Timers and sleeps: never early, not absurdly late, cancelled or fired. */
#include "sched_help.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/timer.h>

#define TIMERS 32
#define LATE NSEC_PER_SEC
#define ATTEMPTS 20u /* a host that has other things to do may be to blame for some */

static struct shot {
    struct timer timer;
    nsec_t deadline;
    _Atomic nsec_t fired_at;
    _Atomic u64 fired;
    unsigned cpu;
} shots[TIMERS];

static void fired(struct timer *timer)
{
    struct shot *shot = container_of(timer, struct shot, timer);

    atomic_store(&shot->fired_at, clock_now());
    shot->cpu = cpu_id();
    atomic_fetch_add(&shot->fired, 1);
}

/* Never early, and how late at worst. */
static nsec_t fire_all(void)
{
    nsec_t worst = 0;

    for (unsigned i = 0; i < TIMERS; i++) {
        timer_setup(&shots[i].timer, fired);
        shots[i].fired = 0;
        shots[i].deadline = clock_now() + (i * 37 % TIMERS) * 300 * NSEC_PER_USEC;
        timer_start(&shots[i].timer, shots[i].deadline);
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        EVENTUALLY(atomic_load(&shots[i].fired) == 1);
        OK(shots[i].fired_at >= shots[i].deadline);
        worst = MAX(worst, shots[i].fired_at - shots[i].deadline);
        OK(!timer_cancel(&shots[i].timer));
    }
    guest_note("latest by %lu us", (unsigned long)worst / 1000);
    return worst;
}

GUEST_TEST(timer_fires_in_time)
{
    bool in_time = false;

    for (unsigned i = 0; i < ATTEMPTS && !in_time && !guest_failed(); i++) {
        in_time = fire_all() < LATE;
    }
    OK(in_time);
}

GUEST_TEST(timer_cancel_keeps_it_from_firing)
{
    bool irq;

    timer_setup(&shots[0].timer, fired);
    shots[0].fired = 0;
    OK(!timer_cancel(&shots[0].timer));
    irq = irq_save(); /* however long the host lets this CPU wait, it does not fire in here */
    timer_start(&shots[0].timer, clock_now() + 2 * NSEC_PER_MSEC);
    OK(timer_cancel(&shots[0].timer));
    irq_restore(irq);
    OK(!timer_cancel(&shots[0].timer));
    sched_delay(5 * NSEC_PER_MSEC);
    EQ(shots[0].fired, 0);
    /* Started anew, only the last deadline counts. */
    shots[0].deadline = clock_now() + 4 * NSEC_PER_MSEC;
    irq = irq_save();
    timer_start(&shots[0].timer, shots[0].deadline - 3 * NSEC_PER_MSEC);
    timer_start(&shots[0].timer, shots[0].deadline);
    irq_restore(irq);
    EVENTUALLY(atomic_load(&shots[0].fired) == 1);
    OK(shots[0].fired_at >= shots[0].deadline);
}

/* A timer that starts itself again. */
static void fire_again(struct timer *timer)
{
    struct shot *shot = container_of(timer, struct shot, timer);

    if (atomic_fetch_add(&shot->fired, 1) < 9) {
        timer_start(timer, clock_now() + 100 * NSEC_PER_USEC);
    }
}

GUEST_TEST(timer_restarts_itself)
{
    nsec_t start = clock_now();

    timer_setup(&shots[0].timer, fire_again);
    shots[0].fired = 0;
    timer_start(&shots[0].timer, start);
    EVENTUALLY(atomic_load(&shots[0].fired) == 10);
    OK(clock_now() - start >= 900 * NSEC_PER_USEC);
    OK(!timer_cancel(&shots[0].timer));
}

/* ---- Timers that may be late -------------------------------------------------------- */

#define FAR (50 * NSEC_PER_MSEC)
#define SLACK (20 * NSEC_PER_MSEC)

static void prepare(struct shot *shot, nsec_t deadline)
{
    timer_setup(&shot->timer, fired);
    shot->fired = 0;
    shot->deadline = deadline;
}

/* It waits for a timer that is due soon after it, and for no other. */
GUEST_TEST(timer_loose_fires_with_another)
{
    bool irq = irq_save();
    nsec_t now = clock_now();

    prepare(&shots[0], now + FAR);
    prepare(&shots[1], now + FAR - SLACK / 2);
    prepare(&shots[2], now + FAR - 2 * SLACK);
    timer_start(&shots[0].timer, shots[0].deadline);
    timer_start_loosely(&shots[1].timer, shots[1].deadline, SLACK, false);
    timer_start_loosely(&shots[2].timer, shots[2].deadline, SLACK, false);
    irq_restore(irq);
    for (unsigned i = 0; i < 3; i++) {
        EVENTUALLY(atomic_load(&shots[i].fired) == 1);
        OK(shots[i].fired_at >= shots[i].deadline);
        OK(!timer_cancel(&shots[i].timer));
    }
    OK(shots[1].fired_at >= shots[0].deadline);
}

static void start_loosely(void *arg)
{
    struct shot *shot = arg;

    timer_start_loosely(&shot->timer, shot->deadline, SLACK, true);
}

/* One timer on this CPU, and one from another that may fire with it: did it? */
static bool fires_elsewhere(void)
{
    bool irq = irq_save();
    unsigned cpu = cpu_id();
    struct thread *other;

    prepare(&shots[0], clock_now() + FAR);
    prepare(&shots[1], shots[0].deadline - SLACK / 2);
    timer_start(&shots[0].timer, shots[0].deadline);
    irq_restore(irq);
    other = start_kernel(start_loosely, &shots[1], ~(1ull << cpu), SCHED_CLASS_FAIR);
    join(other);
    EVENTUALLY(atomic_load(&shots[0].fired) == 1 && atomic_load(&shots[1].fired) == 1);
    OK(shots[1].fired_at >= shots[1].deadline);
    return shots[1].cpu == cpu && shots[1].fired_at >= shots[0].deadline;
}

/* The CPU may be about to be interrupted earlier, for something else. */
GUEST_TEST(timer_loose_fires_elsewhere)
{
    bool elsewhere = false;

    if (cpu_count() == 1) {
        guest_skip("needs 2 CPUs");
        return;
    }
    for (unsigned i = 0; i < ATTEMPTS && !elsewhere; i++) {
        elsewhere = fires_elsewhere();
    }
    OK(elsewhere);
}

/* Its own period, a sleep of 5 ms and what it does in between: at first it is not known. */
static void fire_regularly(struct timer *timer)
{
    struct shot *shot = container_of(timer, struct shot, timer);

    OK(clock_now() >= shot->deadline);
    if (atomic_fetch_add(&shot->fired, 1) < 9) {
        shot->deadline = clock_now() + 5 * NSEC_PER_MSEC;
        timer_start_loosely(timer, shot->deadline, NSEC_PER_MSEC, true);
    }
}

GUEST_TEST(timer_loose_and_regular)
{
    nsec_t start = clock_now();

    timer_setup(&shots[0].timer, fire_regularly);
    shots[0].fired = 0;
    shots[0].deadline = start;
    timer_start(&shots[0].timer, start);
    EVENTUALLY(atomic_load(&shots[0].fired) == 10);
    OK(clock_now() - start >= 45 * NSEC_PER_MSEC);
    OK(!timer_cancel(&shots[0].timer));
}

/* ---- Starts and cancels from all CPUs at once ------------------------------------- */

static struct {
    _Atomic bool stop;
    _Atomic u64 started, cancelled;
    _Atomic bool in_callback[4];
    _Atomic u64 wrong;
} mix;

static void slow_callback(struct timer *timer)
{
    unsigned n = (unsigned)(container_of(timer, struct shot, timer) - shots);

    atomic_store(&mix.in_callback[n], true);
    clock_delay(3 * NSEC_PER_USEC);
    atomic_store(&mix.in_callback[n], false);
    atomic_fetch_add(&shots[n].fired, 1);
}

/* Owns one timer; hops, so that start, cancel and callback are on different CPUs. */
static void start_and_cancel(void *arg)
{
    unsigned n = (unsigned)(u64)arg;
    u64 seed = n + 1;

    while (!atomic_load(&mix.stop)) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        timer_start_loosely(&shots[n].timer, clock_now() + (seed >> 33) % 150000,
                            seed >> 63 != 0 ? (seed >> 10) % 50000 : 0, (seed >> 62 & 1) != 0);
        mix.started++;
        if (thread_set_affinity(thread_current(), 1ull << (seed >> 40) % cpu_count()) != 0) {
            mix.wrong++;
        }
        clock_delay((seed >> 20) % 40000);
        if ((seed >> 62) != 0) {
            mix.cancelled += timer_cancel(&shots[n].timer);
            mix.wrong += atomic_load(&mix.in_callback[n]);
        } else {
            /* A restart counts as a cancel of what had not fired: settle first. */
            sched_delay(200 * NSEC_PER_USEC);
            mix.cancelled += timer_cancel(&shots[n].timer);
        }
    }
}

static bool some_fired(void)
{
    u64 sum = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(mix.in_callback); i++) {
        sum += atomic_load(&shots[i].fired);
    }
    return sum > 0;
}

GUEST_TEST(timer_cancel_races_with_firing)
{
    struct thread *threads[4];
    u64 fired_count = 0;

    memset(&mix, 0, sizeof(mix));
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        timer_setup(&shots[i].timer, slow_callback);
        shots[i].fired = 0;
        threads[i] = start_kernel(start_and_cancel, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    sched_delay(300 * NSEC_PER_MSEC);
    EVENTUALLY(atomic_load(&mix.cancelled) > 0 && some_fired());
    atomic_store(&mix.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
        fired_count += shots[i].fired;
    }
    EQ(mix.wrong, 0);
    EQ(mix.started, mix.cancelled + fired_count);
    guest_note("%lu started, %lu cancelled, %lu fired", (unsigned long)mix.started,
               (unsigned long)mix.cancelled, (unsigned long)fired_count);
}

/* ---- Sleeps ------------------------------------------------------------------------ */

GUEST_TEST(sleep_is_never_early)
{
    nsec_t worst = 0;
    unsigned in_time = 0;

    for (unsigned i = 0; i < 100; i++) {
        nsec_t duration = i % 10 * 77 * NSEC_PER_USEC, start = clock_now(), slept;

        sched_delay(duration);
        slept = clock_now() - start;
        OK(slept >= duration);
        in_time += slept < duration + LATE;
        worst = MAX(worst, slept - duration);
    }
    guest_note("latest by %lu us", (unsigned long)worst / 1000);
    OK(in_time >= 50); /* the host may be to blame for some */
}

/* Nothing to wait for, or woken before it slept: is each answer right? */
static bool sleep_and_wake(void)
{
    bool good;

    sched_prepare_sleep();
    good = sched_sleep(0) == -ETIMEDOUT;
    sched_prepare_sleep();
    good &= sched_sleep(clock_now()) == -ETIMEDOUT;
    sched_prepare_sleep();
    sched_cancel_sleep();
    good &= !sched_wake(thread_current());
    sched_prepare_sleep();
    good &= sched_wake(thread_current());
    good &= sched_sleep(SCHED_NEVER) == 0;
    sched_prepare_sleep();
    good &= sched_wake(thread_current());
    good &= sched_sleep(0) == 0;
    sched_prepare_sleep();
    good &= sched_wake(thread_current());
    sched_cancel_sleep();
    return good;
}

/* Who let this thread go earlier may be about to wake it still: that comes once. */
GUEST_TEST(sleep_with_a_past_deadline)
{
    bool good = false;

    for (unsigned i = 0; i < ATTEMPTS && !good; i++) {
        good = sleep_and_wake();
    }
    OK(good);
}

/* Idle CPUs sleep deeply: few interrupts come when nothing happens. */
GUEST_TEST(idle_cpus_stay_halted)
{
    struct sched_stats before, after;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        nsec_t start = clock_now();

        sched_get_stats(cpu, &before);
        sched_delay(50 * NSEC_PER_MSEC);
        sched_get_stats(cpu, &after);
        /* 100 in 50 ms, if that is how long it was. */
        OK(after.halts - before.halts < (clock_now() - start) / (500 * NSEC_PER_USEC));
        OK(after.idle_time - before.idle_time > 0 || after.halts == before.halts);
    }
}
