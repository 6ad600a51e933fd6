/* SPDX-License-Identifier: MIT */
/*
 * What the files of the scheduler share: the state of each CPU, and the
 * steps that sched.c, wakeup.c, balance.c, idle.c and thread.c do for each
 * other.  The protocol between CPUs is told at the top of sched.c.
 */
#pragma once

#include <kernel/cpu.h>
#include <kernel/role.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/timer.h>
#include <kernel/types.h>
#include <stdatomic.h>

#include "poll_bound_priv.h"
#include "runq_priv.h"

enum cpu_idle {
    CPU_RUNNING, /* runs a thread, or the idle thread on its way to one */
    CPU_POLLING, /* will look at its wake list before it halts */
    CPU_HALTED,  /* needs an interrupt to look */
};

/* A CPU that runs its idle thread has this for a class. */
#define CLASS_NONE ((u32)SCHED_CLASSES)

/* Counters: written by their CPU only. */
struct sched_counters {
    _Atomic u64 switches, preemptions, wakes, wakes_without_ipi, migrations, halts, poll_hits;
    _Atomic u64 idle_time;
};

/*
 * (a) atomic, written by any CPU   (p) published: atomic, written under the
 * lock   (o) atomic, written by its own CPU   (l) lock
 * (i) own CPU, interrupts off   (c) constant
 */
struct sched_cpu {
    /* What others look at when they wake a thread for this CPU. */
    _Atomic(struct thread *) wake_list; /* (a) last in, first */
    _Atomic u32 idle;                   /* (o) enum cpu_idle */
    _Atomic u32 class;                  /* (p) of the running thread */
    _Atomic nsec_t since;               /* (p) when it began to run */
    _Atomic u32 runnable;               /* (p) queued, and the running one */
    _Atomic nsec_t idle_since;          /* (o) start of the idle period, 0 when not idle */
    _Atomic bool slice_armed;           /* (o) the slice timer will come */
    _Atomic bool ipi_sent;              /* (a) and has not arrived yet */

    struct spinlock lock aligned_to(CACHE_LINE);
    u32 id;                     /* (c) */
    struct thread *current;     /* (l) */
    struct thread *idle_thread; /* (c) */
    struct thread *leaving;     /* (i) switched off for good, or to move */
    nsec_t picked_at;           /* (l) when `current` got the CPU */
    nsec_t rotated_at;          /* (l) see balance.c */
    struct runq queue;          /* (l) */

    struct timer slice_timer;
    struct poll_bound poll; /* (i) */
    struct sched_counters stats;
} aligned_to(CACHE_LINE);

extern struct sched_cpu sched_cpus[MAX_CPUS];

static inline struct sched_cpu *sched_this(void)
{
    return &sched_cpus[cpu_id()];
}

