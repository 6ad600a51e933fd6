/* SPDX-License-Identifier: MIT */
/*
 * The ordered set of regions: a red-black tree by address.  Finding costs
 * O(log n), about 60 ns with a thousand regions; changes cost that for each
 * region they touch.  Placement is in region_place.c.
 *
 * Regions that differ in nothing are merged, because HotSpot commits its heap
 * in small steps and would otherwise leave thousands of them.
 */
#include "region_set_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>

static struct region *region_of(struct rb_node *node)
{
    return node == NULL ? NULL : container_of(node, struct region, node);
}

void region_pool_init(struct region_pool *pool)
{
    pool->free = pool->used = NULL;
    pool->count = 0;
}

/* A region with an object is not for use again: whoever drains the pool drops the object. */
static void pool_put(struct region_pool *pool, struct region *region)
{
    if (region->object != NULL) {
        region->node.parent = pool->used == NULL ? NULL : &pool->used->node;
        pool->used = region;
        return;
    }
    region->node.parent = pool->free == NULL ? NULL : &pool->free->node;
    pool->free = region;
    pool->count++;
}

static struct region *pool_take(struct region_pool *pool)
{
    struct region *region = pool->free;

    BUG_ON(region == NULL);
    pool->free = region_of(region->node.parent);
    pool->count--;
    return region;
}

int region_pool_reserve(struct region_pool *pool, unsigned count, void *(*alloc)(size_t size))
{
    while (pool->count < count) {
        struct region *region = alloc(sizeof(*region));

        if (region == NULL) {
            return -ENOMEM;
        }
        region->object = NULL;
        pool_put(pool, region);
    }
    return 0;
}

void region_pool_drain(struct region_pool *pool, void (*release)(void *node))
{
    while (pool->count > 0) {
        release(pool_take(pool));
    }
    while (pool->used != NULL) {
        struct region *region = pool->used;

        pool->used = region_of(region->node.parent);
        release(region);
    }
}

void region_set_init(struct region_set *set, const struct place_zone *zones, unsigned count)
{
    BUG_ON(count == 0 || count > PLACE_ZONES);
    *set = (struct region_set){.zones = count, .place_from = zones[0].high};
    for (unsigned i = 0; i < count; i++) {
        set->zone[i] = zones[i];
    }
}

struct region *region_next(const struct region *region)
{
    return region_of(rb_next(&region->node));
}

struct region *region_prev(const struct region *region)
{
    return region_of(rb_prev(&region->node));
}

struct region *region_set_from(const struct region_set *set, vaddr_t addr)
{
    struct rb_node *node = set->tree.root;
    struct region *best = NULL;

    while (node != NULL) {
        struct region *region = region_of(node);

        if (region->end > addr) {
            best = region;
            node = node->child[0];
        } else {
            node = node->child[1];
        }
    }
    return best;
}

struct region *region_set_find(const struct region_set *set, vaddr_t addr)
{
    struct region *region = region_set_from(set, addr);

    return region != NULL && region->start <= addr ? region : NULL;
}

bool region_set_overlaps(const struct region_set *set, vaddr_t start, vaddr_t end)
{
    struct region *region = region_set_from(set, start);

    return region != NULL && region->start < end;
}

bool region_set_covers(const struct region_set *set, vaddr_t start, vaddr_t end)
{
    region_for_each(region, set, start, end)
    {
        if (region->start > start) {
            return false;
        }
        start = region->end;
    }
    return start >= end;
}

bool region_set_busy(const struct region_set *set, vaddr_t start, vaddr_t end)
{
    region_for_each(region, set, start, end)
    {
        if (region->busy) {
            return true;
        }
    }
    return false;
}

/* Adds to or takes from the totals what changes by `regions` and `bytes`. */
static void account(struct region_set *set, const struct region *region, s64 regions, s64 bytes)
{
    if (region->kind != REGION_KERNEL) {
        set->regions += (u64)regions;
        set->bytes += (u64)bytes;
    }
}

static void link_region(struct region_set *set, struct region *region)
{
    struct rb_node *parent = NULL;
    struct rb_node *node = set->tree.root;
    int side = 0;

    while (node != NULL) {
        parent = node;
        side = region->start > region_of(node)->start;
        node = node->child[side];
    }
    rb_link(&set->tree, parent, side, &region->node);
    account(set, region, 1, (s64)(region->end - region->start));
}

static void unlink_region(struct region_set *set, struct region *region, struct region_pool *pool)
{
    account(set, region, -1, -(s64)(region->end - region->start));
    rb_remove(&set->tree, &region->node);
    pool_put(pool, region);
}

