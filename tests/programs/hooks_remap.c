/* SPDX-License-Identifier: MIT */
/*
 * The hooks on remapping as programs call them: every misuse has its errno and
 * changes nothing; memory of files and mlock(2); reads of a pipe and calls of other
 * threads that race with them; and how long a swap and a copy take.  On a kernel
 * without hooks there is only that to be tested.
 */
#include "hooks.h"
#include "tap.h"

#include <moka/remap.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define GIANT (512 * LARGE)
#define MAPPED 8u /* 2 MiB of them */

static const struct moka_hooks *moka;
static const struct moka_remap_hooks *remap;
static bool on_linux; /* by the library for it */

static char *map(size_t size)
{
    size_t align = size < GIANT ? LARGE : GIANT;
    char *at = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    tap_need(at != MAP_FAILED, "mmap");
    return (char *)(((uintptr_t)at + align - 1) & ~(align - 1));
}

static int64_t swap_one(int range, char *to, char *from, size_t size)
{
    const struct moka_pair pair = {to, from, size};

    return remap->swap(range, range, &pair, 1, 0);
}

static void test_errors(void)
{
    char *at = map(MAPPED * LARGE), *other = map(LARGE);
    int range = moka->range_open(at, MAPPED * LARGE);
    struct moka_pair ok = {at, at + LARGE, PAGE};
    struct moka_pair twice[] = {{at, at + LARGE, PAGE}, {at + PAGE, at + LARGE, PAGE}};
    struct moka_remap_info info;

    at[0] = 1, at[LARGE] = 2;
    OK(remap->size == sizeof(*remap), "the C library has the hooks");
    OK(remap->swap(-1, range, &ok, 1, 0) == -EBADF, "no range for one place");
    OK(remap->swap(range, -1, &ok, 1, 0) == -EBADF, "nor for the other");
    OK(remap->swap(range, range, &ok, 1, 64) == -EINVAL, "an unknown flag");
    OK(remap->swap(range, range, &ok, 1, MOKA_MOVE_UNMAP) == -EINVAL, "another call's flag");
    OK(remap->swap(range, range, &ok, MOKA_PAIRS_MAX + 1, 0) == -E2BIG, "too many pairs");
    OK(remap->swap(range, range, NULL, 1, 0) == -EFAULT, "pairs nowhere");
    OK(on_linux || remap->swap(range, range, (void *)0x7f800000, 1, 0) == -EFAULT,
       "pairs in the kernel");
    OK(remap->swap(range, range, &ok, 0, 0) == 0, "no pairs");
    OK(swap_one(range, at, at + LARGE, 0) == -EINVAL, "nothing");
    OK(swap_one(range, at, at + LARGE, 100) == -EINVAL, "not whole pages");
    OK(swap_one(range, at + 8, at + LARGE, PAGE) == -EINVAL, "not a page's start");
    OK(swap_one(range, at, at + PAGE, 2 * PAGE) == -EINVAL, "places that overlap");
    OK(swap_one(range, at, at + MAPPED * LARGE, PAGE) == -ERANGE, "beyond the range");
    OK(swap_one(range, at, at + LARGE, UINT64_MAX - 4095) == -ERANGE, "more than all memory");
    OK(swap_one(range, other, at, PAGE) == -ERANGE, "in no range");
    OK(remap->move(range, range, twice, 2, MOKA_MOVE_UNMAP) == -EINVAL, "a source twice");
    OK(remap->info(NULL, sizeof(info)) == -EFAULT, "information to nowhere");
    OK(at[0] == 1 && at[LARGE] == 2, "none of which has changed anything");
    tap_need(munmap(at + 4 * LARGE, PAGE) == 0, "munmap");
    twice[1] = (struct moka_pair){at + 4 * LARGE, at + 2 * LARGE, PAGE};
    OK(remap->swap(range, range, twice, 2, 0) == -ENXIO && at[0] == 1, "not mapped");
    tap_need(mmap(at + 4 * LARGE, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE, memfd_create("file", 0),
                  0) != MAP_FAILED,
             "mmap of a file");
    OK(remap->swap(range, range, twice, 2, 0) == -EOPNOTSUPP && at[0] == 1, "a file's");
    OK(swap_one(range, at, at + LARGE, PAGE) == 1 && at[0] == 2 && at[LARGE] == 1, "a swap");
    OK(remap->info(&info, sizeof(info)) == 0 && info.pairs > 0 &&
           ((info.entries_4k >= 2 && info.splits > 0) || on_linux),
       "which is counted");
    moka->range_close(range);
    OK(swap_one(range, at, at + LARGE, PAGE) == -EBADF, "a range that was closed");
}

