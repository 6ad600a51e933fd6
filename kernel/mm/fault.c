/* SPDX-License-Identifier: MIT */
/*
 * Page faults: the steps they all take, and anonymous memory.
 *
 * A fault looks first, with the set's read lock and the window's lock: who
 * owns the address, is something there already, which page size does the
 * policy want.  Then it allocates and zeroes frames with no lock held, and
 * looks again with the locks: if things are still so, the frames are mapped,
 * else it starts over.  So faults wait for each other only while entries are
 * stored, and only within the same 32 MiB.
 *
 * One fault may map several pages ahead, where the application touches memory
 * in ascending order: on kvm_pvm delivering a fault and storing to the
 * directory cost more than all the rest.  Entries are stored with accessed
 * and dirty set; there, that halves the cost of the first access.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/pressure.h>
#include <kernel/trace.h>

#include "fault_priv.h"
#include "frame_priv.h"

#define MEMORY_TRIES 64u /* others may take the memory that was found */

static u64 fault_page(const struct fault *f)
{
    return PAGE_SIZE << f->order;
}

static bool allows(const struct region *region, u64 error)
{
    if (error & FAULT_WRITE) {
        return region->prot & PROT_WRITE;
    }
    if (error & FAULT_EXECUTE) {
        return region->prot & PROT_EXEC;
    }
    return region->prot != 0;
}

int fault_check_region(struct fault *f, const struct region *region)
{
    if (region == NULL || region->closing || region->kind == REGION_KERNEL) {
        return -EFAULT;
    }
    if (region->busy) {
        f->seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);
        return FAULT_BUSY;
    }
    return f->populate || allows(region, f->error) ? 0 : -EFAULT;
}

/*
 * Protection of the pages a fault maps, and what accesses will set anyway.  What may be
 * written is dirty at once: a host that shadows the tables maps pages that are not
 * without the right to write, and each first write was one more miss.
 */
static u64 leaf_bits(const struct region *region)
{
    u64 bits = pte_from_prot(region->prot) | PTE_ACCESSED;

    return (bits & PTE_WRITE) != 0 ? bits | PTE_DIRTY : bits;
}

/* There is a leaf already: another CPU was first, or a TLB knows an old one. */
static void refresh_leaf(u64 *entry, u64 old, const struct region *region)
{
    u64 bits = pte_from_prot(region->prot);

    while (old != 0 && old != leaf_with_bits(old, bits) &&
           !pte_replace(entry, &old, leaf_with_bits(old, bits))) {
    }
}

/* Populating too may be as if all were written to. */
static bool is_write(const struct fault *f, const struct region *region)
{
    return (f->populate ? f->write : (f->error & FAULT_WRITE) != 0) && (region->prot & PROT_WRITE);
}

static struct page_policy_answer ask_policy(const struct fault *f, const struct region *region,
                                            unsigned level, bool fits)
{
    struct page_policy_query query = {
        .addr = f->addr,
        .start = region->start,
        .end = region->end,
        .pages = region->pages,
        .write = (f->error & FAULT_WRITE) != 0,
        .window_empty = level > 1,
        .window_table = level == 1,
        .streak = fault_streak(f->addr),
        .falls = fault_streak_falls(f->addr),
        .free_frames = frame_free_estimate(),
        .total_frames = aspace.total_frames,
    };

    (void)zeroed_frames(&query.zeroed_frames);
    if (aspace.policy == NULL) {
        return (struct page_policy_answer){.order = fits ? ORDER_2M : ORDER_4K};
    }
    return aspace.policy->on_fault(&query);
}

/*
 * Makes a row of single pages begin and end with the group of `around`, and begin `below`
 * pages lower, as far as nothing is there and it is the same window.  What is more than one
 * row is mapped from below, row by row; the last one has the page that is wanted.
 */
static void widen(struct fault *f, const struct region *region, const u64 *entry, u64 around,
                  u64 below)
{
    vaddr_t group = ALIGN_DOWN(f->addr, around * PAGE_SIZE);
    vaddr_t window = MAX(ALIGN_DOWN(f->addr, LARGE_SIZE), region->start);
    vaddr_t low = MAX(group - MIN(below * PAGE_SIZE, group), window);
    vaddr_t high = MIN(group + around * PAGE_SIZE, region->end);
    u64 count = f->count;

    count = MAX(count, (high - f->base) / PAGE_SIZE);
    while (f->base > low && (entry == NULL || pte_load(--entry) == 0)) {
        f->base -= PAGE_SIZE;
        count++;
    }
    f->count = (unsigned)MIN(count, FAULT_PAGES_MAX);
}

