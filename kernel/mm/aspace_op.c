/* SPDX-License-Identifier: MIT */
/*
 * What all operations on a range have in common.  Everything that can fail
 * comes first: the nodes to split regions with and the tables to split large
 * pages with are taken before the lock; after aspace_op_claim() an operation
 * goes through to its end.
 *
 * What is claimed is a range, holes included: nobody maps into it meanwhile, as the
 * operation would take that for its own.
 *
 * An operation claims its whole range at once or waits holding nothing, so
 * operations cannot wait for each other in a circle.  Who has waited for long comes
 * before those that came later (turn_priv.h): without that, an operation that another
 * CPU repeats without end was seen to keep others from the range for most of a minute.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>

#define OP_NODES 3 /* two for splitting at the borders, one for a new region */

int aspace_op_begin(struct aspace_op *op, vaddr_t start, u64 size)
{
    int error = aspace_range_valid(start, size);

    if (error != 0) {
        return error;
    }
    op->start = start;
    op->end = start + size;
    op->turn = (struct turn){0};
    op->claimed = false;
    op->giants = GIANTS_SPLIT;
    region_pool_init(&op->pool);
    error = region_pool_reserve(&op->pool, OP_NODES, kmalloc);
    if (error == 0) {
        error = pt_range_init(&op->range, op->start, op->end);
    }
    if (error != 0) {
        region_pool_drain(&op->pool, region_free);
    }
    return error;
}

static void join(struct turn *turn, vaddr_t start, vaddr_t end)
{
    bool irq = spin_lock(&aspace.turns);

    turn_join(&aspace.line, turn, start, end, clock_now());
    spin_unlock(&aspace.turns, irq);
}

static void wait_release(u64 seen)
{
    wait_until(&aspace.waiters,
               atomic_load_explicit(&aspace.releases, memory_order_acquire) != seen);
}

void aspace_turn_wait(struct turn *turn, vaddr_t start, vaddr_t end, u64 seen)
{
    join(turn, start, end);
    wait_release(seen);
}

/* Wakes those that have waited behind it. */
void aspace_turn_end(struct turn *turn)
{
    bool irq;

    if (!turn->waits) {
        return;
    }
    irq = spin_lock(&aspace.turns);
    (void)turn_leave(turn);
    spin_unlock(&aspace.turns, irq);
    atomic_fetch_add_explicit(&aspace.releases, 1, memory_order_release);
    wait_wake_all(&aspace.waiters);
}

bool aspace_claimed(vaddr_t start, vaddr_t end)
{
    list_for_each (node, &aspace.claims) {
        const struct aspace_op *op = list_entry(node, struct aspace_op, claim);

        if (op->start < end && start < op->end) {
            return true;
        }
    }
    return false;
}

/* Write lock held. */
static bool may_claim(const struct aspace_op *op)
{
    bool irq, other;

    if (aspace_claimed(op->start, op->end)) {
        return false;
    }
    irq = spin_lock(&aspace.turns);
    other = turn_is_other(&aspace.line, &op->turn, op->start, op->end, clock_now());
    spin_unlock(&aspace.turns, irq);
    return !other;
}

bool aspace_op_lock_both(struct aspace_op *op, struct aspace_op *other)
{
    for (;;) {
        bool irq = aspace_write_lock();
        u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);

        if (may_claim(op) && (other == NULL || may_claim(other))) {
            aspace_turn_end(&op->turn);
            if (other != NULL) {
                aspace_turn_end(&other->turn);
            }
            return irq;
        }
        join(&op->turn, op->start, op->end);
        if (other != NULL) {
            join(&other->turn, other->start, other->end);
        }
        aspace_write_unlock(irq);
        wait_release(seen);
    }
}

bool aspace_op_lock(struct aspace_op *op)
{
    return aspace_op_lock_both(op, NULL);
}

void aspace_op_claim(struct aspace_op *op)
{
    if (op->giants == GIANTS_SPLIT) {
        giant_split_in(op->start, op->end);
    } else if (op->giants == GIANTS_CUT) {
        giant_split_cut(op->start, op->end);
    }
    region_set_carve(&aspace.set, op->start, op->end, &op->pool);
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        region->busy = true;
    }
    list_push_back(&aspace.claims, &op->claim);
    op->claimed = true;
}

void aspace_op_unclaim(struct aspace_op *op)
{
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        region->busy = false;
    }
    list_remove(&op->claim);
    op->claimed = false;
}

void aspace_op_release(struct aspace_op *op, bool irq)
{
    if (op->claimed) {
        aspace_op_unclaim(op);
    }
    region_set_merge(&aspace.set, op->start, op->end, &op->pool);
    assert_slow((region_set_check(&aspace.set), true));
    /* Under the lock, so that whoever saw the region busy waits for a later number. */
    atomic_fetch_add_explicit(&aspace.releases, 1, memory_order_release);
    aspace_write_unlock(irq);
    wait_wake_all(&aspace.waiters);
}

void aspace_op_end(struct aspace_op *op)
{
    pt_range_end(&op->range);
    region_pool_drain(&op->pool, region_free);
}
