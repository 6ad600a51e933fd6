/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler needs of the processor; defined in kernel/x86/ and
 * called with interrupts disabled.
 */
#pragma once

#include <kernel/thread.h>
#include <kernel/types.h>

/*
 * Leaves `prev` for `next`, on whose stack it returns the thread that was
 * left.  Saves what a function call preserves, FS base, and the vector
 * registers of a thread whose vectors are live.
 */
struct thread *arch_switch(struct thread *prev, struct thread *next);

/*
 * Lays out a new kernel stack: the first switch to it calls thread_start().
 * `start`: the registers that arch_enter_app() will load, or NULL.
 */
void arch_thread_init(struct thread *thread, const struct trap_frame *start);

/*
 * Loads the registers that arch_thread_init() was given.  If there were none,
 * calls entry(arg) on the application's stack; when it returns, exit(0).
 */
noreturn void arch_enter_app(struct thread *thread);

/* A thread's area for the vector registers: 0 or -ENOMEM. */
must_check int arch_xsave_alloc(struct thread *thread);
void arch_xsave_free(struct thread *thread);
void arch_xsave(struct thread *thread);
void arch_xrstor(struct thread *thread);

/* Programs this CPU's timer, replacing what it was programmed for. */
void arch_timer_arm(nsec_t deadline);

/* Called by a new thread's first switch, with the thread that was left. */
noreturn void thread_start(struct thread *prev);
