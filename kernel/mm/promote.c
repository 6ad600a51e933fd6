/* SPDX-License-Identifier: MIT */
/*
 * Promotion: windows whose pages of 4 KiB are all there get a frame of 2 MiB each, with
 * the same contents.
 *
 * If its frames still lie in the order in which one block had them, because it was such
 * a page before, the window keeps them; else all is copied into a free block.
 *
 * Some windows at a time are made unreachable on all CPUs before they are copied, so that
 * no write is lost; faults in them wait meanwhile, because their regions are busy.  Costs two
 * stores to the directory and a shoot-down for all of them, and the copies (about 100 us
 * each), which is why they are not more.  Frames come first: nothing fails while others wait.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>
#include <kernel/trace.h>

#define AT_ONCE 8u
_Static_assert(PT_GROUP_SIZE % (AT_ONCE * LARGE_SIZE) == 0, "they lie in one directory");

struct promotion {
    struct aspace_op op;
    unsigned windows;
    bool fill;  /* what is missing becomes zeroes */
    bool force; /* whatever the advice is */
    unsigned made;
    unsigned frames, used;
    pfn_t frame[AT_ONCE];
    unsigned large;     /* windows that have such a page already */
    u64 bits[AT_ONCE];  /* protection; 0: it cannot be promoted */
    u64 old[AT_ONCE];   /* what the directory had; 0: the window stays as it is */
    u64 value[AT_ONCE]; /* and what it gets */
    bool in_place[AT_ONCE];
};

static vaddr_t window_at(const struct promotion *p, unsigned i)
{
    return p->op.start + i * LARGE_SIZE;
}

/*
 * Alone in using its frame: else what another mapping of it writes would be missed here.
 * A snapshot's frame nobody writes to; here it gets a copy, as by a write.
 */
static bool is_alone(u64 pte)
{
    return (pte & PTE_FILE) == 0 &&
           ((pte & PTE_SNAPSHOT) != 0 || frame_uses((pte & PTE_ADDRESS) >> PAGE_SHIFT) == 1);
}

static bool table_is_fit(const u64 *table, bool fill)
{
    unsigned leaves = 0;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = pte_load(&table[i]);

        if (pte == 0 ? !fill : !is_alone(pte)) {
            return false;
        }
        leaves += pte != 0;
    }
    return leaves > 0;
}

bool promote_table_in_order(const u64 *table, pfn_t first)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        u64 pte = pte_load(&table[i]);

        if (pte == 0 || (pte & PTE_ADDRESS) >> PAGE_SHIFT != first + i) {
            return false;
        }
    }
    return true;
}

/* Has a table that is fit one block, as it was split into?  Nobody else uses a part of it. */
static bool is_whole(const u64 *table)
{
    pfn_t first = (pte_load(table) & PTE_ADDRESS) >> PAGE_SHIFT;

    return IS_ALIGNED(first, 1ul << ORDER_2M) && promote_table_in_order(table, first) &&
           frame_used_once(first, PT_ENTRIES) && frame_is_block(first, ORDER_2M);
}

bool promote_table_dirty(const u64 *table)
{
    bool dirty = false;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        dirty |= (pte_load(&table[i]) & PTE_DIRTY) != 0;
    }
    return dirty;
}

/* Some of them may be missing. */
static void copy_or_zero(pfn_t to, const void *const *from)
{
    for (unsigned i = 0; i < COPY_PAGES; i++) {
        if (from[i] == NULL) {
            memset(pfn_to_virt(to + i), 0, PAGE_SIZE);
        } else {
            memcpy(pfn_to_virt(to + i), from[i], PAGE_SIZE);
        }
    }
}

/* What so many entries map, in one go. */
static bool copy_pages(pfn_t to, const u64 *entry, s64 *leaves)
{
    const void *from[COPY_PAGES];
    bool dirty = false, all = true;

    for (unsigned i = 0; i < COPY_PAGES; i++) {
        u64 pte = pte_load(&entry[i]);

        from[i] = pte == 0 ? NULL : phys_to_virt(pte & PTE_ADDRESS);
        dirty |= (pte & PTE_DIRTY) != 0;
        all &= pte != 0;
        *leaves += pte != 0;
    }
    if (all) {
        copy_pages_uncached(pfn_to_virt(to), from);
    } else {
        copy_or_zero(to, from);
    }
    return dirty;
}

bool promote_copy_table(pfn_t large, const u64 *table, s64 *leaves)
{
    bool dirty = false;

    for (unsigned i = 0; i < PT_ENTRIES; i += COPY_PAGES) {
        dirty |= copy_pages(large + i, &table[i], leaves);
    }
    memory_fence_uncached();
    return dirty;
}

void aspace_count_promotion(vaddr_t va)
{
    aspace_count(COUNT_2M, 1);
    aspace_count(COUNT_PROMOTIONS, 1);
    aspace_event(va, ASPACE_PROMOTED, 1);
}

/* A glimpse: a frame for each window that has a table now. */
static void take_frames(struct promotion *p)
{
    for (unsigned i = 0; i < p->windows; i++) {
        u64 *entry = pt_directory_entry(window_at(p, i));
        u64 value = entry == NULL ? 0 : pte_load(entry);

        if (value == 0 || (value & PTE_LARGE) != 0) {
            continue;
        }
        if (frame_alloc(ORDER_2M, 0, &p->frame[p->frames]) != 0) {
            return;
        }
        p->frames++;
    }
}

