/* SPDX-License-Identifier: MIT */
/*
 * Between the files of remapping:
 *
 *   aspace_remap.c   the call: checks, claims, pair by pair, the shoot-down
 *   remap_pages.c    one pair: which steps it is done in
 *   remap_swap.c     exchanging and moving entries
 *   remap_alias.c    pages of two places
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
    u64 bytes; /* of all its pairs */
    /* What is claimed: around all places, or around all `to` and around all `from`. */
    struct aspace_op op[2];
    unsigned ops;
    /* Frees, and collects what the one shoot-down is for. */
    struct pt_range *out; /* = &op[0].range */
    paddr_t spare[4];     /* zeroed tables: what a pair's cut windows may need */
    unsigned spares;
    bool copied;                        /* pages of snapshots, which others may still know */
    u64 to[REMAP_RUN], from[REMAP_RUN]; /* entries as they were */
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

/* remap_copy.c.  Is that the quicker way, and allowed?  Then do so, which cannot fail. */
must_check bool remap_is_copied(const struct remap *r, const struct remap_part *part);
void remap_copy(const struct remap *r, const struct remap_part *part);

/*
 * remap_alias.c.  Before anything is claimed: backs what is to be shared, as far as it can.
 * Then all is claimed: -EBUSY, a snapshot of shared pages; and the pairs, as remap_pair().
 */
void remap_alias_populate(const struct aspace_remap *request);
must_check int remap_alias_check(const struct aspace_remap *request);
must_check int remap_alias_pair(struct remap *r, const struct remap_pair *pair);

/* remap_pages.c: what one pair's places are like, and the next step of it, of one protection. */
void remap_look(const struct remap *r, struct remap_part *pair);
struct remap_part remap_cut(const struct remap_part *part, u64 done, u64 size);
/* Bytes from both places to the next multiple of `unit` at either. */
u64 remap_room(const struct remap_part *part, u64 done, u64 unit);
/* The directory entry of a window; 0 too if there is no directory. */
u64 remap_window_entry(vaddr_t va);
must_check int remap_make_directory(vaddr_t va);
/* Makes sure that the window has a table: by one that is ready (`spare`), or a new one. */
must_check int remap_open_window(struct remap *r, vaddr_t va, bool spare);

/* remap_swap.c: a part's leaves or windows as they are; where they are, NULL: there is no table. */
u64 *remap_read_leaves(vaddr_t va, u64 size, u64 *value);
void remap_read_windows(const u64 *entry, unsigned count, u64 *value);
/* Stores a leaf, and says what is to be flushed. */
void remap_store_leaf(struct remap *r, u64 *entry, vaddr_t va, u64 old, u64 new);
/* Stores what differs, in one go from the first to the last. */
void remap_write_windows(struct remap *r, u64 *entry, const u64 *old, const u64 *new,
                         unsigned count);
/* The entry of a window has changed: CPUs must forget what they knew by it. */
void remap_flush_window(struct remap *r, vaddr_t window, u64 old);
/* What the window had is given back.  False: the list of what is has no room. */
must_check bool remap_give_back(struct remap *r, vaddr_t window, u64 old);

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
/* Exchanges the directories of two GiB, which are there. */
void remap_directories(struct remap *r, vaddr_t to, vaddr_t from);
