/* SPDX-License-Identifier: MIT */
/*
 * The system calls about scheduling: affinity, nice values, policies.
 *
 * SCHED_BATCH counts as SCHED_OTHER, SCHED_IDLE is the class below it.  A
 * real-time policy is refused with -EPERM, as Linux does where RLIMIT_RTPRIO
 * is 0 and no capability helps (containers): nothing may starve the rest.
 */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <kernel/futex.h>
#include <kernel/process.h>
#include <kernel/role.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#include "sched_syscall_priv.h"

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5 };
enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };
#define SCHED_RESET_ON_FORK 0x40000000u

SYSCALL(sched_yield)
{
    sched_yield();
    return 0;
}

SYSCALL(futex)
{
    return futex_syscall((u32 *)a0, (int)a1, (u32)a2, a3, (u32 *)a4, (u32)a5);
}

struct thread *sched_thread_get(u64 pid)
{
    if ((int)pid == 0) {
        thread_get(thread_current());
        return thread_current();
    }
    return (int)pid > 0 ? thread_find((u32)pid) : NULL;
}

/* ---- Affinity -------------------------------------------------------------------- */

static u64 online(void)
{
    unsigned count = cpu_count();

    return count < 64 ? (1ull << count) - 1 : ~0ull;
}

SYSCALL(sched_setaffinity)
{
    struct thread *t;
    u64 mask = 0;
    int err;

    if (user_read(&mask, (const void *)a2, MIN((u32)a1, sizeof(mask))) != 0) {
        return -EFAULT;
    }
    t = sched_thread_get(a0);
    if (t == NULL) {
        return -ESRCH;
    }
    err = thread_set_affinity(t, mask);
    thread_put(t);
    return err;
}

/* Like Linux's, it says how many bytes a set has. */
SYSCALL(sched_getaffinity)
{
    struct thread *t;
    u64 mask;

    if ((u32)a1 < sizeof(mask) || (u32)a1 % sizeof(mask) != 0) {
        return -EINVAL;
    }
    t = sched_thread_get(a0);
    if (t == NULL) {
        return -ESRCH;
    }
    mask = atomic_load_explicit(&t->affinity, memory_order_relaxed) & online();
    thread_put(t);
    return user_write((void *)a2, &mask, sizeof(mask)) != 0 ? -EFAULT : (s64)sizeof(mask);
}

SYSCALL(getcpu)
{
    u32 cpu = cpu_id(), node = 0;

    if (a0 != 0 && user_write((void *)a0, &cpu, sizeof(cpu)) != 0) {
        return -EFAULT;
    }
    return a1 != 0 ? user_write((void *)a1, &node, sizeof(node)) : 0;
}

/* ---- Nice values ------------------------------------------------------------------- */

/* All threads are the one process's, but priorities are each thread's own, as on Linux. */
static struct thread *get_which(u64 which, u64 who, int *err)
{
    struct thread *t;

    *err = (u32)which > PRIO_USER ? -EINVAL : -ESRCH;
    if ((u32)which > PRIO_USER) {
        return NULL;
    }
    if ((u32)which == PRIO_USER && (int)who == 0) {
        return sched_thread_get(0);
    }
    t = sched_thread_get(who);
    return t;
}

SYSCALL(getpriority)
{
    int err, nice;
    struct thread *t = get_which(a0, a1, &err);

    if (t == NULL) {
        return err;
    }
    nice = (int)t->nice; /* NOLINT(bugprone-signed-char-misuse): a number, not a letter */
    thread_put(t);
    return 20 - nice;
}

SYSCALL(setpriority)
{
    int err, nice = MAX(MIN((int)a2, 19), -20);
    struct thread *t = get_which(a0, a1, &err);

    if (t == NULL) {
        return err;
    }
    err = thread_set_class(t, t->class, nice);
    thread_put(t);
    return err;
}

/* ---- Policies ------------------------------------------------------------------------ */

static s64 check_policy(int policy, s32 priority)
{
    switch (policy) {
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR:
        return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
    default:
        return -EINVAL;
    }
}

s64 sched_policy_set(struct thread *t, int policy, s32 priority, int nice)
{
    s64 err = check_policy(policy, priority);

    if (err == 0) {
        t->policy_linux = (u64)policy;
        err = thread_set_class(
            t, role_class(t, policy == SCHED_IDLE ? SCHED_CLASS_IDLE : SCHED_CLASS_FAIR), nice);
    }
    return err;
}

static s64 set_policy(u64 pid, int policy, u64 param, bool keep)
{
    struct thread *t;
    s32 priority;
    s64 err;

    if (param == 0 || (int)pid < 0) {
        return -EINVAL;
    }
    if (user_read(&priority, (const void *)param, sizeof(priority)) != 0) {
        return -EFAULT;
    }
    t = sched_thread_get(pid);
    if (t == NULL) {
        return -ESRCH;
    }
    if (keep) {
        policy = (int)t->policy_linux;
    }
    err = sched_policy_set(t, policy, priority, t->nice);
    thread_put(t);
    return err;
}

SYSCALL(sched_setscheduler)
{
    if ((int)a1 < 0) {
        return -EINVAL;
    }
    return set_policy(a0, (int)((u32)a1 & ~SCHED_RESET_ON_FORK), a2, false);
}

SYSCALL(sched_setparam)
{
    return set_policy(a0, 0, a1, true);
}

SYSCALL(sched_getscheduler)
{
    struct thread *t = (int)a0 >= 0 ? sched_thread_get(a0) : NULL;
    s64 policy;

    if (t == NULL) {
        return (int)a0 < 0 ? -EINVAL : -ESRCH;
    }
    policy = (s64)t->policy_linux;
    thread_put(t);
    return policy;
}

SYSCALL(sched_getparam)
{
    const s32 priority = 0;
    struct thread *t = (int)a0 >= 0 && a1 != 0 ? sched_thread_get(a0) : NULL;

    if (t == NULL) {
        return (int)a0 < 0 || a1 == 0 ? -EINVAL : -ESRCH;
    }
    thread_put(t);
    return user_write((void *)a1, &priority, sizeof(priority));
}

static s64 priority_limit(int policy, s64 real_time)
{
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return real_time;
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return 0;
    default:
        return -EINVAL;
    }
}

SYSCALL(sched_get_priority_max)
{
    return priority_limit((int)a0, 99);
}

SYSCALL(sched_get_priority_min)
{
    return priority_limit((int)a0, 1);
}

SYSCALL(sched_rr_get_interval)
{
    const struct timespec slice = {0, 4 * NSEC_PER_MSEC};
    struct thread *t = (int)a0 >= 0 ? sched_thread_get(a0) : NULL;

    if (t == NULL) {
        return (int)a0 < 0 ? -EINVAL : -ESRCH;
    }
    thread_put(t);
    return user_write((void *)a1, &slice, sizeof(slice));
}

/* ---- I/O priorities: kept by nobody, best effort ------------------------------------------ */

SYSCALL(ioprio_get)
{
    return (int)a0 >= 1 && (int)a0 <= 3 ? 0 : -EINVAL;
}

SYSCALL(ioprio_set)
{
    return (int)a0 >= 1 && (int)a0 <= 3 && (u32)a2 >> 13 <= 3 ? 0 : -EINVAL;
}
