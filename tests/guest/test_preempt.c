/* SPDX-License-Identifier: MIT */
/* Preemption of application code: registers, shares of the CPU, latency. */
#include "sched_help.h"

#include "vector.h"
#include <kernel/string.h>

/* ---- Registers ------------------------------------------------------------------ */

#define HOLDERS 4

static struct {
    _Atomic bool stop;
    _Atomic u64 rounds[HOLDERS];
    _Atomic long wrong;
} hold;

static void hold_registers(void *arg)
{
    unsigned long n = (unsigned long)arg, seed = n;

    while (!atomic_load_explicit(&hold.stop, memory_order_relaxed)) {
        long wrong = vector_hold(seed, 20000);

        if (wrong != 0) {
            atomic_store(&hold.wrong, wrong);
        }
        seed += HOLDERS;
        atomic_fetch_add_explicit(&hold.rounds[n], 1, memory_order_relaxed);
    }
}

/* All have had a turn, and been preempted more than once on average. */
static bool all_were_preempted(struct app **apps)
{
    u64 preempted = 0;

    for (unsigned i = 0; i < HOLDERS; i++) {
        preempted += app_thread(apps[i])->switches[1];
        if (atomic_load(&hold.rounds[i]) == 0) {
            return false;
        }
    }
    return preempted > HOLDERS;
}

/* More threads than CPUs, so that each is preempted and moved all the time. */
GUEST_TEST(preempt_keeps_all_registers)
{
    struct app *apps[HOLDERS];

    memset(&hold, 0, sizeof(hold));
    for (u64 i = 0; i < HOLDERS; i++) {
        apps[i] = app_start("hold", hold_registers, (void *)i, cpu_count() > 1 ? 3 : 1);
        if (!OK(apps[i] != NULL)) {
            return;
        }
    }
    sched_delay(300 * NSEC_PER_MSEC);
    EVENTUALLY(all_were_preempted(apps));
    atomic_store(&hold.stop, true);
    for (unsigned i = 0; i < HOLDERS; i++) {
        EQ(app_join(apps[i]), 0);
    }
    EQ(hold.wrong, 0);
}

/* Rounding control differs by thread; it must survive voluntary switches. */
static struct {
    _Atomic unsigned wrong;
} control;

#define SYS_SCHED_YIELD 24

static void keep_control(void *arg)
{
    u32 mxcsr = 0x1f80u | (u32)(u64)arg << 13, seen;
    u16 x87 = (u16)(0x37fu | (u32)(u64)arg << 10), x87_seen;

    __asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(mxcsr), "m"(x87));
    for (unsigned i = 0; i < 2000; i++) {
        app_syscall(SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
        __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(seen), "=m"(x87_seen));
        if ((seen & ~0x3fu) != mxcsr || x87_seen != x87) {
            atomic_fetch_add(&control.wrong, 1);
        }
    }
}

GUEST_TEST(preempt_keeps_control_words)
{
    struct app *apps[4];

    atomic_store(&control.wrong, 0);
    for (u64 i = 0; i < ARRAY_SIZE(apps); i++) {
        apps[i] = app_start("control", keep_control, (void *)i, 1);
        if (!OK(apps[i] != NULL)) {
            return;
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(apps); i++) {
        EQ(app_join(apps[i]), 0);
    }
    EQ(control.wrong, 0);
}

/* ---- Shares --------------------------------------------------------------------- */

static struct {
    _Atomic bool stop;
} burn_state;

static void burn(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&burn_state.stop, memory_order_relaxed)) {
        cpu_pause();
    }
}

struct share {
    struct app *app;
    s8 nice;
    u64 before, used;
};

/* Lets them burn on the CPUs of `mask`; fills in the time that each got. */
static bool measure_shares(struct share *shares, unsigned count, u64 mask, nsec_t duration)
{
    atomic_store(&burn_state.stop, false);
    for (unsigned i = 0; i < count; i++) {
        shares[i].app = app_start("burn", burn, NULL, mask);
        if (!OK(shares[i].app != NULL)) {
            return false;
        }
        OK(thread_set_class(app_thread(shares[i].app), SCHED_CLASS_FAIR, shares[i].nice) == 0);
    }
    OK(thread_set_class(thread_current(), SCHED_CLASS_URGENT, 0) == 0);
    sched_delay(duration / 4);
    for (unsigned i = 0; i < count; i++) {
        shares[i].before = thread_run_time(app_thread(shares[i].app));
    }
    sched_delay(duration);
    for (unsigned i = 0; i < count; i++) {
        shares[i].used = thread_run_time(app_thread(shares[i].app)) - shares[i].before;
    }
    atomic_store(&burn_state.stop, true);
    for (unsigned i = 0; i < count; i++) {
        EQ(app_join(shares[i].app), 0);
    }
    OK(thread_set_class(thread_current(), SCHED_CLASS_FAIR, 0) == 0);
    return true;
}

static bool within(u64 value, u64 wanted, u64 percent)
{
    return value * 100 >= wanted * (100 - percent) && value * 100 <= wanted * (100 + percent);
}

