/* SPDX-License-Identifier: MIT */
/*
 * Aliases as programs make them: every misuse has its errno and changes nothing;
 * shared pages and snapshots as system calls see them (read(2) into one, mprotect(2),
 * madvise(2), mremap(2)); and a checkpoint of memory that threads go on writing to.
 * On a kernel without hooks there is only that to be tested.
 *
 *   hooks_alias [MIB...]    and how long a snapshot, a copy and first writes take
 */
#include "hooks.h"
#include "tap.h"

#include <moka/page.h>
#include <moka/remap.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define MAPPED 8u /* 2 MiB of them */

static const struct moka_hooks *moka;
static const struct moka_remap_hooks *remap;
static bool on_linux; /* by the library for it, where a snapshot is a copy */

static char *map(size_t size)
{
    char *at = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    tap_need(at != MAP_FAILED, "mmap");
    return (char *)(((uintptr_t)at + LARGE - 1) & ~(LARGE - 1));
}

static int64_t alias_one(int range, char *to, char *from, size_t size, uint32_t flags)
{
    const struct moka_pair pair = {to, from, size};

    return remap->alias(range, range, &pair, 1, flags);
}

static void test_errors(void)
{
    char *at = map(MAPPED * LARGE), *other = map(LARGE);
    int range = moka->range_open(at, MAPPED * LARGE);
    struct moka_pair ok = {at, at + LARGE, PAGE}, two[2];

    at[0] = 1, at[LARGE] = 2;
    OK(remap->alias(-1, range, &ok, 1, 0) == -EBADF, "no range for one place");
    OK(remap->alias(range, -1, &ok, 1, 0) == -EBADF, "nor for the other");
    OK(remap->alias(range, range, &ok, 1, MOKA_REMAP_QUIET) == -EINVAL, "another call's flag");
    OK(remap->alias(range, range, &ok, MOKA_PAIRS_MAX + 1, 0) == -E2BIG, "too many pairs");
    OK(remap->alias(range, range, NULL, 1, 0) == -EFAULT, "pairs nowhere");
    OK(remap->alias(range, range, &ok, 0, 0) == 0, "no pairs");
    OK(alias_one(range, at, at + LARGE, 0, 0) == -EINVAL, "nothing");
    OK(alias_one(range, at, at + LARGE, 100, 0) == -EINVAL, "not whole pages");
    OK(alias_one(range, at, at + PAGE, 2 * PAGE, 0) == -EINVAL, "places that overlap");
    OK(alias_one(range, at, at + MAPPED * LARGE, PAGE, 0) == -ERANGE, "beyond the range");
    OK(alias_one(range, other, at, PAGE, 0) == -ERANGE, "in no range");
    tap_need(munmap(at + 4 * LARGE, PAGE) == 0, "munmap");
    two[0] = ok;
    two[1] = (struct moka_pair){at + 2 * LARGE, at + 4 * LARGE, PAGE};
    OK(remap->alias(range, range, two, 2, 0) == -ENXIO, "not mapped");
    tap_need(mmap(at + 4 * LARGE, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE, memfd_create("file", 0),
                  0) != MAP_FAILED,
             "mmap of a file");
    OK(remap->alias(range, range, two, 2, 0) == -EOPNOTSUPP, "a file's");
    two[1] = (struct moka_pair){at + 3 * LARGE, at + 2 * LARGE, PAGE};
    OK(alias_one(range, at + 2 * LARGE, at + 5 * LARGE, PAGE, 0) == 1 &&
           remap->alias(range, range, two, 2, MOKA_ALIAS_SNAPSHOT) == -EBUSY,
       "a snapshot of what is shared");
    OK(at[0] == 1 && at[LARGE] == 2, "none of which has changed anything");
    moka->range_close(range);
}

