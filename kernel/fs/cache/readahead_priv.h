/* SPDX-License-Identifier: MIT */
/*
 * How much to read when a page is not there.  Pure.
 */
#pragma once

#include <kernel/types.h>

#define READAHEAD_FIRST 8u    /* pages: 32 KiB */
#define READAHEAD_MOST 512u   /* 2 MiB */
#define READAHEAD_SMALL 8192u /* 32 MiB: the largest file that is read by windows */

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
/* So many are being read from `index` on, as a window; what follows goes on if they did. */
void readahead_note_window(struct readahead *ahead, u64 index, u64 count);
/*
 * Is a file of `pages` pages so small, beside the free memory, that it is read by whole windows
 * of READAHEAD_MOST, wherever it is looked at?
 */
bool readahead_takes_windows(u64 pages, u64 free_frames);
/* madvise(2): MADV_RANDOM and MADV_NORMAL start anew. */
void readahead_reset(struct readahead *ahead);
