/* SPDX-License-Identifier: MIT */
/*
 * The system calls about signals.  There is one process, PROCESS_ID: kill(2)
 * reaches it by that number, by 0, by its group and by -1.
 */
#include "signal_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#define SIGSET_SIZE sizeof(u64)
#define MINSIGSTKSZ 2048u

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

/* ---- Actions ------------------------------------------------------------------- */

/* What is pending and would now be ignored is forgotten: sigaction(2) by POSIX. */
static void drop_ignored(int signal, struct list *dropped)
{
    u64 bit = SIGNAL_BIT(signal);

    signal_queue_drop(&signals.shared, bit, dropped);
    list_for_each (node, &signals.members) {
        signal_queue_drop(&list_entry(node, struct thread, member)->signals, bit, dropped);
    }
}

s64 sys_rt_sigaction(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct list dropped = LIST_INIT(dropped);
    struct signal_action action, old;
    int signal = (int)a0;
    bool irq;

    if (a3 != SIGSET_SIZE || signal < 1 || signal > SIGNALS ||
        (a1 != 0 && (signal == SIGKILL || signal == SIGSTOP))) {
        return -EINVAL;
    }
    if (a1 != 0 && user_read(&action, (const void *)a1, sizeof(action)) != 0) {
        return -EFAULT;
    }
    irq = spin_lock(&signals.lock);
    old = signals.action[signal - 1];
    if (a1 != 0) {
        action.mask &= ~UNBLOCKABLE;
        signals.action[signal - 1] = action;
        if (signals_ignores(signal)) {
            drop_ignored(signal, &dropped);
        }
    }
    spin_unlock(&signals.lock, irq);
    signals_free_list(&dropped);
    return a2 != 0 ? user_write((void *)a2, &old, sizeof(old)) : 0;
}

/* ---- Masks ---------------------------------------------------------------------- */

