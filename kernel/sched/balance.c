/* SPDX-License-Identifier: MIT */
/*
 * Which CPU a thread runs on.  Three occasions, no periodic work:
 *
 * A wake-up goes to the thread's last CPU if that polls, else to another
 * that polls (no interrupt is needed there), else to a halted one, else to
 * the last CPU whoever runs there.  A CPU that is chosen is taken out of the
 * masks at once, so that two wakers do not choose the same.
 *
 * A CPU that goes idle takes a thread that waits on the busiest CPU.
 *
 * A CPU at the end of a slice that has more to run than another CPU sends
 * one thread there: what keeps three threads on two CPUs fair, each of which
 * must have company two thirds of the time.  The one that has been here
 * longest goes, so that in the above case each of the three is alone in turn.
 */
#include "sched_priv.h"

#include <kernel/clock.h>
#include <kernel/trace.h>

#define ROTATE_EVERY (10 * NSEC_PER_MSEC)
#define CANDIDATES 16u /* threads of a queue that are looked at */

/* (a) atomic: a bit per CPU */
static struct {
    _Atomic u64 polling aligned_to(CACHE_LINE); /* (a) idle and not chosen yet */
    _Atomic u64 halted;                         /* (a) likewise */
    _Atomic u64 online aligned_to(CACHE_LINE);  /* (a) */
} cpus;

static void set_bit(_Atomic u64 *mask, unsigned cpu)
{
    atomic_fetch_or_explicit(mask, 1ull << cpu, memory_order_relaxed);
}

static bool clear_bit(_Atomic u64 *mask, unsigned cpu)
{
    u64 bit = 1ull << cpu;

    return (atomic_load_explicit(mask, memory_order_relaxed) & bit) != 0 &&
           (atomic_fetch_and_explicit(mask, ~bit, memory_order_relaxed) & bit) != 0;
}

u64 balance_online(void)
{
    return atomic_load_explicit(&cpus.online, memory_order_acquire);
}

void balance_set_online(unsigned cpu)
{
    atomic_fetch_or_explicit(&cpus.online, 1ull << cpu, memory_order_release);
}

void balance_set_idle(struct sched_cpu *sc, enum cpu_idle idle)
{
    /* Wakers decide by this one; the masks are hints where to look. */
    atomic_store_explicit(&sc->idle, idle, memory_order_seq_cst);
    if (idle == CPU_POLLING) {
        set_bit(&cpus.polling, sc->id);
        return;
    }
    clear_bit(&cpus.polling, sc->id);
    if (idle == CPU_HALTED) {
        set_bit(&cpus.halted, sc->id);
    } else {
        clear_bit(&cpus.halted, sc->id);
    }
}

static u32 load_of(const struct sched_cpu *sc)
{
    return atomic_load_explicit(&sc->runnable, memory_order_relaxed) +
           (atomic_load_explicit(&sc->wake_list, memory_order_relaxed) != NULL);
}

/* ---- Where to wake ------------------------------------------------------------- */

/* Takes one CPU of `allowed` out of the mask; MAX_CPUS if there is none. */
static unsigned claim_any(_Atomic u64 *mask, u64 allowed)
{
    u64 found = atomic_load_explicit(mask, memory_order_relaxed) & allowed;

    for (; found != 0; found &= found - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(found);

        if (clear_bit(mask, cpu)) {
            return cpu;
        }
    }
    return MAX_CPUS;
}

unsigned balance_claim_halted(void)
{
    return claim_any(&cpus.halted, ~0ull);
}

/* `first` if it is in the mask and allowed, else any. */
static unsigned claim(_Atomic u64 *mask, u64 allowed, unsigned first)
{
    if ((allowed >> first & 1) != 0 && clear_bit(mask, first)) {
        return first;
    }
    return claim_any(mask, allowed);
}

static u32 class_on(unsigned cpu)
{
    return atomic_load_explicit(&sched_cpus[cpu].class, memory_order_relaxed);
}

static unsigned least_loaded(u64 allowed, unsigned best)
{
    if ((allowed >> best & 1) == 0) {
        best = (unsigned)__builtin_ctzll(allowed);
    }
    for (; allowed != 0; allowed &= allowed - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(allowed);

        if (load_of(&sched_cpus[cpu]) < load_of(&sched_cpus[best])) {
            best = cpu;
        }
    }
    return best;
}

/* A CPU whose thread a collector's goes before: this one, which needs no interrupt, if it can. */
static unsigned weakest(u64 allowed, unsigned prev)
{
    const unsigned here = cpu_id();

    if (class_on(here) > SCHED_CLASS_GC && (allowed >> here & 1) != 0) {
        return here;
    }
    if (class_on(prev) > SCHED_CLASS_GC) {
        return prev;
    }
    for (; allowed != 0; allowed &= allowed - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(allowed);

        if (class_on(cpu) > SCHED_CLASS_GC) {
            return cpu;
        }
    }
    return prev;
}

