/* SPDX-License-Identifier: MIT */
/*
 * mremap(2) to another place: the entries of the page table move, the pages do
 * not.  Both ranges are claimed under one hold of the write lock, so that
 * faults and other operations wait for both.  What needs memory comes first:
 * tables at the new place, and for windows that do not move whole, tables
 * instead of large pages at the old one; the moves cannot fail.
 *
 * Windows of 2 MiB move by their directory entry if both places are aligned
 * alike, which they are for whatever the kernel placed.
 *
 * A window that the old range shares with a neighbour may get a table at any
 * time, by a fault of the neighbour's.  Nothing of the old range is in it then,
 * as faults there wait; so there is nothing to be moved, nor a table for it.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/trace.h>

#define LEAVES_AT_ONCE 32u

struct move {
    vaddr_t from, to;
    u64 size;
    struct tlb_batch batch;
};

/* How far from `done` on one step goes, and whether it is a whole window at both places. */
static u64 step_size(const struct move *move, u64 done, bool *whole)
{
    vaddr_t from = move->from + done, to = move->to + done;
    u64 left = move->size - done;

    *whole = IS_ALIGNED(from | to, LARGE_SIZE) && left >= LARGE_SIZE;
    if (*whole) {
        return LARGE_SIZE;
    }
    left = MIN(left, LARGE_SIZE - from % LARGE_SIZE);
    return MIN(left, LARGE_SIZE - to % LARGE_SIZE);
}

/* Is anything in the window of `va`? */
static bool window_used(vaddr_t va)
{
    u64 *entry = pt_directory_entry(va);

    return entry != NULL && pte_load(entry) != 0;
}

static int make_entry(vaddr_t va, unsigned level)
{
    bool irq = spin_lock(pt_window_lock(va));
    u64 *entry;
    int error = pt_entry(va, level, &entry);

    spin_unlock(pt_window_lock(va), irq);
    return error;
}

static int demote(vaddr_t va)
{
    bool irq = spin_lock(pt_window_lock(va));
    u64 *entry = pt_directory_entry(va);
    bool large = (pte_load(entry) & PTE_LARGE) != 0;
    int error = pt_demote(va);

    if (error == 0 && large) {
        aspace_count_demotion(va);
    }
    spin_unlock(pt_window_lock(va), irq);
    return error;
}

/* Where nothing is mapped, steps go on by 1 GiB. */
static u64 skip_empty(const struct move *move, u64 done, u64 step)
{
    vaddr_t from = move->from + done;

    return pt_directory_entry(from) != NULL
               ? step
               : MIN(move->size - done, pt_level_size(3) - from % pt_level_size(3));
}

static int prepare(const struct move *move)
{
    int error = 0;

    for (u64 done = 0; done < move->size && error == 0;) {
        bool whole;
        u64 step = step_size(move, done, &whole);

        if (window_used(move->from + done)) {
            error = whole ? 0 : demote(move->from + done);
            if (error == 0) {
                error = make_entry(move->to + done, whole ? 2 : 1);
            }
            done += step;
        } else {
            done += skip_empty(move, done, step);
        }
    }
    return error;
}

static void move_window(struct move *move, vaddr_t from, vaddr_t to)
{
    u64 *old = pt_directory_entry(from), *new = pt_directory_entry(to);
    u64 value = pte_load(old), none = 0;

    if (value != 0 && pte_load(new) != 0) {
        /* A table that an earlier mapping left behind, empty. */
        tlb_batch_free_table(&move->batch, (pte_load(new) & PTE_ADDRESS) >> PAGE_SHIFT);
        if (!platform->directory_writes_flush) {
            tlb_batch_add(&move->batch, to, PAGE_SIZE, PAGE_SIZE);
        }
    }
    platform->write_entries(old, &none, 1);
    platform->write_entries(new, &value, 1);
    if (!platform->directory_writes_flush) {
        tlb_batch_add(&move->batch, from, LARGE_SIZE, value & PTE_LARGE ? LARGE_SIZE : PAGE_SIZE);
    }
}

