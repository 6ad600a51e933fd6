/* SPDX-License-Identifier: MIT */
/*
 * How much to read when a page is not there.  Pure.
 */
#pragma once

#include <kernel/types.h>

#define READAHEAD_FIRST 8u  /* pages: 32 KiB */
#define READAHEAD_MOST 512u /* 2 MiB */

struct readahead {
    u64 next;        /* the page after those that were read last */
    unsigned window; /* about how many these were; 0: none yet */
};

/*
 * Page `index` of a file of `pages` pages is missing: how many to read from
 * there on.  At least 1.
 */
unsigned readahead_plan(struct readahead *ahead, u64 index, u64 pages);
/*
 * What to read beyond that, before anybody misses it: the first page in *index, and how many;
 * 0: nothing, the file is not read from one end to the other or this was the end.
 */
unsigned readahead_next(struct readahead *ahead, u64 pages, u64 *index);
/* That was not read after all. */
void readahead_undo(struct readahead *ahead, u64 index);
/* Are large parts read one after the other, and is `index` next? */
bool readahead_is_streaming(const struct readahead *ahead, u64 index);
/* madvise(2): MADV_RANDOM and MADV_NORMAL start anew. */
void readahead_reset(struct readahead *ahead);
