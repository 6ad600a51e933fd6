/* SPDX-License-Identifier: MIT */
/*
 * Making a network card ready: features, configuration, queues (virtio 1.2,
 * 5.1.3 to 5.1.5).
 *
 * With several pairs of queues the device spreads what it receives over them, by
 * connection, and each pair has a processor for its interrupts, if the transport
 * has messages enough.  The control queue has one command for us: how many pairs.
 */
#include "virtio_net_priv.h"
#include "virtio_request_priv.h"

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define CONFIG_ADDRESS 0
#define CONFIG_PAIRS 8 /* and the MTU */

#define RECEIVE_SIZE 1024
#define SEND_SIZE 256
#define MTU_ETHERNET 1500u
#define MTU_LEAST 68u

#define OFFLOADS_SEND (NET_F_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6)
#define OFFLOADS_RECEIVE (NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)
#define BASIC (NET_F_MAC | NET_F_STATUS | NET_F_MRG_RXBUF | NET_F_CTRL_VQ | NET_F_MQ)
/* Only with mergeable buffers: packets that are larger than one. */
#define LARGE (NET_F_MTU | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6)

/* Of a device: the control queue is behind them. */
#define PAIRS_MOST 0x7fffu

#define CONTROL_CLASS_MQ 4u
#define CONTROL_PAIRS_SET 0u
#define CONTROL_OK 0u
#define CONTROL_PATIENCE NSEC_PER_SEC

static int negotiate(struct virtio_device *device)
{
    const u64 wanted = BASIC | LARGE | OFFLOADS_SEND | OFFLOADS_RECEIVE;
    int err = virtio_negotiate(device, wanted);

    if (err == 0 && (device->features & NET_F_MRG_RXBUF) == 0 && (device->features & LARGE) != 0) {
        err = virtio_negotiate(device, wanted & ~LARGE);
    }
    return err;
}

static bool has(const struct virtio_device *device, u64 features)
{
    return (device->features & features) == features;
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
        if (has(device, features[i].virtio)) {
            result |= features[i].ours;
        }
    }
    return result;
}

/* Few accesses: each is an exit.  Also how many pairs of queues the device has. */
static u16 read_config(struct net *net)
{
    struct virtio_device *device = net->device;
    struct netdev *dev = &net->dev;
    u16 word[2], mtu = MTU_ETHERNET, pairs = 1;

    device->ops->read_config(device, CONFIG_ADDRESS, dev->address, 4);
    device->ops->read_config(device, NET_CONFIG_STATUS, word, sizeof(word));
    memcpy(dev->address + 4, word, 2);
    if (!has(device, NET_F_MAC)) {
        u64 random = random_u64();

        memcpy(dev->address, &random, sizeof(dev->address));
        dev->address[0] = (dev->address[0] & 0xfc) | 2; /* locally administered, one station */
    }
    atomic_store_explicit(&dev->link_up,
                          !has(device, NET_F_STATUS) || (word[1] & NET_STATUS_LINK_UP) != 0,
                          memory_order_relaxed);
    if ((device->features & (NET_F_MTU | NET_F_MQ)) != 0) {
        /* Without an MTU the configuration ends behind the first. */
        device->ops->read_config(device, CONFIG_PAIRS, word, has(device, NET_F_MTU) ? 4 : 2);
        mtu = has(device, NET_F_MTU) ? word[1] : mtu;
        pairs = has(device, NET_F_MQ | NET_F_CTRL_VQ) && word[0] <= PAIRS_MOST ? word[0] : pairs;
    }
    dev->mtu = mtu >= MTU_LEAST ? mtu : MTU_ETHERNET;
    dev->features = features_of(device);
    return pairs;
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

/* Behind all queues that the device has, used or not.  NULL: there is none. */
static struct virtio_request *make_control(struct virtio_device *device, u16 device_pairs,
                                           struct virtio_requests *control)
{
    return control != NULL &&
                   virtio_requests_init(control, device, 2 * device_pairs, 1, 3, CACHE_LINE) == 0
               ? virtio_request_take(control)
               : NULL;
}

/* The device is started; it may say no, or nothing. */
static bool use_pairs(struct virtio_requests *control, struct virtio_request *request, u16 pairs)
{
    u8 *extra = request->extra;
    paddr_t at = virt_to_phys(extra);
    nsec_t deadline = clock_now() + CONTROL_PATIENCE;

    extra[0] = CONTROL_CLASS_MQ;
    extra[1] = CONTROL_PAIRS_SET;
    memcpy(extra + 2, &pairs, 2);
    extra[4] = 0xff;
    if (!ring_table_add(&request->table, at, 2, false) ||
        !ring_table_add(&request->table, at + 2, 2, false) ||
        !ring_table_add(&request->table, at + 4, 1, true) ||
        virtio_request_start(control, request) != 0) {
        return false;
    }
    virtio_requests_show(control);
    while (!virtio_request_is_done(control, request)) {
        if (clock_now() > deadline) {
            return false;
        }
        sched_yield();
    }
    return request->error == 0 && extra[4] == CONTROL_OK;
}

int net_set_up(struct net *net, void (*interrupt)(struct virtio_device *device))
{
    struct virtio_device *device = net->device;
    struct virtio_requests *control = NULL;
    struct virtio_request *request = NULL;
    u16 device_pairs;
    int err = negotiate(device);

    if (err != 0) {
        return err;
    }
    device_pairs = read_config(net);
    net->dev.queues = MAX(MIN(device_pairs, MIN((u16)cpu_count(), (u16)NETDEV_QUEUES_MAX)), (u16)1);
    if (net->dev.queues > 1 && device->ops->queue_vectors != NULL) {
        device->ops->queue_vectors(device, net->dev.queues);
    }
    net->pairs = kzalloc(net->dev.queues * sizeof(*net->pairs));
    if (net->pairs == NULL) {
        return -ENOMEM;
    }
    for (u16 i = 0; i < net->dev.queues && err == 0; i++) {
        err = set_up_pair(net, i);
    }
    if (err == 0 && net->dev.queues > 1) {
        control = kzalloc(sizeof(*control));
        request = make_control(device, device_pairs, control);
    }
    if (err == 0) {
        err = virtio_start(device, interrupt);
    }
    /* The first pair works in any case. */
    if (err == 0 && net->dev.queues > 1 &&
        (request == NULL || !use_pairs(control, request, net->dev.queues))) {
        net->dev.queues = 1;
    }
    return err;
}
