/* SPDX-License-Identifier: MIT */
/*
 * Changing what is mapped: protection, contents, advice.
 *
 * A protection that only allows more needs no shoot-down: a CPU that still
 * knows the old one faults, and a fault drops what its TLB holds for the
 * address (Intel SDM 3A, 4.10.4.1).  HotSpot's committing of reserved memory
 * is of that kind.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/trace.h>

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* As aspace_op_lock(), but the whole range must be mapped: else -ENOMEM, unlocked. */
static int lock_mapped(struct aspace_op *op, bool *irq)
{
    *irq = aspace_op_lock(op);
    if (region_set_covers(&aspace.set, op->start, op->end)) {
        return 0;
    }
    aspace_write_unlock(*irq);
    return -ENOMEM;
}

/* Does `prot` take away what some region in the range allows, or give more? */
static void compare_prot(const struct aspace_op *op, unsigned prot, bool *less, bool *more)
{
    *less = *more = false;
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        *less |= (region->prot & ~prot) != 0;
        *more |= (prot & ~region->prot) != 0;
    }
}

/* Does the range have shared pages of a file that was not opened for writing? */
static bool writes_read_only(const struct aspace_op *op, unsigned prot)
{
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        if ((prot & PROT_WRITE) && region->shared && region->object != NULL &&
            !region->object->may_write) {
            return true;
        }
    }
    return false;
}

static void protect_locked(struct aspace_op *op, unsigned prot, bool irq)
{
    bool less, more;

    op->giants = GIANTS_CUT;
    compare_prot(op, prot, &less, &more);
    if (!less && !more) {
        aspace_write_unlock(irq);
        return;
    }
    aspace_op_claim(op);
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        region->prot = (u8)prot;
    }
    aspace_write_unlock(irq);
    pt_range_protect(&op->range, prot, less);
    irq = aspace_write_lock();
    aspace_op_release(op, irq);
}

int aspace_protect(vaddr_t start, u64 size, unsigned prot)
{
    struct aspace_op op;
    int error = (prot & ~PROT_ALL) != 0 ? -EINVAL : aspace_op_begin(&op, start, size);
    bool irq;

    if (error != 0) {
        return error;
    }
    error = lock_mapped(&op, &irq);
    if (error == 0 && writes_read_only(&op, prot)) {
        aspace_write_unlock(irq);
        error = -EACCES;
    }
    if (error == 0) {
        protect_locked(&op, prot, irq);
        trace(TRACE_PROTECT, start, size);
    }
    aspace_op_end(&op);
    return error;
}

/* Write lock held.  Nothing but memory without a file? */
static bool is_anonymous(const struct aspace_op *op)
{
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        if (region->kind != REGION_ANON) {
            return false;
        }
    }
    return true;
}

static int discard(vaddr_t start, u64 size, bool keep)
{
    struct aspace_op op;
    int error = aspace_op_begin(&op, start, size);
    bool irq;

    if (error != 0) {
        return error;
    }
    error = lock_mapped(&op, &irq);
    if (error == 0) {
        op.range.own = keep && is_anonymous(&op);
        op.giants = GIANTS_CUT;
        aspace_op_claim(&op);
        aspace_write_unlock(irq);
        pt_range_clear(&op.range);
        irq = aspace_write_lock();
        aspace_op_release(&op, irq);
    }
    aspace_op_end(&op);
    return error;
}

int aspace_discard(vaddr_t start, u64 size)
{
    return discard(start, size, false);
}

int aspace_discard_own(vaddr_t start, u64 size)
{
    struct region_view view;
    int error = 0;

    for (vaddr_t end = start + size; start < end && error == 0; start = view.end) {
        if (!aspace_view(start, &view) || view.start >= end) {
            break;
        }
        start = MAX(start, view.start);
        if (view.kind == REGION_FILE || !view.shared) {
            error = discard(start, MIN(end, view.end) - start, true);
        }
        aspace_view_end(&view);
    }
    return error;
}

int aspace_set_pages(vaddr_t start, u64 size, enum region_pages pages)
{
    struct aspace_op op;
    int error = pages > PAGES_UP_TO_2M ? -EINVAL : aspace_op_begin(&op, start, size);
    bool irq;

    if (error != 0) {
        return error;
    }
    error = lock_mapped(&op, &irq);
    if (error == 0) {
        op.giants = GIANTS_KEEP;
        aspace_op_claim(&op);
        region_for_each(region, &aspace.set, op.start, op.end)
        {
            region->pages = (u8)pages;
        }
        aspace_op_release(&op, irq);
    }
    aspace_op_end(&op);
    return error;
}

int aspace_advise_pages(vaddr_t start, u64 size, enum region_pages pages)
{
    int error = aspace_set_pages(start, size, pages);

    /* Whatever cannot be promoted stays as it is: it is advice. */
    for (vaddr_t w = ALIGN_UP(start, LARGE_SIZE);
         error == 0 && pages == PAGES_LARGE && w + LARGE_SIZE <= start + size; w += LARGE_SIZE) {
        if (aspace_promote(w) == -ENOMEM) {
            break;
        }
    }
    return error;
}
