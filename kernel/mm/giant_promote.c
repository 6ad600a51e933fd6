/* SPDX-License-Identifier: MIT */
/*
 * Promotion to 1 GiB: a GiB of one region, with frames of its own, gets one page.
 *
 * If its frames still lie in the order in which one block had them, because it was such a
 * page before, the entry is all that changes.  Else all is copied into a free block of 1 GiB.
 * The GiB cannot be reached meanwhile, by a CPU that knew it neither, so that no write is lost;
 * who touches it waits, as its region is busy.
 */
#include "aspace_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/trace.h>

#define NO_FRAME 0ul /* the first frame of all is not the allocator's */
#define NEEDS_FRAME 1
#define LARGE_PAGES (LARGE_SIZE / PAGE_SIZE)
#define RELEASE_AT_ONCE 8u /* records of a batch that needs no further memory */

struct giant_promotion {
    struct aspace_op op;
    bool force;
    bool made;
    pfn_t frame;   /* where to copy it, or NO_FRAME */
    u64 bits;      /* protection */
    u64 *entry;    /* of the first window, in the directory */
    s64 small;     /* leaves of 4 KiB, */
    s64 large;     /* and of 2 MiB, that there were */
    bool in_place; /* `frame` is what it has */
    bool dirty;
};

static pfn_t frame_of(u64 pte)
{
    return (pte & PTE_ADDRESS) >> PAGE_SHIFT;
}

/* As in promote.c, of a leaf that has so many frames. */
static bool is_alone(u64 pte, u64 frames)
{
    return (pte & PTE_FILE) == 0 &&
           ((pte & PTE_SNAPSHOT) != 0 || frame_used_once(frame_of(pte), frames));
}

/* ---- Looking ------------------------------------------------------------------------------- */

/* Write lock held.  Is it one region that may have such a page? */
static bool choose(struct giant_promotion *p)
{
    const struct region *region = region_set_find(&aspace.set, p->op.start);
    bool fits = region != NULL && region->end >= p->op.end && region->kind == REGION_ANON &&
                !region->shared && pt_giant_leaf(p->op.start) == NULL &&
                (p->force || (region->pages != PAGES_SMALL && region->pages != PAGES_UP_TO_2M));

    p->bits = fits ? pte_from_prot(region->prot) : 0;
    return fits;
}

/* How many leaves a table has; -1: others use a frame of one as well. */
static int count_table(const u64 *table)
{
    int count = 0;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = pte_load(&table[i]);

        if (pte != 0 && !is_alone(pte, 1)) {
            return -1;
        }
        count += pte != 0;
    }
    return count;
}

/* Is something there, and nothing that others use as well? */
static bool is_fit(struct giant_promotion *p)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = pte_load(&p->entry[i]);
        bool large = (pte & PTE_LARGE) != 0;
        int small = pte == 0 || large ? 0 : count_table(pt_table(pte));

        if (small < 0 || (large && !is_alone(pte, PT_ENTRIES))) {
            return false;
        }
        p->small += small;
        p->large += large;
    }
    return p->small + p->large > 0;
}

/* The block that has all its frames, in order; or NO_FRAME. */
static pfn_t block_in_order(const struct giant_promotion *p)
{
    u64 pte = pte_load(&p->entry[0]);
    pfn_t first;

    if (pte != 0 && !(pte & PTE_LARGE)) {
        pte = pte_load(pt_table(pte));
    }
    first = frame_of(pte);
    if (pte == 0 || !IS_ALIGNED(first, 1ul << ORDER_1G) || !frame_is_block(first, ORDER_1G) ||
        !frame_used_once(first, 1ul << ORDER_1G)) {
        return NO_FRAME;
    }
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        pfn_t frame = first + i * LARGE_PAGES;

        pte = pte_load(&p->entry[i]);
        if (pte == 0 || ((pte & PTE_LARGE) != 0 ? frame_of(pte) != frame
                                                : !promote_table_in_order(pt_table(pte), frame))) {
            return NO_FRAME;
        }
    }
    return first;
}

/* ---- Copying -------------------------------------------------------------------------------- */

static void copy_large(pfn_t to, pfn_t from)
{
    for (unsigned i = 0; i < LARGE_PAGES; i += COPY_PAGES) {
        const void *pages[COPY_PAGES] = {pfn_to_virt(from + i), pfn_to_virt(from + i + 1),
                                         pfn_to_virt(from + i + 2), pfn_to_virt(from + i + 3)};

        copy_pages_uncached(pfn_to_virt(to + i), pages);
    }
    memory_fence_uncached();
}

/* A window's pages to where they shall be. */
static void copy_window(struct giant_promotion *p, u64 pte, pfn_t to)
{
    s64 leaves = 0;

    if (pte == 0) {
        memzero_uncached(pfn_to_virt(to), LARGE_SIZE);
    } else if (pte & PTE_LARGE) {
        copy_large(to, frame_of(pte));
        p->dirty |= (pte & PTE_DIRTY) != 0;
    } else {
        p->dirty |= promote_copy_table(to, pt_table(pte), &leaves);
    }
}

