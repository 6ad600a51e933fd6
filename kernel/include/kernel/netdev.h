/* SPDX-License-Identifier: MIT */
/*
 * A network card, as a driver offers it to the network stack.
 *
 * A card that was found costs nothing until it is opened.  Then packets come and
 * go by its queues, each of which belongs to a CPU by its interrupts but may be
 * used by any thread:
 *
 *     send:     netdev_send(list) ... the device reads the fragments ... netdev_sent() -> list
 *     receive:  netdev_receive(budget) -> packets -> netdev_return(buffers)
 *
 * Nothing is copied and nothing calls back but `wake`, in the interrupt: it says
 * that a queue has something, and is silent from then on, until netdev_listen()
 * asks for it again.  So who waits may look at netdev_pending() (two loads, no
 * exit) and take packets itself, without any interrupt.
 *
 * Which way the card cheats is no danger: lengths, counts and offsets that come
 * from the device have been checked before they are here, but what is in a packet
 * has not.
 */
#pragma once

#include <kernel/types.h>

struct netdev;

/* Features: what of `send` and of received packets may be used. */
#define NETDEV_CHECKSUM 1u       /* NETDEV_SEND_CHECKSUM */
#define NETDEV_SEGMENT_TCP4 2u   /* NETDEV_SEND_SEGMENT of TCP over IPv4 */
#define NETDEV_SEGMENT_TCP6 4u   /* ... over IPv6 */
#define NETDEV_RECEIVE_GOOD 8u   /* received packets may have NETDEV_CHECKSUM_GOOD */
#define NETDEV_RECEIVE_LARGE 16u /* and be of several segments, up to NETDEV_PACKET_MAX */

#define NETDEV_ADDRESS 6u        /* bytes of an Ethernet address */
#define NETDEV_HEADER 14u        /* of an Ethernet header, which the MTU does not count */
#define NETDEV_HEADROOM 16u      /* see netdev_send.fragments */
#define NETDEV_PACKET_MAX 65550u /* bytes: Ethernet header and 64 KiB of IP */
#define NETDEV_FRAGMENTS_MAX 20u /* of a packet that is sent */
#define NETDEV_QUEUES_MAX 16u

/* ---- Sending ---- */

struct netdev_fragment { /* physically contiguous */
    paddr_t address;
    u32 size; /* above 0 */
};

#define NETDEV_SEND_CHECKSUM 1u
#define NETDEV_SEND_SEGMENT 2u /* TCP; needs NETDEV_SEND_CHECKSUM too */
#define NETDEV_SEND_IPV6 4u    /* with _SEGMENT: which of the two it is */

/*
 * A packet on its way out.  From netdev_send() until netdev_sent() gives it back, it, its
 * fragments and their memory are the driver's, which only writes `next` and the headroom.
 *
 * CHECKSUM: the card sums from byte `checksum_start` of the packet to its end, and
 * stores the complement `checksum_offset` bytes behind that start; the sum of the
 * pseudo-header is in that place already.
 * SEGMENT: the card makes packets of `segment` bytes of data, each with a copy of
 * the first `header_size` bytes, and adjusts IP's and TCP's header.  The checksum
 * of IPv4's header is correct as if the packet were sent whole.
 */
struct netdev_send {
    struct netdev_send *next;
    /* The first one lies NETDEV_HEADROOM bytes behind its memory's start: the driver writes there.
     */
    const struct netdev_fragment *fragments;
    u16 count;
    u16 flags; /* NETDEV_SEND_* */
    u16 checksum_start, checksum_offset;
    u16 segment, header_size;
};

/* ---- Receiving ---- */

#define NETDEV_CHECKSUM_GOOD 1u /* TCP's or UDP's needs no look: the host vouches for it */
#define NETDEV_CHECKSUM_PARTIAL \
    2u                   /* it never was made (the sender is on this host): no look, but \
                            forwarding would have to make it */
#define NETDEV_SCARCE 4u /* few buffers are left: better copied and returned than kept */

/*
 * A received packet is a chain of buffers; the first has the whole Ethernet header.  Whoever has
 * one may change what is in it, and return each buffer on its own, in any order, at any time; while
 * many are kept, fewer are there to receive with.
 */
struct netdev_buffer {
    struct netdev_buffer *next;   /* of this packet; NULL: the last */
    struct netdev_buffer *packet; /* in the first: the next packet; NULL: the last */
    struct netdev *dev;           /* (c) constant */
    u8 *data;                     /* what was received begins here; in the kernel's direct map */
    u32 size;                     /* bytes of it in this buffer; above 0 */
    u32 room;                     /* (c) bytes of memory that this buffer keeps */
    /* In the packet's first buffer: */
    u32 total;    /* bytes of the whole packet, Ethernet header included: 14 .. NETDEV_PACKET_MAX */
    u16 pieces;   /* buffers */
    u16 flags;    /* NETDEV_CHECKSUM_*, NETDEV_SCARCE */
    u16 segment;  /* several TCP segments that were merged: bytes of each; 0: one packet */
    u16 queue;    /* that it came by */
    u64 owner[8]; /* its holder's own: the driver does not look */
};

