/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's core: who leaves a CPU, who gets it, and the switch.
 *
 * A thread's way.  `state` says whether it wants to run, `on_cpu` whether its
 * registers are in a CPU.
 *
 *   RUNNABLE --sched_prepare_sleep()--> SLEEPING --a waker's CAS--> RUNNABLE
 *
 * The thread goes to SLEEPING, looks at what it waits for, and calls
 * sched_sleep(), which always leaves the CPU.  Back to RUNNABLE leads one
 * compare-and-swap: who wins it, and nobody else, brings the thread to a
 * queue.  A wake-up between prepare and sleep therefore needs no care: the
 * thread leaves the CPU, finds itself on a queue and comes back.  If it wins
 * the CAS itself (sched_cancel_sleep()), it just goes on.
 *
 * No wake-up is lost:
 *   sleeper  state = SLEEPING; full fence; reads the condition
 *   waker    writes the condition; CAS of state (a full fence)
 * One of the two sees what the other wrote.
 *
 * No thread runs twice.  A waker that finds on_cpu set hands the thread to
 * the CPU it is leaving, which looks at its list when the switch is over, or
 * just before.  A waker that finds it clear owns the thread and may send it
 * anywhere:
 *   leaver   saves registers; on_cpu = false (release), by the next thread
 *   waker    reads on_cpu (acquire), then touches the thread
 * Likewise who takes a thread from the queue of another CPU skips it, or
 * waits, while on_cpu is set.  So the thread that a CPU picks is in no other
 * CPU, and nothing waits with a switch half done.
 *
 * Wake lists.  A thread for another CPU is pushed on that CPU's list, a
 * stack of which the taker gets all in one exchange.  Whether an interrupt
 * must follow, the waker reads from what the target has published:
 *   waker    push; reads idle, class, slice_armed
 *   target   writes idle, class or slice_armed; full fence; reads the list
 * If the waker saw the older value, then the target sees the push:
 *   HALTED      is written before the last look at the list before the halt.
 *   POLLING     ends with RUNNING, after which the list is emptied.
 *   class       changes in pick_next(), which looks again if it did.
 *   slice_armed is cleared by the timer's interrupt, or stays for the next
 *               slice; it then asks for a look (need_resched).
 * An interrupt to a running CPU sets need_resched, and the list is emptied
 * on the way back to the application, or when the thread blocks.
 *
 * No spinlock is held across the switch; interrupts are disabled from the
 * choice of the next thread until it runs.
 */
#include "sched_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/trace.h>

#include "arch_priv.h"

/* A slice that the timer ends a little early is over all the same. */
#define SLICE_TOLERANCE (SLICE / 32)
/* Who has had the CPU for long when others come keeps it for so long. */
#define SLICE_SOON (SLICE / 8)

struct sched_cpu sched_cpus[MAX_CPUS];

/* Will whoever is next have to share the CPU too? */
static bool stays_contended(struct sched_cpu *sc)
{
    bool irq = spin_lock(&sc->lock);
    bool contended =
        sc->current != sc->idle_thread && runq_contended(&sc->queue, sc->current->class);

    spin_unlock(&sc->lock, irq);
    return contended;
}

/*
 * The next slice begins in a moment.  Started here, its timer is programmed for with what the
 * interrupt programs anyway, which costs an exit; sched_preempt() finds it armed.
 */
static void slice_expired(struct timer *timer)
{
    struct sched_cpu *sc = container_of(timer, struct sched_cpu, slice_timer);
    bool again = stays_contended(sc);

    if (again) {
        timer_start(timer, clock_now() + SLICE + SLICE_TOLERANCE / 2);
    }
    /* Before the list is looked at; pairs with wakeup.c, must_interrupt(). */
    atomic_store_explicit(&sc->slice_armed, again, memory_order_seq_cst);
    this_cpu()->need_resched = true;
}

void sched_init_cpu(unsigned cpu, struct thread *t)
{
    struct sched_cpu *sc = &sched_cpus[cpu];

    spinlock_init(&sc->lock, "runq", RANK_RUNQ);
    sc->id = cpu;
    sc->current = sc->idle_thread = t;
    atomic_store_explicit(&sc->class, CLASS_NONE, memory_order_relaxed);
    runq_init(&sc->queue);
    timer_setup(&sc->slice_timer, slice_expired);
    poll_bound_init(&sc->poll);
    balance_set_online(cpu);
}

/* ---- Charging and picking; lock held ---------------------------------------- */

void sched_charge(struct sched_cpu *sc, nsec_t now)
{
    if (sc->current != sc->idle_thread) {
        runq_account(&sc->queue, sc->current, now);
    }
}

void sched_publish_count(struct sched_cpu *sc)
{
    u32 count = sc->queue.count + (sc->current != sc->idle_thread);

    atomic_store_explicit(&sc->runnable, count, memory_order_relaxed);
}

