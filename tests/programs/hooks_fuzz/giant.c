/* SPDX-License-Identifier: MIT */
/*
 * A page of 1 GiB, where the machine has one: each thread has a quarter of it and knows
 * what is in each window of 2 MiB there, while any of them makes smaller pages of
 * it and puts them together again.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#define GIANT MOKA_SIZE_1G
#define WINDOWS 128u  /* of a thread */
#define SECOND 300u   /* the page of a window that has its value, too */
#define RARELY 24u    /* calls that work on all of it, which take a second on some machines */
#define FEW 12u       /* windows of a call */
#define FREE_LEAST 5u /* halves of a GiB: the page, and what it is copied into */
#define RW (PROT_READ | PROT_WRITE)

static struct {
    char *mapped, *at;
    int range;
    uint64_t value[THREADS][WINDOWS]; /* each its own thread's */
    bool clean[THREADS][WINDOWS];
} giant;

static bool is_wanted(void)
{
    struct moka_range_stats stats;
    struct sysinfo info;
    bool has = false;
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int range = page == MAP_FAILED ? -1 : moka->range_open(page, PAGE);

    if (range >= 0) {
        has = moka->large->stats(range, &stats) == 0 && (stats.page_sizes & GIANT) != 0;
        moka->range_close(range);
    }
    munmap(page, PAGE);
    return has && sysinfo(&info) == 0 && info.freeram * info.mem_unit >= FREE_LEAST * (GIANT / 2);
}

void giant_init(void)
{
    if (!is_wanted()) {
        return;
    }
    giant.mapped = mmap(NULL, 2 * GIANT, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (giant.mapped == MAP_FAILED) {
        abort();
    }
    giant.at = (char *)(((uintptr_t)giant.mapped + GIANT - 1) & ~(GIANT - 1));
    giant.range = moka->range_open(giant.at, GIANT);
    puts("# with a page of 1 GiB");
}

void giant_end(void)
{
    if (giant.at != NULL) {
        moka->range_close(giant.range);
        munmap(giant.mapped, 2 * GIANT);
    }
}

/* ---- Windows -------------------------------------------------------------------------------- */

static uint64_t self(const struct part *part)
{
    return (uint64_t)(part - parts);
}

static char *window_at(const struct part *part, uint64_t window)
{
    return giant.at + (self(part) * WINDOWS + window) * LARGE;
}

static void write_windows(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        uint64_t value = any(part, 1ul << 30) + 1;

        *(uint64_t *)window_at(part, i) = value;
        *(uint64_t *)(window_at(part, i) + SECOND * PAGE) = value;
        giant.value[self(part)][i] = value;
        giant.clean[self(part)][i] = false;
    }
}

static void check_windows(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        uint64_t first = *(const uint64_t *)window_at(part, i);
        uint64_t second = *(const uint64_t *)(window_at(part, i) + SECOND * PAGE);
        uint64_t wanted = giant.value[self(part)][i];

        if (first != wanted || second != wanted) {
            fail(part, "another value in the GiB", i);
            printf("# %lx and %lx, not %lx\n", (unsigned long)first, (unsigned long)second,
                   (unsigned long)wanted);
        }
    }
}

static void copy_values(struct part *part, uint64_t to, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        giant.value[self(part)][to + i] = giant.value[self(part)][from + i];
        giant.clean[self(part)][to + i] = false;
    }
}

static void clear_values(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        giant.value[self(part)][i] = 0;
        giant.clean[self(part)][i] = true; /* whatever was there */
    }
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static void swap_values(struct part *part, uint64_t to, uint64_t from, uint64_t count)
{
    uint64_t *value = giant.value[self(part)];

    for (uint64_t i = 0; i < count; i++) {
        uint64_t old = value[to + i];

        value[to + i] = value[from + i];
        value[from + i] = old;
        giant.clean[self(part)][to + i] = giant.clean[self(part)][from + i] = false;
    }
}

static void remap(struct part *part, uint64_t to, uint64_t from, uint64_t count)
{
    struct moka_pair pair = {window_at(part, to), window_at(part, from), count * LARGE};
    int range = giant.range;

    if (to < from + count && from < to + count) {
        return;
    }
    switch (any(part, 3)) {
    case 0:
        part->what = "a swap in the GiB";
        need(part, moka->remap->swap(range, range, &pair, 1, 0), 1);
        swap_values(part, to, from, count);
        break;
    case 1:
        part->what = "a move in the GiB";
        need(part, moka->remap->move(range, range, &pair, 1, MOKA_MOVE_ZERO), 1);
        copy_values(part, to, from, count);
        clear_values(part, from, count);
        break;
    default:
        part->what = "a snapshot in the GiB";
        need(part, moka->remap->alias(range, range, &pair, 1, MOKA_ALIAS_SNAPSHOT), 1);
        copy_values(part, to, from, count);
    }
}

