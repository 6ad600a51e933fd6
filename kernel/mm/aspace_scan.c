/* SPDX-License-Identifier: MIT */
/*
 * Looking at the leaves of a range: which pages are there, large, accessed or
 * dirty; and taking the accessed and dirty bits back while looking.
 *
 * A bit that was seen is what is reported, and what is cleared: nothing is
 * cleared that was not reported.  After the last entry there is one
 * shoot-down, and only then does the scan return.  So a write is either
 * reported by the scan that it overlaps with, whose caller will find the bytes
 * it wrote, or it finds the page clean in the TLB and sets the bit anew.  A
 * second scan that clears must not begin before the first one's shoot-down: it
 * would call a page clean that a CPU is writing to by a translation that knows
 * it as dirty.  Hence the mutex.
 *
 * The locks are those of a fault: the set's read lock and the window's lock,
 * for one table of 4 KiB pages or for up to 32 MiB of large ones.  Regions that
 * are busy are waited for, as their entries change without the window's lock.
 *
 * A host that shadows the page tables protects each table from being written to, again
 * after every flush: 21 us for the first store to a table, and 21 us to look through it at the
 * flush.  Where most tables of a directory have changed, their entries in it are stored once
 * again instead of a flush, which drops what was known through them; at the third, the host
 * forgets all of the directory, so that the others cost nothing, and the tables stay open to
 * be written to the next time.  What is written to afterwards would miss anyway.
 * Rejected: INVLPG of each page that was cleared, which took 43 to 75 us a page on a loaded host
 * and left the first writes as dear as they are (35 to 75 us: an exit sets the dirty bit).
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>
#include <kernel/trace.h>

/* From so many tables on, if they are half of what the directory has. */
#define STORE_FROM 6u
#define STORE_SHARE 2u

#define GROUP_WINDOWS (PT_GROUP_SIZE / LARGE_SIZE)
#define GROUP_PAGES (PT_GROUP_SIZE / PAGE_SIZE)
/* Of one group, and what is left of the word before. */
#define SCAN_WORDS (GROUP_PAGES / 64 + 1)

struct scan {
    const struct aspace_scan *request;
    u64 size;   /* of a unit */
    u64 clear;  /* bits of an entry to be taken back */
    u64 wanted; /* bits of an entry for 4 KiB, one of which it must have to be looked at */
    struct turn turn;
    struct tlb_batch batch;
    /* The same for the directory that is being looked at, and how many tables changed. */
    struct tlb_batch part;
    unsigned tables;
    u64 changed[PT_ENTRIES / 64]; /* which of the directory's */
    u64 emitted;                  /* units so far; a multiple of 64 */
    u64 bits[SCAN_WORDS];
    /* Large leaves in a row that are to be stored in one go. */
    u64 *run;
    unsigned count;
    u64 value[GROUP_WINDOWS];
    /* A leaf of 1 GiB whose bits were taken: all before `taken_end` are as it was. */
    vaddr_t taken_end;
    u64 taken;
};

static struct mutex clearing = {.queue = WAIT_QUEUE_INIT("scan", clearing.queue)};

/* Has any scan taken bits back?  Set before the first does, for good. */
static _Atomic bool takes_bits;

bool aspace_scan_takes_bits(void)
{
    return atomic_load_explicit(&takes_bits, memory_order_acquire);
}

static bool matches(const struct scan *scan, u64 pte, unsigned level)
{
    unsigned what = scan->request->what;

    return ((what & SCAN_PRESENT) && pte != 0) || ((what & SCAN_DIRTY) && (pte & PTE_DIRTY)) ||
           ((what & SCAN_ACCESSED) && (pte & PTE_ACCESSED)) || ((what & SCAN_LARGE) && level > 1);
}

/* [va, end) lies in the range, and in one group. */
static void note(struct scan *scan, vaddr_t va, vaddr_t end)
{
    u64 first = (va - scan->request->start) / scan->size - scan->emitted;
    u64 last = (end - 1 - scan->request->start) / scan->size - scan->emitted;

    for (u64 i = first; i <= last; i++) {
        scan->bits[i / 64] |= 1ull << i % 64;
    }
}

