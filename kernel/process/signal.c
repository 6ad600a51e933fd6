/* SPDX-License-Identifier: MIT */
/*
 * Signals: who gets one, and what becomes of it.
 *
 * One lock guards actions, queues and the list of the process's threads; it
 * is held briefly and may be taken in any context.  A thread's flag
 * `app_work` says that it has something to look at.  Who sets it also makes
 * the thread look: wakes it if it sleeps, interrupts its CPU if it runs on
 * another one.  The thread itself looks on every way back to the application,
 * and before and after a sleep that a signal may end:
 *
 *   sender    flag = 1 (full fence); wakes the thread if it sleeps
 *   sleeper   state = SLEEPING; full fence; reads the flag
 *
 * One of the two sees what the other wrote.  Only the thread itself clears
 * the flag, so a call that was interrupted finds it set on the way out.
 *
 * What stops the process and lets it go on is in signal_stop.c.
 */
#include "signal_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

#define IGNORED_BY_DEFAULT \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | \
     SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

struct signals signals = {
    .lock = SPINLOCK_INIT("signals", RANK_SIGNAL),
    .members = {&signals.members, &signals.members},
    .shared.entries = {&signals.shared.entries, &signals.shared.entries},
};

static struct poll_source source = {
    .lock = SPINLOCK_INIT("signal watches", RANK_POLL),
    .watches = {&source.watches, &source.watches},
};

struct poll_source *signal_poll_source(void)
{
    return &source;
}

bool signal_pending(void)
{
    /* The sleeper's fence: see the top of this file. */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&thread_current()->app_work, memory_order_relaxed) != 0;
}

/* ---- Memory of entries ------------------------------------------------------------ */

void signals_free(struct signal_entry *entry)
{
    if (entry != NULL) {
        atomic_fetch_sub_explicit(&signals.queued, 1, memory_order_relaxed);
        kfree(entry);
    }
}

void signals_free_list(struct list *entries)
{
    for (struct list *node = entries->next, *next; node != entries; node = next) {
        next = node->next;
        signals_free(list_entry(node, struct signal_entry, link));
    }
    list_init(entries);
}

/* NULL: no memory, or too many. */
static struct signal_entry *new_entry(const struct siginfo *info)
{
    u64 limit = process_limit(RLIMIT_SIGPENDING).soft;
    struct signal_entry *entry;

    if (atomic_fetch_add_explicit(&signals.queued, 1, memory_order_relaxed) >= limit) {
        atomic_fetch_sub_explicit(&signals.queued, 1, memory_order_relaxed);
        return NULL;
    }
    entry = kzalloc(sizeof(*entry));
    if (entry == NULL) {
        atomic_fetch_sub_explicit(&signals.queued, 1, memory_order_relaxed);
        return NULL;
    }
    entry->info = *info;
    return entry;
}

/* ---- Who gets it; lock held ---------------------------------------------------------- */

bool signals_ignores(int signal)
{
    u64 handler = signals.action[signal - 1].handler;

    return handler == SIG_IGN ||
           (handler == SIG_DFL && (IGNORED_BY_DEFAULT & SIGNAL_BIT(signal)) != 0);
}

void signals_kick(struct thread *t)
{
    u32 cpu;

    /* The sender's fence: see the top of this file. */
    atomic_store_explicit(&t->app_work, 1, memory_order_seq_cst);
    if (t == thread_current() || sched_wake(t)) {
        return;
    }
    cpu = atomic_load_explicit(&t->cpu, memory_order_relaxed);
    if (cpu != cpu_id()) {
        cpu_send_ipi(1ull << cpu, IPI_RESCHED);
    }
}

void signals_recheck(struct thread *t)
{
    u64 pending = (t->signals.set | signals.shared.set) & ~t->blocked;
    bool other = atomic_load_explicit(&signals.ending, memory_order_relaxed) ||
                 atomic_load_explicit(&signals.stopped, memory_order_relaxed);

    atomic_store_explicit(&t->app_work, pending != 0 || t->restore_mask || other,
                          memory_order_relaxed);
}

/* Blocked, but perhaps for the time of a sigtimedwait(2). */
static bool waits_for(const struct thread *t, int signal)
{
    return ((t->blocked | t->really_blocked) & SIGNAL_BIT(signal)) != 0;
}

