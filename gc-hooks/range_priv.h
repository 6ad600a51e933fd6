/* SPDX-License-Identifier: MIT */
/*
 * The ranges that an application has opened, and what every hook asks first:
 * is this a part of one?
 */
#pragma once

#include <kernel/types.h>

/* A part of the range: 0; -EBADF: no such range; -ERANGE: beyond it. */
must_check int hook_range_check(int range, vaddr_t start, u64 size);