static void store_run(struct scan *scan)
{
    if (scan->count > 0) {
        platform->write_entries(scan->run, scan->value, scan->count);
        scan->count = 0;
    }
}

/*
 * The bits go with the run's one store.  That is not atomic with the CPUs'
 * setting of bits, so it is for leaves whose bits can be told beforehand: a
 * dirty one is taken for accessed as well.
 */
static bool add_to_run(struct scan *scan, u64 *entry, u64 pte)
{
    if (!platform->batch_directory_writes || ((pte & PTE_WRITE) && !(pte & PTE_DIRTY))) {
        return false;
    }
    if (scan->count > 0 && entry != scan->run + scan->count) {
        store_run(scan);
    }
    if (scan->count == 0) {
        scan->run = entry;
    }
    scan->value[scan->count++] = (pte | PTE_ACCESSED) & ~scan->clear;
    return true;
}

/* Takes bits from an entry; returns what it was. */
static u64 take_bits(u64 *entry, u64 pte, u64 bits)
{
    while (!pte_replace(entry, &pte, pte & ~bits)) {
    }
    return pte;
}

/* A large leaf is cleared when all of it is looked at: the bits are the whole page's. */
static void look_at_large(struct scan *scan, u64 *entry, vaddr_t va, vaddr_t end)
{
    u64 pte = pte_load(entry);

    if ((pte & scan->clear) && end - va == LARGE_SIZE) {
        if (!add_to_run(scan, entry, pte)) {
            pte = take_bits(entry, pte, scan->clear);
        }
        if (!platform->directory_writes_flush && (pte & PTE_PRESENT)) {
            tlb_batch_add(&scan->batch, va, LARGE_SIZE, LARGE_SIZE);
        }
    }
    if (matches(scan, pte, 2)) {
        note(scan, va, end);
    }
}

/*
 * The part of a leaf of 1 GiB that lies in a group.  Its bits are taken at its first group, if all
 * of it is looked at, and told in each: another may split it before the last.
 */
static void look_at_giant(struct scan *scan, u64 *entry, vaddr_t va, vaddr_t end)
{
    u64 pte = pte_load(entry);

    if ((pte & scan->clear) && IS_ALIGNED(va, GIANT_SIZE) &&
        scan->request->end - va >= GIANT_SIZE) {
        scan->taken = pte = take_bits(entry, pte, scan->clear);
        scan->taken_end = va + GIANT_SIZE;
        if (pte & PTE_PRESENT) {
            tlb_batch_add(&scan->batch, va, GIANT_SIZE, GIANT_SIZE);
        }
    }
    if (matches(scan, pte, 3)) {
        note(scan, va, end);
    }
}

/* The directory's entry for `va` points to a table that has changed. */
static void set_changed(struct scan *scan, vaddr_t va)
{
    u64 i = va / LARGE_SIZE % PT_ENTRIES;

    scan->changed[i / 64] |= 1ull << i % 64;
}

static void look_at_table(struct scan *scan, u64 *entry, vaddr_t va, vaddr_t end)
{
    const u64 wanted = scan->wanted;
    bool changed = false;

    for (; va < end; va += PAGE_SIZE, entry++) {
        u64 pte = pte_load(entry);

        if (!(pte & wanted)) {
            continue;
        }
        if (pte & scan->clear) {
            pte = take_bits(entry, pte, scan->clear);
            if (pte & PTE_PRESENT) {
                tlb_batch_add(&scan->part, va, PAGE_SIZE, PAGE_SIZE);
                changed = true;
            }
        }
        if (matches(scan, pte, 1)) {
            note(scan, va, va + PAGE_SIZE);
        }
    }
    if (changed) {
        scan->tables++;
        set_changed(scan, va - PAGE_SIZE);
    }
}

