/* SPDX-License-Identifier: MIT */
/*
 * Read-ahead: a miss just where the last read ended doubles the window, up
 * to 2 MiB; any other miss starts with 32 KiB, because a request to the host
 * costs as much as copying that (kvm_pvm: an exit is 28 us).  A miss that
 * skips less than a window forward is still called sequential: mapped code
 * and archives are read with small gaps.
 *
 * A window of 256 KiB or more that ends near a multiple of 2 MiB ends there,
 * so that from then on whole frames of 2 MiB are read.
 *
 * A library or an archive of classes is looked at here and there until nearly
 * all of it is wanted: a JVM's start made 1250 requests of 20 KiB, which took
 * longer than all else.  Small files are therefore read by windows of 2 MiB.
 */
#include "readahead_priv.h"

#define ALIGN_FROM 64u   /* pages */
#define SMALL_DIVISOR 16 /* of the free memory */

static bool is_sequential(const struct readahead *ahead, u64 index)
{
    return ahead->window != 0 && index >= ahead->next && index - ahead->next < ahead->window;
}

bool readahead_is_streaming(const struct readahead *ahead, u64 index)
{
    return ahead->window >= ALIGN_FROM && is_sequential(ahead, index);
}

static u64 end_of_window(u64 index, unsigned window)
{
    u64 border = ALIGN_UP(index + 1, (u64)READAHEAD_MOST);

    return window >= ALIGN_FROM && index + window + window / 2 >= border ? border : index + window;
}

unsigned readahead_plan(struct readahead *ahead, u64 index, u64 pages)
{
    unsigned window = READAHEAD_FIRST;

    if (is_sequential(ahead, index) || (ahead->window == 0 && index == 0)) {
        window = MIN(MAX(ahead->window * 2, READAHEAD_FIRST), READAHEAD_MOST);
    }
    ahead->window = window;
    ahead->next = end_of_window(index, window);
    return index >= pages ? 1 : (unsigned)(MIN(pages, ahead->next) - index);
}

unsigned readahead_next(struct readahead *ahead, u64 pages, u64 *index)
{
    if (ahead->window < READAHEAD_MOST || ahead->next >= pages) {
        return 0;
    }
    *index = ahead->next;
    ahead->next = ALIGN_UP(*index + 1, (u64)READAHEAD_MOST);
    return (unsigned)(MIN(pages, ahead->next) - *index);
}

void readahead_undo(struct readahead *ahead, u64 index)
{
    if (ahead->next == ALIGN_UP(index + 1, (u64)READAHEAD_MOST)) { /* nobody has gone on since */
        ahead->next = index;
    }
}

void readahead_note_window(struct readahead *ahead, u64 index, u64 count)
{
    ahead->window = ahead->window != 0 && index == ahead->next ? READAHEAD_MOST : READAHEAD_FIRST;
    ahead->next = index + count;
}

bool readahead_takes_windows(u64 pages, u64 free_frames)
{
    return pages <= MIN((u64)READAHEAD_SMALL, free_frames / SMALL_DIVISOR);
}

void readahead_reset(struct readahead *ahead)
{
    *ahead = (struct readahead){0};
}