/* Decides what to map.  `level` is where the walk found nothing, in `entry`. */
static void plan(struct fault *f, const struct region *region, const u64 *entry, unsigned level)
{
    vaddr_t window = ALIGN_DOWN(f->addr, LARGE_SIZE);
    bool fits =
        level > 1 && window >= region->start && region->end - window >= LARGE_SIZE && !f->no_large;
    struct page_policy_answer answer = ask_policy(f, region, level, fits);
    vaddr_t end;
    u64 most;

    f->unzeroed &= !region->shared;
    f->order = fits && (answer.order == ORDER_2M || f->only_large) ? ORDER_2M : ORDER_4K;
    f->base = ALIGN_DOWN(f->addr, fault_page(f));
    /* One lock covers all: the windows of a group, or the pages of a window. */
    end = f->order == ORDER_2M ? ALIGN_DOWN(window, PT_GROUP_SIZE) + PT_GROUP_SIZE
                               : window + LARGE_SIZE;
    end = MIN(end, region->end);
    if (f->populate) {
        end = MIN(end, ALIGN_UP(f->limit, fault_page(f)));
        answer.ahead = FAULT_PAGES_MAX;
    }
    most = MAX((end - f->base) / fault_page(f), 1);
    f->count = (unsigned)MIN(MIN(most, FAULT_PAGES_MAX), answer.ahead + 1ull);
    if (f->order == ORDER_4K && answer.around != 0 && !f->populate) {
        widen(f, region, level == 1 ? entry : NULL, MIN(answer.around, FAULT_PAGES_MAX),
              MIN(answer.below, FAULT_PAGES_MAX));
    }
}

/* Read lock and window lock held. */
static int look_at_entry(struct fault *f, const struct region *region)
{
    unsigned level;
    u64 *entry = pt_lookup(f->addr, &level);
    u64 value = pte_load(entry);

    if (region->kind == REGION_FILE) {
        return fault_look_file(f, region, entry, level);
    }
    if (f->only_large && level == 1) { /* promotion will fill it */
        f->next = ALIGN_DOWN(f->addr, LARGE_SIZE) + LARGE_SIZE;
        return 0;
    }
    if (value == 0 && region->pages == PAGES_GIANT && !f->no_giant && !f->only_large &&
        f->may_wait && giant_is_wanted(f->addr)) {
        return FAULT_NEEDS_GIANT;
    }
    if (value == 0) {
        plan(f, region, entry, level);
        return FAULT_NEEDS_FRAMES;
    }
    if ((value & PTE_SNAPSHOT) && is_write(f, region)) {
        return fault_look_snapshot(f, region, entry, level);
    }
    refresh_leaf(entry, value, region);
    f->next = ALIGN_DOWN(f->addr, pt_level_size(level)) + pt_level_size(level);
    return 0;
}

static int look(struct fault *f)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(f->addr);
        bool window_irq = spin_lock(lock);

        step = look_at_entry(f, region);
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

/* The n-th page, if all of it is asked for: what is beside that must be zeroes. */
static bool may_be_unzeroed(const struct fault *f, unsigned n)
{
    vaddr_t page = f->base + n * fault_page(f);

    return f->unzeroed && f->order == ORDER_2M && page >= f->addr && page + LARGE_SIZE <= f->limit;
}

/* Memory that may show what the application had, zeroed ahead, or zeroed now. */
static bool take_frame(struct fault *f, unsigned n, pfn_t *frame)
{
    bool ahead;

    if (may_be_unzeroed(f, n) && frame_take_own(frame)) {
        return true;
    }
    if (frame_alloc_zeroed(f->order, frame, &ahead) != 0) {
        return false;
    }
    f->ahead |= (u32)ahead << n;
    return true;
}

/* How many of the frames wanted there are; a 2 MiB one that is not is no error yet. */
static unsigned take_frames(struct fault *f, pfn_t *frames)
{
    unsigned n = 0;

    f->ahead = 0;
    while (n < f->count && take_frame(f, n, &frames[n])) {
        n++;
    }
    if (n == 0 && f->order == ORDER_2M && !f->only_large) {
        f->no_large = true;
        f->order = ORDER_4K;
        f->base = ALIGN_DOWN(f->addr, PAGE_SIZE);
        f->count = 1;
        return take_frames(f, frames);
    }
    return n;
}

/* Stores entries as long as the places are free; *used is how many. */
static int install_small(struct fault *f, const pfn_t *frames, unsigned n, u64 bits, unsigned *used)
{
    unsigned i = 0;
    u64 *entry;
    int error = pt_entry(f->base, 1, &entry);

    if (error != 0) {
        return error == -EEXIST ? 0 : error; /* a large page came in between */
    }
    for (; i < n && pte_load(&entry[i]) == 0; i++) {
        pte_store(&entry[i], frames[i] << PAGE_SHIFT | bits);
    }
    aspace_count(COUNT_4K, i);
    *used = i;
    return 0;
}

