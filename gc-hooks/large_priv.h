/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the hooks on page sizes:
 *
 *   large_calls.c     the system calls
 *   large_populate.c  populating by several CPUs
 */
#pragma once

#include <kernel/types.h>

/*
 * Backs [start, end) by the calling thread and up to `threads` - 1 others (0: a thread for each
 * CPU). 0, or an error of aspace_populate().
 */
must_check int large_populate(vaddr_t start, vaddr_t end, bool unzeroed, unsigned threads);
