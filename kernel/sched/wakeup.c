/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups: from the compare-and-swap that wins a thread to its place on a
 * queue.  A thread for this CPU is queued at once, under the run queue's
 * lock.  One for another CPU is pushed on that CPU's list without any lock,
 * and the CPU interrupted only if it would not look soon by itself.
 *
 * Interrupts between CPUs cost tens of microseconds under a hypervisor, so
 * a busy CPU gets one only for a thread that should run there at once, or if
 * nothing will end the turn of the one that runs.  Why no wake-up is lost is
 * told at the top of sched.c.
 */
#include "sched_priv.h"

#include <kernel/clock.h>
#include <kernel/trace.h>

/* ---- Lists ------------------------------------------------------------------ */

static void push(struct sched_cpu *sc, struct thread *t)
{
    struct thread *head = atomic_load_explicit(&sc->wake_list, memory_order_relaxed);

    do {
        atomic_store_explicit(&t->wake_next, head, memory_order_relaxed);
        /* Release for the thread's fields, and sequentially consistent for
         * what must_interrupt() reads after: see the top of sched.c. */
    } while (!atomic_compare_exchange_weak_explicit(&sc->wake_list, &head, t, memory_order_seq_cst,
                                                    memory_order_relaxed));
}

/* Takes all, in the order in which they came. */
static struct thread *take_all(struct sched_cpu *sc)
{
    struct thread *t = atomic_exchange_explicit(&sc->wake_list, NULL, memory_order_acquire);
    struct thread *first = NULL;

    while (t != NULL) {
        struct thread *next = atomic_load_explicit(&t->wake_next, memory_order_relaxed);

        atomic_store_explicit(&t->wake_next, first, memory_order_relaxed);
        first = t;
        t = next;
    }
    return first;
}

/* ---- Onto a queue; lock held --------------------------------------------------- */

void sched_enqueue(struct sched_cpu *sc, struct thread *t, nsec_t now)
{
    if (unlikely(!sched_allowed(t, sc->id))) {
        sched_send(t, balance_select(t, sc->id));
        return;
    }
    if (unlikely(policy_changed(t))) {
        runq_apply_policy(t);
    }
    if (t->arrived_at == 0) {
        t->arrived_at = now;
        if (t->run_time != 0) {
            sc->rotated_at = now;
        }
    }
    runq_put(&sc->queue, t, t->moved ? RUNQ_MOVED : RUNQ_WOKEN, now);
    t->moved = false;
}

/* A thread from the list: `prev` is the one that may still be on the CPU. */
static void accept(struct sched_cpu *sc, struct thread *t, struct thread *prev, nsec_t now)
{
    if (t != prev && atomic_load_explicit(&t->on_cpu, memory_order_acquire)) {
        sched_send(t, sc->id); /* still leaving; its CPU will look again */
    } else if (unlikely(t == prev && !sched_allowed(t, sc->id))) {
        sc->leaving = t;
    } else {
        sched_enqueue(sc, t, now);
    }
}

void sched_drain(struct sched_cpu *sc, struct thread *prev, nsec_t now)
{
    struct thread *t;

    if (likely(atomic_load_explicit(&sc->wake_list, memory_order_seq_cst) == NULL)) {
        return;
    }
    t = take_all(sc);
    while (t != NULL) {
        struct thread *next = atomic_load_explicit(&t->wake_next, memory_order_relaxed);

        accept(sc, t, prev, now);
        t = next;
    }
}

/* ---- To another CPU -------------------------------------------------------------- */

/*
 * Has the running thread a lead that a woken FAIR thread should not wait for?
 * An estimate of what the queue will find, without the weights.
 */
static bool leads(const struct sched_cpu *sc, const struct thread *t)
{
    nsec_t now = clock_now();
    s64 ran = (s64)(now - atomic_load_explicit(&sc->since, memory_order_relaxed));
    s64 lag = (s64)(t->vruntime - (now - t->ran_since));

    return !t->moved && ran - MAX(lag, -(s64)WAKEUP_CREDIT) > (s64)WAKEUP_GRANULARITY;
}

