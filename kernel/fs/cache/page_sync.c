/* SPDX-License-Identifier: MIT */
/*
 * Writing dirty pages back.  A page is declared clean before it is written,
 * and its mappings lose the right to write in between: what changes it
 * afterwards makes it dirty again.
 */
#include "page_cache_priv.h"

#include <kernel/aspace.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/vfs.h>

#define WRITE_PAGES 512u /* 2 MiB: what a folder of the host takes in one message */
#define WRITE_FEW 64u    /* without memory */

struct write_run {
    u64 index;
    u64 size; /* of the file, when they were declared clean */
    unsigned count, room;
    pfn_t *frame; /* `few`, or others */
    pfn_t few[WRITE_FEW];
};

/* The next run of dirty pages in [*index, end), marked as being written. */
static bool take_run(struct page_cache *cache, u64 *index, u64 end, struct write_run *run,
                     bool *wait)
{
    bool irq = spin_lock(&cache->lock);
    u64 *slot = page_tree_next(&cache->tree, index, end);

    while (slot != NULL && (*slot & (SLOT_DIRTY | SLOT_WRITING)) == 0) {
        ++*index;
        slot = page_tree_next(&cache->tree, index, end);
    }
    *wait = slot != NULL && (*slot & SLOT_WRITING) != 0;
    run->index = *index;
    run->count = 0;
    /*
     * Under the lock: who makes the file longer does that before it declares the
     * page dirty (page_write.c), so either that is seen here or it is dirty again.
     */
    run->size = atomic_load_explicit(&cache->inode->size, memory_order_acquire);
    while (slot != NULL && (*slot & (SLOT_DIRTY | SLOT_WRITING)) == SLOT_DIRTY &&
           run->count < run->room && run->index + run->count < end) {
        *slot = (*slot & ~SLOT_DIRTY) | SLOT_WRITING;
        page_slot_count(cache, 0, -1);
        run->frame[run->count] = slot_pfn(*slot);
        frame_get(run->frame[run->count]);
        run->count++;
        slot = page_tree_find(&cache->tree, run->index + run->count);
    }
    cache->writing += run->count;
    spin_unlock(&cache->lock, irq);
    return run->count > 0 || *wait;
}

static void end_run(struct page_cache *cache, const struct write_run *run, int error)
{
    bool irq = spin_lock(&cache->lock);

    for (unsigned i = 0; i < run->count; i++) {
        u64 *slot = page_tree_find(&cache->tree, run->index + i);

        *slot &= ~SLOT_WRITING;
        if (error != 0) {
            page_slot_dirty(cache, slot);
        }
    }
    cache->writing -= run->count;
    if (error != 0 && cache->error == 0) {
        cache->error = error;
    }
    spin_unlock(&cache->lock, irq);
    page_wake_run(cache, run->index, run->count);
    for (unsigned i = 0; i < run->count; i++) {
        frame_put(run->frame[i], ORDER_4K);
    }
}

static int write_run(struct page_cache *cache, const struct write_run *run)
{
    u64 start = run->index * PAGE_SIZE;
    int error = 0;

    if (atomic_load_explicit(&cache->mappings, memory_order_acquire) != 0) {
        aspace_clean_file(cache, run->index, run->index + run->count);
    }
    if (run->size > start) {
        error = cache->ops->write(cache->inode, run->index, run->frame, run->count,
                                  MIN(run->size - start, run->count * PAGE_SIZE));
    }
    end_run(cache, run, error);
    page_count(PAGES_WRITTEN, error == 0 ? run->count : 0);
    return error;
}

static int take_error(struct page_cache *cache)
{
    bool irq = spin_lock(&cache->lock);
    int error = cache->error;

    cache->error = 0;
    spin_unlock(&cache->lock, irq);
    return error;
}

/* Most files that are closed or synced have nothing to write. */
static bool has_work(struct page_cache *cache)
{
    bool irq = spin_lock(&cache->lock);
    bool any = cache->dirty != 0 || cache->writing != 0;

    spin_unlock(&cache->lock, irq);
    return any;
}

void page_write_back(struct page_cache *cache, u64 index, u64 end, bool all)
{
    pfn_t *many = has_work(cache) ? kmalloc(WRITE_PAGES * sizeof(*many)) : NULL;
    struct write_run run;
    bool wait;

    run.frame = many != NULL ? many : run.few;
    run.room = many != NULL ? WRITE_PAGES : WRITE_FEW;
    while (has_work(cache) && take_run(cache, &index, end, &run, &wait)) {
        if (run.count == 0) {
            page_wait(cache, index, SLOT_WRITING);
        } else if (write_run(cache, &run) != 0 && !all) {
            break;
        } else {
            index = run.index + run.count;
        }
    }
    kfree(many);
}

int page_cache_sync(struct page_cache *cache, u64 start, u64 end)
{
    u64 last = MIN(end / PAGE_SIZE + (end % PAGE_SIZE != 0), PAGE_TREE_END);

    if (cache->ops->write == NULL) {
        return 0;
    }
    page_write_back(cache, start / PAGE_SIZE, last, true);
    return take_error(cache);
}
