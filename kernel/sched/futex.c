/* SPDX-License-Identifier: MIT */
/*
 * Futexes: a hash table of buckets, each with a lock and a list of waiters in
 * order of arrival.  There is one address space, so an address is all the
 * key there is.
 *
 * A waiter reads the value under the bucket's lock and enters there; a waker
 * has changed the value before it takes the lock.  So either the waiter sees
 * the new value, or the waker sees the waiter.  The value may lie on a page
 * that is not there yet: it is then read once more without the lock, which
 * brings the page in, and everything starts over.
 *
 * Wakers collect under the lock and wake without it; see wait.c.  A waiter
 * that is requeued changes bucket with both locked, the one at the lower
 * address first.
 */
#include <kernel/futex.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/signal.h>
#include <kernel/trace.h>
#include <kernel/uaccess.h>

#include "futex_priv.h"

static struct bucket buckets[FUTEX_BUCKETS] = {
    [0 ... FUTEX_BUCKETS - 1] = {.lock = SPINLOCK_INIT("futex", RANK_FUTEX)},
};

struct bucket *futex_bucket(const u32 *addr)
{
    /* Fibonacci hashing: Knuth, TAOCP 3, 6.4. */
    return &buckets[((u64)addr >> 2) * 0x9e3779b97f4a7c15ull >> (64 - FUTEX_BUCKET_BITS)];
}

struct bucket *futex_bucket_at(unsigned index)
{
    return &buckets[index];
}

bool futex_lock(struct bucket *b)
{
    bool irq = spin_lock(&b->lock);

    if (unlikely(b->waiters.next == NULL)) {
        list_init(&b->waiters);
    }
    return irq;
}

/* Locks both buckets, which may be one. */
bool futex_lock_two(struct bucket *a, struct bucket *b)
{
    bool irq = futex_lock(a < b ? a : b);

    if (a != b) {
        (void)futex_lock(a < b ? b : a); /* interrupts are disabled already */
    }
    return irq;
}

void futex_unlock_two(struct bucket *a, struct bucket *b, bool irq)
{
    if (a != b) {
        spin_unlock(&b->lock, false);
    }
    spin_unlock(&a->lock, irq);
}

int futex_check(const u32 *addr)
{
    if (((u64)addr & 3) != 0) {
        return -EINVAL;
    }
    return user_range_ok(addr, sizeof(*addr)) ? 0 : -EFAULT;
}

/* ---- Waiting ------------------------------------------------------------------ */

void futex_enter(struct bucket *b, struct futex_waiter *w)
{
    atomic_store_explicit(&w->bucket, b, memory_order_relaxed);
    waiter_enter(&b->waiters, &w->waiter);
}

/* Enters if the value is as expected: 0, -EAGAIN, -EFAULT. */
int futex_enter_if(const u32 *addr, u32 expected, struct futex_waiter *w)
{
    struct bucket *b = futex_bucket(addr);

    for (;;) {
        bool irq = futex_lock(b);
        u32 value;
        int err = user_read_u32_nofault(addr, &value);

        if (err == 0 && value == expected) {
            futex_enter(b, w);
        }
        spin_unlock(&b->lock, irq);
        if (err == 0) {
            return value == expected ? 0 : -EAGAIN;
        }
        if (user_read_u32(addr, &value) != 0) {
            return -EFAULT;
        }
    }
}

/* After the deadline: leaves; true if a waker was there first. */
bool futex_leave(struct futex_waiter *w)
{
    struct bucket *b;
    bool irq, chosen;

    for (;;) {
        b = atomic_load_explicit(&w->bucket, memory_order_relaxed);
        irq = spin_lock(&b->lock);
        if (atomic_load_explicit(&w->bucket, memory_order_relaxed) == b) {
            break;
        }
        spin_unlock(&b->lock, irq); /* it was requeued just now */
    }
    chosen = w->waiter.chosen;
    if (!chosen) {
        list_remove(&w->waiter.link);
    }
    spin_unlock(&b->lock, irq);
    if (chosen) {
        waiter_await(&w->waiter);
    }
    return chosen;
}

