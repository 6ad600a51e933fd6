/* SPDX-License-Identifier: MIT */
/*
 * Random calls of the hooks, and of mmap(2) and its like, from several threads,
 * beside a model that knows what every page must contain.
 *
 *   hooks_fuzz [SECONDS [SEED]]
 *
 * Each thread has a part of one mapping to itself, and a model of that: so it
 * knows the contents exactly, while the parts have windows of 2 MiB in common and
 * all threads' calls meet in the same regions, page tables and shoot-downs.  A
 * page's contents are two words, one at either end; 0 for a page that reads as
 * zeroes.  What a call may not do, beyond the ranges, is tried as well.
 */
#include "tap.h"

#include <dlfcn.h>
#include <moka/hooks.h>
#include <moka/page.h>
#include <moka/remap.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#pragma weak dlsym /* not in each static C library */

#define PAGE 4096ul
#define LARGE (512 * PAGE)
#define THREADS 4
#define PAGES 2500u /* of a thread's part: not whole windows */
#define UNKNOWN UINT64_MAX

static const struct moka_hooks *moka;

struct part {
    char *at;
    int range;
    uint64_t random;
    uint64_t model[PAGES], copy[PAGES];
    unsigned char clean[PAGES]; /* not written to since the last scan that cleared */
    uint64_t calls, wrong;
    const char *what; /* the call that was last */
};

static struct part parts[THREADS];
static time_t end_time;

static uint64_t any(struct part *part, uint64_t below)
{
    part->random = part->random * 6364136223846793005ul + 1442695040888963407ul;
    return (part->random >> 33) % below;
}

static void fail(struct part *part, const char *why, uint64_t page)
{
    if (part->wrong++ < 5) {
        printf("# part %ld, page %lu, after %s: %s\n", (long)(part - parts), (unsigned long)page,
               part->what, why);
    }
}

static void need(struct part *part, int64_t got, int64_t wanted)
{
    if (got != wanted) {
        fail(part, "another result", (uint64_t)got);
    }
}

static char *page_at(struct part *part, uint64_t page)
{
    return part->at + page * PAGE;
}

static void stamp(struct part *part, uint64_t page)
{
    uint64_t value = any(part, 1ul << 30) + 1;
    uint64_t *words = (uint64_t *)page_at(part, page);

    words[0] = words[511] = part->model[page] = value;
    part->clean[page] = 0;
}

static void check_page(struct part *part, uint64_t page)
{
    const uint64_t *words = (const uint64_t *)page_at(part, page);

    if (part->model[page] == UNKNOWN) {
        part->model[page] = words[0];
    }
    if (words[0] != part->model[page] || words[511] != part->model[page]) {
        fail(part, "another page, or a part of one", page);
        part->model[page] = words[0];
    }
}

/* Pages, or from a window's start on. */
static uint64_t any_place(struct part *part)
{
    uint64_t skew = (uintptr_t)part->at / PAGE % 512, place = any(part, PAGES);

    if (any(part, 3) == 0) {
        place = (place + skew) / 512 * 512;
        place = place < skew ? 0 : place - skew;
    }
    return place;
}

static uint64_t any_count(struct part *part, uint64_t most)
{
    uint64_t count = any(part, 3) == 0 ? 1 + any(part, most) : 1 + any(part, 24);

    count = any(part, 4) == 0 ? 512 : count;
    return count < most ? count : most;
}

/* ---- What calls do to the model ----------------------------------------------------------------
 */

static void zero_model(struct part *part, uint64_t at, uint64_t count)
{
    memset(&part->model[at], 0, count * sizeof(part->model[0]));
    memset(&part->clean[at], 0, count);
}

static void swap_model(struct part *part, uint64_t to, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t old = part->model[to + i];

        part->model[to + i] = part->model[from + i];
        part->model[from + i] = old;
        part->clean[to + i] = part->clean[from + i] = 0;
    }
}

static void move_model(struct part *part, uint64_t to, uint64_t from, uint64_t count, uint64_t left)
{
    memcpy(part->copy, &part->model[from], count * sizeof(part->copy[0]));
    for (uint64_t i = 0; i < count; i++) {
        part->model[from + i] = left;
        part->clean[from + i] = part->clean[to + i] = 0;
    }
    memcpy(&part->model[to], part->copy, count * sizeof(part->copy[0]));
}

/* ---- Calls --------------------------------------------------------------------------------------
 */

static void call_remap(struct part *part, unsigned kind)
{
    const struct moka_remap_hooks *remap = moka->remap;
    uint64_t to = any_place(part), from = any_place(part);
    uint64_t count = any_count(part, PAGES - (to > from ? to : from));
    int apart = to + count <= from || from + count <= to;
    struct moka_pair pair = {page_at(part, to), page_at(part, from), count * PAGE};

    if (kind == 0) {
        part->what = "swap";
        need(part, remap->swap(part->range, part->range, &pair, 1, 0), apart ? 1 : -EINVAL);
        swap_model(part, to, from, apart ? count : 0);
    } else if (kind == 1) {
        part->what = "move";
        need(part, remap->move(part->range, part->range, &pair, 1, 0), apart ? 1 : -EINVAL);
        move_model(part, to, from, apart ? count : 0, 0);
    } else {
        part->what = "slide";
        need(part, remap->slide(part->range, &pair, 1, kind == 2 ? MOKA_SLIDE_LEAVE : 0), 1);
        if (to != from) {
            move_model(part, to, from, count, kind == 2 ? UNKNOWN : 0);
        }
    }
}