/*
 * A host that takes a CPU away for long spoils a measurement: the thread that
 * ran then has had its share for a while.  So one good one of a few will do, each
 * longer than the one before: what the last wait of the CPU has cost weighs less.
 */
#define ATTEMPTS 8

GUEST_TEST(preempt_shares_one_cpu)
{
    const u64 weights = 2 * 1024 + 335; /* nice 5 has 335 */
    bool fair = false;

    for (unsigned i = 0; i < ATTEMPTS && !fair; i++) {
        struct share s[3] = {{.nice = 0}, {.nice = 0}, {.nice = 5}};
        u64 sum;

        if (!measure_shares(s, 3, 1, (i + 1) * 600 * NSEC_PER_MSEC)) {
            return;
        }
        sum = s[0].used + s[1].used + s[2].used;
        guest_note("nice 0, 0, 5: %lu, %lu, %lu us", (unsigned long)s[0].used / 1000,
                   (unsigned long)s[1].used / 1000, (unsigned long)s[2].used / 1000);
        fair = within(s[0].used, sum * 1024 / weights, 10) &&
               within(s[1].used, sum * 1024 / weights, 10) &&
               within(s[2].used, sum * 335 / weights, 15);
    }
    OK(fair);
}

/*
 * Three on two CPUs: each has two thirds of one.  Without rotation one would
 * have a CPU to itself, half as much again, and the others a quarter less.  The
 * bound leaves room for a host that takes a virtual CPU away for a while.
 */
GUEST_TEST(preempt_shares_two_cpus)
{
    bool fair = false;

    if (cpu_count() < 2) {
        guest_skip("one CPU");
        return;
    }
    for (unsigned i = 0; i < ATTEMPTS && !fair; i++) {
        struct share s[3] = {{.nice = 0}};
        u64 sum;

        if (!measure_shares(s, 3, 3, (i + 1) * NSEC_PER_SEC)) {
            return;
        }
        sum = s[0].used + s[1].used + s[2].used;
        guest_note("three on two CPUs: %lu, %lu, %lu us", (unsigned long)s[0].used / 1000,
                   (unsigned long)s[1].used / 1000, (unsigned long)s[2].used / 1000);
        fair = within(s[0].used, sum / 3, 12) && within(s[1].used, sum / 3, 12) &&
               within(s[2].used, sum / 3, 12);
    }
    OK(fair);
}

/* ---- Who comes first --------------------------------------------------------------- */

/* A thread of a stronger class sleeps and wakes beside one that burns. */
GUEST_TEST(preempt_for_a_stronger_class)
{
    struct app *app;
    nsec_t worst = 0;
    unsigned in_time = 0;

    atomic_store(&burn_state.stop, false);
    OK(thread_set_affinity(thread_current(), 1) == 0);
    OK(thread_set_class(thread_current(), SCHED_CLASS_GC, 0) == 0);
    app = app_start("burn", burn, NULL, 1);
    if (OK(app != NULL)) {
        for (unsigned i = 0; i < 50; i++) {
            nsec_t start = clock_now(), late;

            sched_delay(NSEC_PER_MSEC);
            late = clock_now() - start - NSEC_PER_MSEC;
            worst = MAX(worst, late);
            in_time += late < NSEC_PER_SEC;
        }
        guest_note("worst delay %lu us", (unsigned long)worst / 1000);
        OK(in_time >= 25); /* a host that is busy may take this CPU away for long now and then */
        EVENTUALLY(thread_run_time(app_thread(app)) > 10 * NSEC_PER_MSEC);
        atomic_store(&burn_state.stop, true);
        EQ(app_join(app), 0);
    }
    OK(thread_set_class(thread_current(), SCHED_CLASS_FAIR, 0) == 0);
    OK(thread_set_affinity(thread_current(), ~0ull) == 0);
}

/* SCHED_CLASS_IDLE gets nothing while others want the CPU, and all after. */
GUEST_TEST(preempt_idle_class_waits)
{
    struct app *idle, *fair;
    u64 before, after;

    atomic_store(&burn_state.stop, false);
    OK(thread_set_affinity(thread_current(), 1) == 0);
    OK(thread_set_class(thread_current(), SCHED_CLASS_GC, 0) == 0);
    fair = app_start("fair", burn, NULL, 1);
    idle = app_start("idle", burn, NULL, 1);
    if (OK(fair != NULL && idle != NULL)) {
        OK(thread_set_class(app_thread(idle), SCHED_CLASS_IDLE, 0) == 0);
        EVENTUALLY(thread_run_time(app_thread(fair)) > 10 * NSEC_PER_MSEC);
        before = thread_run_time(app_thread(idle));
        sched_delay(100 * NSEC_PER_MSEC);
        after = thread_run_time(app_thread(idle));
        EQ(before, after);
        OK(thread_set_class(app_thread(idle), SCHED_CLASS_FAIR, 0) == 0);
        EVENTUALLY(thread_run_time(app_thread(idle)) > after);
        atomic_store(&burn_state.stop, true);
        EQ(app_join(idle), 0);
        EQ(app_join(fair), 0);
    }
    OK(thread_set_class(thread_current(), SCHED_CLASS_FAIR, 0) == 0);
    OK(thread_set_affinity(thread_current(), ~0ull) == 0);
}
