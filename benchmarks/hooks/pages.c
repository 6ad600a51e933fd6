/* SPDX-License-Identifier: MIT */
/*
 * Rows of page tables: query, scans, and what a scan that clears costs the
 * writers after it.  Beside them Linux's soft-dirty bits, where the kernel has
 * them: what was written to is read from /proc/self/pagemap and taken back by
 * /proc/self/clear_refs, for the whole process and in two steps.
 */
#include <errno.h>
#include <fcntl.h>
#include <moka/page.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define SOFT_DIRTY (1ull << 55) /* in an entry of /proc/self/pagemap */
#define ENTRIES 8192ul          /* read at a time */

static int64_t scan(const struct row *row)
{
    const struct moka_scan request = {.start = bench.at,
                                      .size = bench.size,
                                      .grain = (uint32_t)row->size,
                                      .flags = row->flags,
                                      .bitmap = bench.bitmap,
                                      .words = (bench.size / row->size + 63) / 64};

    return bench.moka->page->scan(bench.range, &request);
}

static int64_t query(const struct row *row)
{
    struct moka_page page;

    return bench.moka->page->query(bench.range, bench.at + bench.size / 2, &page);
}

/* One page in a hundred, in no order. */
static int64_t write_some(const struct row *row)
{
    size_t pages = bench.size / PAGE;

    for (size_t i = 0; i < pages / 100; i++) {
        *(volatile char *)(bench.at + i * 2654435761ul % pages * PAGE) = 1;
    }
    return 0;
}

/* What that costs itself, as each first write after a clear does. */
static int64_t write_some_timed(const struct row *row)
{
    write_some(row);
    return 0;
}

static const struct row clear_all = {
    .size = PAGE, .flags = MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR, .call = scan};

static int64_t clear_before(const struct row *row)
{
    return scan(&clear_all);
}

/* All of 2 MiB pages, of which one in a hundred is written to. */
static int64_t write_some_large(const struct row *row)
{
    int64_t result = make_large() ? clear_before(row) : -EOPNOTSUPP;

    for (size_t at = 0; at < bench.size; at += 100 * LARGE) {
        *(volatile char *)(bench.at + at) = 1;
    }
    return result;
}

/* ---- Soft-dirty ------------------------------------------------------------------------------ */

static int pagemap = -1, clear_refs = -1;

static bool is_soft_dirty(const void *at)
{
    uint64_t entry = 0;

    return pread(pagemap, &entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * sizeof(entry))) ==
               sizeof(entry) &&
           (entry & SOFT_DIRTY) != 0;
}

static bool clear_soft(void)
{
    return pwrite(clear_refs, "4", 1, 0) == 1;
}

/* A kernel without them has the files, but says of each page the same. */
static bool have_soft_dirty(void)
{
    volatile char *page = bench.at;
    bool clean;

    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (pagemap < 0 || clear_refs < 0 || !clear_soft()) {
        return false;
    }
    clean = !is_soft_dirty(bench.at);
    *page = 1;
    return clean && is_soft_dirty(bench.at);
}

static int64_t scan_soft(const struct row *row)
{
    static uint64_t entries[ENTRIES];
    int64_t found = 0;

    for (size_t page = 0; page < bench.size / PAGE; page += ENTRIES) {
        size_t left = bench.size / PAGE - page, count = left < ENTRIES ? left : ENTRIES;
        off_t from = (off_t)(((uintptr_t)bench.at / PAGE + page) * sizeof(entries[0]));

        if (pread(pagemap, entries, count * sizeof(entries[0]), from) < 0) {
            return -errno;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t bit = 1ull << i % 64, *word = &bench.bitmap[(page + i) / 64];

            *word = (entries[i] & SOFT_DIRTY) != 0 ? *word | bit : *word & ~bit;
            found += (entries[i] & SOFT_DIRTY) != 0;
        }
    }
    return clear_soft() ? found : -errno;
}

static void run_soft_dirty(void)
{
    static const struct row row = {"clear/soft", write_some, scan_soft, 1, PAGE, 0, 0};

    if (have_soft_dirty()) {
        run_row(&row);
    } else {
        puts("skip clear/soft this kernel has none");
    }
}

/* ---- All of it --------------------------------------------------------------------------------
 */

void run_pages(void)
{
    static const struct row large[] = {
        {"scan/large", NULL, scan, 1, LARGE, 0, MOKA_SCAN_DIRTY},
        {"clear/large", write_some_large, scan, 1, LARGE, 0, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR},
    };
    static const struct row small[] = {
        {"query", NULL, query, 1000, PAGE, 0, 0},
        {"scan/present", NULL, scan, 1, PAGE, 0, MOKA_SCAN_PRESENT},
        {"scan/dirty", write_some, scan, 1, PAGE, 0, MOKA_SCAN_DIRTY},
        {"clear/4k", write_some, scan, 1, PAGE, 0, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR},
        {"clear/2m", write_some, scan, 1, LARGE, 0, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR},
        {"write/first", clear_before, write_some_timed, 1, PAGE, 0, 0},
        {"write/again", NULL, write_some_timed, 1, PAGE, 0, 0},
    };

    if (make_large()) {
        scan(&clear_all); /* the first finds all */
        RUN_ROWS(large);
    }
    if (make_small()) {
        scan(&clear_all);
        RUN_ROWS(small);
        run_soft_dirty();
    }
}
