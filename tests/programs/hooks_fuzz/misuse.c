/* SPDX-License-Identifier: MIT */
/*
 * Misuse: calls that are right but for one thing.  Each has its error, and
 * changes nothing, which the checks of what is in the pages see.
 */
#include "fuzz.h"

#include <limits.h>

#define WORDS_MAX ((PAGES + 63) / 64)
#define KERNEL 0x7f800000ul /* where Moka's kernel is */

/* A range and a part of it, with one thing wrong: the error that must be. */
struct bad {
    int range;
    char *start;
    uint64_t size;
    int error;
};

static const uint64_t elsewhere[] = {0,         KERNEL,   1ul << 40, (1ul << 47) - PAGE,
                                     1ul << 47, 1ul << 63};

static struct bad bad_range(struct part *part, struct bad bad)
{
    const int numbers[] = {-1, INT_MIN, INT_MAX, part->closed, part->range ^ 1 << 14};

    bad.range = numbers[any(part, sizeof(numbers) / sizeof(numbers[0]))];
    bad.error = -EBADF;
    return bad;
}

static struct bad bad_alignment(struct part *part, struct bad bad)
{
    uint64_t off = 1 + any(part, PAGE - 1);

    switch (any(part, 3)) {
    case 0:
        bad.start += off;
        break;
    case 1:
        bad.size += off;
        break;
    default:
        bad.size = 0;
    }
    bad.error = -EINVAL;
    return bad;
}

static struct bad bad_place(struct part *part, struct bad bad)
{
    switch (any(part, 5)) {
    case 0:
        bad.start = part->at - PAGE;
        break;
    case 1:
        bad.start = page_at(part, PAGES - 1);
        bad.size = 2 * PAGE;
        break;
    case 2:
        bad.size = -(uint64_t)bad.start; /* to the end of all */
        break;
    case 3:
        bad.size = -PAGE - any(part, 1000) * PAGE;
        break;
    default:
        bad.start =
            (char *)(uintptr_t)elsewhere[any(part, sizeof(elsewhere) / sizeof(elsewhere[0]))];
    }
    bad.error = -ERANGE;
    return bad;
}

static struct bad any_bad(struct part *part)
{
    struct bad bad = {part->range, page_at(part, 10 + any(part, PAGES - 20)), PAGE, 0};

    switch (any(part, 3)) {
    case 0:
        return bad_range(part, bad);
    case 1:
        return bad_alignment(part, bad);
    default:
        return bad_place(part, bad);
    }
}

static void wrong_part(struct part *part)
{
    struct bad bad = any_bad(part);
    uint64_t bits[WORDS_MAX];
    struct moka_scan scan = {bad.start, bad.size, PAGE, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR,
                             bits,      WORDS_MAX};
    struct moka_page page;

    part->what = "part that is wrong";
    need(part, moka->large->policy(bad.range, bad.start, bad.size, MOKA_SIZE_2M, MOKA_LARGE_REFUSE),
         bad.error);
    need(part, moka->large->populate(bad.range, bad.start, bad.size, 0, 1), bad.error);
    need(part, moka->large->promote(bad.range, bad.start, bad.size, MOKA_SIZE_2M), bad.error);
    need(part, moka->large->demote(bad.range, bad.start, bad.size, MOKA_SIZE_4K), bad.error);
    need(part, moka->large->discard(bad.range, bad.start, bad.size), bad.error);
    need(part, moka->page->split(bad.range, bad.start, bad.size), bad.error);
    need(part, moka->page->join(bad.range, bad.start, bad.size), bad.error);
    if (bad.size < WORDS_MAX * 64 * PAGE) {
        need(part, moka->page->scan(bad.range, &scan), bad.error);
    }
    if (bad.size == PAGE && bad.error != -EINVAL) {
        need(part, moka->page->query(bad.range, bad.start, &page), bad.error);
    }
}

static void wrong_pair(struct part *part)
{
    const struct moka_remap_hooks *remap = moka->remap;
    struct bad bad = any_bad(part);
    char *good = page_at(part, any(part, 8));
    struct moka_pair pair = {bad.start, good, bad.size};
    int to = bad.range, from = part->range;

    part->what = "pair that is wrong";
    if (any(part, 2) == 0) {
        pair = (struct moka_pair){good, bad.start, bad.size};
        to = part->range;
        from = bad.range;
    }
    need(part, remap->swap(to, from, &pair, 1, 0), bad.error);
    need(part, remap->move(to, from, &pair, 1, 0), bad.error);
    need(part, remap->move(to, from, &pair, 1, MOKA_MOVE_UNMAP), bad.error);
    need(part, remap->slide(bad.range, &pair, 1, 0), bad.error);
}

static void wrong_pairs(struct part *part)
{
    const struct moka_remap_hooks *remap = moka->remap;
    struct moka_pair pair = {page_at(part, 0), page_at(part, 3), 2 * PAGE};
    const struct moka_pair overlap[] = {{page_at(part, 0), page_at(part, 3), 2 * PAGE},
                                        {page_at(part, 4), page_at(part, 8), PAGE}};
    const struct moka_pair *none =
        (void *)(uintptr_t)elsewhere[any(part, sizeof(elsewhere) / sizeof(elsewhere[0]))];
    uint32_t flag = 16u << any(part, 28);
    int range = part->range;

    part->what = "pairs that are wrong";
    need(part, remap->swap(range, range, &pair, 1, flag), -EINVAL);
    need(part, remap->swap(range, range, &pair, 1, MOKA_MOVE_UNMAP), -EINVAL);
    need(part, remap->move(range, range, &pair, 1, MOKA_SLIDE_LEAVE), -EINVAL);
    need(part, remap->slide(range, &pair, 1, MOKA_MOVE_UNMAP), -EINVAL);
    need(part, remap->swap(range, range, &pair, MOKA_PAIRS_MAX + 1 + any(part, 1ul << 30), 0),
         -E2BIG);
    need(part, remap->slide(range, &pair, UINT64_MAX - any(part, 1000), 0), -E2BIG);
    need(part, remap->swap(range, range, none, 0, 0), 0);
    need(part, remap->swap(range, range, none, 1 + any(part, MOKA_PAIRS_MAX), 0), -EFAULT);
    need(part, remap->move(range, range, overlap, 2, MOKA_MOVE_UNMAP), -EINVAL);
    pair.from = pair.to;
    need(part, remap->swap(range, range, &pair, 1, 0), -EINVAL);
    need(part, remap->info((void *)(uintptr_t)KERNEL, sizeof(struct moka_remap_info)), -EFAULT);
}

