/* SPDX-License-Identifier: MIT */
/*
 * Eviction: clean pages that nobody maps or copies go when memory is short.
 * Each cache is walked like a clock: a page that was used since the hand last
 * came by is passed once.
 *
 * The walk runs inside frame_alloc() too, with any lock held, so locks are only
 * tried, and nothing is freed but frames: the tree's nodes stay.
 */
#include "page_cache_priv.h"

#include <kernel/aspace.h>
#include <kernel/frame.h>
#include <kernel/pressure.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#define LOOK_PAGES 512u /* of one cache, for one hold of its lock */
#define LOOK_CACHES 256u
#define PART_PAGES 16384u /* of a file, unmapped at a time */
#define ROOM_PAGES 64u    /* taken back at a time while memory is short */
#define ROOM_DIVISOR 32u  /* short: less than this part of memory is free */

/* (l) lock */
static struct {
    struct spinlock lock;
    struct list all;     /* (l) caches that can be read again; the front is next */
    struct list written; /* (l) those that are written back */
    u64 count;           /* (l) of `all` */
    u64 round;           /* (l) see page_caches_round() */
    u64 low;             /* frames; set with the first cache */
} caches = {
    .lock = SPINLOCK_INIT("caches", RANK_CACHES),
    .all = {&caches.all, &caches.all},
    .written = {&caches.written, &caches.written},
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
    page_writer_start();
    page_ahead_start();
    irq = spin_lock(&caches.lock);
    list_push_back(&caches.all, &cache->all);
    if (cache->ops->write != NULL) {
        list_push_back(&caches.written, &cache->written);
    }
    caches.count++;
    spin_unlock(&caches.lock, irq);
}

static bool is_pinned(struct page_cache *cache)
{
    bool irq = spin_lock(&caches.lock);
    bool pinned = cache->pins != 0;

    spin_unlock(&caches.lock, irq);
    return pinned;
}

void page_caches_remove(struct page_cache *cache)
{
    bool irq;

    if (cache->ops->read == NULL) {
        return;
    }
    irq = spin_lock(&caches.lock);
    list_remove(&cache->all);
    caches.count--;
    if (!list_empty(&cache->written)) {
        list_remove(&cache->written);
    }
    spin_unlock(&caches.lock, irq);
    wait_until(page_queue(cache, 0), !is_pinned(cache));
}

void page_cache_unpin(struct page_cache *cache)
{
    struct wait_queue *queue = page_queue(cache, 0); /* the cache may be gone once we let go */
    bool irq = spin_lock(&caches.lock);

    cache->pins--;
    spin_unlock(&caches.lock, irq);
    (void)wait_wake_all(queue);
}

u64 page_caches_count(void)
{
    bool irq = spin_lock(&caches.lock);
    u64 count = caches.count;

    spin_unlock(&caches.lock, irq);
    return count;
}

u64 page_caches_round(void)
{
    bool irq = spin_lock(&caches.lock);
    u64 round = ++caches.round;

    spin_unlock(&caches.lock, irq);
    return round;
}

static bool is_dirty_since(struct page_cache *cache, nsec_t before)
{
    bool irq = spin_lock(&cache->lock);
    bool dirty = cache->dirty != 0 && cache->dirty_since <= before;

    spin_unlock(&cache->lock, irq);
    return dirty;
}

struct page_cache *page_caches_next_dirty(u64 round, nsec_t before)
{
    struct page_cache *found = NULL;
    bool irq = spin_lock(&caches.lock);

    list_for_each (node, &caches.written) {
        struct page_cache *cache = container_of(node, struct page_cache, written);

        if (cache->round != round && is_dirty_since(cache, before)) {
            cache->round = round;
            cache->pins++;
            found = cache;
            break;
        }
    }
    spin_unlock(&caches.lock, irq);
    return found;
}

struct page_cache *page_caches_next_mapped(void)
{
    struct page_cache *found = NULL;
    bool irq = spin_lock(&caches.lock);