int futex_wait(u32 *addr, u32 value, nsec_t deadline, u32 bitset)
{
    struct futex_waiter w = {.addr = addr, .bitset = bitset};
    int err = futex_check(addr);

    if (err == 0 && bitset == 0) {
        err = -EINVAL;
    }
    if (err == 0) {
        err = futex_enter_if(addr, value, &w);
    }
    if (err != 0) {
        return err;
    }
    trace(TRACE_FUTEX_WAIT, (u64)addr, value);
    err = waiter_sleep_signal(&w.waiter, deadline);
    return err == 0 || futex_leave(&w) ? 0 : err;
}

/* ---- Waking --------------------------------------------------------------------- */

/* Moves up to `count` waiters of the address to `chosen`.  Bucket locked. */
static u32 choose(struct bucket *b, const u32 *addr, u32 count, u32 bitset, struct list *chosen)
{
    u32 found = 0;

    list_for_each_safe (node, &b->waiters) {
        struct futex_waiter *w = futex_waiter_of(node);

        if (found == count) {
            break;
        }
        if (w->addr == addr && (w->bitset & bitset) != 0) {
            futex_choose(w, chosen);
            found++;
        }
    }
    return found;
}

/* Whoever is woken has an event of its own (TRACE_WAKE), and a hand-over is to be cheap. */
static void trace_wake(const u32 *addr, u32 woken)
{
    if (woken != 1) {
        trace(TRACE_FUTEX_WAKE, (u64)addr, woken);
    }
}

int futex_wake(u32 *addr, u32 count, u32 bitset)
{
    struct list chosen = LIST_INIT(chosen);
    int err = futex_check(addr);
    struct bucket *b;
    u32 woken;
    bool irq;

    if (err == 0 && bitset == 0) {
        err = -EINVAL;
    }
    if (err != 0) {
        return err;
    }
    b = futex_bucket(addr);
    irq = futex_lock(b);
    if (unlikely(futex_has_pi(b, addr))) {
        spin_unlock(&b->lock, irq);
        return -EINVAL;
    }
    woken = choose(b, addr, count, bitset, &chosen);
    spin_unlock(&b->lock, irq);
    trace_wake(addr, woken);
    waiter_let_go_all(&chosen);
    return (int)woken;
}

/* Moves up to `count` waiters to another address.  Both buckets locked. */
static u32 move(struct bucket *from, const u32 *addr, struct bucket *to, const u32 *to_addr,
                u32 count)
{
    struct list moving = LIST_INIT(moving);
    u32 moved = choose(from, addr, count, FUTEX_BITSET_MATCH_ANY, &moving);

    while (!list_empty(&moving)) {
        struct list *node = list_pop_front(&moving);
        struct futex_waiter *w = futex_waiter_of(node);

        w->waiter.chosen = false;
        w->addr = to_addr;
        atomic_store_explicit(&w->bucket, to, memory_order_relaxed);
        list_push_back(&to->waiters, node);
    }
    return moved;
}

/* Locks both buckets with *addr == value known: 0, -EAGAIN, -EFAULT. */
int futex_lock_two_if(const u32 *addr, u32 expected, struct bucket *a, struct bucket *b, bool *irq)
{
    for (;;) {
        u32 value;
        int err;

        *irq = futex_lock_two(a, b);
        err = user_read_u32_nofault(addr, &value);
        if (err == 0 && value == expected) {
            return 0;
        }
        futex_unlock_two(a, b, *irq);
        if (err == 0) {
            return -EAGAIN;
        }
        if (user_read_u32(addr, &value) != 0) {
            return -EFAULT;
        }
    }
}