static void copy_all(struct giant_promotion *p)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        copy_window(p, p->entry[i], p->frame + i * LARGE_PAGES);
        sched_yield();
    }
}

/* The frames stay; was any page dirty? */
static void look_for_dirty(struct giant_promotion *p)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = p->entry[i];

        p->dirty |=
            (pte & PTE_LARGE) != 0 ? (pte & PTE_DIRTY) != 0 : promote_table_dirty(pt_table(pte));
    }
}

/* What the directory had is freed: all of it, or its tables.  No CPU knows it any more. */
static void release_old(struct giant_promotion *p)
{
    struct tlb_batch *batch = &p->op.range.batch;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = p->entry[i];

        if (pte & PTE_LARGE) {
            if (!p->in_place && leaf_is_counted(pte)) {
                tlb_batch_put(batch, frame_of(pte), ORDER_2M);
            } else if (!p->in_place) {
                tlb_batch_free(batch, frame_of(pte), ORDER_2M);
            }
        } else if (pte != 0 && p->in_place) {
            tlb_batch_free(batch, frame_of(pte), ORDER_4K);
        } else if (pte != 0) {
            tlb_batch_free_table(batch, frame_of(pte));
        }
        if ((i + 1) % RELEASE_AT_ONCE == 0) {
            tlb_batch_finish(batch);
        }
    }
}

/* ---- The call ------------------------------------------------------------------------------- */

static void exchange(struct giant_promotion *p)
{
    u64 table = pt_giant_close(p->op.start);
    u64 bits = p->bits | PTE_LARGE | PTE_ACCESSED;

    tlb_batch_add(&p->op.range.batch, p->op.start, GIANT_SIZE, PAGE_SIZE);
    tlb_batch_finish(&p->op.range.batch);
    if (p->in_place) {
        look_for_dirty(p);
    } else {
        copy_all(p);
    }
    pt_giant_make(p->op.start, table, p->frame << PAGE_SHIFT | bits | (p->dirty ? PTE_DIRTY : 0));
    release_old(p);
    giant_count(1);
    aspace_count(COUNT_4K, -p->small);
    aspace_count(COUNT_2M, -p->large);
    aspace_count(COUNT_PROMOTIONS, 1);
    aspace_event(p->op.start, ASPACE_PROMOTED, 1);
    p->made = true;
}

/* Claimed.  0 or NEEDS_FRAME. */
static int promote_claimed(struct giant_promotion *p)
{
    pfn_t block;

    p->entry = pt_directory_entry(p->op.start);
    p->small = p->large = 0;
    if (p->entry == NULL || !is_fit(p)) {
        return 0;
    }
    block = block_in_order(p);
    if (block == NO_FRAME && p->frame == NO_FRAME) {
        return NEEDS_FRAME;
    }
    p->in_place = p->frame == NO_FRAME;
    p->frame = p->in_place ? block : p->frame;
    exchange(p);
    return 0;
}

static int promote_locked(struct giant_promotion *p)
{
    bool irq = aspace_op_lock(&p->op);
    int result;

    if (!choose(p)) {
        aspace_write_unlock(irq);
        return 0;
    }
    aspace_op_claim(&p->op);
    aspace_write_unlock(irq);
    result = promote_claimed(p);
    irq = aspace_write_lock();
    aspace_op_release(&p->op, irq);
    return result;
}

/* In place if it can be; a frame is taken with nothing claimed. */
static int promote(vaddr_t giant, bool force, u64 *made)
{
    struct giant_promotion p = {.force = force, .frame = NO_FRAME};
    int result = aspace_op_begin(&p.op, giant, GIANT_SIZE);

    if (result != 0) {
        return result;
    }
    result = promote_locked(&p);
    if (result == NEEDS_FRAME) {
        result = frame_alloc(ORDER_1G, 0, &p.frame);
        if (result == 0) {
            result = promote_locked(&p);
        }
        if (result == 0 && !p.made) {
            frame_free(p.frame, ORDER_1G);
        }
    }
    aspace_op_end(&p.op);
    *made += p.made;
    trace(TRACE_PROMOTE, giant, (u64)result);
    return result;
}

int promote_giants(vaddr_t start, vaddr_t end, bool force, u64 *made)
{
    int error = 0;

    *made = 0;
    if (!cpu_has_giant_pages()) {
        return -EOPNOTSUPP;
    }
    for (start = ALIGN_UP(start, GIANT_SIZE);
         error == 0 && start < end && end - start >= GIANT_SIZE; start += GIANT_SIZE) {
        error = promote(start, force, made);
    }
    return error;
}

int aspace_promote_giants(vaddr_t start, vaddr_t end, u64 *made)
{
    return promote_giants(start, end, false, made);
}