static void test_places(void)
{
    char *at = map(MAPPED * LARGE);
    int range = moka->range_open(at, MAPPED * LARGE);
    struct moka_pair pair = {at, at + LARGE, LARGE};

    memset(at, 1, LARGE);
    memset(at + LARGE, 2, LARGE);
    tap_need(mlock(at, LARGE) == 0 && mprotect(at, LARGE, PROT_READ) == 0, "mlock, mprotect");
    OK(remap->swap(range, range, &pair, 1, 0) == 1 && at[0] == 2 && at[2 * LARGE - 1] == 1,
       "a place that is locked and read-only");
    at[LARGE] = 3;
    OK(mprotect(at, LARGE, PROT_READ | PROT_WRITE) == 0, "which keeps its protection");
    OK(remap->move(range, range, &pair, 1, MOKA_MOVE_ZERO) == 1 && at[0] == 3 && at[1] == 1 &&
           at[LARGE] == 0 && at[2 * LARGE - 1] == 0,
       "a move leaves zeroes");
    OK(remap->move(range, range, &pair, 1, MOKA_MOVE_UNMAP) == 1 && at[0] == 0 &&
           msync(at + LARGE, PAGE, MS_ASYNC) == -1,
       "of zeroes; and nothing is mapped there any more");
    pair = (struct moka_pair){at + 2 * LARGE, at + 2 * LARGE + 3 * PAGE, 4 * LARGE};
    for (unsigned i = 0; i < 4 * 512 + 3; i++) {
        at[2 * LARGE + i * PAGE] = (char)(i % 127);
    }
    OK(remap->slide(range, &pair, 1, MOKA_SLIDE_LEAVE) == 1 && at[2 * LARGE] == 3 &&
           at[3 * LARGE] == (512 + 3) % 127 && at[6 * LARGE - PAGE] == (2047 + 3) % 127,
       "a slide");
    OK(remap->slide(range, &pair, 1, MOKA_MOVE_UNMAP) == -EINVAL, "with another call's flag");
}

/* ---- Races ----------------------------------------------------------------------------------- */

static struct {
    char *at;
    int range, pipe[2];
    int stop;
    unsigned long wrong;
} race;

/* Bytes of a pipe arrive in memory whose pages change places: all are there after it. */
static void *read_pipe(void *arg)
{
    unsigned long got = 0;
    ssize_t n;

    while ((n = read(race.pipe[0], race.at + got % (2 * LARGE), PAGE)) > 0) {
        got += (unsigned long)n;
    }
    return (void *)got;
}

