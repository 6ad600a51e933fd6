/* SPDX-License-Identifier: MIT */
/* Programs of tests/guest/app_signal.c; each returns 0, or the line that failed. */
#pragma once

long signal_app_self(void);      /* handlers by call and by SYSCALL, siginfo, masks, queues */
long signal_app_fault(void);     /* SIGSEGV with an edited context, SIGFPE, SIGILL, SIGTRAP */
long signal_app_stack(void);     /* sigaltstack */
long signal_app_clone(void);     /* a thread, its end seen by futex; 1000 of them */
long signal_app_sleepers(void);  /* futex, nanosleep, sigsuspend, sigtimedwait interrupted */
long signal_app_vectors(void);   /* all registers survive handlers that come at any place */
long signal_app_locks(void);     /* FUTEX_LOCK_PI */
extern long signal_app_clone_ns; /* what one thread cost */

/* Whether the thread with that number sleeps; tests/guest/test_signal.c has it, for
 * app_call_kernel(). */
long signal_app_is_asleep(void *tid);
