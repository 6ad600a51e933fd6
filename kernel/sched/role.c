/* SPDX-License-Identifier: MIT */
/*
 * The roles of threads, and pauses.
 *
 * A role comes from a call, or from the name that HotSpot gives the thread.
 * VM and GC_PAUSE mean SCHED_CLASS_GC: such threads sleep between pauses.
 * Threads of GC_CONCURRENT get that class when they are woken while the
 * application is stopped, and keep it until they sleep.  runq.c bounds what
 * the class may take from others.
 *
 * How a pause of an unmodified HotSpot 17 is seen, from its VM thread alone
 * (safepoint.cpp, vmThread.cpp, waitBarrier_linux.cpp of OpenJDK):
 *
 *   it waits with a deadline         nothing to do            NONE
 *   it is woken                      it has an operation      STOPPED (*)
 *   it sleeps for up to 1 ms         some have not stopped    REACHING
 *   it goes on                       it will find out         STOPPED
 *   it wakes INT_MAX of one futex    they may go on           NONE
 *
 * (*) or will be stopped soon: no harm is done by who goes first until it
 * finds that it must wait, since those that it waits for run, or stop.
 * Between the last two it waits for its workers, without a deadline.
 *
 * A wait for mutators is a round of turns.  HotSpot looks every 10 us at
 * first: a timer's interrupt each, and the VM thread would take the CPU from
 * just those that it waits for.  Here it sleeps until each CPU has given one
 * turn, which seldom lasts longer than it takes to reach the next poll, to
 * each mutator that waited there.  `over` collects the CPUs with none left;
 * the last wakes the VM thread.  There is a limit, so that nothing depends
 * on the count being exact.
 */
#include <kernel/role.h>

#include <kernel/bootinfo.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/signal.h>
#include <kernel/string.h>

#include "sched_priv.h"

#define ROUND_LIMIT TURN /* of a wait for turns; then CPUs are interrupted */

_Atomic u32 role_round;

/* (l) lock   (a) atomic   (o) by the one who conducts the pause */
static struct {
    struct spinlock lock;
    bool by_name;                     /* (l) */
    struct role_times ended[ROLES];   /* (l) threads that have */
    struct thread *announced;         /* (l) conducts a pause that it told of */
    _Atomic u32 vm_threads;           /* (a) changed under the lock */
    _Atomic u32 phase;                /* (a) enum pause */
    _Atomic u32 rounds;               /* (a) so far */
    bool late;                        /* (o) the last round reached its limit */
    _Atomic u64 over;                 /* (a) CPUs, in this round */
    _Atomic(struct thread *) waiting; /* (a) for the end of the round */
} roles = {.lock = SPINLOCK_INIT("roles", RANK_HOOKS), .by_name = true};

int role_init(void)
{
    char value[8];

    if (!cmdline_get("roles", value, sizeof(value))) {
        return 0;
    }
    roles.by_name = strcmp(value, "off") != 0;
    return !roles.by_name || strcmp(value, "on") == 0 ? 0 : -EINVAL;
}

/* ---- Roles ------------------------------------------------------------------------- */

static enum role given(const struct thread *t)
{
    return (enum role)atomic_load_explicit(&t->role, memory_order_relaxed);
}

enum role role_get(const struct thread *thread)
{
    enum role role = given(thread);

    if (role != ROLE_UNNAMED) {
        return role;
    }
    return atomic_load_explicit(&roles.vm_threads, memory_order_relaxed) != 0 ? ROLE_MUTATOR
                                                                              : ROLE_NONE;
}

enum sched_class role_class(const struct thread *thread, enum sched_class asked)
{
    enum role role = given(thread);
    bool first = role == ROLE_VM || role == ROLE_GC_PAUSE || thread->conducts;

    return asked == SCHED_CLASS_IDLE ? asked : first ? SCHED_CLASS_GC : SCHED_CLASS_FAIR;
}

/* Gives it the class that its role asks for. */
static void apply_class(struct thread *t)
{
    enum sched_class class = role_class(t, policy_class(t));

    if (class != policy_class(t)) {
        (void)!thread_set_class(t, class, t->nice); /* which is a class, and a nice value */
    }
}

/* Lock held. */
static void give(struct thread *t, enum role role)
{
    enum role before = given(t);

    if (role == before) {
        return;
    }
    atomic_store_explicit(&t->role, (u8)role, memory_order_relaxed);
    atomic_fetch_add_explicit(&roles.vm_threads, (role == ROLE_VM) - (before == ROLE_VM),
                              memory_order_relaxed);
    apply_class(t);
}

static bool is_collector(enum role role)
{
    return role == ROLE_VM || role == ROLE_GC_PAUSE || role == ROLE_GC_CONCURRENT;
}

