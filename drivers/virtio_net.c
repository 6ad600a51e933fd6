/* SPDX-License-Identifier: MIT */
/*
 * Network cards: virtio-net (virtio 1.2, section 5.1).
 *
 * A card that is found is only noted; it is set up when somebody opens it, which
 * is some forty exits.  Its interrupts do not say what they are for (finding out
 * would be an exit, 28 us on kvm_pvm), and are few, as queues are silent while
 * they are looked at: so each looks at all queues, and at the link only a while
 * later, once for all interrupts until then.
 */
#include "virtio_net_priv.h"

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/random.h>
#include <kernel/string.h>

#define CONFIG_ADDRESS 0
#define CONFIG_ADDRESS_END 4 /* and the status */
#define CONFIG_PAIRS 8       /* and the MTU */

#define STATUS_LINK_UP 1u

#define RECEIVE_SIZE 1024
#define SEND_SIZE 256
#define MTU_ETHERNET 1500u
#define MTU_LEAST 68u

/* At the link, after an interrupt. */
#define LOOK_AFTER (100 * NSEC_PER_MSEC)

#define OFFLOADS_SEND (NET_F_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6)
#define OFFLOADS_RECEIVE (NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)
#define BASIC (NET_F_MAC | NET_F_STATUS | NET_F_MRG_RXBUF)
/* Only with mergeable buffers: packets that are larger than one. */
#define LARGE (NET_F_MTU | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)

static struct net *net_of(struct netdev *dev)
{
    return container_of(dev, struct net, dev);
}

/* ---- The link ---- */

static void set_link(struct net *net, bool up)
{
    if (atomic_exchange_explicit(&net->dev.link_up, up, memory_order_relaxed) != up) {
        net->dev.client->link(&net->dev);
    }
}

static void look_at_link(struct timer *timer)
{
    struct net *net = container_of(timer, struct net, look);
    u16 word[2];

    /* Before the look: an interrupt that comes now wants another. */
    atomic_store_explicit(&net->looks, false, memory_order_seq_cst);
    net->device->ops->read_config(net->device, CONFIG_ADDRESS_END, word, sizeof(word));
    set_link(net, (word[1] & STATUS_LINK_UP) != 0);
}

static void look_soon(struct net *net)
{
    if ((net->device->features & NET_F_STATUS) != 0 &&
        !atomic_exchange_explicit(&net->looks, true, memory_order_seq_cst)) {
        timer_start_loosely(&net->look, clock_now() + LOOK_AFTER, LOOK_AFTER, true);
    }
}

static void net_interrupt(struct virtio_device *device)
{
    struct net *net = device->driver;

    atomic_fetch_add_explicit(&net->interrupts, 1, memory_order_relaxed);
    for (unsigned i = 0; i < net->dev.queues; i++) {
        bool wake = net_receive_interrupt(&net->pairs[i].receive);

        wake |= net_send_interrupt(&net->pairs[i].send);
        if (wake) {
            net->dev.client->wake(&net->dev, i);
        }
    }
    look_soon(net);
}

/* ---- Setting it up ---- */

static int negotiate(struct virtio_device *device)
{
    const u64 wanted = BASIC | LARGE | OFFLOADS_SEND | OFFLOADS_RECEIVE;
    int err = virtio_negotiate(device, wanted);

    if (err == 0 && (device->features & NET_F_MRG_RXBUF) == 0 && (device->features & LARGE) != 0) {
        err = virtio_negotiate(device, wanted & ~LARGE);
    }
    return err;
}

static u32 features_of(const struct virtio_device *device)
{
    static const struct {
        u64 virtio;
        u32 ours;
    } features[] = {
        {NET_F_CSUM, NETDEV_CHECKSUM},
        {NET_F_CSUM | NET_F_HOST_TSO4, NETDEV_SEGMENT_TCP4},
        {NET_F_CSUM | NET_F_HOST_TSO6, NETDEV_SEGMENT_TCP6},
        {NET_F_GUEST_CSUM, NETDEV_RECEIVE_GOOD},
        {NET_F_GUEST_CSUM | NET_F_GUEST_TSO4, NETDEV_RECEIVE_LARGE},
        {NET_F_GUEST_CSUM | NET_F_GUEST_TSO6, NETDEV_RECEIVE_LARGE},
    };
    u32 result = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        if ((device->features & features[i].virtio) == features[i].virtio) {
            result |= features[i].ours;
        }
    }
    return result;
}

/* Few accesses: each is an exit. */
static void read_config(struct net *net)
{
    struct virtio_device *device = net->device;
    struct netdev *dev = &net->dev;
    u16 word[2], mtu = MTU_ETHERNET;

    device->ops->read_config(device, CONFIG_ADDRESS, dev->address, 4);
    device->ops->read_config(device, CONFIG_ADDRESS_END, word, sizeof(word));
    memcpy(dev->address + 4, word, 2);
    if ((device->features & NET_F_MAC) == 0) {
        u64 random = random_u64();

        memcpy(dev->address, &random, sizeof(dev->address));
        dev->address[0] = (dev->address[0] & 0xfc) | 2; /* locally administered, one station */
    }
    atomic_store_explicit(&dev->link_up,
                          (device->features & NET_F_STATUS) == 0 || (word[1] & STATUS_LINK_UP) != 0,
                          memory_order_relaxed);
    if ((device->features & NET_F_MTU) != 0) {
        device->ops->read_config(device, CONFIG_PAIRS, word, sizeof(word));
        mtu = word[1];
    }
    dev->mtu = mtu >= MTU_LEAST ? mtu : MTU_ETHERNET;
    dev->features = features_of(device);
}

