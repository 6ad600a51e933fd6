/* SPDX-License-Identifier: MIT */
/*
 * Exchanging and moving entries.  An entry that comes to a place is stored
 * over the one that was there, so that no access in between finds nothing,
 * but for what a move takes away and leaves empty.
 *
 * A page counts as accessed and written to at the place where it comes to:
 * whoever looks for what has changed there must find it.  Entries of a table that
 * moves whole are looked through for that only once somebody has taken
 * such bits back; before, all that may be written is dirty.
 */
#include <kernel/assert.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>

#include "remap_priv.h"

#define NEW_BITS (PTE_ACCESSED | PTE_DIRTY)

static bool swaps(const struct remap *r)
{
    return r->request->kind == REMAP_SWAP;
}

/* A leaf as it is to be at a place of this protection. */
static u64 leaf_at(u64 leaf, unsigned prot)
{
    return leaf == 0 ? 0 : leaf_with_bits(leaf, pte_from_prot(prot)) | NEW_BITS;
}

/* ---- Single pages --------------------------------------------------------------------------- */

/* The leaves of the place into `value`, 0 where there is no table; where they are. */
u64 *remap_read_leaves(vaddr_t va, u64 size, u64 *value)
{
    unsigned level;
    u64 *entry = pt_lookup(va, &level);

    BUG_ON(level == 2 && pte_load(entry) != 0);
    for (u64 i = 0; i < size / PAGE_SIZE; i++) {
        value[i] = level == 1 ? pte_load(&entry[i]) : 0;
    }
    return level == 1 ? entry : NULL;
}

void remap_store_leaf(struct remap *r, u64 *entry, vaddr_t va, u64 old, u64 new)
{
    if (old == new) {
        return;
    }
    BUG_ON(entry == NULL);
    pte_store(entry, new);
    remap_count(&remap_counters.small, 1);
    if (old & PTE_PRESENT) {
        tlb_batch_add(&r->out->batch, va, PAGE_SIZE, PAGE_SIZE);
    }
}

u64 remap_leaves(struct remap *r, const struct remap_part *part)
{
    u64 *to = remap_read_leaves(part->to, part->size, r->to);
    u64 *from = remap_read_leaves(part->from, part->size, r->from);

    for (u64 i = 0; i < part->size / PAGE_SIZE; i++) {
        u64 offset = i * PAGE_SIZE;
        u64 back = swaps(r) ? leaf_at(r->to[i], part->prot_from) : 0;

        if (!swaps(r) && r->to[i] != 0 && tlb_batch_full(&r->out->batch)) {
            return offset;
        }
        if (to != NULL) {
            remap_store_leaf(r, &to[i], part->to + offset, r->to[i],
                             leaf_at(r->from[i], part->prot_to));
        }
        if (from != NULL) {
            remap_store_leaf(r, &from[i], part->from + offset, r->from[i], back);
        }
        if (!swaps(r) && r->to[i] != 0) {
            pt_range_release_leaf(r->out, r->to[i]);
        }
    }
    return part->size;
}

/* ---- Whole windows -------------------------------------------------------------------------- */

/* All pages of the table count as new, where somebody takes accessed and dirty bits back. */
static void renew_table(u64 *table)
{
    for (unsigned i = 0; i < PT_ENTRIES && aspace_scan_takes_bits(); i++) {
        u64 leaf = pte_load(&table[i]);

        if (leaf != 0 && (leaf & NEW_BITS) != NEW_BITS) {
            pte_store(&table[i], leaf | NEW_BITS);
        }
    }
}

static u64 window_at(u64 value, unsigned prot)
{
    if (value == 0 || (value & PTE_LARGE) != 0) {
        return leaf_at(value, prot);
    }
    renew_table(pt_table(value));
    return value;
}

void remap_read_windows(const u64 *entry, unsigned count, u64 *value)
{
    for (unsigned i = 0; i < count; i++) {
        value[i] = entry == NULL ? 0 : pte_load(&entry[i]);
    }
}

void remap_write_windows(struct remap *r, u64 *entry, const u64 *old, const u64 *new,
                         unsigned count)
{
    unsigned first = 0;

    while (count > 0 && old[count - 1] == new[count - 1]) {
        count--;
    }
    while (first < count && old[first] == new[first]) {
        first++;
    }
    if (first < count) {
        BUG_ON(entry == NULL);
        platform->write_entries(&entry[first], &new[first], count - first);
        remap_count(&remap_counters.large, count - first);
    }
}

void remap_flush_window(struct remap *r, vaddr_t window, u64 old)
{
    if (old != 0 && !platform->directory_writes_flush) {
        tlb_batch_add(&r->out->batch, window, LARGE_SIZE, old & PTE_LARGE ? LARGE_SIZE : PAGE_SIZE);
    }
}

bool remap_give_back(struct remap *r, vaddr_t window, u64 old)
{
    if (old != 0 && tlb_batch_full(&r->out->batch)) {
        return false;
    }
    if (old != 0) {
        pt_range_release_window(r->out, window, old);
    }
    return true;
}

u64 remap_windows(struct remap *r, const struct remap_part *part)
{
    unsigned count = (unsigned)(part->size / LARGE_SIZE), i;
    u64 *to = pt_directory_entry(part->to), *from = pt_directory_entry(part->from);

    remap_read_windows(to, count, r->to);
    remap_read_windows(from, count, r->from);
    for (i = 0; i < count; i++) {
        u64 offset = i * LARGE_SIZE;

        if (!swaps(r) && !remap_give_back(r, part->to + offset, r->to[i])) {
            break;
        }
        r->new_to[i] = window_at(r->from[i], part->prot_to);
        r->new_from[i] = swaps(r) ? window_at(r->to[i], part->prot_from) : 0;
        remap_flush_window(r, part->to + offset, r->to[i]);
        remap_flush_window(r, part->from + offset, r->from[i]);
    }
    remap_write_windows(r, to, r->to, r->new_to, i);
    remap_write_windows(r, from, r->from, r->new_from, i);
    return i * LARGE_SIZE;
}

/* ---- Whole directories ---------------------------------------------------------------------- */

/* Its pages of 2 MiB count as new, and those of its tables. */
static void renew_directory(u64 *directory)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 value = pte_load(&directory[i]), new = value | NEW_BITS;

        if (value != 0 && !(value & PTE_LARGE)) {
            renew_table(pt_table(value));
        } else if (value != 0 && value != new) {
            platform->write_entries(&directory[i], &new, 1);
        }
    }
}

void remap_directories(struct remap *r, vaddr_t to, vaddr_t from)
{
    u64 *entry[2] = {pt_pointer_entry(to), pt_pointer_entry(from)};
    u64 value[2] = {pte_load(entry[0]), pte_load(entry[1])};

    renew_directory(pt_table(value[0]));
    renew_directory(pt_table(value[1]));
    platform->write_entries(entry[0], &value[1], 1);
    platform->write_entries(entry[1], &value[0], 1);
    if (!platform->directory_writes_flush) {
        tlb_batch_add(&r->out->batch, to, GIANT_SIZE, LARGE_SIZE);
        tlb_batch_add(&r->out->batch, from, GIANT_SIZE, LARGE_SIZE);
    }
    remap_count(&remap_counters.giant, 2);
}
