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
    {VIRTIO_ID_CONSOLE, "console", virtio_console_probe},
    {VIRTIO_ID_RNG, "random numbers", virtio_rng_probe},
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

void devices_init(void)
{
    static _Atomic bool done;

    if (atomic_exchange_explicit(&done, true, memory_order_relaxed)) {
        return;
    }
    power_init();
    virtio_mmio_scan(start_device);
    if (pci_init()) {
        virtio_pci_scan(start_device);
    }
    virtio_console_finish();
    serial_channel_init();
}