static inline void sched_count(_Atomic u64 *counter, u64 n)
{
    u64 value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

static inline bool sched_allowed(const struct thread *t, unsigned cpu)
{
    return (atomic_load_explicit(&t->affinity, memory_order_relaxed) >> cpu & 1) != 0;
}

/* The thread, which is nowhere, will run on another CPU than before, perhaps. */
static inline void sched_set_cpu(struct thread *t, unsigned cpu)
{
    if (atomic_load_explicit(&t->cpu, memory_order_relaxed) != cpu) {
        atomic_store_explicit(&t->cpu, cpu, memory_order_relaxed);
        t->arrived_at = 0; /* set when it is queued */
    }
}

/* ---- sched.c -------------------------------------------------------------- */

/* How the running thread gives up its CPU. */
enum sched_leave {
    LEAVE_SLEEPS, /* its state says so, or a waker has it on the way back */
    LEAVE_YIELDS, /* stays runnable, lets others go first */
    LEAVE_PREEMPTED,
    LEAVE_MOVES, /* stays runnable, on another CPU */
    LEAVE_DIES,
};

/* Gives the CPU to whom it belongs.  Interrupts disabled, no spinlock held. */
void sched_schedule(enum sched_leave how);

/*
 * Likewise for a thread that goes to sleep, and wants `woken` to have the CPU:
 * which slept, has been won by the caller, is in no CPU and may run here.
 */
void sched_hand_over(struct thread *woken);

/* The first thing on a thread's stack after a switch to it. */
void sched_finish_switch(struct thread *prev);

/* Makes `t` the idle thread of CPU `cpu`, which is this one. */
void sched_init_cpu(unsigned cpu, struct thread *t);

/* When the running thread must share the CPU; SCHED_NEVER if it is alone.  Lock held. */
nsec_t sched_slice_end(const struct sched_cpu *sc, nsec_t now);
/* Arms the slice timer, unless it is.  Interrupts disabled. */
void sched_arm_slice(struct sched_cpu *sc, nsec_t deadline);

/* Charges the running thread until now.  Lock held. */
void sched_charge(struct sched_cpu *sc, nsec_t now);

/* Publishes the number of runnable threads.  Lock held. */
void sched_publish_count(struct sched_cpu *sc);

/* sleep.c: the function of a thread's sleep timer. */
void sched_sleep_expired(struct timer *timer);

/* ---- wakeup.c ------------------------------------------------------------- */

/* Brings a runnable thread that is nowhere to a queue.  Any context. */
void sched_ready(struct thread *t);
/* Likewise, to this CPU if that is idle.  From an interrupt. */
void sched_ready_here(struct thread *t);

/* Hands it to another CPU.  Its registers are not in a CPU, or in that one. */
void sched_send(struct thread *t, unsigned cpu);

/*
 * Moves the threads on the CPU's wake list to its queue.  Lock held, and
 * `prev` (if not NULL) charged: the one thread that may still be on that CPU.
 */
void sched_drain(struct sched_cpu *sc, struct thread *prev, nsec_t now);

/* Has it something to run?  Without the lock: a hint, except as in sched.c. */
static inline bool sched_has_work(const struct sched_cpu *sc)
{
    return atomic_load_explicit(&sc->wake_list, memory_order_seq_cst) != NULL ||
           atomic_load_explicit(&sc->runnable, memory_order_relaxed) != 0;
}

/* Puts a thread that is nowhere on the queue of `sc`, or sends it on.  Lock held. */
void sched_enqueue(struct sched_cpu *sc, struct thread *t, nsec_t now);

/* ---- role.c ----------------------------------------------------------------- */

/* While a pause is being reached: the number of the round of turns, else 0. */
extern _Atomic u32 role_round;

static inline u32 sched_round(void)
{
    return atomic_load_explicit(&role_round, memory_order_relaxed);
}

/*
 * This CPU has nobody left for a turn in this round.  True if a thread was woken for
 * that, which may now be on this CPU's wake list.  Lock of its run queue held.
 */
bool role_turns_over(struct sched_cpu *sc, u32 round);

/* A concurrent collector's thread is woken: in a pause it is part of it. */
void role_wakes_collector(struct thread *t);

static inline void role_wakes(struct thread *t)
{
    if (unlikely(atomic_load_explicit(&t->role, memory_order_relaxed) == ROLE_GC_CONCURRENT)) {
        role_wakes_collector(t);
    }
}

/* ---- balance.c ------------------------------------------------------------ */

/* CPUs that run the scheduler. */
u64 balance_online(void);
void balance_set_online(unsigned cpu);

/* The CPU's idle state changes: wakers see it. */
void balance_set_idle(struct sched_cpu *sc, enum cpu_idle idle);

/* A halted CPU, which nobody else gets to wake meanwhile; MAX_CPUS if none. */
unsigned balance_claim_halted(void);

/* Where a thread that last ran on `prev` should run. */
unsigned balance_select(const struct thread *t, unsigned prev);

/*
 * An idle CPU takes a thread that has waited elsewhere for at least so long.
 * True if it got one.  Interrupts disabled, no lock held.
 */
bool balance_steal(struct sched_cpu *sc, nsec_t waited);

/*
 * At the end of a slice of `current`: sends a thread that has been here for long
 * to a CPU that has fewer.  Lock held.
 */
void balance_rotate(struct sched_cpu *sc, const struct thread *current, nsec_t now);

/* ---- thread_policy.c ---------------------------------------------------------- */

static inline u32 policy_pack(enum sched_class class, int nice)
{
    return (u32) class | (u32)(u8)nice << 8;
}

static inline enum sched_class policy_class(const struct thread *t)
{
    return (enum sched_class)(atomic_load_explicit(&t->policy, memory_order_relaxed) & 0xff);
}

/* Has another class or nice been asked for than is in force? */
static inline bool policy_changed(const struct thread *t)
{
    return atomic_load_explicit(&t->policy, memory_order_relaxed) != policy_pack(t->class, t->nice);
}
