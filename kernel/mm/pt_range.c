/* SPDX-License-Identifier: MIT */
/*
 * Changing the leaves of a range, in the fewest steps that the machine
 * charges for: stores to a directory, and shoot-downs.
 *
 *        start                                              end
 *          |     whole windows, by directory                 |
 *   |......#####|###########|###########|###########|########.....|
 *    leaf by leaf, locked                            leaf by leaf, locked
 *
 * Whole windows are changed up to DIRECTORY_CHUNK at a time: the new entries
 * are gathered and stored in one go, because on kvm_pvm a store to a directory
 * exits to the host, and 64 in one exit cost little more than one.  A window
 * with a table of 4 KiB pages loses the whole table, which then serves as the
 * list of the frames to free.  A large leaf that is cut by the range's end is
 * split first, into a table that was taken beforehand: nothing here fails.
 *
 * All goes into one batch, so that there is one shoot-down however large the
 * range, unless memory is too short to list the frames.
 */
#include "pt_range_priv.h"

#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/trace.h>

#define DIRECTORY_CHUNK 64u

static unsigned cut_windows(vaddr_t start, vaddr_t end)
{
    unsigned cut = !IS_ALIGNED(start, LARGE_SIZE) + !IS_ALIGNED(end, LARGE_SIZE);
    bool same = ALIGN_DOWN(start, LARGE_SIZE) == ALIGN_DOWN(end - 1, LARGE_SIZE);

    return same ? MIN(cut, 1u) : cut;
}

int pt_range_init(struct pt_range *range, vaddr_t start, vaddr_t end)
{
    range->start = range->tables_from = start;
    range->end = range->tables_to = end;
    range->own = false;
    range->spares = 0;
    tlb_batch_init(&range->batch);
    for (unsigned n = cut_windows(start, end); n > 0; n--) {
        pfn_t pfn;

        if (frame_alloc_table(0, &pfn) != 0) {
            pt_range_end(range);
            return -ENOMEM;
        }
        range->spare[range->spares++] = pfn << PAGE_SHIFT;
    }
    return 0;
}

void pt_range_end(struct pt_range *range)
{
    while (range->spares > 0) {
        frame_free(range->spare[--range->spares] >> PAGE_SHIFT, ORDER_4K);
    }
}

/*
 * An entry of a directory has changed or will, so CPUs must forget [va, va + size).
 * Where the store itself makes them, there is nothing to be done.
 */
static void flush_directory(struct pt_range *range, vaddr_t va, u64 size, u64 step)
{
    if (!platform->directory_writes_flush) {
        tlb_batch_add(&range->batch, va, size, step);
    }
}

static void release_frame(struct pt_range *range, u64 old, unsigned order)
{
    pfn_t pfn = (old & PTE_ADDRESS) >> PAGE_SHIFT;

    if (leaf_is_counted(old)) {
        tlb_batch_put(&range->batch, pfn, order);
    } else if (range->own) {
        tlb_batch_free_own(&range->batch, pfn, order);
    } else {
        tlb_batch_free(&range->batch, pfn, order);
    }
}

static void protect_leaf(struct pt_range *range, u64 *entry, vaddr_t va, u64 size)
{
    u64 old = pte_load(entry);

    /* Again if a CPU set accessed or dirty meanwhile. */
    while (old != 0 && !pte_replace(entry, &old, leaf_with_bits(old, range->bits))) {
    }
    if (range->flush && (old & PTE_PRESENT)) {
        tlb_batch_add(&range->batch, va, size, size);
    }
}

static void protect_table(struct pt_range *range, u64 *table, vaddr_t window)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        protect_leaf(range, &table[i], window + i * PAGE_SIZE, PAGE_SIZE);
    }
}

void pt_range_release_leaf(struct pt_range *range, u64 old)
{
    release_frame(range, old, ORDER_4K);
    aspace_count(COUNT_4K, -1);
}

