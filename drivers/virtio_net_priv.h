/* SPDX-License-Identifier: MIT */
/*
 * The network card's two halves of a pair of queues: virtio_net_send.c and
 * virtio_net_receive.c, which know nothing of the device but its rings and
 * are tested on the host against a device that lies; virtio_net.c has the rest.
 */
#pragma once

#include "virtio_priv.h"

#include <kernel/netdev.h>
#include <kernel/timer.h>

#define NET_F_CSUM (1ull << 0)
#define NET_F_GUEST_CSUM (1ull << 1)
#define NET_F_MTU (1ull << 3)
#define NET_F_MAC (1ull << 5)
#define NET_F_GUEST_TSO4 (1ull << 7)
#define NET_F_GUEST_TSO6 (1ull << 8)
#define NET_F_HOST_TSO4 (1ull << 11)
#define NET_F_HOST_TSO6 (1ull << 12)
#define NET_F_MRG_RXBUF (1ull << 15)
#define NET_F_STATUS (1ull << 16)
#define NET_F_CTRL_VQ (1ull << 17)
#define NET_F_MQ (1ull << 22)

/* Of the configuration: the end of the address, and the status. */
#define NET_CONFIG_STATUS 4
#define NET_STATUS_LINK_UP 1u

/* Before each packet, in both directions (virtio 1.2, 5.1.6). */
struct net_header {
    u8 flags;
    u8 gso_type;
    u16 header_size;
    u16 gso_size;
    u16 checksum_start;
    u16 checksum_offset;
    u16 buffers; /* received ones: how many the packet is in */
};
#define NET_NEEDS_CHECKSUM 1u
#define NET_DATA_VALID 2u
#define NET_GSO_NONE 0u
#define NET_GSO_TCP4 1u
#define NET_GSO_TCP6 4u
#define NET_GSO_ECN 0x80u

/* A buffer's memory: its description, then what the device is given. */
#define NET_BLOCK 2048u
#define NET_BLOCK_DATA 128u
#define NET_ROOM (NET_BLOCK - NET_BLOCK_DATA)
#define NET_PIECES_MAX ((NETDEV_PACKET_MAX + sizeof(struct net_header)) / NET_ROOM + 2)

/* (q) the queue's lock   (c) constant   (a) atomic */
struct net_receive {
    struct virtio_queue queue;
    struct netdev *dev;           /* (c) */
    u16 number;                   /* (c) of the pair */
    u32 limit;                    /* (c) of `total` */
    struct netdev_buffer *free;   /* (q) linked by next */
    u32 free_count;               /* (q) */
    u32 posted;                   /* (q) the device has them; total - free - posted: others do */
    u32 total;                    /* (q) */
    u32 target;                   /* (q) the device is to have so many */
    struct netdev_buffer *packet; /* (q) the part of a packet that is there; NULL: not wanted */
    struct netdev_buffer *last;   /* (q) its last piece so far */
    u16 left;                     /* (q) pieces that are missing */
    bool listening;               /* (q) */
    _Atomic bool broken;          /* (a), set under (q) */
    u64 packets, bytes, errors, notifications; /* (q) */
};

struct net_send {
    struct virtio_queue queue;
    struct netdev_send *waiting, *waiting_last; /* (q) for room in the ring */
    _Atomic(struct netdev_send *) done;         /* (q), (a) to look whether there are any */
    u32 out;                                    /* (q) in the ring */
    bool listening;                             /* (q) */
    _Atomic bool broken;                        /* (a), set under (q) */
    u64 packets, bytes, errors, notifications;  /* (q) */
};

struct net_pair {
    struct net_receive receive;
    struct net_send send;
};

struct net {
    struct netdev dev;
    struct virtio_device *device; /* (c) */
    struct net_pair *pairs;       /* (c) once opened: dev.queues of them */
    char name[8];                 /* (c) */
    _Atomic u64 interrupts;       /* (a) */
    struct timer look;            /* at the link: see virtio_net.c */
    _Atomic bool looks;           /* (a) it is started */
};

/* Is there something to take?  A broken ring gives nothing any more.  Without a lock. */
static inline bool net_ring_pending(const struct virtio_queue *queue, const _Atomic bool *broken)
{
    return ring_pending(&queue->ring) && !atomic_load_explicit(broken, memory_order_relaxed);
}

/* virtio_net_receive.c: the ring is set up; fills it, but does not tell the device. */
must_check int net_receive_init(struct net_receive *rx, struct netdev *dev, u16 number, u32 limit);
struct netdev_buffer *net_receive(struct net_receive *rx, unsigned budget);
/* Takes the buffers at the head of the list that are this queue's; the rest. */
struct netdev_buffer *net_give_back(struct net_receive *rx, struct netdev_buffer *buffers);
bool net_receive_listen(struct net_receive *rx);
/* From the interrupt: is the client to be woken? */
bool net_receive_interrupt(struct net_receive *rx);

/* virtio_net_setup.c: all up to the first packet. */
must_check int net_set_up(struct net *net, void (*interrupt)(struct virtio_device *device));

/* virtio_net_send.c */
void net_send_init(struct net_send *tx);
void net_send(struct net_send *tx, struct netdev_send *list);
struct netdev_send *net_sent(struct net_send *tx);
bool net_send_listen(struct net_send *tx);
bool net_send_interrupt(struct net_send *tx);
