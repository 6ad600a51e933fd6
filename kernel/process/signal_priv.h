/* SPDX-License-Identifier: MIT */
/* What the files about signals, threads and the process share. */
#pragma once

#include <kernel/list.h>
#include <kernel/poll.h>
#include <kernel/signal.h>
#include <kernel/spinlock.h>
#include <kernel/wait.h>

#define UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* (l) lock   (a) atomic */
struct signals {
    struct spinlock lock;
    struct list members;                  /* (l) the process's threads, oldest first */
    u32 member_count;                     /* (l) */
    struct signal_queue shared;           /* (l) sent to the process */
    struct signal_action action[SIGNALS]; /* (l) */
    _Atomic u32 queued;                   /* (a) entries, for RLIMIT_SIGPENDING */
    _Atomic bool ending;                  /* (a) all threads are to end */
    _Atomic bool stopped;                 /* (a) all threads are to wait; changed under (l) */
};
extern struct signals signals;

/* Would the action do nothing?  Lock held. */
bool signals_ignores(int signal);
/* Makes a thread look for signals, wherever it is.  Lock held. */
void signals_kick(struct thread *thread);
/* Has the thread something to look at?  Sets its flag by that.  Lock held. */
void signals_recheck(struct thread *thread);
/* Finds threads for the process's signals of `set`.  Lock held. */
void signals_retarget(u64 set);
/*
 * signal_stop.c.  Before `signal` is queued or ignored: what it cancels goes to `dropped`, and
 * SIGCONT or SIGKILL lets a stopped process go on.  Lock held.
 */
void signals_before_send(int signal, struct list *dropped);
/* SIGSTOP was taken: all threads are to wait, unless SIGKILL is pending.  Lock held. */
void signals_stop(void);
/* On the way to the application: until that is over. */
void signals_wait_stopped(void);
/* Gives back what a queue gave; no lock held. */
void signals_free(struct signal_entry *entry);
void signals_free_list(struct list *entries);