/* What its name says, as far as it may.  Lock held. */
static enum role named(const struct thread *t)
{
    enum role role = roles.by_name ? role_of_name(t->name) : ROLE_UNNAMED;
    bool second = role == ROLE_VM && given(t) != ROLE_VM &&
                  atomic_load_explicit(&roles.vm_threads, memory_order_relaxed) != 0;

    return second || (is_collector(role) && t->role_closed) ? ROLE_UNNAMED : role;
}

void role_begin(struct thread *thread, const struct thread *creator)
{
    thread->role_closed = role_get(creator) == ROLE_MUTATOR;
    atomic_store_explicit(&thread->role, ROLE_UNNAMED, memory_order_relaxed);
}

void role_named(struct thread *thread)
{
    bool irq = spin_lock(&roles.lock);

    if (!thread->role_fixed) {
        give(thread, named(thread));
    }
    spin_unlock(&roles.lock, irq);
}

void role_set(struct thread *thread, enum role role)
{
    bool irq = spin_lock(&roles.lock);

    thread->role_fixed = role != ROLE_UNNAMED;
    give(thread, thread->role_fixed ? role : named(thread));
    spin_unlock(&roles.lock, irq);
}

static void name_again(struct thread *t, void *arg)
{
    (void)arg;
    if (t->app_stack != 0 && !t->role_fixed) {
        give(t, named(t));
    }
}

int role_by_name(int on)
{
    bool irq = spin_lock(&roles.lock);
    int before = roles.by_name;

    if (on >= 0 && on != before) {
        roles.by_name = on != 0;
        thread_for_each(name_again, NULL);
    }
    spin_unlock(&roles.lock, irq);
    return before;
}

/* ---- Times ------------------------------------------------------------------------- */

static void add_times(struct thread *t, struct role_times *times)
{
    nsec_t running, waiting;

    thread_get_times(t, &running, &waiting);
    times->running += running;
    times->waiting += waiting;
}

static void add_living(struct thread *t, void *arg)
{
    struct role_times *times = arg;

    if (t->app_stack != 0 && !t->role_over) {
        times[role_get(t)].threads++;
        add_times(t, &times[role_get(t)]);
    }
}

void role_get_times(struct role_times times[ROLES])
{
    bool irq = spin_lock(&roles.lock);

    memcpy(times, roles.ended, sizeof(roles.ended));
    thread_for_each(add_living, times);
    spin_unlock(&roles.lock, irq);
}

void role_end(struct thread *thread)
{
    bool irq;

    if (thread->role_over) {
        return;
    }
    if (thread->conducts) {
        (void)!role_pause_end();
    }
    irq = spin_lock(&roles.lock);
    add_times(thread, &roles.ended[role_get(thread)]);
    if (given(thread) == ROLE_VM) {
        atomic_store_explicit(&roles.phase, PAUSE_NONE, memory_order_relaxed);
    }
    give(thread, ROLE_NONE);
    thread->role_over = thread->role_fixed = true;
    spin_unlock(&roles.lock, irq);
}

/* ---- Pauses ------------------------------------------------------------------------ */

static void set_phase(enum pause phase)
{
    atomic_store_explicit(&roles.phase, phase, memory_order_relaxed);
}

/* What the VM thread does tells nothing while another thread says what is. */
static bool announced_by_other(void)
{
    const struct thread *t = *(struct thread *volatile *)&roles.announced;

    return t != NULL && t != thread_current();
}

int role_pause_begin(enum pause phase)
{
    struct thread *self = thread_current();
    bool irq = spin_lock(&roles.lock), mine = roles.announced == NULL || roles.announced == self;

    if (mine) {
        roles.announced = self;
        self->conducts = true;
        set_phase(phase);
        apply_class(self);
    }
    spin_unlock(&roles.lock, irq);
    return mine ? 0 : -EBUSY;
}

int role_pause_end(void)
{
    struct thread *self = thread_current();
    bool irq = spin_lock(&roles.lock), mine = roles.announced == self;

    if (mine) {
        roles.announced = NULL;
        self->conducts = false;
        set_phase(PAUSE_NONE);
        apply_class(self);
    }
    spin_unlock(&roles.lock, irq);
    return mine ? 0 : -EPERM;
}

void role_pause_over(void)
{
    if (!thread_current()->conducts && !announced_by_other()) {
        set_phase(PAUSE_NONE);
    }
}

void role_at_work(void)
{
    if (!thread_current()->conducts && !announced_by_other()) {
        set_phase(PAUSE_STOPPED);
    }
}

