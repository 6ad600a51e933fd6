/* SPDX-License-Identifier: MIT */
/*
 * Aliases: the pages of one place at a second one too, as the same pages or as a snapshot.
 *
 * The uses of a frame that more than one leaf maps are counted in the frame's descriptor, by
 * frames of 4 KiB, so that a large page may be split at one place and not at the other, and
 * each leaf that takes part says so (PTE_COUNTED).  Nobody knows where the other leaves
 * are, nor has to: what changes one place never changes the other.
 *
 * A leaf of a snapshot, at either place, has PTE_SNAPSHOT and no right to write; the first
 * write gets a copy (fault_snapshot.c), or the page itself when it is the last one's.  The
 * places stay claimed until all CPUs have lost the right to write, and a write
 * that faults waits for that.  So what is written by the time of the shoot-down
 * is in the snapshot, and nothing else is written before the call is done: the snapshot is
 * that of one moment, for all pairs of a call.
 *
 * Shared pages must have frames, and of their own: that is made sure of first, as it may
 * fail.  Pages of 2 MiB stay so where both places are as far from a multiple of that.
 */
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>

#include "remap_priv.h"

#define NEW_BITS (PTE_ACCESSED | PTE_DIRTY)

static pfn_t frame_of(u64 leaf)
{
    return (leaf & PTE_ADDRESS) >> PAGE_SHIFT;
}

static bool is_snapshot(const struct remap *r)
{
    return r->request->kind == REMAP_SNAPSHOT;
}

/* ---- What is refused ------------------------------------------------------------------------ */

/* Is the leaf's frame another one's too, that may be written to there? */
static bool is_shared(u64 leaf, u64 frames)
{
    return (leaf & (PTE_COUNTED | PTE_SNAPSHOT)) == PTE_COUNTED &&
           !frame_used_once(frame_of(leaf), frames);
}

static bool window_is_shared(vaddr_t va, u64 size)
{
    u64 entry = remap_window_entry(va);
    bool shared = (entry & PTE_LARGE) != 0 && is_shared(entry, PT_ENTRIES);

    for (u64 i = 0; entry != 0 && !(entry & PTE_LARGE) && i < size / PAGE_SIZE && !shared; i++) {
        shared = is_shared(pte_load(&pt_table(entry)[va / PAGE_SIZE % PT_ENTRIES + i]), 1);
    }
    return shared;
}

int remap_alias_check(const struct aspace_remap *request)
{
    for (u64 i = 0; i < request->count; i++) {
        vaddr_t va = request->pairs[i].from, end = va + request->pairs[i].size;

        for (vaddr_t next; va < end; va = next) {
            u64 unit = pt_directory_entry(va) == NULL ? GIANT_SIZE : LARGE_SIZE;

            next = MIN(end, ALIGN_DOWN(va, unit) + unit);
            if (unit == LARGE_SIZE && window_is_shared(va, next - va)) {
                return -EBUSY;
            }
        }
    }
    return 0;
}

/* ---- Pages that are to be shared ------------------------------------------------------------ */

void remap_alias_populate(const struct aspace_remap *request)
{
    int error = 0;

    /* What is still missing when all is claimed is a matter of back_window(). */
    for (u64 i = 0; i < request->count && error == 0; i++) {
        error = aspace_populate(request->pairs[i].from, request->pairs[i].size);
    }
}

static u64 fresh_leaf(pfn_t frame, unsigned prot)
{
    u64 bits = pte_from_prot(prot) | PTE_ACCESSED;

    return frame << PAGE_SHIFT | bits | (bits & PTE_WRITE ? PTE_DIRTY : 0);
}

/*
 * The page gets a frame, or if it is a snapshot's one of its own: with PTE_SNAPSHOT
 * still, until all CPUs have forgotten the old one.
 */
static int back_page(struct remap *r, u64 *entry, vaddr_t va, unsigned prot)
{
    u64 value = pte_load(entry);
    bool copy = (value & PTE_SNAPSHOT) != 0 && frame_uses(frame_of(value)) != 1;
    pfn_t frame;

    if (value != 0 && !copy) {
        return 0;
    }
    if ((copy && tlb_batch_full(&r->out->batch)) ||
        frame_alloc(ORDER_4K, value == 0 ? FRAME_ZERO : 0, &frame) != 0) {
        return -ENOMEM;
    }
    if (value == 0) {
        pte_store(entry, fresh_leaf(frame, prot));
        aspace_count(COUNT_4K, 1);
        return 0;
    }
    memcpy(pfn_to_virt(frame), pfn_to_virt(frame_of(value)), PAGE_SIZE);
    pte_store(entry, (value & ~PTE_ADDRESS) | frame << PAGE_SHIFT);
    tlb_batch_put(&r->out->batch, frame_of(value), ORDER_4K);
    tlb_batch_add(&r->out->batch, va, PAGE_SIZE, PAGE_SIZE);
    remap_count(&remap_counters.copies, 1);
    r->copied = true;
    return 0;
}