/* ---- The card ---- */

/*
 * Who uses it.  Both in interrupt context, no lock held; they may call all below but open.
 */
struct netdev_client {
    /* The queue has packets, or some that were sent are done, and it is silent now. */
    void (*wake)(struct netdev *dev, unsigned queue);
    /* netdev->link_up has changed. */
    void (*link)(struct netdev *dev);
    void *priv;
};

struct netdev_stats { /* since it was opened; as of a moment ago */
    u64 receive_packets, receive_bytes, receive_errors;
    u64 send_packets, send_bytes, send_errors;
    u64 interrupts, notifications; /* each is an exit */
};

/* netdev_listen() */
#define NETDEV_LISTEN_RECEIVE 1u
#define NETDEV_LISTEN_SENT 2u

struct netdev_ops {
    int (*open)(struct netdev *dev);
    void (*send)(struct netdev *dev, unsigned queue, struct netdev_send *list);
    struct netdev_send *(*sent)(struct netdev *dev, unsigned queue);
    struct netdev_buffer *(*receive)(struct netdev *dev, unsigned queue, unsigned budget);
    void (*give_back)(struct netdev *dev, struct netdev_buffer *buffers);
    bool (*pending)(struct netdev *dev, unsigned queue);
    bool (*listen)(struct netdev *dev, unsigned queue, unsigned what);
    void (*get_stats)(struct netdev *dev, struct netdev_stats *stats);
};

/* (c) constant once registered   (o) constant once opened   (a) atomic */
struct netdev {
    const char *name;             /* (c) "eth0" */
    const struct netdev_ops *ops; /* (c) the driver's; called by the functions below only */
    void *driver;                 /* (c) the driver's own */
    struct netdev_client *client; /* (o) */
    u8 address[NETDEV_ADDRESS];   /* (o) */
    u16 mtu;                      /* (o) 68 .. 65535 */
    u16 queues;                   /* (o) 1 .. NETDEV_QUEUES_MAX */
    u32 features;                 /* (o) NETDEV_* */
    _Atomic bool link_up;         /* (a) */
};

void netdev_register(struct netdev *dev);
/* By number, in the order of registration; NULL if there are not so many. */
struct netdev *netdev_find(unsigned number);

/*
 * Makes it ready, which takes a millisecond or so: once, thread context, no spinlock held.
 * All queues listen for received packets when it returns; `wake` may be called before
 * that.  0, -ENODEV, -ENOMEM: then it was the only call.
 */
must_check int netdev_open(struct netdev *dev, struct netdev_client *client);

/*
 * All following: of an opened card, any context but NMI, with spinlocks of a rank
 * below RANK_DEVICE held; none waits.  One queue's are for several CPUs at a time.
 */

/*
 * Sends a list of packets, in order, with one notification at most.  What does not fit
 * into the queue waits in it: so a sender should bound what it has under way.  A packet
 * that the card can't send (broken, link down) is dropped: it is done like the others.
 */
static inline void netdev_send(struct netdev *dev, unsigned queue, struct netdev_send *list)
{
    dev->ops->send(dev, queue, list);
}

/*
 * Packets that are done, in no order; NULL: none.  The card says nothing of them unless it was
 * asked by netdev_listen(): ask here before sending, and when receiving.
 */
static inline struct netdev_send *netdev_sent(struct netdev *dev, unsigned queue)
{
    return dev->ops->sent(dev, queue);
}

/*
 * Up to `budget` received packets in their order, NULL if there are none; gives the card new
 * buffers for them.  Fewer than `budget` does not mean that there are no more: listen tells.
 */
static inline struct netdev_buffer *netdev_receive(struct netdev *dev, unsigned queue,
                                                   unsigned budget)
{
    return dev->ops->receive(dev, queue, budget);
}

/* Takes back a list of buffers, linked by `next`: of one packet, or of several. */
static inline void netdev_return(struct netdev *dev, struct netdev_buffer *buffers)
{
    dev->ops->give_back(dev, buffers);
}

/* Would netdev_receive() or netdev_sent() find something, as of now?  No lock, no exit. */
static inline bool netdev_pending(struct netdev *dev, unsigned queue)
{
    return dev->ops->pending(dev, queue);
}

/*
 * `wake` is wanted, once, when a packet is received, or when the last of those that are under
 * way now is done (NETDEV_LISTEN_*).  True if that is so already: then it may not come.
 * 0: neither, which is how it is after `wake`.
 */
must_check static inline bool netdev_listen(struct netdev *dev, unsigned queue, unsigned what)
{
    return dev->ops->listen(dev, queue, what);
}

static inline void netdev_get_stats(struct netdev *dev, struct netdev_stats *stats)
{
    dev->ops->get_stats(dev, stats);
}
