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
 */
#include "range_priv.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/lock_rank.h>
#include <kernel/spinlock.h>
#include <kernel/syscall.h>

#define PLACE_BITS 14
#define PLACES (1u << PLACE_BITS)
#define TIMES_MASK ((1u << (31 - PLACE_BITS)) - 1) /* a number is not negative */
#define CHUNK 256u

struct range {
    vaddr_t start, end; /* `end` 0: free */
    u32 times;
};

/* (l) lock */
static struct {
    struct spinlock lock;
    struct range *chunk[PLACES / CHUNK]; /* (l) NULL until needed; never given back */
    unsigned lowest;                     /* (l) no place below is free */
} ranges = {.lock = SPINLOCK_INIT("hook ranges", RANK_HOOKS)};

static struct range *at(unsigned place)
{
    struct range *chunk = ranges.chunk[place / CHUNK];

    return chunk == NULL ? NULL : &chunk[place % CHUNK];
}

/* The lock is held. */
static struct range *find(int number)
{
    struct range *range = number < 0 ? NULL : at((unsigned)number % PLACES);

    return range == NULL || range->end == 0 || range->times != (unsigned)number >> PLACE_BITS
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
    } else if (start < range->start || start > range->end || size > range->end - start) {
        error = -ERANGE;
    }
    spin_unlock(&ranges.lock, irq);
    return error;
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
    range->start = start;
    range->end = end;
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
    if (ranges.chunk[place / CHUNK] == NULL) {
        ranges.chunk[place / CHUNK] = chunk;
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

    return error != 0 ? error : open_range(a0, a0 + a1);
}

s64 sys_moka_range_close(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    bool irq = spin_lock(&ranges.lock);
    struct range *range = find((int)a0);

    if (range != NULL) {
        range->end = 0;
        range->times = (range->times + 1) & TIMES_MASK;
        ranges.lowest = MIN(ranges.lowest, (unsigned)a0 % PLACES);
    }
    spin_unlock(&ranges.lock, irq);
    return range == NULL ? -EBADF : 0;
}