/* Window lock held.  Large leaves up to `end`, or one table: returns from where to go on. */
static vaddr_t look_at_windows(struct scan *scan, vaddr_t va, vaddr_t end)
{
    vaddr_t first = va;
    bool table = false;

    while (va < end && !table) {
        vaddr_t stop = MIN(end, ALIGN_DOWN(va, LARGE_SIZE) + LARGE_SIZE);
        unsigned level;
        u64 *entry = pt_lookup(va, &level);

        table = level == 1;
        if (table) {
            look_at_table(scan, entry, va, stop);
        } else if (level == 2 && pte_load(entry) != 0) {
            look_at_large(scan, entry, va, stop);
        } else if (level == 3 && pte_load(entry) != 0) {
            stop = end;
            look_at_giant(scan, entry, va, stop);
        }
        va = stop;
    }
    store_run(scan);
    if (first < scan->taken_end && matches(scan, scan->taken, 3)) {
        note(scan, first, va);
    }
    return va;
}

/* Up to `end`, in one group, as far as one hold of the locks goes. */
static vaddr_t step(struct scan *scan, vaddr_t va, vaddr_t end)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_from(&aspace.set, va);
    u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);
    bool busy = false;

    if (region == NULL || region->start >= end) {
        va = end;
    } else if (region->start > va) {
        va = region->start;
    } else if (region->busy) {
        busy = true;
    } else {
        struct spinlock *lock = pt_window_lock(va);
        bool window_irq = spin_lock(lock);

        va = look_at_windows(scan, va, MIN(end, region->end));
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    if (busy) {
        aspace_turn_wait(&scan->turn, va, va + PAGE_SIZE, seen);
    } else {
        aspace_turn_end(&scan->turn);
    }
    return va;
}

/* Tells of all units up to `va`, by whole words but for the last. */
static int emit(struct scan *scan, vaddr_t va)
{
    const struct aspace_scan *request = scan->request;
    u64 units = (va - request->start) / scan->size - scan->emitted;
    u64 words = units / 64;
    int error;

    if (va == request->end) {
        words = (units + 63) / 64;
    }
    if (words == 0) {
        return 0;
    }
    error = request->emit(request->arg, scan->emitted / 64, scan->bits, (unsigned)words);
    scan->emitted += words * 64;
    scan->bits[0] = units % 64 != 0 && va != request->end ? scan->bits[words] : 0;
    memset(&scan->bits[1], 0, sizeof(scan->bits) - sizeof(scan->bits[0]));
    return error;
}

/* Are the tables that changed most of what the directory of `va` has? */
static bool is_mostly_changed(const struct scan *scan, vaddr_t va)
{
    unsigned used = 0;

    va = ALIGN_DOWN(va, GIANT_SIZE);
    for (u64 i = 0; i < PT_ENTRIES; i++) {
        const u64 *entry = pt_directory_entry(va + i * LARGE_SIZE);

        used += entry != NULL && pte_load(entry) != 0;
    }
    return scan->tables >= STORE_FROM && scan->tables * STORE_SHARE >= used;
}

/*
 * Stores an entry once again, which drops what is known through it.  One that is no table any
 * more was stored to since.  False: an operation may change it just now.
 */
static bool store_again(vaddr_t window)
{
    struct spinlock *lock = pt_window_lock(window);
    bool irq = aspace_read_lock(), window_irq = spin_lock(lock);
    bool busy = region_set_busy(&aspace.set, window, window + LARGE_SIZE);
    u64 *entry = pt_directory_entry(window);
    u64 value = entry == NULL || busy ? 0 : pte_load(entry);

    if (value != 0 && !(value & PTE_LARGE)) {
        platform->write_entries(entry, &value, 1);
    }
    spin_unlock(lock, window_irq);
    aspace_read_unlock(irq);
    return !busy;
}

static bool store_changed(const struct scan *scan, vaddr_t va)
{
    vaddr_t first = ALIGN_DOWN(va, GIANT_SIZE);

    if (!platform->directory_writes_flush || !is_mostly_changed(scan, va)) {
        return false;
    }
    for (u64 i = 0; i < PT_ENTRIES; i++) {
        if ((scan->changed[i / 64] >> i % 64 & 1) != 0 && !store_again(first + i * LARGE_SIZE)) {
            return false;
        }
    }
    return true;
}

