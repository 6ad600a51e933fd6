/* SPDX-License-Identifier: MIT */
/*
 * Which driver is for which device.  Disks are numbered in the order in which the
 * transports have them: on both machines that of QEMU's command line.
 */
#include <drivers/devices.h>

#include "pci_priv.h"
#include "power_priv.h"
#include "serial_priv.h"
#include "virtio_priv.h"

#include <kernel/print.h>
#include <kernel/random.h>

static const struct {
    u32 id;
    const char *name;
    int (*probe)(struct virtio_device *device);
} drivers[] = {
    {VIRTIO_ID_BLOCK, "disk", virtio_blk_probe},
    {VIRTIO_ID_NET, "network", virtio_net_probe},
    {VIRTIO_ID_CONSOLE, "console", virtio_console_probe},
    {VIRTIO_ID_RNG, "random numbers", virtio_rng_probe},
    {VIRTIO_ID_BALLOON, "balloon", virtio_balloon_probe},
    {VIRTIO_ID_9P, "9P", virtio_9p_probe},
};

static void start_device(struct virtio_device *device)
{
    for (unsigned i = 0; i < ARRAY_SIZE(drivers); i++) {
        int err;

        if (drivers[i].id != device->id) {
            continue;
        }
        err = drivers[i].probe(device);
        if (err != 0) {
            virtio_give_up(device);
            kprintf("%s (%s): left out, error %d\n", device->name, drivers[i].name, -err);
        }
        return;
    }
    kprintf("%s: no driver for virtio id %u\n", device->name, device->id);
}

/* Start-up, one thread.  In the order in which they were found, until they are started. */
static struct {
    bool done;
    struct virtio_device *first, **end;
} found = {.end = &found.first};

static void note(struct virtio_device *device)
{
    *found.end = device;
    found.end = &device->next;
}

static void find_all(void)
{
    if (found.done) {
        return;
    }
    found.done = true;
    power_init();
    virtio_mmio_scan(note);
    if (pci_init()) {
        virtio_pci_scan(note);
    }
}

/* A second time there are none. */
void devices_init_disks(void)
{
    find_all();
    for (struct virtio_device **at = &found.first; *at != NULL;) {
        struct virtio_device *device = *at;

        if (device->id == VIRTIO_ID_BLOCK) {
            *at = device->next;
            start_device(device);
        } else {
            at = &device->next;
        }
    }
}

void devices_init(void)
{
    static _Atomic bool done;

    if (atomic_exchange_explicit(&done, true, memory_order_relaxed)) {
        return;
    }
    devices_init_disks();
    for (struct virtio_device *device = found.first; device != NULL; device = device->next) {
        start_device(device);
    }
    virtio_console_finish();
    serial_channel_init();
}
