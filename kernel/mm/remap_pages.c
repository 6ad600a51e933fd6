/* SPDX-License-Identifier: MIT */
/*
 * One pair of places: which steps it is done in.
 *
 *   whole   both places are as far from a multiple of 2 MiB: the windows that
 *           lie wholly within go by their directory entry, be it a large page
 *           or a table; the two ends by single pages
 *   single  all goes by single pages, and large ones are split first; also where a
 *           large page would come to memory that refuses them
 *
 * Where both places have a whole GiB, which begins at a multiple of that, the two
 * directories are exchanged.
 *
 * A table's entries have the protection of their place.  So tables move only
 * between places of the same one.
 *
 * What may fail comes first: tables where there are none, and in place of large
 * pages.  For `single` that is all that is needed.  For `whole` the windows of
 * the two ends get theirs as their turn comes, from four that are kept ready:
 * where the places overlap, the windows at the ends get other entries on the way.
 *
 * Places that overlap are done in parts as long as one is from the other, in the
 * order in which nothing is overwritten before it has moved.
 */
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>

#include "remap_priv.h"

#define ENDS_TABLES 4u

/* ---- What a place is like ----------------------------------------------------------------- */

/* Does all of it have one protection? */
static bool place_prot(vaddr_t start, u64 size, unsigned *prot)
{
    bool irq = aspace_read_lock(), uniform = true;

    *prot = region_set_find(&aspace.set, start)->prot;
    region_for_each(region, &aspace.set, start, start + size)
    {
        uniform &= region->prot == *prot;
    }
    aspace_read_unlock(irq);
    return uniform;
}

u64 remap_window_entry(vaddr_t va)
{
    const u64 *entry = pt_directory_entry(va);

    return entry == NULL ? 0 : pte_load(entry);
}

/* The first address above `va` whose directory may exist. */
static vaddr_t skip_empty(vaddr_t va, vaddr_t end)
{
    while (va < end && pt_directory_entry(va) == NULL) {
        va = ALIGN_DOWN(va, pt_level_size(3)) + pt_level_size(3);
    }
    return MIN(va, end);
}

/* Has a whole window an entry of that kind: a large page, or a table? */
static bool has_window(vaddr_t start, vaddr_t end, bool large)
{
    vaddr_t va = skip_empty(ALIGN_UP(start, LARGE_SIZE), end);

    for (; va + LARGE_SIZE <= end; va = skip_empty(va + LARGE_SIZE, end)) {
        u64 entry = remap_window_entry(va);

        if (entry != 0 && ((entry & PTE_LARGE) != 0) == large) {
            return true;
        }
    }
    return false;
}

static bool is_used(vaddr_t start, vaddr_t end)
{
    vaddr_t va = skip_empty(start, end);

    for (; va < end; va = skip_empty(ALIGN_DOWN(va, LARGE_SIZE) + LARGE_SIZE, end)) {
        if (remap_window_entry(va) != 0) {
            return true;
        }
    }
    return false;
}

/* Does some of the place refuse large pages? */
static bool refuses_large(vaddr_t start, u64 size)
{
    bool irq = aspace_read_lock(), refuses = false;

    region_for_each(region, &aspace.set, start, start + size)
    {
        refuses |= region->pages == PAGES_SMALL;
    }
    aspace_read_unlock(irq);
    return refuses;
}

/*
 * Would a large page come to a place that refuses them?  Then all goes by single ones.  So
 * does what is to be shared there, which may be backed only now.
 */
static bool is_refused(const struct remap *r, const struct remap_part *pair)
{
    bool shares = r->request->kind == REMAP_SHARE;

    return (refuses_large(pair->to, pair->size) &&
            (shares || has_window(pair->from, pair->from + pair->size, true))) ||
           (refuses_large(pair->from, pair->size) &&
            (shares || has_window(pair->to, pair->to + pair->size, true)));
}

static bool overlaps(const struct remap_part *pair)
{
    return pair->to < pair->from + pair->size && pair->from < pair->to + pair->size;
}

