/* SPDX-License-Identifier: MIT */
/*
 * The ordered set of regions, as a pure data structure: no locks, no page
 * tables, no allocation but through a pool that the caller fills beforehand,
 * so that no change fails half-way.
 */
#pragma once

#include <kernel/aspace.h>
#include <kernel/types.h>

/*
 * Spare nodes of one operation: filled before the lock is taken, emptied
 * after.  What the operation removes from the set comes here too; region->object
 * is NULL or a use that region_pool_drain()'s `release` drops.
 */
struct region_pool {
    struct region *free; /* linked by node.parent */
    unsigned count;
    struct region *used; /* likewise: removed ones that still have their object */
};

void region_pool_init(struct region_pool *pool);
/* Makes sure of `count` nodes: 0 or -ENOMEM (call region_pool_drain() then too). */
must_check int region_pool_reserve(struct region_pool *pool, unsigned count,
                                   void *(*alloc)(size_t size));
void region_pool_drain(struct region_pool *pool, void (*release)(void *node));

#define PLACE_ZONES 3

struct place_zone {
    vaddr_t low, high;
};

/*
 * Invariants, walked by region_set_check():
 *   regions are not empty, page-aligned, ascending and disjoint
 *   regions = how many there are, bytes = the sum of their sizes
 *     (both but REGION_KERNEL)
 *   holes between `place_from` and the top of the first zone are at most
 *     `hole_max` bytes (a page that is to stay free below a region does not count)
 */
struct region_set {
    struct rb_tree tree;
    u64 regions, bytes;
    struct place_zone zone[PLACE_ZONES]; /* constant */
    unsigned zones;                      /* constant */
    vaddr_t place_from;                  /* where the search of zone[0] goes on */
    u64 hole_max;
};

/* Zones in which mappings without a place of their own go, in this order; `count` of 1
 * to PLACE_ZONES. */
void region_set_init(struct region_set *set, const struct place_zone *zones, unsigned count);

/* The region that holds `addr`, or NULL. */
struct region *region_set_find(const struct region_set *set, vaddr_t addr);
/* The lowest region that ends above `addr`, or NULL. */
struct region *region_set_from(const struct region_set *set, vaddr_t addr);
struct region *region_next(const struct region *region);
struct region *region_prev(const struct region *region);

/* Where the room below it ends that placement may use. */
static inline vaddr_t region_floor(const struct region *region)
{
    return region->start - (region->guard ? PAGE_SIZE : 0);
}

/* For each region that has a part in [from, to). */
#define region_for_each(region, set, from, to) \
    for (struct region *region = region_set_from((set), (from)); \
         region != NULL && region->start < (to); region = region_next(region))

bool region_set_overlaps(const struct region_set *set, vaddr_t start, vaddr_t end);
/* Is every page of [start, end) in some region? */
bool region_set_covers(const struct region_set *set, vaddr_t start, vaddr_t end);
/* Is any region with a part in [start, end) busy? */
bool region_set_busy(const struct region_set *set, vaddr_t start, vaddr_t end);

/*
 * Changes.  [start, end) is not busy, but see region_set_merge().
 */

/* Splits at both borders, so that each region lies inside or outside; takes up
 * to 2 nodes. */
void region_set_carve(struct region_set *set, vaddr_t start, vaddr_t end, struct region_pool *pool);
/* Adds a region; the range is free.  Takes 1 node, and the use of attributes->object. */
struct region *region_set_insert(struct region_set *set, vaddr_t start, vaddr_t end,
                                 const struct region *attributes, struct region_pool *pool);
/* Removes the regions of a carved range. */
void region_set_remove(struct region_set *set, vaddr_t start, vaddr_t end,
                       struct region_pool *pool);
/* Makes one of neighbours that differ in nothing, in the range and at its borders. */
void region_set_merge(struct region_set *set, vaddr_t start, vaddr_t end, struct region_pool *pool);

/*
 * The highest free place in the first zone that has one: 0 and *addr, or
 * -ENOMEM.  `guard` bytes below *addr are free too.  If `size` is at
 * least 2 MiB, the place is as far from a multiple of that as `phase` is.  The caller
 * inserts a region there or forgets it.
 */
must_check int region_set_place(struct region_set *set, u64 size, u64 guard, u64 phase,
                                vaddr_t *addr);

/* BUG on a broken invariant. */
void region_set_check(const struct region_set *set);