/* The charged thread goes back to the queue, or wherever it goes. */
static void put_back(struct sched_cpu *sc, struct thread *prev, enum sched_leave how, nsec_t now)
{
    if (prev == sc->idle_thread) {
        return;
    }
    if (how == LEAVE_YIELDS || how == LEAVE_PREEMPTED) {
        if (likely(sched_allowed(prev, sc->id))) {
            if (unlikely(policy_changed(prev))) {
                runq_change_policy(&sc->queue, prev);
            }
            runq_put(&sc->queue, prev, how == LEAVE_YIELDS ? RUNQ_YIELDS : RUNQ_BACK, now);
            return;
        }
        how = LEAVE_MOVES;
    }
    runq_leave(&sc->queue, prev);
    if (how != LEAVE_SLEEPS) {
        sc->leaving = prev;
    }
}

/* Makes `next` the CPU's thread.  False: something came, so look again. */
static bool publish(struct sched_cpu *sc, struct thread *next, nsec_t now)
{
    u32 class = next == sc->idle_thread ? CLASS_NONE : (u32)next->class;

    sc->current = next;
    sc->picked_at = now;
    atomic_store_explicit(&sc->since, now, memory_order_relaxed);
    if (likely(class == atomic_load_explicit(&sc->class, memory_order_relaxed))) {
        return true;
    }
    atomic_store_explicit(&sc->class, class, memory_order_relaxed);
    /* Pairs with the push in wakeup.c: see the top of this file. */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&sc->wake_list, memory_order_relaxed) == NULL;
}

/* Whose turn it is; NULL if nobody waits. */
static struct thread *take_next(struct sched_cpu *sc, struct thread *prev, nsec_t now)
{
    u32 round = sched_round();

    if (unlikely(round != 0)) {
        struct thread *t = runq_pick_turn(&sc->queue, round, now);

        if (t != NULL) {
            return t;
        }
        if (role_turns_over(sc, round)) {
            sched_drain(sc, prev, now);
        }
    }
    return runq_pick(&sc->queue, now);
}

static struct thread *pick_next(struct sched_cpu *sc, struct thread *prev, nsec_t now)
{
    struct thread *next;

    for (;;) {
        sched_drain(sc, prev, now);
        next = take_next(sc, prev, now);
        if (next == NULL) {
            next = sc->idle_thread;
        }
        if (likely(publish(sc, next, now))) {
            return next;
        }
        if (next != sc->idle_thread) {
            runq_put(&sc->queue, next, RUNQ_BACK, now);
        }
    }
}

/* ---- The switch --------------------------------------------------------------- */

void sched_finish_switch(struct thread *prev)
{
    struct sched_cpu *sc = sched_this();
    struct thread *leaving = sc->leaving;

    /* Release: whoever sees it clear finds the registers saved. */
    atomic_store_explicit(&prev->on_cpu, false, memory_order_release);
    if (likely(leaving == NULL)) {
        return;
    }
    sc->leaving = NULL;
    if (atomic_load_explicit(&leaving->state, memory_order_relaxed) == THREAD_DEAD) {
        thread_put(leaving);
    } else {
        leaving->moved = true;
        sched_send(leaving, balance_select(leaving, sc->id));
    }
}

static void switch_to(struct sched_cpu *sc, struct thread *prev, struct thread *next)
{
    struct cpu *cpu = this_cpu();

    assert(next->magic == THREAD_MAGIC);
    assert(!atomic_load_explicit(&next->on_cpu, memory_order_acquire));
    atomic_store_explicit(&next->on_cpu, true, memory_order_relaxed);
    cpu->current = next;
    cpu->kstack_top = next->kstack_top;
    sched_count(&sc->stats.switches, 1);
    trace(TRACE_SWITCH, prev->tid, next->tid);
    sched_finish_switch(arch_switch(prev, next));
}

void sched_arm_slice(struct sched_cpu *sc, nsec_t deadline)
{
    if (atomic_load_explicit(&sc->slice_armed, memory_order_relaxed) &&
        sc->slice_timer.deadline <= deadline + SLICE_SOON) {
        return;
    }
    /* Armed before it is published: who sees it relies on the interrupt. */
    timer_start(&sc->slice_timer, deadline);
    atomic_store_explicit(&sc->slice_armed, true, memory_order_release);
}

nsec_t sched_slice_end(const struct sched_cpu *sc, nsec_t now)
{
    const struct thread *current = sc->current;

    if (current == sc->idle_thread || !runq_contended(&sc->queue, current->class)) {
        return SCHED_NEVER;
    }
    if (unlikely(sched_round() != 0) && runq_has_turn(&sc->queue, sched_round())) {
        return MAX(sc->picked_at + TURN, now + TURN / 4);
    }
    return MAX(sc->picked_at + SLICE, now + SLICE_SOON);
}