void remap_look(const struct remap *r, struct remap_part *pair)
{
    bool tables = r->request->kind == REMAP_SWAP || r->request->kind == REMAP_MOVE;
    bool alike = IS_ALIGNED(pair->to - pair->from, LARGE_SIZE);

    pair->uniform = place_prot(pair->to, pair->size, &pair->prot_to) &
                    place_prot(pair->from, pair->size, &pair->prot_from);
    pair->whole = alike && pair->uniform && pair->size >= LARGE_SIZE;
    if (pair->whole && is_refused(r, pair)) {
        pair->whole = false;
    }
    if (pair->whole && tables && pair->prot_to != pair->prot_from) {
        pair->whole = !overlaps(pair) && !has_window(pair->to, pair->to + pair->size, false) &&
                      !has_window(pair->from, pair->from + pair->size, false);
    }
}

/* ---- What must be there first --------------------------------------------------------------- */

int remap_make_directory(vaddr_t va)
{
    u64 *entry;

    return pt_entry(va, 2, &entry);
}

int remap_open_window(struct remap *r, vaddr_t va, bool spare)
{
    struct spinlock *lock = pt_window_lock(va);
    bool irq = spin_lock(lock);
    u64 value = remap_window_entry(va), *entry;
    int error = 0;

    if (value & PTE_LARGE) {
        BUG_ON(spare && r->spares == 0);
        if (spare && pt_demote_into(va, r->spare[r->spares - 1])) {
            r->spares--;
        } else {
            error = pt_demote(va);
        }
        if (error == 0) {
            aspace_count_demotion(va);
            remap_count(&remap_counters.splits, 1);
        }
    } else if (value == 0 && spare) {
        BUG_ON(r->spares == 0);
        r->spares -= pt_link_into(va, r->spare[r->spares - 1]);
    } else if (value == 0) {
        error = pt_entry(va, 1, &entry);
    }
    spin_unlock(lock, irq);
    return error;
}

/* Tables for the two ends; they are zeroed, and those that are left serve the next pair. */
static int take_spares(struct remap *r)
{
    while (r->spares < ENDS_TABLES) {
        pfn_t pfn;

        if (frame_alloc_table(FRAME_ZERO, &pfn) != 0) {
            return -ENOMEM;
        }
        r->spare[r->spares++] = pfn << PAGE_SHIFT;
    }
    return 0;
}

u64 remap_room(const struct remap_part *part, u64 done, u64 unit)
{
    u64 left = MIN(part->size - done, unit - (part->to + done) % unit);

    return MIN(left, unit - (part->from + done) % unit);
}

/* Where one place has a directory the other one needs it too. */
static int prepare_whole(struct remap *r, const struct remap_part *pair)
{
    bool all = overlaps(pair);
    int error = take_spares(r);

    for (u64 done = 0; done < pair->size && error == 0;
         done += remap_room(pair, done, pt_level_size(3))) {
        vaddr_t to = pair->to + done, from = pair->from + done;

        if (all || pt_directory_entry(to) != NULL || pt_directory_entry(from) != NULL) {
            error = remap_make_directory(to);
            if (error == 0) {
                error = remap_make_directory(from);
            }
        }
    }
    return error;
}

static int prepare_single(struct remap *r, const struct remap_part *pair)
{
    bool all = overlaps(pair) && (is_used(pair->to, pair->to + pair->size) ||
                                  is_used(pair->from, pair->from + pair->size));
    int error = 0;

    for (u64 done = 0; done < pair->size && error == 0;
         done += remap_room(pair, done, LARGE_SIZE)) {
        vaddr_t to = pair->to + done, from = pair->from + done;

        if (all || remap_window_entry(to) != 0 || remap_window_entry(from) != 0) {
            error = remap_open_window(r, to, false);
            if (error == 0) {
                error = remap_open_window(r, from, false);
            }
        }
    }
    return error;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

/* The pages in [va, va + *size) that have one protection, the first one's. */
static unsigned prot_from(vaddr_t va, u64 *size)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, va);
    unsigned prot = region->prot;

    *size = MIN(*size, region->end - va);
    aspace_read_unlock(irq);
    return prot;
}

struct remap_part remap_cut(const struct remap_part *part, u64 done, u64 size)
{
    struct remap_part step = *part;

    step.to += done;
    step.from += done;
    step.size = size;
    if (!part->uniform) {
        step.prot_to = prot_from(step.to, &step.size);
        step.prot_from = prot_from(step.from, &step.size);
    }
    return step;
}

