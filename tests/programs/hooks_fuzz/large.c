/* SPDX-License-Identifier: MIT */
/*
 * Page sizes.  Pages of 1 GiB do not fit into a part; what is asked of them is
 * refused, for one reason or another.
 */
#include "fuzz.h"

/* Pages, or whole windows, as often. */
static uint64_t any_pages(struct part *part, uint64_t *count)
{
    uint64_t skew = (512 - (uintptr_t)part->at / PAGE % 512) % 512, at = skew + 512 * any(part, 4);

    if (any(part, 2) == 0 && at + 512 <= PAGES) {
        *count = 512 * (1 + any(part, (PAGES - at) / 512));
        return at;
    }
    at = any_place(part);
    *count = any_count(part, PAGES - at);
    return at;
}

static uint64_t page_sizes(struct part *part)
{
    struct moka_range_stats stats;

    return moka->large->stats(part->range, &stats) == 0 ? stats.page_sizes : 0;
}

static bool has_1g(struct part *part)
{
    return (page_sizes(part) & MOKA_SIZE_1G) != 0;
}

/* Pages of the part that are not mapped, or are written to. */
static uint64_t written_in(struct part *part, uint64_t at, uint64_t count)
{
    uint64_t written = 0;

    for (uint64_t i = at; i < at + count; i++) {
        written += part->place[i].backing == ANON && is_written(part, i);
    }
    return written;
}

static void model_policy(struct part *part, uint64_t at, uint64_t count, bool small)
{
    for (uint64_t i = at; i < at + count; i++) {
        part->place[i].small = small;
    }
}

static void call_policy(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    unsigned policy = (unsigned)any(part, 3);
    uint64_t size = any(part, 8) == 0 && policy != MOKA_LARGE_REFUSE ? MOKA_SIZE_1G : MOKA_SIZE_2M;
    int got = moka->large->policy(any_range(part, at, count), page_at(part, at), count * PAGE, size,
                                  policy);

    part->what = "policy";
    if (settle(part, got, 0, all_mapped(part, at, count) ? 0 : ENOMEM, 0)) {
        model_policy(part, at, count, policy == MOKA_LARGE_REFUSE);
    }
}

/* Of one kind they are only if nothing was changed there. */
static void call_require(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    bool windows = ((uintptr_t)page_at(part, at) | count * PAGE) % LARGE == 0;
    int got = moka->large->policy(any_range(part, at, count), page_at(part, at), count * PAGE,
                                  MOKA_SIZE_2M, MOKA_LARGE_REQUIRE);
    struct moka_page page;

    part->what = "policy that requires";
    if (!windows || !all_mapped(part, at, count) || any_file(part, at, count)) {
        need(part, got, windows && !all_mapped(part, at, count) ? -ENOMEM : -EINVAL);
    } else if (got == 0) {
        model_policy(part, at, count, false);
        need(part, moka->page->query(part->range, page_at(part, at), &page), 0);
        need(part, (int64_t)page.size, (int64_t)MOKA_SIZE_2M);
    } else if (got == -ENOMEM) {
        model_policy(part, at, count, false); /* what was got until then stays */
    } else if (got != -EINVAL) {
        fail(part, "another result, which is", (uint64_t)got);
    }
}

/* What has no frame yet may have anything in it then. */
static void model_unzeroed(struct part *part, uint64_t at, uint64_t count)
{
    for (uint64_t i = at; i < at + count; i++) {
        uint32_t cell = part->place[i].cell;

        if (part->place[i].backing == ANON && part->users[cell] == 1 && part->value[cell] == 0) {
            part->value[cell] = ANYTHING;
        }
    }
}

static void call_populate(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    unsigned flags = any(part, 4) == 0 ? MOKA_POPULATE_UNZEROED : 0;
    int64_t got = moka->large->populate(any_range(part, at, count), page_at(part, at), count * PAGE,
                                        flags, (unsigned)any(part, 4));

    part->what = "populate";
    if (!all_mapped(part, at, count)) {
        need(part, got, -ENOMEM);
        return;
    }
    need_count(part, got, 0, (count - written_in(part, at, count)) * PAGE);
    if (flags != 0) {
        model_unzeroed(part, at, count);
    }
}

static void call_discard(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    int64_t got = moka->large->discard(any_range(part, at, count), page_at(part, at), count * PAGE);

    part->what = "discard";
    if (!all_mapped(part, at, count)) {
        need(part, got, -ENOMEM);
        return;
    }
    need_count(part, got, written_in(part, at, count) * PAGE, count * PAGE);
    model_empty(part, at, count);
}

static void call_promote(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    int64_t got;

    part->what = "promote";
    if (any(part, 8) == 0) {
        got = moka->large->promote(part->range, page_at(part, at), count * PAGE, MOKA_SIZE_1G);
        need(part, got, has_1g(part) ? 0 : -EOPNOTSUPP);
        return;
    }
    got = moka->large->promote(any_range(part, at, count), page_at(part, at), count * PAGE,
                               MOKA_SIZE_2M);
    need_made(part, got, count / 512);
}

static void call_demote(struct part *part)
{
    uint64_t count, at = any_pages(part, &count);
    bool small = any(part, 4) != 0;
    int64_t got = moka->large->demote(any_range(part, at, count), page_at(part, at), count * PAGE,
                                      small ? MOKA_SIZE_4K : MOKA_SIZE_2M);

    part->what = "demote";
    need_count(part, got, 0, small ? count / 512 + 2 : 0);
}

static void call_stats(struct part *part)
{
    const struct slot whole = {part->range, 0, PAGES}, *slot = &part->slot[any(part, SLOTS)];
    struct moka_range_stats stats;
    uint64_t mapped = 0, backed;

    part->what = "stats";
    slot = slot->count != 0 ? slot : &whole;
    need(part, moka->large->stats(slot->range, &stats), 0);
    for (uint64_t i = slot->at; i < slot->at + slot->count; i++) {
        mapped += part->place[i].backing != UNMAPPED;
    }
    need(part, (int64_t)stats.mapped, (int64_t)(mapped * PAGE));
    backed = stats.bytes_4k + stats.bytes_2m + stats.bytes_1g;
    need_count(part, (int64_t)backed, written_in(part, slot->at, slot->count) * PAGE, stats.mapped);
}

void call_large(struct part *part)
{
    static void (*const calls[])(struct part *) = {call_policy,  call_require, call_populate,
                                                   call_discard, call_promote, call_promote,
                                                   call_demote,  call_stats};

    calls[any(part, sizeof(calls) / sizeof(calls[0]))](part);
}
