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
/* Gives back what a queue gave; no lock held. */
void signals_free(struct signal_entry *entry);
void signals_free_list(struct list *entries);