static void split(struct region_set *set, vaddr_t at, struct region_pool *pool)
{
    struct region *low = region_set_find(set, at);
    struct region *high;

    if (low == NULL || low->start == at) {
        return;
    }
    BUG_ON(low->busy);
    high = pool_take(pool);
    *high = *low;
    high->start = at;
    high->guard = false;
    if (high->object != NULL) {
        high->offset += at - low->start;
        atomic_fetch_add_explicit(&high->object->uses, 1, memory_order_relaxed);
    }
    account(set, low, 0, -(s64)(low->end - at));
    low->end = at;
    link_region(set, high);
}

void region_set_carve(struct region_set *set, vaddr_t start, vaddr_t end, struct region_pool *pool)
{
    split(set, start, pool);
    split(set, end, pool);
}

struct region *region_set_insert(struct region_set *set, vaddr_t start, vaddr_t end,
                                 const struct region *attributes, struct region_pool *pool)
{
    struct region *region = pool_take(pool);

    assert(start < end && !region_set_overlaps(set, start, end));
    *region = *attributes;
    region->start = start;
    region->end = end;
    link_region(set, region);
    return region;
}

/* A hole came to be, or grew: the search for a place may have passed it. */
static void hole_opened(struct region_set *set, vaddr_t at)
{
    struct region *above = region_set_from(set, at);
    struct region *below = above != NULL ? region_prev(above) : region_of(rb_last(&set->tree));
    vaddr_t low = below != NULL ? below->end : 0;
    vaddr_t high = above != NULL ? above->start : set->zone[0].high;

    if (high > set->place_from) {
        set->hole_max = MAX(set->hole_max, high - low);
    }
}

void region_set_remove(struct region_set *set, vaddr_t start, vaddr_t end, struct region_pool *pool)
{
    struct region *region = region_set_from(set, start);

    while (region != NULL && region->start < end) {
        struct region *next = region_next(region);

        assert(region->start >= start && region->end <= end);
        unlink_region(set, region, pool);
        region = next;
    }
    hole_opened(set, start);
}

/*
 * Does `high` go on in the file where `low` ends, or has neither one?  An open file may get
 * other pages, and other rights, between two mappings of it.
 */
static bool same_object(const struct region *low, const struct region *high)
{
    if (low->object == NULL || high->object == NULL) {
        return low->object == high->object;
    }
    return low->object->file == high->object->file && low->object->cache == high->object->cache &&
           low->object->may_write == high->object->may_write &&
           low->offset + (low->end - low->start) == high->offset;
}

static bool can_merge(const struct region *low, const struct region *high)
{
    return low->end == high->start && low->prot == high->prot && low->kind == high->kind &&
           low->pages == high->pages && !low->busy && !high->busy && !high->guard &&
           low->shared == high->shared && low->kind != REGION_KERNEL && same_object(low, high);
}

void region_set_merge(struct region_set *set, vaddr_t start, vaddr_t end, struct region_pool *pool)
{
    /* From the region that ends at `start`, or holds it, or is the next. */
    struct region *low = region_set_from(set, start == 0 ? 0 : start - 1);

    while (low != NULL && low->end <= end) {
        struct region *high = region_next(low);

        if (high == NULL || !can_merge(low, high)) {
            low = high;
            continue;
        }
        account(set, low, 0, (s64)(high->end - high->start));
        low->end = high->end;
        unlink_region(set, high, pool);
    }
}

/* The hole from `low` to `above`: see the invariants of struct region_set. */
static void check_hole(const struct region_set *set, vaddr_t low, const struct region *above)
{
    vaddr_t high = MIN(region_floor(above), set->zone[0].high);

    low = MAX(low, set->place_from);
    if (low < high && high - low > set->hole_max) {
        BUG("hole %lx-%lx is larger than %lx", low, high, set->hole_max);
    }
}

void region_set_check(const struct region_set *set)
{
    u64 regions = 0, bytes = 0;
    vaddr_t last = 0;

    rb_check(&set->tree);
    for (struct region *r = region_of(rb_first(&set->tree)); r != NULL; r = region_next(r)) {
        if (r->start >= r->end || !IS_ALIGNED(r->start | r->end, PAGE_SIZE) || r->start < last) {
            BUG("region %lx-%lx after %lx", r->start, r->end, last);
        }
        check_hole(set, last, r);
        last = r->end;
        if (r->kind != REGION_KERNEL) {
            regions++;
            bytes += r->end - r->start;
        }
    }
    if (regions != set->regions || bytes != set->bytes) {
        BUG("%lu regions with %lu bytes, counted %lu and %lu", regions, bytes, set->regions,
            set->bytes);
    }
}
