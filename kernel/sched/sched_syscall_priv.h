/* SPDX-License-Identifier: MIT */
/* Between sched_syscall.c and sched_attr.c. */
#pragma once

#include <kernel/types.h>

struct thread;

/* A reference to the thread of that number, 0: the calling one.  NULL: none. */
struct thread *sched_thread_get(u64 pid);
/* 0, -EINVAL, -EPERM (a real-time policy). */
must_check s64 sched_policy_set(struct thread *t, int policy, s32 priority, int nice);
