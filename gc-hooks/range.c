/* SPDX-License-Identifier: MIT */
/*
 * Opened ranges: a table of starts and ends.  A range's number is its place in
 * the table and, above that, how often the place was given away, so that the
 * number of a range that was closed is not that of the next one.
 *
 * A range is memory of the application's, whatever is mapped there: what is not
 * mapped any more when a hook comes to it is left out by the hook itself, under
 * the locks that it holds then.  A mapping that came later in the place of
 * another is the application's as well.
 *
 * Page faults and the like look through all ranges, to count what happens in each: a few
 * nanoseconds a range, where a fault takes microseconds.
 */
#include "range_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/lock_rank.h>
#include <kernel/spinlock.h>
#include <kernel/syscall.h>
#include <stdatomic.h>

#define PLACE_BITS 14
#define PLACES (1u << PLACE_BITS)
#define TIMES_MASK ((1u << (31 - PLACE_BITS)) - 1) /* a number is not negative */
#define CHUNK 256u

/* (l) the table's lock, for whoever writes   (a) atomic */
struct range {
    _Atomic vaddr_t start, end;        /* (l) (a) `end` 0: free */
    u32 times;                         /* (l) */
    _Atomic u64 events[ASPACE_EVENTS]; /* (a) */
};

/* (l) lock, for whoever writes   (a) atomic */
static struct {
    struct spinlock lock;
    _Atomic(struct range *) chunk[PLACES / CHUNK]; /* (l) (a) NULL until needed; stays */
    unsigned lowest;                               /* (l) no place below is free */
    _Atomic unsigned highest;                      /* (l) (a) above all that were ever taken */
} ranges = {.lock = SPINLOCK_INIT("hook ranges", RANK_HOOKS)};

static struct range *at(unsigned place)
{
    struct range *chunk = atomic_load_explicit(&ranges.chunk[place / CHUNK], memory_order_acquire);

    return chunk == NULL ? NULL : &chunk[place % CHUNK];
}

static vaddr_t start_of(const struct range *range)
{
    return atomic_load_explicit(&range->start, memory_order_relaxed);
}

static vaddr_t end_of(const struct range *range)
{
    return atomic_load_explicit(&range->end, memory_order_relaxed);
}

/* The lock is held. */
static struct range *find(int number)
{
    struct range *range = number < 0 ? NULL : at((unsigned)number % PLACES);

    return range == NULL || end_of(range) == 0 || range->times != (unsigned)number >> PLACE_BITS
               ? NULL
               : range;
}

int hook_range_check(int number, vaddr_t start, u64 size)
{
    bool irq = spin_lock(&ranges.lock);
    const struct range *range = find(number);
    int error = 0;

    if (range == NULL) {
        error = -EBADF;
    } else if (start < start_of(range) || start > end_of(range) || size > end_of(range) - start) {
        error = -ERANGE;
    }
    spin_unlock(&ranges.lock, irq);
    return error;
}

int hook_part_check(int number, vaddr_t start, u64 size)
{
    return IS_ALIGNED(start | size, PAGE_SIZE) && size > 0 ? hook_range_check(number, start, size)
                                                           : -EINVAL;
}

int hook_range_get(int number, struct hook_range *out)
{
    bool irq = spin_lock(&ranges.lock);
    const struct range *range = find(number);

    if (range != NULL) {
        out->start = start_of(range);
        out->end = end_of(range);
        for (unsigned i = 0; i < ASPACE_EVENTS; i++) {
            out->events[i] = atomic_load_explicit(&range->events[i], memory_order_relaxed);
        }
    }
    spin_unlock(&ranges.lock, irq);
    return range == NULL ? -EBADF : 0;
}

/*
 * Without the lock, as it comes from page faults of all CPUs.  What happens while a range
 * is opened or closed may be counted or not, or for the one that takes its place.
 */
static void count_event(vaddr_t va, enum aspace_event event, u64 n)
{
    unsigned highest = atomic_load_explicit(&ranges.highest, memory_order_acquire);

    for (unsigned i = 0; i < highest; i++) {
        struct range *range = at(i);

        if (va >= start_of(range) && va < end_of(range)) {
            atomic_fetch_add_explicit(&range->events[event], n, memory_order_relaxed);
        }
    }
}

/* The lock is held.  The number, or -EMFILE; -ENOMEM: the place's chunk is not there. */
static int take_place(vaddr_t start, vaddr_t end, unsigned *place)
{
    struct range *range;

    while (ranges.lowest < PLACES && at(ranges.lowest) != NULL && at(ranges.lowest)->end != 0) {
        ranges.lowest++;
    }
    *place = ranges.lowest;
    if (*place == PLACES) {
        return -EMFILE;
    }
    range = at(*place);
    if (range == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < ASPACE_EVENTS; i++) {
        atomic_store_explicit(&range->events[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&range->start, start, memory_order_relaxed);
    atomic_store_explicit(&range->end, end, memory_order_relaxed);
    if (*place >= atomic_load_explicit(&ranges.highest, memory_order_relaxed)) {
        /* Release: its chunk is there for count_event(). */
        atomic_store_explicit(&ranges.highest, *place + 1, memory_order_release);
    }
    return (int)(range->times << PLACE_BITS | *place);
}

static int add_chunk(unsigned place)
{
    struct range *chunk = kzalloc(CHUNK * sizeof(*chunk));
    bool irq;

    if (chunk == NULL) {
        return -ENOMEM;
    }
    irq = spin_lock(&ranges.lock);
    if (at(place) == NULL) {
        atomic_store_explicit(&ranges.chunk[place / CHUNK], chunk, memory_order_release);
        chunk = NULL;
    }
    spin_unlock(&ranges.lock, irq);
    kfree(chunk); /* somebody was faster */
    return 0;
}

static int open_range(vaddr_t start, vaddr_t end)
{
    for (;;) {
        unsigned place;
        bool irq = spin_lock(&ranges.lock);
        int number = take_place(start, end, &place);

        spin_unlock(&ranges.lock, irq);
        if (number != -ENOMEM) {
            return number;
        }
        if (add_chunk(place) != 0) {
            return -ENOMEM;
        }
    }
}

s64 sys_moka_range_open(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = aspace_check_mapped(a0, a1);

    if (error == 0) {
        aspace_set_watch(count_event);
    }
    return error != 0 ? error : open_range(a0, a0 + a1);
}

s64 sys_moka_range_close(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    bool irq = spin_lock(&ranges.lock);
    struct range *range = find((int)a0);

    if (range != NULL) {
        atomic_store_explicit(&range->end, 0, memory_order_relaxed);
        range->times = (range->times + 1) & TIMES_MASK;
        ranges.lowest = MIN(ranges.lowest, (unsigned)a0 % PLACES);
    }
    spin_unlock(&ranges.lock, irq);
    return range == NULL ? -EBADF : 0;
}
