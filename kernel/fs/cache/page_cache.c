/* SPDX-License-Identifier: MIT */
/*
 * The page cache's core: finding pages, waiting for them, counting them.
 *
 * A file's pages hang in a tree under the file's own spinlock, held for a
 * lookup of up to 16 pages (about 20 ns each); contents are copied with no
 * lock held, by whoever has a use of the frame.  A page that is being read is
 * in the tree already, marked busy, so that it is read once however many
 * want it.  Rejected: a descriptor per page (64 bytes for each 4 KiB), since
 * a frame's own use count and four flags in the slot say all there is.
 */
#include "page_cache_priv.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#define WAIT_QUEUES 16u

/* (a) atomic */
static struct {
    struct wait_queue queue[WAIT_QUEUES]; /* by cache and page */
    _Atomic u32 ready;                    /* (a) 0 no, 1 being made, 2 yes */
    _Atomic u64 count[PAGE_COUNTS];       /* (a) */
    _Atomic u64 pages, dirty, memory;     /* (a) see struct page_cache_stats */
} state;

/* The queues are made with the first cache: there is no earlier use of them. */
static void make_queues(void)
{
    u32 none = 0;

    if (atomic_compare_exchange_strong_explicit(&state.ready, &none, 1, memory_order_acquire,
                                                memory_order_acquire)) {
        for (unsigned i = 0; i < WAIT_QUEUES; i++) {
            wait_queue_init(&state.queue[i], "page");
        }
        atomic_store_explicit(&state.ready, 2, memory_order_release);
    }
    while (atomic_load_explicit(&state.ready, memory_order_acquire) != 2) {
        cpu_pause();
    }
}

int page_cache_new(struct inode *inode, const struct page_cache_ops *ops, struct page_cache **cache)
{
    struct page_cache *made = kzalloc(sizeof(*made));

    if (made == NULL) {
        return -ENOMEM;
    }
    make_queues();
    made->inode = inode;
    made->ops = ops;
    spinlock_init(&made->lock, "pages", RANK_PAGES);
    list_init(&made->all);
    list_init(&made->written);
    page_caches_add(made);
    *cache = made;
    return 0;
}

void page_cache_free(struct page_cache *cache)
{
    page_caches_remove(cache);
    page_cache_truncate(cache, 0);
    BUG_ON(cache->pages != 0 || cache->tree.levels != 0);
    kfree(cache);
}

u64 page_cache_end(const struct page_cache *cache)
{
    u64 size = atomic_load_explicit(&cache->inode->size, memory_order_acquire);

    return size / PAGE_SIZE + (size % PAGE_SIZE != 0);
}

struct wait_queue *page_queue(const struct page_cache *cache, u64 index)
{
    return &state.queue[((u64)cache / CACHE_LINE + index) % WAIT_QUEUES];
}

static bool has_flag(struct page_cache *cache, u64 index, u64 flag)
{
    bool irq = spin_lock(&cache->lock);
    const u64 *slot = page_tree_find(&cache->tree, index);
    bool set = slot != NULL && (*slot & flag) != 0;

    spin_unlock(&cache->lock, irq);
    return set;
}

void page_wait(struct page_cache *cache, u64 index, u64 flag)
{
    wait_until(page_queue(cache, index), !has_flag(cache, index, flag));
}

void page_wake_run(struct page_cache *cache, u64 index, u64 pages)
{
    for (u64 i = 0; i < MIN(pages, WAIT_QUEUES); i++) {
        wait_wake_all(page_queue(cache, index + i));
    }
}

u64 page_holes(struct page_cache *cache, u64 index, u64 most)
{
    bool irq = spin_lock(&cache->lock);

    u64 at = index;
    bool any = page_tree_next(&cache->tree, &at, index + most) != NULL;

    spin_unlock(&cache->lock, irq);
    return any ? at - index : most;
}

void page_count(enum page_count what, u64 pages)
{
    atomic_fetch_add_explicit(&state.count[what], pages, memory_order_relaxed);
}

void page_slot_count(struct page_cache *cache, s64 pages, s64 dirty)
{
    cache->pages += (u64)pages;
    cache->dirty += (u64)dirty;
    if (pages != 0) {
        atomic_fetch_add_explicit(&state.pages, (u64)pages, memory_order_relaxed);
    }
    if (pages != 0 && cache->ops->read == NULL) {
        atomic_fetch_add_explicit(&state.memory, (u64)pages, memory_order_relaxed);
    }
    if (dirty != 0) {
        atomic_fetch_add_explicit(&state.dirty, (u64)dirty, memory_order_relaxed);
    }
    if (dirty > 0 && cache->dirty == (u64)dirty) {
        cache->dirty_since = clock_now();
        page_writer_note_dirty();
    }
}

u64 page_dirty_total(void)
{
    return atomic_load_explicit(&state.dirty, memory_order_relaxed);
}

void page_slot_dirty(struct page_cache *cache, u64 *slot)
{
    if (cache->ops->write != NULL && (*slot & SLOT_DIRTY) == 0) {
        *slot |= SLOT_DIRTY;
        page_slot_count(cache, 0, 1);
    }
}

