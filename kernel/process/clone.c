/* SPDX-License-Identifier: MIT */
/*
 * clone(2) as libraries use it to make threads.  What shares less than all
 * with its parent would be another process: -ENOSYS, and fork(2) likewise.
 *
 * The child goes on where the parent does, with the parent's registers but
 * rax = 0 and the stack given.  After a call by function call that is the
 * call's return address, which the parent's stack has and the child's not.
 */
#include "process_priv.h"

#include <kernel/errno.h>
#include <kernel/signal.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/trap.h>
#include <kernel/uaccess.h>

#define CLONE_VM 0x100ull
#define CLONE_FS 0x200ull
#define CLONE_FILES 0x400ull
#define CLONE_SIGHAND 0x800ull
#define CLONE_THREAD 0x10000ull
#define CLONE_SYSVSEM 0x40000ull
#define CLONE_SETTLS 0x80000ull
#define CLONE_PARENT_SETTID 0x100000ull
#define CLONE_CHILD_CLEARTID 0x200000ull
#define CLONE_DETACHED 0x400000ull
#define CLONE_CHILD_SETTID 0x1000000ull
#define CLONE_IO 0x80000000ull
#define CLONE_SHARED (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_KNOWN \
    (CLONE_SHARED | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
     CLONE_DETACHED | CLONE_CHILD_SETTID | CLONE_IO)
#define CLONE_SIGNAL 0xffull

/* Of clone3(2), as far as it is needed. */
struct clone_args {
    u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};
#define CLONE_ARGS_MAX PAGE_SIZE

struct child {
    const struct clone_args *args;
    u32 tid;
};

/* In the parent; the child cannot run yet. */
static void prepare(struct thread *t, void *arg)
{
    const struct thread *self = thread_current();
    struct child *child = arg;
    const struct clone_args *args = child->args;

    child->tid = t->tid;
    t->blocked = self->blocked;
    t->timer_slack = self->timer_slack;
    t->policy_linux = self->policy_linux;
    if ((args->flags & CLONE_CHILD_CLEARTID) != 0) {
        t->clear_tid = args->child_tid;
    }
    /* A bad address is the caller's loss, as on Linux. */
    if ((args->flags & CLONE_PARENT_SETTID) != 0) {
        (void)!user_write((void *)args->parent_tid, &t->tid, sizeof(t->tid));
    }
    if ((args->flags & CLONE_CHILD_SETTID) != 0) {
        (void)!user_write((void *)args->child_tid, &t->tid, sizeof(t->tid));
    }
}

static int check(const struct clone_args *args)
{
    u64 flags = args->flags;

    if ((flags & CLONE_SHARED) != CLONE_SHARED) {
        bool invalid = ((flags & CLONE_THREAD) != 0 && (flags & CLONE_SIGHAND) == 0) ||
                       ((flags & CLONE_SIGHAND) != 0 && (flags & CLONE_VM) == 0);

        return invalid ? -EINVAL : -ENOSYS;
    }
    if ((flags & ~CLONE_KNOWN) != 0) {
        return -EINVAL;
    }
    if ((flags & CLONE_SETTLS) != 0 && args->tls >= ADDRESS_LIMIT) {
        return -EPERM;
    }
    return 0;
}

/* The registers that the child begins with. */
static int child_registers(struct trap_frame *regs, const struct kept_registers *kept, u64 stack)
{
    trap_syscall_registers(regs);
    if (regs->vector == TRAP_SYSCALL_CALL) {
        if (user_read(&regs->rip, (const void *)regs->rsp, sizeof(regs->rip)) != 0) {
            return -EFAULT;
        }
        regs->rsp += sizeof(regs->rip);
        regs->rbx = kept->rbx;
        regs->r12 = kept->r12;
        regs->r13 = kept->r13;
        regs->r14 = kept->r14;
        regs->r15 = kept->r15;
    }
    regs->vector = 0;
    regs->rax = 0;
    if (stack != 0) {
        regs->rsp = stack;
    }
    return 0;
}

static s64 make_thread(const struct clone_args *args, const struct kept_registers *kept, u64 stack)
{
    struct thread *self = thread_current();
    struct child child = {.args = args};
    struct trap_frame regs;
    struct thread_attr attr = {
        .name = self->name,
        .fs_base = (args->flags & CLONE_SETTLS) != 0 ? args->tls : thread_fs_base(),
        .affinity = atomic_load_explicit(&self->affinity, memory_order_relaxed),
        .class = self->class == SCHED_CLASS_IDLE ? SCHED_CLASS_IDLE : SCHED_CLASS_FAIR,
        .nice = self->nice,
        .detached = true,
        .on_fault = self->on_fault,
        .start = &regs,
        .prepare = prepare,
        .prepare_arg = &child,
    };
    int err = check(args);

    if (err == 0) {
        err = child_registers(&regs, kept, stack);
    }
    if (err != 0) {
        return err;
    }
    attr.app_stack = MAX(regs.rsp, 1);
    err = thread_create(&attr, NULL);
    return err != 0 ? err : (s64)child.tid;
}

s64 process_clone(u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls,
                  const struct kept_registers *kept)
{
    const struct clone_args args = {
        .flags = flags & ~CLONE_SIGNAL,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .tls = tls,
    };

    return make_thread(&args, kept, stack);
}

s64 process_clone3(u64 a0, u64 size, u64 a2, u64 a3, u64 a4, const struct kept_registers *kept)
{
    struct clone_args args;

    if (size < sizeof(args)) {
        return -EINVAL;
    }
    if (size > CLONE_ARGS_MAX) {
        return -E2BIG;
    }
    if (user_read(&args, (const void *)a0, sizeof(args)) != 0) {
        return -EFAULT;
    }
    for (u64 at = sizeof(args); at < size; at++) {
        u8 byte;

        if (user_read(&byte, (const u8 *)a0 + at, 1) != 0) {
            return -EFAULT;
        }
        if (byte != 0) {
            return -E2BIG;
        }
    }
    if ((args.flags & CLONE_SIGNAL) != 0 || (args.flags & CLONE_DETACHED) != 0 ||
        ((args.flags & CLONE_THREAD) != 0 && args.exit_signal != 0) ||
        (args.stack == 0) != (args.stack_size == 0)) {
        return -EINVAL;
    }
    return make_thread(&args, kept, args.stack + args.stack_size);
}

s64 sys_set_tid_address(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    thread_current()->clear_tid = a0;
    return thread_current()->tid;
}

s64 sys_gettid(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return thread_current()->tid;
}

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

/* GS is the kernel's own: there is nothing that an application could have there. */
s64 sys_arch_prctl(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 value = 0;

    switch ((int)a0) {
    case ARCH_SET_FS:
        if (a1 >= ADDRESS_LIMIT) {
            return -EPERM;
        }
        thread_set_fs_base(a1);
        return 0;
    case ARCH_GET_FS:
        value = thread_fs_base();
        return user_write((void *)a1, &value, sizeof(value));
    case ARCH_GET_GS:
        return user_write((void *)a1, &value, sizeof(value));
    case ARCH_SET_GS:
        return a1 >= ADDRESS_LIMIT ? -EPERM : -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}