/* Does it do nothing, and does nobody wait for it? */
static bool is_dropped(const struct thread *t, int signal)
{
    if (!signals_ignores(signal)) {
        return false;
    }
    if (t != NULL) {
        return !waits_for(t, signal);
    }
    list_for_each (node, &signals.members) {
        if (waits_for(list_entry(node, struct thread, member), signal)) {
            return false;
        }
    }
    return true;
}

/* A thread that does not block the signal, best one that has nothing to do yet. */
static struct thread *choose_thread(int signal)
{
    struct thread *busy = NULL;

    list_for_each (node, &signals.members) {
        struct thread *t = list_entry(node, struct thread, member);

        if ((t->blocked & SIGNAL_BIT(signal)) != 0) {
            continue;
        }
        if (atomic_load_explicit(&t->app_work, memory_order_relaxed) == 0) {
            return t;
        }
        busy = busy == NULL ? t : busy;
    }
    return busy;
}

void signals_retarget(u64 set)
{
    for (u64 left = set & signals.shared.set; left != 0; left &= left - 1) {
        struct thread *t = choose_thread(__builtin_ctzll(left) + 1);

        if (t != NULL) {
            signals_kick(t);
        }
    }
}

/* Queues it and tells who is to look. */
static void post(struct thread *t, int signal, struct signal_entry *entry)
{
    signal_queue_add(t != NULL ? &t->signals : &signals.shared, signal, entry);
    if (t == NULL) {
        signals_retarget(SIGNAL_BIT(signal));
    } else if ((t->blocked & SIGNAL_BIT(signal)) == 0) {
        signals_kick(t);
    }
}

/* ---- Sending ------------------------------------------------------------------------- */

/* *entry becomes NULL if it was queued. */
static int send_locked(struct thread *t, int signal, bool must_queue, struct signal_entry **entry,
                       struct list *dropped)
{
    struct signal_queue *queue = t != NULL ? &t->signals : &signals.shared;

    if (t != NULL && !t->is_member) {
        return -ESRCH;
    }
    signals_before_send(signal, dropped);
    if (is_dropped(t, signal) || signal_queue_is_full(queue, signal)) {
        return 0;
    }
    if (*entry == NULL && must_queue) {
        return -EAGAIN;
    }
    post(t, signal, *entry);
    *entry = NULL;
    return 0;
}

static int send(struct thread *t, int signal, const struct siginfo *info)
{
    struct list dropped = LIST_INIT(dropped);
    struct signal_entry *entry;
    bool irq, must_queue;
    int err;

    if (signal < 0 || signal > SIGNALS) {
        return -EINVAL;
    }
    if (signal == 0) {
        return 0;
    }
    entry = info != NULL ? new_entry(info) : NULL;
    must_queue = info != NULL && signal >= SIGNAL_RT_FIRST && info->code != SI_USER;
    irq = spin_lock(&signals.lock);
    err = send_locked(t, signal, must_queue, &entry, &dropped);
    spin_unlock(&signals.lock, irq);
    signals_free(entry);
    signals_free_list(&dropped);
    if (err == 0) {
        poll_notify(&source, POLLIN);
    }
    return err;
}

int signal_send(int signal, const struct siginfo *info)
{
    return send(NULL, signal, info);
}

int signal_send_thread(struct thread *thread, int signal, const struct siginfo *info)
{
    return send(thread, signal, info);
}

/* They are told as an int. */
static void add_overruns(struct signal_entry *entry, u32 more)
{
    s32 *overrun = &entry->info.timer.overrun;

    *overrun = more > (u32)(INT32_MAX - *overrun) ? INT32_MAX : *overrun + (s32)more;
}

void signal_send_entry(struct thread *thread, int signal, struct signal_entry *entry, u32 overruns)
{
    bool irq = spin_lock(&signals.lock);
    struct list dropped = LIST_INIT(dropped);
    struct signal_entry *given = entry;
    int err = -EAGAIN;

    if (entry->queued) {
        add_overruns(entry, MIN(overruns, (u32)INT32_MAX - 1) + 1);
    } else {
        entry->info.timer.overrun = 0;
        add_overruns(entry, MIN(overruns, (u32)INT32_MAX));
        err = send_locked(thread, signal, true, &given, &dropped);
    }
    spin_unlock(&signals.lock, irq);
    signals_free_list(&dropped);
    if (err == 0) {
        poll_notify(&source, POLLIN);
    }
}