/* A whole window of which nothing is there. */
static bool back_large(vaddr_t va, unsigned prot)
{
    pfn_t frame;
    u64 value;

    if (remap_make_directory(va) != 0 || frame_alloc(ORDER_2M, FRAME_ZERO, &frame) != 0) {
        return false;
    }
    value = fresh_leaf(frame, prot) | PTE_LARGE;
    platform->write_entries(pt_directory_entry(va), &value, 1);
    aspace_count(COUNT_2M, 1);
    return true;
}

/* A part of a window of `from`, which has one protection. */
static int back_window(struct remap *r, const struct remap_part *part)
{
    bool full = part->whole && part->size == LARGE_SIZE;
    u64 value = remap_window_entry(part->from), *entry;
    int error;

    if ((value == 0 && full && back_large(part->from, part->prot_from)) ||
        ((value & PTE_LARGE) &&
         (!(value & PTE_SNAPSHOT) || frame_used_once(frame_of(value), PT_ENTRIES)))) {
        return 0;
    }
    error = remap_open_window(r, part->from, false);
    if (error != 0) {
        return error;
    }
    entry = pt_directory_entry(part->from);
    entry = &pt_table(pte_load(entry))[part->from / PAGE_SIZE % PT_ENTRIES];
    for (u64 i = 0; i < part->size / PAGE_SIZE && error == 0; i++) {
        error = back_page(r, &entry[i], part->from + i * PAGE_SIZE, part->prot_from);
    }
    return error;
}

/* ---- What must be there first --------------------------------------------------------------- */

static bool is_full(const struct remap_part *part)
{
    return part->whole && part->size == LARGE_SIZE;
}

static int prepare_window(struct remap *r, const struct remap_part *part)
{
    u64 from, to;
    int error = is_snapshot(r) ? 0 : back_window(r, part);

    if (error != 0) {
        return error;
    }
    from = remap_window_entry(part->from);
    to = remap_window_entry(part->to);
    if (is_full(part) && (from & PTE_LARGE)) {
        return remap_make_directory(part->to);
    }
    if ((is_full(part) && from == 0) || (from == 0 && to == 0)) {
        return 0;
    }
    error = from & PTE_LARGE ? remap_open_window(r, part->from, false) : 0;
    return error != 0 ? error : remap_open_window(r, part->to, false);
}

/* Neither place has a directory: nothing is there up to its end. */
static bool is_empty(const struct remap *r, const struct remap_part *pair, u64 done)
{
    return is_snapshot(r) && pt_directory_entry(pair->to + done) == NULL &&
           pt_directory_entry(pair->from + done) == NULL;
}

