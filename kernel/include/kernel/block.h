/* SPDX-License-Identifier: MIT */
/*
 * A block device, as a driver offers it to the file systems.  Registered at
 * start-up; constant afterwards.
 */
#pragma once

#include <kernel/types.h>

#define BLOCK_SECTOR 512u

struct block_segment { /* physically contiguous, multiples of a sector */
    paddr_t address;
    u32 size;
};

struct block_device {
    const char *name; /* "vda" */
    u64 sectors;      /* of 512 bytes */
    u32 sector_size;  /* what the device likes: 512 or 4096 */
    u32 segments_max; /* of one request */
    bool read_only;
    /*
     * Reads or writes from `sector` on and waits.  Thread context, no
     * spinlock; several at a time.  0, -EIO, -EROFS, -ENOSPC.
     */
    int (*transfer)(struct block_device *device, bool write, u64 sector,
                    const struct block_segment *segments, unsigned count);
    int (*flush)(struct block_device *device);
    void *priv;
};

void block_register(struct block_device *device);
/* By number, in the order of registration; NULL if there are not so many. */
struct block_device *block_find(unsigned number);
