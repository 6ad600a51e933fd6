/* SPDX-License-Identifier: MIT */
/*
 * sched_setattr(2), sched_getattr(2): policy and nice value in one structure.
 * What a thread may ask for is as with sched_setscheduler(2).
 */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#include "sched_syscall_priv.h"

#define FLAG_RESET_ON_FORK 1u
#define FLAG_KEEP_POLICY 8u
#define FLAG_KEEP_PARAMS 16u
#define FLAGS_ALL 0x7fu

struct sched_attr { /* its first version */
    u32 size, policy;
    u64 flags;
    s32 nice;
    u32 priority;
    u64 runtime, deadline, period;
};

static int read_attr(u64 from, struct sched_attr *attr)
{
    const u32 known = sizeof(*attr);
    u32 size;

    if (user_read_u32((const u32 *)from, &size) != 0) {
        return -EFAULT;
    }
    size = size == 0 ? known : size;
    if (size < known || size > PAGE_SIZE) {
        return user_write((void *)from, &known, sizeof(known)) != 0 ? -EFAULT : -E2BIG;
    }
    if (user_read(attr, (const void *)from, known) != 0) {
        return -EFAULT;
    }
    return (s32)attr->policy < 0 || (attr->flags & ~(u64)FLAGS_ALL) != 0 ? -EINVAL : 0;
}

s64 sys_sched_setattr(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct sched_attr attr;
    struct thread *t;
    s64 err;

    if (a1 == 0 || (int)a0 < 0 || a2 != 0) {
        return -EINVAL;
    }
    err = read_attr(a1, &attr);
    if (err != 0) {
        return err;
    }
    t = sched_thread_get(a0);
    if (t == NULL) {
        return -ESRCH;
    }
    if ((attr.flags & (FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS)) != 0) {
        attr.policy = (u32)t->policy_linux;
    }
    if ((attr.flags & FLAG_KEEP_PARAMS) != 0) {
        attr.nice = (s32)t->nice; /* NOLINT(bugprone-signed-char-misuse): a number, not a letter */
        attr.priority = 0;
    }
    err = sched_policy_set(t, (int)attr.policy, (s32)attr.priority, MAX(MIN(attr.nice, 19), -20));
    thread_put(t);
    return err;
}

s64 sys_sched_getattr(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct sched_attr attr = {.size = sizeof(attr)};
    struct thread *t;

    if (a1 == 0 || (int)a0 < 0 || (u32)a2 < sizeof(attr) || (u32)a2 > PAGE_SIZE || a3 != 0) {
        return -EINVAL;
    }
    t = sched_thread_get(a0);
    if (t == NULL) {
        return -ESRCH;
    }
    attr.policy = (u32)t->policy_linux;
    attr.nice = (s32)t->nice; /* NOLINT(bugprone-signed-char-misuse): a number, not a letter */
    thread_put(t);
    return user_write((void *)a1, &attr, sizeof(attr));
}
