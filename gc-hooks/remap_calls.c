/* SPDX-License-Identifier: MIT */
/*
 * The hooks on remapping, as gc-hooks/include/moka/remap.h says: the pairs are
 * copied in, and each place is looked for in its range; the rest is the address
 * space's.
 */
#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "range_priv.h"

#define MOKA_KERNEL
#include <moka/remap.h>

_Static_assert(sizeof(struct moka_pair) == sizeof(struct remap_pair) &&
                   offsetof(struct moka_pair, from) == offsetof(struct remap_pair, from) &&
                   offsetof(struct moka_pair, size) == offsetof(struct remap_pair, size),
               "pairs go on as they are");

/* What a call asks for, as its arguments say it. */
struct call {
    int to, from; /* ranges */
    const void *pairs;
    u64 count;
    struct aspace_remap request;
};

static bool is_aligned(const struct remap_pair *pair)
{
    return pair->size != 0 && IS_ALIGNED(pair->to | pair->from | pair->size, PAGE_SIZE);
}

static int check_pairs(const struct call *call, const struct remap_pair *pairs)
{
    int error = 0;

    for (u64 i = 0; i < call->count; i++) {
        if (!is_aligned(&pairs[i])) {
            return -EINVAL;
        }
    }
    for (u64 i = 0; i < call->count && error == 0; i++) {
        error = hook_range_check(call->to, pairs[i].to, pairs[i].size);
        if (error == 0) {
            error = hook_range_check(call->from, pairs[i].from, pairs[i].size);
        }
    }
    return error;
}

static s64 remap_pairs(struct call *call, struct remap_pair *pairs)
{
    int error = user_read(pairs, call->pairs, call->count * sizeof(*pairs));

    if (error == 0) {
        error = check_pairs(call, pairs);
    }
    if (error != 0) {
        return error;
    }
    call->request.pairs = pairs;
    call->request.count = call->count;
    return aspace_remap(&call->request);
}

static int check_range(int range)
{
    int error = hook_range_check(range, 0, 0);

    return error == -ERANGE ? 0 : error;
}

static s64 remap(struct call *call, u64 flags, u64 known)
{
    struct remap_pair *pairs;
    s64 result = check_range(call->to);

    if (result == 0) {
        result = check_range(call->from);
    }
    if (result != 0) {
        return result;
    }
    if ((u32)flags & ~known) {
        return -EINVAL;
    }
    if (call->count > MOKA_PAIRS_MAX) {
        return -E2BIG;
    }
    if (call->count == 0) {
        return 0;
    }
    pairs = kmalloc(call->count * sizeof(*pairs));
    if (pairs == NULL) {
        return -ENOMEM;
    }
    call->request.quiet = (flags & MOKA_REMAP_QUIET) != 0;
    result = remap_pairs(call, pairs);
    kfree(pairs);
    return result;
}

s64 sys_moka_remap_swap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct call call = {(int)a0, (int)a1, (const void *)a2, a3, {.kind = REMAP_SWAP}};

    return remap(&call, a4, MOKA_REMAP_QUIET);
}

s64 sys_moka_remap_move(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct call call = {(int)a0,
                        (int)a1,
                        (const void *)a2,
                        a3,
                        {.kind = REMAP_MOVE, .unmap = (a4 & MOKA_MOVE_UNMAP) != 0}};

    return remap(&call, a4, MOKA_REMAP_QUIET | MOKA_MOVE_UNMAP);
}

s64 sys_moka_remap_alias(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    bool snapshot = (a4 & MOKA_ALIAS_SNAPSHOT) != 0;
    struct call call = {
        (int)a0, (int)a1, (const void *)a2, a3, {.kind = snapshot ? REMAP_SNAPSHOT : REMAP_SHARE}};

    return remap(&call, a4, MOKA_ALIAS_SNAPSHOT);
}

s64 sys_moka_remap_slide(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct call call = {
        (int)a0,
        (int)a0,
        (const void *)a1,
        a2,
        {.kind = (a3 & MOKA_SLIDE_LEAVE) != 0 ? REMAP_SWAP : REMAP_MOVE, .slides = true}};

    return remap(&call, a3, MOKA_REMAP_QUIET | MOKA_SLIDE_LEAVE);
}

s64 sys_moka_remap_info(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct aspace_remap_stats stats;
    struct moka_remap_info info = {0};

    aspace_get_remap_stats(&stats);
    info.copy_below_small = aspace_copy_below();
    info.copy_below_large = MIN(info.copy_below_small, LARGE_SIZE);
    info.pairs = stats.pairs;
    info.entries_4k = stats.small;
    info.entries_2m = stats.large;
    info.entries_1g = stats.giant;
    info.bytes_copied = stats.copied;
    info.splits = stats.splits;
    info.shootdowns = stats.shootdowns;
    info.copies = stats.copies;
    return user_write((void *)a0, &info, MIN(a1, sizeof(info)));
}
