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
 */
#include "futex_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>

_Atomic u32 futex_pi_waiters;

bool futex_has_pi_slow(const struct bucket *b, const u32 *addr)
{
    list_for_each (node, &b->waiters) {
        if (futex_waiter_of(node)->addr == addr && futex_waiter_of(node)->pi) {
            return true;
        }
    }
    return false;
}

struct futex_waiter *futex_first(const struct bucket *b, const u32 *addr,
                                 const struct futex_waiter *but)
{
    list_for_each (node, &b->waiters) {
        if (futex_waiter_of(node)->addr == addr && futex_waiter_of(node) != but) {
            return futex_waiter_of(node);
        }
    }
    return NULL;
}

/* ---- Taking -------------------------------------------------------------------- */

/* What the word becomes when `tid` wants the lock: its own, or with the mark of waiters. */
static u32 want(const struct bucket *b, const u32 *addr, u32 value, u32 tid)
{
    if ((value & FUTEX_TID_MASK) != 0) {
        return value | FUTEX_WAITERS;
    }
    return tid | (value & FUTEX_OWNER_DIED) |
           (futex_first(b, addr, NULL) != NULL ? FUTEX_WAITERS : 0);
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
    u32 value, now;

    if (user_read_u32(addr, &value) != 0 || (value & FUTEX_TID_MASK) == 0) {
        return owner;
    }
    t = thread_find(value & FUTEX_TID_MASK);
    if (t == NULL) { /* unless it has let go of the lock before it went */
        bool same = user_read_u32(addr, &now) == 0 && ((now ^ value) & FUTEX_TID_MASK) == 0;

        return same ? OWNER_GONE : OWNER_LIVES;
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
    struct futex_waiter *first = futex_first(b, addr, NULL);
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
               (futex_first(b, addr, first) != NULL ? FUTEX_WAITERS : 0);
    }
    while (err == 0) {
        err = user_cmpxchg_u32_nofault(addr, value, next, &old);
        if (err == 0 && old == value) {
            if (first != NULL) {
                futex_choose(first, chosen);
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
        struct futex_waiter *w = futex_waiter_of(node);
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
        if (futex_waiter_of(node)->addr == addr) {
            futex_waiter_of(node)->lost_for = tid;
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
