/* SPDX-License-Identifier: MIT */
/*
 * The ranges that an application has opened, what every hook asks first (is this
 * a part of one?), and what happened in them.
 */
#pragma once

#include <kernel/aspace.h>
#include <kernel/types.h>

/* A part of the range: 0; -EBADF: no such range; -ERANGE: beyond it. */
must_check int hook_range_check(int range, vaddr_t start, u64 size);

/* All of a range, and what happened in it since it was opened.  0, -EBADF. */
struct hook_range {
    vaddr_t start, end;
    u64 events[ASPACE_EVENTS];
};
must_check int hook_range_get(int range, struct hook_range *out);

/* As hook_range_check(); -EINVAL: not whole pages, or nothing. */
must_check int hook_part_check(int range, vaddr_t start, u64 size);
