/* SPDX-License-Identifier: MIT */
/*
 * How threads yield and sleep: the calls of kernel/sched.h that are made by a
 * thread for itself.  The protocol that they follow is told in sched.c.
 *
 * A sleep with a deadline starts the thread's own timer.  Whether it was the
 * timer that woke the thread is known to the timer alone, since only it knows
 * that it won; so it is the one that writes timed_out.
 *
 * A sleep may be a little longer than it was meant to be, so that those of several threads end at
 * one interrupt: on kvm_pvm a CPU that is woken for one costs 100 us.  A collector's thread that
 * looks every 10 ms whether there is anything to do, and HotSpot's periodic tasks, meet by and by,
 * and stay together.  Threads that run for a moment only, as these, are woken where the
 * interrupt is, whichever CPU they were on.
 */
#include "sched_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/signal.h>

/* A sleep is so much longer at the most: a 64th, or what prctl(2) allows (Linux: 50 us). */
#define SLACK_SHARE 64
#define SLACK_MAX (250 * NSEC_PER_USEC)
/* A thread that runs no longer each time it is woken may wait for others that do not. */
#define BRIEF (100 * NSEC_PER_USEC)

void sched_yield(void)
{
    bool irq = irq_save();

    sched_schedule(LEAVE_YIELDS);
    irq_restore(irq);
}

bool sched_is_alone(void)
{
    const struct sched_cpu *sc = sched_this();

    return atomic_load_explicit(&sc->runnable, memory_order_relaxed) <= 1 &&
           atomic_load_explicit(&sc->wake_list, memory_order_relaxed) == NULL;
}

bool sched_poll(nsec_t deadline)
{
    while (clock_now() < deadline) {
        if (!sched_is_alone() || signal_pending()) {
            return false;
        }
        cpu_pause();
    }
    return true;
}

void sched_prepare_sleep(void)
{
    /* The fence of the sleeper: see the top of this file. */
    atomic_store_explicit(&thread_current()->state, THREAD_SLEEPING, memory_order_seq_cst);
}

/* Takes back the SLEEPING.  False: a waker was quicker and has the thread. */
static bool take_back(struct thread *t)
{
    u32 expected = THREAD_SLEEPING;

    return atomic_compare_exchange_strong_explicit(&t->state, &expected, THREAD_RUNNABLE,
                                                   memory_order_acq_rel, memory_order_acquire);
}

void sched_cancel_sleep(void)
{
    if (!take_back(thread_current())) {
        (void)sched_sleep(SCHED_NEVER); /* to be where the waker puts it */
    }
}

void sched_sleep_expired(struct timer *timer)
{
    struct thread *t = container_of(timer, struct thread, sleep_timer);

    if (take_back(t)) {
        t->timed_out = true;
        t->brief = t->run_time - t->ran_at_timer < BRIEF;
        t->ran_at_timer = t->run_time;
        if (t->brief) {
            sched_ready_here(t);
        } else {
            sched_ready(t);
        }
    }
}

static bool may_run_anywhere(const struct thread *t)
{
    u64 online = balance_online();

    return (atomic_load_explicit(&t->affinity, memory_order_relaxed) & online) == online;
}

static void start_timer(struct thread *t, nsec_t deadline)
{
    nsec_t now = clock_now(), left = deadline > now ? deadline - now : 0;
    nsec_t most = t->timer_slack != 0 ? t->timer_slack : SLACK_MAX;
    u32 class = atomic_load_explicit(&t->policy, memory_order_relaxed) & 0xff;
    nsec_t slack = class == SCHED_CLASS_FAIR ? MIN(left / SLACK_SHARE, most) : 0;

    timer_start_loosely(&t->sleep_timer, deadline, slack, t->brief && may_run_anywhere(t));
}

/* What a sleep of the calling thread returns. */
static int timed_out(struct thread *t)
{
    t->slept_until = clock_now();
    return -ETIMEDOUT;
}

nsec_t sched_slept_until(void)
{
    return thread_current()->slept_until;
}

static int sleep_until(struct thread *t, nsec_t deadline)
{
    t->timed_out = false;
    if (deadline <= clock_now()) {
        if (take_back(t)) {
            return timed_out(t);
        }
        return sched_sleep(SCHED_NEVER);
    }
    start_timer(t, deadline);
    (void)sched_sleep(SCHED_NEVER);
    (void)timer_cancel(&t->sleep_timer); /* or waits until it has done with us */
    return t->timed_out ? timed_out(t) : 0;
}

int sched_sleep(nsec_t deadline)
{
    bool irq;

    if (deadline != SCHED_NEVER) {
        return sleep_until(thread_current(), deadline);
    }
    irq = irq_save();
    sched_schedule(LEAVE_SLEEPS);
    irq_restore(irq);
    return 0;
}

void sched_delay(nsec_t duration)
{
    nsec_t deadline = clock_now() + duration;

    do {
        sched_prepare_sleep();
    } while (sched_sleep(deadline) != -ETIMEDOUT);
}

/* Wins the thread for the caller, if it sleeps and can run on this CPU now. */
static bool take_for_this_cpu(struct thread *t)
{
    if (!take_back(t)) {
        return false;
    }
    role_wakes(t);
    if (atomic_load_explicit(&t->on_cpu, memory_order_acquire) || !sched_allowed(t, cpu_id())) {
        sched_ready(t);
        return false;
    }
    return true;
}

int sched_wake_and_sleep(struct thread *thread, nsec_t deadline)
{
    bool irq = irq_save();
    struct thread *self = thread_current();
    bool timed = deadline != SCHED_NEVER;

    if (!take_for_this_cpu(thread)) {
        irq_restore(irq);
        return sched_sleep(deadline);
    }
    if (timed) {
        self->timed_out = false;
        start_timer(self, deadline);
    }
    sched_hand_over(thread);
    irq_restore(irq);
    if (timed) {
        (void)timer_cancel(&self->sleep_timer);
    }
    return timed && self->timed_out ? timed_out(self) : 0;
}
