/* SPDX-License-Identifier: MIT */
/*
 * Signals with Linux's semantics: signal(7), sigaction(2), sigaltstack(2).
 */
#pragma once

#include <kernel/signal_queue.h>
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
#define ERESTARTNOINTR 513 /* starts again in any case */

/* Is there a signal for the calling thread that is not blocked?  Cheap. */
bool signal_pending(void);

/* struct siginfo: kernel/signal_queue.h */

/* To the process, or to a thread.  Any context.  0, -EINVAL, -ESRCH, -EAGAIN (queue full). */
int signal_send(int signal, const struct siginfo *info);
int signal_send_thread(struct thread *thread, int signal, const struct siginfo *info);

/*
 * For calls that wait under another mask (ppoll, pselect, epoll_pwait): sets the
 * calling thread's mask, without SIGKILL and SIGSTOP, and returns the old one.
 * At the call's end the old one comes back: at once, or (`interrupted`: the call
 * returns -EINTR or -ERESTARTNOHAND) when the handlers of what is pending have
 * been started, whose frames save `old` as the mask to return to.
 */
void signal_mask_swap(u64 set, u64 *old);
void signal_mask_restore(u64 old, bool interrupted);

/*
 * For signalfd and sigtimedwait: takes the first pending signal of `set` (bit
 * n - 1: signal n), of the calling thread's queue and then the process's: its
 * number, or 0.  signal_pending_in() only looks.  The source is notified
 * (POLLIN) whenever a signal is queued, and belongs to no lock of signals.
 */
int signal_take(u64 set, struct siginfo *info);
bool signal_pending_in(u64 set);
struct poll_source *signal_poll_source(void);

/*
 * A timer's own entry, with so many overruns; if it is in a queue still, this is one more.
 * Any context.
 */
void signal_send_entry(struct thread *thread, int signal, struct signal_entry *entry, u32 overruns);
/* Takes such an entry out of wherever it is; it may be freed then. */
void signal_forget_entry(struct signal_entry *entry);

/* sigaction(2) as the system call has it. */
#define SA_NOCLDSTOP 1ull
#define SA_NOCLDWAIT 2ull
#define SA_SIGINFO 4ull
#define SA_ONSTACK 0x08000000ull
#define SA_RESTART 0x10000000ull
#define SA_NODEFER 0x40000000ull
#define SA_RESETHAND 0x80000000ull
#define SA_RESTORER 0x04000000ull
#define SIG_DFL 0ull
#define SIG_IGN 1ull
struct signal_action {
    u64 handler, flags, restorer, mask;
};

/*
 * A synchronous fault of the calling thread: if it blocks or ignores the
 * signal, that ends the process.
 */
void signal_force(int signal, const struct siginfo *info);

/*
 * For the way back to the application: takes what is to be handled and changes
 * `frame` to run the handlers, or to start the system call again; ends the
 * thread or the process if that is what the signal says.
 */
void signal_handle(struct trap_frame *frame, bool from_syscall);

/* kernel/x86/sigframe.c: where a handler begins. */
must_check int arch_signal_frame(struct trap_frame *frame, const struct signal_action *action,
                                 const struct siginfo *info, u64 mask);
/* Stack that a signal's frame needs at most (AT_MINSIGSTKSZ); AT_HWCAP and AT_HWCAP2. */
u64 arch_signal_frame_size(void);
u64 arch_hwcap(void);
u64 arch_hwcap2(void);
/* The interrupted system call is to be made once more. */
void arch_syscall_restart(struct trap_frame *frame);
/* Sets the calling thread's mask.  SIGKILL and SIGSTOP stay open. */
void signal_set_mask(u64 set);

/* Whether handlers run on the alternate stack, and with that: see sigaltstack(2). */
struct signal_stack {
    u64 sp;
    u32 flags, pad;
    u64 size;
};
#define SS_ONSTACK 1u
#define SS_DISABLE 2u
#define SS_AUTODISARM (1u << 31)
/* As sigaltstack(2) would, with `sp` as the stack pointer. */
must_check int signal_set_stack(const struct signal_stack *stack, u64 sp);
struct signal_stack signal_get_stack(u64 sp);

/* Is there a handler for it? */
bool signal_is_caught(int signal);

/* What the actions say; for /proc/self/status. */
struct signal_summary {
    u64 thread_pending, shared_pending, blocked, ignored, caught;
};
void signal_summary(struct thread *thread, struct signal_summary *summary);
