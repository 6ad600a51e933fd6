/* SPDX-License-Identifier: MIT */
/* A disk transfer cut into requests that the device takes. */
#pragma once

#include <kernel/block.h>
#include <kernel/types.h>

struct blk_limits {
    u32 segments; /* buffers of one request, above 0 */
    u32 size;     /* bytes of one buffer, a multiple of BLOCK_SECTOR above 0 */
    u64 sectors;  /* of the device */
};

/* Where a transfer is; the next request starts there. */
struct blk_split {
    const struct block_segment *segment;
    unsigned left; /* segments, the current one included */
    u32 offset;    /* done of the current one */
    u64 sector;
};

/*
 * 0, or -EINVAL: a size or address that is no multiple of a sector; -ENOSPC: beyond the
 * end of the device.
 */
must_check int blk_split_begin(struct blk_split *split, const struct blk_limits *limits, u64 sector,
                               const struct block_segment *segments, unsigned count);
/*
 * The buffers of the next request, at most limits->segments; their number, 0
 * at the end.  *sector is where it starts.
 */
unsigned blk_split_next(struct blk_split *split, const struct blk_limits *limits, u64 *sector,
                        struct block_segment *out);