static void test_snapshot(void)
{
    char *at = map(MAPPED * LARGE), *moved;
    int range = moka->range_open(at, MAPPED * LARGE), ends[2];
    struct moka_remap_info was, now;

    memset(at, 1, 2 * LARGE);
    remap->info(&was, sizeof(was));
    OK(alias_one(range, at + 2 * LARGE, at, 2 * LARGE, MOKA_ALIAS_SNAPSHOT) == 1 &&
           at[4 * LARGE - 1] == 1,
       "a snapshot");
    at[PAGE] = 2, at[2 * LARGE + 3 * PAGE] = 3;
    OK(at[2 * LARGE + PAGE] == 1 && at[3 * PAGE] == 1, "neither sees what the other one writes");
    remap->info(&now, sizeof(now));
    OK(on_linux ? now.copies == was.copies : now.copies - was.copies >= 2, "which is counted");
    OK(now.shootdowns - was.shootdowns <= 1, "with one shoot-down at most");
    tap_need(pipe(ends) == 0 && write(ends[1], "abcd", 4) == 4, "pipe");
    OK(read(ends[0], at + 5 * PAGE - 2, 4) == 4 && at[5 * PAGE] == 'c' &&
           at[2 * LARGE + 5 * PAGE] == 1 && at[2 * LARGE + 5 * PAGE - 1] == 1,
       "nor what read(2) does");
    OK(mprotect(at, 2 * LARGE, PROT_READ) == 0 &&
           mprotect(at, 2 * LARGE, PROT_READ | PROT_WRITE) == 0,
       "mprotect");
    at[LARGE] = 4;
    OK(at[3 * LARGE] == 1, "which gives no right to write to a snapshot");
    OK(madvise(at, LARGE, MADV_DONTNEED) == 0 && at[0] == 0 && at[2 * LARGE] == 1,
       "MADV_DONTNEED empties one place");
    moved = mremap(at + 3 * LARGE, LARGE, LARGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 6 * LARGE);
    OK(moved == at + 6 * LARGE && moved[0] == 1, "mremap takes a snapshot elsewhere");
    at[LARGE + PAGE] = 5, moved[2 * PAGE] = 6;
    OK(moved[PAGE] == 1 && at[LARGE + 2 * PAGE] == 1, "where it stays one");
    close(ends[0]);
    close(ends[1]);
    munmap(at, MAPPED * LARGE);
    moka->range_close(range);
}

static void test_shared(void)
{
    volatile char *at = map(MAPPED * LARGE);
    int range = moka->range_open((char *)at, MAPPED * LARGE);

    at[0] = 1;
    OK(alias_one(range, (char *)at + 2 * LARGE, (char *)at, 2 * LARGE, MOKA_ALIAS_SHARED) == 1,
       "shared");
    at[1] = 2, at[2 * LARGE + 2] = 3, at[4 * LARGE - 1] = 4;
    OK(at[2 * LARGE] == 1 && at[2 * LARGE + 1] == 2 && at[2] == 3 && at[2 * LARGE - 1] == 4,
       "each place sees what is written at the other");
    tap_need(munmap((char *)at, 2 * LARGE) == 0, "munmap");
    OK(at[2 * LARGE] == 1 && at[4 * LARGE - 1] == 4, "one place outlives the other");
    munmap((char *)at + 2 * LARGE, (MAPPED - 2) * LARGE);
    moka->range_close(range);
}

/* ---- A checkpoint beside writers ------------------------------------------------------------- */

/*
 * Two accounts in each of many pages, whose sum is always the same but between a
 * writer's two writes.  A snapshot is of one moment: in it, at most as many sums as there
 * are writers are off, and so they stay.
 */
#define WRITERS 3u
#define ACCOUNTS (2 * 512u)
#define SUM 1000000ul

static struct {
    char *at;
    int stop;
} bank;

static uint64_t *account(char *at, uint64_t i)
{
    return (uint64_t *)(at + i % ACCOUNTS * PAGE);
}

/* Each account is one writer's: those whose number leaves the writer's when divided by WRITERS. */
static void *transfer(void *arg)
{
    uint64_t n = (uintptr_t)arg;

    while (!__atomic_load_n(&bank.stop, __ATOMIC_RELAXED)) {
        volatile uint64_t *a = account(bank.at, n), *b = account(bank.at + ACCOUNTS * PAGE, n);

        *a -= 1, *b += 1;
        n = n + 7 * WRITERS < ACCOUNTS ? n + 7 * WRITERS
                                       : (n * 5 + 1) % 7 * WRITERS + (uintptr_t)arg;
    }
    return NULL;
}

