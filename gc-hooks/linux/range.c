/* SPDX-License-Identifier: MIT */
/*
 * Opened ranges, as gc-hooks/range.c keeps them in Moka: a table of starts and
 * ends, whose places have a count of how often they were given away.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "linux_priv.h"

#define PLACE_BITS 14
#define PLACES (1u << PLACE_BITS)
#define TIMES_MASK ((1u << (31 - PLACE_BITS)) - 1) /* a number is not negative */
#define ADDRESSES (1ul << 47)

struct range {
    struct linux_range_about about; /* its `end` 0: free */
    unsigned times;
};

static struct {
    pthread_mutex_t lock;
    unsigned lowest; /* no place below is free */
    struct range range[PLACES];
} ranges = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The lock is held. */
static struct range *find(int number)
{
    struct range *range = &ranges.range[(unsigned)number % PLACES];

    return number < 0 || range->about.end == 0 || range->times != (unsigned)number >> PLACE_BITS
               ? NULL
               : range;
}

int linux_range_check(int number, uintptr_t start, uint64_t size)
{
    const struct range *range;
    int error = 0;

    pthread_mutex_lock(&ranges.lock);
    range = find(number);
    if (range == NULL) {
        error = -EBADF;
    } else if (start < range->about.start || start > range->about.end ||
               size > range->about.end - start) {
        error = -ERANGE;
    }
    pthread_mutex_unlock(&ranges.lock);
    return error;
}

int linux_range_check_pages(int range, uintptr_t start, uint64_t size)
{
    if ((start | size) % PAGE_SIZE != 0 || size == 0) {
        return -EINVAL;
    }
    return linux_range_check(range, start, size);
}

int linux_range_get(int number, struct linux_range_about *about)
{
    const struct range *range;

    pthread_mutex_lock(&ranges.lock);
    range = find(number);
    if (range != NULL) {
        *about = range->about;
    }
    pthread_mutex_unlock(&ranges.lock);
    return range == NULL ? -EBADF : 0;
}

void linux_range_count(int number, int64_t promotions, int64_t demotions)
{
    struct range *range;

    pthread_mutex_lock(&ranges.lock);
    range = find(number);
    if (range != NULL) {
        range->about.promotions += promotions > 0 ? (uint64_t)promotions : 0;
        range->about.demotions += demotions > 0 ? (uint64_t)demotions : 0;
    }
    pthread_mutex_unlock(&ranges.lock);
}

int linux_range_open(void *start, uint64_t size)
{
    uintptr_t from = (uintptr_t)start;
    int number = -EMFILE;

    if (((from | size) % PAGE_SIZE) != 0 || size == 0 || from == 0 || from >= ADDRESSES ||
        size > ADDRESSES - from) {
        return -EINVAL;
    }
    /* Linux does nothing then but look whether all is mapped. */
    if (msync(start, size, MS_ASYNC) != 0) {
        return -ENOMEM;
    }
    pthread_mutex_lock(&ranges.lock);
    while (ranges.lowest < PLACES && ranges.range[ranges.lowest].about.end != 0) {
        ranges.lowest++;
    }
    if (ranges.lowest < PLACES) {
        struct range *range = &ranges.range[ranges.lowest];

        range->about = (struct linux_range_about){.start = from, .end = from + size};
        number = (int)(range->times << PLACE_BITS | ranges.lowest);
    }
    pthread_mutex_unlock(&ranges.lock);
    return number;
}

int linux_range_close(int number)
{
    struct range *range;

    pthread_mutex_lock(&ranges.lock);
    range = find(number);
    if (range != NULL) {
        unsigned place = (unsigned)number % PLACES;

        range->about.end = 0;
        range->times = (range->times + 1) & TIMES_MASK;
        ranges.lowest = place < ranges.lowest ? place : ranges.lowest;
    }
    pthread_mutex_unlock(&ranges.lock);
    return range == NULL ? -EBADF : 0;
}