int futex_requeue(u32 *addr, u32 *to, u32 wake, u32 move_count, bool check, u32 value)
{
    struct list chosen = LIST_INIT(chosen);
    struct bucket *a = futex_bucket(addr), *b = futex_bucket(to);
    int err = futex_check(addr);
    u32 woken, moved;
    bool irq;

    if (err == 0) {
        err = futex_check(to);
    }
    if (err != 0) {
        return err;
    }
    if (check) {
        err = futex_lock_two_if(addr, value, a, b, &irq);
        if (err != 0) {
            return err;
        }
    } else {
        irq = futex_lock_two(a, b);
    }
    if (unlikely(futex_has_pi(a, addr))) {
        futex_unlock_two(a, b, irq);
        return -EINVAL;
    }
    woken = choose(a, addr, wake, FUTEX_BITSET_MATCH_ANY, &chosen);
    moved = move(a, addr, b, to, move_count);
    futex_unlock_two(a, b, irq);
    trace_wake(addr, woken);
    waiter_let_go_all(&chosen);
    return (int)(woken + moved);
}

/* ---- FUTEX_WAKE_OP ---------------------------------------------------------------- */

enum wake_op { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_COUNT };
enum wake_cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_COUNT };
#define OP_ARG_SHIFT 8u

/* The encoded operation (futex(2)), taken apart. */
struct wake_op_code {
    u32 op, cmp;
    s32 op_arg, cmp_arg;
};

static int decode(u32 code, struct wake_op_code *out)
{
    *out = (struct wake_op_code){
        .op = code >> 28 & 7,
        .cmp = code >> 24 & 15,
        .op_arg = (s32)(code << 8) >> 20,
        .cmp_arg = (s32)(code << 20) >> 20,
    };
    if ((code >> 28 & OP_ARG_SHIFT) != 0) {
        out->op_arg = (s32)(1u << (out->op_arg & 31));
    }
    return out->op < OP_COUNT && out->cmp < CMP_COUNT ? 0 : -ENOSYS;
}

static u32 apply(const struct wake_op_code *code, u32 old)
{
    u32 arg = (u32)code->op_arg;

    switch (code->op) {
    case OP_SET:
        return arg;
    case OP_ADD:
        return old + arg;
    case OP_OR:
        return old | arg;
    case OP_ANDN:
        return old & ~arg;
    default:
        return old ^ arg;
    }
}

static bool compare(const struct wake_op_code *code, u32 value)
{
    s32 old = (s32)value;

    switch (code->cmp) {
    case CMP_EQ:
        return old == code->cmp_arg;
    case CMP_NE:
        return old != code->cmp_arg;
    case CMP_LT:
        return old < code->cmp_arg;
    case CMP_LE:
        return old <= code->cmp_arg;
    case CMP_GT:
        return old > code->cmp_arg;
    default:
        return old >= code->cmp_arg;
    }
}

/* Applies the operation atomically; fails on a page that is not there. */
static int update_nofault(u32 *addr, const struct wake_op_code *code, u32 *old)
{
    u32 expected;
    int err = user_read_u32_nofault(addr, &expected);

    while (err == 0) {
        err = user_cmpxchg_u32_nofault(addr, expected, apply(code, expected), old);
        if (err == 0 && *old == expected) {
            return 0;
        }
        expected = *old;
    }
    return err;
}

int futex_wake_op(u32 *addr, u32 *addr2, u32 wake, u32 wake2, u32 op)
{
    struct list chosen = LIST_INIT(chosen);
    struct bucket *a = futex_bucket(addr), *b = futex_bucket(addr2);
    struct wake_op_code code;
    int err = futex_check(addr);
    u32 old = 0, woken;
    bool irq;

    if (err == 0) {
        err = futex_check(addr2);
    }
    if (err == 0) {
        err = decode(op, &code);
    }
    if (err != 0) {
        return err;
    }
    irq = futex_lock_two(a, b);
    while (update_nofault(addr2, &code, &old) != 0) {
        futex_unlock_two(a, b, irq);
        if (aspace_fault((vaddr_t)addr2, FAULT_WRITE) != 0) {
            return -EFAULT;
        }
        irq = futex_lock_two(a, b);
    }
    woken = choose(a, addr, wake, FUTEX_BITSET_MATCH_ANY, &chosen);
    if (compare(&code, old)) {
        woken += choose(b, addr2, wake2, FUTEX_BITSET_MATCH_ANY, &chosen);
    }
    futex_unlock_two(a, b, irq);
    trace_wake(addr, woken);
    waiter_let_go_all(&chosen);
    return (int)woken;
}
