/* SPDX-License-Identifier: MIT */
/*
 * Locks with an owner (FUTEX_LOCK_PI): the word is the owner's tid, with a mark
 * when somebody waits.  The kernel changes it, under the bucket's lock, when the
 * lock cannot be had or given on by the application alone, and hands it to who
 * waits longest.
 *
 * The owner's priority is not raised: there are no priorities to inherit.
 *
 * An owner that ends hands on what it holds, marked, even if nobody told the
 * kernel about robust locks.  It says first that it is ending and looks at all
 * buckets then; who enters looks at that afterwards.  So one of the two sees the
 * other.
 *
 * FUTEX_WAIT_REQUEUE_PI waits at one word (a condition) for a lock at another,
 * and is moved there by FUTEX_CMP_REQUEUE_PI, which gives the lock to the first
 * if it is free.
 */
#include "futex_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

_Atomic u32 futex_pi_waiters;

static struct futex_waiter *waiter_of(struct list *node)
{
    return list_entry(node, struct futex_waiter, waiter.link);
}

bool futex_has_pi_slow(const struct bucket *b, const u32 *addr)
{
    list_for_each (node, &b->waiters) {
        if (waiter_of(node)->addr == addr && waiter_of(node)->pi) {
            return true;
        }
    }
    return false;
}

/* The first waiter at `addr` but `but`, or NULL.  Bucket locked. */
static struct futex_waiter *first_waiter(const struct bucket *b, const u32 *addr,
                                         const struct futex_waiter *but)
{
    list_for_each (node, &b->waiters) {
        if (waiter_of(node)->addr == addr && waiter_of(node) != but) {
            return waiter_of(node);
        }
    }
    return NULL;
}

static void choose(struct futex_waiter *w, struct list *chosen)
{
    waiter_choose(&w->waiter);
    list_push_back(chosen, &w->waiter.link);
}

/* ---- Taking -------------------------------------------------------------------- */

/* What the word becomes when `tid` wants the lock: its own, or with the mark of waiters. */
static u32 want(const struct bucket *b, const u32 *addr, u32 value, u32 tid)
{
    if ((value & FUTEX_TID_MASK) != 0) {
        return value | FUTEX_WAITERS;
    }
    return tid | (value & FUTEX_OWNER_DIED) |
           (first_waiter(b, addr, NULL) != NULL ? FUTEX_WAITERS : 0);
}

/* Takes the lock (0), or enters as a waiter (1; NULL: -EAGAIN); -EDEADLK, -EFAULT. */
static int take_or_enter(u32 *addr, u32 tid, struct futex_waiter *w)
{
    struct bucket *b = futex_bucket(addr);
    bool irq = futex_lock(b), done = false;
    u32 value, old;
    int err = user_read_u32_nofault(addr, &value);

    while (err == 0 && !done) {
        u32 owner = value & FUTEX_TID_MASK;

        if (owner == tid || (owner != 0 && w == NULL)) {
            err = owner == tid ? -EDEADLK : -EAGAIN;
            break;
        }
        err = user_cmpxchg_u32_nofault(addr, value, want(b, addr, value, tid), &old);
        done = err == 0 && old == value;
        value = done ? value : old;
    }
    if (done && (value & FUTEX_TID_MASK) != 0) {
        futex_enter(b, w);
        err = 1;
    }
    spin_unlock(&b->lock, irq);
    return err;
}

/* The same on a page that may have to be brought in first. */
static int take_or_enter_fault(u32 *addr, u32 tid, struct futex_waiter *w)
{
    int err;

    while ((err = take_or_enter(addr, tid, w)) == -EFAULT) {
        if (aspace_fault((vaddr_t)addr, FAULT_WRITE) != 0) {
            return -EFAULT;
        }
    }
    return err;
}

enum owner { OWNER_LIVES, OWNER_ENDS, OWNER_GONE };

static enum owner owner_of(const u32 *addr)
{
    enum owner owner = OWNER_LIVES; /* whatever else it is, the next step finds out */
    struct thread *t;
    u32 value;

    if (user_read_u32(addr, &value) != 0 || (value & FUTEX_TID_MASK) == 0) {
        return owner;
    }
    t = thread_find(value & FUTEX_TID_MASK);
    if (t == NULL) {
        return OWNER_GONE;
    }
    if (atomic_load_explicit(&t->futex_ends, memory_order_seq_cst)) {
        owner = OWNER_ENDS;
    }
    thread_put(t);
    return owner;
}

/* Sleeps as an entered waiter: 0 when woken, or because the owner ends; -ETIMEDOUT, -EINTR. */
static int wait_for_owner(u32 *addr, struct futex_waiter *w, nsec_t deadline)
{
    int err;

    if (owner_of(addr) != OWNER_LIVES) {
        (void)futex_leave(w);
        return 0;
    }
    err = waiter_sleep_signal(&w->waiter, deadline);
    return err != 0 && !futex_leave(w) ? err : 0;
}