/* After the push: will the CPU not look at its list in time by itself? */
static bool must_interrupt(const struct sched_cpu *sc, u32 woken, bool urgent)
{
    u32 idle = atomic_load_explicit(&sc->idle, memory_order_seq_cst);
    u32 class = atomic_load_explicit(&sc->class, memory_order_seq_cst);

    if (idle != CPU_RUNNING) {
        return idle == CPU_HALTED;
    }
    if (class == SCHED_CLASS_GC && woken == SCHED_CLASS_FAIR) {
        return !atomic_load_explicit(&sc->slice_armed, memory_order_seq_cst); /* it may be held */
    }
    if (class == CLASS_NONE || woken > class) {
        return false; /* it looks when it goes idle, or changes class */
    }
    if (woken < class || !atomic_load_explicit(&sc->slice_armed, memory_order_seq_cst)) {
        return true;
    }
    return woken == SCHED_CLASS_FAIR && urgent;
}

void sched_send(struct thread *t, unsigned cpu)
{
    struct sched_cpu *sc = &sched_cpus[cpu];
    struct sched_counters *stats = &sched_this()->stats;
    u32 class = atomic_load_explicit(&t->policy, memory_order_relaxed) & 0xff;
    bool urgent = false;

    if (atomic_load_explicit(&t->cpu, memory_order_relaxed) != cpu) {
        sched_count(&stats->migrations, 1);
        trace(TRACE_MIGRATE, t->tid, cpu);
    }
    sched_set_cpu(t, cpu);
    if (atomic_load_explicit(&sc->idle, memory_order_relaxed) == CPU_RUNNING &&
        !atomic_load_explicit(&t->on_cpu, memory_order_relaxed)) {
        urgent = leads(sc, t);
    }
    push(sc, t);
    /* From here on the thread may run: not ours any more. */
    if (cpu == cpu_id() || !must_interrupt(sc, class, urgent)) {
        sched_count(&stats->wakes_without_ipi, 1);
    } else if (!atomic_exchange_explicit(&sc->ipi_sent, true, memory_order_seq_cst)) {
        cpu_send_ipi(1ull << cpu, IPI_RESCHED);
    }
}

/* ---- Waking ------------------------------------------------------------------------ */

/* Queues the thread, which is nowhere, on this CPU. */
static void ready_here(struct sched_cpu *sc, struct thread *t)
{
    nsec_t now = clock_now(), slice_end;
    bool irq = spin_lock(&sc->lock);

    sched_set_cpu(t, sc->id);
    sched_charge(sc, now);
    sched_enqueue(sc, t, now);
    sched_publish_count(sc);
    if (t->queued && sc->current != sc->idle_thread &&
        runq_should_preempt(&sc->queue, sc->current, t)) {
        this_cpu()->need_resched = true;
    }
    slice_end = sched_slice_end(sc, now);
    spin_unlock(&sc->lock, irq);
    if (slice_end != SCHED_NEVER) {
        sched_arm_slice(sc, slice_end);
    }
    sched_count(&sc->stats.wakes_without_ipi, 1);
}

void sched_ready(struct thread *t)
{
    bool irq = irq_save();
    struct sched_cpu *sc = sched_this();
    unsigned cpu = atomic_load_explicit(&t->cpu, memory_order_relaxed);

    sched_count(&sc->stats.wakes, 1);
    role_wakes(t);
    if (atomic_load_explicit(&t->on_cpu, memory_order_acquire)) {
        sched_send(t, cpu);
    } else {
        cpu = balance_select(t, cpu);
        trace(TRACE_WAKE, t->tid, cpu);
        if (cpu == sc->id) {
            ready_here(sc, t);
        } else {
            sched_send(t, cpu);
        }
    }
    irq_restore(irq);
}

void sched_ready_here(struct thread *t)
{
    bool irq = irq_save();
    struct sched_cpu *sc = sched_this();

    if (sc->current == sc->idle_thread && sched_allowed(t, sc->id) &&
        !atomic_load_explicit(&t->on_cpu, memory_order_acquire)) {
        sched_count(&sc->stats.wakes, 1);
        trace(TRACE_WAKE, t->tid, sc->id);
        ready_here(sc, t);
    } else {
        sched_ready(t);
    }
    irq_restore(irq);
}

bool sched_wake(struct thread *thread)
{
    u32 expected = THREAD_SLEEPING;

    /* A full fence, the waker's: see the top of sched.c. */
    if (!atomic_compare_exchange_strong_explicit(&thread->state, &expected, THREAD_RUNNABLE,
                                                 memory_order_seq_cst, memory_order_relaxed)) {
        return false;
    }
    sched_ready(thread);
    return true;
}