/* The window's table goes away: what must be flushed, how many leaves it has. */
static unsigned detach_table(struct pt_range *range, const u64 *table, vaddr_t window)
{
    unsigned first = PT_ENTRIES, last = 0, leaves = 0;

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        if (pte_load(&table[i]) != 0) {
            first = MIN(first, i);
            last = i;
            leaves++;
        }
    }
    if (leaves == 0) {
        first = last; /* CPUs may still know the table itself: one INVLPG ends that */
    }
    flush_directory(range, window + first * PAGE_SIZE, (last - first + 1) * PAGE_SIZE, PAGE_SIZE);
    return leaves;
}

void pt_range_release_window(struct pt_range *range, vaddr_t window, u64 old)
{
    if (old & PTE_LARGE) {
        if (old & PTE_PRESENT) {
            flush_directory(range, window, LARGE_SIZE, LARGE_SIZE);
        }
        release_frame(range, old, ORDER_2M);
        aspace_count(COUNT_2M, -1);
    } else {
        unsigned leaves = detach_table(range, pt_table(old), window);

        tlb_batch_free_table(&range->batch, (old & PTE_ADDRESS) >> PAGE_SHIFT);
        aspace_count(COUNT_4K, -(s64)leaves);
    }
}

/* What is to be stored in the directory for a whole window; lists what goes. */
static u64 change_entry(struct pt_range *range, u64 *entry, vaddr_t window, u64 old)
{
    if (range->clear) {
        pt_range_release_window(range, window, old);
        return 0;
    }
    if (!(old & PTE_LARGE)) {
        protect_table(range, pt_table(old), window);
        return old;
    }
    if (!platform->batch_directory_writes) {
        protect_leaf(range, entry, window, LARGE_SIZE);
        return old;
    }
    if (range->flush && (old & PTE_PRESENT)) {
        flush_directory(range, window, LARGE_SIZE, LARGE_SIZE);
    }
    /* The store may lose a dirty bit that is being set: say dirty at once. */
    return leaf_with_bits(old, range->bits) | (old & PTE_WRITE ? PTE_DIRTY : 0);
}

/*
 * Changes whole windows from `va` on, within one directory.  Returns where to
 * go on: sooner than it might if the batch is full.
 */
static vaddr_t change_directory(struct pt_range *range, vaddr_t va)
{
    u64 *entry = pt_directory_entry(va);
    u64 room = PT_ENTRIES - (va / LARGE_SIZE) % PT_ENTRIES;
    u64 windows = MIN((range->end - va) / LARGE_SIZE, room);
    unsigned count = (unsigned)MIN(windows, DIRECTORY_CHUNK);
    unsigned first = count, last = 0, i;
    u64 value[DIRECTORY_CHUNK];

    for (i = 0; i < count; i++) {
        vaddr_t window = va + i * LARGE_SIZE;
        u64 old = pte_load(&entry[i]);

        if (old != 0 && range->clear && tlb_batch_full(&range->batch)) {
            break;
        }
        value[i] = old == 0 ? 0 : change_entry(range, &entry[i], window, old);
        if (value[i] != old) {
            first = MIN(first, i);
            last = i + 1;
        }
    }
    if (first < last) {
        platform->write_entries(&entry[first], &value[first], last - first);
    }
    return va + i * LARGE_SIZE;
}

static void split_leaf(struct pt_range *range, vaddr_t va)
{
    BUG_ON(range->spares == 0);
    if (pt_demote_into(va, range->spare[range->spares - 1])) {
        range->spares--;
        aspace_count_demotion(va);
    }
}

/* False if the batch has no room for what the leaf maps. */
static bool clear_leaf(struct pt_range *range, u64 *entry, vaddr_t va)
{
    u64 old = pte_load(entry);

    if (old == 0) {
        return true;
    }
    if (tlb_batch_full(&range->batch)) {
        return false;
    }
    pte_store(entry, 0);
    if (old & PTE_PRESENT) {
        tlb_batch_add(&range->batch, va, PAGE_SIZE, PAGE_SIZE);
    }
    pt_range_release_leaf(range, old);
    return true;
}

