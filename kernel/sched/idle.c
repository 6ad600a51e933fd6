/* SPDX-License-Identifier: MIT */
/*
 * What a CPU does that has nothing to run: polling for a time that adapts
 * (poll_bound.c), then the work that was handed in from above, then a look for
 * waiting threads elsewhere, then a halt until an interrupt.  The work comes
 * after the polling, because a step of it takes longer than a hand-over.
 *
 * For the TLB the CPU is idle all that time: it is not interrupted for
 * shoot-downs, and flushes when it ends.  The idle thread may therefore touch
 * the kernel's own memory only.
 *
 * How wakers and this loop understand each other: top of sched.c.
 */
#include "sched_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/tlb.h>
#include <kernel/trace.h>

#define STEAL_EVERY 16u                   /* rounds of polling */
#define STEAL_WAITED (10 * NSEC_PER_USEC) /* leave hand-overs alone */

static struct {
    bool (*_Atomic work)(void); /* (a) from above, or NULL */
} idle;

void sched_set_idle_work(bool (*fn)(void))
{
    atomic_store_explicit(&idle.work, fn, memory_order_release);
}

void sched_wake_idle_work(void)
{
    unsigned cpu = balance_claim_halted();

    if (cpu != MAX_CPUS) {
        cpu_send_ipi(1ull << cpu, IPI_RESCHED);
    }
}

static bool steal(struct sched_cpu *sc, nsec_t waited)
{
    bool irq = irq_save(), stolen = balance_steal(sc, waited);

    irq_restore(irq);
    return stolen;
}

/* Interrupts enabled; until there is something to run or no more to do. */
static void do_idle_work(struct sched_cpu *sc)
{
    bool (*work)(void) = atomic_load_explicit(&idle.work, memory_order_acquire);

    while (work != NULL && !sched_has_work(sc) && !steal(sc, STEAL_WAITED) && work()) {
    }
}

/* Polls until `end`; true if there is something to run. */
static bool poll(struct sched_cpu *sc, nsec_t end)
{
    for (unsigned round = 1; clock_now() < end; round++) {
        if (sched_has_work(sc)) {
            return true;
        }
        if (round % STEAL_EVERY == 0 && steal(sc, STEAL_WAITED)) {
            return true;
        }
        cpu_pause();
    }
    return sched_has_work(sc);
}

/* Returns after an interrupt, or at once if there is something to run. */
static void halt(struct sched_cpu *sc)
{
    irq_disable();
    balance_set_idle(sc, CPU_HALTED);
    /* After the store: whoever pushed before it sees POLLING and relies on us. */
    if (!sched_has_work(sc) && !balance_steal(sc, 0)) {
        sched_count(&sc->stats.halts, 1);
        platform->halt();
        irq_disable();
    }
    balance_set_idle(sc, CPU_POLLING);
    irq_enable();
}

/* One idle period: from nothing to run to something. */
static void idle_period(struct sched_cpu *sc)
{
    nsec_t start = clock_now(), polled, period;

    atomic_store_explicit(&sc->idle_since, start, memory_order_relaxed);
    balance_set_idle(sc, CPU_POLLING);
    tlb_idle_enter();
    irq_enable();
    if (poll(sc, start + sc->poll.bound)) {
        sched_count(&sc->stats.poll_hits, 1);
    }
    polled = clock_now() - start;
    while (!sched_has_work(sc)) {
        do_idle_work(sc);
        halt(sc);
    }
    irq_disable();
    tlb_idle_exit();
    balance_set_idle(sc, CPU_RUNNING);
    period = clock_now() - start;
    poll_bound_update(&sc->poll, period);
    sched_count(&sc->stats.idle_time, period);
    atomic_store_explicit(&sc->idle_since, 0, memory_order_relaxed);
    trace(TRACE_IDLE, polled, period - polled);
}

void sched_idle(void)
{
    struct sched_cpu *sc = sched_this();

    BUG_ON(sc->current != sc->idle_thread);
    irq_disable();
    for (;;) {
        if (!sched_has_work(sc)) {
            idle_period(sc);
        }
        sched_schedule(LEAVE_SLEEPS);
    }
}
