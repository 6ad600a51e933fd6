/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers.  Each CPU has a queue and one hardware timer, programmed
 * only when a deadline is earlier than what it is programmed for already
 * (an arming costs 3 to 30 us on kvm_pvm); a removed timer may therefore
 * leave an interrupt without work.  There is no periodic tick.  A timer with
 * slack may fire that much later, with another: see timer_start_loosely().
 *
 * The callback runs in interrupt context on the CPU where the timer was
 * started, with interrupts disabled and no lock held.  It may restart its
 * own timer, but not free it.
 */
#pragma once

#include <kernel/rbtree.h>
#include <kernel/types.h>
#include <stdatomic.h>

/*
 * (q) lock of the queue of `cpu`   (c) constant after timer_setup()
 */
struct timer {
    struct rb_node node;             /* (q) */
    nsec_t deadline;                 /* (q) not earlier */
    nsec_t latest;                   /* (q) and not later, if that can be: deadline + slack */
    nsec_t fired;                    /* (q) when; 0: not since it was started */
    nsec_t period;                   /* (q) from its firing to the deadline it got then; 0: none */
    bool regular;                    /* (q) that was the same twice */
    void (*fn)(struct timer *timer); /* (c) */
    _Atomic u32 cpu; /* (q) whose queue it is in, or was in last; read without to find the lock */
    bool queued;     /* (q) */
    bool running;    /* (q) fn is being called */
};

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer));

/* (Re)starts on this CPU's queue.  `deadline` is clock_now() time. */
void timer_start(struct timer *timer, nsec_t deadline);

/*
 * As timer_start(), but it may fire `slack` later.  Then it needs no programming if this CPU is
 * interrupted in time anyway; nor, with `anywhere`, if another is, which calls fn then.
 */
void timer_start_loosely(struct timer *timer, nsec_t deadline, nsec_t slack, bool anywhere);

/*
 * Removes it.  True if it had not fired.  If it is just firing on another
 * CPU, waits until fn has returned: not from fn, not under a lock fn takes.
 */
bool timer_cancel(struct timer *timer);

/* Start-up of each CPU. */
void timer_cpu_init(void);
/* From the timer interrupt. */
void timer_interrupt(void);
