/* SPDX-License-Identifier: MIT */
/*
 * Disks: virtio-blk (virtio 1.2, section 5.2).
 *
 * A transfer becomes one request, more if it exceeds the device's limits.
 * A request is a header, the caller's memory itself, and a byte of status.
 * Several threads have requests under way at a time; each sends one after
 * the other, since callers that want more depth have more threads.
 */
#include "blk_split_priv.h"
#include "virtio_request_priv.h"

#include <kernel/block.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>

#define BLK_F_SIZE_MAX (1ull << 1)
#define BLK_F_SEG_MAX (1ull << 2)
#define BLK_F_RO (1ull << 5)
#define BLK_F_BLK_SIZE (1ull << 6)
#define BLK_F_FLUSH (1ull << 9)

#define CONFIG_CAPACITY 0
#define CONFIG_SIZE_MAX 8
#define CONFIG_SEG_MAX 12
#define CONFIG_BLK_SIZE 20

#define TYPE_IN 0u
#define TYPE_OUT 1u
#define TYPE_FLUSH 4u
#define STATUS_OK 0u

#define REQUESTS 16
#define SEGMENTS_MAX 126u
/* A buffer that no device of ours can tell from an unlimited one. */
#define BUFFER_MAX (1u << 30)

struct blk_header {
    u32 type;
    u32 reserved;
    u64 sector;
};

/* In each request's `extra`. */
struct blk_extra {
    struct blk_header header;
    u8 status;
    struct block_segment segments[SEGMENTS_MAX]; /* as cut for this request */
};

/* (c) constant once registered */
struct blk {
    struct block_device block;       /* (c) */
    struct virtio_requests requests; /* its own locks */
    struct blk_limits limits;        /* (c) */
    char name[8];                    /* (c) */
};

static int run(struct blk *blk, struct virtio_request *request)
{
    struct blk_extra *extra = request->extra;
    u32 length;
    int err;

    extra->status = 0xff;
    if (!ring_table_add(&request->table, virt_to_phys(&extra->status), 1, true)) {
        return -EIO;
    }
    err = virtio_request_run(&blk->requests, request, &length);
    return err == 0 && extra->status == STATUS_OK ? 0 : -EIO;
}

static void put_header(struct virtio_request *request, u32 type, u64 sector)
{
    struct blk_extra *extra = request->extra;

    request->table.count = 0;
    extra->header = (struct blk_header){type, 0, sector};
    (void)ring_table_add(&request->table, virt_to_phys(&extra->header), sizeof(extra->header),
                         false);
}

static int blk_transfer(struct block_device *device, bool write, u64 sector,
                        const struct block_segment *segments, unsigned count)
{
    struct blk *blk = device->priv;
    struct virtio_request *request;
    struct blk_extra *extra;
    struct blk_split split;
    unsigned pieces;
    int err;

    if (write && device->read_only) {
        return -EROFS;
    }
    err = blk_split_begin(&split, &blk->limits, sector, segments, count);
    if (err != 0) {
        return err;
    }
    request = virtio_request_take(&blk->requests);
    extra = request->extra;
    while (err == 0 &&
           (pieces = blk_split_next(&split, &blk->limits, &sector, extra->segments)) > 0) {
        put_header(request, write ? TYPE_OUT : TYPE_IN, sector);
        for (unsigned i = 0; i < pieces; i++) {
            (void)ring_table_add(&request->table, extra->segments[i].address,
                                 extra->segments[i].size, !write);
        }
        err = run(blk, request);
    }
    virtio_request_put(&blk->requests, request);
    return err;
}

static int blk_flush(struct block_device *device)
{
    struct blk *blk = device->priv;
    struct virtio_request *request;
    int err;

    if ((blk->requests.queue.device->features & BLK_F_FLUSH) == 0) {
        return 0; /* it has no cache that a power failure loses */
    }
    request = virtio_request_take(&blk->requests);
    put_header(request, TYPE_FLUSH, 0);
    err = run(blk, request);
    virtio_request_put(&blk->requests, request);
    return err;
}

static u32 config_u32(struct virtio_device *device, u32 offset)
{
    u32 value;

    device->ops->read_config(device, offset, &value, sizeof(value));
    return value;
}

static void read_limits(struct blk *blk, struct virtio_device *device)
{
    struct block_device *block = &blk->block;
    u32 segments = SEGMENTS_MAX, size = BUFFER_MAX, sector_size = BLOCK_SECTOR;

    device->ops->read_config(device, CONFIG_CAPACITY, &block->sectors, sizeof(block->sectors));
    if ((device->features & BLK_F_SEG_MAX) != 0) {
        segments = MIN(segments, config_u32(device, CONFIG_SEG_MAX));
    }
    if ((device->features & BLK_F_SIZE_MAX) != 0) {
        size = MIN(size, config_u32(device, CONFIG_SIZE_MAX));
    }
    if ((device->features & BLK_F_BLK_SIZE) != 0) {
        sector_size = config_u32(device, CONFIG_BLK_SIZE);
    }
    blk->limits = (struct blk_limits){
        .segments = MAX(segments, 1u),
        .size = MAX(ALIGN_DOWN(size, BLOCK_SECTOR), BLOCK_SECTOR),
        .sectors = block->sectors,
    };
    block->sector_size = sector_size == 4096 ? 4096 : BLOCK_SECTOR;
    block->read_only = (device->features & BLK_F_RO) != 0;
}

static void blk_interrupt(struct virtio_device *device)
{
    struct blk *blk = device->driver;

    virtio_requests_interrupt(&blk->requests);
}

static void name_disk(struct blk *blk)
{
    static char letter = 'a'; /* probes run one after the other */

    ksnprintf(blk->name, sizeof(blk->name), "vd%c", letter);
    letter = (char)MIN(letter + 1, 'z');
    blk->block.name = blk->name;
}

int virtio_blk_probe(struct virtio_device *device)
{
    struct blk *blk = kzalloc(sizeof(*blk));
    int err;

    if (blk == NULL) {
        return -ENOMEM;
    }
    device->driver = blk;
    err = virtio_negotiate(device, BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE |
                                       BLK_F_FLUSH);
    if (err == 0) {
        read_limits(blk, device);
        err = virtio_requests_init(&blk->requests, device, 0, REQUESTS,
                                   (u16)(blk->limits.segments + 2), sizeof(struct blk_extra));
    }
    if (err == 0) {
        blk->limits.segments = MIN(blk->limits.segments, blk->requests.table_max - 2u);
        blk->block.segments_max = blk->limits.segments;
        err = virtio_start(device, blk_interrupt);
    }
    if (err != 0) {
        return err; /* what the device may know of stays allocated */
    }
    blk->block.transfer = blk_transfer;
    blk->block.flush = blk_flush;
    blk->block.priv = blk;
    name_disk(blk);
    block_register(&blk->block);
    return 0;
}
