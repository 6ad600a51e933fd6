/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes back to the host (virtio 1.2, section 5.5): kernel/pressure/balloon.c
 * decides, this one tells the device.
 *
 * When it is found the device is only noted.  Setting it up is about a millisecond on
 * kvm_pvm, which a program of a second shall not pay: the kernel calls start() when
 * the program has run for a while.
 *
 * What is inflated and deflated goes as a list of the numbers of 4 KiB frames; what is
 * reported as buffers, the blocks themselves, of which the device may drop the contents.
 * One list is on its way at a time.
 */
#include "virtio_request_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pressure.h>

#define F_MUST_TELL_HOST (1ull << 0)
#define F_STATS_VQ (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)
#define F_FREE_PAGE_HINT (1ull << 3)
#define F_REPORTING (1ull << 5)
#define WANTED (F_MUST_TELL_HOST | F_DEFLATE_ON_OOM | F_REPORTING)

/* struct virtio_balloon_config: how many frames the host wants, and how many it has. */
#define CONFIG_WANTED 0u
#define CONFIG_ACTUAL 4u

/* Frame numbers in one list. */
#define LIST_MOST (8 * MIB / PAGE_SIZE)

/* (c) constant once started */
struct balloon {
    struct virtio_device *device;            /* (c) */
    struct virtio_requests inflate, deflate; /* (c) each has its lock */
    struct virtio_requests report;           /* (c) if the device offers that */
};

static bool reports(const struct balloon *balloon)
{
    return (balloon->device->features & F_REPORTING) != 0;
}

static void balloon_interrupt(struct virtio_device *device)
{
    struct balloon *balloon = device->driver;

    virtio_requests_interrupt(&balloon->inflate);
    virtio_requests_interrupt(&balloon->deflate);
    if (reports(balloon)) {
        virtio_requests_interrupt(&balloon->report);
    }
    balloon_changed();
}

/* Of statistics and hints there are queues if the device offers them, whether or not we do. */
static u16 report_queue(const struct virtio_device *device)
{
    return (u16)(2 + ((device->offered & F_STATS_VQ) != 0) +
                 ((device->offered & F_FREE_PAGE_HINT) != 0));
}

static int set_up(struct balloon *balloon)
{
    struct virtio_device *device = balloon->device;
    int error = virtio_negotiate(device, WANTED);

    if (error == 0) {
        error = virtio_requests_init(&balloon->inflate, device, 0, 1, 1, LIST_MOST * sizeof(u32));
    }
    if (error == 0) {
        error = virtio_requests_init(&balloon->deflate, device, 1, 1, 1, LIST_MOST * sizeof(u32));
    }
    if (error == 0 && reports(balloon)) {
        error = virtio_requests_init(&balloon->report, device, report_queue(device), 1,
                                     BALLOON_REPORT_BATCH, 0);
    }
    if (error == 0) {
        device->hears_config = true;
        error = virtio_start(device, device->no_interrupts ? NULL : balloon_interrupt);
    }
    return error;
}

static int start(void *arg, unsigned *features)
{
    struct balloon *balloon = arg;
    int error = set_up(balloon);

    if (error != 0) {
        virtio_give_up(balloon->device);
        return error;
    }
    *features = reports(balloon) ? BALLOON_REPORT : 0;
    if (balloon->device->no_interrupts) {
        *features |= BALLOON_ASK;
    }
    if ((balloon->device->features & F_DEFLATE_ON_OOM) != 0) {
        *features |= BALLOON_TAKE_BACK;
    }
    return 0;
}

static u64 wanted(void *arg)
{
    struct balloon *balloon = arg;
    u32 frames = 0;

    balloon->device->ops->read_config(balloon->device, CONFIG_WANTED, &frames, sizeof(frames));
    return frames;
}

static void tell(void *arg, u64 frames)
{
    struct balloon *balloon = arg;

    balloon->device->ops->write_config(balloon->device, CONFIG_ACTUAL, (u32)frames);
}

static u32 list_frames(u32 *list, const struct frame_block *blocks, unsigned count)
{
    u32 frames = 0;

    for (unsigned i = 0; i < count; i++) {
        for (u64 j = 0; j < 1ull << blocks[i].order && frames < LIST_MOST; j++) {
            list[frames++] = (u32)(blocks[i].pfn + j);
        }
    }
    return frames;
}

static int send_list(struct virtio_requests *requests, const struct frame_block *blocks,
                     unsigned count)
{
    struct virtio_request *request = virtio_request_take(requests);
    u32 frames = list_frames(request->extra, blocks, count), length;
    int error;

    (void)ring_table_add(&request->table, virt_to_phys(request->extra), frames * sizeof(u32),
                         false);
    error = virtio_request_run(requests, request, &length);
    virtio_request_put(requests, request);
    return error;
}

static int inflate(void *arg, const struct frame_block *blocks, unsigned count)
{
    return send_list(&((struct balloon *)arg)->inflate, blocks, count);
}

static int deflate(void *arg, const struct frame_block *blocks, unsigned count)
{
    return send_list(&((struct balloon *)arg)->deflate, blocks, count);
}

/* Where tables are small it takes several. */
static int report(void *arg, const struct frame_block *blocks, unsigned count)
{
    struct virtio_requests *requests = &((struct balloon *)arg)->report;
    struct virtio_request *request = virtio_request_take(requests);
    int error = 0;
    u32 length;

    for (unsigned i = 0; i < count && error == 0;) {
        request->table.count = 0;
        while (i < count && ring_table_add(&request->table, blocks[i].pfn << PAGE_SHIFT,
                                           (u32)(PAGE_SIZE << blocks[i].order), true)) {
            i++;
        }
        error = virtio_request_run(requests, request, &length);
    }
    virtio_request_put(requests, request);
    return error;
}

static void stop(void *arg)
{
    virtio_give_up(((struct balloon *)arg)->device);
}

static const struct balloon_ops ops = {
    .start = start,
    .wanted = wanted,
    .inflate = inflate,
    .deflate = deflate,
    .tell = tell,
    .report = report,
    .stop = stop,
};

int virtio_balloon_probe(struct virtio_device *device)
{
    struct balloon *balloon = kzalloc(sizeof(*balloon));

    if (balloon == NULL) {
        return -ENOMEM;
    }
    balloon->device = device;
    device->driver = balloon;
    balloon_register(&ops, balloon);
    return 0;
}
