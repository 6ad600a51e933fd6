/* SPDX-License-Identifier: MIT */
/*
 * Read-ahead: a miss just where the last read ended doubles the window, up
 * to 512 KiB; any other miss starts with 32 KiB, because a request to the host
 * costs as much as copying that (kvm_pvm: an exit is 28 us).  A miss that
 * skips less than a window forward is still called sequential: mapped code
 * and archives are read with small gaps.
 */
#include "readahead_priv.h"

static bool is_sequential(const struct readahead *ahead, u64 index)
{
    return ahead->window != 0 && index >= ahead->next && index - ahead->next < ahead->window;
}

unsigned readahead_plan(struct readahead *ahead, u64 index, u64 pages)
{
    unsigned window = READAHEAD_FIRST;

    if (is_sequential(ahead, index) || (ahead->window == 0 && index == 0)) {
        window = MIN(MAX(ahead->window * 2, READAHEAD_FIRST), READAHEAD_MOST);
    }
    ahead->window = window;
    ahead->next = index + window;
    return index >= pages ? 1 : (unsigned)MIN(pages - index, window);
}

void readahead_reset(struct readahead *ahead)
{
    *ahead = (struct readahead){0};
}
