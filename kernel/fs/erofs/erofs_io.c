/* SPDX-License-Identifier: MIT */
/*
 * Contents of an EROFS image.  Pages whose bytes lie on the device one after
 * the other go straight there, as one request for as many as follow each
 * other; what lies inline, in small blocks or at the very end is copied from
 * the pages that hold the metadata.
 */
#include "erofs_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/io.h>
#include <kernel/string.h>

#define SEGMENTS 16u

/* Pages to be read by one request. */
struct request {
    u64 start, end; /* on the device */
    unsigned count;
    struct block_segment segment[SEGMENTS];
};

static int send(struct block_device *device, struct request *request)
{
    int error = 0;

    if (request->count > 0) {
        error = device->transfer(device, false, request->start / BLOCK_SECTOR, request->segment,
                                 request->count);
    }
    request->count = 0;
    return error;
}

/* A page from `offset` of the device, as part of the request or the first of a new one. */
static int add_page(struct block_device *device, struct request *request, u64 offset, pfn_t frame)
{
    unsigned most = MIN(MAX(device->segments_max, 1u), SEGMENTS);
    paddr_t address = frame << PAGE_SHIFT;
    int error = 0;

    if (request->count > 0 && offset == request->end) {
        struct block_segment *last = &request->segment[request->count - 1];

        if (address == last->address + last->size) {
            last->size += PAGE_SIZE;
            request->end += PAGE_SIZE;
            return 0;
        }
    }
    if (request->count > 0 && (offset != request->end || request->count == most)) {
        error = send(device, request);
    }
    if (request->count == 0) {
        request->start = offset;
    }
    request->segment[request->count++] = (struct block_segment){address, PAGE_SIZE};
    request->end = offset + PAGE_SIZE;
    return error;
}

/* Can the page's bytes be read by the device, and from where? */
static bool on_device(const struct erofs *fs, const struct erofs_extent *extent, u64 in_file)
{
    u64 unit = MAX(fs->device->sector_size, BLOCK_SECTOR);

    return !extent->hole && extent->size >= in_file && IS_ALIGNED(extent->offset, unit) &&
           extent->offset + PAGE_SIZE <= fs->device->sectors * BLOCK_SECTOR;
}

static int read_page(struct erofs *fs, const struct erofs_inode *inode, u64 index, pfn_t frame,
                     struct request *request)
{
    u64 offset = index * PAGE_SIZE;
    u64 in_file = offset < inode->node.size ? MIN(inode->node.size - offset, PAGE_SIZE) : 0;
    struct erofs_extent extent;
    int error;

    if (in_file == 0) {
        memset(pfn_to_virt(frame), 0, PAGE_SIZE);
        return 0;
    }
    error = erofs_image_map(&fs->image, &inode->node, offset, &extent);
    if (error != 0) {
        return error;
    }
    if (on_device(fs, &extent, in_file)) {
        return add_page(fs->device, request, extent.offset, frame);
    }
    memset((u8 *)pfn_to_virt(frame) + in_file, 0, PAGE_SIZE - in_file);
    return erofs_image_read(&fs->image, &inode->node, offset, pfn_to_virt(frame), in_file);
}

/* What lies on the device behind the end of a file is not for the application. */
static void zero_tail(const struct erofs_inode *inode, u64 index, const pfn_t *frames,
                      unsigned count)
{
    u64 end = inode->node.size, page = end / PAGE_SIZE;

    if (page >= index && page - index < count) {
        memset((u8 *)pfn_to_virt(frames[page - index]) + end % PAGE_SIZE, 0,
               PAGE_SIZE - end % PAGE_SIZE);
    }
}

static int read_pages(struct inode *base, u64 index, const pfn_t *frames, unsigned count)
{
    const struct erofs_inode *inode = container_of(base, struct erofs_inode, inode);
    struct erofs *fs = erofs_of(base);
    struct request request = {.count = 0};
    int error = 0;

    for (unsigned i = 0; i < count && error == 0; i++) {
        error = read_page(fs, inode, index + i, frames[i], &request);
    }
    if (error == 0) {
        error = send(fs->device, &request);
    }
    if (error == 0) {
        zero_tail(inode, index, frames, count);
    }
    return error;
}

const struct page_cache_ops erofs_page_ops = {
    .read = read_pages,
};

/* Pages of the device itself; its last one may be a part only. */
static int read_device(struct inode *meta, u64 index, const pfn_t *frames, unsigned count)
{
    struct erofs *fs = container_of(meta, struct erofs, meta);
    u64 size = fs->device->sectors * BLOCK_SECTOR;
    struct request request = {.count = 0};
    int error = 0;

    for (unsigned i = 0; i < count && error == 0; i++) {
        u64 offset = (index + i) * PAGE_SIZE;

        if (offset + PAGE_SIZE <= size) {
            error = add_page(fs->device, &request, offset, frames[i]);
            continue;
        }
        memset(pfn_to_virt(frames[i]), 0, PAGE_SIZE);
        if (offset < size) {
            struct block_segment part = {frames[i] << PAGE_SHIFT, (u32)(size - offset)};

            error = fs->device->transfer(fs->device, false, offset / BLOCK_SECTOR, &part, 1);
        }
    }
    return error == 0 ? send(fs->device, &request) : error;
}

static const struct page_cache_ops device_ops = {
    .read = read_device,
};

static int read_image(struct erofs_image *image, u64 offset, void *buf, size_t len)
{
    struct erofs *fs = container_of(image, struct erofs, image);
    struct iovec vec;
    struct io io;
    int error;

    io_init(&io, &vec, buf, len, true);
    error = page_cache_read(fs->meta.pages, &io, &offset);
    return error == 0 && io.left != 0 ? -EIO : error;
}

int erofs_io_init(struct erofs *fs)
{
    fs->image.size = fs->device->sectors * BLOCK_SECTOR;
    fs->image.read = read_image;
    inode_init(&fs->meta, &fs->super, NULL, S_IFREG);
    atomic_store_explicit(&fs->meta.size, fs->image.size, memory_order_relaxed);
    return page_cache_new(&fs->meta, &device_ops, &fs->meta.pages);
}

void erofs_io_end(struct erofs *fs)
{
    page_cache_free(fs->meta.pages);
}
