/* SPDX-License-Identifier: MIT */
/*
 * Resource limits: kept and told as on Linux; those that a subsystem asks for
 * (process_limit()) are in force.  There is one user, root, who may raise
 * hard limits too, up to what the kernel can do.
 */
#include "process_priv.h"

#include <kernel/errno.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <stdatomic.h>

#define UNLIMITED (~0ull)
#define NOFILE_MAX (1ull << 20) /* Linux's fs.nr_open */

/* (a) each atomic by itself: who reads while it changes finds one or the other */
static struct {
    _Atomic u64 soft, hard; /* (a) */
} limits[RLIMIT_COUNT] = {
    [RLIMIT_CPU] = {UNLIMITED, UNLIMITED},
    [RLIMIT_FSIZE] = {UNLIMITED, UNLIMITED},
    [RLIMIT_DATA] = {UNLIMITED, UNLIMITED},
    [RLIMIT_STACK] = {8 * MIB, UNLIMITED},
    [RLIMIT_CORE] = {0, UNLIMITED},
    [RLIMIT_RSS] = {UNLIMITED, UNLIMITED},
    [RLIMIT_NPROC] = {UNLIMITED, UNLIMITED},
    [RLIMIT_NOFILE] = {1024, NOFILE_MAX},
    [RLIMIT_MEMLOCK] = {UNLIMITED, UNLIMITED},
    [RLIMIT_AS] = {UNLIMITED, UNLIMITED},
    [RLIMIT_LOCKS] = {UNLIMITED, UNLIMITED},
    [RLIMIT_SIGPENDING] = {32768, 32768},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {UNLIMITED, UNLIMITED},
};

struct rlimit process_limit(unsigned resource)
{
    return (struct rlimit){
        .soft = atomic_load_explicit(&limits[resource].soft, memory_order_relaxed),
        .hard = atomic_load_explicit(&limits[resource].hard, memory_order_relaxed),
    };
}

static int set(unsigned resource, const struct rlimit *limit)
{
    if (limit->soft > limit->hard) {
        return -EINVAL;
    }
    if (resource == RLIMIT_NOFILE && limit->hard > NOFILE_MAX) {
        return -EPERM;
    }
    atomic_store_explicit(&limits[resource].soft, limit->soft, memory_order_relaxed);
    atomic_store_explicit(&limits[resource].hard, limit->hard, memory_order_relaxed);
    if (resource == RLIMIT_CPU) {
        process_limit_cpu(limit->soft, limit->hard);
    }
    return 0;
}

/* The process, or one of its threads. */
static bool is_ours(int pid)
{
    struct thread *t;

    if (pid == 0 || pid == (int)PROCESS_ID) {
        return true;
    }
    t = pid > 0 ? thread_find((u32)pid) : NULL;
    if (t != NULL) {
        thread_put(t);
    }
    return t != NULL;
}

s64 sys_prlimit64(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    unsigned resource = (unsigned)a1;
    struct rlimit limit, old;

    if (resource >= RLIMIT_COUNT) {
        return -EINVAL;
    }
    if (a2 != 0 && user_read(&limit, (const void *)a2, sizeof(limit)) != 0) {
        return -EFAULT;
    }
    if (!is_ours((int)a0)) {
        return -ESRCH;
    }
    old = process_limit(resource);
    if (a2 != 0) {
        int err = set(resource, &limit);

        if (err != 0) {
            return err;
        }
    }
    return a3 != 0 ? user_write((void *)a3, &old, sizeof(old)) : 0;
}

s64 sys_getrlimit(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct rlimit limit;

    if ((unsigned)a0 >= RLIMIT_COUNT) {
        return -EINVAL;
    }
    limit = process_limit((unsigned)a0);
    return user_write((void *)a1, &limit, sizeof(limit));
}

s64 sys_setrlimit(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct rlimit limit;

    if (user_read(&limit, (const void *)a1, sizeof(limit)) != 0) {
        return -EFAULT;
    }
    return (unsigned)a0 < RLIMIT_COUNT ? set((unsigned)a0, &limit) : -EINVAL;
}
