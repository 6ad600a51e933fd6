/* SPDX-License-Identifier: MIT */
/*
 * Slides: where the two places overlap, one piece after the other that is as
 * long as the distance between them, each to where the one before it was.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "remap_priv.h"

/*
 * Steps of less are copied.  512 of that size, of memory that is in no cache, take 4.5 ms by
 * mremap(2) and 8.3 ms by copies; of 4 KiB 1.3 ms and 0.2 ms (`make bench-hooks
 * BENCH_HOOKS_FLAGS='--groups remap'`, Linux 6.18).
 */
#define STEP_LEAST (64ul << 10)

static int move_part(const struct moka_pair *pair, size_t done, size_t size)
{
    const struct moka_pair part = {
        .to = (char *)pair->to + done, .from = (char *)pair->from + done, .size = size};

    return linux_pieces(&part, linux_move_piece);
}

static int slide_by_moves(const struct moka_pair *pair, bool down, size_t step)
{
    int error = 0;

    for (size_t done = 0; done < pair->size && error == 0;) {
        size_t left = pair->size - done, size = left < step ? left : step;

        error = move_part(pair, down ? done : left - size, size);
        done += size;
    }
    return error;
}

static int copy_piece(struct linux_piece *piece)
{
    return linux_copy(piece);
}

/* Page by page upward: pieces of a copy that overlaps have to go from the end. */
static int slide_by_copying(const struct moka_pair *pair, bool down)
{
    int error = 0;

    if (down) {
        return linux_pieces(pair, copy_piece);
    }
    for (size_t left = pair->size; left > 0 && error == 0; left -= PAGE_SIZE) {
        const struct moka_pair page = {.to = (char *)pair->to + left - PAGE_SIZE,
                                       .from = (char *)pair->from + left - PAGE_SIZE,
                                       .size = PAGE_SIZE};

        error = linux_pieces(&page, copy_piece);
    }
    return error;
}

/* What of `from` is not in `to`. */
static int empty_rest(const struct moka_pair *pair, bool down, size_t distance)
{
    size_t size = distance < pair->size ? distance : pair->size;
    char *start = down ? (char *)pair->from + pair->size - size : (char *)pair->from;

    return madvise(start, size, MADV_DONTNEED) == 0 ? 0 : -errno;
}

int linux_slide_pair(const struct moka_pair *pair, bool leave)
{
    uintptr_t to = (uintptr_t)pair->to, from = (uintptr_t)pair->from;
    bool down = to < from;
    size_t distance = down ? from - to : to - from;
    int error;

    if (distance == 0) {
        return 0;
    }
    if (distance >= STEP_LEAST && pair->size >= STEP_LEAST) {
        return slide_by_moves(pair, down, distance);
    }
    error = slide_by_copying(pair, down);
    return error != 0 || leave ? error : empty_rest(pair, down, distance);
}
