/* SPDX-License-Identifier: MIT */
/*
 * A device's queue: a ring in memory of the kernel's, made known to the
 * device.  The memory is never given back: devices stay for good.
 */
#include "virtio_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/string.h>

int virtio_queue_init(struct virtio_queue *queue, struct virtio_device *device, u16 index, u16 size)
{
    u16 max = device->ops->queue_max(device, index);
    void **cookies;
    char *memory;
    paddr_t pa;
    int err;

    while (size > max) {
        size /= 2;
    }
    if (size == 0) {
        return -ENODEV;
    }
    memory = kmalloc_aligned(ring_memory_size(size), CACHE_LINE);
    cookies = kzalloc(size * sizeof(*cookies));
    if (memory == NULL || cookies == NULL) {
        kfree(memory);
        kfree(cookies);
        return -ENOMEM;
    }
    memset(memory, 0, ring_memory_size(size));
    spinlock_init(&queue->lock, "virtio queue", RANK_DEVICE);
    queue->device = device;
    queue->index = index;
    ring_init(&queue->ring, size, memory, cookies, (device->features & VIRTIO_F_EVENT_IDX) != 0);
    pa = virt_to_phys(memory);
    err = device->ops->queue_set(device, index, size, pa, pa + ring_avail_offset(size),
                                 pa + ring_used_offset(size));
    if (err != 0) {
        kfree(memory);
        kfree(cookies);
    }
    sched_yield(); /* that was half a millisecond on kvm_pvm, and a disk may have answered */
    return err;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
    queue->device->ops->notify(queue->device, queue->index);
}
