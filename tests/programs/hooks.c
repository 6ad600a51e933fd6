/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page tables: what they tell and change, every error, and that
 * many threads which open, scan, split and join at random find each page as
 * it must be.  On a kernel without hooks there is only that to be tested.
 */
#include "hooks.h"
#include "tap.h"

#include <moka/page.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define CLEAR_DIRTY (MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR)

static const struct moka_hooks *moka;
static bool on_linux; /* by the library for it */

/* Memory that begins at 2 MiB, mapped but not there yet. */
static char *map(size_t size, int prot)
{
    char *at =
        mmap(NULL, size + LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *aligned = (char *)(((uintptr_t)at + LARGE - 1) & ~(LARGE - 1));

    tap_need(at != MAP_FAILED && aligned != NULL && mprotect(aligned, size, prot) == 0, "mmap");
    return aligned;
}

static int64_t scan(int range, char *start, size_t size, unsigned grain, unsigned flags,
                    uint64_t *bitmap)
{
    const struct moka_scan request = {.start = start,
                                      .size = size,
                                      .grain = grain,
                                      .flags = flags,
                                      .bitmap = bitmap,
                                      .words = (size / grain + 63) / 64};

    return moka->page->scan(range, &request);
}

static void test_found(void)
{
    OK(moka->version == MOKA_HOOKS_VERSION && moka->size == sizeof(*moka) && moka->page != NULL &&
           moka->page->size == sizeof(*moka->page),
       "the C library has the hooks");
}

static void test_ranges(void)
{
    char *at = map(4 * LARGE, PROT_READ | PROT_WRITE);
    struct moka_page page;
    static int opened[20000];
    int range = moka->range_open(at, 2 * LARGE), other, count = 0;

    OK(range >= 0, "open");
    OK(moka->range_open(at + 1, LARGE) == -EINVAL, "open: not a page's start");
    OK(moka->range_open(at, 0) == -EINVAL, "open: nothing");
    OK(moka->range_open(at, 100) == -EINVAL, "open: not whole pages");
    OK(moka->range_open(NULL, LARGE) == -EINVAL, "open: NULL");
    OK(moka->range_open((void *)(1ul << 47), LARGE) == -EINVAL, "open: no address");
    OK(moka->range_open((void *)(0xfffful << 48), LARGE) == -EINVAL, "open: not canonical");
    OK(moka->range_open((void *)0x7f800000, PAGE) == (on_linux ? -ENOMEM : -EINVAL),
       "open: the kernel");
    tap_need(munmap(at + 3 * LARGE, PAGE) == 0, "munmap");
    OK(moka->range_open(at, 4 * LARGE) == -ENOMEM, "open: with a hole");
    OK(moka->page->query(range, at + 2 * LARGE, &page) == -ERANGE, "beyond the range");
    OK(moka->page->query(range, at - 1, &page) == -ERANGE, "before the range");
    OK(moka->page->query(range, at, NULL) == -EFAULT, "no place for the answer");
    OK(on_linux || moka->page->query(range, at, (void *)0x7f800000) == -EFAULT,
       "the kernel as that place");
    OK(moka->range_close(range) == 0, "close");
    OK(moka->range_close(range) == -EBADF, "close twice");
    OK(moka->page->query(range, at, &page) == -EBADF, "closed");
    other = moka->range_open(at, PAGE);
    OK(other >= 0 && other != range, "a number is not used again at once");
    OK(moka->page->query(range, at, &page) == -EBADF, "closed, and another in its place");
    OK(moka->range_close(-1) == -EBADF && moka->range_close(0x7fffffff) == -EBADF, "no range");
    while (count < 20000 && (range = moka->range_open(at, PAGE)) >= 0) {
        opened[count++] = range;
    }
    OK(range == -EMFILE && count > 10000, "open: too many");
    while (count > 0) {
        moka->range_close(opened[--count]);
    }
    tap_need(munmap(at, LARGE) == 0, "munmap");
    OK(moka->page->query(other, at, &page) == -ENOMEM, "not mapped any more");
    moka->range_close(other);
}

static void test_query(void)
{
    char *at = map(2 * LARGE, PROT_READ | PROT_WRITE);
    int range = moka->range_open(at, 2 * LARGE);
    struct moka_page page, next;

    OK(moka->page->query(range, at, &page) == 0 &&
           page.flags == (MOKA_PAGE_READ | MOKA_PAGE_WRITE | MOKA_PAGE_ZERO) && page.size == 0 &&
           page.frame == 0,
       "not touched yet");
    at[5] = 1;
    OK(moka->page->query(range, at, &page) == 0 && page.size >= PAGE &&
           (page.frame != 0 || on_linux) &&
           page.flags == (MOKA_PAGE_READ | MOKA_PAGE_WRITE | MOKA_PAGE_PRESENT | MOKA_PAGE_DIRTY |
                          MOKA_PAGE_ACCESSED | MOKA_PAGE_WRITABLE),
       "written to");
    printf("# a page of %lu bytes\n", (unsigned long)page.size);
    OK(moka->page->query(range, at + PAGE + 17, &next) == 0 &&
           (page.size == PAGE || next.frame == page.frame + 1 || page.frame == 0),
       "its neighbour");
    tap_need(mprotect(at, PAGE, PROT_READ) == 0, "mprotect");
    OK(moka->page->query(range, at, &next) == 0 && next.frame == page.frame &&
           (next.flags & (MOKA_PAGE_WRITE | MOKA_PAGE_WRITABLE)) == 0,
       "read-only");
    moka->range_close(range);
    munmap(at, 2 * LARGE);
}

static void test_scan(void)
{
    char *at = map(4 * LARGE, PROT_READ | PROT_WRITE);
    int range = moka->range_open(at, 4 * LARGE);
    uint64_t bits[32];
    struct moka_scan bad = {at, LARGE, PAGE, MOKA_SCAN_DIRTY, bits, 8};

    memset(at, 1, 4 * LARGE);
    OK(scan(range, at, 4 * LARGE, PAGE, MOKA_SCAN_PRESENT, bits) == 2048 && bits[31] == UINT64_MAX,
       "all are there");
    OK(moka->page->split(range, at, 4 * LARGE) >= 0, "split");
    OK(scan(range, at, 4 * LARGE, PAGE, MOKA_SCAN_LARGE, bits) == 0, "none is large then");
    OK(scan(range, at, 4 * LARGE, PAGE, CLEAR_DIRTY, bits) == 2048, "all were written to");
    OK(scan(range, at, 4 * LARGE, PAGE, CLEAR_DIRTY, bits) == 0 && bits[0] == 0, "but not since");
    at[100 * PAGE] = 2;
    at[2047 * PAGE] = 2;
    OK(scan(range, at, 4 * LARGE, LARGE, MOKA_SCAN_DIRTY, bits) == 2 && bits[0] == 9,
       "two were: by 2 MiB");
    OK(scan(range, at, 4 * LARGE, PAGE, CLEAR_DIRTY, bits) == 2 && bits[1] == 1ul << 36 &&
           bits[31] == 1ul << 63,
       "by 4 KiB");
    OK(scan(range, at, 4 * LARGE, PAGE, MOKA_SCAN_DIRTY, NULL) == 0, "only counted");
    OK(moka->page->join(range, at, 4 * LARGE) == 4, "join");
    OK(scan(range, at, 4 * LARGE, PAGE, MOKA_SCAN_LARGE, bits) == 2048, "all are large then");
    OK(at[100 * PAGE] == 2 && at[LARGE] == 1 && at[2047 * PAGE] == 2, "what was there is there");
    OK(moka->page->split(range, at + LARGE + PAGE, PAGE) == 1, "one is split");
    OK(scan(range, at, 4 * LARGE, LARGE, MOKA_SCAN_LARGE, bits) == 3 && bits[0] == 13, "that one");
    OK(scan(range, at + LARGE, 4 * LARGE, PAGE, MOKA_SCAN_DIRTY, bits) == -ERANGE, "scan: beyond");
    OK(moka->page->split(range, at, 8 * LARGE) == -ERANGE, "split: beyond");
    OK(moka->page->join(range, at + 1, PAGE) == -EINVAL, "join: not a page's start");
    OK(moka->page->scan(-1, &bad) == -EBADF, "scan: no range");
    OK(moka->page->scan(range, NULL) == -EFAULT, "scan: no request");
    bad.flags = 0;
    OK(moka->page->scan(range, &bad) == -EINVAL, "scan: for nothing");
    bad.flags = 16;
    OK(moka->page->scan(range, &bad) == -EINVAL, "scan: for something unknown");
    bad.flags = CLEAR_DIRTY, bad.grain = 8192;
    OK(moka->page->scan(range, &bad) == -EINVAL, "scan: another grain");
    bad.grain = PAGE, bad.words = 7;
    OK(moka->page->scan(range, &bad) == -ENOSPC, "scan: a bitmap that is too small");
    at[0] = 3;
    bad.words = 8, bad.bitmap = (uint64_t *)0x7f800000;
    OK(on_linux || moka->page->scan(range, &bad) == -EFAULT, "scan: the kernel as the bitmap");
    OK(scan(range, at, LARGE, PAGE, CLEAR_DIRTY, bits) >= 1 && (bits[0] & 1) != 0,
       "which has cleared nothing");
    moka->range_close(range);
    munmap(at, 4 * LARGE);
}

/* ---- Many threads ------------------------------------------------------------------------ */

#define THREADS 4
#define WINDOWS 4
#define COUNTERS (WINDOWS * 512)

static struct {
    char *at;
    int range;
    int seconds;
    unsigned long wrong;
    pthread_mutex_t copying;
    uint64_t copy[COUNTERS];
} shared = {.copying = PTHREAD_MUTEX_INITIALIZER};

static uint64_t *counter(unsigned page)
{
    return (uint64_t *)(shared.at + page * PAGE + page % 500 * 8);
}

/* Keeps a copy of the pages that were written to: an incremental checkpoint. */
static void checkpoint(void)
{
    uint64_t bits[COUNTERS / 64];

    pthread_mutex_lock(&shared.copying);
    if (scan(shared.range, shared.at, WINDOWS * LARGE, PAGE, CLEAR_DIRTY, bits) < 0) {
        __atomic_fetch_add(&shared.wrong, 1, __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; i < COUNTERS; i++) {
        if ((bits[i / 64] >> i % 64 & 1) != 0) {
            shared.copy[i] = __atomic_load_n(counter(i), __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&shared.copying);
}

static void one_of(unsigned what, unsigned long n)
{
    char *window = shared.at + n % WINDOWS * LARGE;
    struct moka_page page;
    int64_t got = 0;

    switch (what) {
    case 0:
        checkpoint();
        break;
    case 1:
        got = moka->page->split(shared.range, window, LARGE);
        break;
    case 2:
        got = moka->page->join(shared.range, window, LARGE);
        break;
    case 3:
        got = moka->page->query(shared.range, window + n % LARGE, &page);
        break;
    case 4:
        got = mprotect(window, LARGE, PROT_READ | PROT_WRITE | (n & 64 ? PROT_EXEC : 0));
        break;
    default:
        for (unsigned i = 0; i < 200; i++) {
            n = n * 6364136223846793005ul + 1442695040888963407ul;
            __atomic_fetch_add(counter((n >> 33) % COUNTERS), 1, __ATOMIC_RELAXED);
        }
    }
    if (got < 0 && got != -ENOMEM) {
        __atomic_fetch_add(&shared.wrong, 1, __ATOMIC_RELAXED);
    }
}

static void *random_calls(void *arg)
{
    unsigned long n = (uintptr_t)arg * 7919 + 1;
    time_t end = time(NULL) + shared.seconds;

    while (time(NULL) < end) {
        n = n * 6364136223846793005ul + 1442695040888963407ul;
        one_of((n >> 33) % 10, n >> 20);
    }
    return NULL;
}

static void test_random(int seconds)
{
    pthread_t thread[THREADS];
    unsigned differ = 0;
    char *at = map(WINDOWS * LARGE, PROT_READ | PROT_WRITE);

    memset(at, 0, WINDOWS * LARGE);
    shared.at = at;
    shared.range = moka->range_open(shared.at, WINDOWS * LARGE);
    shared.seconds = seconds;
    for (uintptr_t i = 0; i < THREADS; i++) {
        tap_need(pthread_create(&thread[i], NULL, random_calls, (void *)i) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    checkpoint();
    for (unsigned i = 0; i < COUNTERS; i++) {
        differ += shared.copy[i] != *counter(i);
    }
    OK(shared.wrong == 0, "random calls: each does what it says");
    OK(differ == 0, "random calls: no write is missing from the checkpoints");
    moka->range_close(shared.range);
}

int main(int argc, char **argv)
{
    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    on_linux = hooks_for_linux(moka);
    test_found();
    test_ranges();
    if (on_linux && !hooks_can_scan(moka)) {
        OK(true, "Linux is older than 6.7: no scans");
        return tap_end();
    }
    test_query();
    test_scan();
    test_random(argc > 1 ? atoi(argv[1]) : 3);
    return tap_end();
}
