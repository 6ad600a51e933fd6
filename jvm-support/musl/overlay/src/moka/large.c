/* SPDX-License-Identifier: MIT */
/* The hooks on page sizes. */
#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_POLICY = 486,
    CALL_POPULATE,
    CALL_PROMOTE,
    CALL_DEMOTE,
    CALL_DISCARD,
    CALL_STATS,
};

static int policy(int range, void *start, uint64_t size, uint64_t page_size, unsigned policy)
{
    return (int)__syscall(CALL_POLICY, range, start, size, page_size, policy);
}

static int64_t populate(int range, void *start, uint64_t size, unsigned flags, unsigned threads)
{
    return __syscall(CALL_POPULATE, range, start, size, flags, threads);
}

static int64_t promote(int range, void *start, uint64_t size, uint64_t page_size)
{
    return __syscall(CALL_PROMOTE, range, start, size, page_size);
}

static int64_t demote(int range, void *start, uint64_t size, uint64_t page_size)
{
    return __syscall(CALL_DEMOTE, range, start, size, page_size);
}

static int64_t discard(int range, void *start, uint64_t size)
{
    return __syscall(CALL_DISCARD, range, start, size);
}

static int stats(int range, struct moka_range_stats *stats)
{
    return (int)__syscall(CALL_STATS, range, stats);
}

const struct moka_large_hooks __moka_large = {
    .size = sizeof(__moka_large),
    .policy = policy,
    .populate = populate,
    .promote = promote,
    .demote = demote,
    .discard = discard,
    .stats = stats,
};