/* Write lock held.  Which windows lie in one region that may have large pages? */
static bool choose(struct promotion *p)
{
    bool any = false;

    for (unsigned i = 0; i < p->windows; i++) {
        vaddr_t window = window_at(p, i);
        const struct region *region = region_set_find(&aspace.set, window);
        bool fits = region != NULL && region->end - window >= LARGE_SIZE &&
                    region->kind == REGION_ANON && (p->force || region->pages != PAGES_SMALL);

        p->bits[i] = fits ? pte_from_prot(region->prot) : 0;
        any |= fits;
    }
    return any;
}

/* The windows are claimed.  -ENOMEM: some have no frame. */
static int look(struct promotion *p, const u64 *entry)
{
    for (unsigned i = 0; i < p->windows; i++) {
        u64 value = pte_load(&entry[i]);

        p->old[i] = 0;
        if (value & PTE_LARGE) {
            p->large++;
        } else if (p->bits[i] != 0 && value != 0 && table_is_fit(pt_table(value), p->fill)) {
            p->in_place[i] = is_whole(pt_table(value));
            if (p->in_place[i]) {
                p->value[i] = pte_load(pt_table(value)) & PTE_ADDRESS;
            } else if (p->used == p->frames) {
                return -ENOMEM;
            } else {
                p->value[i] = p->frame[p->used++] << PAGE_SHIFT;
            }
            p->old[i] = value;
            p->made++;
        }
    }
    return 0;
}

/* Stores values of the windows that change, row by row. */
static void store_rows(const struct promotion *p, u64 *entry, const u64 *value)
{
    for (unsigned i = 0, end; i < p->windows; i = end + 1) {
        for (end = i; end < p->windows && p->old[end] != 0; end++) {
        }
        if (end > i) {
            platform->write_entries(&entry[i], &value[i], end - i);
        }
    }
}

static void copy_windows(struct promotion *p)
{
    for (unsigned i = 0; i < p->windows; i++) {
        const u64 *table = pt_table(p->old[i]);
        s64 leaves = p->in_place[i] ? PT_ENTRIES : 0;

        if (p->old[i] != 0) {
            bool dirty = p->in_place[i]
                             ? promote_table_dirty(table)
                             : promote_copy_table(p->value[i] >> PAGE_SHIFT, table, &leaves);

            p->value[i] |= p->bits[i] | PTE_LARGE | PTE_ACCESSED | (dirty ? PTE_DIRTY : 0);
            aspace_count(COUNT_4K, -leaves);
            aspace_count_promotion(window_at(p, i));
        }
    }
}

static void exchange(struct promotion *p, u64 *entry)
{
    static const u64 none[AT_ONCE];
    struct tlb_batch *batch = &p->op.range.batch;

    store_rows(p, entry, none);
    for (unsigned i = 0; i < p->windows; i++) {
        if (p->old[i] != 0 && !platform->directory_writes_flush) {
            tlb_batch_add(batch, window_at(p, i), LARGE_SIZE, PAGE_SIZE);
        }
    }
    tlb_batch_finish(batch);
    copy_windows(p);
    store_rows(p, entry, p->value);
    /* Nobody can know the old tables any more: freed without a further shoot-down. */
    for (unsigned i = 0; i < p->windows; i++) {
        pfn_t table = (p->old[i] & PTE_ADDRESS) >> PAGE_SHIFT;

        if (p->old[i] != 0 && p->in_place[i]) {
            tlb_batch_free(batch, table, ORDER_4K);
        } else if (p->old[i] != 0) {
            tlb_batch_free_table(batch, table);
        }
    }
    tlb_batch_finish(batch);
}

static int promote_claimed(struct promotion *p)
{
    u64 *entry = pt_directory_entry(p->op.start);
    int error = entry == NULL ? 0 : look(p, entry);

    if (p->made > 0) {
        exchange(p, entry);
    }
    return error;
}

static int promote_locked(struct promotion *p)
{
    bool irq = aspace_op_lock(&p->op);
    int error;

    if (!choose(p)) {
        aspace_write_unlock(irq);
        return 0;
    }
    aspace_op_claim(&p->op);
    aspace_write_unlock(irq);
    error = promote_claimed(p);
    irq = aspace_write_lock();
    aspace_op_release(&p->op, irq);
    return error;
}

static int promote(struct promotion *p, vaddr_t start)
{
    int error = aspace_op_begin(&p->op, start, p->windows * LARGE_SIZE);

    if (error != 0) {
        return error;
    }
    p->op.giants = GIANTS_KEEP;
    take_frames(p);
    error = promote_locked(p);
    for (unsigned i = p->used; i < p->frames; i++) {
        frame_free(p->frame[i], ORDER_2M);
    }
    aspace_op_end(&p->op);
    trace(TRACE_PROMOTE, start, (u64)error);
    return error;
}

int aspace_promote(vaddr_t window)
{
    struct promotion p = {.windows = 1};
    int error = IS_ALIGNED(window, LARGE_SIZE) ? promote(&p, window) : -EINVAL;

    return error == 0 && p.made + p.large == 0 ? -EINVAL : error;
}

int promote_windows(vaddr_t start, vaddr_t end, bool force, u64 *made)
{
    int error = 0;

    start = ALIGN_UP(start, LARGE_SIZE);
    *made = 0;
    while (error == 0 && start < end && end - start >= LARGE_SIZE) {
        u64 group = AT_ONCE * LARGE_SIZE;
        vaddr_t stop = MIN(ALIGN_DOWN(end, LARGE_SIZE), ALIGN_DOWN(start, group) + group);
        struct promotion p = {
            .windows = (unsigned)((stop - start) / LARGE_SIZE), .fill = true, .force = force};

        error = promote(&p, start);
        *made += p.made;
        start = stop;
    }
    return error;
}

int aspace_promote_range(vaddr_t start, vaddr_t end, u64 *made)
{
    return promote_windows(start, end, false, made);
}
