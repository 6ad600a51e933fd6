/* SPDX-License-Identifier: MIT */
/* A check of a remap's pairs that looks at all of them together. */
#pragma once

#include <kernel/aspace.h>
#include <kernel/types.h>

struct remap_place {
    vaddr_t start, end;
    bool source;
};

/*
 * Has no source a part of another one, or of any pair's `to`?  `place` is room for twice
 * as many as there are pairs.
 */
must_check bool remap_sources_apart(const struct remap_pair *pairs, u64 count,
                                    struct remap_place *place);