/* Takes up to LEAVES_AT_ONCE leaves out of one table, and puts them into another. */
static u64 move_leaves(struct move *move, vaddr_t from, vaddr_t to, u64 size)
{
    u64 value[LEAVES_AT_ONCE], any = 0;
    unsigned count = (unsigned)MIN(size / PAGE_SIZE, LEAVES_AT_ONCE);
    unsigned level;
    bool irq = spin_lock(pt_window_lock(from));
    u64 *entry = pt_lookup(from, &level);

    BUG_ON(level != 1);
    for (unsigned i = 0; i < count; i++) {
        value[i] = pte_load(&entry[i]) == 0 ? 0 : pte_exchange(&entry[i], 0);
        any |= value[i];
    }
    spin_unlock(pt_window_lock(from), irq);
    if (any == 0) {
        return count * PAGE_SIZE; /* the table may be a neighbour's: see above */
    }
    irq = spin_lock(pt_window_lock(to));
    entry = pt_lookup(to, &level);
    BUG_ON(level != 1);
    for (unsigned i = 0; i < count; i++) {
        if (value[i] != 0) {
            pte_store(&entry[i], value[i]);
            tlb_batch_add(&move->batch, from + i * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
        }
    }
    spin_unlock(pt_window_lock(to), irq);
    return count * PAGE_SIZE;
}

static void move_entries(struct move *move)
{
    tlb_batch_init(&move->batch);
    for (u64 done = 0; done < move->size;) {
        bool whole;
        u64 step = step_size(move, done, &whole);

        if (!window_used(move->from + done)) {
            done += skip_empty(move, done, step);
        } else if (whole) {
            if (tlb_batch_full(&move->batch)) {
                tlb_batch_finish(&move->batch);
            }
            move_window(move, move->from + done, move->to + done);
            done += step;
        } else {
            done += move_leaves(move, move->from + done, move->to + done, step);
        }
    }
    tlb_batch_finish(&move->batch);
}

/* Write lock held.  0 and the one region that holds the old range. */
static int check_source(vaddr_t start, u64 size, struct region **source)
{
    *source = region_set_find(&aspace.set, start);
    return *source == NULL || (*source)->kind == REGION_KERNEL || (*source)->end < start + size
               ? -EFAULT
               : 0;
}

/* A region like `source`, as if that began at `start`. */
static struct region likeness(const struct region *source, vaddr_t start)
{
    struct region copy = *source;

    copy.guard = copy.busy = copy.closing = false;
    if (copy.object != NULL) {
        copy.offset += start - source->start;
        region_object_get(copy.object);
    }
    return copy;
}

/* More of the same behind what is there: 0, or -ENOMEM if something is in the way. */
static int grow(vaddr_t start, u64 old_size, u64 new_size)
{
    vaddr_t end = start + old_size;
    struct aspace_op op;
    struct region *source;
    int error = aspace_op_begin(&op, end, new_size - old_size);
    bool irq;

    if (error != 0) {
        return -ENOMEM;
    }
    irq = aspace_op_lock(&op);
    error = check_source(start, old_size, &source);
    if (error == 0 && (source->closing || source->end != end ||
                       region_set_overlaps(&aspace.set, op.start, op.end))) {
        error = -ENOMEM;
    }
    if (error == 0) {
        struct region more = likeness(source, end);

        region_set_insert(&aspace.set, op.start, op.end, &more, &op.pool);
        aspace_op_release(&op, irq);
    } else {
        aspace_write_unlock(irq);
    }
    aspace_op_end(&op);
    return error;
}

/* What the old range is left with: nothing, or an empty mapping. */
static void leave(struct aspace_op *from, unsigned flags)
{
    bool irq = aspace_write_lock();

    if (!(flags & MOVE_KEEP)) {
        region_set_remove(&aspace.set, from->start, from->end, &from->pool);
    }
    aspace_op_release(from, irq);
}

/* Claims the old range and a new region; both are busy on 0. */
static int claim_both(struct aspace_op *from, struct aspace_op *to, u64 new_size, bool *irq)
{
    struct region *source, *made, like;
    int error;

    *irq = aspace_op_lock_both(from, to);
    error = check_source(from->start, from->end - from->start, &source);
    if (error == 0 && region_set_overlaps(&aspace.set, to->start, to->end)) {
        error = -EEXIST;
    }
    if (error != 0) {
        return error;
    }
    like = likeness(source, from->start);
    made = region_set_insert(&aspace.set, to->start, to->start + new_size, &like, &to->pool);
    aspace_op_claim(to);
    if (made->object != NULL && to->start < from->start) {
        aspace.moves_down++;
    }
    aspace_op_claim(from);
    return 0;
}

/* Undoes claim_both(). */
static void unclaim(struct aspace_op *from, struct aspace_op *to)
{
    bool irq = aspace_write_lock();

    region_set_remove(&aspace.set, to->start, to->end, &to->pool);
    aspace_op_release(to, irq);
    irq = aspace_write_lock();
    aspace_op_release(from, irq);
}

static int move_claimed(struct aspace_op *from, struct aspace_op *to, unsigned flags)
{
    struct move move = {
        .from = from->start,
        .to = to->start,
        .size = MIN(from->end - from->start, to->end - to->start),
    };
    int error = prepare(&move);
    bool irq;

    if (error != 0) {
        unclaim(from, to);
        return error == -EEXIST ? -ENOMEM : error;
    }
    move_entries(&move);
    pt_range_clear(&from->range); /* what is beyond the new size, and empty tables */
    irq = aspace_write_lock();
    aspace_op_release(to, irq);
    leave(from, flags);
    return 0;
}

static int move_between(struct aspace_op *from, struct aspace_op *to, unsigned flags)
{
    bool irq;
    int error = claim_both(from, to, to->end - to->start, &irq);

    aspace_write_unlock(irq);
    return error != 0 ? error : move_claimed(from, to, flags);
}

/* To a place that was chosen; -EEXIST: it is taken. */
static int move_to(vaddr_t start, u64 old_size, u64 new_size, unsigned flags, vaddr_t addr)
{
    struct aspace_op *op = kmalloc(2 * sizeof(*op)); /* too much for this stack */
    int error = op == NULL ? -ENOMEM : aspace_op_begin(&op[0], start, old_size);

    if (error == 0) {
        error = aspace_op_begin(&op[1], addr, new_size);
        if (error == 0) {
            error = move_between(&op[0], &op[1], flags);
            aspace_op_end(&op[1]);
        }
        aspace_op_end(&op[0]);
    }
    kfree(op);
    return error;
}

static int move_anywhere(vaddr_t start, u64 old_size, u64 new_size, unsigned flags, vaddr_t *addr)
{
    int error;

    do {
        bool irq = aspace_write_lock();

        error =
            region_set_place(&aspace.set, new_size, 0, old_size >= LARGE_SIZE ? start : 0, addr);
        aspace_write_unlock(irq);
        if (error == 0) {
            error = move_to(start, old_size, new_size, flags, *addr);
        }
    } while (error == -EEXIST);
    return error;
}

static int move_fixed(vaddr_t start, u64 old_size, u64 new_size, unsigned flags, vaddr_t addr)
{
    int error;

    if (aspace_range_valid(addr, new_size) != 0 ||
        (addr < start + old_size && start < addr + new_size)) {
        return -EINVAL;
    }
    do {
        error = aspace_unmap(addr, new_size);
        if (error == 0) {
            error = move_to(start, old_size, new_size, flags, addr);
        }
    } while (error == -EEXIST);
    return error;
}

/* Is the old range one region?  So that nothing is changed if it is not. */
static int check_range(vaddr_t start, u64 size)
{
    bool irq = aspace_write_lock();
    struct region *source;
    int error = check_source(start, size, &source);

    aspace_write_unlock(irq);
    return error;
}

static int shrink_or_grow(vaddr_t start, u64 old_size, u64 new_size)
{
    if (new_size < old_size) {
        return aspace_unmap(start + new_size, old_size - new_size);
    }
    return new_size == old_size ? 0 : grow(start, old_size, new_size);
}

int aspace_move(vaddr_t start, u64 old_size, u64 new_size, unsigned flags, vaddr_t *addr)
{
    int error = aspace_range_valid(start, old_size);

    if (error != 0 || !IS_ALIGNED(new_size, PAGE_SIZE) || new_size == 0 || new_size > VADDR_END) {
        return -EINVAL;
    }
    error = check_range(start, old_size);
    if (error != 0) {
        return error;
    }
    if (flags & MOVE_FIXED) {
        error = move_fixed(start, old_size, new_size, flags, *addr);
    } else if (flags & MOVE_KEEP) {
        error = move_anywhere(start, old_size, new_size, flags, addr);
    } else {
        error = shrink_or_grow(start, old_size, new_size);
        if (error == 0) {
            *addr = start;
        } else if (error == -ENOMEM && new_size > old_size && (flags & MOVE_MAY)) {
            error = move_anywhere(start, old_size, new_size, flags, addr);
        }
    }
    trace(TRACE_MAP, start, new_size);
    return error;
}
