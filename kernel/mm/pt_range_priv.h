/* SPDX-License-Identifier: MIT */
/*
 * Changing the leaves of a range: taking them away or changing their
 * protection.  For operations that have made the range's regions busy, so
 * that no fault and no other operation changes entries of whole windows; the
 * windows at the edges are shared with neighbours and changed under their
 * locks.
 */
#pragma once

#include <kernel/tlb.h>
#include <kernel/types.h>

struct pt_range {
    vaddr_t start, end;
    bool own;   /* clear: large frames have the application's own contents */
    bool clear; /* take leaves away, free their frames; else set `bits` */
    u64 bits;   /* protection, from pte_from_prot() */
    bool flush; /* set: what the TLBs know allows too much */
    /* clear: a window in here loses its table when nothing is left in it */
    vaddr_t tables_from, tables_to;
    unsigned spares; /* tables for large leaves that must be split */
    paddr_t spare[2];
    struct tlb_batch batch;
};

/* Takes what the change may need: 0 or -ENOMEM. */
must_check int pt_range_init(struct pt_range *range, vaddr_t start, vaddr_t end);
/* Makes the change and the shoot-down.  Cannot fail. */
void pt_range_clear(struct pt_range *range);
void pt_range_protect(struct pt_range *range, unsigned prot, bool flush);
/*
 * Clears another part of the range, all of it claimed, whose ends cut no large leaf.  The
 * shoot-down is the caller's, if the batch does not fill up on the way.
 */
void pt_range_clear_part(struct pt_range *range, vaddr_t start, vaddr_t end);

/*
 * The entry of a whole window, or the leaf of a page, has been or will be replaced by
 * another: what it maps is to be freed after the shoot-down.  The batch is not full.
 */
void pt_range_release_window(struct pt_range *range, vaddr_t window, u64 old);
void pt_range_release_leaf(struct pt_range *range, u64 old);
/* Gives back what was not needed. */
void pt_range_end(struct pt_range *range);