/* Others may keep a thirty-second of the memory in received packets. */
static u32 buffers_limit(const struct net *net)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    return (u32)MAX(stats.total * PAGE_SIZE / 32 / NET_BLOCK / net->dev.queues, 2u * RECEIVE_SIZE);
}

static int set_up_pair(struct net *net, u16 number)
{
    struct net_pair *pair = &net->pairs[number];
    int err = virtio_queue_init(&pair->receive.queue, net->device, 2 * number, RECEIVE_SIZE);

    if (err == 0) {
        err = virtio_queue_init(&pair->send.queue, net->device, 2 * number + 1, SEND_SIZE);
    }
    if (err == 0) {
        net_send_init(&pair->send);
        err = net_receive_init(&pair->receive, &net->dev, number, buffers_limit(net));
    }
    return err;
}

static int set_up(struct net *net)
{
    int err = negotiate(net->device);

    if (err != 0) {
        return err;
    }
    read_config(net);
    net->dev.queues = 1;
    net->pairs = kzalloc(net->dev.queues * sizeof(*net->pairs));
    if (net->pairs == NULL) {
        return -ENOMEM;
    }
    for (u16 i = 0; i < net->dev.queues && err == 0; i++) {
        err = set_up_pair(net, i);
    }
    return err != 0 ? err : virtio_start(net->device, net_interrupt);
}

static int open_card(struct netdev *dev)
{
    struct net *net = net_of(dev);
    int err = set_up(net);

    if (err != 0) { /* what the device may know of stays allocated */
        virtio_give_up(net->device);
        kprintf("%s: left out, error %d\n", net->device->name, -err);
        return err;
    }
    for (unsigned i = 0; i < dev->queues; i++) {
        (void)net_receive_listen(&net->pairs[i].receive);
        virtio_queue_notify(&net->pairs[i].receive.queue);
    }
    return 0;
}

/* ---- What the network stack calls ---- */

static void card_send(struct netdev *dev, unsigned queue, struct netdev_send *list)
{
    net_send(&net_of(dev)->pairs[queue].send, list);
}

static struct netdev_send *card_sent(struct netdev *dev, unsigned queue)
{
    return net_sent(&net_of(dev)->pairs[queue].send);
}

static struct netdev_buffer *card_receive(struct netdev *dev, unsigned queue, unsigned budget)
{
    return net_receive(&net_of(dev)->pairs[queue].receive, budget);
}

static void card_give_back(struct netdev *dev, struct netdev_buffer *buffers)
{
    while (buffers != NULL) {
        buffers = net_give_back(&net_of(dev)->pairs[buffers->queue].receive, buffers);
    }
}

static bool card_pending(struct netdev *dev, unsigned queue)
{
    struct net_pair *pair = &net_of(dev)->pairs[queue];

    return net_ring_pending(&pair->receive.queue, &pair->receive.broken) ||
           net_ring_pending(&pair->send.queue, &pair->send.broken) ||
           atomic_load_explicit(&pair->send.done, memory_order_relaxed) != NULL;
}

static bool card_listen(struct netdev *dev, unsigned queue, unsigned what)
{
    struct net_pair *pair = &net_of(dev)->pairs[queue];
    bool there = false;

    if ((what & NETDEV_LISTEN_RECEIVE) != 0) {
        there |= net_receive_listen(&pair->receive);
    }
    if ((what & NETDEV_LISTEN_SENT) != 0) {
        there |= net_send_listen(&pair->send);
    }
    return there;
}

static void card_get_stats(struct netdev *dev, struct netdev_stats *stats)
{
    struct net *net = net_of(dev);

    *stats = (struct netdev_stats){
        .interrupts = atomic_load_explicit(&net->interrupts, memory_order_relaxed),
    };
    for (unsigned i = 0; i < dev->queues; i++) {
        const struct net_receive *rx = &net->pairs[i].receive;
        const struct net_send *tx = &net->pairs[i].send;

        stats->receive_packets += rx->packets;
        stats->receive_bytes += rx->bytes;
        stats->receive_errors += rx->errors;
        stats->send_packets += tx->packets;
        stats->send_bytes += tx->bytes;
        stats->send_errors += tx->errors;
        stats->notifications += rx->notifications + tx->notifications;
    }
}

static const struct netdev_ops card_ops = {
    .open = open_card,
    .send = card_send,
    .sent = card_sent,
    .receive = card_receive,
    .give_back = card_give_back,
    .pending = card_pending,
    .listen = card_listen,
    .get_stats = card_get_stats,
};

int virtio_net_probe(struct virtio_device *device)
{
    static unsigned number; /* probes run one after the other */
    struct net *net = kzalloc(sizeof(*net));

    if (net == NULL) {
        return -ENOMEM;
    }
    net->device = device;
    device->driver = net;
    device->hears_config = true;
    timer_setup(&net->look, look_at_link);
    ksnprintf(net->name, sizeof(net->name), "eth%u", number++);
    net->dev.name = net->name;
    net->dev.ops = &card_ops;
    netdev_register(&net->dev);
    return 0;
}
