/* SPDX-License-Identifier: MIT */
/*
 * Mappings of files: what a region holds of its file, and what the page cache
 * asks of mappings.
 *
 * The cache finds the regions of a file by walking the set, if the file is
 * mapped at all: truncating what is mapped is rare, and splitting and merging
 * regions has no list to keep right.  It goes window by window, with the read
 * lock and the window's lock, so that nothing needs memory and nothing fails;
 * a busy region is waited for.  It goes upward, and starts anew if meanwhile
 * mremap(2) moved a file's region downward, perhaps past it.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/vfs.h>

/* Counts a shared mapping that may write; false if the file is sealed against that. */
static bool count_writer(struct inode *inode)
{
    s32 count = atomic_load_explicit(&inode->writers_mapped, memory_order_relaxed);

    if ((atomic_load_explicit(&inode->seals, memory_order_acquire) & F_SEALS_WRITE) != 0) {
        return false;
    }
    while (count >= 0) {
        if (atomic_compare_exchange_weak_explicit(&inode->writers_mapped, &count, count + 1,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

int region_object_new(struct file *file, bool shared, struct region_object **object)
{
    bool may_write =
        (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE) == O_RDWR;

    struct page_cache *cache = file->inode == NULL ? NULL : file->inode->pages;
    struct region_object *made;

    if (cache == NULL) {
        return -ENODEV;
    }
    made = kmalloc(sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = (struct region_object){
        .uses = 1,
        .may_write = may_write && (!shared || count_writer(file->inode)),
        .shared = shared,
        .file = file_get(file),
        .cache = cache,
    };
    page_cache_add_mapping(cache, 1);
    *object = made;
    return 0;
}

struct region_object *region_object_get(struct region_object *object)
{
    atomic_fetch_add_explicit(&object->uses, 1, memory_order_relaxed);
    return object;
}

void region_object_put(struct region_object *object)
{
    if (object != NULL && atomic_fetch_sub_explicit(&object->uses, 1, memory_order_acq_rel) == 1) {
        page_cache_add_mapping(object->cache, -1);
        if (object->shared && object->may_write) {
            atomic_fetch_sub_explicit(&object->file->inode->writers_mapped, 1,
                                      memory_order_release);
        }
        file_put(object->file);
        kfree(object);
    }
}

void region_free(void *node)
{
    struct region *region = node;

    region_object_put(region->object);
    kfree(region);
}

/* Pages [first, end) of `cache`: to lose their mappings, or the right to be written. */
struct file_walk {
    struct page_cache *cache;
    u64 first, end;
    u64 moves_down; /* aspace.moves_down when it started */
    struct turn turn;
    bool copies, clean;
    struct tlb_batch batch;
};

/* The part of the region at or above `va` that maps the pages; false if there is none. */
static bool part_of_region(const struct file_walk *walk, const struct region *region, vaddr_t va,
                           vaddr_t *start, vaddr_t *end)
{
    u64 index = region->offset / PAGE_SIZE;
    u64 pages = (region->end - region->start) / PAGE_SIZE;
    u64 from = MAX(walk->first, index), to = MIN(walk->end, index + pages);

    if (region->object == NULL || region->object->cache != walk->cache || from >= to) {
        return false;
    }
    *start = MAX(va, region->start + (from - index) * PAGE_SIZE);
    *end = region->start + (to - index) * PAGE_SIZE;
    return *start < *end;
}

/* The next such part from *start on, and its region.  Read lock held. */
static const struct region *next_part(const struct file_walk *walk, vaddr_t *start, vaddr_t *end)
{
    vaddr_t va = *start;

    region_for_each(region, &aspace.set, va, VADDR_END)
    {
        if (part_of_region(walk, region, va, start, end)) {
            return region;
        }
    }
    return NULL;
}

static void clean_entry(struct file_walk *walk, u64 *entry, vaddr_t va, u64 size)
{
    u64 old = pte_load(entry);

    if ((old & PTE_FILE) == 0 || (old & PTE_WRITE) == 0) {
        return;
    }
    while (!pte_replace(entry, &old, old & ~(PTE_WRITE | PTE_DIRTY))) {
    }
    tlb_batch_add(&walk->batch, va, size, size);
}

/* False if the batch is full. */
static bool unmap_entry(struct file_walk *walk, u64 *entry, vaddr_t va)
{
    u64 old = pte_load(entry);
    pfn_t pfn = (old & PTE_ADDRESS) >> PAGE_SHIFT;

    if (old == 0 || ((old & PTE_FILE) == 0 && !walk->copies)) {
        return true;
    }
    if (tlb_batch_full(&walk->batch)) {
        return false;
    }
    old = pte_exchange(entry, 0);
    tlb_batch_add(&walk->batch, va, PAGE_SIZE, PAGE_SIZE);
    if (old & PTE_FILE) {
        tlb_batch_put(&walk->batch, pfn, ORDER_4K);
    } else {
        tlb_batch_free(&walk->batch, pfn, ORDER_4K);
    }
    aspace_count(COUNT_4K, -1);
    return true;
}

/* A large page goes whole, whatever part of it was meant: a fault brings back the rest. */
static bool unmap_large(struct file_walk *walk, u64 *entry, vaddr_t window)
{
    u64 old = pte_load(entry), none = 0;
    pfn_t pfn = (old & PTE_ADDRESS) >> PAGE_SHIFT;

    if ((old & PTE_FILE) == 0 && !walk->copies) {
        return true;
    }
    if (tlb_batch_full(&walk->batch)) {
        return false;
    }
    platform->write_entries(entry, &none, 1);
    if (!platform->directory_writes_flush) {
        tlb_batch_add(&walk->batch, window, LARGE_SIZE, LARGE_SIZE);
    }
    if (old & PTE_FILE) {
        tlb_batch_put(&walk->batch, pfn, ORDER_2M);
    } else {
        tlb_batch_free(&walk->batch, pfn, ORDER_2M);
    }
    aspace_count(COUNT_2M, -1);
    return true;
}

/* [va, end) lies in one window, whose lock is held.  Returns how far it came. */
static vaddr_t walk_window(struct file_walk *walk, vaddr_t va, vaddr_t end)
{
    unsigned level;
    u64 *entry = pt_lookup(va, &level);

    if (level > 2 || (level == 2 && pte_load(entry) == 0)) {
        return ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level);
    }
    if (level == 2) {
        bool whole = walk->clean || unmap_large(walk, entry, ALIGN_DOWN(va, LARGE_SIZE));

        if (walk->clean) {
            clean_entry(walk, entry, ALIGN_DOWN(va, LARGE_SIZE), LARGE_SIZE);
        }
        return whole ? end : va;
    }
    for (; va < end; va += PAGE_SIZE, entry++) {
        if (walk->clean) {
            clean_entry(walk, entry, va, PAGE_SIZE);
        } else if (!unmap_entry(walk, entry, va)) {
            break;
        }
    }
    return va;
}

/* One step from *va on; false at the end.  Waits for a busy region. */
static bool walk_step(struct file_walk *walk, vaddr_t *va)
{
    bool irq = aspace_read_lock();
    vaddr_t start = *va, end;
    const struct region *region = next_part(walk, &start, &end);
    u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);

    if (walk->moves_down != aspace.moves_down) {
        walk->moves_down = aspace.moves_down;
        *va = ASPACE_MIN;
        aspace_read_unlock(irq);
        aspace_turn_end(&walk->turn);
        return true;
    }
    if (region != NULL && !region->busy) {
        struct spinlock *lock = pt_window_lock(start);
        bool window_irq = spin_lock(lock);

        end = MIN(end, ALIGN_DOWN(start, LARGE_SIZE) + LARGE_SIZE);
        *va = walk_window(walk, start, end);
        spin_unlock(lock, window_irq);
        aspace_read_unlock(irq);
        aspace_turn_end(&walk->turn);
        return true;
    }
    aspace_read_unlock(irq);
    if (region != NULL) {
        aspace_turn_wait(&walk->turn, start, end, seen);
    } else {
        aspace_turn_end(&walk->turn);
    }
    return region != NULL;
}

static void walk_file(struct file_walk *walk)
{
    vaddr_t va = ASPACE_MIN;
    bool irq = aspace_read_lock();

    walk->moves_down = aspace.moves_down;
    aspace_read_unlock(irq);
    tlb_batch_init(&walk->batch);
    while (walk_step(walk, &va)) {
        if (tlb_batch_full(&walk->batch)) {
            tlb_batch_finish(&walk->batch);
        }
    }
    tlb_batch_finish(&walk->batch);
}

void aspace_unmap_file(struct page_cache *cache, u64 first, u64 end, bool copies)
{
    struct file_walk walk = {.cache = cache, .first = first, .end = end, .copies = copies};

    walk_file(&walk);
}

void aspace_clean_file(struct page_cache *cache, u64 first, u64 end)
{
    struct file_walk walk = {.cache = cache, .first = first, .end = end, .clean = true};

    walk_file(&walk);
}
