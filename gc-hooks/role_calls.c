/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the scheduling of a collector's threads, as
 * gc-hooks/include/moka/role.h says: arguments are checked here, the work is
 * the scheduler's.
 */
#include <kernel/errno.h>
#include <kernel/role.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

#define MOKA_KERNEL
#include <moka/role.h>

_Static_assert(MOKA_ROLE_NONE == (int)ROLE_NONE && MOKA_ROLE_MUTATOR == (int)ROLE_MUTATOR &&
                   MOKA_ROLE_COMPILER == (int)ROLE_COMPILER &&
                   MOKA_ROLE_GC_CONCURRENT == (int)ROLE_GC_CONCURRENT &&
                   MOKA_ROLE_GC_PAUSE == (int)ROLE_GC_PAUSE && MOKA_ROLE_VM == (int)ROLE_VM &&
                   MOKA_ROLES == (int)ROLES,
               "a role goes on as it is");
_Static_assert(MOKA_PAUSE_REACHING == (int)PAUSE_REACHING &&
                   MOKA_PAUSE_STOPPED == (int)PAUSE_STOPPED,
               "a phase goes on as it is");

/* A reference to the thread of that number, 0: the calling one.  NULL: none. */
static struct thread *get_thread(int tid)
{
    if (tid == 0) {
        thread_get(thread_current());
        return thread_current();
    }
    return tid > 0 ? thread_find((u32)tid) : NULL;
}

s64 sys_moka_role_set(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int role = (int)a1;
    struct thread *t;

    if (role < MOKA_ROLE_BY_NAME || role >= MOKA_ROLES) {
        return -EINVAL;
    }
    t = get_thread((int)a0);
    if (t == NULL) {
        return -ESRCH;
    }
    role_set(t, role == MOKA_ROLE_BY_NAME ? ROLE_UNNAMED : (enum role)role);
    thread_put(t);
    return 0;
}

s64 sys_moka_role_get(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct thread *t = get_thread((int)a0);
    s64 role;

    if (t == NULL) {
        return -ESRCH;
    }
    role = role_get(t);
    thread_put(t);
    return role;
}

s64 sys_moka_role_by_name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int on = (int)a0;

    return on < -1 || on > 1 ? -EINVAL : role_by_name(on);
}

s64 sys_moka_role_pause_begin(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int phase = (int)a0;

    if (phase != MOKA_PAUSE_REACHING && phase != MOKA_PAUSE_STOPPED) {
        return -EINVAL;
    }
    return role_pause_begin((enum pause)phase);
}

s64 sys_moka_role_pause_end(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return role_pause_end();
}

s64 sys_moka_role_times(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct role_times now[ROLES];
    struct moka_role_times out[ROLES];
    u32 count = MIN((u32)a1, (u32)ROLES);

    role_get_times(now);
    for (unsigned i = 0; i < ROLES; i++) {
        out[i] = (struct moka_role_times){now[i].threads, now[i].running, now[i].waiting};
    }
    return user_write((void *)a0, out, count * sizeof(out[0])) != 0 ? -EFAULT : ROLES;
}
