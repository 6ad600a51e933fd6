/* SPDX-License-Identifier: MIT */
/*
 * What threads are to a garbage collector, and what the scheduler makes of it
 * while the application is stopped.  gc-hooks/include/moka/role.h is what
 * programs see of this and tells the rules; kernel/sched/role.c how they work.
 */
#pragma once

#include <kernel/thread.h>
#include <kernel/types.h>
#include <stdatomic.h>

enum role {
    ROLE_NONE,
    ROLE_MUTATOR,
    ROLE_COMPILER,
    ROLE_GC_CONCURRENT,
    ROLE_GC_PAUSE,
    ROLE_VM,
    ROLES,
    ROLE_UNNAMED = ROLES, /* nobody has said: a mutator, if there is a VM thread */
};

enum pause {
    PAUSE_NONE,
    PAUSE_REACHING,
    PAUSE_STOPPED,
};

/* Sleeps of a conducting thread up to this long are waits for the mutators. */
#define ROLE_SHORT_SLEEP NSEC_PER_MSEC

/* The role that HotSpot's name for a thread stands for, else ROLE_UNNAMED.  Pure. */
enum role role_of_name(const char *name);

/* Start-up: whether names give roles ("roles=off": no).  -EINVAL: neither on nor off. */
must_check int role_init(void);

/* From now on, whatever its name; ROLE_UNNAMED: what its name says. */
void role_set(struct thread *thread, enum role role);
/* Never ROLE_UNNAMED. */
enum role role_get(const struct thread *thread);
/* 1, 0, or -1 to ask; what was so before. */
int role_by_name(int on);

/* The calling thread conducts a pause: 0, or -EBUSY; and its end: 0, or -EPERM. */
must_check int role_pause_begin(enum pause phase);
must_check int role_pause_end(void);

struct role_times {
    u64 threads;
    nsec_t running, waiting;
};
/* Of all threads, by role. */
void role_get_times(struct role_times times[ROLES]);

/* ---- What the kernel tells of application threads ------------------------------ */

/* One is about to be: `creator` starts it.  Before it can run. */
void role_begin(struct thread *thread, const struct thread *creator);
/* It has a new name. */
void role_named(struct thread *thread);
/* The calling thread ends; more than once does nothing. */
void role_end(struct thread *thread);

/* The class that a thread is to have that asks for this one. */
enum sched_class role_class(const struct thread *thread, enum sched_class asked);

/* Does what the calling thread waits for tell of pauses? */
static inline bool role_conducts(void)
{
    const struct thread *t = thread_current();

    return unlikely(atomic_load_explicit(&t->role, memory_order_relaxed) == ROLE_VM || t->conducts);
}

/*
 * For such a thread.  A short sleep: lets the mutators that wait for a CPU
 * have a turn each.  True at the deadline, false if it ended before, for
 * there are no more, or for a signal.
 */
bool role_await_mutators(nsec_t deadline);
/* It waits with a deadline, for something to do; it has woken all that waited for one thing. */
void role_pause_over(void);
/* It was woken. */
void role_at_work(void);
