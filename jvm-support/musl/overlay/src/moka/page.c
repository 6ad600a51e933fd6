/* SPDX-License-Identifier: MIT */
/* The hooks on page tables. */
#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_QUERY = 482,
    CALL_SCAN,
    CALL_SPLIT,
    CALL_JOIN,
};

static int query(int range, const void *address, struct moka_page *page)
{
    return (int)__syscall(CALL_QUERY, range, address, page);
}

static int64_t scan(int range, const struct moka_scan *scan)
{
    return __syscall(CALL_SCAN, range, scan);
}

static int64_t split(int range, void *start, uint64_t size)
{
    return __syscall(CALL_SPLIT, range, start, size);
}

static int64_t join(int range, void *start, uint64_t size)
{
    return __syscall(CALL_JOIN, range, start, size);
}

const struct moka_page_hooks __moka_page = {
    .size = sizeof(__moka_page),
    .query = query,
    .scan = scan,
    .split = split,
    .join = join,
};
