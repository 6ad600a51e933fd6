/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the address space:
 *
 *   aspace.c         start-up, lookups, statistics
 *   aspace_lock.c    the big-reader lock on the set of regions
 *   aspace_op.c      what all operations have in common
 *   aspace_map.c     map, unmap
 *   aspace_change.c  protect, discard, advise
 *   aspace_populate.c  frames before they are asked for
 *   promote.c        4 KiB pages to 2 MiB ones
 *   demote.c         and back
 *   giant.c          pages of 1 GiB: made of nothing, split
 *   giant_promote.c  and made of smaller ones
 *   aspace_move.c    mremap
 *   aspace_remap.c   swap, move, alias, slide (and remap_*.c)
 *   aspace_scan.c    looking at pages, and taking their accessed and dirty bits back
 *   aspace_view.c    looking at one region after the other
 *   aspace_file.c    regions of files, what the page cache asks of them
 *   fault.c          faults
 *   fault_file.c     faults on files
 *   pt_range.c       the page tables of a range
 *   region_set.c, region_place.c   the set itself (pure)
 */
#pragma once

#include <kernel/aspace.h>
#include <kernel/types.h>
#include <kernel/wait.h>
#include <stdatomic.h>

#include "pt_range_priv.h"
#include "region_set_priv.h"
#include "turn_priv.h"

/* (c) constant after start-up   (b) big-reader lock   (a) atomic */
struct aspace {
    struct region_set set;                /* (b) */
    u64 moves_down;                       /* (b) how often a file's region moved downward */
    _Atomic u64 releases;                 /* (a) how often busy regions became free */
    struct wait_queue waiters;            /* for `releases` to change */
    struct list claims;                   /* (b) operations that have claimed their range */
    struct spinlock turns;                /* guards `line`, and the turns in it */
    struct list line;                     /* who waits for busy regions */
    const struct page_policy_ops *policy; /* (c) */
    u64 total_frames;                     /* (c) */
};
extern struct aspace aspace;

/* aspace_lock.c.  Both disable interrupts; no lock but window locks below. */
must_check bool aspace_read_lock(void);
void aspace_read_unlock(bool irq);
must_check bool aspace_write_lock(void);
void aspace_write_unlock(bool irq);

/* Counters, of each CPU; the sum counts. */
enum aspace_counter {
    COUNT_4K, /* leaves */
    COUNT_2M,
    COUNT_1G,
    COUNT_FAULTS,
    COUNT_FAULTS_2M,
    COUNT_PROMOTIONS,
    COUNT_DEMOTIONS,
    COUNTERS
};
void aspace_count(enum aspace_counter counter, s64 n);
u64 aspace_counted(enum aspace_counter counter);
/* promote.c.  As aspace_promote_range(); `force`: also where advice is against it. */
must_check int promote_windows(vaddr_t start, vaddr_t end, bool force, u64 *made);
/* Copies what it maps, zeroes where there is nothing; was any page dirty?  Adds to *leaves. */
must_check bool promote_copy_table(pfn_t large, const u64 *table, s64 *leaves);
/* Are all its leaves there, and their frames `first` and so on? */
must_check bool promote_table_in_order(const u64 *table, pfn_t first);
must_check bool promote_table_dirty(const u64 *table);

/* giant_promote.c.  As aspace_promote_giants(), likewise. */
must_check int promote_giants(vaddr_t start, vaddr_t end, bool force, u64 *made);

/*
 * giant.c.  The write lock is held: splits the leaves of 1 GiB that have a part in [start, end),
 * or of these only such as have a part outside too.
 */
void giant_split_in(vaddr_t start, vaddr_t end);
void giant_split_cut(vaddr_t start, vaddr_t end);
/* There are `n` more.  `n` may be -1. */
void giant_count(s64 n);
/* As aspace_populate_giant(); `force`: whatever the advice is. */
must_check int giant_populate(vaddr_t va, bool force, void (*zero)(void *arg, void *at, u64 size),
                              void *arg);
/* Read lock held: may the GiB around `va` get one page, as its advice is? */
must_check bool giant_is_wanted(vaddr_t va);