s64 sys_rt_sigprocmask(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 old = thread_current()->blocked, set;

    if (a3 != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (a1 != 0) {
        if (user_read(&set, (const void *)a1, sizeof(set)) != 0) {
            return -EFAULT;
        }
        switch ((int)a0) {
        case SIG_BLOCK:
            set |= old;
            break;
        case SIG_UNBLOCK:
            set = old & ~set;
            break;
        case SIG_SETMASK:
            break;
        default:
            return -EINVAL;
        }
        signal_set_mask(set);
    }
    return a2 != 0 ? user_write((void *)a2, &old, sizeof(old)) : 0;
}

s64 sys_rt_sigpending(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct thread *t = thread_current();
    u64 set;
    bool irq;

    if (a1 > SIGSET_SIZE) {
        return -EINVAL;
    }
    irq = spin_lock(&signals.lock);
    set = (signals.shared.set | t->signals.set) & t->blocked;
    spin_unlock(&signals.lock, irq);
    return user_write((void *)a0, &set, a1);
}

/* ---- Waiting ---------------------------------------------------------------------- */

/* Until a signal is there, or the deadline. */
static int sleep_for_signal(nsec_t deadline)
{
    for (;;) {
        sched_prepare_sleep();
        if (signal_pending()) {
            sched_cancel_sleep();
            return 0;
        }
        if (sched_sleep(deadline) != 0) {
            return -ETIMEDOUT;
        }
    }
}

s64 sys_pause(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    (void)sleep_for_signal(SCHED_NEVER);
    return -ERESTARTNOHAND;
}

s64 sys_rt_sigsuspend(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 set, old;

    if (a1 != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (user_read(&set, (const void *)a0, sizeof(set)) != 0) {
        return -EFAULT;
    }
    signal_mask_swap(set, &old);
    (void)sleep_for_signal(SCHED_NEVER);
    signal_mask_restore(old, true);
    return -ERESTARTNOHAND;
}

/* What was blocked stays so for those who send what is ignored: it is not dropped. */
static void set_really_blocked(u64 set)
{
    bool irq = spin_lock(&signals.lock);

    thread_current()->really_blocked = set;
    spin_unlock(&signals.lock, irq);
}

s64 sys_rt_sigtimedwait(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info;
    nsec_t deadline;
    u64 set, old;
    int signal, err;

    if (a3 != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (user_read(&set, (const void *)a0, sizeof(set)) != 0) {
        return -EFAULT;
    }
    err = timespec_read_deadline(a2, &deadline);
    if (err != 0) {
        return err;
    }
    set &= ~UNBLOCKABLE;
    signal = signal_take(set, &info);
    if (signal == 0) {
        /* What is waited for wakes this thread as if it were not blocked. */
        set_really_blocked(thread_current()->blocked);
        signal_mask_swap(thread_current()->blocked & ~set, &old);
        err = sleep_for_signal(deadline);
        signal = signal_take(set, &info);
        signal_set_mask(old);
        set_really_blocked(0);
    }
    if (signal == 0) {
        return err != 0 ? -EAGAIN : -EINTR;
    }
    if (a1 != 0 && user_write((void *)a1, &info, sizeof(info)) != 0) {
        return -EFAULT;
    }
    return signal;
}

/* ---- Sending ----------------------------------------------------------------------- */

static struct siginfo from_us(int signal, s32 code)
{
    return (struct siginfo){
        .signo = signal,
        .code = code,
        .sent.pid = PROCESS_ID,
    };
}

s64 sys_kill(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info = from_us((int)a1, SI_USER);
    int pid = (int)a0;

    if ((int)a1 < 0 || (int)a1 > SIGNALS) {
        return -EINVAL;
    }
    if (pid != 0 && pid != (int)PROCESS_ID && pid != -(int)PROCESS_ID && pid != -1) {
        struct thread *t = pid > 0 ? thread_find((u32)pid) : NULL;

        if (t == NULL) {
            return -ESRCH;
        }
        thread_put(t); /* kill(2) takes a thread's number for its process's */
    }
    return signal_send((int)a1, &info);
}

static s64 send_to(int tgid, int tid, int signal, const struct siginfo *info)
{
    struct thread *t;
    int err;

    if (tid <= 0 || (tgid != 0 && tgid < 0) || signal < 0 || signal > SIGNALS) {
        return -EINVAL;
    }
    t = thread_find((u32)tid);
    if (t == NULL || (tgid != 0 && tgid != (int)PROCESS_ID)) {
        if (t != NULL) {
            thread_put(t);
        }
        return -ESRCH;
    }
    err = signal_send_thread(t, signal, info);
    thread_put(t);
    return err;
}

s64 sys_tkill(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info = from_us((int)a1, SI_TKILL);

    return send_to(0, (int)a0, (int)a1, &info);
}

s64 sys_tgkill(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info = from_us((int)a2, SI_TKILL);

    return (int)a0 <= 0 ? -EINVAL : send_to((int)a0, (int)a1, (int)a2, &info);
}

static int read_info(struct siginfo *info, u64 pointer, int signal)
{
    if (user_read(info, (const void *)pointer, sizeof(*info)) != 0) {
        return -EFAULT;
    }
    info->signo = signal;
    return 0;
}

/* To others, nobody may pretend to be kill(2) or the kernel. */
static int check_code(const struct siginfo *info, int pid)
{
    return (info->code >= 0 || info->code == SI_TKILL) && pid != (int)PROCESS_ID ? -EPERM : 0;
}

s64 sys_rt_sigqueueinfo(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info;
    int err = read_info(&info, a2, (int)a1);

    if (err == 0) {
        err = check_code(&info, (int)a0);
    }
    if (err != 0) {
        return err;
    }
    return (int)a0 == (int)PROCESS_ID ? signal_send((int)a1, &info) : -ESRCH;
}

s64 sys_rt_tgsigqueueinfo(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct siginfo info;
    int err;

    if ((int)a0 <= 0 || (int)a1 <= 0) {
        return -EINVAL;
    }
    err = read_info(&info, a3, (int)a2);
    if (err == 0) {
        err = check_code(&info, (int)a0);
    }
    return err != 0 ? err : send_to((int)a0, (int)a1, (int)a2, &info);
}

/* ---- The alternate stack --------------------------------------------------------------- */

static bool is_on_stack(const struct thread *t, u64 sp)
{
    return (t->alt_flags & SS_AUTODISARM) == 0 && sp > t->alt_sp && sp - t->alt_sp <= t->alt_size;
}

struct signal_stack signal_get_stack(u64 sp)
{
    const struct thread *t = thread_current();
    struct signal_stack stack = {t->alt_sp, t->alt_flags, 0, t->alt_size};

    if (t->alt_size == 0) {
        stack.flags |= SS_DISABLE;
    } else if (is_on_stack(t, sp)) {
        stack.flags |= SS_ONSTACK;
    }
    return stack;
}

int signal_set_stack(const struct signal_stack *stack, u64 sp)
{
    struct thread *t = thread_current();
    u32 mode = stack->flags & ~SS_AUTODISARM;

    if (t->alt_size != 0 && is_on_stack(t, sp)) {
        return -EPERM;
    }
    if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE) {
        return -EINVAL;
    }
    if (mode == SS_DISABLE) {
        t->alt_sp = t->alt_size = 0;
        t->alt_flags = stack->flags & SS_AUTODISARM;
        return 0;
    }
    if (stack->size < MINSIGSTKSZ) {
        return -ENOMEM;
    }
    t->alt_sp = stack->sp;
    t->alt_size = stack->size;
    t->alt_flags = stack->flags & SS_AUTODISARM;
    return 0;
}

s64 sys_sigaltstack(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct signal_stack stack, old;
    struct trap_frame regs;
    int err = 0;

    trap_syscall_registers(&regs);
    if (a0 != 0 && user_read(&stack, (const void *)a0, sizeof(stack)) != 0) {
        return -EFAULT;
    }
    old = signal_get_stack(regs.rsp);
    if (a0 != 0) {
        err = signal_set_stack(&stack, regs.rsp);
    }
    if (err == 0 && a1 != 0) {
        err = user_write((void *)a1, &old, sizeof(old));
    }
    return err;
}

/* What a call that was to be restarted otherwise would go on by: there is none. */
s64 sys_restart_syscall(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return -EINTR;
}
