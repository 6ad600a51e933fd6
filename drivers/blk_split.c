/* SPDX-License-Identifier: MIT */
/*
 * Cuts a transfer at the device's limits: buffers per request and bytes per
 * buffer.  Neighbouring buffers that are one range in memory become one,
 * so that a file's pages in a large frame are a single one.
 */
#include "blk_split_priv.h"

#include <kernel/errno.h>

int blk_split_begin(struct blk_split *split, const struct blk_limits *limits, u64 sector,
                    const struct block_segment *segments, unsigned count)
{
    u64 total = 0;

    for (unsigned i = 0; i < count; i++) {
        if (segments[i].size == 0 || segments[i].size % BLOCK_SECTOR != 0 ||
            segments[i].address > UINT64_MAX - segments[i].size) {
            return -EINVAL;
        }
        total += segments[i].size / BLOCK_SECTOR;
    }
    if (sector > limits->sectors || total > limits->sectors - sector) {
        return -ENOSPC;
    }
    *split = (struct blk_split){.segment = segments, .left = count, .sector = sector};
    return 0;
}

/* Up to `max` bytes from where the split is. */
static struct block_segment take(struct blk_split *split, u32 max)
{
    u32 size = MIN(split->segment->size - split->offset, max);
    struct block_segment piece = {split->segment->address + split->offset, size};

    split->offset += size;
    if (split->offset == split->segment->size) {
        split->segment++;
        split->left--;
        split->offset = 0;
    }
    split->sector += size / BLOCK_SECTOR;
    return piece;
}

unsigned blk_split_next(struct blk_split *split, const struct blk_limits *limits, u64 *sector,
                        struct block_segment *out)
{
    unsigned count = 0;

    *sector = split->sector;
    while (split->left > 0) {
        struct block_segment *last = &out[count - 1];
        paddr_t next = split->segment->address + split->offset;

        if (count > 0 && last->address + last->size == next && last->size < limits->size) {
            last->size += take(split, limits->size - last->size).size;
        } else if (count < limits->segments) {
            out[count++] = take(split, limits->size);
        } else {
            break;
        }
    }
    return count;
}