static bool table_is_empty(const u64 *table)
{
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        if (pte_load(&table[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Frees the window's table if that is wanted and nothing is left in it. */
static bool drop_table(struct pt_range *range, u64 *entry, vaddr_t va)
{
    vaddr_t window = ALIGN_DOWN(va, LARGE_SIZE);

    if (window < range->tables_from || window + LARGE_SIZE > range->tables_to ||
        !table_is_empty(pt_table(pte_load(entry)))) {
        return true;
    }
    if (tlb_batch_full(&range->batch)) {
        return false;
    }
    pt_range_release_window(range, window, pte_load(entry));
    pte_store(entry, 0);
    return true;
}

/* Leaves [va, stop) of one window; returns where to go on. */
static vaddr_t change_leaves(struct pt_range *range, u64 *entry, vaddr_t va, vaddr_t stop)
{
    u64 *table = pt_table(pte_load(entry));

    for (; va < stop; va += PAGE_SIZE) {
        u64 *leaf = &table[(va / PAGE_SIZE) % PT_ENTRIES];

        if (!range->clear) {
            protect_leaf(range, leaf, va, PAGE_SIZE);
        } else if (!clear_leaf(range, leaf, va)) {
            return va;
        }
    }
    if (range->clear && !drop_table(range, entry, stop - 1)) {
        return stop - PAGE_SIZE; /* nothing there any more, but once again for the table */
    }
    return stop;
}

static vaddr_t change_window(struct pt_range *range, vaddr_t va, vaddr_t stop)
{
    struct spinlock *lock = pt_window_lock(va);
    bool irq = spin_lock(lock);
    u64 *entry = pt_directory_entry(va);

    if (pte_load(entry) & PTE_LARGE) {
        split_leaf(range, va);
    }
    va = pte_load(entry) == 0 ? stop : change_leaves(range, entry, va, stop);
    spin_unlock(lock, irq);
    return va;
}

/* A leaf of 1 GiB, wholly in the range: others were split.  Returns where to go on. */
static vaddr_t change_giant(struct pt_range *range, u64 *entry, vaddr_t va)
{
    u64 old;

    BUG_ON(!IS_ALIGNED(va, GIANT_SIZE) || range->end - va < GIANT_SIZE);
    if (!range->clear) {
        protect_leaf(range, entry, va, GIANT_SIZE);
        return va + GIANT_SIZE;
    }
    old = pt_giant_take(va);
    if (old & PTE_PRESENT) {
        tlb_batch_add(&range->batch, va, GIANT_SIZE, GIANT_SIZE);
    }
    release_frame(range, old, ORDER_1G);
    giant_count(-1);
    return va + GIANT_SIZE;
}

/* The next address from `va` on whose directory has an entry for it, or a leaf of 1 GiB. */
static vaddr_t skip_empty(vaddr_t va, vaddr_t end)
{
    while (va < end) {
        unsigned level;

        if (pte_load(pt_lookup(va, &level)) != 0 || level <= 2) {
            break;
        }
        va = ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level);
    }
    return va;
}

static void change(struct pt_range *range)
{
    vaddr_t end = range->end;

    for (vaddr_t va = skip_empty(range->start, end); va < end; va = skip_empty(va, end)) {
        if (range->clear && tlb_batch_full(&range->batch)) {
            tlb_batch_finish(&range->batch);
        }
        if (pt_giant_leaf(va) != NULL) {
            va = change_giant(range, pt_giant_leaf(va), va);
        } else if (IS_ALIGNED(va, LARGE_SIZE) && end - va >= LARGE_SIZE) {
            va = change_directory(range, va);
        } else {
            va = change_window(range, va, MIN(end, ALIGN_DOWN(va, LARGE_SIZE) + LARGE_SIZE));
        }
    }
}

void pt_range_clear_part(struct pt_range *range, vaddr_t start, vaddr_t end)
{
    range->start = range->tables_from = start;
    range->end = range->tables_to = end;
    range->clear = true;
    change(range);
}

void pt_range_clear(struct pt_range *range)
{
    range->clear = true;
    change(range);
    tlb_batch_finish(&range->batch);
}

void pt_range_protect(struct pt_range *range, unsigned prot, bool flush)
{
    range->clear = false;
    range->bits = pte_from_prot(prot);
    range->flush = flush;
    change(range);
    tlb_batch_finish(&range->batch);
}
