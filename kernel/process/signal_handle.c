/* SPDX-License-Identifier: MIT */
/*
 * What is done about pending signals on the way back to the application:
 * nothing, the end of the process, or a handler, whose frame is pushed on the
 * application's stack.  Several may be pushed, one upon the other.
 *
 * A system call that a signal interrupted is settled first: it starts again
 * after the handler, or returns -EINTR, as kernel/signal.h says.
 */
#include "signal_priv.h"

#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/thread.h>

/* Takes the next signal with its action: its number, or 0. */
static int take_next(struct thread *t, struct siginfo *info, struct signal_action *action)
{
    bool irq = spin_lock(&signals.lock);
    struct signal_entry *entry;
    int signal = signal_queue_take(&t->signals, ~t->blocked, info, &entry);

    if (signal == 0) {
        signal = signal_queue_take(&signals.shared, ~t->blocked, info, &entry);
    }
    if (signal != 0) {
        *action = signals.action[signal - 1];
        if (signals_ignores(signal)) {
            action->handler = SIG_IGN;
        } else if ((action->flags & SA_RESETHAND) != 0) {
            signals.action[signal - 1].handler = SIG_DFL;
        }
    }
    if (signal == SIGSTOP) {
        signals_stop(); /* here, so that no SIGCONT or SIGKILL comes between */
        action->handler = SIG_IGN;
    }
    signals_recheck(t);
    spin_unlock(&signals.lock, irq);
    signals_free(entry);
    return signal;
}

static void settle_syscall(struct trap_frame *frame, const struct signal_action *action)
{
    s64 result = (s64)frame->rax;

    bool again = result == -ERESTARTNOINTR;

    if (result == -ERESTARTSYS) {
        again = action == NULL || (action->flags & SA_RESTART) != 0;
    } else if (result == -ERESTARTNOHAND) {
        again = action == NULL;
    }
    if (again) {
        arch_syscall_restart(frame);
    } else if (result == -ERESTARTSYS || result == -ERESTARTNOHAND) {
        frame->rax = (u64)-EINTR;
        thread_current()->restart_deadline = 0;
    }
    frame->vector = 0; /* no system call any more */
}

static void run_handler(struct trap_frame *frame, int signal, const struct siginfo *info,
                        const struct signal_action *action)
{
    struct thread *t = thread_current();
    u64 mask = t->restore_mask ? t->saved_mask : t->blocked;
    u64 during = t->blocked | action->mask;

    if ((action->flags & SA_NODEFER) == 0) {
        during |= SIGNAL_BIT(signal);
    }
    if (arch_signal_frame(frame, action, info, mask) != 0) {
        /* No room for the frame, not even for that of this signal. */
        const struct siginfo fault = {.signo = SIGSEGV, .code = SI_KERNEL};

        if (signal == SIGSEGV) {
            process_exit(0, SIGSEGV);
        }
        signal_force(SIGSEGV, &fault);
        return;
    }
    t->restore_mask = false;
    t->restart_deadline = 0; /* of a call that is begun again after the handler, or never */
    signal_set_mask(during);
}

void signal_handle(struct trap_frame *frame, bool from_syscall)
{
    struct thread *t = thread_current();
    struct signal_action action;
    struct siginfo info;
    int signal;

    do {
        signals_wait_stopped();
        if (process_is_ending()) {
            process_thread_exit(0);
        }
        signal = take_next(t, &info, &action);
    } while (signal != 0 && action.handler == SIG_IGN);
    if (signal != 0 && action.handler == SIG_DFL) {
        process_exit(0, signal);
    }
    if (from_syscall) {
        settle_syscall(frame, signal != 0 ? &action : NULL);
    }
    if (signal != 0) {
        run_handler(frame, signal, &info, &action);
    } else if (t->restore_mask) {
        t->restore_mask = false;
        signal_set_mask(t->saved_mask);
    }
}
