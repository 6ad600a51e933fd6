/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks.  Taking one disables interrupts on this CPU (about 10 cycles on
 * either platform), so one kind serves thread and interrupt context alike.
 * The holder must not block, allocate memory that may block, fault on
 * application memory, or call a function handed in by another layer.
 *
 * Debug builds check the rank order, remember who holds the lock and panic
 * when a lock is not released for ten seconds.
 */
#pragma once

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/lock_rank.h>
#include <kernel/types.h>
#include <stdatomic.h>

struct spinlock {
    _Atomic u32 taken; /* 0 free, 1 + id of the CPU that holds it */
#if MOKA_DEBUG
    enum lock_rank rank;
    const char *name;
    const void *caller;
#endif
};

/* All zero in a release: what holds a lock and is empty at first stays out of the image file. */
#if MOKA_DEBUG
#define SPINLOCK_INIT(lock_name, lock_rank) \
    { \
        .rank = (lock_rank), .name = (lock_name) \
    }
#else
#define SPINLOCK_INIT(lock_name, lock_rank) \
    { \
        0 \
    }
#endif

static inline void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(name, rank);
}

/* Spins until the lock is free; for spin_lock(). */
void spin_lock_slow(struct spinlock *lock);
#if MOKA_DEBUG
void spin_debug_locked(struct spinlock *lock, const void *caller);
/* Without the check of the order: a lock that is only tried blocks nobody. */
void spin_debug_trylocked(struct spinlock *lock, const void *caller);
void spin_debug_unlock(struct spinlock *lock);
#endif

/* Returns the interrupt state, which spin_unlock() wants back. */
static inline must_check bool spin_lock(struct spinlock *lock)
{
    bool irq = irq_save();
    u32 expected = 0;

    if (unlikely(!atomic_compare_exchange_strong_explicit(
            &lock->taken, &expected, cpu_id() + 1, memory_order_acquire, memory_order_relaxed))) {
        spin_lock_slow(lock);
    }
#if MOKA_DEBUG
    spin_debug_locked(lock, __builtin_return_address(0));
#endif
    return irq;
}

/* Like spin_lock() but gives up at once; *irq is set only on success. */
static inline must_check bool spin_trylock(struct spinlock *lock, bool *irq)
{
    bool on = irq_save();
    u32 expected = 0;

    if (atomic_load_explicit(&lock->taken, memory_order_relaxed) != 0 ||
        !atomic_compare_exchange_strong_explicit(&lock->taken, &expected, cpu_id() + 1,
                                                 memory_order_acquire, memory_order_relaxed)) {
        irq_restore(on);
        return false;
    }
#if MOKA_DEBUG
    spin_debug_trylocked(lock, __builtin_return_address(0));
#endif
    *irq = on;
    return true;
}

static inline void spin_unlock(struct spinlock *lock, bool irq)
{
#if MOKA_DEBUG
    spin_debug_unlock(lock);
#endif
    atomic_store_explicit(&lock->taken, 0, memory_order_release);
    irq_restore(irq);
}

static inline bool spin_is_mine(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->taken, memory_order_relaxed) == cpu_id() + 1;
}
