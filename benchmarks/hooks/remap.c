/* SPDX-License-Identifier: MIT */
/*
 * Rows of swap and move beside memcpy(3): one pair, and batches whose pairs lie
 * scattered over all of the memory.  Before each call both places are accessed, each page
 * or each 2 MiB: of what no processor knows, none has to forget it.  "touched": such an
 * access is in the time, too, since a processor has to learn of each new entry.  "quiet":
 * the call may copy what is too small to pay.
 *
 * mremap(2) itself is a row too: one call for each pair, to a place that is empty.
 */
#include <errno.h>
#include <moka/remap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define PAIRS_MOST 512u

static struct moka_pair pairs[PAIRS_MOST];
static bool small;   /* all of 4 KiB pages */
static size_t shift; /* of one place of each pair */

/* Without a shift both places of a pair are as far from a multiple of 1 GiB. */
static int64_t scatter(const struct row *row)
{
    size_t unit = row->size < LARGE ? PAGE : LARGE;
    size_t stride = bench.size / row->pairs / unit * unit;

    for (unsigned i = 0; i < row->pairs; i++) {
        pairs[i] =
            (struct moka_pair){bench.at + i * stride, bench.other + i * stride + shift, row->size};
    }
    return 0;
}

static void access_all(const struct row *row)
{
    size_t step = row->size < LARGE ? PAGE : LARGE;

    for (unsigned i = 0; i < row->pairs; i++) {
        for (size_t at = 0; at < row->size; at += step) {
            ++*(volatile char *)((char *)pairs[i].to + at);
            ++*(volatile char *)((char *)pairs[i].from + at);
        }
    }
}

static int64_t scatter_accessed(const struct row *row)
{
    scatter(row);
    access_all(row);
    return 0;
}

static int64_t all_done(const struct row *row, int64_t result)
{
    return result < 0 ? result : result == (int64_t)row->pairs ? 0 : -EIO;
}

static int64_t swap(const struct row *row)
{
    return all_done(row, bench.moka->remap->swap(bench.range, bench.range_other, pairs, row->pairs,
                                                 row->flags));
}

static int64_t swap_touched(const struct row *row)
{
    int64_t result = swap(row);

    access_all(row);
    return result;
}

static int64_t swap_by_copying(const struct row *row)
{
    char buffer[PAGE];

    for (unsigned i = 0; i < row->pairs; i++) {
        for (size_t at = 0; at < row->size; at += PAGE) {
            memcpy(buffer, (char *)pairs[i].to + at, PAGE);
            memcpy((char *)pairs[i].to + at, (char *)pairs[i].from + at, PAGE);
            memcpy((char *)pairs[i].from + at, buffer, PAGE);
        }
    }
    return 0;
}

static int64_t copy(const struct row *row)
{
    for (unsigned i = 0; i < row->pairs; i++) {
        memcpy(pairs[i].to, pairs[i].from, row->size);
    }
    return 0;
}

static int64_t move(const struct row *row)
{
    return all_done(row, bench.moka->remap->move(bench.range, bench.range_other, pairs, row->pairs,
                                                 row->flags));
}

/* What was moved away has left nothing. */
static int64_t fill(const struct row *row)
{
    scatter(row);
    for (unsigned i = 0; i < row->pairs; i++) {
        for (size_t at = 0; at < row->size; at += PAGE) {
            *((volatile char *)pairs[i].from + at) = 1;
        }
    }
    if (small) {
        make_small(); /* an empty 2 MiB got a page of that size */
    }
    access_all(row);
    return 0;
}

static int64_t fill_and_empty(const struct row *row)
{
    fill(row);
    for (unsigned i = 0; i < row->pairs; i++) {
        madvise(pairs[i].to, row->size, MADV_DONTNEED);
    }
    return 0;
}

static int64_t mremap_all(const struct row *row)
{
    for (unsigned i = 0; i < row->pairs; i++) {
        if (mremap(pairs[i].from, row->size, row->size,
                   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, pairs[i].to) == MAP_FAILED) {
            return -errno;
        }
    }
    return 0;
}

/* ---- Rows -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t (*prepare)(const struct row *row);
    int64_t (*call)(const struct row *row);
    uint32_t flags;
    bool repeated; /* each of many calls takes the same */
} ways[] = {
    {"swap", scatter_accessed, swap, 0, false},
    {"swap-touched", scatter_accessed, swap_touched, 0, false},
    {"swap-quiet", scatter_accessed, swap, MOKA_REMAP_QUIET, false},
    {"swap-copied", scatter_accessed, swap_by_copying, 0, true},
    {"copy", scatter_accessed, copy, 0, true},
    {"move", fill, move, MOKA_MOVE_ZERO, false},
    {"mremap", fill_and_empty, mremap_all, 0, false},
};

/* Each way, with so many pairs of a size: "swap/2m", or "swap/2m/256". */
static void run_size(const char *name, size_t size, unsigned count)
{
    char text[64];

    if (size + shift > bench.size / count) {
        return;
    }
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct row row = {.name = text,
                          .prepare = ways[i].prepare,
                          .call = ways[i].call,
                          .calls = ways[i].repeated && size * count < LARGE ? 64 : 1,
                          .size = size,
                          .pairs = count,
                          .flags = ways[i].flags};

        if (count == 1) {
            snprintf(text, sizeof(text), "%s/%s", ways[i].name, name);
        } else {
            snprintf(text, sizeof(text), "%s/%s/%u", ways[i].name, name, count);
        }
        run_row(&row);
    }
}

void run_remap(void)
{
    if (bench.moka->remap == NULL) {
        puts("skip swap/4k this system has none of it");
        return;
    }
    if (make_large()) {
        run_size("2m", LARGE, 1);
        run_size("2m", LARGE, 256);
        run_size("64m", 32 * LARGE, 1);
        run_size("64m", 32 * LARGE, 16);
        run_size("1g", GIGA, 1);
        shift = LARGE;
        run_size("1g-off", GIGA - LARGE, 1);
        shift = 0;
    }
    make_large();
    small = make_small();
    if (small) {
        run_size("2m-small", LARGE, 1);
        run_size("64m-small", 32 * LARGE, 1);
        run_size("4k", PAGE, 1);
        run_size("16k", 4 * PAGE, 1);
        run_size("64k", 16 * PAGE, 1);
        run_size("256k", 64 * PAGE, 1);
        run_size("512k", 128 * PAGE, 1);
        run_size("1m", 256 * PAGE, 1);
        run_size("4k", PAGE, 512);
        run_size("64k", 16 * PAGE, 512);
    }
}