static void *change_mappings(void *arg)
{
    char *at = race.at + 2 * LARGE;

    while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
        mprotect(at, LARGE + 3 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
        munmap(at + LARGE, LARGE);
        (void)mmap(at + LARGE, LARGE, PROT_READ | PROT_WRITE,
                   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        at[LARGE] = 1;
        madvise(at, LARGE, MADV_DONTNEED);
        mremap(at + LARGE, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 2 * LARGE);
    }
    return NULL;
}

/* At most so many times, and no longer than five seconds: how many it were. */
static unsigned swap_beside(unsigned rounds)
{
    static char block[PAGE];

    time_t end = time(NULL) + 5;
    unsigned i;

    for (i = 0; i < rounds && time(NULL) < end; i++) {
        char *at = race.at + i % 7 * PAGE;
        int64_t got = swap_one(race.range, at, at + LARGE, LARGE - 7 * PAGE);

        race.wrong += got != 1;
        memset(block, 1, sizeof(block));
        race.wrong += write(race.pipe[1], block, sizeof(block)) != (ssize_t)sizeof(block);
        got = swap_one(race.range, race.at + 2 * LARGE, race.at + 3 * LARGE + i % 3 * PAGE, LARGE);
        race.wrong += got != 1 && got != -ENXIO;
    }
    return i;
}

static void test_races(void)
{
    pthread_t reader, changer;
    void *got;
    unsigned long sum = 0;
    unsigned rounds;

    race.at = map(MAPPED * LARGE);
    race.range = moka->range_open(race.at, MAPPED * LARGE);
    tap_need(pipe(race.pipe) == 0 && pthread_create(&reader, NULL, read_pipe, NULL) == 0 &&
                 pthread_create(&changer, NULL, change_mappings, NULL) == 0,
             "threads");
    rounds = swap_beside(500);
    printf("# %u rounds\n", rounds);
    close(race.pipe[1]);
    pthread_join(reader, &got);
    __atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
    pthread_join(changer, NULL);
    for (unsigned long i = 0; i < 2 * LARGE; i++) {
        sum += (unsigned long)race.at[i];
    }
    OK(race.wrong == 0, "swaps beside munmap, mprotect, madvise and mremap");
    OK(sum == (unsigned long)got && sum == rounds * PAGE, "reads go on while their pages move");
}

/* ---- Time ------------------------------------------------------------------------------------ */

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The quickest of some; `touch`: with an access to each 2 MiB after it. */
static double time_swap(int range, char *a, char *b, size_t size, int touch)
{
    double best = 1e12;

    for (unsigned i = 0; i < 20; i++) {
        double start = now_us(), end;

        tap_need(swap_one(range, a, b, size) == 1, "swap");
        for (size_t at = 0; touch && at < size; at += LARGE) {
            a[at]++, b[at]++;
        }
        end = now_us();
        best = end - start < best ? end - start : best;
    }
    return best;
}

static double time_copy(char *a, char *b, size_t size)
{
    double best = 1e12;

    for (unsigned i = 0; i < 5; i++) {
        double start = now_us(), end;

        memcpy(a, b, size);
        end = now_us();
        best = end - start < best ? end - start : best;
    }
    return best;
}

static void test_time(size_t size)
{
    char *a = map(size), *b = map(size);
    int range = moka->range_open(a < b ? a : b, (size_t)(a < b ? b - a : a - b) + size);
    double swap, touched, copy;

    memset(a, 1, size);
    memset(b, 2, size);
    swap = time_swap(range, a, b, size, 0);
    touched = time_swap(range, a, b, size, 1);
    copy = time_copy(a, b, size);
    printf("# swap of %lu MiB: %.0f us, and %.0f with a touch of each 2 MiB; one copy %.0f us\n",
           (unsigned long)(size >> 20), swap, touched, copy);
    munmap(a, size);
    munmap(b, size);
    moka->range_close(range);
}

/* Both places are touched after it. */
static double time_quiet(int range, char *a, char *b, size_t size, uint32_t flags)
{
    const struct moka_pair pair = {a, b, size};
    double best = 1e12;

    for (unsigned i = 0; i < 20; i++) {
        double start = now_us(), end;

        tap_need(remap->swap(range, range, &pair, 1, flags) == 1, "swap");
        for (size_t at = 0; at < size; at += PAGE) {
            a[at]++, b[at]++;
        }
        end = now_us();
        best = end - start < best ? end - start : best;
    }
    return best;
}

static void test_copy_below(void)
{
    char *at = map(6 * LARGE);
    int range = moka->range_open(at, 6 * LARGE);
    struct moka_remap_info info;

    memset(at, 1, 6 * LARGE);
    tap_need(remap->info(&info, sizeof(info)) == 0, "info");
    printf("# copied below %ld bytes, %ld at places that do not differ modulo 2 MiB\n",
           (long)info.copy_below_small, (long)info.copy_below_large);
    for (size_t pages = 1; pages <= 512; pages *= 2) {
        double moved = time_quiet(range, at, at + 3 * LARGE + PAGE, pages * PAGE, 0);
        double quiet = time_quiet(range, at, at + 3 * LARGE + PAGE, pages * PAGE, MOKA_REMAP_QUIET);

        printf("# swap of %lu pages and a touch of each: %.1f us, and with QUIET %.1f us\n",
               (unsigned long)pages, moved, quiet);
    }
}

int main(int argc, char **argv)
{
    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL || moka->remap == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    remap = moka->remap;
    on_linux = hooks_for_linux(moka);
    test_errors();
    test_places();
    if (on_linux) {
        puts("# no races: a swap there is three calls, which other threads could see");
    } else {
        test_races();
    }
    if (argc > 1) {
        test_copy_below();
    }
    for (int i = 1; i < argc; i++) {
        test_time((size_t)atol(argv[i]) << 20);
    }
    return tap_end();
}
