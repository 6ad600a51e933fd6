/* SPDX-License-Identifier: MIT */
/*
 * How much to read when a page is not there.  Pure.
 */
#pragma once

#include <kernel/types.h>

#define READAHEAD_FIRST 8u /* pages: 32 KiB */
#define READAHEAD_MOST 128u

struct readahead {
    u64 next;        /* the page after those that were read last */
    unsigned window; /* pages read last; 0: none yet */
};

/*
 * Page `index` of a file of `pages` pages is missing: how many to read from
 * there on.  At least 1.
 */
unsigned readahead_plan(struct readahead *ahead, u64 index, u64 pages);
/* madvise(2): MADV_RANDOM and MADV_NORMAL start anew. */
void readahead_reset(struct readahead *ahead);
