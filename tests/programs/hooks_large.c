/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page sizes: what each policy, populate, promote, demote and discard does to
 * the pages and tells in the statistics, every error, and that no write is lost beside
 * them.  On a kernel without hooks there is only that to be tested.
 */
#include "hooks.h"
#include "tap.h"

#include <moka/large.h>
#include <moka/page.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define RW (PROT_READ | PROT_WRITE)

static const struct moka_hooks *moka;
static const struct moka_large_hooks *large;
static bool on_linux; /* by the library for it */

/* Memory that begins at 2 MiB, mapped but not there yet, and a range of just that. */
static char *map(size_t size, int prot, int *range)
{
    char *at =
        mmap(NULL, size + LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *aligned = (char *)(((uintptr_t)at + LARGE - 1) & ~(LARGE - 1));

    tap_need(at != MAP_FAILED && mprotect(aligned, size, prot) == 0, "mmap");
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

static bool all_are(const char *at, size_t size, char value)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != value) {
            printf("# byte %zu is %d\n", i, at[i]);
            return false;
        }
    }
    return true;
}

static void test_statistics(void)
{
    int range;
    char *at = map(4 * LARGE, RW, &range);
    struct moka_range_stats s = stats(range);

    OK(s.mapped == 4 * LARGE && s.bytes_4k + s.bytes_2m + s.bytes_1g == 0 && s.faults == 0,
       "statistics: nothing is there");
    OK((s.page_sizes & ~MOKA_SIZE_1G) == (MOKA_SIZE_4K | MOKA_SIZE_2M), "statistics: page sizes");
    memset(at, 1, 4 * LARGE);
    s = stats(range);
    OK(s.bytes_4k + s.bytes_2m == 4 * LARGE && s.bytes_file == 0, "statistics: all is there");
    OK((s.faults > 0 || on_linux) && s.promotions == 0 && s.demotions == 0,
       "statistics: by page faults");
    tap_need(munmap(at + LARGE, LARGE) == 0, "munmap");
    s = stats(range);
    OK(s.mapped == 3 * LARGE && s.bytes_4k + s.bytes_2m == 3 * LARGE, "statistics: with a hole");
    unmap(at, 4 * LARGE, range);
    OK(large->stats(range, &s) == -EBADF, "statistics: closed");
}

static void test_refuse(void)
{
    int range;
    char *at = map(4 * LARGE, RW, &range);

    memset(at, 7, 2 * LARGE);
    OK(large->policy(range, at, 4 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_REFUSE) == 0, "refuse");
    OK(stats(range).bytes_2m == 0 && stats(range).bytes_4k >= 2 * LARGE,
       "refuse: what was large is split");
    memset(at + 2 * LARGE, 7, 2 * LARGE);
    OK(stats(range).bytes_4k == 4 * LARGE, "refuse: what is new is small");
    OK(large->promote(range, at, 4 * LARGE, MOKA_SIZE_2M) == 0 &&
           moka->page->join(range, at, 4 * LARGE) == 0 && stats(range).bytes_4k == 4 * LARGE,
       "refuse: not to be promoted");
    OK(large->discard(range, at, LARGE) == (int64_t)LARGE &&
           large->populate(range, at, LARGE, 0, 1) == (int64_t)LARGE &&
           stats(range).bytes_4k == 4 * LARGE,
       "refuse: after a discard, too");
    OK(all_are(at, LARGE, 0) && all_are(at + LARGE, 3 * LARGE, 7),
       "refuse: what was there is there");
    OK(large->policy(range, at, 4 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_DEFAULT) == 0 &&
           large->promote(range, at, 4 * LARGE, MOKA_SIZE_2M) == 4 &&
           stats(range).bytes_2m == 4 * LARGE,
       "no longer refused");
    OK(large->policy(range, at + PAGE, PAGE, MOKA_SIZE_2M, MOKA_LARGE_REFUSE) == 0 &&
           stats(range).bytes_2m == 3 * LARGE,
       "refuse: a part of a page");
    unmap(at, 4 * LARGE, range);
}

