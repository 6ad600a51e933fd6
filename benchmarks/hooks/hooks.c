/* SPDX-License-Identifier: MIT */
/*
 * The hooks, measured by nothing but their own functions: the same file runs in
 * Moka and, with the library for Linux preloaded, on Linux.
 *
 *   hooks MIB MS   memory of so many MiB, so long for each row
 *
 * Memory is touched before anything is timed, and kept: what the host has to
 * supply to a virtual machine is no part of a hook's cost.  A row's unit is the
 * time of one call; "sample" and "skip" lines are as in benchmarks/micro.
 */
#include <errno.h>
#include <moka/hooks.h>
#include <moka/large.h>
#include <moka/page.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096ul
#define LARGE (2ul << 20)
#define SAMPLES_LEAST 3
#define SAMPLES_MOST 200
#define CLEAR_DIRTY (MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR)

static const struct moka_hooks *moka;
static struct {
    size_t size; /* of the memory */
    double budget;
    char *at;
    int range;
    uint64_t *bitmap;
} state;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void need(bool good, const char *what, int64_t result)
{
    if (!good) {
        fprintf(stderr, "hooks: %s: %s\n", what, strerror((int)-result));
        exit(1);
    }
}

/* ---- Rows -------------------------------------------------------------------------------- */

struct row {
    const char *name;
    void (*prepare)(void); /* before each call, not timed; may be NULL */
    int64_t (*call)(void);
    unsigned calls; /* a sample's: for what is shorter than the clock tells */
};

static void run(const struct row *row)
{
    double end = now_ns() + state.budget;

    for (unsigned i = 0; i < SAMPLES_MOST && (i < SAMPLES_LEAST || now_ns() < end); i++) {
        double start;
        int64_t result = 0;

        if (row->prepare != NULL) {
            row->prepare();
        }
        start = now_ns();
        for (unsigned n = 0; n < row->calls && result >= 0; n++) {
            result = row->call();
        }
        if (result < 0) {
            printf("skip %s %s\n", row->name, strerror((int)-result));
            return;
        }
        printf("sample %s ns %.3f\n", row->name, (now_ns() - start) / row->calls);
    }
    fflush(stdout);
}

static int64_t scan(unsigned grain, unsigned flags)
{
    const struct moka_scan request = {.start = state.at,
                                      .size = state.size,
                                      .grain = grain,
                                      .flags = flags,
                                      .bitmap = state.bitmap,
                                      .words = (state.size / grain + 63) / 64};

    return moka->page->scan(state.range, &request);
}

static int64_t scan_present(void)
{
    return scan(PAGE, MOKA_SCAN_PRESENT);
}

static int64_t scan_dirty(void)
{
    return scan(PAGE, MOKA_SCAN_DIRTY);
}

static int64_t clear_small(void)
{
    return scan(PAGE, CLEAR_DIRTY);
}

static int64_t clear_large(void)
{
    return scan(LARGE, CLEAR_DIRTY);
}

static int64_t query(void)
{
    struct moka_page page;

    return moka->page->query(state.range, state.at + state.size / 2, &page);
}

/* One page in a hundred, in no order. */
static void write_some(void)
{
    size_t pages = state.size / PAGE;

    for (size_t i = 0; i < pages / 100; i++) {
        *(volatile char *)(state.at + i * 2654435761ul % pages * PAGE) = 1;
    }
}

/* What that costs itself, as each first write after a clear does. */
static int64_t write_some_timed(void)
{
    write_some();
    return 0;
}

static void clear_before(void)
{
    need(clear_small() >= 0, "scan", -EIO);
}

static int64_t promote(void)
{
    return moka->large->promote(state.range, state.at, state.size, MOKA_SIZE_2M);
}

static int64_t demote(void)
{
    return moka->large->demote(state.range, state.at, state.size, MOKA_SIZE_4K);
}

static void make_large(void)
{
    int64_t result = promote();

    need(result >= 0, "promote", result);
}

static void make_small(void)
{
    int64_t result = demote();

    need(result >= 0, "demote", result);
}

static int64_t populate(void)
{
    return moka->large->populate(state.range, state.at, state.size, 0, 1);
}

static int64_t discard(void)
{
    return moka->large->discard(state.range, state.at, state.size);
}

static void make_empty(void)
{
    int64_t result = discard();

    need(result >= 0, "discard", result);
}

static void make_full(void)
{
    int64_t result = populate();

    need(result >= 0, "populate", result);
}

static char *copy_from;

static int64_t copy(void)
{
    memcpy(state.at, copy_from, state.size / 2);
    return 0;
}

/* ---- Groups ------------------------------------------------------------------------------ */

static void run_all(const struct row *row, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        run(&row[i]);
    }
}

#define RUN_ALL(rows) run_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void run_pages(void)
{
    static const struct row rows[] = {
        {"query", NULL, query, 1000},
        {"scan/present", NULL, scan_present, 1},
        {"scan/dirty", write_some, scan_dirty, 1},
        {"clear/4k", write_some, clear_small, 1},
        {"clear/2m", write_some, clear_large, 1},
        {"write/first", clear_before, write_some_timed, 1},
        {"write/again", NULL, write_some_timed, 1},
    };

    need(moka->page->split(state.range, state.at, state.size) >= 0, "split", -EIO);
    need(clear_small() >= 0, "scan", -EIO); /* the first finds all */
    RUN_ALL(rows);
}

static void run_large(void)
{
    static const struct row rows[] = {
        {"promote", make_small, promote, 1},   {"demote", make_large, demote, 1},
        {"populate", make_empty, populate, 1}, {"discard", make_full, discard, 1},
        {"copy/half", make_full, copy, 1},
    };
    int64_t made;

    if (moka->large == NULL || (made = moka->large->policy(state.range, state.at, state.size,
                                                           MOKA_SIZE_2M, MOKA_LARGE_PREFER)) < 0) {
        puts("skip promote this system has none of it");
        return;
    }
    make_full();
    copy_from = state.at + state.size / 2;
    RUN_ALL(rows);
}

int main(int argc, char **argv)
{
    unsigned long mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long ms = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    char *mapped;

    if (mib < 4 || mib % 2 != 0 || mib > 1ul << 20 || ms == 0 || ms > 1000000) {
        fputs("usage: hooks MIB MS: an even number of MiB, at least 4\n", stderr);
        return 2;
    }
    moka = moka_hooks_find();
    need(moka != NULL && moka->page != NULL, "no hooks are found", -ENOSYS);
    state.size = mib << 20;
    state.budget = (double)ms * 1e6;
    mapped =
        mmap(NULL, state.size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(mapped != MAP_FAILED, "mmap", -errno);
    state.at = (char *)(((uintptr_t)mapped + LARGE - 1) & ~(LARGE - 1));
    state.bitmap = calloc(state.size / PAGE / 64 + 1, sizeof(*state.bitmap));
    need(state.bitmap != NULL, "calloc", -ENOMEM);
    state.range = moka->range_open(state.at, state.size);
    need(state.range >= 0, "range_open", state.range);
    madvise(state.at, state.size, MADV_HUGEPAGE);
    memset(state.at, 1, state.size);
    memset(state.at, 2, state.size);
    run_pages();
    run_large();
    puts("end");
    return 0;
}