/* Read lock held.  The region is looked at anew: it may not be the one of look(). */
static int install(struct fault *f, const struct region *region, const pfn_t *frames, unsigned n,
                   unsigned *used)
{
    struct spinlock *lock = pt_window_lock(f->base);
    u64 bits = leaf_bits(region);
    bool irq;
    int error;

    if (f->base < region->start || region->end - f->base < fault_page(f) ||
        (f->order == ORDER_2M && region->pages == PAGES_SMALL && !f->only_large) ||
        (f->unzeroed && region->shared)) {
        return 0;
    }
    n = (unsigned)MIN(n, (region->end - f->base) / fault_page(f));
    irq = spin_lock(lock);
    error = f->order == ORDER_2M ? fault_store_large(f->base, frames, n, bits, used)
                                 : install_small(f, frames, n, bits, used);
    spin_unlock(lock, irq);
    return error;
}

static int install_locked(struct fault *f, const pfn_t *frames, unsigned n, unsigned *used)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    *used = 0;
    if (step == 0) {
        step = install(f, region, frames, n, used);
    }
    aspace_read_unlock(irq);
    return step;
}

/* Of the frames that are mapped, those that an idle CPU had zeroed. */
static void count_ahead(const struct fault *f, unsigned used)
{
    unsigned n = (unsigned)__builtin_popcount(f->ahead & ((1u << used) - 1));

    if (n > 0) {
        aspace_event(f->addr, ASPACE_ZEROED, n * LARGE_SIZE);
    }
}

/* Maps what look() planned. */
static int supply(struct fault *f)
{
    pfn_t frames[FAULT_PAGES_MAX];
    unsigned n = take_frames(f, frames);
    unsigned used;
    int step;

    if (n == 0) {
        return -ENOMEM;
    }
    step = install_locked(f, frames, n, &used);
    for (unsigned i = used; i < n; i++) {
        frame_free(frames[i], f->order);
    }
    f->next = f->base + used * fault_page(f);
    f->lowest = f->lowest != 0 ? MIN(f->lowest, f->base) : f->base;
    if (f->next <= f->addr) { /* it is in the next row, or another CPU has mapped some */
        return step == 0 ? FAULT_RETRY : step;
    }
    fault_streak_note_row(f->addr, f->lowest, f->next);
    if (f->order == ORDER_2M) {
        aspace_count(COUNT_FAULTS_2M, 1);
    }
    count_ahead(f, used);
    return 0;
}

static int supply_step(struct fault *f, int step)
{
    switch (step) {
    case FAULT_NEEDS_FRAMES:
        return supply(f);
    case FAULT_NEEDS_PAGES:
        return fault_supply_pages(f);
    case FAULT_NEEDS_COPY:
        return fault_supply_copy(f);
    case FAULT_NEEDS_OWN:
        return fault_supply_own_copy(f);
    case FAULT_NEEDS_GIANT:
        /* Once; if something else is there then, it is seen. */
        f->no_giant = true;
        (void)!aspace_populate_giant(ALIGN_DOWN(f->addr, GIANT_SIZE), NULL, NULL);
        return FAULT_RETRY;
    default:
        return step;
    }
}

int fault_resolve(struct fault *f)
{
    unsigned tries = 0;

    for (;;) {
        int step = look(f);

        if (step != FAULT_BUSY) {
            aspace_turn_end(&f->turn);
        }
        step = supply_step(f, step);
        if (step == -ENOMEM && f->may_wait && tries++ < MEMORY_TRIES && pressure_find_memory()) {
            continue;
        }
        if (step <= 0) {
            if (f->may_wait) {
                pressure_look();
            }
            return step;
        }
        if (step == FAULT_BUSY) {
            if (!f->may_wait) {
                return -EFAULT;
            }
            aspace_turn_wait(&f->turn, f->addr, f->addr + 1, f->seen);
        }
    }
}

int aspace_fault(vaddr_t addr, u64 error)
{
    struct fault f = {.addr = addr, .error = error, .may_wait = irq_enabled()};
    int result;

    if (error & FAULT_RESERVED) {
        return -EFAULT;
    }
    aspace_count(COUNT_FAULTS, 1);
    aspace_event(addr, ASPACE_FAULT, 1);
    result = fault_resolve(&f);
    if (result == -EFAULT && f.may_wait && aspace_grow(addr)) {
        result = fault_resolve(&f);
    }
    trace(TRACE_FAULT, addr, error);
    return result;
}