/* A directory has been looked at: what has changed is dropped, or to be flushed. */
static void end_directory(struct scan *scan, vaddr_t va)
{
    if (scan->tables > 0 && !store_changed(scan, va)) {
        tlb_batch_join(&scan->batch, &scan->part);
    }
    tlb_batch_init(&scan->part);
    scan->tables = 0;
    memset(scan->changed, 0, sizeof(scan->changed));
}

static int scan_groups(struct scan *scan)
{
    vaddr_t va = scan->request->start;
    int error = 0;

    while (va < scan->request->end && error == 0) {
        vaddr_t end = MIN(scan->request->end, ALIGN_DOWN(va, PT_GROUP_SIZE) + PT_GROUP_SIZE);

        while (va < end) {
            va = step(scan, va, end);
        }
        error = emit(scan, va);
        if (va == scan->request->end || error != 0 || IS_ALIGNED(va, GIANT_SIZE)) {
            end_directory(scan, va - 1);
        }
    }
    tlb_batch_finish(&scan->batch);
    return error;
}

static u64 bits_to_clear(const struct aspace_scan *request)
{
    u64 dirty = request->what & SCAN_DIRTY ? PTE_DIRTY : 0;
    u64 accessed = request->what & SCAN_ACCESSED ? PTE_ACCESSED : 0;

    return request->clear ? dirty | accessed : 0;
}

/* What is there has some bit, though it may be hidden from the CPU. */
static u64 bits_wanted(const struct aspace_scan *request)
{
    u64 dirty = request->what & SCAN_DIRTY ? PTE_DIRTY : 0;
    u64 accessed = request->what & SCAN_ACCESSED ? PTE_ACCESSED : 0;

    return request->what & SCAN_PRESENT ? ~0ull : dirty | accessed;
}

static bool is_valid(const struct aspace_scan *request)
{
    u64 size = PAGE_SIZE << request->order;

    return (request->order == ORDER_4K || request->order == ORDER_2M) &&
           request->end > request->start && IS_ALIGNED(request->start | request->end, size) &&
           request->what != 0 && (request->what & ~SCAN_ALL) == 0 &&
           aspace_range_valid(request->start, request->end - request->start) == 0;
}

int aspace_scan(const struct aspace_scan *request)
{
    struct scan *scan;
    int error;

    if (!is_valid(request)) {
        return -EINVAL;
    }
    scan = kzalloc(sizeof(*scan));
    if (scan == NULL) {
        return -ENOMEM;
    }
    scan->request = request;
    scan->size = PAGE_SIZE << request->order;
    scan->clear = bits_to_clear(request);
    scan->wanted = bits_wanted(request);
    tlb_batch_init(&scan->batch);
    tlb_batch_init(&scan->part);
    if (scan->clear != 0) {
        atomic_store_explicit(&takes_bits, true, memory_order_release);
        mutex_lock(&clearing);
    }
    error = scan_groups(scan);
    if (scan->clear != 0) {
        mutex_unlock(&clearing);
    }
    kfree(scan);
    return error;
}

/* Read lock and window lock held. */
static void describe(const struct region *region, vaddr_t va, struct aspace_page *page)
{
    unsigned level;
    u64 pte = pte_load(pt_lookup(va, &level));

    page->prot = region->prot;
    page->file = region->kind == REGION_FILE;
    if (pte == 0) {
        return;
    }
    page->size = pt_level_size(level);
    page->frame = ((pte & PTE_ADDRESS) + va % page->size) >> PAGE_SHIFT;
    page->dirty = (pte & PTE_DIRTY) != 0;
    page->accessed = (pte & PTE_ACCESSED) != 0;
    page->write = (pte & PTE_WRITE) != 0;
}

int aspace_query(vaddr_t va, struct aspace_page *page)
{
    const struct region *region;
    int error = aspace_range_valid(va, PAGE_SIZE);
    bool irq;

    if (error != 0) {
        return error;
    }
    *page = (struct aspace_page){0};
    irq = aspace_read_lock();
    region = region_set_find(&aspace.set, va);
    if (region == NULL || region->closing) {
        error = -ENOMEM;
    } else {
        struct spinlock *lock = pt_window_lock(va);
        bool window_irq = spin_lock(lock);

        describe(region, va, page);
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return error;
}
