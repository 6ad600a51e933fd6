/* SPDX-License-Identifier: MIT */
/*
 * The one process, from process_start() to process_wait(): its threads are
 * all application threads there are.  It has ended when the last of them has.
 *
 * To end all at once, `ending` is set and every thread told to look: each then
 * ends itself on its way back to the application, for nobody can know what
 * it holds inside the kernel.
 *
 * An image without a program (tests, benchmarks) has application threads too:
 * they get signals, clone and exit as those of a program do.
 */
#include "process_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/futex.h>
#include <kernel/kmalloc.h>
#include <kernel/role.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/trap.h>
#include <kernel/uaccess.h>

#include "signal_priv.h"

/* (s) lock of signals   (c) constant while it runs   (a) atomic */
static struct {
    _Atomic bool started;      /* (a) */
    struct wait_queue ended;   /* somebody waits for the end */
    int status;                /* (s) as wait(2) has it */
    char *path;                /* (c) */
    vaddr_t args[6];           /* (c) argv, its end, envp, its end, auxv, its end */
    vaddr_t brk;               /* (c) */
    struct process_usage dead; /* (s) of threads that have ended */
} process = {
    .ended = WAIT_QUEUE_INIT("process end", process.ended),
};

/* ---- Threads ----------------------------------------------------------------- */

void process_thread_begin(struct thread *thread)
{
    bool irq;

    if (thread->signals.entries.next == NULL) {
        signal_queue_init(&thread->signals);
    }
    irq = spin_lock(&signals.lock);
    list_push_back(&signals.members, &thread->member);
    thread->is_member = true;
    signals.member_count++;
    signals_recheck(thread);
    spin_unlock(&signals.lock, irq);
}

/* What has no lock to be asked for; it may still grow. */
static void add_usage(struct process_usage *usage, const struct thread *t)
{
    usage->system_time += t->system_time;
    usage->wait_time += t->wait_time;
    for (unsigned i = 0; i < 2; i++) {
        usage->chars[i] += t->chars[i];
        usage->calls[i] += t->calls[i];
    }
}

void process_thread_end(struct thread *thread, int status)
{
    struct list dropped = LIST_INIT(dropped);
    bool irq = spin_lock(&signals.lock), last;

    process.dead.run_time += thread_run_time(thread); /* but the moments that are left */
    add_usage(&process.dead, thread);
    process.dead.faults += thread->minor_faults;
    process.dead.switches[0] += thread->switches[0];
    process.dead.switches[1] += thread->switches[1];
    list_remove(&thread->member);
    thread->is_member = false;
    signal_queue_drop(&thread->signals, ~0ull, &dropped);
    atomic_store_explicit(&thread->app_work, 0, memory_order_relaxed);
    if (thread->tid == PROCESS_ID && !process_is_ending()) {
        process.status = (status & 0xff) << 8;
    }
    signals.member_count--;
    last = signals.member_count == 0;
    signals_retarget(signals.shared.set); /* what this thread was to handle */
    spin_unlock(&signals.lock, irq);
    signals_free_list(&dropped);
    if (last) {
        wait_wake_all(&process.ended);
    }
}

/* exit(2) and set_tid_address(2): what the library waits for. */
static void clear_tid(struct thread *t)
{
    const u32 zero = 0;
    u32 *addr = (u32 *)t->clear_tid;

    t->clear_tid = 0;
    if (addr != NULL && user_write(addr, &zero, sizeof(zero)) == 0) {
        (void)futex_wake(addr, 1, FUTEX_BITSET_MATCH_ANY);
    }
}

void process_thread_exit(int status)
{
    struct thread *t = thread_current();

    futex_exit_pi(t);
    futex_exit_robust(t);
    role_end(t); /* before others may know of the end */
    clear_tid(t);
    thread_exit(status);
}

bool process_is_ending(void)
{
    return atomic_load_explicit(&signals.ending, memory_order_relaxed);
}

bool process_is_started(void)
{
    return atomic_load_explicit(&process.started, memory_order_relaxed);
}

/* ---- The end ------------------------------------------------------------------- */

