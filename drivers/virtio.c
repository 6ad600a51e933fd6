/* SPDX-License-Identifier: MIT */
/*
 * Start and end of a virtio device (virtio 1.2, section 3.1): the same for
 * all transports and drivers, and tested on the host against fakes.
 *
 * Only features that are named somewhere in the drivers are agreed to.  A
 * device that is not of version 1 (legacy) is refused: its registers and
 * byte order are others, and each hypervisor can do better since 2016.
 */
#include "virtio_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/print.h>

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_FAILED 128u

/* Each look is an exit: this is seconds. */
#define RESET_TRIES 100000u

/* One that says 0 has been reset and not been used since (2.1). */
static bool reset(struct virtio_device *device)
{
    if (device->ops->get_status(device) == 0) {
        return true;
    }
    device->ops->set_status(device, 0);
    for (unsigned i = 0; i < RESET_TRIES; i++) {
        if (device->ops->get_status(device) == 0) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

static int refuse(struct virtio_device *device, const char *why)
{
    kprintf("%s: %s\n", device->name, why);
    return -ENODEV;
}

int virtio_negotiate(struct virtio_device *device, u64 wanted)
{
    const u8 driver = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    u64 offered;

    if (!reset(device)) {
        return refuse(device, "does not reset");
    }
    device->ops->set_status(device, driver);
    offered = device->ops->get_features(device);
    if ((offered & VIRTIO_F_VERSION_1) == 0) {
        return refuse(device, "offers no virtio 1 (QEMU: -global virtio-mmio.force-legacy=false)");
    }
    wanted |= VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;
    device->offered = offered;
    device->features = offered & wanted;
    device->ops->set_features(device, device->features);
    device->ops->set_status(device, driver | STATUS_FEATURES_OK);
    if ((device->ops->get_status(device) & STATUS_FEATURES_OK) == 0) {
        return refuse(device, "does not accept its own features");
    }
    return 0;
}

int virtio_start(struct virtio_device *device, void (*interrupt)(struct virtio_device *device))
{
    int err = 0;

    device->interrupt = interrupt;
    if (interrupt != NULL) {
        err = device->no_interrupts ? -ENODEV : device->ops->irq_set(device);
    }
    if (err != 0) {
        kprintf("%s: its interrupt cannot be routed (error %d)\n", device->name, -err);
        return err;
    }
    device->ops->set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK |
                                        STATUS_DRIVER_OK);
    return 0;
}

void virtio_give_up(struct virtio_device *device)
{
    (void)reset(device);
    device->ops->set_status(device, STATUS_FAILED);
}