/* Ends what schedule and preempt have begun with the lock held. */
static void unlock_and_switch(struct sched_cpu *sc, struct thread *prev, struct thread *next,
                              nsec_t now, bool irq)
{
    nsec_t slice_end = sched_slice_end(sc, now);

    sched_publish_count(sc);
    assert_slow((runq_check(&sc->queue), true));
    spin_unlock(&sc->lock, irq);
    if (slice_end != SCHED_NEVER) {
        sched_arm_slice(sc, slice_end);
    }
    if (next != prev) {
        switch_to(sc, prev, next);
    }
}

/*
 * Runs `woken`, which is nowhere, if its turn has come; else queues it.  NULL
 * if the usual way must decide.
 */
static struct thread *try_woken(struct sched_cpu *sc, struct thread *woken, nsec_t now)
{
    sched_count(&sc->stats.wakes, 1);
    sched_count(&sc->stats.wakes_without_ipi, 1);
    sched_set_cpu(woken, sc->id);
    if (unlikely(policy_changed(woken))) {
        runq_apply_policy(woken);
    }
    if (atomic_load_explicit(&sc->wake_list, memory_order_relaxed) != NULL || sched_round() != 0 ||
        !sched_allowed(woken, sc->id) || !runq_run_woken(&sc->queue, woken, now)) {
        sched_enqueue(sc, woken, now);
        return NULL;
    }
    if (unlikely(!publish(sc, woken, now))) {
        runq_put(&sc->queue, woken, RUNQ_BACK, now);
        return NULL;
    }
    return woken;
}

/* `woken`: a thread that may go next here, is nowhere, and was asleep; or NULL. */
static inline void schedule(enum sched_leave how, struct thread *woken)
{
    struct cpu *cpu = this_cpu();
    struct sched_cpu *sc = &sched_cpus[cpu->id];
    struct thread *prev = cpu->current, *next = NULL;
    nsec_t now = clock_now();
    bool irq;

    assert(!irq_enabled());
#if MOKA_DEBUG
    if (unlikely(cpu->locks.count != 0 || cpu->irq_depth != 0)) {
        BUG("thread %u (%s) blocks with %u spinlocks held, in %u interrupts", prev->tid, prev->name,
            cpu->locks.count, cpu->irq_depth);
    }
#endif
    irq = spin_lock(&sc->lock);
    cpu->need_resched = false;
    sched_charge(sc, now);
    put_back(sc, prev, how, now);
    prev->switches[0]++;
    if (woken != NULL) {
        next = try_woken(sc, woken, now);
    }
    if (next == NULL) {
        next = pick_next(sc, prev, now);
    }
    unlock_and_switch(sc, prev, next, now, irq);
}

void sched_schedule(enum sched_leave how)
{
    schedule(how, NULL);
}

void sched_hand_over(struct thread *woken)
{
    schedule(LEAVE_SLEEPS, woken);
}

/* ---- Preemption ---------------------------------------------------------------- */

/*
 * While a pause is being reached: has the running thread had its turn, or is
 * it none that must stop, with others waiting for theirs?  Lock held.
 */
static bool turn_over(const struct sched_cpu *sc, struct thread *prev, nsec_t ran)
{
    u32 round = sched_round();

    if (likely(round == 0) || prev->class < SCHED_CLASS_FAIR || (runq_stops(prev) && ran < TURN) ||
        !runq_has_turn(&sc->queue, round)) {
        return false;
    }
    prev->turn = round;
    return true;
}

/* Should the running, charged thread give way?  Lock held. */
static bool must_give_way(const struct sched_cpu *sc, const struct thread *prev, bool slice_over)
{
    const struct thread *next = runq_peek(&sc->queue);

    if (!sched_allowed(prev, sc->id)) {
        return true;
    }
    if (next == NULL) {
        return false;
    }
    return runq_should_preempt(&sc->queue, prev, next) ||
           (slice_over && runq_should_rotate(&sc->queue, prev));
}

void sched_preempt(void)
{
    struct cpu *cpu = this_cpu();
    struct sched_cpu *sc = &sched_cpus[cpu->id];
    struct thread *prev = cpu->current, *next = prev;
    nsec_t now = clock_now();
    bool irq = spin_lock(&sc->lock), slice_over, gives_turn;

    cpu->need_resched = false;
    sched_charge(sc, now);
    sched_drain(sc, NULL, now);
    gives_turn = turn_over(sc, prev, now - sc->picked_at);
    slice_over = now - sc->picked_at + SLICE_TOLERANCE >= SLICE;
    if (slice_over) {
        sc->picked_at = now;
        balance_rotate(sc, prev, now);
    }
    if (gives_turn || must_give_way(sc, prev, slice_over)) {
        put_back(sc, prev, LEAVE_PREEMPTED, now);
        prev->switches[1]++;
        sched_count(&sc->stats.preemptions, 1);
        next = pick_next(sc, prev, now);
    }
    unlock_and_switch(sc, prev, next, now, irq);
}

void sched_interrupt(void)
{
    /* Before the look: who pushes after this sends another interrupt. */
    atomic_store_explicit(&sched_this()->ipi_sent, false, memory_order_seq_cst);
    this_cpu()->need_resched = true;
}
