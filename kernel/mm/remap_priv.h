/* SPDX-License-Identifier: MIT */
/*
 * Between the files of remapping:
 *
 *   aspace_remap.c   the call: checks, claims, pair by pair, the shoot-down
 *   remap_pages.c    one pair: which steps it is done in
 *   remap_swap.c     exchanging and moving entries
 *   remap_copy.c     copying instead
 */
#pragma once

#include <kernel/aspace.h>
#include <kernel/types.h>
#include <stdatomic.h>

#include "aspace_priv.h"

#define REMAP_RUN 64u /* entries that are stored in one go */

/* A call under way. */
struct remap {
    const struct aspace_remap *request;
    /* What is claimed: around all places, or around all `to` and around all `from`. */
    struct aspace_op op[2];
    unsigned ops;
    /* Frees, and collects what the one shoot-down is for. */
    struct pt_range *out; /* = &op[0].range */
    paddr_t spare[4];     /* zeroed tables: what a pair's cut windows may need */
    unsigned spares;
    u64 to[REMAP_RUN], from[REMAP_RUN];         /* entries as they were */
    u64 new_to[REMAP_RUN], new_from[REMAP_RUN]; /* and are to be */
};

/* One pair, or a part of one whose places do not overlap. */
struct remap_part {
    vaddr_t to, from;
    u64 size;
    /* Of the whole pair: windows are exchanged by their directory entry. */
    bool whole;
    /* Each place has one protection; else it is looked up on the way. */
    bool uniform;
    unsigned prot_to, prot_from;
};

struct remap_counters {
    _Atomic u64 pairs, small, large, giant, copied, splits, shootdowns, copies;
};
extern struct remap_counters remap_counters;

static inline void remap_count(_Atomic u64 *counter, u64 n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* remap_pages.c.  0, or -ENOMEM and nothing has changed. */
must_check int remap_pair(struct remap *r, const struct remap_pair *pair);

/* aspace_remap.c: the shoot-down, if one is due, and what was given back is freed. */
void remap_flush(struct remap *r);

/*
 * remap_swap.c.  How many bytes were done: fewer only if the list of what is given back
 * is full, and at least one entry if it was not before.
 *
 * Both places lie in one window each, have tables, or nothing; at most REMAP_RUN pages.
 */
must_check u64 remap_leaves(struct remap *r, const struct remap_part *part);
/* At most REMAP_RUN whole windows, in one directory at each place. */
must_check u64 remap_windows(struct remap *r, const struct remap_part *part);
