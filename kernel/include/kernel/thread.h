/* SPDX-License-Identifier: MIT */
/*
 * Threads.  A kernel thread runs on its kernel stack only and is never
 * preempted.  An application thread has a stack of its own, is preempted
 * when interrupts find it there, and comes to its kernel stack by system
 * calls, faults and interrupts.
 */
#pragma once

#include <kernel/cpu.h>
#include <kernel/list.h>
#include <kernel/rbtree.h>
#include <kernel/signal_queue.h>
#include <kernel/timer.h>
#include <kernel/trap.h>
#include <kernel/types.h>
#include <stdatomic.h>

/* Log 2 of the stack size; the UBSan image sets it.  The same default is in entry.S. */
#ifndef MOKA_KSTACK_SHIFT
#define MOKA_KSTACK_SHIFT 14
#endif
#define KSTACK_SIZE (1ull << MOKA_KSTACK_SHIFT)
#define KSTACK_GUARD KSTACK_SIZE /* unmapped, below it */
#define THREAD_NAME 16
#define THREAD_MAGIC 0x6d6f6b61u
#define THREAD_APP_WORK 8  /* offset that assembly knows; checked in kernel/x86/cpu.c */
#define TID_LIMIT 4194304u /* as Linux's largest pid_max */

enum thread_state {
    THREAD_RUNNABLE, /* running or on a run queue or on its way to one */
    THREAD_SLEEPING,
    THREAD_DEAD,
};

/* Strictly ordered: a runnable thread of a lower number runs first. */
enum sched_class {
    SCHED_CLASS_URGENT, /* the kernel's own short work */
    SCHED_CLASS_GC,     /* stop-the-world GC: the VM thread and its workers */
    SCHED_CLASS_FAIR,   /* everything else, by weighted virtual run time */
    SCHED_CLASS_IDLE,   /* only when nothing else wants the CPU */
    SCHED_CLASSES,
};

/*
 * (c) constant   (t) own thread only   (r) lock of the run queue of `cpu`
 * (a) atomic     (w) whoever wakes it: the side that moved `state`
 * (l) lock of the list of threads   (s) lock of signals, kernel/process/signal.c
 *
 * The memory of a dead thread becomes another thread, and never anything
 * else: so sched_wake() of a thread that has died since is harmless, at worst
 * one of those wake-ups without a cause that every sleeper expects.
 */
struct thread {
    u32 magic;              /* (c) */
    u32 tid;                /* (c) */
    _Atomic u8 app_work;    /* (a) look for signals before the application goes on */
    char name[THREAD_NAME]; /* (t) */

    u64 saved_sp;      /* (t) kernel stack pointer while not running */
    u64 kstack_top;    /* (c) */
    u64 fs_base;       /* (t) while not running */
    void *xsave;       /* (c) 64-byte aligned, NULL for kernel threads */
    bool vectors_live; /* (t) interrupted or faulted: vector registers are the app's */

    _Atomic u32 state;                  /* (a) enum thread_state */
    _Atomic bool on_cpu;                /* (a) its registers are still in a CPU */
    _Atomic u32 cpu;                    /* (a) where it runs or ran last */
    _Atomic(struct thread *) wake_next; /* (w) on a CPU's list of woken threads */

    enum sched_class class; /* (r) */
    s8 nice;                /* (r) */
    u32 weight;             /* (r) 1024 = nice 0 */
    u32 inverse_weight;     /* (r) see runq.c */
    _Atomic u32 policy;     /* (a) class and nice wanted; in force since it was queued */
    u64 vruntime;           /* (r) ns weighted; see runq_priv.h */
    u64 ran_since;          /* (r) until when its running has been charged */
    u64 run_time;           /* (r) ns on a CPU in all */
    _Atomic u32 charges;    /* (r) odd while the two change: usage.c reads them without */
    u64 wait_time;          /* (r) ns runnable but not running in all */
    u64 queued_at;          /* (r) */
    _Atomic u64 affinity;   /* (a) bit per CPU */
    u64 arrived_at;         /* (r) when it came to this CPU */
    struct rb_node rq_node; /* (r) FAIR */
    struct list rq_link;    /* (r) other classes */
    bool queued;            /* (r) on a run queue */
    u64 switches[2];        /* (r) voluntary, preempted */

    struct list all;          /* (l) of all threads, or of free ones */
    struct timer sleep_timer; /* (t) */
    nsec_t slept_until;       /* (t) when its deadline last ended a sleep of it; 0: never */
    bool timed_out;           /* (w) */
    bool brief;               /* (w) it ran for a moment only, the last time its timer woke it */
    u64 ran_at_timer;         /* (w) run_time when its timer woke it last */
    bool moved;               /* (w) it did not sleep, but comes from elsewhere */

