/* SPDX-License-Identifier: MIT */
/*
 * FUTEX_WAIT_REQUEUE_PI waits at one word (a condition) for a lock with an owner
 * at another, and is moved there by FUTEX_CMP_REQUEUE_PI, which gives the lock to
 * the first if it is free.
 */
#include "futex_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

/* It woke, or gave up, having waited at the condition or, moved, at the lock. */
static int end_wait(u32 *lock, nsec_t deadline)
{
    u32 value;

    if (user_read_u32(lock, &value) != 0) {
        return -EFAULT;
    }
    /* Not if the owner died: then it is to be taken as by anybody else. */
    return (value & FUTEX_TID_MASK) == thread_current()->tid ? 0
                                                             : futex_lock_pi(lock, deadline, false);
}

int futex_wait_requeue_pi(u32 *addr, u32 value, nsec_t deadline, u32 bitset, u32 *lock)
{
    struct futex_waiter w = {.addr = addr, .bitset = bitset, .pi = true, .lock_addr = lock};
    int err = futex_check(addr);

    if (err == 0) {
        err = futex_check(lock);
    }
    if (err == 0 && (bitset == 0 || addr == lock)) {
        err = -EINVAL;
    }
    if (err == 0) {
        err = user_read_u32(lock, &(u32){0});
    }
    if (err != 0) {
        return err;
    }
    atomic_fetch_add_explicit(&futex_pi_waiters, 1, memory_order_seq_cst);
    err = futex_enter_if(addr, value, &w);
    if (err == 0) {
        err = waiter_sleep_signal(&w.waiter, deadline);
        if (err == 0 || futex_leave(&w)) {
            err = end_wait(lock, deadline);
        } else if (err == -EINTR && w.addr == lock) {
            err = -EAGAIN; /* the condition has been signalled: it is not to be waited for again */
        }
    }
    atomic_fetch_sub_explicit(&futex_pi_waiters, 1, memory_order_relaxed);
    return err;
}

/* All who wait at `addr`, as far as they are moved, wait for that lock?  Bucket locked. */
static bool all_want(const struct bucket *b, const u32 *addr, const u32 *lock)
{
    list_for_each (node, &b->waiters) {
        if (futex_waiter_of(node)->addr == addr && futex_waiter_of(node)->lock_addr != lock) {
            return false;
        }
    }
    return true;
}

/*
 * The lock's word for `first`, who is to be moved: its own (1), or its owner's, marked (0).
 * Buckets locked.  -EFAULT, -EDEADLK.
 */
static int claim(u32 *lock, const struct futex_waiter *first, bool more)
{
    u32 tid = first->waiter.thread->tid, value, old;
    int err = user_read_u32_nofault(lock, &value);

    while (err == 0) {
        bool is_free = (value & FUTEX_TID_MASK) == 0;
        u32 next = is_free ? tid | (value & FUTEX_OWNER_DIED) | (more ? FUTEX_WAITERS : 0)
                           : value | FUTEX_WAITERS;

        if ((value & FUTEX_TID_MASK) == tid) {
            return -EDEADLK;
        }
        err = user_cmpxchg_u32_nofault(lock, value, next, &old);
        if (err == 0 && old == value) {
            return is_free ? 1 : 0;
        }
        value = old;
    }
    return err;
}

/* Up to `count` waiters go on to the lock.  Buckets locked. */
static u32 move(struct bucket *from, const u32 *addr, struct bucket *to, u32 *lock, u32 count)
{
    struct futex_waiter *w;
    u32 moved = 0;

    while (moved < count && (w = futex_first(from, addr, NULL)) != NULL) {
        list_remove(&w->waiter.link);
        w->addr = lock;
        w->lock_addr = NULL;
        atomic_store_explicit(&w->bucket, to, memory_order_relaxed);
        list_push_back(&to->waiters, &w->waiter.link);
        moved++;
    }
    return moved;
}

/* With both buckets locked: how many were woken or moved, or an error. */
static int requeue(struct bucket *a, const u32 *addr, struct bucket *b, u32 *lock, u32 count,
                   struct list *chosen)
{
    struct futex_waiter *first = futex_first(a, addr, NULL);
    int got;

    if (!all_want(a, addr, lock)) {
        return -EINVAL;
    }
    if (first == NULL) {
        return 0;
    }
    got = claim(lock, first,
                futex_first(b, lock, NULL) != NULL ||
                    (count > 0 && futex_first(a, addr, first) != NULL));
    if (got < 0) {
        return got;
    }
    if (got == 1) {
        futex_choose(first, chosen);
        return 1 + (int)move(a, addr, b, lock, count);
    }
    return (int)move(a, addr, b, lock, count < (u32)INT32_MAX ? count + 1 : count);
}

int futex_cmp_requeue_pi(u32 *addr, u32 *lock, u32 count, u32 value)
{
    struct list chosen = LIST_INIT(chosen);
    struct bucket *a = futex_bucket(addr), *b = futex_bucket(lock);
    int err = futex_check(addr);
    bool irq;

    if (err == 0) {
        err = futex_check(lock);
    }
    if (err == 0 && addr == lock) {
        err = -EINVAL;
    }
    while (err == 0) {
        err = futex_lock_two_if(addr, value, a, b, &irq);
        if (err != 0) {
            break;
        }
        err = requeue(a, addr, b, lock, count, &chosen);
        futex_unlock_two(a, b, irq);
        if (err != -EFAULT) {
            break;
        }
        err = aspace_fault((vaddr_t)lock, FAULT_WRITE) == 0 ? 0 : -EFAULT;
    }
    waiter_let_go_all(&chosen);
    return err;
}