void role_wakes_collector(struct thread *t)
{
    bool stopped = atomic_load_explicit(&roles.phase, memory_order_relaxed) == PAUSE_STOPPED;
    u32 policy = atomic_load_explicit(&t->policy, memory_order_relaxed);

    if (policy_class(t) != SCHED_CLASS_IDLE) {
        policy = (policy & ~0xffu) | (stopped ? SCHED_CLASS_GC : SCHED_CLASS_FAIR);
        atomic_store_explicit(&t->policy, policy, memory_order_relaxed);
    }
}

/* ---- Turns ------------------------------------------------------------------------- */

/* Wakes who waits for the end of the round, from under a run queue's lock. */
static bool wake_waiting(unsigned here)
{
    struct thread *t = atomic_exchange_explicit(&roles.waiting, NULL, memory_order_acq_rel);
    u32 expected = THREAD_SLEEPING;

    if (t == NULL ||
        !atomic_compare_exchange_strong_explicit(&t->state, &expected, THREAD_RUNNABLE,
                                                 memory_order_seq_cst, memory_order_relaxed)) {
        return false;
    }
    /* As in sched_ready(): a thread that is still leaving goes where it leaves. */
    if (atomic_load_explicit(&t->on_cpu, memory_order_acquire)) {
        here = atomic_load_explicit(&t->cpu, memory_order_relaxed);
    }
    sched_send(t, here);
    return true;
}

/* True if all CPUs are, with these. */
static bool turns_over(u64 cpus)
{
    u64 over = atomic_fetch_or_explicit(&roles.over, cpus, memory_order_acq_rel) | cpus;

    return (balance_online() & ~over) == 0;
}

bool role_turns_over(struct sched_cpu *sc, u32 round)
{
    assert(spin_is_mine(&sc->lock));
    if (round != sched_round() || !turns_over(1ull << sc->id)) {
        return false;
    }
    return wake_waiting(sc->id);
}

/* Which CPUs have nobody who waits for a turn; *busy: those that run something else meanwhile. */
static u64 look_at_queues(u32 round, u64 *busy)
{
    u64 over = 0;

    for (u64 left = balance_online(); left != 0; left &= left - 1) {
        struct sched_cpu *sc = &sched_cpus[__builtin_ctzll(left)];
        bool irq = spin_lock(&sc->lock);

        if (!runq_has_turn(&sc->queue, round) &&
            atomic_load_explicit(&sc->wake_list, memory_order_relaxed) == NULL) {
            over |= 1ull << sc->id;
        } else if (sc->id != cpu_id() && sc->current != sc->idle_thread &&
                   !runq_stops(sc->current)) {
            *busy |= 1ull << sc->id;
        }
        spin_unlock(&sc->lock, irq);
    }
    return over;
}

/* The round is on, and this thread prepared to sleep. */
static bool wait_for_turns(u32 round, nsec_t deadline)
{
    nsec_t now = clock_now(), limit = deadline;
    u64 busy = 0;

    if (!turns_over(look_at_queues(round, &busy))) {
        limit = MAX(deadline, now + ROUND_LIMIT);
        if (roles.late) {
            busy = balance_online() & ~atomic_load_explicit(&roles.over, memory_order_relaxed);
        }
        busy &= ~(1ull << cpu_id());
        if (busy != 0) {
            cpu_send_ipi(busy, IPI_RESCHED);
        }
    } else if (deadline <= now + SCHED_SHORT && sched_is_alone()) {
        sched_cancel_sleep();
        return sched_poll(deadline);
    }
    roles.late = sched_sleep(limit) != 0;
    return clock_now() >= deadline;
}

/* Its number; 0 is none. */
static u32 next_round(void)
{
    u32 round;

    do {
        round = atomic_fetch_add_explicit(&roles.rounds, 1, memory_order_relaxed) + 1;
    } while (round == 0);
    return round;
}

bool role_await_mutators(nsec_t deadline)
{
    struct thread *self = thread_current();
    u32 round;
    bool reached;

    sched_prepare_sleep();
    if (signal_pending()) {
        sched_cancel_sleep();
        return false;
    }
    if (announced_by_other()) {
        return sched_sleep(deadline) != 0;
    }
    round = next_round();
    set_phase(PAUSE_REACHING);
    atomic_store_explicit(&roles.over, 0, memory_order_relaxed);
    atomic_store_explicit(&roles.waiting, self, memory_order_release);
    /* Release: pairs with nothing weaker than the locks of the queues that are looked at. */
    atomic_store_explicit(&role_round, round, memory_order_release);
    reached = wait_for_turns(round, deadline);
    atomic_store_explicit(&roles.waiting, NULL, memory_order_relaxed);
    atomic_store_explicit(&role_round, 0, memory_order_relaxed);
    if (!self->conducts) {
        set_phase(PAUSE_STOPPED);
    }
    return reached;
}