/* Pairs that follow each other, with one that is wrong, or none. */
static void call_batch(struct part *part)
{
    struct moka_pair pairs[40];
    uint64_t to = any(part, 500), from = 1000 + any(part, 500), bad = any(part, 80);

    part->what = "swap of many";
    for (uint64_t i = 0; i < 40; i++) {
        pairs[i] = (struct moka_pair){page_at(part, to + i * 3), page_at(part, from + i * 2), PAGE};
    }
    if (bad < 40) {
        pairs[bad].from = page_at(part, PAGES);
    }
    need(part, moka->remap->swap(part->range, part->range, pairs, 40, 0), bad < 40 ? -ERANGE : 40);
    for (uint64_t i = 0; i < 40 && bad >= 40; i++) {
        swap_model(part, to + i * 3, from + i * 2, 1);
    }
}

static void call_unmap(struct part *part)
{
    uint64_t to = any_place(part), from = any_place(part);
    uint64_t count = any_count(part, PAGES - (to > from ? to : from));
    struct moka_pair pair = {page_at(part, to), page_at(part, from), count * PAGE};

    part->what = "move that unmaps";
    if (to + count > from && from + count > to) {
        return;
    }
    need(part, moka->remap->move(part->range, part->range, &pair, 1, MOKA_MOVE_UNMAP), 1);
    need(part, moka->remap->swap(part->range, part->range, &pair, 1, 0), -ENXIO);
    need(part,
         mmap(pair.from, pair.size, PROT_READ | PROT_WRITE,
              MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != pair.from,
         0);
    move_model(part, to, from, count, 0);
}

/* What was written to is told of; what is told of is so no more. */
static void call_scan(struct part *part)
{
    uint64_t bits[(PAGES + 63) / 64];
    struct moka_scan scan = {part->at, PAGES * PAGE,     4096, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR,
                             bits,     (PAGES + 63) / 64};

    part->what = "scan";
    if (moka->page->scan(part->range, &scan) < 0) {
        fail(part, "failed", 0);
        return;
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        int told = (bits[i / 64] >> i % 64 & 1) != 0;

        if (!told && !part->clean[i] && part->model[i] != 0 && part->model[i] != UNKNOWN) {
            fail(part, "a write is not told of", i);
        }
        part->clean[i] = 1;
    }
}

static void call_memory(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    char *start = page_at(part, at);

    if (any(part, 2) == 0) {
        part->what = "madvise";
        need(part, madvise(start, count * PAGE, MADV_DONTNEED), 0);
        zero_model(part, at, count);
    } else {
        part->what = "mprotect";
        need(part,
             mprotect(start, count * PAGE,
                      PROT_READ | PROT_WRITE | (any(part, 2) == 0 ? PROT_EXEC : 0)),
             0);
    }
}

static void call_sizes(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    char *start = page_at(part, at);
    struct moka_page page;

    part->what = "split, join, query";
    if (moka->page->split(part->range, start, count * PAGE) < 0 ||
        moka->page->join(part->range, start, count * PAGE) < 0 ||
        moka->page->query(part->range, start, &page) != 0) {
        fail(part, "failed", at);
    }
}

static void one_call(struct part *part)
{
    uint64_t what = any(part, 16), at = any_place(part), count = any_count(part, PAGES - at);

    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
        call_remap(part, (unsigned)what);
        break;
    case 4:
        call_batch(part);
        break;
    case 5:
        call_unmap(part);
        break;
    case 6:
        call_scan(part);
        break;
    case 7:
        call_memory(part);
        break;
    case 8:
        call_sizes(part);
        break;
    case 9:
    case 10:
    case 11:
        for (uint64_t i = at; i < at + count; i++) {
            check_page(part, i);
        }
        break;
    default:
        for (uint64_t i = at; i < at + count; i++) {
            stamp(part, i);
        }
    }
    part->calls++;
}

static void *random_calls(void *arg)
{
    struct part *part = arg;

    part->what = "the start";
    while (time(NULL) < end_time) {
        one_call(part);
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        check_page(part, i);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    uint64_t calls = 0, wrong = 0, seed = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
    char *at;

    moka = dlsym == NULL ? NULL : moka_hooks_find();
    if (moka == NULL || moka->remap == NULL) {
        OK(true, "a kernel without hooks, or a static program: none are found");
        return tap_end();
    }
    end_time = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
    at = mmap(NULL, THREADS * PAGES * PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    tap_need(at != MAP_FAILED, "mmap");
    for (unsigned i = 0; i < THREADS; i++) {
        parts[i].at = at + i * PAGES * PAGE;
        parts[i].random = seed * 7919 + i;
        parts[i].range = moka->range_open(parts[i].at, PAGES * PAGE);
        tap_need(parts[i].range >= 0 &&
                     pthread_create(&thread[i], NULL, random_calls, &parts[i]) == 0,
                 "a thread");
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        calls += parts[i].calls;
        wrong += parts[i].wrong;
    }
    printf("# %lu random calls with seed %lu\n", (unsigned long)calls, (unsigned long)seed);
    OK(wrong == 0, "each page is what the model says, after each call");
    return tap_end();
}
