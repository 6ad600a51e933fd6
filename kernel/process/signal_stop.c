/* SPDX-License-Identifier: MIT */
/*
 * Stopping and going on.  SIGSTOP holds all threads on their way back to the
 * application, until SIGCONT comes or the process is to end; a call that was
 * interrupted for that starts again as if nothing had happened.
 *
 * The process has no parent in its session, so its group is an orphaned one: as
 * Linux would, it forgets SIGTSTP, SIGTTIN and SIGTTOU that nobody catches, since
 * there would be no shell to let it go on (setpgid(2)).
 */
#include "signal_priv.h"

#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

#define STOPPING \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

static void forget(u64 set, struct list *dropped)
{
    signal_queue_drop(&signals.shared, set, dropped);
    list_for_each (node, &signals.members) {
        signal_queue_drop(&list_entry(node, struct thread, member)->signals, set, dropped);
    }
}

static void set_stopped(bool stopped)
{
    if (atomic_exchange_explicit(&signals.stopped, stopped, memory_order_seq_cst) == stopped) {
        return;
    }
    list_for_each (node, &signals.members) {
        signals_kick(list_entry(node, struct thread, member));
    }
}

void signals_before_send(int signal, struct list *dropped)
{
    if (signal == SIGCONT) {
        forget(STOPPING, dropped);
    } else if ((STOPPING & SIGNAL_BIT(signal)) != 0) {
        forget(SIGNAL_BIT(SIGCONT), dropped);
    }
    if (signal == SIGCONT || signal == SIGKILL) {
        set_stopped(false);
    }
}

/* SIGKILL waits, for whomever: nothing may stop the process any more. */
static bool is_killed(void)
{
    u64 pending = signals.shared.set;

    list_for_each (node, &signals.members) {
        pending |= list_entry(node, struct thread, member)->signals.set;
    }
    return (pending & SIGNAL_BIT(SIGKILL)) != 0;
}

void signals_stop(void)
{
    if (!is_killed()) {
        set_stopped(true);
    }
}

static bool is_held(void)
{
    return atomic_load_explicit(&signals.stopped, memory_order_seq_cst) && !process_is_ending();
}

void signals_wait_stopped(void)
{
    while (is_held()) {
        sched_prepare_sleep();
        if (is_held()) {
            (void)sched_sleep(SCHED_NEVER);
        } else {
            sched_cancel_sleep();
        }
    }
}