void process_exit(int status, int signal)
{
    bool irq = spin_lock(&signals.lock);

    if (!process_is_ending()) {
        process.status = signal != 0 ? signal : (status & 0xff) << 8;
        atomic_store_explicit(&signals.ending, true, memory_order_relaxed);
        list_for_each (node, &signals.members) {
            signals_kick(list_entry(node, struct thread, member));
        }
    }
    spin_unlock(&signals.lock, irq);
    process_thread_exit(status);
}

static bool is_over(void)
{
    bool irq = spin_lock(&signals.lock), over = signals.member_count == 0;

    spin_unlock(&signals.lock, irq);
    return over;
}

/* What the process was told in vain, and its handlers, are gone with it. */
static void forget(void)
{
    struct list dropped = LIST_INIT(dropped);
    bool irq = spin_lock(&signals.lock);

    signal_queue_drop(&signals.shared, ~0ull, &dropped);
    memset(signals.action, 0, sizeof(signals.action));
    atomic_store_explicit(&signals.ending, false, memory_order_relaxed);
    atomic_store_explicit(&signals.stopped, false, memory_order_relaxed);
    spin_unlock(&signals.lock, irq);
    signals_free_list(&dropped);
}

int process_wait(void)
{
    int status;

    wait_until(&process.ended, is_over());
    status = process.status;
    process_forget_timers();
    forget();
    atomic_store_explicit(&process.started, false, memory_order_relaxed);
    return status;
}

s64 sys_exit(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    process_thread_exit((int)a0);
}

s64 sys_exit_group(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    process_exit((int)a0, 0);
}

/* ---- The beginning --------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *name = path;

    for (const char *p = path; *p != '\0'; p++) {
        name = *p == '/' ? p + 1 : name;
    }
    return name;
}

int process_start(const struct process_start *start)
{
    struct exec_result program;
    struct trap_frame regs = {.rflags = RFLAGS_IF | 2};
    struct thread_attr attr = {
        .name = base_name(start->path),
        .class = SCHED_CLASS_FAIR,
        .detached = true,
        .tid = PROCESS_ID,
        .start = &regs,
    };
    int err = exec_load(start, &program);

    if (err != 0) {
        return err;
    }
    kfree(process.path);
    process.path = program.path;
    process.args[0] = program.argv;
    process.args[1] = program.argv_end;
    process.args[2] = program.envp;
    process.args[3] = program.envp_end;
    process.args[4] = program.auxv;
    process.args[5] = program.auxv_end;
    process.brk = program.brk;
    process.status = 0;
    process.dead = (struct process_usage){0};
    regs.rip = program.entry;
    regs.rsp = attr.app_stack = program.stack;
    regs.cs = TRAP_CS;
    regs.ss = TRAP_SS;
    atomic_store_explicit(&process.started, true, memory_order_relaxed);
    return thread_create(&attr, NULL);
}

void process_usage(struct process_usage *usage)
{
    bool irq = spin_lock(&signals.lock);

    *usage = process.dead;
    list_for_each (node, &signals.members) {
        struct thread *t = list_entry(node, struct thread, member);

        usage->run_time += thread_run_time(t);
        add_usage(usage, t);
        usage->faults += t->minor_faults;
        usage->switches[0] += t->switches[0];
        usage->switches[1] += t->switches[1];
    }
    spin_unlock(&signals.lock, irq);
}

nsec_t process_user_time(void)
{
    struct process_usage usage;

    process_usage(&usage);
    return usage.run_time - MIN(usage.system_time, usage.run_time);
}

nsec_t process_run_time(void)
{
    struct process_usage usage;

    process_usage(&usage);
    return usage.run_time;
}

u32 process_thread_count(void)
{
    bool irq = spin_lock(&signals.lock);
    u32 count = signals.member_count;

    spin_unlock(&signals.lock, irq);
    return count;
}

u64 process_resident(void)
{
    return aspace_resident();
}

vaddr_t process_brk_start(void)
{
    return process.brk;
}

const char *process_path(void)
{
    return process.path != NULL ? process.path : "";
}

void process_args(vaddr_t *argv, vaddr_t *argv_end, vaddr_t *envp, vaddr_t *envp_end)
{
    *argv = process.args[0];
    *argv_end = process.args[1];
    *envp = process.args[2];
    *envp_end = process.args[3];
}

void process_auxv(vaddr_t *auxv, vaddr_t *auxv_end)
{
    *auxv = process.args[4];
    *auxv_end = process.args[5];
}