void signal_forget_entry(struct signal_entry *entry)
{
    bool irq = spin_lock(&signals.lock);

    signal_queue_forget(entry);
    spin_unlock(&signals.lock, irq);
}

void signal_force(int signal, const struct siginfo *info)
{
    struct thread *t = thread_current();
    /* No limit and no lack of memory takes away what a fault has to tell. */
    struct signal_entry *entry = t->fault.queued ? new_entry(info) : &t->fault;
    struct list dropped = LIST_INIT(dropped);
    u64 bit = SIGNAL_BIT(signal);
    bool irq = spin_lock(&signals.lock);

    if (entry == &t->fault) {
        *entry = (struct signal_entry){.owned = true, .info = *info};
    }
    if ((t->blocked & bit) != 0 || signals.action[signal - 1].handler == SIG_IGN) {
        signals.action[signal - 1] = (struct signal_action){.handler = SIG_DFL};
        t->blocked &= ~bit;
    }
    signal_queue_drop(&t->signals, bit, &dropped); /* this one tells more */
    signal_queue_add(&t->signals, signal, entry);
    signals_kick(t);
    spin_unlock(&signals.lock, irq);
    signals_free_list(&dropped);
}

/* ---- Masks ------------------------------------------------------------------------------ */

void signal_set_mask(u64 set)
{
    struct thread *t = thread_current();
    bool irq = spin_lock(&signals.lock);
    u64 newly = set & ~t->blocked;

    t->blocked = set & ~UNBLOCKABLE;
    signals_recheck(t);
    signals_retarget(newly);
    spin_unlock(&signals.lock, irq);
}

void signal_mask_swap(u64 set, u64 *old)
{
    *old = thread_current()->blocked;
    signal_set_mask(set);
}

void signal_mask_restore(u64 old, bool interrupted)
{
    struct thread *t = thread_current();

    if (!interrupted) {
        signal_set_mask(old);
        return;
    }
    t->saved_mask = old;
    t->restore_mask = true;
    atomic_store_explicit(&t->app_work, 1, memory_order_relaxed);
}

/* ---- Taking ----------------------------------------------------------------------------- */

int signal_take(u64 set, struct siginfo *info)
{
    struct thread *t = thread_current();
    struct signal_entry *entry;
    bool irq = spin_lock(&signals.lock);
    int signal = t->is_member ? signal_queue_take(&t->signals, set, info, &entry) : 0;

    if (signal == 0) {
        signal = signal_queue_take(&signals.shared, set, info, &entry);
    }
    if (t->is_member) {
        signals_recheck(t);
    }
    spin_unlock(&signals.lock, irq);
    signals_free(entry);
    return signal;
}

bool signal_pending_in(u64 set)
{
    struct thread *t = thread_current();
    bool irq = spin_lock(&signals.lock);
    u64 pending = signals.shared.set | (t->is_member ? t->signals.set : 0);

    spin_unlock(&signals.lock, irq);
    return (pending & set) != 0;
}

bool signal_is_caught(int signal)
{
    bool irq = spin_lock(&signals.lock);
    bool caught = signals.action[signal - 1].handler > SIG_IGN;

    spin_unlock(&signals.lock, irq);
    return caught;
}

void signal_summary(struct thread *thread, struct signal_summary *summary)
{
    bool irq = spin_lock(&signals.lock);

    *summary = (struct signal_summary){
        .thread_pending = thread->signals.set,
        .shared_pending = signals.shared.set,
        .blocked = thread->blocked,
    };
    for (int signal = 1; signal <= SIGNALS; signal++) {
        u64 handler = signals.action[signal - 1].handler;

        summary->ignored |= handler == SIG_IGN ? SIGNAL_BIT(signal) : 0;
        summary->caught |= handler > SIG_IGN ? SIGNAL_BIT(signal) : 0;
    }
    spin_unlock(&signals.lock, irq);
}
