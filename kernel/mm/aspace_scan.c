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
 * again instead of a flush, which drops what was known through them.  The first of such stores
 * is told how many there will be, upon which the host forgets all of the directory: the others
 * cost nothing, and the tables stay open to be written to the next time.  What is written to
 * afterwards would miss anyway.  Large pages whose bits are taken go the same way.
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
/* Of large pages: three stores of their own drop the directory as well. */
#define MANY_STORES 3u

#define GROUP_WINDOWS (PT_GROUP_SIZE / LARGE_SIZE)
#define GROUP_PAGES (PT_GROUP_SIZE / PAGE_SIZE)
/* Of one group, and what is left of the word before. */
#define SCAN_WORDS (GROUP_PAGES / 64 + 1)
#define LINE_ENTRIES (CACHE_LINE / sizeof(u64))

struct scan {
    const struct aspace_scan *request;
    unsigned shift; /* a unit is 1 << shift bytes */
    u64 clear;      /* bits of an entry to be taken back */
    u64 wanted;     /* bits of an entry for 4 KiB, one of which is what is looked for */
    struct turn turn;
    struct tlb_batch batch;
    /* The same for the directory that is being looked at, and how many tables changed. */
    struct tlb_batch part;
    unsigned tables;
    u64 changed[PT_ENTRIES / 64]; /* which of the directory's */
    u64 emitted;                  /* units so far; a multiple of 64 */
    u64 bits[SCAN_WORDS];
    /* Large leaves in a row that are to be stored in one go; the directory's first? */
    u64 *run;
    unsigned count;
    bool stored;
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

static u64 unit_of(const struct scan *scan, vaddr_t va)
{
    return ((va - scan->request->start) >> scan->shift) - scan->emitted;
}

/* [va, end) lies in the range, and in one group. */
static void note(struct scan *scan, vaddr_t va, vaddr_t end)
{
    u64 last = unit_of(scan, end - 1);

    for (u64 i = unit_of(scan, va); i <= last; i++) {
        scan->bits[i / 64] |= 1ull << i % 64;
    }
}

/* The same for pages from `va` on, by the bits of `mask`, which is not 0. */
static void note_pages(struct scan *scan, vaddr_t va, u64 mask)
{
    u64 first = unit_of(scan, va);

    if (scan->shift != PAGE_SHIFT) {
        scan->bits[first / 64] |= 1ull << first % 64;
        return;
    }
    scan->bits[first / 64] |= mask << first % 64;
    if (first % 64 != 0 && mask >> (64 - first % 64) != 0) {
        scan->bits[first / 64 + 1] |= mask >> (64 - first % 64);
    }
}

/* Large leaves of the directory whose bits are to be taken, from `entry` on: a glimpse. */
static unsigned count_to_store(const struct scan *scan, const u64 *entry)
{
    const u64 *end = (const u64 *)ALIGN_UP((u64)(entry + 1), PAGE_SIZE);
    unsigned found = 0;

    for (; entry < end; entry++) {
        u64 pte = pte_load(entry);

        found += (pte & PTE_LARGE) != 0 && (pte & scan->clear) != 0;
    }
    return found;
}

static void store_run(struct scan *scan)
{
    if (scan->count == 0) {
        return;
    }
    if (!scan->stored && count_to_store(scan, scan->run) >= MANY_STORES) {
        platform->write_first_of_many(scan->run, scan->value, scan->count);
    } else {
        platform->write_entries(scan->run, scan->value, scan->count);
    }
    scan->stored = true;
    scan->count = 0;
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

/* Of the entries in one cache line, which have a wanted bit? */
static u64 find_in_line(const u64 *entry, u64 wanted)
{
    u64 any = 0, mask = 0;

#pragma GCC unroll 8
    for (unsigned i = 0; i < LINE_ENTRIES; i++) {
        any |= pte_load(&entry[i]);
    }
    if (likely((any & wanted) == 0)) {
        return 0;
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < LINE_ENTRIES; i++) {
        mask |= (u64)((pte_load(&entry[i]) & wanted) != 0) << i;
    }
    return mask;
}

/* And of 64 entries; meanwhile those at `next` come nearer. */
static u64 find_wanted(const u64 *entry, u64 wanted, const u64 *next)
{
    u64 mask = 0;

    for (unsigned i = 0; i < 64; i += LINE_ENTRIES) {
        __builtin_prefetch(&next[i]);
        mask |= find_in_line(&entry[i], wanted) << i;
    }
    return mask;
}

/* Takes bits of the pages from `va` on that the mask tells of.  Did one have them? */
static bool take_all_bits(struct scan *scan, u64 *entry, vaddr_t va, u64 mask)
{
    bool changed = false;

    for (; mask != 0; mask &= mask - 1) {
        unsigned i = (unsigned)__builtin_ctzll(mask);
        u64 pte = pte_load(&entry[i]);

        if ((pte & scan->clear) != 0 &&
            (take_bits(&entry[i], pte, scan->clear) & PTE_PRESENT) != 0) {
            tlb_batch_add(&scan->part, va + i * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
            changed = true;
        }
    }
    return changed;
}

/* The table of the window after this one, if it has one; else any memory.  A glimpse. */
static const u64 *next_table(vaddr_t window)
{
    static const u64 none[PT_ENTRIES];
    const u64 *entry = pt_directory_entry(window + LARGE_SIZE);
    u64 value = entry == NULL ? 0 : pte_load(entry);

    return (value & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT ? pt_table(value) : none;
}

/*
 * The entries of [va, end), which is in one window; 64 at a time, of which some may be others.
 * Tables lie apart, so the processor does not guess which comes next.
 */
static void look_at_table(struct scan *scan, u64 *entry, vaddr_t va, vaddr_t end)
{
    u64 *table = (u64 *)ALIGN_DOWN((u64)entry, PAGE_SIZE);
    const u64 *next = next_table(va);
    vaddr_t window = ALIGN_DOWN(va, LARGE_SIZE);
    u64 last = (end - window) >> PAGE_SHIFT;
    bool changed = false;

    for (u64 i = (va - window) >> PAGE_SHIFT; i < last; i = ALIGN_DOWN(i, 64) + 64) {
        u64 at = ALIGN_DOWN(i, 64);
        u64 mask = find_wanted(&table[at], scan->wanted, &next[at]) >> i % 64;

        if (last - i < 64) {
            mask &= (1ull << (last - i)) - 1;
        }
        if (mask != 0) {
            changed |=
                scan->clear != 0 && take_all_bits(scan, &table[i], window + i * PAGE_SIZE, mask);
            note_pages(scan, window + i * PAGE_SIZE, mask);
        }
    }
    if (changed) {
        scan->tables++;
        set_changed(scan, window);
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
    u64 units = unit_of(scan, va);
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

/* Are the tables that changed most of what the directory has? */
static bool is_mostly_changed(const struct scan *scan, const u64 *directory)
{
    unsigned used = 0;

    for (u64 i = 0; i < PT_ENTRIES; i++) {
        used += pte_load(&directory[i]) != 0;
    }
    return scan->tables >= STORE_FROM && scan->tables * STORE_SHARE >= used;
}

/*
 * Stores entries of a group once again, which drops what is known through them: the lowest is
 * that of `group`, `changed` has their bits.  One that is no table any more was stored to since.
 * False: an operation may change them just now.
 */
static bool store_again(struct scan *scan, vaddr_t group, u64 *entry, u64 changed)
{
    struct spinlock *lock = pt_window_lock(group);
    bool irq = aspace_read_lock(), window_irq = spin_lock(lock);
    bool busy = region_set_busy(&aspace.set, group, group + PT_GROUP_SIZE);

    for (; changed != 0 && !busy; changed &= changed - 1) {
        u64 *at = &entry[__builtin_ctzll(changed)], value = pte_load(at);

        if (value != 0 && !(value & PTE_LARGE)) {
            (scan->stored ? platform->write_entries : platform->write_first_of_many)(at, &value, 1);
            scan->stored = true;
        }
    }
    spin_unlock(lock, window_irq);
    aspace_read_unlock(irq);
    return !busy;
}

/* Tables have changed; their directory may be a leaf of 1 GiB by now. */
static bool store_changed(struct scan *scan, vaddr_t va)
{
    vaddr_t first = ALIGN_DOWN(va, GIANT_SIZE);
    u64 *directory = pt_directory_entry(first);

    if (!platform->directory_writes_flush || directory == NULL ||
        !is_mostly_changed(scan, directory)) {
        return false;
    }
    for (u64 i = 0; i < PT_ENTRIES; i += GROUP_WINDOWS) {
        u64 changed = scan->changed[i / 64] >> i % 64 & ((1ull << GROUP_WINDOWS) - 1);

        if (changed != 0 && !store_again(scan, first + i * LARGE_SIZE, &directory[i], changed)) {
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
    scan->stored = false;
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
    scan->shift = PAGE_SHIFT + request->order;
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
