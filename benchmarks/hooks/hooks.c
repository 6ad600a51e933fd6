/* SPDX-License-Identifier: MIT */
/*
 * The hooks, measured by nothing but their own functions and what else there is to
 * do the same on Linux: the same files run in Moka and, with the library for Linux,
 * on Linux.
 *
 *   hooks MIB MS [GROUP...]   two areas of so many MiB, so long for each row
 *
 * Groups: pages, large, remap, alias, pressure; without one, all.  Before them comes a
 * loop of 2,000,000 instructions, which says what the clock counts where
 * QEMU makes it from them (-icount).
 */
#include "bench.h"

#include <errno.h>
#include <moka/large.h>
#include <moka/linux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SAMPLES_LEAST 3
#define SAMPLES_MOST 200

struct bench bench;

double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

void need(bool good, const char *what, int64_t result)
{
    if (!good) {
        fprintf(stderr, "hooks: %s: %s\n", what, strerror((int)-result));
        exit(1);
    }
}

void run_row(const struct row *row)
{
    double end = now_ns() + bench.budget;

    for (unsigned i = 0; i < SAMPLES_MOST && (i < SAMPLES_LEAST || now_ns() < end); i++) {
        double start, taken;
        int64_t result = 0;

        if (row->prepare != NULL) {
            result = row->prepare(row);
        }
        start = now_ns();
        for (unsigned n = 0; n < row->calls && result >= 0; n++) {
            result = row->call(row);
        }
        taken = now_ns() - start;
        if (result < 0) {
            printf("skip %s %s\n", row->name, strerror((int)-result));
            return;
        }
        printf("sample %s ns %.3f\n", row->name, taken / row->calls);
    }
    fflush(stdout);
}

void run_rows(const struct row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        run_row(&rows[i]);
    }
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Filled anew, for a Linux that does not tell of its pages, nor the library of them. */
static bool fill_anew(int advice)
{
    char *const areas[] = {bench.at, bench.other};

    for (unsigned i = 0; i < 2; i++) {
        if (madvise(areas[i], bench.size, advice) != 0 ||
            madvise(areas[i], bench.size, MADV_DONTNEED) != 0) {
            return false;
        }
        memset(areas[i], 2, bench.size);
        madvise(areas[i], bench.size, MADV_HUGEPAGE); /* they may become large by a call */
    }
    return true;
}

bool make_large(void)
{
    const struct moka_large_hooks *large = bench.moka->large;
    int64_t made =
        large == NULL ? -EOPNOTSUPP : large->promote(bench.range, bench.at, bench.size, LARGE);

    if (made >= 0) {
        made = large->promote(bench.range_other, bench.other, bench.size, LARGE);
    }
    return made >= 0 || (made == -EOPNOTSUPP && fill_anew(MADV_HUGEPAGE));
}

bool make_small(void)
{
    const struct moka_large_hooks *large = bench.moka->large;
    int64_t made =
        large == NULL ? -EOPNOTSUPP : large->demote(bench.range, bench.at, bench.size, PAGE);

    if (made >= 0) {
        made = large->demote(bench.range_other, bench.other, bench.size, PAGE);
    }
    return made >= 0 || (made == -EOPNOTSUPP && fill_anew(MADV_NOHUGEPAGE));
}

/* Touched twice: the second time a host that gave its own zeroes has given memory. */
static char *map_area(int *range)
{
    char *mapped, *at;

    mapped = mmap(NULL, bench.size + GIGA, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    need(mapped != MAP_FAILED, "mmap", -errno);
    at = (char *)(((uintptr_t)mapped + GIGA - 1) & ~(GIGA - 1));
    *range = bench.moka->range_open(at, bench.size);
    need(*range >= 0, "range_open", *range);
    madvise(at, bench.size, MADV_HUGEPAGE);
    memset(at, 1, bench.size);
    memset(at, 2, bench.size);
    return at;
}

static const struct moka_hooks *find_hooks(void)
{
#ifdef HOOKS_OF_LINUX /* linked with the library, for a Linux that has no other */
    return moka_linux_get(MOKA_HOOKS_VERSION);
#else
    return moka_hooks_find();
#endif
}

static int64_t loop(const struct row *row)
{
    unsigned long left = 1000000;

    __asm__ volatile("1: decq %0\n\tjnz 1b" : "+r"(left));
    return 0;
}

static const struct row calibration = {"loop", NULL, loop, 1, 0, 0, 0};

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"pages", run_pages}, {"large", run_large},       {"remap", run_remap},
    {"alias", run_alias}, {"pressure", run_pressure},
};

static bool is_wanted(const char *group, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], group) == 0) {
            return true;
        }
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    unsigned long mib = argc >= 3 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long ms = argc >= 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (mib < 4 || mib % 2 != 0 || mib > 1ul << 20 || ms == 0 || ms > 1000000) {
        fputs("usage: hooks MIB MS [GROUP...]: an even number of MiB, at least 4\n", stderr);
        return 2;
    }
    bench.moka = find_hooks();
    need(bench.moka != NULL && bench.moka->page != NULL, "no hooks are found", -ENOSYS);
    bench.size = mib << 20;
    bench.budget = (double)ms * 1e6;
    bench.bitmap = calloc(bench.size / PAGE / 64 + 1, sizeof(*bench.bitmap));
    need(bench.bitmap != NULL, "calloc", -ENOMEM);
    bench.at = map_area(&bench.range);
    bench.other = map_area(&bench.range_other);
    run_row(&calibration);
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (is_wanted(groups[i].name, argv + 3, argc - 3)) {
            groups[i].run();
        }
    }
    puts("end");
    return 0;
}