static int prepare(struct remap *r, const struct remap_part *pair)
{
    int error = 0;

    for (u64 done = 0; done < pair->size && error == 0;) {
        if (is_empty(r, pair, done)) {
            done += remap_room(pair, done, GIANT_SIZE);
        } else {
            struct remap_part step = remap_cut(pair, done, remap_room(pair, done, LARGE_SIZE));

            error = prepare_window(r, &step);
            done += step.size;
        }
    }
    if (r->copied) {
        remap_flush(r);
        r->copied = false;
    }
    return error;
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* A leaf of `from` as it is to be at a place of this protection. */
static u64 alias_of(const struct remap *r, u64 leaf, unsigned prot)
{
    if (leaf == 0) {
        return 0;
    }
    leaf = is_snapshot(r) ? (leaf | PTE_SNAPSHOT) & ~PTE_WRITE : leaf & ~PTE_SNAPSHOT;
    return leaf_with_bits(leaf | PTE_COUNTED, pte_from_prot(prot));
}

/* Did CPUs have the right to write to what is a snapshot's now? */
static bool loses_write(u64 old, u64 new)
{
    return (old & PTE_PRESENT) && (old & PTE_WRITE) && !(new &PTE_WRITE);
}

/* The leaf at `from` itself.  CPUs may set its dirty bit meanwhile. */
static u64 mark_source(const struct remap *r, u64 *entry, u64 old, unsigned prot)
{
    while (old != alias_of(r, old, prot) && !pte_replace(entry, &old, alias_of(r, old, prot))) {
    }
    return alias_of(r, old, prot);
}

static void alias_leaf(struct remap *r, const struct remap_part *part, u64 i, u64 *to, u64 *from)
{
    u64 old_to = r->to[i], old = r->from[i], new = 0;

    if (old != 0) {
        frame_get(frame_of(old));
        new = mark_source(r, from, old, part->prot_from);
        aspace_count(COUNT_4K, 1);
        if (loses_write(old, new)) {
            tlb_batch_add(&r->out->batch, part->from + i * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
        }
        new = alias_of(r, new, part->prot_to) | NEW_BITS;
    }
    if (to != NULL) {
        remap_store_leaf(r, to, part->to + i * PAGE_SIZE, old_to, new);
    }
    if (old_to != 0) {
        pt_range_release_leaf(r->out, old_to);
    }
}

/* Both places lie in one window each, with tables or nothing.  How many bytes were done. */
static u64 alias_leaves(struct remap *r, const struct remap_part *part)
{
    u64 *to = remap_read_leaves(part->to, part->size, r->to);
    u64 *from = remap_read_leaves(part->from, part->size, r->from);

    for (u64 i = 0; i < part->size / PAGE_SIZE; i++) {
        if (r->to[i] != 0 && tlb_batch_full(&r->out->batch)) {
            return i * PAGE_SIZE;
        }
        alias_leaf(r, part, i, to == NULL ? NULL : &to[i], from == NULL ? NULL : &from[i]);
    }
    return part->size;
}

/*
 * A large leaf whose dirty bit CPUs may set is changed at once, by itself; others in one go
 * with their neighbours, where that costs less.
 */
static void mark_large(struct remap *r, u64 *entry, unsigned i, unsigned prot)
{
    u64 old = r->from[i];

    r->new_from[i] = alias_of(r, old, prot);
    if (!platform->batch_directory_writes || ((old & PTE_WRITE) && !(old & PTE_DIRTY))) {
        r->new_from[i] = r->from[i] = mark_source(r, entry, old, prot);
    }
}

/* Rows of what differs: an entry between two that changes by itself is not stored. */
static void write_rows(struct remap *r, u64 *entry, unsigned count)
{
    for (unsigned i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && r->from[end] != r->new_from[end]; end++) {
        }
        if (end > i) {
            remap_write_windows(r, &entry[i], &r->from[i], &r->new_from[i], end - i);
        }
    }
}

/* Windows with a large page at `from`, or with nothing.  How many were done. */
static unsigned alias_windows(struct remap *r, const struct remap_part *part, unsigned count)
{
    u64 *to = pt_directory_entry(part->to), *from = pt_directory_entry(part->from);
    unsigned i;

    remap_read_windows(to, count, r->to);
    for (i = 0; i < count; i++) {
        u64 offset = i * LARGE_SIZE, old = r->from[i];

        if (!remap_give_back(r, part->to + offset, r->to[i])) {
            break;
        }
        r->new_to[i] = r->new_from[i] = 0;
        if (old != 0) {
            frame_get_all(frame_of(old), PT_ENTRIES);
            mark_large(r, &from[i], i, part->prot_from);
            aspace_count(COUNT_2M, 1);
            r->new_to[i] = alias_of(r, r->new_from[i], part->prot_to) | NEW_BITS;
            if (loses_write(old, r->new_from[i])) {
                remap_flush_window(r, part->from + offset, old);
            }
        }
    }
    remap_write_windows(r, to, r->to, r->new_to, i);
    write_rows(r, from, i);
    return i;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

/* How many windows from here on have no table at `from`; they are read into r->from. */
static unsigned windows_without_table(struct remap *r, const struct remap_part *part)
{
    unsigned count = (unsigned)(part->size / LARGE_SIZE), n = 0;

    remap_read_windows(pt_directory_entry(part->from), count, r->from);
    while (n < count && (r->from[n] == 0 || (r->from[n] & PTE_LARGE))) {
        n++;
    }
    return n;
}

static u64 step_windows(struct remap *r, const struct remap_part *part, u64 done)
{
    u64 size = ALIGN_DOWN(remap_room(part, done, GIANT_SIZE), LARGE_SIZE);
    struct remap_part step;

    if (is_empty(r, part, done)) {
        return size;
    }
    step = remap_cut(part, done, MIN(size, REMAP_RUN * LARGE_SIZE));
    return alias_windows(r, &step, windows_without_table(r, &step)) * LARGE_SIZE;
}

static u64 step(struct remap *r, const struct remap_part *part, u64 done)
{
    u64 size = remap_room(part, done, LARGE_SIZE);
    u64 from = remap_window_entry(part->from + done), to = remap_window_entry(part->to + done);
    struct remap_part leaves;

    if (part->whole && size == LARGE_SIZE && (from == 0 || (from & PTE_LARGE))) {
        return step_windows(r, part, done);
    }
    leaves = remap_cut(part, done, MIN(size, REMAP_RUN * PAGE_SIZE));
    return from == 0 && to == 0 ? leaves.size : alias_leaves(r, &leaves);
}

int remap_alias_pair(struct remap *r, const struct remap_pair *pair)
{
    struct remap_part part = {.to = pair->to, .from = pair->from, .size = pair->size};
    int error;

    remap_look(r, &part);
    error = prepare(r, &part);
    if (error != 0) {
        return -ENOMEM;
    }
    for (u64 done = 0; done < part.size;) {
        if (tlb_batch_full(&r->out->batch)) {
            remap_flush(r);
        }
        done += step(r, &part, done);
    }
    return 0;
}
