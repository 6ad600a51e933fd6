/* SPDX-License-Identifier: MIT */
/*
 * The order in which one CPU's runnable threads run.  Policy only: no locks,
 * no per-CPU data, time handed in; sched.c calls it under the run queue's
 * lock, and the host tests call it directly.
 *
 * The running thread is not in the queue.  A thread's vruntime is absolute
 * while it is FAIR and either in the queue or running from it, and relative
 * to min_vruntime at all other times, so that it means the same on any CPU.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/rbtree.h>
#include <kernel/thread.h>
#include <kernel/types.h>

#define WEIGHT_NICE_0 1024u

/* However many wait: its end is an interrupt and a timer to program, exits that take
 * 70 us together on kvm_pvm. */
#define SLICE (4 * NSEC_PER_MSEC)
#define WAKEUP_CREDIT (SLICE / 2)        /* how far behind a sleeper is placed at most */
#define WAKEUP_GRANULARITY NSEC_PER_MSEC /* lead that a woken thread takes over at */

/*
 * How long the GC class may run while FAIR threads wait, and how much of that each
 * nanosecond pays back that they then run: SLICE pays for all of it.
 */
#define GC_AHEAD (95 * NSEC_PER_MSEC)
#define GC_PAYBACK 24u
#define TURN (500 * NSEC_PER_USEC) /* of a mutator that others wait to stop */

/*
 * front    the FAIR thread with the least vruntime, kept out of the tree: with
 *          one thread queued, the usual case, the tree is never touched
 * front == NULL  =>  the tree is empty
 * every thread in the tree has front->vruntime <= its vruntime
 * classes  has the bit of each class with a thread queued
 * count    = threads queued; fair_count = those of SCHED_CLASS_FAIR
 * min_vruntime never decreases
 * gc_ahead <= GC_AHEAD; while gc_held, FAIR goes before GC
 */
struct runq {
    u32 classes;
    u32 count;
    u32 fair_count;
    struct thread *front;
    struct rb_tree fair;
    struct list fifo[SCHED_CLASSES]; /* all classes but FAIR */
    u64 min_vruntime;
    nsec_t gc_ahead; /* what GC has had, and FAIR threads that waited have not */
    bool gc_held;
};

enum runq_put {
    RUNQ_WOKEN,  /* slept; vruntime relative; gets credit for its sleep */
    RUNQ_MOVED,  /* from another CPU, or new; vruntime relative */
    RUNQ_BACK,   /* ran until now and could not finish; vruntime absolute */
    RUNQ_YIELDS, /* likewise, but lets one other go first */
};

void runq_init(struct runq *q);

/* Puts the wanted policy into force for a thread that runs from this queue. */
void runq_change_policy(struct runq *q, struct thread *t);
/* Likewise for one that is nowhere. */
void runq_apply_policy(struct thread *t);

void runq_put(struct runq *q, struct thread *t, enum runq_put how, nsec_t now);
/* Takes a queued thread out; its vruntime stays absolute. */
void runq_remove(struct runq *q, struct thread *t);
/* The thread, taken out or having run, leaves: vruntime becomes relative. */
void runq_leave(struct runq *q, struct thread *t);
/* Takes a queued thread out that goes elsewhere: remove and leave, and what it has waited counts.
 */
void runq_take_away(struct runq *q, struct thread *t, nsec_t now);

/* Who is next; NULL if nobody. */
struct thread *runq_peek(const struct runq *q);
/* Likewise, and takes it out to run from `now` on. */
struct thread *runq_pick(struct runq *q, nsec_t now);
/*
 * A thread that slept and is nowhere begins to run, if nobody queued has a
 * better claim; else nothing happens and it is false.
 */
bool runq_run_woken(struct runq *q, struct thread *t, nsec_t now);
/*
 * While a pause is being reached: takes out the first of the threads that are to
 * stop, and have not had a turn in this round; NULL if there is none, or if a
 * class above FAIR waits.
 */
struct thread *runq_pick_turn(struct runq *q, u32 round, nsec_t now);
/* Is there one? */
bool runq_has_turn(const struct runq *q, u32 round);
/* Must this thread stop for a pause? */
bool runq_stops(const struct thread *t);
/* The queued thread after `t` (NULL: the first), in the order of peek. */
struct thread *runq_next(const struct runq *q, const struct thread *t);

/* Charges the running thread for the time since it was charged last. */
void runq_account(struct runq *q, struct thread *current, nsec_t now);
/* Should `woken`, which is queued, run instead of `current`, which is charged? */
bool runq_should_preempt(const struct runq *q, const struct thread *current,
                         const struct thread *woken);
/* Having run its slice, should `current`, which is charged, be put back? */
bool runq_should_rotate(const struct runq *q, const struct thread *current);
/* Is there somebody whom a thread of this class has to share with? */
bool runq_contended(const struct runq *q, enum sched_class class);

/* Walks everything; BUG on a broken invariant. */
void runq_check(const struct runq *q);
