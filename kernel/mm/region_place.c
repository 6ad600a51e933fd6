/* SPDX-License-Identifier: MIT */
/*
 * Where a mapping goes that has no place of its own: from the top of the
 * first zone downwards, as on Linux, so that mappings lie side by side and
 * share page tables.
 *
 * Walking the regions from the top would cost more with every mapping, so the
 * search goes on where the last one ended, unless a hole that was passed since
 * is large enough (hole_max): then it starts at the top again.  A tree that
 * knows the largest hole below each node would find it in O(log n) always,
 * but every change of the set would pay for it.
 */
#include "region_set_priv.h"

#include <kernel/errno.h>

struct place_search {
    const struct region_set *set;
    u64 size, guard, align, phase;
    u64 largest; /* hole that did not do */
    vaddr_t addr;
    u64 slack; /* left free above the place found */
};

/* Does it fit into the hole?  At its top, if so. */
static bool fits(struct place_search *search, vaddr_t low, vaddr_t high)
{
    vaddr_t at;

    if (high < low || high - low < search->size + search->guard) {
        return false;
    }
    at = ALIGN_DOWN(high - search->size - search->phase, search->align) + search->phase;
    if (high - search->size < search->phase || at < low + search->guard) {
        return false;
    }
    search->addr = at;
    search->slack = high - (at + search->size);
    return true;
}

/* Looks from `high` down to `low`. */
static bool search_down(struct place_search *search, vaddr_t low, vaddr_t high)
{
    struct region *above = region_set_from(search->set, high - 1);
    struct rb_node *last = rb_last(&search->set->tree);
    struct region *below = above != NULL  ? region_prev(above)
                           : last != NULL ? container_of(last, struct region, node)
                                          : NULL;

    if (above != NULL) {
        high = MIN(high, region_floor(above));
    }
    for (;;) {
        vaddr_t hole = below != NULL ? MAX(below->end, low) : low;

        if (fits(search, hole, high)) {
            return true;
        }
        if (high > hole) {
            search->largest = MAX(search->largest, high - hole);
        }
        if (below == NULL || below->start <= low) {
            return false;
        }
        high = region_floor(below);
        below = region_prev(below);
    }
}

static bool search_first_zone(struct region_set *set, struct place_search *search)
{
    const struct place_zone *zone = &set->zone[0];
    bool found;

    if (search->size <= set->hole_max) {
        set->place_from = zone->high;
        set->hole_max = 0;
    }
    found = set->place_from > zone->low && search_down(search, zone->low, set->place_from);
    set->hole_max = MAX(set->hole_max, search->largest);
    if (found) {
        set->place_from = search->addr + search->size;
        set->hole_max = MAX(set->hole_max, search->slack);
    } else {
        set->place_from = zone->low;
    }
    return found;
}

int region_set_place(struct region_set *set, u64 size, u64 guard, u64 phase, vaddr_t *addr)
{
    struct place_search search = {
        .set = set,
        .size = size,
        .guard = guard,
        .align = size >= LARGE_SIZE ? LARGE_SIZE : PAGE_SIZE,
        .phase = size >= LARGE_SIZE ? phase % LARGE_SIZE : 0,
    };
    bool found = search_first_zone(set, &search);

    for (unsigned i = 1; i < set->zones && !found; i++) {
        found = search_down(&search, set->zone[i].low, set->zone[i].high);
    }
    if (!found) {
        return -ENOMEM;
    }
    *addr = search.addr;
    return 0;
}