static void wrong_sizes(struct part *part)
{
    const struct moka_large_hooks *large = moka->large;
    const uint64_t sizes[] = {0, 1, PAGE * 2, MOKA_SIZE_2M * 2, MOKA_SIZE_1G * 2, 1ul << 63};
    uint64_t size = sizes[any(part, sizeof(sizes) / sizeof(sizes[0]))];
    uint64_t most = (uint64_t)PAGES * PAGE;
    unsigned policy = MOKA_LARGE_REQUIRE + 1 + (unsigned)any(part, 1ul << 31);
    int range = part->range;

    part->what = "size that is wrong";
    need(part, large->policy(range, part->at, most, size, MOKA_LARGE_REFUSE), -EINVAL);
    need(part, large->policy(range, part->at, most, MOKA_SIZE_4K, MOKA_LARGE_PREFER), -EINVAL);
    need(part, large->policy(range, part->at, most, MOKA_SIZE_2M, policy), -EINVAL);
    need(part, large->policy(range, part->at, PAGE, MOKA_SIZE_2M, MOKA_LARGE_REQUIRE), -EINVAL);
    need(part, large->populate(range, part->at, most, 2u << any(part, 31), 0), -EINVAL);
    need(part, large->promote(range, part->at, most, size), -EINVAL);
    need(part, large->promote(range, part->at, most, MOKA_SIZE_4K), -EINVAL);
    need(part, large->demote(range, part->at, most, size), -EINVAL);
    need(part, large->demote(range, part->at, most, MOKA_SIZE_1G), -EINVAL);
    need(part, large->stats(-1, NULL), -EBADF);
    need(part, large->stats(range, (void *)(uintptr_t)KERNEL), -EFAULT);
}

static void wrong_scan(struct part *part)
{
    uint64_t bits[WORDS_MAX];
    const struct moka_scan good = {
        part->at, (uint64_t)PAGES * PAGE, PAGE, MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR, bits, WORDS_MAX};
    struct moka_scan scan = good;

    part->what = "scan that is wrong";
    scan.flags |= 512u << any(part, 23);
    need(part, moka->page->scan(part->range, &scan), -EINVAL);
    scan.flags = any(part, 2) == 0 ? 0 : MOKA_SCAN_CLEAR;
    need(part, moka->page->scan(part->range, &scan), -EINVAL);
    scan = good;
    scan.grain = (uint32_t)any(part, PAGE);
    need(part, moka->page->scan(part->range, &scan), -EINVAL);
    scan = good;
    scan.words = any(part, WORDS_MAX);
    need(part, moka->page->scan(part->range, &scan), -ENOSPC);
    scan = good;
    scan.bitmap = (void *)(uintptr_t)(any(part, 2) == 0 ? KERNEL : UINT64_MAX - 7);
    need(part, moka->page->scan(part->range, &scan), -EFAULT);
    need(part, moka->page->scan(part->range, (void *)(uintptr_t)KERNEL), -EFAULT);
    need(part, moka->page->query(part->range, part->at + PAGE * PAGES, NULL), -ERANGE);
}

static void wrong_range(struct part *part)
{
    uint64_t off = 1 + any(part, PAGE - 1), size = (uint64_t)PAGES * PAGE;

    part->what = "range that is wrong";
    need(part, moka->range_open(part->at + off, size), -EINVAL);
    need(part, moka->range_open(part->at, size + off), -EINVAL);
    need(part, moka->range_open(part->at, 0), -EINVAL);
    need(part, moka->range_open(part->at, UINT64_MAX & -PAGE), -EINVAL);
    need(part, moka->range_open(part->at, -(uint64_t)part->at), -EINVAL);
    need(part, moka->range_open((char *)(uintptr_t)KERNEL, PAGE), -EINVAL);
    need(part, moka->range_open((char *)(uintptr_t)(KERNEL - PAGE), 2 * PAGE), -EINVAL);
    need(part, moka->range_open(NULL, PAGE), -EINVAL);
    need(part, moka->range_open((char *)(1ul << 47), PAGE), -EINVAL);
    need(part, moka->range_open((char *)-LARGE, LARGE), -EINVAL);
    need(part, moka->range_close(part->closed), -EBADF);
    need(part, moka->range_close(-1 - (int)any(part, 1000)), -EBADF);
    need(part, moka->range_close(INT_MAX), -EBADF);
}

void call_misuse(struct part *part)
{
    static void (*const calls[])(struct part *) = {wrong_part, wrong_part,  wrong_pair,
                                                   wrong_pair, wrong_pairs, wrong_sizes,
                                                   wrong_scan, wrong_range};

    calls[any(part, sizeof(calls) / sizeof(calls[0]))](part);
}
