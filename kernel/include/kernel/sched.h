/* SPDX-License-Identifier: MIT */
/*
 * The scheduler.  A run queue per CPU with its own lock; a thread that is
 * woken for another CPU travels on that CPU's lock-free list.  Within
 * SCHED_CLASS_FAIR the thread with the least weighted run time goes next.
 *
 * A CPU with one runnable thread has no timer armed.  With more, a timer
 * ends each slice.  An idle CPU first polls (no interrupt is needed to wake
 * it), for a time that adapts to how long its idle periods last, then halts.
 */
#pragma once

#include <kernel/thread.h>
#include <kernel/types.h>

/* Lets other threads run; the caller stays runnable. */
void sched_yield(void);

/* Does nobody else want this CPU, as of a moment ago?  Thread context. */
bool sched_is_alone(void);

/* A sleep no longer than this takes less time than to program a timer and to be interrupted. */
#define SCHED_SHORT (20 * NSEC_PER_USEC)
/*
 * Keeps the CPU until the deadline instead.  False: it has not come, but somebody else wants
 * the CPU, or there is a signal.
 */
bool sched_poll(nsec_t deadline);

/*
 * Sleeping, in three steps so that no wake-up is lost:
 *     sched_prepare_sleep();
 *     if (condition) sched_cancel_sleep(); else reason = sched_sleep(deadline);
 * A sched_wake() between the first and the last makes the last return
 * soon.  The last may also return without a sched_wake() that was meant for
 * it; so the caller looks at its condition again.
 * Deadline in clock_now() time, SCHED_NEVER for none.  Thread context, no
 * spinlock held.  0, or -ETIMEDOUT.
 */
#define SCHED_NEVER ((nsec_t)-1)
void sched_prepare_sleep(void);
void sched_cancel_sleep(void);
int sched_sleep(nsec_t deadline);
/* When a sleep of the calling thread was last ended by its deadline; 0: never. */
nsec_t sched_slept_until(void);

/*
 * sched_prepare_sleep() without its fence: for a caller that holds the lock
 * under which wakers find out whom to wake.
 */
static inline void sched_prepare_sleep_locked(void)
{
    atomic_store_explicit(&thread_current()->state, THREAD_SLEEPING, memory_order_relaxed);
}

/* True if it was asleep (or about to be) and this call woke it.  Any context. */
bool sched_wake(struct thread *thread);

/*
 * Hands this CPU to `thread`, which the caller woke or is about to: like
 * sched_wake() and then sched_sleep(deadline), without a look at the queue when
 * `thread` is on this CPU and entitled to run.
 */
int sched_wake_and_sleep(struct thread *thread, nsec_t deadline);

/* What lies between is system time of the calling thread; may be nested. */
#define SYSTEM_TIME_BYTES (16 * KIB) /* a read or write that is worth it */
void system_time_begin(void);
void system_time_end(void);

/* Sleeps for a duration. */
void sched_delay(nsec_t duration);

/* From the interrupt path, on the way back to application code. */
void sched_preempt(void);

/* From the interrupt handler of IPI_RESCHED. */
void sched_interrupt(void);

/* The idle loop of this CPU; what start-up code ends in. */
noreturn void sched_idle(void);

/*
 * Work for an idle CPU before it halts, in steps of a few microseconds: returns
 * true if there is more.  Handed in from above; NULL for none.
 */
void sched_set_idle_work(bool (*fn)(void));
/*
 * There is such work again: wakes one CPU, if one is halted, to do it.  Any
 * context; costs an IPI then, else a look.
 */
void sched_wake_idle_work(void);

struct sched_stats {
    u64 switches, preemptions, wakes, wakes_without_ipi, migrations, halts, poll_hits;
    nsec_t idle_time;
};
void sched_get_stats(unsigned cpu, struct sched_stats *stats);
