/* SPDX-License-Identifier: MIT */
/*
 * Between futex.c, which knows the table of buckets, and futex_pi.c and
 * futex_pi_requeue.c, the locks with an owner.
 */
#pragma once

#include <kernel/futex.h>
#include <kernel/spinlock.h>

#include "wait_priv.h"

#define FUTEX_BUCKET_BITS 9
#define FUTEX_BUCKETS (1u << FUTEX_BUCKET_BITS)

/* (l) lock */
struct bucket {
    struct spinlock lock;
    struct list waiters; /* (l) struct futex_waiter; next is NULL before the first use */
} aligned_to(CACHE_LINE);

/* (b) lock of the bucket   (c) constant */
struct futex_waiter {
    struct waiter waiter;
    const u32 *addr;                 /* (b) */
    _Atomic(struct bucket *) bucket; /* (b); read without to find the lock */
    u32 bitset;                      /* (c) */
    bool pi;                         /* (c) wants a lock with an owner */
    u32 *lock_addr;                  /* (c) of one that waits elsewhere for it; else NULL */
    u32 lost_for;                    /* (b) the word was gone when that thread ended */
};

struct bucket *futex_bucket(const u32 *addr);
struct bucket *futex_bucket_at(unsigned index);
bool futex_lock(struct bucket *b);
/* Both buckets, which may be one. */
must_check bool futex_lock_two(struct bucket *a, struct bucket *b);
void futex_unlock_two(struct bucket *a, struct bucket *b, bool irq);
/* Locks both with *addr == expected known: 0, -EAGAIN, -EFAULT. */
must_check int futex_lock_two_if(const u32 *addr, u32 expected, struct bucket *a, struct bucket *b,
                                 bool *irq);
must_check int futex_check(const u32 *addr);
/* Bucket locked. */
void futex_enter(struct bucket *b, struct futex_waiter *w);
/* Enters if the value is as expected: 0, -EAGAIN, -EFAULT. */
must_check int futex_enter_if(const u32 *addr, u32 expected, struct futex_waiter *w);
/* After the deadline: leaves; true if a waker was there first. */
bool futex_leave(struct futex_waiter *w);

/*
 * futex_pi.c: who waits at `addr` wants a lock with an owner, and is not for others to wake.
 * Bucket locked.  One load while there are none.
 */
extern _Atomic u32 futex_pi_waiters;
bool futex_has_pi_slow(const struct bucket *b, const u32 *addr);
static inline bool futex_has_pi(const struct bucket *b, const u32 *addr)
{
    return atomic_load_explicit(&futex_pi_waiters, memory_order_relaxed) != 0 &&
           futex_has_pi_slow(b, addr);
}

static inline struct futex_waiter *futex_waiter_of(struct list *node)
{
    return list_entry(node, struct futex_waiter, waiter.link);
}

/* The first waiter at `addr` but `but`, or NULL.  Bucket locked. */
struct futex_waiter *futex_first(const struct bucket *b, const u32 *addr,
                                 const struct futex_waiter *but);

/* Goes to those who are woken when the bucket is unlocked.  Bucket locked. */
static inline void futex_choose(struct futex_waiter *w, struct list *chosen)
{
    waiter_choose(&w->waiter);
    list_push_back(chosen, &w->waiter.link);
}
