/* SPDX-License-Identifier: MIT */
/*
 * Rows of page sizes, and of what Linux's own calls take for the same: madvise(2)
 * with MADV_COLLAPSE and MADV_POPULATE_WRITE, mmap(2) with MAP_POPULATE.
 */
#include <errno.h>
#include <moka/large.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static int64_t promote(const struct row *row)
{
    return bench.moka->large->promote(bench.range, bench.at, bench.size, MOKA_SIZE_2M);
}

static int64_t demote(const struct row *row)
{
    return bench.moka->large->demote(bench.range, bench.at, bench.size, MOKA_SIZE_4K);
}

static int64_t populate(const struct row *row)
{
    return bench.moka->large->populate(bench.range, bench.at, bench.size, row->flags,
                                       (unsigned)row->pairs);
}

static int64_t discard(const struct row *row)
{
    return bench.moka->large->discard(bench.range, bench.at, bench.size);
}

static int64_t collapse(const struct row *row)
{
    return madvise(bench.at, bench.size, MADV_COLLAPSE) == 0 ? 0 : -errno;
}

static int64_t advise_populate(const struct row *row)
{
    return madvise(bench.at, bench.size, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;
}

/* At the place itself, whose advice for large pages is gone then: it takes pages as Linux's default
 * has them. */
static int64_t map_populate(const struct row *row)
{
    void *at = mmap(bench.at, bench.size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);

    return at == MAP_FAILED ? -errno : 0;
}

static int64_t copy(const struct row *row)
{
    memcpy(bench.at, bench.other, bench.size);
    return 0;
}

static int64_t before_promote(const struct row *row)
{
    return make_small() ? 0 : -EOPNOTSUPP;
}

/* Pages that never were one: their frames come one by one, and have to be copied. */
static int64_t before_promote_loose(const struct row *row)
{
    const struct moka_large_hooks *large = bench.moka->large;
    int64_t error = large->policy(bench.range, bench.at, bench.size, LARGE, MOKA_LARGE_REFUSE);

    if (error >= 0) {
        error = large->discard(bench.range, bench.at, bench.size);
    }
    if (error >= 0) {
        error = large->populate(bench.range, bench.at, bench.size, 0, 1);
    }
    return error < 0 ? error
                     : large->policy(bench.range, bench.at, bench.size, LARGE, MOKA_LARGE_PREFER);
}

static int64_t before_demote(const struct row *row)
{
    return make_large() ? 0 : -EOPNOTSUPP;
}

static int64_t before_populate(const struct row *row)
{
    return madvise(bench.at, bench.size, MADV_DONTNEED) == 0 ? 0 : -errno;
}

static int64_t before_discard(const struct row *row)
{
    return advise_populate(row);
}

/* Given back by name, so that it may be had again as it is. */
static int64_t before_unzeroed(const struct row *row)
{
    int64_t error = before_discard(row);

    return error < 0 ? error : discard(row);
}

void run_large(void)
{
    static const struct row rows[] = {
        {"promote", before_promote, promote, 1, 0, 0, 0},
        {"promote/loose", before_promote_loose, promote, 1, 0, 0, 0},
        {"collapse", before_promote_loose, collapse, 1, 0, 0, 0},
        {"demote", before_demote, demote, 1, 0, 0, 0},
        {"populate/1", before_populate, populate, 1, 0, 1, 0},
        {"populate/all", before_populate, populate, 1, 0, 0, 0},
        {"populate/unzeroed", before_unzeroed, populate, 1, 0, 1, MOKA_POPULATE_UNZEROED},
        {"populate/advice", before_populate, advise_populate, 1, 0, 0, 0},
        {"discard", before_discard, discard, 1, 0, 0, 0},
        {"copy/all", before_discard, copy, 1, 0, 0, 0},
        {"populate/map", before_populate, map_populate, 1, 0, 0, 0},
    };

    if (bench.moka->large == NULL ||
        bench.moka->large->policy(bench.range, bench.at, bench.size, MOKA_SIZE_2M,
                                  MOKA_LARGE_PREFER) < 0) {
        puts("skip promote this system has none of it");
        return;
    }
    RUN_ROWS(rows);
    /* As the other rows have it. */
    madvise(bench.at, bench.size, MADV_HUGEPAGE);
    before_discard(rows);
}
