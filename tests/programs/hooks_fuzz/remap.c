/* SPDX-License-Identifier: MIT */
/* Remapping: of one pair, of many, moves that unmap, and aliases. */
#include "fuzz.h"

#define MANY 40u

struct pages {
    uint64_t to, from, count;
};

static struct pages any_pages(struct part *part)
{
    struct pages pages = {any_place(part), any_place(part), 0};
    uint64_t last = pages.to > pages.from ? pages.to : pages.from;

    pages.count = any_count(part, PAGES - last);
    return pages;
}

static struct moka_pair pair_of(struct part *part, const struct pages *pages)
{
    return (struct moka_pair){page_at(part, pages->to), page_at(part, pages->from),
                              pages->count * PAGE};
}

static bool are_apart(const struct pages *pages)
{
    return pages->to + pages->count <= pages->from || pages->from + pages->count <= pages->to;
}

/* What must go wrong with one of the places. */
static int hole_in(const struct part *part, const struct pages *pages)
{
    return all_mapped(part, pages->to, pages->count) && all_mapped(part, pages->from, pages->count)
               ? 0
               : ENXIO;
}

static int file_in(const struct part *part, const struct pages *pages)
{
    return any_file(part, pages->to, pages->count) || any_file(part, pages->from, pages->count)
               ? EOPNOTSUPP
               : 0;
}

static uint32_t any_quiet(struct part *part)
{
    return any(part, 2) == 0 ? MOKA_REMAP_QUIET : 0;
}

/* An overlap is an error whatever else is. */
static bool settle_pair(struct part *part, int64_t got, const struct pages *pages, bool overlaps)
{
    int hole = hole_in(part, pages), file = file_in(part, pages);

    if (overlaps && !are_apart(pages)) {
        need(part, got, -EINVAL);
        return false;
    }
    return settle(part, got, 1, hole, file);
}

static void call_swap(struct part *part)
{
    struct pages pages = any_pages(part);
    struct moka_pair pair = pair_of(part, &pages);
    int to = any_range(part, pages.to, pages.count),
        from = any_range(part, pages.from, pages.count);

    part->what = "swap";
    if (settle_pair(part, moka->remap->swap(to, from, &pair, 1, any_quiet(part)), &pages, true)) {
        model_swap(part, pages.to, pages.from, pages.count);
    }
}

static void call_move(struct part *part)
{
    struct pages pages = any_pages(part);
    struct moka_pair pair = pair_of(part, &pages);
    int to = any_range(part, pages.to, pages.count),
        from = any_range(part, pages.from, pages.count);
    bool unmap = any(part, 6) == 0;
    int64_t got;

    part->what = unmap ? "move that unmaps" : "move";
    got = moka->remap->move(to, from, &pair, 1, any_quiet(part) | (unmap ? MOKA_MOVE_UNMAP : 0));
    if (settle_pair(part, got, &pages, true)) {
        model_move(part, pages.to, pages.from, pages.count, 0);
        if (unmap) {
            model_unmap(part, pages.from, pages.count);
        }
    }
}

/* Aliases among the pages that a slide left end: which they are, the model does not know. */
static void end_aliases(struct part *part, const struct pages *pages)
{
    for (uint64_t i = pages->from; i < pages->from + pages->count; i++) {
        if (i < pages->to || i >= pages->to + pages->count) {
            need(part, madvise(page_at(part, i), PAGE, MADV_DONTNEED), 0);
            model_empty(part, i, 1);
        }
    }
}

static void call_slide(struct part *part)
{
    struct pages pages = any_pages(part);
    struct moka_pair pair = pair_of(part, &pages);
    bool leave = any(part, 2) == 0;
    bool shared =
        any_shared(part, pages.to, pages.count) || any_shared(part, pages.from, pages.count);
    int64_t got;

    part->what = leave ? "slide that leaves pages" : "slide";
    got =
        moka->remap->slide(part->range, &pair, 1, any_quiet(part) | (leave ? MOKA_SLIDE_LEAVE : 0));
    if (settle_pair(part, got, &pages, false)) {
        model_move(part, pages.to, pages.from, pages.count, leave ? UNKNOWN : 0);
        if (leave && shared) {
            end_aliases(part, &pages);
        }
    }
}

static void call_alias(struct part *part)
{
    bool snapshot = any(part, 3) != 0;
    struct pages pages = any_pages(part);
    struct moka_pair pair = pair_of(part, &pages);
    int to = any_range(part, pages.to, pages.count),
        from = any_range(part, pages.from, pages.count);
    bool busy = snapshot && any_shared(part, pages.from, pages.count);
    int64_t got =
        moka->remap->alias(to, from, &pair, 1, snapshot ? MOKA_ALIAS_SNAPSHOT : MOKA_ALIAS_SHARED);

    part->what = snapshot ? "snapshot" : "shared alias";
    if (busy && are_apart(&pages) && hole_in(part, &pages) == 0 && file_in(part, &pages) == 0) {
        need(part, got, -EBUSY);
    } else if (settle_pair(part, got, &pages, true)) {
        model_alias(part, pages.to, pages.from, pages.count, snapshot);
    }
}

/* Pairs that follow each other, with one that is wrong, or none. */
static void call_many(struct part *part)
{
    struct moka_pair pair[MANY];
    struct pages pages[MANY];
    uint64_t to = any(part, 500), from = 1000 + any(part, 500), bad = any(part, 2ul * MANY);
    bool move = any(part, 2) == 0;
    int hole = 0, file = 0;
    int64_t got;

    part->what = move ? "move of many" : "swap of many";
    for (uint64_t i = 0; i < MANY; i++) {
        /* Places of a later pair may be those of an earlier one. */
        pages[i] = (struct pages){to + i * 3, from + i * 2, 1 + any(part, 4)};
        pair[i] = pair_of(part, &pages[i]);
        hole = hole != 0 ? hole : hole_in(part, &pages[i]);
        file = file != 0 ? file : file_in(part, &pages[i]);
    }
    if (bad < MANY) {
        pair[bad].from = page_at(part, PAGES);
    }
    got = move ? moka->remap->move(part->range, part->range, pair, MANY, any_quiet(part))
               : moka->remap->swap(part->range, part->range, pair, MANY, any_quiet(part));
    if (bad < MANY) {
        need(part, got, -ERANGE);
    } else if (settle(part, got, MANY, hole, file)) {
        for (uint64_t i = 0; i < MANY; i++) {
            if (move) {
                model_move(part, pages[i].to, pages[i].from, pages[i].count, 0);
            } else {
                model_swap(part, pages[i].to, pages[i].from, pages[i].count);
            }
        }
    }
}

void call_remap(struct part *part)
{
    switch (any(part, 10)) {
    case 0:
    case 1:
        call_swap(part);
        break;
    case 2:
    case 3:
        call_move(part);
        break;
    case 4:
    case 5:
        call_slide(part);
        break;
    case 6:
    case 7:
    case 8:
        call_alias(part);
        break;
    default:
        call_many(part);
    }
}
