/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page sizes with pages of 1 GiB: policies, populate, promote, demote, discard,
 * statistics, and what other calls do to such a page; MAP_HUGE_1GB.  On a machine that
 * has none, that each call says so.
 */
#include "tap.h"

#include <dlfcn.h>
#include <moka/hooks.h>
#include <moka/large.h>
#include <moka/page.h>
#include <moka/remap.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#pragma weak dlsym /* not in each static C library */

#define PAGE 4096ul
#define LARGE MOKA_SIZE_2M
#define GIANT MOKA_SIZE_1G
#define RW (PROT_READ | PROT_WRITE)
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26)
#endif

static const struct moka_hooks *moka;
static const struct moka_large_hooks *large;

/* A part of the address space that begins at 1 GiB, and a range of just that. */
static char *map(size_t size, int *range)
{
    char *at = mmap(NULL, size + GIANT, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *aligned = (char *)(((uintptr_t)at + GIANT - 1) & ~(GIANT - 1));

    tap_need(at != MAP_FAILED, "mmap");
    tap_need(aligned == at || munmap(at, (size_t)(aligned - at)) == 0, "munmap");
    tap_need(munmap(aligned + size, (size_t)(at + GIANT - aligned)) == 0, "munmap");
    *range = moka->range_open(aligned, size);
    tap_need(*range >= 0, "range_open");
    return aligned;
}

static void unmap(char *at, size_t size, int range)
{
    moka->range_close(range);
    munmap(at, size);
}

static struct moka_range_stats stats(int range)
{
    struct moka_range_stats out;

    tap_need(large->stats(range, &out) == 0, "stats");
    return out;
}

/* One word in each window. */
static void stamp(char *at)
{
    for (size_t i = 0; i < GIANT; i += LARGE) {
        *(uint64_t *)(at + i + i / LARGE * 8) = i + 1;
    }
}

static bool is_stamped(const char *at)
{
    for (size_t i = 0; i < GIANT; i += LARGE) {
        if (*(const uint64_t *)(at + i + i / LARGE * 8) != i + 1) {
            printf("# window %zu\n", (size_t)(i / LARGE));
            return false;
        }
    }
    return true;
}

static void test_none(void)
{
    int range;
    char *at = map(GIANT, &range);

    OK(large->policy(range, at, GIANT, GIANT, MOKA_LARGE_REQUIRE) == -EOPNOTSUPP &&
           large->promote(range, at, GIANT, GIANT) == -EOPNOTSUPP,
       "there are no such pages: -EOPNOTSUPP");
    OK(large->policy(range, at, GIANT, GIANT, MOKA_LARGE_PREFER) == 0 &&
           large->populate(range, at, 4 * LARGE, 0, 0) >= (int64_t)(4 * LARGE) &&
           stats(range).bytes_2m == 4 * LARGE && stats(range).bytes_1g == 0,
       "there are no such pages: prefer gets 2 MiB");
    OK(large->demote(range, at, GIANT, LARGE) == 0, "there are no such pages: none is demoted");
    unmap(at, GIANT, range);
}

static void test_prefer(void)
{
    int range;
    char *at = map(GIANT, &range);

    OK(large->policy(range, at, GIANT, GIANT, MOKA_LARGE_PREFER) == 0, "prefer");
    at[5 * LARGE] = 1;
    OK(stats(range).bytes_1g == GIANT && stats(range).bytes_2m == 0 && stats(range).bytes_4k == 0,
       "prefer: the first touch");
    OK(at[GIANT - 1] == 0 && stats(range).faults == 1, "prefer: one page fault for all");
    stamp(at);
    OK(mprotect(at, GIANT, PROT_READ) == 0 && is_stamped(at) && mprotect(at, GIANT, RW) == 0 &&
           stats(range).bytes_1g == GIANT,
       "mprotect of all of it");
    OK(large->policy(range, at, LARGE, GIANT, MOKA_LARGE_REFUSE) == 0 &&
           stats(range).bytes_2m == GIANT && stats(range).demotions == 1,
       "refuse in a part: split");
    OK(large->promote(range, at, GIANT, GIANT) == 0, "refuse: not to be promoted");
    OK(large->policy(range, at, GIANT, LARGE, MOKA_LARGE_DEFAULT) == 0 &&
           large->promote(range, at, GIANT, GIANT) == 1 && stats(range).bytes_1g == GIANT,
       "no longer refused");
    OK(is_stamped(at), "what was there is there");
    OK(large->discard(range, at, GIANT) == (int64_t)GIANT && at[5 * LARGE] == 0, "discard");
    unmap(at, GIANT, range);
}

static void test_populate(void)
{
    int range;
    char *at = map(GIANT + 8 * LARGE, &range);
    size_t size = GIANT + 8 * LARGE, wrong = 0;

    OK(large->policy(range, at, size, GIANT, MOKA_LARGE_PREFER) == 0 &&
           large->populate(range, at, size, 0, 0) == (int64_t)size,
       "populate");
    OK(stats(range).bytes_1g == GIANT && stats(range).bytes_2m == 8 * LARGE &&
           stats(range).faults == 0,
       "populate: what fits in has it");
    for (size_t i = 0; i < GIANT; i += 1000) {
        wrong += at[i] != 0;
    }
    OK(wrong == 0, "populate: zeroes");
    OK(large->populate(range, at, size, 0, 0) == 0, "populate: all is there");
    OK(large->demote(range, at + 3 * LARGE + PAGE, PAGE, MOKA_SIZE_4K) == 2 &&
           stats(range).bytes_4k == LARGE && stats(range).bytes_2m == GIANT + 7 * LARGE,
       "demote a part to 4 KiB");
    unmap(at, size, range);
}

static void test_demote(void)
{
    struct moka_page page;
    int range;
    char *at = map(GIANT, &range);

    OK(large->policy(range, at, LARGE, GIANT, MOKA_LARGE_REQUIRE) == -EINVAL, "require: a part");
    OK(large->policy(range, at, GIANT, GIANT, MOKA_LARGE_REQUIRE) == 0 &&
           stats(range).bytes_1g == GIANT,
       "require");
    OK(moka->page->query(range, at + 3 * PAGE, &page) == 0 && page.size == GIANT, "query");
    stamp(at);
    OK(large->demote(range, at + 7, PAGE, LARGE) == -EINVAL, "demote: alignment");
    OK(large->demote(range, at, GIANT, LARGE) == 1 && stats(range).bytes_2m == GIANT,
       "demote to 2 MiB");
    OK(large->demote(range, at, GIANT, LARGE) == 0, "demote: nothing is left");
    OK(large->demote(range, at, GIANT, MOKA_SIZE_4K) == 512 && stats(range).bytes_4k == GIANT,
       "demote to 4 KiB");
    OK(large->promote(range, at, GIANT, GIANT) == 1 && stats(range).bytes_1g == GIANT,
       "promote: in place");
    OK(is_stamped(at), "what was there is there");
    OK(stats(range).promotions == 1 && stats(range).demotions == 513, "counted");
    unmap(at, GIANT, range);
}

static void test_others(void)
{
    int range;
    char *at = map(GIANT, &range);
    const struct moka_pair pair = {
        .to = at + 2 * LARGE, .from = at + 5 * LARGE, .size = LARGE + PAGE};
    const struct moka_pair other = {
        .to = at + 300 * LARGE, .from = at + 200 * LARGE, .size = LARGE};

    OK(large->policy(range, at, GIANT, GIANT, MOKA_LARGE_REQUIRE) == 0, "require");
    stamp(at);
    OK(moka->remap->swap(range, range, &pair, 1, 0) == 1, "swap of parts");
    OK(*(uint64_t *)(at + 2 * LARGE + 5 * 8) == 5 * LARGE + 1 &&
           *(uint64_t *)(at + 5 * LARGE + 2 * 8) == 2 * LARGE + 1,
       "swap: they have changed places");
    OK(moka->remap->swap(range, range, &pair, 1, 0) == 1 && is_stamped(at), "swap: and back");
    OK(large->promote(range, at, GIANT, GIANT) >= 0 && is_stamped(at), "promote after that");
    OK(moka->remap->alias(range, range, &other, 1, MOKA_ALIAS_SHARED) == 1 &&
           large->promote(range, at, GIANT, GIANT) == 0,
       "what has an alias is not promoted");
    at[300 * LARGE + PAGE] = 77;
    OK(at[200 * LARGE + PAGE] == 77, "the alias is one");
    OK(large->discard(range, at + 300 * LARGE, LARGE) > 0 &&
           large->promote(range, at, GIANT, GIANT) == 1 && at[300 * LARGE + PAGE] == 0,
       "promoted when there is no alias any more");
    *(uint64_t *)(at + 300 * LARGE + 300 * 8) = 300 * LARGE + 1;
    *(uint64_t *)(at + 200 * LARGE + 200 * 8) = 200 * LARGE + 1;
    OK(mprotect(at + LARGE, PAGE, PROT_NONE) == 0 && mprotect(at + LARGE, PAGE, RW) == 0 &&
           stats(range).bytes_1g == 0 && is_stamped(at),
       "mprotect of a part");
    OK(large->discard(range, at + LARGE, LARGE) == (int64_t)LARGE && at[LARGE + 8] == 0 &&
           at[2 * LARGE + 16] == 1,
       "discard a part");
    OK(munmap(at + 9 * LARGE, PAGE) == 0 && stats(range).mapped == GIANT - PAGE, "unmap a part");
    unmap(at, GIANT, range);
}

static void test_mmap(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB;
    char *at = mmap(NULL, GIANT, RW, flags, -1, 0);
    int range;

    tap_need(at != MAP_FAILED, "mmap");
    range = moka->range_open(at, GIANT);
    OK((uintptr_t)at % GIANT == 0, "MAP_HUGE_1GB: aligned");
    at[GIANT / 2] = 1;
    OK(stats(range).bytes_1g == GIANT, "MAP_HUGE_1GB: one page");
    unmap(at, GIANT, range);
    OK(mmap(at + LARGE, GIANT, RW, flags | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EINVAL,
       "MAP_HUGE_1GB: not where it is not aligned");
    OK(access("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", R_OK) == 0, "in sysfs");
}

/* ---- Many threads --------------------------------------------------------------------------- */

#define THREADS 3
#define ROUNDS 60

static struct {
    char *at;
    int range;
    _Atomic bool stop;
    _Atomic uint64_t sum;
    _Atomic unsigned long wrong;
} shared;

static _Atomic uint64_t *counter_of(unsigned i)
{
    return (_Atomic uint64_t *)(shared.at + i % 512 * LARGE + i % 64 * PAGE);
}

static void *count(void *arg)
{
    uint64_t added = 0;

    while (!shared.stop) {
        for (unsigned i = 0; i < 64; i++, added++) {
            (*counter_of(i * 37))++;
        }
    }
    shared.sum += added;
    return NULL;
}

/* Pages of all sizes are made while three threads count. */
static void test_threads(void)
{
    pthread_t thread[THREADS];
    uint64_t found = 0;

    shared.at = map(GIANT, &shared.range);
    OK(large->policy(shared.range, shared.at, GIANT, GIANT, MOKA_LARGE_REQUIRE) == 0, "require");
    for (unsigned i = 0; i < THREADS; i++) {
        tap_need(pthread_create(&thread[i], NULL, count, NULL) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        char *window = shared.at + i * 37 % 512 * LARGE;

        shared.wrong += large->demote(shared.range, window, PAGE, i & 1 ? LARGE : PAGE) < 1;
        shared.wrong += large->promote(shared.range, shared.at, GIANT, GIANT) != 1;
    }
    shared.stop = true;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    for (unsigned i = 0; i < 64; i++) {
        found += *counter_of(i * 37);
    }
    OK(shared.wrong == 0, "split and joined beside writers");
    OK(found == shared.sum, "no write is lost");
    unmap(shared.at, GIANT, shared.range);
}

int main(void)
{
    int range;
    char *at;
    bool any;

    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    large = moka->large;
    at = map(GIANT, &range);
    any = (stats(range).page_sizes & MOKA_SIZE_1G) != 0;
    unmap(at, GIANT, range);
    if (!any) {
        test_none();
        return tap_end();
    }
    test_prefer();
    test_populate();
    test_demote();
    test_others();
    test_mmap();
    test_threads();
    return tap_end();
}
