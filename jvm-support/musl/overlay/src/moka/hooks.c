/* SPDX-License-Identifier: MIT */
/*
 * The hooks for memory managers, which are system calls of Moka's own.  The same
 * library on another kernel has none to offer.
 */
#include <errno.h>
#include <moka/hooks.h>

#include "syscall.h"

enum {
    CALL_RANGE_OPEN = 480,
    CALL_RANGE_CLOSE,
    CALL_PAGE_QUERY,
    CALL_PAGE_SCAN,
    CALL_PAGE_SPLIT,
    CALL_PAGE_JOIN,
};

static int range_open(void *start, uint64_t size)
{
    return (int)__syscall(CALL_RANGE_OPEN, start, size);
}

static int range_close(int range)
{
    return (int)__syscall(CALL_RANGE_CLOSE, range);
}

static int page_query(int range, const void *address, struct moka_page *page)
{
    return (int)__syscall(CALL_PAGE_QUERY, range, address, page);
}

static int64_t page_scan(int range, const struct moka_scan *scan)
{
    return __syscall(CALL_PAGE_SCAN, range, scan);
}

static int64_t page_split(int range, void *start, uint64_t size)
{
    return __syscall(CALL_PAGE_SPLIT, range, start, size);
}

static int64_t page_join(int range, void *start, uint64_t size)
{
    return __syscall(CALL_PAGE_JOIN, range, start, size);
}

static const struct moka_hooks hooks = {
    .version = MOKA_HOOKS_VERSION,
    .size = sizeof(hooks),
    .range_open = range_open,
    .range_close = range_close,
    .page_query = page_query,
    .page_scan = page_scan,
    .page_split = page_split,
    .page_join = page_join,
};

const struct moka_hooks *moka_hooks_get(uint32_t version)
{
    /* No kernel has a range of that number; one without hooks has not the call. */
    return version <= MOKA_HOOKS_VERSION && range_close(-1) == -EBADF ? &hooks : NULL;
}