unsigned balance_select(const struct thread *t, unsigned prev)
{
    u64 allowed = atomic_load_explicit(&t->affinity, memory_order_relaxed) & balance_online();
    unsigned cpu;

    assert(prev < MAX_CPUS);
    if (allowed == 1ull << prev) {
        return prev;
    }
    cpu = claim(&cpus.polling, allowed, prev);
    if (cpu == MAX_CPUS) {
        cpu = claim(&cpus.halted, allowed, prev);
    }
    if (cpu != MAX_CPUS) {
        return cpu;
    }
    if (t->moved || (allowed >> prev & 1) == 0) {
        return least_loaded(allowed, prev);
    }
    return unlikely(policy_class(t) == SCHED_CLASS_GC) ? weakest(allowed, prev) : prev;
}

/* ---- An idle CPU helps itself ------------------------------------------------------ */

static struct sched_cpu *busiest(const struct sched_cpu *sc)
{
    struct sched_cpu *best = NULL;
    u32 most = 1; /* one thread is at home where it is */

    for (u64 mask = balance_online() & ~(1ull << sc->id); mask != 0; mask &= mask - 1) {
        struct sched_cpu *other = &sched_cpus[__builtin_ctzll(mask)];

        if (load_of(other) > most) {
            most = load_of(other);
            best = other;
        }
    }
    return best;
}

/* May the queued thread be taken to `cpu`? */
static bool movable(const struct thread *t, unsigned cpu)
{
    return sched_allowed(t, cpu) && !atomic_load_explicit(&t->on_cpu, memory_order_acquire);
}

static void take_out(struct sched_cpu *sc, struct thread *t, nsec_t now)
{
    runq_take_away(&sc->queue, t, now);
    sched_publish_count(sc);
    t->moved = true;
}

/* Whom to steal from `victim`, whose lock is held: the first that may go. */
static struct thread *steal_from(struct sched_cpu *victim, unsigned cpu, nsec_t now, nsec_t waited)
{
    unsigned looked_at = 0;

    sched_drain(victim, NULL, now);
    sched_publish_count(victim);
    for (struct thread *t = runq_next(&victim->queue, NULL); t != NULL && looked_at < CANDIDATES;
         t = runq_next(&victim->queue, t)) {
        if (movable(t, cpu) && (s64)(now - t->queued_at) >= (s64)waited) {
            take_out(victim, t, now);
            return t;
        }
        looked_at++;
    }
    return NULL;
}

bool balance_steal(struct sched_cpu *sc, nsec_t waited)
{
    struct sched_cpu *victim = busiest(sc);
    struct thread *t;
    nsec_t now;
    bool irq;

    if (victim == NULL || !spin_trylock(&victim->lock, &irq)) {
        return false;
    }
    now = clock_now();
    t = steal_from(victim, sc->id, now, waited);
    spin_unlock(&victim->lock, irq);
    if (t == NULL) {
        return false;
    }
    trace(TRACE_MIGRATE, t->tid, sc->id);
    sched_count(&sc->stats.migrations, 1);
    sched_set_cpu(t, sc->id);
    irq = spin_lock(&sc->lock);
    sched_enqueue(sc, t, now);
    sched_publish_count(sc);
    spin_unlock(&sc->lock, irq);
    return true;
}

/* ---- Turns ---------------------------------------------------------------------------- */

/* Where a thread should go that has had its turn here, and who. */
struct turn {
    struct thread *thread;
    unsigned to;
    u32 load; /* of that CPU */
};

/* The waiting thread that came here first of those that may go to a CPU with less to run. */
static struct turn find_turn(struct sched_cpu *sc, u32 mine)
{
    u64 others = balance_online() & ~(1ull << sc->id), seen = 0;
    struct turn found = {NULL, 0, 0};
    unsigned looked_at = 0, to = 0;

    for (struct thread *t = runq_next(&sc->queue, NULL); t != NULL && looked_at < CANDIDATES;
         t = runq_next(&sc->queue, t)) {
        u64 allowed = atomic_load_explicit(&t->affinity, memory_order_relaxed) & others;

        looked_at++;
        if (allowed == 0 || t->class != SCHED_CLASS_FAIR || !movable(t, sc->id) ||
            (found.thread != NULL && t->arrived_at >= found.thread->arrived_at)) {
            continue;
        }
        if (allowed != seen) { /* usually all have the same */
            to = least_loaded(allowed, sc->id);
            seen = allowed;
        }
        if (load_of(&sched_cpus[to]) < mine) {
            found = (struct turn){t, to, load_of(&sched_cpus[to])};
        }
    }
    return found;
}

void balance_rotate(struct sched_cpu *sc, const struct thread *current, nsec_t now)
{
    u32 mine = sc->queue.count + 1;
    struct turn turn;

    if (mine < 2) {
        return;
    }
    turn = find_turn(sc, mine);
    if (turn.thread == NULL) {
        return;
    }
    /* Where the numbers will only change places there is time; and if the
     * running thread has been here longer, it will be its turn. */
    if (turn.load + 1 == mine &&
        (now - sc->rotated_at < ROTATE_EVERY || current->arrived_at < turn.thread->arrived_at)) {
        return;
    }
    take_out(sc, turn.thread, now);
    sc->rotated_at = now;
    sched_send(turn.thread, turn.to);
}
