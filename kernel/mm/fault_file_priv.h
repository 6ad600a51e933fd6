/* SPDX-License-Identifier: MIT */
/*
 * Between the files of faults on mappings of files:
 *
 *   fault_file.c        what an entry needs; which of these is to do it
 *   fault_file_row.c    the page cache's single pages
 *   fault_file_large.c  its frames of 2 MiB
 *   fault_file_copy.c   copies of single pages, for private mappings
 */
#pragma once

#include "fault_priv.h"

#include <kernel/types.h>

#define FAULT_ROW 16u

/* A row of pages, each with a use: where frames[0] belongs. */
struct fault_row {
    vaddr_t va;
    unsigned count;
    pfn_t frame[FAULT_ROW];
};

/* The functions that supply return 0, a step (fault_priv.h), or negative: not so, or an error. */

/* fault_file.c: may the window be one page of 2 MiB?  Read lock held. */
bool fault_fits_large(const struct region *region, vaddr_t va);
u64 fault_file_index(const struct region *region, vaddr_t va);

/* fault_file_row.c */
must_check int fault_supply_row(struct fault *f);
/* Maps what it can of the row, whose uses it takes over: 0 even if others have done so meanwhile.
 */
must_check int fault_map_row(struct fault *f, struct fault_row *row, u64 generation);
/* Is everything still as fault_look_file() found it?  Read lock and window lock held. */
bool fault_unchanged(const struct fault *f, const struct region *region, u64 generation);
/* The bits of an entry that the fault stores for `va`. */
u64 fault_row_bits(const struct fault *f, const struct region *region, vaddr_t va);
/* Where the window of the fault and the region overlap. */
void fault_window_limits(const struct fault *f, vaddr_t *start, vaddr_t *end);
u64 fault_index_at(const struct fault *f, vaddr_t va);

/* fault_file_large.c */
must_check int fault_supply_large(struct fault *f);

/* fault_file_copy.c: a private page that is written to before it was ever mapped. */
must_check int fault_supply_private(struct fault *f);
