/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page tables.  Linux tells nobody which pages were accessed, and
 * takes a 2 MiB page apart when one that is tracked is written to.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "linux_priv.h"

static int keep_categories(void *arg, uintptr_t start, uintptr_t end, unsigned categories)
{
    *(unsigned *)arg = categories;
    return 0;
}

static uint32_t flags_of(unsigned categories, const struct linux_mapping *mapping)
{
    uint32_t flags = (uint32_t)mapping->prot;

    flags |= mapping->file ? MOKA_PAGE_FILE : 0;
    if ((categories & LINUX_PAGE_PRESENT) == 0) {
        return flags | (mapping->file ? 0 : MOKA_PAGE_ZERO);
    }
    flags |= MOKA_PAGE_PRESENT | MOKA_PAGE_ACCESSED;
    if ((categories & LINUX_PAGE_WRITTEN) != 0 && (categories & LINUX_PAGE_ZERO) == 0) {
        flags |= MOKA_PAGE_DIRTY;
        flags |= (mapping->prot & PROT_WRITE) != 0 ? MOKA_PAGE_WRITABLE : 0;
    }
    return flags;
}

static int query(int range, const void *address, struct moka_page *page)
{
    enum { ALL = LINUX_PAGE_PRESENT | LINUX_PAGE_WRITTEN | LINUX_PAGE_HUGE | LINUX_PAGE_ZERO };
    uintptr_t at = ALIGN_DOWN((uintptr_t)address, PAGE_SIZE);
    unsigned categories = 0;
    const struct linux_pages pages = {.start = at,
                                      .end = at + PAGE_SIZE,
                                      .any = LINUX_PAGE_PRESENT,
                                      .wanted = ALL,
                                      .take = keep_categories,
                                      .arg = &categories};
    struct linux_mapping mapping;
    int error = linux_range_check(range, (uintptr_t)address, 1);

    if (error == 0) {
        error = linux_mapping_at(at, &mapping);
    }
    if (error == 0) {
        error = linux_pages_walk(&pages);
    }
    if (error != 0) {
        return error;
    }
    if (page == NULL) {
        return -EFAULT;
    }
    memset(page, 0, sizeof(*page));
    page->flags = flags_of(categories, &mapping);
    if ((categories & LINUX_PAGE_PRESENT) != 0) {
        page->size = (categories & LINUX_PAGE_HUGE) != 0 ? LARGE_SIZE : PAGE_SIZE;
        page->frame = linux_page_frame(at);
    }
    return 0;
}

/* ---- Scans ------------------------------------------------------------------------------- */

struct result {
    const struct moka_scan *scan;
    uint64_t end; /* of the units that have been counted */
    int64_t found;
};

static int take_units(void *arg, uintptr_t start, uintptr_t end, unsigned categories)
{
    struct result *result = arg;
    uintptr_t base = (uintptr_t)result->scan->start;
    uint64_t unit = (start - base) / result->scan->grain;
    uint64_t last = (end - 1 - base) / result->scan->grain;

    unit = unit > result->end ? unit : result->end; /* a larger unit may have begun before */
    if (last < unit) {
        return 0;
    }
    result->found += (int64_t)(last + 1 - unit);
    result->end = last + 1;
    if (result->scan->bitmap == NULL) {
        return 0;
    }
    for (; unit <= last; unit++) {
        result->scan->bitmap[unit / 64] |= 1ull << unit % 64;
    }
    return 0;
}

static int check_scan(int range, const struct moka_scan *scan)
{
    enum { ALL = MOKA_SCAN_PRESENT | MOKA_SCAN_DIRTY | MOKA_SCAN_ACCESSED | MOKA_SCAN_LARGE };
    uintptr_t start = (uintptr_t)scan->start;

    if ((scan->grain != PAGE_SIZE && scan->grain != LARGE_SIZE) || scan->size == 0 ||
        (start | scan->size) % scan->grain != 0 ||
        (scan->flags & ~(unsigned)(ALL | MOKA_SCAN_CLEAR)) != 0 || (scan->flags & ALL) == 0) {
        return -EINVAL;
    }
    if (scan->bitmap != NULL && scan->words < (scan->size / scan->grain + 63) / 64) {
        return -ENOSPC;
    }
    return linux_range_check(range, start, scan->size);
}

static int64_t scan(int range, const struct moka_scan *scan)
{
    struct result result = {.scan = scan};
    struct linux_pages pages = {.take = take_units, .arg = &result};
    int error = scan == NULL ? -EFAULT : check_scan(range, scan);

    if (error == 0 && (scan->flags & MOKA_SCAN_ACCESSED) != 0) {
        error = -EOPNOTSUPP;
    }
    if (error != 0) {
        return error;
    }
    pages.start = (uintptr_t)scan->start;
    pages.end = pages.start + scan->size;
    pages.any = ((scan->flags & MOKA_SCAN_PRESENT) != 0 ? LINUX_PAGE_PRESENT : 0) |
                ((scan->flags & MOKA_SCAN_DIRTY) != 0 ? LINUX_PAGE_WRITTEN : 0) |
                ((scan->flags & MOKA_SCAN_LARGE) != 0 ? LINUX_PAGE_HUGE : 0);
    pages.clear = (scan->flags & MOKA_SCAN_CLEAR) != 0 && (scan->flags & MOKA_SCAN_DIRTY) != 0;
    if (pages.clear) {
        error = linux_pages_track(pages.start, pages.end);
    }
    if (error == 0 && scan->bitmap != NULL) {
        memset(scan->bitmap, 0, (scan->size / scan->grain + 63) / 64 * sizeof(*scan->bitmap));
    }
    if (error == 0) {
        error = linux_pages_walk(&pages);
    }
    return error != 0 ? error : result.found;
}

/* ---- Page sizes -------------------------------------------------------------------------- */

static int64_t split(int range, void *start, uint64_t size)
{
    uintptr_t from = (uintptr_t)start;
    int error = linux_range_check_pages(range, from, size);

    return error != 0 ? error : linux_large_split(from, size);
}

static int64_t join(int range, void *start, uint64_t size)
{
    uintptr_t from = (uintptr_t)start;
    int error = linux_range_check_pages(range, from, size);

    return error != 0 ? error : linux_large_join(from, size, 512);
}

const struct moka_page_hooks linux_page_hooks = {
    .size = sizeof(linux_page_hooks),
    .query = query,
    .scan = scan,
    .split = split,
    .join = join,
};