/* Single pages: the next few of one window at each place.  How many bytes. */
static u64 step_single(struct remap *r, const struct remap_part *part, u64 done)
{
    u64 size = MIN(remap_room(part, done, LARGE_SIZE), REMAP_RUN * PAGE_SIZE);
    struct remap_part step = remap_cut(part, done, size);

    if (remap_window_entry(step.to) != 0 || remap_window_entry(step.from) != 0) {
        if (part->whole) {
            BUG_ON(remap_open_window(r, step.to, true) != 0 ||
                   remap_open_window(r, step.from, true) != 0);
        }
        return remap_leaves(r, &step);
    }
    return step.size;
}

/* A GiB at each place, that go as they are? */
static bool is_whole_giant(const struct remap *r, const struct remap_part *part, u64 size)
{
    return size == GIANT_SIZE && r->request->kind == REMAP_SWAP && part->prot_to == part->prot_from;
}

static u64 step_windows(struct remap *r, const struct remap_part *part, u64 done)
{
    u64 size = ALIGN_DOWN(remap_room(part, done, GIANT_SIZE), LARGE_SIZE);
    struct remap_part step;

    if (pt_directory_entry(part->to + done) == NULL &&
        pt_directory_entry(part->from + done) == NULL) {
        return size;
    }
    if (is_whole_giant(r, part, size)) {
        remap_directories(r, part->to + done, part->from + done);
        return size;
    }
    step = remap_cut(part, done, MIN(size, REMAP_RUN * LARGE_SIZE));
    return remap_windows(r, &step);
}

/* The two places do not overlap. */
static void do_part(struct remap *r, const struct remap_part *part)
{
    for (u64 done = 0; done < part->size;) {
        if (tlb_batch_full(&r->out->batch)) {
            remap_flush(r);
        }
        if (part->whole && IS_ALIGNED(part->to + done, LARGE_SIZE) &&
            part->size - done >= LARGE_SIZE) {
            done += step_windows(r, part, done);
        } else {
            done += step_single(r, part, done);
        }
    }
}

/* Upward: parts end where a window does, if they can, so that the next one begins with it. */
static u64 part_up(const struct remap_part *pair, u64 done, u64 distance)
{
    vaddr_t start = pair->to + done, end = start + MIN(pair->size - done, distance);

    if (pair->whole && ALIGN_DOWN(end, LARGE_SIZE) > start && done + distance < pair->size) {
        end = ALIGN_DOWN(end, LARGE_SIZE);
    }
    return end - start;
}

/* Downward, from the end: they begin where a window does. */
static u64 part_down(const struct remap_part *pair, u64 left, u64 distance)
{
    vaddr_t end = pair->to + left, start = end - MIN(left, distance);

    if (pair->whole && ALIGN_UP(start, LARGE_SIZE) < end && start > pair->to) {
        start = ALIGN_UP(start, LARGE_SIZE);
    }
    return end - start;
}

static void do_overlapping(struct remap *r, const struct remap_part *pair)
{
    bool up = pair->to < pair->from;
    u64 distance = up ? pair->from - pair->to : pair->to - pair->from;

    for (u64 done = 0; done < pair->size;) {
        u64 left = pair->size - done;
        u64 size = up ? part_up(pair, done, distance) : part_down(pair, left, distance);
        u64 offset = up ? done : left - size;
        struct remap_part part = *pair;

        part.to += offset;
        part.from += offset;
        part.size = size;
        do_part(r, &part);
        done += size;
    }
}

int remap_pair(struct remap *r, const struct remap_pair *pair)
{
    struct remap_part part = {.to = pair->to, .from = pair->from, .size = pair->size};
    int error;

    if (part.to == part.from) {
        return 0; /* a slide by nothing */
    }
    remap_look(r, &part);
    if (remap_is_copied(r, &part)) {
        remap_copy(r, &part);
        return 0;
    }
    error = part.whole ? prepare_whole(r, &part) : prepare_single(r, &part);
    if (error != 0) {
        return -ENOMEM;
    }
    if (overlaps(&part)) {
        do_overlapping(r, &part);
    } else {
        do_part(r, &part);
    }
    return 0;
}
