/* SPDX-License-Identifier: MIT */
/* The hooks on remapping. */
#include "hooks_priv.h"
#include "syscall.h"

enum {
    CALL_SWAP = 492,
    CALL_MOVE,
    CALL_ALIAS,
    CALL_SLIDE,
    CALL_INFO,
};

static int64_t swap(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags)
{
    return __syscall(CALL_SWAP, range_to, range_from, pairs, count, flags);
}

static int64_t move(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                    uint32_t flags)
{
    return __syscall(CALL_MOVE, range_to, range_from, pairs, count, flags);
}

static int64_t alias(int range_to, int range_from, const struct moka_pair *pairs, uint64_t count,
                     uint32_t flags)
{
    return __syscall(CALL_ALIAS, range_to, range_from, pairs, count, flags);
}

static int64_t slide(int range, const struct moka_pair *pairs, uint64_t count, uint32_t flags)
{
    return __syscall(CALL_SLIDE, range, pairs, count, flags);
}

static int info(struct moka_remap_info *info, uint64_t size)
{
    return (int)__syscall(CALL_INFO, info, size);
}

const struct moka_remap_hooks __moka_remap = {
    .size = sizeof(__moka_remap),
    .swap = swap,
    .move = move,
    .alias = alias,
    .slide = slide,
    .info = info,
};
