/* SPDX-License-Identifier: MIT */
/*
 * Changing the affinity, class and nice value of a thread that may be
 * anywhere: running, queued, asleep, or on its way between CPUs.
 *
 * What is wanted is written to an atomic field first.  Then the thread's run
 * queue is locked: a thread that is on it, or runs from it, is dealt with
 * here.  One that is elsewhere will pass sched_enqueue(), under the lock of
 * some queue and after this lock, and finds there what is wanted.
 */
#include "sched_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>

/* Locks the run queue of the CPU that the thread runs on or ran last. */
static struct sched_cpu *lock_queue_of(struct thread *t, bool *irq)
{
    for (;;) {
        u32 cpu = atomic_load_explicit(&t->cpu, memory_order_relaxed);
        struct sched_cpu *sc = &sched_cpus[cpu];

        *irq = spin_lock(&sc->lock);
        if (atomic_load_explicit(&t->cpu, memory_order_relaxed) == cpu) {
            return sc;
        }
        spin_unlock(&sc->lock, *irq);
    }
}

/* Makes a CPU look whether its thread may go on. */
static void look_again(struct sched_cpu *sc)
{
    if (sc->id == cpu_id()) {
        this_cpu()->need_resched = true;
    } else {
        cpu_send_ipi(1ull << sc->id, IPI_RESCHED);
    }
}

/* The calling thread goes where it may run. */
static void move_self(void)
{
    bool irq = irq_save();

    if (!sched_allowed(thread_current(), cpu_id())) {
        sched_schedule(LEAVE_MOVES);
    }
    irq_restore(irq);
}

/* Off the queue, and to another CPU as soon as its registers are saved. */
static void move_queued(struct sched_cpu *sc, struct thread *t, bool irq)
{
    runq_take_away(&sc->queue, t, clock_now());
    sched_publish_count(sc);
    spin_unlock(&sc->lock, irq);
    while (atomic_load_explicit(&t->on_cpu, memory_order_acquire)) {
        cpu_pause();
    }
    t->moved = true;
    irq = irq_save();
    sched_send(t, balance_select(t, sc->id));
    irq_restore(irq);
}

int thread_set_affinity(struct thread *thread, u64 affinity)
{
    struct sched_cpu *sc;
    bool irq;

    if ((affinity & balance_online()) == 0) {
        return -EINVAL;
    }
    atomic_store_explicit(&thread->affinity, affinity, memory_order_seq_cst);
    if (thread == thread_current()) {
        move_self();
        return 0;
    }
    sc = lock_queue_of(thread, &irq);
    if (sched_allowed(thread, sc->id)) {
        spin_unlock(&sc->lock, irq);
    } else if (thread->queued) {
        move_queued(sc, thread, irq);
    } else {
        if (sc->current == thread) {
            look_again(sc);
        }
        spin_unlock(&sc->lock, irq);
    }
    return 0;
}

/* Puts the policy into force for a thread that is queued on `sc`, or runs there. */
static void change_policy(struct sched_cpu *sc, struct thread *t)
{
    const struct thread *next;

    sched_charge(sc, clock_now());
    if (t->queued) {
        u64 queued_at = t->queued_at;

        runq_remove(&sc->queue, t);
        runq_change_policy(&sc->queue, t);
        runq_put(&sc->queue, t, RUNQ_BACK, queued_at);
    } else {
        runq_change_policy(&sc->queue, t);
        atomic_store_explicit(&sc->class, t->class, memory_order_seq_cst);
    }
    /* What waits on the list counts too: the class may have got weaker. */
    next = runq_peek(&sc->queue);
    if (atomic_load_explicit(&sc->wake_list, memory_order_seq_cst) != NULL ||
        (next != NULL && sc->current != sc->idle_thread &&
         runq_should_preempt(&sc->queue, sc->current, next))) {
        look_again(sc);
    }
}

void thread_get_times(struct thread *thread, nsec_t *running, nsec_t *waiting)
{
    bool irq;
    struct sched_cpu *sc = lock_queue_of(thread, &irq);
    nsec_t now = clock_now();

    if (sc->current == thread) {
        sched_charge(sc, now);
    }
    *running = thread->run_time;
    *waiting = thread->wait_time;
    if (thread->queued) {
        *waiting += MAX((s64)(now - thread->queued_at), 0);
    }
    spin_unlock(&sc->lock, irq);
}

nsec_t thread_run_time(struct thread *thread)
{
    nsec_t running, waiting;

    thread_get_times(thread, &running, &waiting);
    return running;
}

int thread_set_class(struct thread *thread, enum sched_class class, int nice)
{
    struct sched_cpu *sc;
    nsec_t slice_end;
    bool irq;

    if ((unsigned)class >= SCHED_CLASSES || nice < -20 || nice > 19) {
        return -EINVAL;
    }
    atomic_store_explicit(&thread->policy, policy_pack(class, nice), memory_order_seq_cst);
    sc = lock_queue_of(thread, &irq);
    if (thread->queued || sc->current == thread) {
        change_policy(sc, thread);
    }
    slice_end = sched_slice_end(sc, clock_now());
    spin_unlock(&sc->lock, irq);
    if (slice_end != SCHED_NEVER && sc->id == cpu_id()) {
        sched_arm_slice(sc, slice_end);
    } else if (slice_end != SCHED_NEVER &&
               !atomic_load_explicit(&sc->slice_armed, memory_order_relaxed)) {
        look_again(sc);
    }
    return 0;
}
