/* SPDX-License-Identifier: MIT */
/*
 * The futex system call: operation numbers, time-outs and counts as Linux
 * has them, turned into the calls of kernel/futex.h.
 *
 * FUTEX_WAIT has a relative time-out, FUTEX_WAIT_BITSET an absolute one, on
 * the monotonic clock or (FUTEX_CLOCK_REALTIME) the wall clock.  Linux wakes
 * one waiter when asked for zero or less; so does this.
 */
#include <kernel/futex.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/role.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/timespec.h>
#include <kernel/uaccess.h>

enum futex_op {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI = 12,
    FUTEX_LOCK_PI2 = 13,
};

#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define WAKE_ALL 0x7fffffffu

/* The deadline in clock_now() time: 0, -EFAULT, -EINVAL. */
static int read_deadline(u64 pointer, bool absolute, bool wall, nsec_t *deadline)
{
    nsec_t when, base, now;
    int err;

    *deadline = SCHED_NEVER;
    if (pointer == 0) {
        return 0;
    }
    err = timespec_read(pointer, &when);
    if (err != 0) {
        return err;
    }
    base = clock_now();
    if (!absolute) {
        *deadline = base + when;
    } else {
        now = wall ? clock_wall() : base;
        *deadline = when > now ? base + (when - now) : 0;
    }
    return 0;
}

/* Who conducts pauses waits with a deadline for something to do, for its helpers without. */
static int futex_wait_told(u32 *addr, u32 value, nsec_t deadline, u32 bitset)
{
    bool idle = deadline != SCHED_NEVER && role_conducts();
    int err;

    if (idle) {
        role_pause_over();
    }
    err = futex_wait(addr, value, deadline, bitset);
    if (idle) {
        role_at_work();
    }
    return err;
}

static s64 wait(u32 *addr, u32 value, u64 timeout, int op, u32 bitset)
{
    bool absolute = (op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) == FUTEX_WAIT_BITSET;
    struct thread *self = thread_current();
    nsec_t deadline;
    int err = read_deadline(timeout, absolute, (op & FUTEX_CLOCK_REALTIME) != 0, &deadline);

    if (err == 0 && self->restart_deadline != 0) {
        deadline = self->restart_deadline; /* woken without a handler: the same wait goes on */
        self->restart_deadline = 0;
    }
    if (err == 0) {
        err = futex_wait_told(addr, value, deadline, bitset);
    }
    if (err == -EINTR && timeout != 0 && !absolute) {
        self->restart_deadline = deadline;
    }
    /* With a deadline it is not started again behind a handler: futex(2). */
    return err != -EINTR ? err : timeout == 0 ? -ERESTARTSYS : -ERESTARTNOHAND;
}

/* FUTEX_LOCK_PI always has the wall clock. */
static s64 lock_pi(u32 *addr, u64 timeout, bool wall)
{
    nsec_t deadline;
    int err = read_deadline(timeout, true, wall, &deadline);

    if (err == 0) {
        err = futex_lock_pi(addr, deadline, false);
    }
    return err == -EINTR ? -ERESTARTNOINTR : err;
}

static s64 wait_requeue_pi(u32 *addr, u32 value, u64 timeout, int op, u32 *lock)
{
    nsec_t deadline;
    int err = read_deadline(timeout, true, (op & FUTEX_CLOCK_REALTIME) != 0, &deadline);

    if (err == 0) {
        err = futex_wait_requeue_pi(addr, value, deadline, FUTEX_BITSET_MATCH_ANY, lock);
    }
    return err == -EINTR ? -ERESTARTNOINTR : err;
}

/* A HotSpot's pause is over when its VM thread has woken all the mutators, at once. */
static s64 wake(u32 *addr, u32 count, u32 bitset)
{
    s64 woken = futex_wake(addr, count, bitset);

    if (count == WAKE_ALL && role_conducts()) {
        role_pause_over();
    }
    return woken;
}

static u32 wake_count(u32 value)
{
    return (s32)value > 0 ? value : 1;
}

static s64 requeue(u32 *addr, u32 *to, u32 wake, u64 move, bool check, u32 value)
{
    if ((s32)wake < 0 || (s32)move < 0) {
        return -EINVAL;
    }
    return futex_requeue(addr, to, wake, (u32)move, check, value);
}

static s64 cmp_requeue_pi(u32 *addr, u32 *lock, u32 wake, u64 move, u32 value)
{
    return wake != 1 || (s32)move < 0 ? -EINVAL
                                      : futex_cmp_requeue_pi(addr, lock, (u32)move, value);
}

/* A shared futex is looked up by its page, which has to be there even if nobody reads it. */
static bool can_be_shared(int command, const u32 *addr, const u32 *addr2)
{
    const u32 *looked_up = command == FUTEX_WAKE                                      ? addr
                           : command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE ? addr2
                                                                                      : NULL;
    u32 value;

    return looked_up == NULL || ((u64)looked_up & 3) != 0 || user_read_u32(looked_up, &value) == 0;
}

s64 futex_syscall(u32 *addr, int op, u32 value, u64 timeout_or_count, u32 *addr2, u32 value3)
{
    int command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

    if ((op & FUTEX_CLOCK_REALTIME) != 0 && command != FUTEX_WAIT_BITSET &&
        command != FUTEX_WAIT_REQUEUE_PI && command != FUTEX_LOCK_PI2) {
        return -ENOSYS;
    }
    if ((op & FUTEX_PRIVATE_FLAG) == 0 && !can_be_shared(command, addr, addr2)) {
        return -EFAULT;
    }
    switch (command) {
    case FUTEX_WAIT:
        return wait(addr, value, timeout_or_count, op, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return wait(addr, value, timeout_or_count, op, value3);
    case FUTEX_WAKE:
        return wake(addr, wake_count(value), FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return wake(addr, wake_count(value), value3);
    case FUTEX_REQUEUE:
        return requeue(addr, addr2, value, timeout_or_count, false, 0);
    case FUTEX_CMP_REQUEUE:
        return requeue(addr, addr2, value, timeout_or_count, true, value3);
    case FUTEX_WAIT_REQUEUE_PI:
        return wait_requeue_pi(addr, value, timeout_or_count, op, addr2);
    case FUTEX_CMP_REQUEUE_PI:
        return cmp_requeue_pi(addr, addr2, value, timeout_or_count, value3);
    case FUTEX_LOCK_PI:
        return lock_pi(addr, timeout_or_count, true);
    case FUTEX_LOCK_PI2:
        return lock_pi(addr, timeout_or_count, (op & FUTEX_CLOCK_REALTIME) != 0);
    case FUTEX_TRYLOCK_PI:
        return futex_lock_pi(addr, SCHED_NEVER, true);
    case FUTEX_UNLOCK_PI:
        return futex_unlock_pi(addr);
    case FUTEX_WAKE_OP:
        return futex_wake_op(addr, addr2, wake_count(value), wake_count((u32)timeout_or_count),
                             value3);
    default:
        return -ENOSYS;
    }
}