    for (u64 i = 0; i < caches.count && i < LOOK_CACHES && found == NULL; i++) {
        struct page_cache *cache = container_of(caches.all.next, struct page_cache, all);

        list_remove(&cache->all);
        list_push_back(&caches.all, &cache->all);
        if (atomic_load_explicit(&cache->mappings, memory_order_relaxed) != 0) {
            cache->pins++;
            found = cache;
        }
    }
    spin_unlock(&caches.lock, irq);
    return found;
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

/* Clean pages of [*index, end) that nobody uses go: up to LOOK_PAGES.  True if there is more. */
static bool evict_some(struct page_cache *cache, u64 *index, u64 end, u64 *freed)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = NULL;

    for (unsigned i = 0; i < LOOK_PAGES; i++) {
        slot = page_tree_next(&cache->tree, index, end);
        if (slot == NULL) {
            break;
        }
        if (may_go(*slot)) {
            frame_put(slot_pfn(*slot), ORDER_4K);
            *slot = 0;
            page_slot_count(cache, -1, 0);
            ++*freed;
        }
        ++*index;
    }
    spin_unlock(&cache->lock, irq);
    return slot != NULL;
}

static u64 evict(struct page_cache *cache, u64 index, u64 end)
{
    u64 freed = 0;

    while (evict_some(cache, &index, end, &freed)) {
    }
    page_count(PAGES_EVICTED, freed);
    return freed;
}

/* The part of the file that is next, and the hand is behind it. */
static u64 take_part(struct page_cache *cache)
{
    bool irq = spin_lock(&cache->lock);
    u64 start = cache->hand;

    if (page_tree_next(&cache->tree, &start, PAGE_TREE_END) == NULL) {
        start = 0;
    }
    cache->hand = start + PART_PAGES;
    spin_unlock(&cache->lock, irq);
    return start;
}

u64 page_evict_mapped(struct page_cache *cache)
{
    u64 start = take_part(cache);

    aspace_unmap_file(cache, start, start + PART_PAGES, false);
    return evict(cache, start, start + PART_PAGES);
}

bool page_memory_is_short(u64 pages)
{
    return unlikely(frame_free_estimate() < caches.low + pages);
}

void page_cache_make_room(u64 pages)
{
    pressure_look();
    if (!page_memory_is_short(pages)) {
        return;
    }
    if (page_cache_shrink(MAX(pages, ROOM_PAGES)) < pages &&
        frame_free_estimate() < caches.low / 2) {
        (void)page_cache_find_memory();
    }
}

/*
 * Lock held.  Clean, and nobody can map it or write to it, though it may be copied
 * from: then it goes when that is done.
 */
static bool may_drop(struct page_cache *cache, u64 slot)
{
    bool shared =
        cache->writers != 0 || atomic_load_explicit(&cache->mappings, memory_order_acquire) != 0;

    return shared ? may_go(slot) : (slot & (SLOT_BUSY | SLOT_DIRTY | SLOT_WRITING)) == 0;
}

/* As evict_some(), of those that may be dropped; stops at one that is being read. */
static bool drop_some(struct page_cache *cache, u64 *index, bool *busy)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = NULL;

    *busy = false;
    for (unsigned i = 0; i < LOOK_PAGES; i++) {
        slot = page_tree_next(&cache->tree, index, PAGE_TREE_END);
        *busy = slot != NULL && (*slot & SLOT_BUSY) != 0;
        if (slot == NULL || *busy) {
            break;
        }
        if (may_drop(cache, *slot)) {
            frame_put(slot_pfn(*slot), ORDER_4K);
            *slot = 0;
            page_slot_count(cache, -1, 0);
        }
        ++*index;
    }
    spin_unlock(&cache->lock, irq);
    return slot != NULL;
}

u64 page_cache_drop_clean(struct page_cache *cache)
{
    u64 index = 0;
    bool busy;

    /* Of memory files the pages are nowhere else. */
    while (cache->ops->read != NULL && drop_some(cache, &index, &busy)) {
        if (busy) {
            page_wait(cache, index, SLOT_BUSY);
        }
    }
    return page_cache_pages(cache);
}

void page_cache_forget(struct page_cache *cache, u64 start, u64 end)
{
    u64 size = atomic_load_explicit(&cache->inode->size, memory_order_acquire);
    u64 last = end >= size ? PAGE_TREE_END : end / PAGE_SIZE;

    if (cache->ops->read != NULL) {
        (void)evict(cache, start / PAGE_SIZE + (start % PAGE_SIZE != 0), last);
    }
}