static void test_promote(void)
{
    int range;
    char *at = map(20 * LARGE, RW, &range);

    memset(at, 3, 20 * LARGE);
    OK(large->demote(range, at, 20 * LARGE, MOKA_SIZE_4K) >= 0 && stats(range).bytes_2m == 0,
       "demote");
    OK(large->demote(range, at, 20 * LARGE, MOKA_SIZE_4K) == 0, "demote: nothing is left");
    OK(large->demote(range, at, 20 * LARGE, MOKA_SIZE_2M) == 0, "demote: to 2 MiB");
    OK(large->promote(range, at + PAGE, 20 * LARGE - PAGE, MOKA_SIZE_2M) == 19, "promote");
    OK(stats(range).bytes_2m == 19 * LARGE && stats(range).bytes_4k == LARGE, "promote: what fits");
    OK(large->promote(range, at, 20 * LARGE, MOKA_SIZE_2M) == 1, "promote: what is left");
    OK(all_are(at, 20 * LARGE, 3), "promote: what was there is there");
    OK(stats(range).promotions >= 20 && stats(range).demotions <= 20, "promote: counted");
    OK(large->demote(range, at + 5 * LARGE - PAGE, 2 * PAGE, MOKA_SIZE_4K) == 2,
       "demote: where a part is meant");
    /* Read-only in a part, and missing in another. */
    tap_need(mprotect(at + 4 * LARGE, PAGE, PROT_READ) == 0, "mprotect");
    OK(large->discard(range, at + 5 * LARGE + PAGE, LARGE - PAGE) == (int64_t)(LARGE - PAGE),
       "discard: a part");
    OK(large->promote(range, at, 20 * LARGE, MOKA_SIZE_2M) == 1, "promote: of one protection");
    OK(all_are(at + 5 * LARGE, PAGE, 3) && all_are(at + 5 * LARGE + PAGE, LARGE - PAGE, 0),
       "promote: what is missing is zero");
    OK(large->discard(range, at, 20 * LARGE) == (int64_t)(20 * LARGE), "discard");
    OK(large->promote(range, at, 20 * LARGE, MOKA_SIZE_2M) == 0 && stats(range).bytes_2m == 0,
       "promote: nothing is there");
    unmap(at, 20 * LARGE, range);
}

