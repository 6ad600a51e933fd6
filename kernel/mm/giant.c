/* SPDX-License-Identifier: MIT */
/*
 * Pages of 1 GiB, on platforms that have them, for memory whose advice they are: one leaf in
 * the place of a directory, which is kept with the frame so that a split needs no memory.
 *
 * They are few and coarse, and no fault takes the locks of all the windows in one.  So they come
 * and go under the address space's write lock, which stops all faults for the microsecond that it
 * takes to look through a directory, or to fill it.  Operations split what they claim, unless
 * they know such leaves (enum op_giants).
 *
 * Zeroing one takes longer than any time slice.  That is done by one thread for each GiB,
 * which yields on the way, with no lock but a mutex that others wait for who touch the same GiB.
 */
#include "aspace_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define MUTEXES 8u

#define GIANT_MUTEX(i) \
    { \
        .queue = WAIT_QUEUE_INIT("giant page", populating[i].queue) \
    }
/* By address: who backs a GiB. */
static struct mutex populating[MUTEXES] = {GIANT_MUTEX(0), GIANT_MUTEX(1), GIANT_MUTEX(2),
                                           GIANT_MUTEX(3), GIANT_MUTEX(4), GIANT_MUTEX(5),
                                           GIANT_MUTEX(6), GIANT_MUTEX(7)};

/* How many leaves there are: who has none pays for one load.  (a) */
static _Atomic s64 leaves;

void giant_count(s64 n)
{
    atomic_fetch_add_explicit(&leaves, n, memory_order_relaxed);
    aspace_count(COUNT_1G, n);
}

/* ---- Splitting ------------------------------------------------------------------------------ */

/* Write lock held. */
static bool split(vaddr_t va)
{
    if (pt_giant_leaf(va) == NULL) {
        return false;
    }
    pt_giant_split(ALIGN_DOWN(va, GIANT_SIZE));
    giant_count(-1);
    aspace_count(COUNT_2M, PT_ENTRIES);
    aspace_count(COUNT_DEMOTIONS, 1);
    aspace_event(va, ASPACE_DEMOTED, 1);
    return true;
}

static bool none(void)
{
    return atomic_load_explicit(&leaves, memory_order_relaxed) == 0;
}

void giant_split_in(vaddr_t start, vaddr_t end)
{
    if (none()) {
        return;
    }
    region_for_each(region, &aspace.set, start, end)
    {
        vaddr_t from = MAX(region->start, start), to = MIN(region->end, end);

        for (vaddr_t va = ALIGN_DOWN(from, GIANT_SIZE); va < to && region->kind == REGION_ANON;
             va += GIANT_SIZE) {
            (void)split(va);
        }
    }
}

void giant_split_cut(vaddr_t start, vaddr_t end)
{
    if (none()) {
        return;
    }
    if (!IS_ALIGNED(start, GIANT_SIZE)) {
        giant_split_in(start, start + PAGE_SIZE);
    }
    if (!IS_ALIGNED(end, GIANT_SIZE)) {
        giant_split_in(end - PAGE_SIZE, end);
    }
}

int aspace_demote_giant(vaddr_t va)
{
    vaddr_t giant = ALIGN_DOWN(va, GIANT_SIZE);
    struct turn turn = {0};

    while (!none()) {
        bool irq = aspace_write_lock();
        u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);
        bool busy = region_set_busy(&aspace.set, giant, giant + GIANT_SIZE), done = false;

        if (!busy && !aspace_range_is_kernel(giant, giant + GIANT_SIZE)) {
            done = split(giant);
        }
        aspace_write_unlock(irq);
        if (!busy) {
            aspace_turn_end(&turn);
            return done;
        }
        aspace_turn_wait(&turn, giant, giant + GIANT_SIZE, seen);
    }
    aspace_turn_end(&turn);
    return 0;
}

/* ---- Making one of nothing ------------------------------------------------------------------- */

static bool is_empty(vaddr_t giant)
{
    const u64 *entry = pt_directory_entry(giant);

    for (unsigned i = 0; entry != NULL && i < PT_ENTRIES; i++) {
        if (pte_load(&entry[i]) != 0) {
            return false;
        }
    }
    return pt_giant_leaf(giant) == NULL;
}

/* Read or write lock held.  The region around it, if a page fits in there now. */
static const struct region *find_place(vaddr_t giant, bool force)
{
    const struct region *region = region_set_find(&aspace.set, giant);
    bool fits = region != NULL && region->end - giant >= GIANT_SIZE &&
                region->kind == REGION_ANON && (force || region->pages == PAGES_GIANT) &&
                !region->shared && !region->busy && is_empty(giant);

    return fits ? region : NULL;
}

bool giant_is_wanted(vaddr_t va)
{
    return cpu_has_giant_pages() && find_place(ALIGN_DOWN(va, GIANT_SIZE), false) != NULL;
}

static bool is_wanted(vaddr_t giant, bool force)
{
    bool irq = aspace_read_lock();
    bool wanted = cpu_has_giant_pages() && find_place(giant, force) != NULL;

    aspace_read_unlock(irq);
    return wanted;
}

static void zero_alone(void *arg, void *at, u64 size)
{
    for (u64 done = 0; done < size; done += LARGE_SIZE) {
        memzero_uncached((u8 *)at + done, LARGE_SIZE);
        sched_yield();
    }
}

/* Write lock held. */
static int make(vaddr_t giant, const struct region *region, pfn_t frame)
{
    u64 bits = pte_from_prot(region->prot) | PTE_ACCESSED | PTE_LARGE;
    u64 *entry;
    int error = pt_entry(giant, 2, &entry); /* so that there is a directory to be kept */

    if (error == 0) {
        bits |= bits & PTE_WRITE ? PTE_DIRTY : 0;
        pt_giant_make(giant, virt_to_phys(entry), frame << PAGE_SHIFT | bits);
        giant_count(1);
    }
    return error;
}

/* 0: it is mapped; -EAGAIN: no longer wanted; -ENOMEM. */
static int install(vaddr_t giant, pfn_t frame, bool force)
{
    bool irq = aspace_write_lock();
    const struct region *region = find_place(giant, force);
    int error = region == NULL ? -EAGAIN : make(giant, region, frame);

    aspace_write_unlock(irq);
    return error;
}

static int populate(vaddr_t giant, bool force, void (*zero)(void *arg, void *at, u64 size),
                    void *arg)
{
    pfn_t frame;
    int error = is_wanted(giant, force) ? frame_alloc(ORDER_1G, 0, &frame) : -EAGAIN;

    if (error != 0) {
        return error;
    }
    (zero != NULL ? zero : zero_alone)(arg, pfn_to_virt(frame), GIANT_SIZE);
    error = install(giant, frame, force);
    if (error != 0) {
        frame_free(frame, ORDER_1G);
    }
    return error;
}

int giant_populate(vaddr_t va, bool force, void (*zero)(void *arg, void *at, u64 size), void *arg)
{
    struct mutex *mutex = &populating[va / GIANT_SIZE % MUTEXES];
    int error;

    if (!is_wanted(va, force)) {
        return 0;
    }
    mutex_lock(mutex);
    error = populate(va, force, zero, arg);
    mutex_unlock(mutex);
    return error == -EAGAIN ? 0 : error;
}

int aspace_populate_giant(vaddr_t va, void (*zero)(void *arg, void *at, u64 size), void *arg)
{
    return giant_populate(va, false, zero, arg);
}
