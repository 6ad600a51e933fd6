/* SPDX-License-Identifier: MIT */
/*
 * Timers: a queue per CPU under its own lock, and the CPU's one hardware
 * timer, which is programmed only for a deadline earlier than the one it has.
 *
 * `armed` is what the hardware timer is programmed for.  Invariant, whenever
 * interrupts are enabled on that CPU: armed <= deadline of the queue's first.
 * It is never disarmed; an interrupt that finds nothing due programs the
 * timer for what is first then.
 *
 * A timer that is started on another CPU than last time changes its queue.
 * Both locks are taken one after the other, so `cpu` is checked again after
 * its lock was taken.  While fn runs nobody holds the lock; `running` says
 * so, and whoever wants the timer for himself waits for its end, except fn.
 */
#include <kernel/timer.h>

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/spinlock.h>
#include <kernel/tlb.h>
#include <kernel/trace.h>

#include "../sched/arch_priv.h"
#include "timerq_priv.h"

/* (l) lock   (i) own CPU, interrupts off */
static struct timer_cpu {
    struct spinlock lock;
    struct timerq queue; /* (l) */
    nsec_t armed;        /* (i) */
} aligned_to(CACHE_LINE) timer_cpus[MAX_CPUS];

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer))
{
    *timer = (struct timer){.fn = fn};
}

void timer_cpu_init(void)
{
    struct timer_cpu *tc = &timer_cpus[cpu_id()];

    spinlock_init(&tc->lock, "timers", RANK_TIMER);
    timerq_init(&tc->queue);
    tc->armed = TIMER_NEVER;
}

/* Locks the queue that the timer belongs to. */
static struct timer_cpu *timer_lock(struct timer *timer, bool *irq)
{
    for (;;) {
        u32 cpu = atomic_load_explicit(&timer->cpu, memory_order_relaxed);
        struct timer_cpu *tc = &timer_cpus[cpu];

        *irq = spin_lock(&tc->lock);
        if (atomic_load_explicit(&timer->cpu, memory_order_relaxed) == cpu) {
            return tc;
        }
        spin_unlock(&tc->lock, *irq);
    }
}

/* Is its fn being called, but not by the caller, who is in it then? */
static bool runs_elsewhere(const struct timer_cpu *tc, const struct timer *timer)
{
    return timer->running && tc != &timer_cpus[cpu_id()];
}

/* Locks its queue and takes it out.  Waits for a running fn. */
static struct timer_cpu *timer_take(struct timer *timer, bool *was_queued, bool *irq)
{
    struct timer_cpu *tc = timer_lock(timer, irq);

    *was_queued = false;
    for (;;) {
        if (timer->queued) {
            timerq_remove(&tc->queue, timer);
            *was_queued = true;
        }
        if (!runs_elsewhere(tc, timer)) {
            return tc;
        }
        spin_unlock(&tc->lock, *irq);
        tlb_shootdown_poll();
        cpu_pause();
        tc = timer_lock(timer, irq);
    }
}

/* Programs the hardware if it is not for earlier.  Interrupts disabled. */
static void arm(struct timer_cpu *tc, nsec_t deadline)
{
    if (deadline < tc->armed) {
        trace(TRACE_TIMER_ARM, deadline, tc->armed);
        tc->armed = deadline;
        arch_timer_arm(deadline);
    }
}

void timer_start(struct timer *timer, nsec_t deadline)
{
    bool outer = irq_save(), irq, was_queued;
    struct timer_cpu *mine = &timer_cpus[cpu_id()], *tc;

    while ((tc = timer_take(timer, &was_queued, &irq)) != mine) {
        atomic_store_explicit(&timer->cpu, cpu_id(), memory_order_relaxed);
        spin_unlock(&tc->lock, irq);
    }
    timer->deadline = deadline;
    timerq_insert(&mine->queue, timer);
    spin_unlock(&mine->lock, irq);
    arm(mine, deadline);
    irq_restore(outer);
}

bool timer_cancel(struct timer *timer)
{
    struct timer_cpu *tc;
    bool irq, was_queued;

    tc = timer_take(timer, &was_queued, &irq);
    spin_unlock(&tc->lock, irq);
    return was_queued;
}

/* Calls the next timer that is due; false if there is none. */
static bool run_next(struct timer_cpu *tc, nsec_t now)
{
    bool irq = spin_lock(&tc->lock);
    struct timer *timer = timerq_pop_due(&tc->queue, now);

    if (timer != NULL) {
        timer->running = true;
        trace(TRACE_TIMER_FIRE, now, now - timer->deadline);
    }
    spin_unlock(&tc->lock, irq);
    if (timer == NULL) {
        return false;
    }
    timer->fn(timer);
    irq = spin_lock(&tc->lock);
    timer->running = false;
    spin_unlock(&tc->lock, irq);
    return true;
}

void timer_interrupt(void)
{
    struct timer_cpu *tc = &timer_cpus[cpu_id()];
    nsec_t now = clock_now(), deadline;
    bool irq;

    assert(!irq_enabled());
    tc->armed = 0; /* what the callbacks start is armed for at the end, once */
    while (run_next(tc, now)) {
    }
    tc->armed = TIMER_NEVER;
    irq = spin_lock(&tc->lock);
    deadline = timerq_deadline(&tc->queue);
    spin_unlock(&tc->lock, irq);
    arm(tc, deadline);
}
