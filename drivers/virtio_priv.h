/* SPDX-License-Identifier: MIT */
/*
 * A virtio device (virtio 1.2) as its driver sees it, whichever way it is
 * attached: the transport is a table of functions (virtio_mmio.c,
 * virtio_pci.c, and fakes in the host tests).
 *
 * A driver's probe function, in thread context:
 *     virtio_negotiate(device, WANTED) -> configuration -> virtio_queue_init()
 *     -> virtio_start(device, interrupt)
 * and an error from it leaves the device out: it is reset and named in a line.
 */
#pragma once

#include "virtio_ring_priv.h"
#include <kernel/spinlock.h>
#include <kernel/types.h>

#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u
#define VIRTIO_ID_CONSOLE 3u
#define VIRTIO_ID_RNG 4u
#define VIRTIO_ID_BALLOON 5u
#define VIRTIO_ID_9P 9u

#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

struct virtio_device;

struct virtio_transport_ops {
    u8 (*get_status)(struct virtio_device *device);
    void (*set_status)(struct virtio_device *device, u8 status);
    u64 (*get_features)(struct virtio_device *device);
    void (*set_features)(struct virtio_device *device, u64 features);
    /* The most that queue `index` may have; 0: there is no such queue. */
    u16 (*queue_max)(struct virtio_device *device, u16 index);
    /* Tries to give queues so many interrupts: device->queue_vectors.  NULL: it can't. */
    void (*queue_vectors)(struct virtio_device *device, u16 wanted);
    int (*queue_set)(struct virtio_device *device, u16 index, u16 size, paddr_t desc, paddr_t avail,
                     paddr_t used);
    void (*notify)(struct virtio_device *device, u16 index);
    /* Consistent: all of one generation.  The offset is a multiple of 4. */
    void (*read_config)(struct virtio_device *device, u32 offset, void *buf, u32 size);
    /* One field of 32 bits; the offset is a multiple of 4. */
    void (*write_config)(struct virtio_device *device, u32 offset, u32 value);
    /* Routes the device's interrupts to device->interrupt. */
    int (*irq_set)(struct virtio_device *device);
};

/* (c) constant once started */
struct virtio_device {
    char name[24];                                   /* (c) "virtio-blk mmio/0" for messages */
    u32 id;                                          /* (c) VIRTIO_ID_* */
    const struct virtio_transport_ops *ops;          /* (c) */
    u64 offered, features;                           /* (c) of those: negotiated */
    void (*interrupt)(struct virtio_device *device); /* (c) interrupt context */
    void *driver;                                    /* (c) its own */
    u64 transport[8];                                /* (c) the transport's own */
    bool hears_config;  /* (c) interrupts for that too: virtio_start() */
    bool no_interrupts; /* (c) the transport has none for it */
    /*
     * (c) 0: all queues share one interrupt.  Else queues 2n and 2n + 1 have one, for which
     * queue_interrupt is called with n; set by ops->queue_vectors(), before the queues are set up.
     */
    u16 queue_vectors;
    void (*queue_interrupt)(struct virtio_device *device, unsigned number);
    struct virtio_device *next; /* (c) found after this one */
};

/*
 * Resets the device and agrees on VERSION_1, the ring's features, and those of
 * `wanted` that it offers.  -ENODEV: does not reset, is not of version 1, or
 * does not take the features.
 */
must_check int virtio_negotiate(struct virtio_device *device, u64 wanted);
/*
 * Interrupts may come from here on; the queues may be used.  With NULL there are none, and
 * who waits looks now and then; without no_interrupts that is a waste.
 */
must_check int virtio_start(struct virtio_device *device,
                            void (*interrupt)(struct virtio_device *device));
/* After an error: no use of memory by the device any more. */
void virtio_give_up(struct virtio_device *device);

struct virtio_queue {
    struct spinlock lock; /* RANK_DEVICE */
    struct ring ring;     /* under it */
    struct virtio_device *device;
    u16 index;
};
/* At most `size` entries, a power of two.  0, -ENODEV (no such queue), -ENOMEM. */
must_check int virtio_queue_init(struct virtio_queue *queue, struct virtio_device *device,
                                 u16 index, u16 size);
/* Not under the lock: it is an exit. */
void virtio_queue_notify(struct virtio_queue *queue);

/* For transports: words as long as they fit, then a half and a byte, as a device counts its
 * length. */
static inline void virtio_copy_config(volatile void *from, void *buf, u32 size)
{
    u8 *to = buf;
    u32 i = 0;

    for (; size - i >= 4; i += 4) {
        u32 word = *(volatile u32 *)((volatile u8 *)from + i);

        __builtin_memcpy(to + i, &word, sizeof(word));
    }
    if (size - i >= 2) {
        u16 half = *(volatile u16 *)((volatile u8 *)from + i);

        __builtin_memcpy(to + i, &half, sizeof(half));
        i += 2;
    }
    if (i < size) {
        to[i] = *((volatile u8 *)from + i);
    }
}

/* Found by the transports: calls `found` for each device there is. */
typedef void (*virtio_found)(struct virtio_device *device);
void virtio_mmio_scan(virtio_found found);
void virtio_pci_scan(virtio_found found);

/* Drivers: 0 or -errno; `device` stays for good if it was 0. */
must_check int virtio_blk_probe(struct virtio_device *device);
must_check int virtio_net_probe(struct virtio_device *device);
must_check int virtio_console_probe(struct virtio_device *device);
/* After all probes: waits until the ports are known. */
void virtio_console_finish(void);
must_check int virtio_rng_probe(struct virtio_device *device);
must_check int virtio_balloon_probe(struct virtio_device *device);
must_check int virtio_9p_probe(struct virtio_device *device);
