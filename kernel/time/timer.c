/* SPDX-License-Identifier: MIT */
/*
 * Timers: a queue per CPU under its own lock, and the CPU's one hardware
 * timer, which is programmed only for a deadline earlier than the one it has.
 *
 * `armed` is what the hardware timer is programmed for.  Invariant, whenever
 * interrupts are enabled on that CPU: armed <= what the queue's first must not miss.
 * It is never disarmed; an interrupt that finds nothing due programs the
 * timer for what is first then.
 *
 * To program it costs 30 us on kvm_pvm, a CPU that is woken 100.  So a timer with slack goes to
 * another CPU's queue if that one will be interrupted when the timer is due, and the interrupt
 * that fires a timer programs the hardware for when it will be wanted again, if that can be
 * guessed: else it would do so for what is next in the queue, and the timer's owner again.  An
 * interrupt takes note of what it has programmed with the lock held, and of its beginning before
 * it looks at the queue; so whoever holds the lock and reads of a time to come may rely on it.
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

/* (l) lock   (i) own CPU, interrupts off   (a) atomic, for a look */
static struct timer_cpu {
    struct spinlock lock;
    struct timerq queue;  /* (l) */
    _Atomic nsec_t armed; /* (ia) put off with (l) as well */
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
    atomic_store_explicit(&tc->armed, TIMER_NEVER, memory_order_relaxed);
}

static nsec_t armed_for(const struct timer_cpu *tc)
{
    return atomic_load_explicit(&tc->armed, memory_order_relaxed);
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
    nsec_t armed = armed_for(tc);

    if (deadline < armed) {
        trace(TRACE_TIMER_ARM, deadline, armed);
        atomic_store_explicit(&tc->armed, deadline, memory_order_relaxed);
        arch_timer_arm(deadline);
    }
}

/* Makes `target` the CPU of the timer, which is not queued then, and locks its queue. */
static void timer_move(struct timer *timer, struct timer_cpu *target, bool *irq)
{
    struct timer_cpu *tc;
    bool was_queued;

    while ((tc = timer_take(timer, &was_queued, irq)) != target) {
        atomic_store_explicit(&timer->cpu, (u32)(target - timer_cpus), memory_order_relaxed);
        spin_unlock(&tc->lock, *irq);
    }
}

static bool is_armed_between(const struct timer_cpu *tc, nsec_t first, nsec_t last)
{
    nsec_t armed = armed_for(tc);

    return armed >= first && armed <= last;
}

/* On a CPU that is interrupted between `first` and `last` for something else: true if there is one.
 */
static bool start_beside(struct timer *timer, nsec_t first, nsec_t last)
{
    for (unsigned i = 0; i < cpu_count(); i++) {
        struct timer_cpu *tc = &timer_cpus[i];
        bool irq, still;

        if (!is_armed_between(tc, first, last)) {
            continue;
        }
        timer_move(timer, tc, &irq);
        still = is_armed_between(tc, first, last);
        if (still) {
            timerq_set(timer, first, last - first);
            timerq_insert(&tc->queue, timer);
        }
        spin_unlock(&tc->lock, irq);
        if (still) {
            return true;
        }
    }
    return false;
}

void timer_start_loosely(struct timer *timer, nsec_t deadline, nsec_t slack, bool anywhere)
{
    bool outer = irq_save(), irq;
    struct timer_cpu *mine = &timer_cpus[cpu_id()];

    slack = MIN(slack, TIMER_NEVER - 1 - MIN(deadline, TIMER_NEVER - 1));
    if (slack == 0 || armed_for(mine) <= deadline + slack || !anywhere ||
        !start_beside(timer, deadline, deadline + slack)) {
        timer_move(timer, mine, &irq);
        timerq_set(timer, deadline, slack);
        timerq_insert(&mine->queue, timer);
        spin_unlock(&mine->lock, irq);
        arm(mine, deadline + slack);
    }
    irq_restore(outer);
}

void timer_start(struct timer *timer, nsec_t deadline)
{
    timer_start_loosely(timer, deadline, 0, false);
}

bool timer_cancel(struct timer *timer)
{
    struct timer_cpu *tc;
    bool irq, was_queued;

    tc = timer_take(timer, &was_queued, &irq);
    spin_unlock(&tc->lock, irq);
    return was_queued;
}

/* Calls the next timer that is due; false if there is none.  *again: when one may be wanted. */
static bool run_next(struct timer_cpu *tc, nsec_t now, nsec_t *again)
{
    bool irq = spin_lock(&tc->lock);
    struct timer *timer = timerq_pop_due(&tc->queue, now);

    if (timer != NULL) {
        timer->running = true;
        *again = MIN(*again, timerq_guess(timer));
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
    nsec_t now = clock_now(), next = TIMER_NEVER;
    bool irq;

    assert(!irq_enabled());
    /* What the callbacks start is armed for at the end, once; and nobody relies on us now. */
    atomic_store_explicit(&tc->armed, 0, memory_order_relaxed);
    while (run_next(tc, now, &next)) {
    }
    irq = spin_lock(&tc->lock);
    next = MIN(next, timerq_deadline(&tc->queue));
    atomic_store_explicit(&tc->armed, next, memory_order_relaxed);
    spin_unlock(&tc->lock, irq);
    if (next != TIMER_NEVER) {
        trace(TRACE_TIMER_ARM, next, now);
        arch_timer_arm(next);
    }
}
