/* SPDX-License-Identifier: MIT */
/*
 * Folders of the host: the channel to QEMU's 9P server (virtio-9p, named in
 * virtio 1.2 section 5 by its id only; its configuration is the length and
 * the letters of the mount tag).
 */
#include "virtio_request_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/p9.h>
#include <kernel/print.h>

#define P9_F_MOUNT_TAG (1ull << 0)

#define REQUESTS 16
/* QEMU takes up to 128 buffers, and the client's header and page ends need some. */
#define SEGMENTS_MAX 124u
#define SEGMENTS_SPARE 4u
/* What is contiguous is one segment, so their number says nothing of this; QEMU takes any size. */
#define SIZE_MAX_MESSAGE (4u << 20)

struct p9_channel {
    struct p9_transport transport;
    struct virtio_requests requests;
};

static bool add_all(struct virtio_request *request, const struct p9_segment *segments,
                    unsigned count, bool write)
{
    for (unsigned i = 0; i < count; i++) {
        if (!ring_table_add(&request->table, segments[i].address, segments[i].size, write)) {
            return false;
        }
    }
    return true;
}

static int p9_request(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                      const struct p9_segment *in, unsigned ins, u32 *length)
{
    struct p9_channel *channel = transport->priv;
    struct virtio_request *request = virtio_request_take(&channel->requests);
    int err = -EIO;

    if (add_all(request, out, outs, false) && add_all(request, in, ins, true)) {
        err = virtio_request_run(&channel->requests, request, length);
    }
    virtio_request_put(&channel->requests, request);
    return err;
}

static void *p9_start(struct p9_transport *transport, const struct p9_segment *out, unsigned outs,
                      const struct p9_segment *in, unsigned ins)
{
    struct p9_channel *channel = transport->priv;
    struct virtio_request *request = virtio_request_try(&channel->requests);

    if (request == NULL) {
        return NULL;
    }
    if (!add_all(request, out, outs, false) || !add_all(request, in, ins, true) ||
        virtio_request_start(&channel->requests, request) != 0) {
        virtio_request_put(&channel->requests, request);
        return NULL;
    }
    return request;
}

static void p9_show(struct p9_transport *transport)
{
    struct p9_channel *channel = transport->priv;

    virtio_requests_show(&channel->requests);
}

static bool p9_is_done(struct p9_transport *transport, void *started)
{
    struct p9_channel *channel = transport->priv;

    return virtio_request_is_done(&channel->requests, started);
}

static int p9_finish(struct p9_transport *transport, void *started, u32 *length)
{
    struct p9_channel *channel = transport->priv;
    int err = virtio_request_wait(&channel->requests, started, length);

    virtio_request_put(&channel->requests, started);
    return err;
}

static void p9_interrupt(struct virtio_device *device)
{
    struct p9_channel *channel = device->driver;

    virtio_requests_interrupt(&channel->requests);
}

/* u16 length, then so many letters without a NUL. */
static int read_tag(struct virtio_device *device, struct p9_transport *transport)
{
    u8 bytes[2 + sizeof(transport->tag)];
    u32 length;

    device->ops->read_config(device, 0, bytes, 2);
    length = bytes[0] | (u32)bytes[1] << 8;
    if (length == 0 || length >= sizeof(transport->tag)) {
        kprintf("%s: a mount tag of %u letters, 1 to %u can be used\n", device->name, length,
                (unsigned)sizeof(transport->tag) - 1);
        return -EINVAL;
    }
    device->ops->read_config(device, 0, bytes, length + 2);
    for (u32 i = 0; i < length; i++) {
        transport->tag[i] = (char)bytes[2 + i];
    }
    return 0;
}

int virtio_9p_probe(struct virtio_device *device)
{
    struct p9_channel *channel = kzalloc(sizeof(*channel));
    int err;

    if (channel == NULL) {
        return -ENOMEM;
    }
    device->driver = channel;
    err = virtio_negotiate(device, P9_F_MOUNT_TAG);
    if (err == 0) {
        err = read_tag(device, &channel->transport);
    }
    if (err == 0) {
        err = virtio_requests_init(&channel->requests, device, 0, REQUESTS, SEGMENTS_MAX, 0);
    }
    if (err == 0 && channel->requests.table_max <= SEGMENTS_SPARE) {
        err = -ENODEV;
    }
    if (err == 0) {
        err = virtio_start(device, p9_interrupt);
    }
    if (err != 0) {
        return err;
    }
    channel->transport.segments_max = channel->requests.table_max;
    channel->transport.size_max = SIZE_MAX_MESSAGE;
    channel->transport.request = p9_request;
    channel->transport.start = p9_start;
    channel->transport.show = p9_show;
    channel->transport.is_done = p9_is_done;
    channel->transport.finish = p9_finish;
    channel->transport.priv = channel;
    p9_register(&channel->transport);
    return 0;
}
