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
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>

/* At the link, after an interrupt. */
#define LOOK_AFTER (100 * NSEC_PER_MSEC)

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
    net->device->ops->read_config(net->device, NET_CONFIG_STATUS, word, sizeof(word));
    set_link(net, (word[1] & NET_STATUS_LINK_UP) != 0);
}

static void look_soon(struct net *net)
{
    if ((net->device->features & NET_F_STATUS) != 0 &&
        !atomic_exchange_explicit(&net->looks, true, memory_order_seq_cst)) {
        timer_start_loosely(&net->look, clock_now() + LOOK_AFTER, LOOK_AFTER, true);
    }
}

static void look_at_pair(struct net *net, unsigned number)
{
    bool wake = net_receive_interrupt(&net->pairs[number].receive);

    wake |= net_send_interrupt(&net->pairs[number].send);
    if (wake) {
        net->dev.client->wake(&net->dev, number);
    }
}

/* One for all; or, where each pair has its own, for the rest. */
static void net_interrupt(struct virtio_device *device)
{
    struct net *net = device->driver;

    atomic_fetch_add_explicit(&net->interrupts, 1, memory_order_relaxed);
    if (device->queue_vectors == 0) {
        for (unsigned i = 0; i < net->dev.queues; i++) {
            look_at_pair(net, i);
        }
    }
    look_soon(net);
}

static void pair_interrupt(struct virtio_device *device, unsigned number)
{
    struct net *net = device->driver;

    atomic_fetch_add_explicit(&net->interrupts, 1, memory_order_relaxed);
    look_at_pair(net, number);
}

static int open_card(struct netdev *dev)
{
    struct net *net = net_of(dev);
    int err = net_set_up(net, net_interrupt);

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
    device->queue_interrupt = pair_interrupt;
    timer_setup(&net->look, look_at_link);
    ksnprintf(net->name, sizeof(net->name), "eth%u", number++);
    net->dev.name = net->name;
    net->dev.ops = &card_ops;
    netdev_register(&net->dev);
    return 0;
}