static void test_require(void)
{
    int range;
    char *at = map(6 * LARGE, PROT_NONE, &range);
    uint64_t faults;

    OK(large->policy(range, at, 4 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == 0, "require");
    OK(stats(range).bytes_2m == 4 * LARGE && stats(range).bytes_4k == 0, "require: all is there");
    tap_need(mprotect(at, 6 * LARGE, RW) == 0, "mprotect");
    faults = stats(range).faults;
    for (size_t i = 0; i < 4 * LARGE; i += PAGE) {
        at[i]++;
    }
    OK(stats(range).faults == faults, "require: no page fault");
    OK(large->policy(range, at + 4 * LARGE, 2 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_REFUSE) == 0,
       "refuse beside it");
    memset(at + 4 * LARGE, 5, LARGE + 5);
    OK(large->policy(range, at, 6 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == 0 &&
           stats(range).bytes_2m == 6 * LARGE,
       "require: of what is small");
    OK(at[4 * LARGE - PAGE] == 1 && all_are(at + 4 * LARGE, LARGE + 5, 5) &&
           all_are(at + 5 * LARGE + 5, LARGE - 5, 0),
       "require: what was there is there");
    unmap(at, 6 * LARGE, range);
}

static void test_require_errors(void)
{
    struct sysinfo info;
    int range, other;
    char *at = map(4 * LARGE, RW, &range), *much;
    size_t size;

    tap_need(sysinfo(&info) == 0, "sysinfo");
    size = ((size_t)info.totalram * info.mem_unit + LARGE) & ~(LARGE - 1);
    much = map(size, RW, &other);
    OK(large->policy(other, much, size, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == -ENOMEM,
       "require: more than there is");
    OK(large->policy(other, much, LARGE, 2 * LARGE, MOKA_LARGE_PREFER) == -EINVAL,
       "policy: no page size");
    unmap(much, size, other);
    OK(large->policy(range, at, PAGE, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == -EINVAL,
       "require: a part of a page");
    OK(large->policy(range, at, LARGE, MOKA_SIZE_2M, 4) == -EINVAL, "policy: unknown");
    OK(large->policy(range, at, 8 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_PREFER) == -ERANGE,
       "policy: beyond the range");
    OK(large->policy(range, at, 0, MOKA_SIZE_2M, MOKA_LARGE_PREFER) == -EINVAL, "policy: nothing");
    OK(large->policy(-1, at, LARGE, MOKA_SIZE_2M, MOKA_LARGE_PREFER) == -EBADF, "policy: no range");
    tap_need(mprotect(at + PAGE, PAGE, PROT_READ) == 0, "mprotect");
    OK(large->policy(range, at, LARGE, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == -EINVAL,
       "require: of two protections");
    tap_need(munmap(at + LARGE, PAGE) == 0, "munmap");
    OK(large->policy(range, at, 4 * LARGE, MOKA_SIZE_2M, MOKA_LARGE_PREFER) == -ENOMEM &&
           large->populate(range, at, 4 * LARGE, 0, 0) == -ENOMEM &&
           large->discard(range, at, 4 * LARGE) == -ENOMEM && stats(range).bytes_4k == 0 &&
           stats(range).bytes_2m == 0,
       "a hole");
    unmap(at, 4 * LARGE, range);
}

static void test_populate(void)
{
    int range;
    size_t size = 40 * LARGE;
    char *at = map(size, RW, &range);
    uint64_t faults;

    OK(large->populate(range, at, 3 * PAGE, 0, 1) >= (int64_t)(3 * PAGE), "populate: three pages");
    OK(large->populate(range, at, size, 0, 4) > 0 &&
           stats(range).bytes_4k + stats(range).bytes_2m == size,
       "populate: by several CPUs");
    OK(large->populate(range, at, size, 0, 0) == 0, "populate: all is there already");
    faults = stats(range).faults;
    OK(all_are(at, size, 0), "populate: zeroes");
    OK(stats(range).faults == faults, "populate: no page fault");
    memset(at, 9, size);
    OK(large->discard(range, at, size) == (int64_t)size, "discard: bytes that had frames");
    OK(large->discard(range, at, size) == 0, "discard: no more");
    OK(large->populate(range, at, size, 0, 0) == (int64_t)size && all_are(at, size, 0),
       "populate after discard: zeroes");
    OK(large->populate(range, at, size, 2, 0) == -EINVAL, "populate: unknown flag");
    OK(large->populate(range, at + 1, PAGE, 0, 0) == -EINVAL, "populate: not a page's start");
    OK(large->populate(range, at, size + PAGE, 0, 0) == -ERANGE, "populate: beyond the range");
    OK(large->discard(range, at, 5) == -EINVAL, "discard: not a page");
    OK(large->promote(range, at, size, PAGE) == -EINVAL, "promote: to 4 KiB");
    OK(large->demote(range, at, size, MOKA_SIZE_1G) == -EINVAL, "demote: to 1 GiB");
    OK((stats(range).page_sizes & MOKA_SIZE_1G) != 0 ||
           large->promote(range, at, size, MOKA_SIZE_1G) == -EOPNOTSUPP,
       "promote: no such pages here");
    OK(large->policy(range, at, size, MOKA_SIZE_1G, MOKA_LARGE_PREFER) == 0 &&
           large->policy(range, at, size, MOKA_SIZE_1G, MOKA_LARGE_REQUIRE) == -EINVAL &&
           large->policy(range, at, size, MOKA_SIZE_1G, MOKA_LARGE_REFUSE) == 0,
       "pages of 1 GiB in less than that");
    unmap(at, size, range);
}

/* Nothing but what the program had there, or zeroes; never what another memory had. */
static void test_unzeroed(void)
{
    int range;
    size_t size = 16 * LARGE, same = 0, wrong = 0;
    char *at = map(size, RW, &range);

    memset(at, 0x5c, size);
    large->promote(range, at, size, MOKA_SIZE_2M);
    tap_need(large->discard(range, at, size) > 0, "discard");
    OK(large->populate(range, at, size, MOKA_POPULATE_UNZEROED, 0) == (int64_t)size,
       "populate: unzeroed");
    for (size_t i = 0; i < size; i++) {
        same += at[i] == 0x5c;
        wrong += at[i] != 0x5c && at[i] != 0;
    }
    printf("# %zu of %zu bytes are what they were\n", same, size);
    OK(wrong == 0, "populate: nothing but zeroes and what was there");
    OK(same > 0 || on_linux, "populate: which has saved some zeroing");
    large->discard(range, at, size);
    memset(at, 0, 1); /* and a fault that follows must not find any */
    OK(all_are(at, size, 0), "a fault finds zeroes");
    memset(at, 0x5c, size);
    large->promote(range, at, size, MOKA_SIZE_2M);
    tap_need(large->discard(range, at, size) > 0, "discard");
    large->populate(range, at + PAGE, LARGE, MOKA_POPULATE_UNZEROED, 1);
    OK(all_are(at, PAGE, 0) && all_are(at + PAGE + LARGE, size - PAGE - LARGE, 0),
       "populate: zeroes beside a part of pages");
    unmap(at, size, range);
}

static void test_others(void)
{
    size_t size = 4 * LARGE;
    int range, file = memfd_create("large", 0);
    char *at;

    tap_need(file >= 0 && ftruncate(file, (off_t)size) == 0, "memfd_create");
    at = mmap(NULL, size, RW, MAP_SHARED, file, 0);
    tap_need(at != MAP_FAILED, "mmap");
    range = moka->range_open(at, size);
    memset(at, 6, size);
    OK(stats(range).bytes_file == size, "a file counts");
    OK(large->discard(range, at, size) == (int64_t)size && all_are(at, size, 6),
       "discard: a file keeps what it has");
    OK(large->policy(range, at, size, MOKA_SIZE_2M, MOKA_LARGE_REFUSE) == 0 &&
           stats(range).bytes_2m == 0 && all_are(at, size, 6) && stats(range).bytes_4k == size,
       "refuse: of a file");
    OK(large->policy(range, at, size, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == -EINVAL,
       "require: of a file");
    unmap(at, size, range);
    close(file);
    at = mmap(NULL, size, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tap_need(at != MAP_FAILED, "mmap");
    range = moka->range_open(at, size);
    memset(at, 6, size);
    OK(large->discard(range, at, size) == 0 && all_are(at, size, 6),
       "discard: shared memory keeps what it has");
    unmap(at, size, range);
    at = map(size, RW | PROT_EXEC, &range);
    at[0] = (char)0xc3; /* ret */
    ((void (*)(void))(uintptr_t)at)();
    OK(large->policy(range, at, size, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE) == 0 &&
           stats(range).bytes_2m == size,
       "code");
    ((void (*)(void))(uintptr_t)at)();
    unmap(at, size, range);
}

static void *on_small_stack(void *arg)
{
    char here[8 * PAGE];
    int range = moka->range_open((char *)(((uintptr_t)here + PAGE) & ~(PAGE - 1)), 4 * PAGE);
    char *at = (char *)(((uintptr_t)here + PAGE) & ~(PAGE - 1));

    memset(here, 1, sizeof(here));
    OK(large->policy(range, at, 4 * PAGE, MOKA_SIZE_2M, MOKA_LARGE_REFUSE) == 0 &&
           stats(range).bytes_4k == 4 * PAGE && here[5 * PAGE] == 1,
       "a stack");
    moka->range_close(range);
    return NULL;
}

/* ---- Many threads ------------------------------------------------------------------------ */

#define THREADS 4
#define WINDOWS 6
#define ROUNDS_PER_LOOK 64

static struct {
    char *at;
    int range;
    int seconds;
    unsigned long wrong;
    uint64_t written[THREADS];
} shared;

/* Each thread has a word of its own in each page. */
static uint64_t *word_of(unsigned thread, unsigned page)
{
    return (uint64_t *)(shared.at + page * PAGE + page % 500 * 8) + thread;
}

static int64_t one_of(unsigned what, char *window, unsigned long n)
{
    switch (what) {
    case 0:
        return large->promote(shared.range, shared.at, WINDOWS * LARGE, MOKA_SIZE_2M);
    case 1:
        return large->demote(shared.range, window, LARGE, MOKA_SIZE_4K);
    case 2:
        return large->policy(shared.range, window, LARGE, MOKA_SIZE_2M, n >> 10 & 3);
    case 3:
        return large->populate(shared.range, window, LARGE, n >> 10 & 1, n >> 11 & 3);
    case 4:
        return mprotect(window, n & 1 ? LARGE : PAGE, RW | (n & 2 ? PROT_EXEC : 0));
    default:
        return 0;
    }
}

static void *random_calls(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    unsigned long n = me * 7919 + 1;
    time_t end = time(NULL) + shared.seconds;
    uint64_t value = 0;

    while (time(NULL) < end) {
        int64_t got;

        n = n * 6364136223846793005ul + 1442695040888963407ul;
        got = one_of((n >> 33) % 5, shared.at + (n >> 20) % WINDOWS * LARGE, n >> 7);
        if (got < 0 && got != -ENOMEM && got != -EINVAL) {
            __atomic_fetch_add(&shared.wrong, 1, __ATOMIC_RELAXED);
        }
        value++;
        for (unsigned i = 0; i < ROUNDS_PER_LOOK; i++) {
            unsigned page = (unsigned)(n >> 5) % 64 + i * (WINDOWS * 512 / ROUNDS_PER_LOOK - 1);

            __atomic_store_n(word_of(me, page), value * 1000 + i, __ATOMIC_RELAXED);
            if (__atomic_load_n(word_of(me, page), __ATOMIC_RELAXED) != value * 1000 + i) {
                __atomic_fetch_add(&shared.wrong, 1, __ATOMIC_RELAXED);
            }
            __atomic_fetch_add(word_of(THREADS, page), 1, __ATOMIC_RELAXED);
            shared.written[me]++;
        }
    }
    return NULL;
}

static void test_random(int seconds)
{
    pthread_t thread[THREADS];
    uint64_t sum = 0, found = 0;

    shared.at = map(WINDOWS * LARGE, RW, &shared.range);
    shared.seconds = seconds;
    for (uintptr_t i = 0; i < THREADS; i++) {
        tap_need(pthread_create(&thread[i], NULL, random_calls, (void *)i) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += shared.written[i];
    }
    for (unsigned page = 0; page < WINDOWS * 512; page++) {
        found += *word_of(THREADS, page);
    }
    printf("# %lu writes, %lu promotions, %lu demotions\n", (unsigned long)sum,
           (unsigned long)stats(shared.range).promotions,
           (unsigned long)stats(shared.range).demotions);
    OK(shared.wrong == 0, "random calls: each does what it says");
    OK(sum == found, "random calls: no write is lost");
    unmap(shared.at, WINDOWS * LARGE, shared.range);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    large = moka->large;
    on_linux = hooks_for_linux(moka);
    if (on_linux && !hooks_can_scan(moka)) {
        OK(true, "Linux is older than 6.7: it does not tell which pages are large");
        return tap_end();
    }
    tap_need(large != NULL && large->size == sizeof(*large), "the hooks on page sizes");
    test_statistics();
    test_refuse();
    test_promote();
    test_require();
    test_require_errors();
    test_populate();
    test_unzeroed();
    test_others();
    tap_need(pthread_create(&thread, NULL, on_small_stack, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
    test_random(argc > 1 ? atoi(argv[1]) : 3);
    return tap_end();
}
