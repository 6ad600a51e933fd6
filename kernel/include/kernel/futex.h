/* SPDX-License-Identifier: MIT */
/*
 * Futexes with Linux's semantics (futex(2)); one address space, so the
 * private and the shared kind of anonymous memory are the same.
 * Thread context; addresses are the application's and may fault: -EFAULT.
 * An address that is not a multiple of 4: -EINVAL.
 */
#pragma once

#include <kernel/types.h>

#define FUTEX_BITSET_MATCH_ANY 0xffffffffu
/* What the library and the kernel know of a lock with an owner. */
#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS 0x80000000u

/* 0 woken, -EAGAIN value differs, -ETIMEDOUT, -EINTR, -EINVAL bitset 0. */
int futex_wait(u32 *addr, u32 value, nsec_t deadline, u32 bitset);
/* How many were woken, at most `count`, or an error. */
int futex_wake(u32 *addr, u32 count, u32 bitset);
/*
 * Wakes up to `wake`, moves up to `move` to `to`; *addr must be `value` if
 * check, else -EAGAIN.  Returns woken + moved with check, else woken... as
 * FUTEX_CMP_REQUEUE and FUTEX_REQUEUE do.
 */
int futex_requeue(u32 *addr, u32 *to, u32 wake, u32 move, bool check, u32 value);
/* FUTEX_WAKE_OP; `op` encoded as in futex(2). */
int futex_wake_op(u32 *addr, u32 *addr2, u32 wake, u32 wake2, u32 op);

/*
 * A lock whose word is its owner's tid (FUTEX_LOCK_PI): given to who waits longest.  The
 * owner's priority is not raised: there are no priorities to inherit.  0; -EAGAIN (try),
 * -EDEADLK (it is the caller's), -ESRCH (no such owner), -ETIMEDOUT, -EINTR; -EPERM.
 */
int futex_lock_pi(u32 *addr, nsec_t deadline, bool try);
int futex_unlock_pi(u32 *addr);
/*
 * FUTEX_WAIT_REQUEUE_PI: waits at `addr` until futex_cmp_requeue_pi() there, and for the lock
 * at `lock`.  As futex_wait() and futex_lock_pi(); -EINVAL: both are the same.
 */
int futex_wait_requeue_pi(u32 *addr, u32 value, nsec_t deadline, u32 bitset, u32 *lock);
/* The first waiter gets the lock if it is free; it and up to `count` more are moved: how many. */
int futex_cmp_requeue_pi(u32 *addr, u32 *lock, u32 count, u32 value);

struct thread;
/* At a thread's end: hands on the locks with an owner that it holds. */
void futex_exit_pi(struct thread *thread);
/* At a thread.s end: marks the robust futexes that it holds (set_robust_list(2)). */
void futex_exit_robust(struct thread *thread);

/* The system call.s six arguments (timeout: clock decided by op). */
s64 futex_syscall(u32 *addr, int op, u32 value, u64 timeout_or_count, u32 *addr2, u32 value3);
