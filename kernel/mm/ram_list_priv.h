/* SPDX-License-Identifier: MIT */
/*
 * A short list of ranges of physical memory, for start-up.  Pure.
 *
 * Invariants: ranges are whole frames, not empty, ascending, and do not touch.
 */
#pragma once

#include <kernel/frame.h>
#include <kernel/types.h>

#define RAM_LIST_MAX 48

struct ram_list {
    unsigned count;
    struct mem_range range[RAM_LIST_MAX];
};

/*
 * Adds the whole frames of [start, end), of which none is in the list.
 * False if there is no room for one more range.
 */
must_check bool ram_list_add(struct ram_list *list, paddr_t start, paddr_t end);

/* Removes [start, end), frame addresses, as far as it is there. */
must_check bool ram_list_remove(struct ram_list *list, paddr_t start, paddr_t end);

/* Takes `size` bytes, whole frames, from the lowest range that has them. */
must_check bool ram_list_take(struct ram_list *list, u64 size, paddr_t *start);
