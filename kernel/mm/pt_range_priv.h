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
/* Gives back what was not needed. */
void pt_range_end(struct pt_range *range);
