/* SPDX-License-Identifier: MIT */
/*
 * Random numbers from the host (virtio 1.2, section 5.4): one request at
 * start-up, into the kernel's generator.  A generator that was seeded with
 * 256 bits needs no more of them.
 */
#include "virtio_request_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/random.h>

#define SEED_BYTES 64u

static void rng_interrupt(struct virtio_device *device)
{
    virtio_requests_interrupt(device->driver);
}

static int fetch(struct virtio_requests *requests)
{
    struct virtio_request *request = virtio_request_take(requests);
    u32 length = 0;
    int err;

    (void)ring_table_add(&request->table, virt_to_phys(request->extra), SEED_BYTES, true);
    err = virtio_request_run(requests, request, &length);
    if (err == 0) {
        random_add(request->extra, MIN(length, SEED_BYTES));
    }
    virtio_request_put(requests, request);
    return err;
}

int virtio_rng_probe(struct virtio_device *device)
{
    struct virtio_requests *requests = kzalloc(sizeof(*requests));
    int err;

    if (requests == NULL) {
        return -ENOMEM;
    }
    device->driver = requests;
    err = virtio_negotiate(device, 0);
    if (err == 0) {
        err = virtio_requests_init(requests, device, 0, 1, 1, SEED_BYTES);
    }
    if (err == 0) {
        err = virtio_start(device, rng_interrupt);
    }
    return err != 0 ? err : fetch(requests);
}
