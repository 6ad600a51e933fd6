/* SPDX-License-Identifier: MIT */
/* Page tables: scans, queries, and pages of one size made of another.  And ranges. */
#include "fuzz.h"

#define WORDS ((PAGES + 63) / 64)

static bool told(const uint64_t *bits, uint64_t page)
{
    return (bits[page / 64] >> page % 64 & 1) != 0;
}

/* What was written to is told of; what is told of so is no more. */
static void check_scan(struct part *part, const uint64_t *bits, uint32_t flags, uint64_t at,
                       uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct place *place = &part->place[at + i];
        bool must = (flags & MOKA_SCAN_PRESENT) != 0 || !place->clean;

        if (must && !told(bits, i) && place->backing == ANON && is_written(part, at + i)) {
            fail(part, "a page is not told of", at + i);
        }
        if (place->backing == UNMAPPED && told(bits, i)) {
            fail(part, "a page that is not mapped is told of", at + i);
        }
        place->clean = place->clean || (flags & MOKA_SCAN_CLEAR) != 0;
    }
}

static void call_scan(struct part *part)
{
    static const uint32_t any_flags[] = {MOKA_SCAN_DIRTY | MOKA_SCAN_CLEAR,
                                         MOKA_SCAN_DIRTY | MOKA_SCAN_ACCESSED | MOKA_SCAN_CLEAR,
                                         MOKA_SCAN_DIRTY, MOKA_SCAN_PRESENT | MOKA_SCAN_DIRTY};
    uint64_t bits[WORDS], at = any(part, 4) == 0 ? any_place(part) : 0, found = 0;
    uint64_t count = at == 0 ? PAGES : any_count(part, PAGES - at);
    struct moka_scan scan = {page_at(part, at), count * PAGE, PAGE, 0, bits, WORDS};
    int64_t got;

    part->what = "scan";
    scan.flags = any_flags[any(part, 4)];
    got = moka->page->scan(any_range(part, at, count), &scan);
    for (uint64_t i = 0; i < count && got >= 0; i++) {
        found += told(bits, i);
    }
    need(part, got, (int64_t)found);
    if (got >= 0) {
        check_scan(part, bits, scan.flags, at, count);
    }
}

static void check_query(struct part *part, const struct moka_page *page, uint64_t at)
{
    const struct place *place = &part->place[at];
    uint32_t prot = page->flags & (MOKA_PAGE_READ | MOKA_PAGE_WRITE | MOKA_PAGE_EXEC);
    bool present = (page->flags & MOKA_PAGE_PRESENT) != 0;

    if (prot != place->prot ||
        ((page->flags & MOKA_PAGE_WRITABLE) != 0 && (page->flags & MOKA_PAGE_WRITE) == 0)) {
        fail(part, "another protection", at);
    }
    if (((page->flags & MOKA_PAGE_FILE) != 0) != (place->backing > ANON)) {
        fail(part, "a file, or none", at);
    }
    if (present != (page->frame != 0) || present != (page->size != 0)) {
        fail(part, "half there", at);
    }
    if (!present && place->backing == ANON && is_written(part, at)) {
        fail(part, "not there any more", at);
    }
    if (place->small && page->size > PAGE) {
        fail(part, "in a large page, which was refused", at);
    }
}

static void call_query(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    struct moka_page page;

    part->what = "query";
    for (uint64_t i = at; i < at + count; i++) {
        int got = moka->page->query(part->range, page_at(part, i) + any(part, PAGE), &page);

        if (settle(part, got, 0, part->place[i].backing == UNMAPPED ? ENOMEM : 0, 0)) {
            check_query(part, &page, i);
        }
    }
}

static void call_sizes(struct part *part)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    char *start = page_at(part, at);
    int range = any_range(part, at, count);

    if (any(part, 2) == 0) {
        part->what = "split";
        need_count(part, moka->page->split(range, start, count * PAGE), 0, count / 512 + 2);
    } else {
        part->what = "join";
        need_made(part, moka->page->join(range, start, count * PAGE), count / 512);
    }
}

void call_pages(struct part *part)
{
    switch (any(part, 4)) {
    case 0:
        call_query(part);
        break;
    case 1:
        call_sizes(part);
        break;
    default:
        call_scan(part);
    }
}

/* ---- Ranges --------------------------------------------------------------------------------- */

static void open_slot(struct part *part, struct slot *slot)
{
    uint64_t at = any_place(part), count = any_count(part, PAGES - at);
    int got = moka->range_open(page_at(part, at), count * PAGE);

    part->what = "range_open";
    if (!all_mapped(part, at, count)) {
        need(part, got, -ENOMEM);
    } else if (got < 0) {
        fail(part, "another result, which is", (uint64_t)got);
    } else {
        *slot = (struct slot){got, at, count};
    }
}

void call_ranges(struct part *part)
{
    struct slot *slot = &part->slot[any(part, SLOTS)];

    if (slot->count == 0) {
        open_slot(part, slot);
        return;
    }
    part->what = "range_close";
    need(part, moka->range_close(slot->range), 0);
    need(part, moka->range_close(slot->range), -EBADF);
    part->closed = slot->range;
    slot->count = 0;
}