static uint64_t sums_off(char *at)
{
    uint64_t off = 0;

    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        off += *account(at, i) + *account(at + ACCOUNTS * PAGE, i) != SUM;
    }
    return off;
}

static void test_checkpoint(void)
{
    const size_t size = 2 * ACCOUNTS * PAGE;
    char *at = map(2 * size);
    int range = moka->range_open(at, 2 * size);
    pthread_t writer[WRITERS];
    time_t end = time(NULL) + 4;
    uint64_t bad = 0, worst = 0;

    bank.at = at;
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        *account(at, i) = SUM;
    }
    for (uintptr_t i = 0; i < WRITERS; i++) {
        tap_need(pthread_create(&writer[i], NULL, transfer, (void *)i) == 0, "a thread");
    }
    for (unsigned i = 0; i < 50 && time(NULL) < end; i++) {
        uint64_t off;

        bad += alias_one(range, at + size, at, size, MOKA_ALIAS_SNAPSHOT) != 1;
        off = sums_off(at + size);
        worst = off > worst ? off : worst;
        usleep(500);
        bad += sums_off(at + size) != off;
    }
    __atomic_store_n(&bank.stop, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writer[i], NULL);
    }
    OK(bad == 0, "snapshots stay as they are while threads write");
    OK(on_linux || worst <= WRITERS, "and are of one moment");
    OK(sums_off(at) == 0, "and no write is lost");
    munmap(at, 2 * size);
    moka->range_close(range);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double time_writes(char *at, size_t size, size_t step)
{
    double start = now_us();

    for (size_t i = 0; i < size; i += step) {
        at[i]++;
    }
    return now_us() - start;
}

/* Of first writes after a snapshot: the second time, so that the host has the memory. */
static double time_first_writes(int range, char *a, char *b, size_t size, size_t step)
{
    double time = 0;

    for (unsigned i = 0; i < 2; i++) {
        tap_need(madvise(b, size, MADV_DONTNEED) == 0, "madvise");
        memset(a, 1, size);
        moka->page->join(range, a, size);
        tap_need(alias_one(range, b, a, size, MOKA_ALIAS_SNAPSHOT) == 1, "alias");
        time = time_writes(a, size, step);
    }
    return time;
}

static void test_time(size_t size)
{
    char *a = map(size), *b = map(size);
    int range = moka->range_open(a < b ? a : b, (size_t)(a < b ? b - a : a - b) + size);
    double start, taken, copied;

    memset(a, 1, size);
    memset(b, 2, size);
    start = now_us();
    memcpy(b, a, size);
    copied = now_us() - start;
    start = now_us();
    tap_need(alias_one(range, b, a, size, MOKA_ALIAS_SNAPSHOT) == 1, "alias");
    taken = now_us() - start;
    printf("# snapshot of %lu MiB: %.0f us; a copy %.0f us\n", (unsigned long)(size >> 20), taken,
           copied);
    printf("# first writes to 1 %% of the pages %.0f us, to all %.0f us\n",
           time_first_writes(range, a, b, size, 101 * PAGE),
           time_first_writes(range, a, b, size, PAGE));
    munmap(a, size);
    munmap(b, size);
    moka->range_close(range);
}

int main(int argc, char **argv)
{
    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL || moka->remap == NULL || moka->remap->alias(-1, -1, NULL, 0, 0) == -ENOSYS) {
        OK(true, "a system that makes no aliases, or a static program: none are found");
        return tap_end();
    }
    remap = moka->remap;
    on_linux = hooks_for_linux(moka);
    test_errors();
    test_snapshot();
    test_shared();
    test_checkpoint();
    for (int i = 1; i < argc; i++) {
        test_time((size_t)atol(argv[i]) << 20);
    }
    return tap_end();
}
