/* SPDX-License-Identifier: MIT */
/*
 * Eviction: clean pages that nobody maps or copies go when memory is short.
 * Each cache is walked like a clock: a page that was used since the hand last
 * came by is passed once.
 *
 * It runs inside frame_alloc() too, with any lock held, so locks are only
 * tried, and nothing is freed but frames: the tree's nodes stay.
 */
#include "page_cache_priv.h"

#include <kernel/frame.h>
#include <kernel/vfs.h>

#define LOOK_PAGES 512u /* of one cache, for one hold of its lock */
#define LOOK_CACHES 256u
#define ROOM_PAGES 64u   /* taken back at a time while memory is short */
#define ROOM_DIVISOR 32u /* short: less than this part of memory is free */

/* (l) lock */
static struct {
    struct spinlock lock;
    struct list all; /* (l) caches that can be read again; the front is next */
    u64 count;       /* (l) */
    u64 low;         /* frames; set with the first cache */
} caches = {
    .lock = SPINLOCK_INIT("caches", RANK_CACHES),
    .all = {&caches.all, &caches.all},
};

void page_caches_add(struct page_cache *cache)
{
    struct frame_stats stats;
    bool irq;

    if (cache->ops->read == NULL) {
        return; /* its pages are nowhere else */
    }
    if (caches.low == 0) {
        frame_get_stats(&stats);
        caches.low = stats.total / ROOM_DIVISOR;
        frame_set_reclaim(page_cache_shrink);
    }
    irq = spin_lock(&caches.lock);
    list_push_back(&caches.all, &cache->all);
    caches.count++;
    spin_unlock(&caches.lock, irq);
}

void page_caches_remove(struct page_cache *cache)
{
    bool irq = spin_lock(&caches.lock);

    if (!list_empty(&cache->all)) {
        list_remove(&cache->all);
        caches.count--;
    }
    spin_unlock(&caches.lock, irq);
}

/* Nobody but the cache uses it, and nobody can come to: that takes the lock. */
static bool may_go(u64 slot)
{
    return (slot & (SLOT_BUSY | SLOT_DIRTY | SLOT_WRITING)) == 0 && frame_uses(slot_pfn(slot)) == 1;
}

/* True if the hand has come round. */
static bool shrink_locked(struct page_cache *cache, u64 wanted, u64 *freed)
{
    for (unsigned i = 0; i < LOOK_PAGES && *freed < wanted; i++) {
        u64 *slot = page_tree_next(&cache->tree, &cache->hand, PAGE_TREE_END);

        if (slot == NULL) {
            cache->hand = 0;
            return true;
        }
        if (*slot & SLOT_RECENT) {
            *slot &= ~SLOT_RECENT;
        } else if (may_go(*slot)) {
            frame_put(slot_pfn(*slot), ORDER_4K);
            *slot = 0;
            page_slot_count(cache, -1, 0);
            ++*freed;
        }
        cache->hand++;
    }
    return false;
}

/* The list's lock is held. */
static bool shrink_cache(struct page_cache *cache, u64 wanted, u64 *freed)
{
    bool round = true;
    bool irq;

    if (spin_trylock(&cache->lock, &irq)) {
        round = shrink_locked(cache, wanted, freed);
        spin_unlock(&cache->lock, irq);
    }
    return round;
}

u64 page_cache_shrink(u64 pages)
{
    u64 freed = 0;
    bool irq;

    if (!spin_trylock(&caches.lock, &irq)) {
        return 0;
    }
    for (unsigned i = 0; i < LOOK_CACHES && freed < pages && !list_empty(&caches.all); i++) {
        struct page_cache *cache = container_of(caches.all.next, struct page_cache, all);

        if (shrink_cache(cache, pages, &freed)) {
            list_remove(&cache->all);
            list_push_back(&caches.all, &cache->all);
        }
    }
    spin_unlock(&caches.lock, irq);
    page_count(PAGES_EVICTED, freed);
    return freed;
}

void page_cache_make_room(void)
{
    if (unlikely(frame_free_estimate() < caches.low)) {
        (void)page_cache_shrink(ROOM_PAGES);
    }
}

u64 page_cache_drop_clean(struct page_cache *cache)
{
    bool irq = spin_lock(&cache->lock);
    u64 index = 0, freed = 0, left;

    for (;;) {
        u64 *slot = page_tree_next(&cache->tree, &index, PAGE_TREE_END);

        if (slot == NULL || cache->ops->read == NULL) {
            break; /* the end; or its pages are nowhere else */
        }
        if (may_go(*slot)) {
            frame_put(slot_pfn(*slot), ORDER_4K);
            *slot = 0;
            page_slot_count(cache, -1, 0);
            freed++;
        }
        index++;
    }
    left = cache->pages;
    spin_unlock(&cache->lock, irq);
    page_count(PAGES_EVICTED, freed);
    return left;
}