static void lose(struct part *part, uint64_t at, uint64_t count)
{
    part->what = "a loss in the GiB";
    if (any(part, 2) == 0) {
        need(part, madvise(window_at(part, at), count * LARGE, MADV_DONTNEED), 0);
    } else {
        need_count(part, moka->large->discard(giant.range, window_at(part, at), count * LARGE), 0,
                   count * LARGE);
    }
    clear_values(part, at, count);
}

/* What was written to is told of; a page that others share is cleared by none of them. */
static void scan(struct part *part)
{
    uint64_t bits[WINDOWS / 64];
    struct moka_scan request = {
        window_at(part, 0), WINDOWS * LARGE, LARGE, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR, bits,
        WINDOWS / 64};

    part->what = "a scan in the GiB";
    need_count(part, moka->page->scan(giant.range, &request), 0, WINDOWS);
    for (uint64_t i = 0; i < WINDOWS; i++) {
        if (!giant.clean[self(part)][i] && giant.value[self(part)][i] != 0 &&
            (bits[i / 64] >> i % 64 & 1) == 0) {
            fail(part, "a window is not told of", i);
        }
        giant.clean[self(part)][i] = true;
    }
}

static void protect(struct part *part, uint64_t at, uint64_t count)
{
    char *start = window_at(part, at) + any(part, 2) * 7 * PAGE;
    size_t size = any(part, 2) == 0 ? count * LARGE - 9 * PAGE : PAGE;

    part->what = "protection in the GiB";
    need(part, mprotect(start, size, PROT_READ), 0);
    check_windows(part, at, count);
    need(part, mprotect(start, size, RW), 0);
}

/* A part of it becomes smaller, or larger, or has its frames. */
static void change_sizes(struct part *part, uint64_t at, uint64_t count)
{
    char *start = window_at(part, at);
    uint64_t size = count * LARGE;

    part->what = "sizes in the GiB";
    switch (any(part, 4)) {
    case 0:
        need_count(part, moka->page->split(giant.range, start, size), 0, WINDOWS);
        break;
    case 1:
        need_count(part,
                   moka->large->demote(giant.range, start, size,
                                       any(part, 2) == 0 ? MOKA_SIZE_4K : MOKA_SIZE_2M),
                   0, WINDOWS);
        break;
    case 2:
        need_made(part, moka->large->promote(giant.range, start, size, MOKA_SIZE_2M), count);
        break;
    default:
        need_count(part, moka->large->populate(giant.range, start, size, 0, 2), 0, size);
    }
}

/* All of it, beside what the others do: it may not be had just now. */
static void change_all(struct part *part)
{
    int64_t got;

    part->what = "all of the GiB";
    switch (any(part, 6)) {
    case 0:
        got = moka->large->populate(giant.range, giant.at, GIANT, 0, (unsigned)any(part, 3));
        need_count(part, got, 0, GIANT);
        return;
    case 1:
    case 2:
        got = moka->large->promote(giant.range, giant.at, GIANT, GIANT);
        break;
    case 3:
        got = moka->large->policy(giant.range, giant.at, GIANT, GIANT, MOKA_LARGE_REQUIRE);
        break;
    case 4:
        got = moka->large->policy(giant.range, giant.at, GIANT, GIANT, MOKA_LARGE_PREFER);
        break;
    default:
        got = moka->large->policy(giant.range, giant.at, GIANT, GIANT, MOKA_LARGE_DEFAULT);
    }
    if (got != -ENOMEM && got != -EINVAL) {
        need_count(part, got, 0, 1);
    }
}

void call_giant(struct part *part)
{
    uint64_t at = any(part, WINDOWS - FEW), count = 1 + any(part, FEW);

    if (giant.at == NULL) {
        return;
    }
    if (any(part, RARELY) == 0) {
        change_all(part);
    }
    switch (any(part, 8)) {
    case 0:
    case 1:
        write_windows(part, at, count);
        break;
    case 2:
        remap(part, at, any(part, WINDOWS - FEW), count);
        break;
    case 3:
        lose(part, at, count);
        break;
    case 4:
        scan(part);
        break;
    case 5:
        protect(part, at, count);
        break;
    default:
        change_sizes(part, at, count);
    }
    check_windows(part, any(part, WINDOWS - FEW), FEW);
}