int futex_lock_pi(u32 *addr, nsec_t deadline, bool try)
{
    u32 tid = thread_current()->tid, value;
    int err = futex_check(addr);

    atomic_fetch_add_explicit(&futex_pi_waiters, 1, memory_order_seq_cst);
    while (err == 0) {
        struct futex_waiter w = {.addr = addr, .bitset = FUTEX_BITSET_MATCH_ANY, .pi = true};
        enum owner owner = owner_of(addr);

        if (owner == OWNER_ENDS) {
            sched_yield(); /* it has little left to do */
            continue;
        }
        err = owner != OWNER_GONE ? take_or_enter_fault(addr, tid, try ? NULL : &w) : -ESRCH;
        if (err <= 0) {
            break;
        }
        err = wait_for_owner(addr, &w, deadline);
        /* Handed over; or else it is still to be taken. */
        if (err == 0 && user_read_u32(addr, &value) == 0 && (value & FUTEX_TID_MASK) == tid) {
            break;
        }
    }
    atomic_fetch_sub_explicit(&futex_pi_waiters, 1, memory_order_relaxed);
    return err;
}

/* ---- Handing on ------------------------------------------------------------------ */

/* musl marks what an ending thread holds itself, and counts on us to hand it on. */
static bool is_abandoned(u32 value)
{
    return (value & (FUTEX_TID_MASK | FUTEX_OWNER_DIED)) == FUTEX_OWNER_DIED;
}

/* Gives the lock to the first waiter, or nobody, if `tid` has it; -EPERM.  Bucket locked. */
static int hand_on(struct bucket *b, u32 *addr, u32 tid, u32 mark, struct list *chosen)
{
    struct futex_waiter *first = first_waiter(b, addr, NULL);
    u32 value, next = 0, old;
    int err = user_read_u32_nofault(addr, &value);

    if (err == 0 && (value & FUTEX_TID_MASK) != tid && !(mark != 0 && is_abandoned(value))) {
        return -EPERM;
    }
    if (first != NULL) {
        if (!first->pi) {
            return -EINVAL;
        }
        next = first->waiter.thread->tid | mark |
               (first_waiter(b, addr, first) != NULL ? FUTEX_WAITERS : 0);
    }
    while (err == 0) {
        err = user_cmpxchg_u32_nofault(addr, value, next, &old);
        if (err == 0 && old == value) {
            if (first != NULL) {
                choose(first, chosen);
            }
            return 0;
        }
        value = old;
    }
    return err;
}

int futex_unlock_pi(u32 *addr)
{
    struct list chosen = LIST_INIT(chosen);
    struct bucket *b = futex_bucket(addr);
    int err = futex_check(addr);

    if (err != 0) {
        return err;
    }
    do {
        bool irq = futex_lock(b);

        err = hand_on(b, addr, thread_current()->tid, 0, &chosen);
        spin_unlock(&b->lock, irq);
    } while (err == -EFAULT && aspace_fault((vaddr_t)addr, FAULT_WRITE) == 0);
    waiter_let_go_all(&chosen);
    return err;
}

/* A lock in the bucket that `tid` holds and somebody waits for, handed on; -EFAULT: *addr. */
static int hand_on_any(struct bucket *b, u32 tid, u32 **addr, struct list *chosen)
{
    list_for_each (node, &b->waiters) {
        struct futex_waiter *w = waiter_of(node);
        int err;

        *addr = (u32 *)w->addr;
        if (!w->pi || w->lock_addr != NULL || w->lost_for == tid) {
            continue;
        }
        err = hand_on(b, *addr, tid, FUTEX_OWNER_DIED, chosen);
        if (err == 0 || err == -EFAULT) {
            return err == 0 ? 1 : err;
        }
    }
    return 0;
}

/* Nothing can be handed on at such a word; the others in the bucket are not to wait for that. */
static void skip_word(struct bucket *b, u32 tid, const u32 *addr)
{
    bool irq = futex_lock(b);

    list_for_each (node, &b->waiters) {
        if (waiter_of(node)->addr == addr) {
            waiter_of(node)->lost_for = tid;
        }
    }
    spin_unlock(&b->lock, irq);
}

static void hand_on_bucket(struct bucket *b, u32 tid)
{
    struct list chosen = LIST_INIT(chosen);
    int step;

    do {
        bool irq = futex_lock(b);
        u32 *addr;

        step = hand_on_any(b, tid, &addr, &chosen);
        spin_unlock(&b->lock, irq);
        if (step == -EFAULT && aspace_fault((vaddr_t)addr, FAULT_WRITE) != 0) {
            skip_word(b, tid, addr);
        }
    } while (step != 0);
    waiter_let_go_all(&chosen);
}

void futex_exit_pi(struct thread *t)
{
    atomic_store_explicit(&t->futex_ends, true, memory_order_seq_cst);
    if (atomic_load_explicit(&futex_pi_waiters, memory_order_seq_cst) == 0) {
        return;
    }
    for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
        hand_on_bucket(futex_bucket_at(i), t->tid);
    }
}

/* ---- Waiting at one word for the lock at another ----------------------------------- */

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
        if (waiter_of(node)->addr == addr && waiter_of(node)->lock_addr != lock) {
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

    while (moved < count && (w = first_waiter(from, addr, NULL)) != NULL) {
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
    struct futex_waiter *first = first_waiter(a, addr, NULL);
    int got;

    if (!all_want(a, addr, lock)) {
        return -EINVAL;
    }
    if (first == NULL) {
        return 0;
    }
    got = claim(lock, first,
                first_waiter(b, lock, NULL) != NULL ||
                    (count > 0 && first_waiter(a, addr, first) != NULL));
    if (got < 0) {
        return got;
    }
    if (got == 1) {
        choose(first, chosen);
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
