/* SPDX-License-Identifier: MIT */
/*
 * Pending signals: a set of numbers, and a list of what is known about each.
 * A standard signal is queued once, a real-time signal as often as it is
 * sent.  Pure; whoever owns a queue locks it and owns the memory.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

#define SIGNALS 64
#define SIGNAL_RT_FIRST 32
#define SIGNAL_BIT(signal) (1ull << ((signal)-1))

/* As in signal(7). */
enum {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGXCPU,
    SIGXFSZ,
    SIGVTALRM,
    SIGPROF,
    SIGWINCH,
    SIGIO,
    SIGPWR,
    SIGSYS,
};

/* si_code of sigaction(2). */
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)

/* As in sigaction(2): 128 bytes. */
struct siginfo {
    s32 signo, error, code, pad;
    union {
        struct {
            s32 pid;
            u32 uid;
            u64 value;
        } sent; /* kill, sigqueue */
        struct {
            s32 id, overrun;
            u64 value;
        } timer;
        struct {
            u64 addr;
            s16 addr_lsb;
        } fault;
        struct {
            s64 band;
            s32 fd;
        } io;
        u8 bytes[112];
    };
};
_Static_assert(sizeof(struct siginfo) == 128, "sigaction(2)");

struct signal_entry {
    struct list link;
    struct signal_queue *queue; /* where it is or was */
    struct siginfo info;
    s32 overruns; /* of a timer's: when it was taken last */
    bool owned;   /* by a timer: not to be freed when it is taken */
    bool queued;  /* in a queue */
};

struct signal_queue {
    u64 set;             /* bit n - 1: signal n is pending */
    u64 bare;            /* (of these) without an entry, perhaps besides some with */
    struct list entries; /* in order of arrival */
};

void signal_queue_init(struct signal_queue *queue);
/* May the signal be dropped, because it is pending already? */
bool signal_queue_is_full(const struct signal_queue *queue, int signal);
/* Makes a signal pending; `entry` NULL: nothing is known about it. */
void signal_queue_add(struct signal_queue *queue, int signal, struct signal_entry *entry);
/* The number that would be taken next, 0 if none of `set` is pending. */
int signal_queue_next(const struct signal_queue *queue, u64 set);
/* Takes that one: its number; *entry is what to free, or NULL. */
int signal_queue_take(struct signal_queue *queue, u64 set, struct siginfo *info,
                      struct signal_entry **entry);
/* Takes an entry out of the queue it is in, if it is in one. */
void signal_queue_forget(struct signal_entry *entry);
/* Drops the signals of `set`; the entries move to `dropped`. */
void signal_queue_drop(struct signal_queue *queue, u64 set, struct list *dropped);
