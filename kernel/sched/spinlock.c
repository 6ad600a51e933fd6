/* SPDX-License-Identifier: MIT */
/*
 * The slow side of spinlocks: waiting, and what debug builds check.
 *
 * Waiting reads until the lock looks free and only then tries to take it, so
 * that waiters share the cache line, and pauses longer each time it fails.
 * Queued locks (MCS, tickets) were rejected: with more vCPUs than host CPUs
 * the next in the queue may not be running, and then nobody is served.
 *
 * A CPU that waits has interrupts disabled, so it looks after shoot-downs
 * itself: the CPU that wants one may hold the very lock.
 */
#include <kernel/spinlock.h>

#include <kernel/clock.h>
#include <kernel/panic.h>
#include <kernel/tlb.h>

#define BACKOFF_MAX 64u

#if MOKA_DEBUG
#define STUCK_AFTER (10 * NSEC_PER_SEC)
#define STUCK_CHECK_EVERY 4096u
#endif

#if MOKA_DEBUG
/* Panics when the lock has been waited for too long; counts its calls. */
static void check_stuck(struct spinlock *lock, unsigned *calls, u64 *since)
{
    u64 tsc = rdtsc();

    if (++*calls % STUCK_CHECK_EVERY != 0 || clock_tsc_khz() == 0) {
        return;
    }
    if (*since == 0) {
        *since = tsc;
    } else if (clock_cycles_to_nsec(tsc - *since) > STUCK_AFTER) {
        panic("spinlock %s is held for 10 s by CPU %u, taken at %p", lock->name,
              atomic_load_explicit(&lock->taken, memory_order_relaxed) - 1, lock->caller);
    }
}
#endif

static const char *name_of(const struct spinlock *lock)
{
#if MOKA_DEBUG
    return lock->name;
#else
    return "without a name";
#endif
}

static bool try_take(struct spinlock *lock)
{
    u32 expected = 0;

    return atomic_load_explicit(&lock->taken, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_weak_explicit(&lock->taken, &expected, cpu_id() + 1,
                                                 memory_order_acquire, memory_order_relaxed);
}

void spin_lock_slow(struct spinlock *lock)
{
    unsigned backoff = 1;
#if MOKA_DEBUG
    unsigned calls = 0;
    u64 since = 0;
#endif

    if (unlikely(spin_is_mine(lock))) {
        BUG("spinlock %s is taken twice by CPU %u", name_of(lock), cpu_id());
    }
    while (!try_take(lock)) {
        for (unsigned i = 0; i < backoff; i++) {
            cpu_pause();
        }
        backoff = MIN(backoff * 2, BACKOFF_MAX);
        tlb_shootdown_poll();
#if MOKA_DEBUG
        check_stuck(lock, &calls, &since);
#endif
    }
}

#if MOKA_DEBUG
void spin_debug_locked(struct spinlock *lock, const void *caller)
{
    struct held_locks *held = &this_cpu()->locks;
    const char *problem = lock_rank_check(held, lock, lock->rank);

    if (unlikely(problem != NULL) && !panic_active()) {
        const char *last = held->count > 0 ? held->held[held->count - 1].name : "none";

        BUG("spinlock %s (rank %d) after %s: %s", lock->name, (int)lock->rank, last, problem);
    }
    spin_debug_trylocked(lock, caller);
}

void spin_debug_trylocked(struct spinlock *lock, const void *caller)
{
    lock->caller = caller;
    lock_rank_push(&this_cpu()->locks, lock, lock->name, lock->rank);
}

void spin_debug_unlock(struct spinlock *lock)
{
    if (unlikely(!spin_is_mine(lock))) {
        BUG("spinlock %s is released by CPU %u, which does not hold it", lock->name, cpu_id());
    }
    lock_rank_pop(&this_cpu()->locks, lock);
}
#endif