    /* kernel/sched/role.c */
    _Atomic u8 role;  /* (a) enum role; changed under the lock of roles */
    bool role_fixed;  /* lock of roles: given by a call, whatever the name */
    bool role_over;   /* lock of roles: its times are among those of ended threads */
    bool role_closed; /* (c) a mutator started it: no name makes it a collector's */
    bool conducts;    /* (t) a pause that it announced */
    u32 turn;         /* (r) the last round of turns that it had one in */

    void (*entry)(void *); /* (c) */
    void *arg;             /* (c) */
    vaddr_t app_stack;     /* (c) initial stack pointer; 0 for kernel threads */
    trap_handler on_fault; /* (t) */

    /* Application threads only. */
    struct list by_tid;          /* (l) */
    struct list member;          /* (s) of the process */
    bool is_member;              /* (s) */
    struct signal_queue signals; /* (s) sent to this thread */
    struct signal_entry fault;   /* (s) for the signal of a fault: there is always one */
    u64 blocked;                 /* (t), written under (s) */
    u64 really_blocked;          /* (t), written under (s); sigtimedwait: those it opens too */
    u64 saved_mask;              /* (t) see restore_mask */
    bool restore_mask;           /* (t) a call waited under another mask */
    nsec_t restart_deadline;     /* (t) of a relative sleep that is begun again; 0: none */
    u64 alt_sp, alt_size;        /* (t) sigaltstack(2) */
    u32 alt_flags;               /* (t) */
    bool vectors_reset;          /* (t) a handler begins: initial vector state */
    u64 trap_number, trap_error, trap_address; /* (t) of the last fault */
    vaddr_t clear_tid;                         /* (t) set_tid_address(2) */
    vaddr_t robust_list;                       /* (t) set_robust_list(2) */
    _Atomic bool futex_ends;                   /* (a) hands on its locks: futex_pi.c */
    u64 policy_linux;                          /* (t) what sched_setscheduler(2) asked for */
    u64 timer_slack;                           /* (t) prctl(2) */
    u64 minor_faults, major_faults;            /* (t) getrusage(2) */
    u64 chars[2], calls[2];                    /* (t) read and write calls: /proc/self/io */
    u64 system_time, system_since;             /* (t) usage.c */
    u32 system_depth;                          /* (t) */

    bool detached;          /* (c) */
    int exit_status;        /* (t) constant once exited */
    _Atomic bool exited;    /* (a) */
    _Atomic u32 references; /* (a) its own, while it lives, and others */
};

struct thread_attr {
    const char *name;
    void (*entry)(void *);
    void *arg;
    vaddr_t app_stack; /* top, 16-aligned; 0: a kernel thread */
    u64 fs_base;
    u64 affinity;           /* 0: all CPUs */
    enum sched_class class; /* note: 0 is URGENT */
    s8 nice;                /* -20 .. 19 */
    bool detached;
    trap_handler on_fault;
    u32 tid;                        /* 0: the next one */
    const struct trap_frame *start; /* not NULL: what an application thread begins with */
    /* Before it can run; may not fail. */
    void (*prepare)(struct thread *thread, void *prepare_arg);
    void *prepare_arg;
};

/*
 * Makes a thread and lets it run.  With *thread not NULL, the caller gets a
 * reference which thread_join() or thread_put() drops.  0, -ENOMEM, or
 * -EINVAL (no CPU in `affinity`, bad class or nice).
 */
must_check int thread_create(const struct thread_attr *attr, struct thread **thread);

/* Ends the calling thread. */
noreturn void thread_exit(int status);

/* Waits for its end, stores its status (if not NULL), drops the reference. */
void thread_join(struct thread *thread, int *status);
void thread_get(struct thread *thread);
void thread_put(struct thread *thread);

static inline struct thread *thread_current(void)
{
    struct thread *thread;

    /* Not volatile: seen from a thread, it never changes. */
    __asm__("movq %%gs:%c1, %0" : "=r"(thread) : "i"(CPU_CURRENT));
    return thread;
}

/* FS base of the calling thread: its thread-local storage. */
static inline u64 thread_fs_base(void)
{
    u64 base;

    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline void thread_set_fs_base(u64 base)
{
    __asm__ volatile("wrfsbase %0" ::"r"(base));
}

/* By number: a reference, or NULL.  Application threads only. */
struct thread *thread_find(u32 tid);

void thread_set_name(struct thread *thread, const char *name);
/* 0 or -EINVAL.  Moves the thread if it must; one that runs elsewhere goes from there as soon as
 * that CPU takes the interrupt. */
must_check int thread_set_affinity(struct thread *thread, u64 affinity);
must_check int thread_set_class(struct thread *thread, enum sched_class class, int nice);

/* How long it has run in all, until now. */
nsec_t thread_run_time(struct thread *thread);
/* And how long it was ready to run, without a CPU. */
void thread_get_times(struct thread *thread, nsec_t *running, nsec_t *waiting);

/* Calls fn on every thread, with the list's lock held. */
void thread_for_each(void (*fn)(struct thread *thread, void *arg), void *arg);

/* Start-up: makes the running code on this CPU its idle thread. */
must_check int thread_init_cpu(unsigned cpu);
