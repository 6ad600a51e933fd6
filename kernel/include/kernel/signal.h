/* SPDX-License-Identifier: MIT */
/*
 * Signals with Linux's semantics: signal(7), sigaction(2), sigaltstack(2).
 */
#pragma once

#include <kernel/thread.h>
#include <kernel/trap.h>
#include <kernel/types.h>

/*
 * Not seen by the application.  A system call that a signal interrupted
 * returns one of these if nothing has happened yet:
 *   ERESTARTSYS   starts again if the handler has SA_RESTART, else -EINTR
 *   ERESTARTNOHAND starts again only if there was no handler (poll, nanosleep ...)
 */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514

/* Is there a signal for the calling thread that is not blocked?  Cheap. */
bool signal_pending(void);

struct siginfo; /* 128 bytes, as in sigaction(2) */

/* To the process, or to a thread.  Any context.  0, -EINVAL, -ESRCH, -EAGAIN (queue full). */
int signal_send(int signal, const struct siginfo *info);
int signal_send_thread(struct thread *thread, int signal, const struct siginfo *info);