/* Any lock may be held: what happened, for aspace_set_watch(). */
void aspace_event(vaddr_t va, enum aspace_event event, u64 n);
/* A window has got a large leaf instead of small ones. */
void aspace_count_promotion(vaddr_t va);
/* A large leaf has been split. */
void aspace_count_demotion(vaddr_t va);

/*
 * aspace_view.c.  The lowest region that ends above `addr`, as it is now, without a
 * lock: a use of its object is the caller's.  False: there is none.
 */
struct region_view {
    vaddr_t start, end;
    unsigned prot, kind;
    bool shared, grows;
    u64 offset;
    struct region_object *object;
};
bool aspace_view(vaddr_t addr, struct region_view *view);
void aspace_view_end(struct region_view *view);

/*
 * aspace_scan.c.  Has a scan ever taken accessed or dirty bits back?  Until then all that
 * may be written is dirty.  For who has claimed the regions it asks for.
 */
bool aspace_scan_takes_bits(void);

/* aspace_grow.c.  Nothing is mapped at `addr`: true if that may have changed now. */
must_check bool aspace_grow(vaddr_t addr);
/* RLIMIT_AS and, for private memory that is written to, RLIMIT_DATA. */
must_check bool aspace_within_limits(u64 more, bool data);

/* aspace_file.c.  A use of an object; the last one drops the file, which may block. */
must_check int region_object_new(struct file *file, bool shared, struct region_object **object);
struct region_object *region_object_get(struct region_object *object);
void region_object_put(struct region_object *object);
/* For region_pool_drain(). */
void region_free(void *node);

/*
 * An operation on [start, end):
 *
 *   aspace_op_begin       checks the range, takes all memory it may need; sets op.giants
 *   aspace_op_lock        write lock, once no other operation is in the range
 *   aspace_op_claim       regions of the range end at its borders, and are busy; nobody
 *                         claims a part of the range, or maps into its holes
 *   aspace_write_unlock   ... page tables, shoot-down: no lock held ...
 *   aspace_write_lock     ... last change of the set ...
 *   aspace_op_release     no longer busy, merged; unlocks, wakes who waits
 *   aspace_op_end         gives back memory
 */
enum op_giants {
    GIANTS_SPLIT, /* when claiming: the operation meets no leaf of 1 GiB */
    GIANTS_CUT,   /* only those that lie in the range in part; pt_range.c knows the others */
    GIANTS_KEEP,  /* none: it does not touch them */
};
struct aspace_op {
    vaddr_t start, end;
    struct list claim; /* in aspace.claims */
    bool claimed;
    struct turn turn;
    enum op_giants giants;
    struct region_pool pool;
    struct pt_range range;
};
/* 0, -EINVAL, -ENOMEM. */
must_check int aspace_op_begin(struct aspace_op *op, vaddr_t start, u64 size);
must_check bool aspace_op_lock(struct aspace_op *op);
/* The same for two at once, whose ranges do not overlap; `other` may be NULL. */
must_check bool aspace_op_lock_both(struct aspace_op *op, struct aspace_op *other);
void aspace_op_claim(struct aspace_op *op);
/* Write lock held: the first half of releasing, for who changes the set after it. */
void aspace_op_unclaim(struct aspace_op *op);
void aspace_op_release(struct aspace_op *op, bool irq);
void aspace_op_end(struct aspace_op *op);

/* Write lock held: has an operation claimed a part of [start, end)? */
must_check bool aspace_claimed(vaddr_t start, vaddr_t end);

/* 0 or -EINVAL: what aspace.h says about ranges. */
must_check int aspace_range_valid(vaddr_t start, u64 size);
/*
 * For those that are no operation: waits until one has ended since aspace.releases was
 * `seen`, in turn with others that want a part of [start, end).  With nothing held; and
 * aspace_turn_end() comes before any other wait, as operations wait for the turn.
 */
void aspace_turn_wait(struct turn *turn, vaddr_t start, vaddr_t end, u64 seen);
void aspace_turn_end(struct turn *turn);