void page_extend(struct page_cache *cache, u64 size)
{
    if (size > atomic_load_explicit(&cache->inode->size, memory_order_relaxed)) {
        /* Release: with page_cache_read(), which takes no lock to see the size. */
        atomic_store_explicit(&cache->inode->size, size, memory_order_release);
    }
}

/* Lock held.  The page is used: the slot without SLOT_AHEAD; *ahead if it had that. */
static void use_slot(u64 *slot, bool *ahead)
{
    *ahead |= (*slot & SLOT_AHEAD) != 0;
    *slot = (*slot & ~SLOT_AHEAD) | SLOT_RECENT;
    frame_get(slot_pfn(*slot));
}

/* 0 and a use of the frame, or why not: -ENOENT (a hole), -EBUSY (being read). */
static int find_page(struct page_cache *cache, u64 index, bool write, pfn_t *frame)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_find(&cache->tree, index);
    bool ahead = false;
    int result = 0;

    if (slot == NULL || *slot == 0) {
        result = -ENOENT;
    } else if (*slot & SLOT_BUSY) {
        result = -EBUSY;
    } else {
        use_slot(slot, &ahead);
        if (write) {
            page_slot_dirty(cache, slot);
        }
        *frame = slot_pfn(*slot);
    }
    spin_unlock(&cache->lock, irq);
    if (ahead) {
        page_ahead(cache);
    }
    return result;
}

int page_get_within(struct page_cache *cache, u64 index, bool write, pfn_t *frame)
{
    for (;;) {
        int result = find_page(cache, index, write, frame);

        if (result == -EBUSY) {
            page_wait(cache, index, SLOT_BUSY);
        } else if (result == -ENOENT) {
            result = page_fill(cache, index);
            if (result != 0) {
                return result;
            }
        } else {
            return result;
        }
    }
}

int page_cache_get(struct page_cache *cache, u64 index, bool write, pfn_t *frame)
{
    if (index >= page_cache_end(cache)) {
        return -ENODATA;
    }
    if (write) {
        page_balance_dirty(cache);
    }
    return page_get_within(cache, index, write, frame);
}

/* Lock held.  Uses of the pages in `count` slots, as far as they are there. */
static u64 use_slots(u64 *slot, u64 count, pfn_t *frames, bool *ahead)
{
    u64 n = 0;

    while (n < count && (slot[n] & (SLOT_HERE | SLOT_BUSY)) == SLOT_HERE) {
        use_slot(&slot[n], ahead);
        frames[n] = slot_pfn(slot[n]);
        n++;
    }
    return n;
}

unsigned page_cache_get_ready(struct page_cache *cache, u64 index, unsigned count, pfn_t *frames)
{
    bool irq = spin_lock(&cache->lock);
    bool ahead = false;
    u64 done = 0;

    while (done < count) {
        u64 n, used = 0;
        u64 *slot = page_tree_slots(&cache->tree, index + done, count - done, &n);

        if (slot != NULL) {
            used = use_slots(slot, n, &frames[done], &ahead);
        }
        done += used;
        if (used < n) {
            break;
        }
    }
    spin_unlock(&cache->lock, irq);
    if (ahead) {
        page_ahead(cache);
    }
    return (unsigned)done;
}

void page_cache_set_dirty(struct page_cache *cache, u64 index)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_find(&cache->tree, index);

    if (slot != NULL && *slot != 0) {
        page_slot_dirty(cache, slot);
    }
    spin_unlock(&cache->lock, irq);
}

void page_cache_add_mapping(struct page_cache *cache, int n)
{
    atomic_fetch_add_explicit(&cache->mappings, (u32)n, memory_order_acq_rel);
}

u64 page_cache_generation(struct page_cache *cache)
{
    return atomic_load_explicit(&cache->generation, memory_order_acquire);
}

bool page_cache_has_dirty(struct page_cache *cache)
{
    return cache->ops->write != NULL;
}

void page_cache_will_need(struct page_cache *cache, u64 index, u64 count)
{
    u64 end = page_cache_end(cache);

    end = MIN(end, index + MIN(count, end));
    while (cache->ops->read != NULL && index < end && !page_memory_is_short(READAHEAD_MOST)) {
        pfn_t frame;

        if (page_cache_get(cache, index, false, &frame) != 0) {
            return; /* whoever reads it is told why */
        }
        frame_put(frame, ORDER_4K);
        index++;
    }
}

u64 page_cache_pages(struct page_cache *cache)
{
    bool irq = spin_lock(&cache->lock);
    u64 pages = cache->pages;

    spin_unlock(&cache->lock, irq);
    return pages;
}

static u64 counted(enum page_count what)
{
    return atomic_load_explicit(&state.count[what], memory_order_relaxed);
}

void page_cache_get_stats(struct page_cache_stats *stats)
{
    *stats = (struct page_cache_stats){
        .pages = atomic_load_explicit(&state.pages, memory_order_relaxed),
        .dirty = atomic_load_explicit(&state.dirty, memory_order_relaxed),
        .memory = atomic_load_explicit(&state.memory, memory_order_relaxed),
        .read = counted(PAGES_READ),
        .written = counted(PAGES_WRITTEN),
        .evicted = counted(PAGES_EVICTED),
    };
}
