/* SPDX-License-Identifier: MIT */
/*
 * The lock on the set of regions.  Readers (faults) are many, on all CPUs at
 * once; writers are rare and short.  So a reader writes only a cache line of
 * its own CPU (about 20 cycles), and a writer pays for it by looking at every
 * CPU's.  Rejected: a reader count in one line, which bounces between CPUs
 * that fault at the same time.
 *
 * Readers and writers run with interrupts off.  A reader that finds a writer
 * steps back and waits with interrupts as they were.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/lock_rank.h>
#include <kernel/spinlock.h>

struct reader {
    _Atomic bool active;
} aligned_to(CACHE_LINE);

static struct {
    struct spinlock writer; /* one writer at a time */
    _Atomic bool writing;
    struct reader reader[MAX_CPUS];
} lock = {.writer = SPINLOCK_INIT("aspace", RANK_ASPACE)};

/* The order of locks is checked for readers too. */
static void debug_push(void)
{
    if (MOKA_DEBUG >= 1) {
        const char *wrong = lock_rank_check(&this_cpu()->locks, &lock, RANK_ASPACE);

        if (wrong != NULL) {
            BUG("aspace read lock: %s", wrong);
        }
        lock_rank_push(&this_cpu()->locks, &lock, "aspace reader", RANK_ASPACE);
    }
}

static void debug_pop(void)
{
    if (MOKA_DEBUG >= 1) {
        lock_rank_pop(&this_cpu()->locks, &lock);
    }
}

bool aspace_read_lock(void)
{
    for (;;) {
        bool irq = irq_save();
        struct reader *me = &lock.reader[cpu_id()];

        /*
         * Against aspace_write_lock(), which sets `writing` and then looks at
         * `active`: all four accesses are sequentially consistent, so at
         * least one of the two sides sees the other.
         */
        atomic_store_explicit(&me->active, true, memory_order_seq_cst);
        if (likely(!atomic_load_explicit(&lock.writing, memory_order_seq_cst))) {
            debug_push();
            return irq;
        }
        atomic_store_explicit(&me->active, false, memory_order_release);
        irq_restore(irq);
        while (atomic_load_explicit(&lock.writing, memory_order_relaxed)) {
            cpu_pause();
        }
    }
}

void aspace_read_unlock(bool irq)
{
    debug_pop();
    /* Release: what was read is read before a writer changes it. */
    atomic_store_explicit(&lock.reader[cpu_id()].active, false, memory_order_release);
    irq_restore(irq);
}

bool aspace_write_lock(void)
{
    bool irq = spin_lock(&lock.writer);

    atomic_store_explicit(&lock.writing, true, memory_order_seq_cst);
    for (unsigned i = 0; i < cpu_count(); i++) {
        while (atomic_load_explicit(&lock.reader[i].active, memory_order_seq_cst)) {
            cpu_pause();
        }
    }
    return irq;
}

void aspace_write_unlock(bool irq)
{
    /* Release: pairs with the load of `writing` in aspace_read_lock(). */
    atomic_store_explicit(&lock.writing, false, memory_order_release);
    spin_unlock(&lock.writer, irq);
}
