/* SPDX-License-Identifier: MIT */
/*
 * What the drivers have found, for the layers that use it: disks, 9P servers,
 * byte channels, network cards.  Nothing is ever taken out, so a pointer that was found
 * stays good, and searching needs no lock: an entry is written before the
 * count that shows it.
 */
#include <kernel/block.h>
#include <kernel/console.h>
#include <kernel/netdev.h>
#include <kernel/p9.h>
#include <kernel/print.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>

#define REGISTRY_MAX 32u

struct registry {
    struct spinlock lock; /* who adds */
    _Atomic unsigned count;
    void *entry[REGISTRY_MAX];
};

static struct registry blocks = {.lock = SPINLOCK_INIT("disks", RANK_DEVICE)};
static struct registry servers = {.lock = SPINLOCK_INIT("9P servers", RANK_DEVICE)};
static struct registry channels = {.lock = SPINLOCK_INIT("byte channels", RANK_DEVICE)};
static struct registry cards = {.lock = SPINLOCK_INIT("network cards", RANK_DEVICE)};

/* Of whoever watches the terminal as a whole. */
static struct poll_source terminal_source = {
    .lock = SPINLOCK_INIT("terminal watches", RANK_POLL),
    .watches = {&terminal_source.watches, &terminal_source.watches},
};

static void registry_add(struct registry *registry, void *entry, const char *name)
{
    bool irq = spin_lock(&registry->lock);
    unsigned count = atomic_load_explicit(&registry->count, memory_order_relaxed);

    if (count < REGISTRY_MAX) {
        registry->entry[count] = entry;
        atomic_store_explicit(&registry->count, count + 1, memory_order_release);
    }
    spin_unlock(&registry->lock, irq);
    if (count == REGISTRY_MAX) {
        kprintf("devices: more than %u, '%s' is not used\n", REGISTRY_MAX, name);
    }
}

static void *registry_find(struct registry *registry, unsigned number)
{
    return number < atomic_load_explicit(&registry->count, memory_order_acquire)
               ? registry->entry[number]
               : NULL;
}

void block_register(struct block_device *device)
{
    registry_add(&blocks, device, device->name);
}

struct block_device *block_find(unsigned number)
{
    return registry_find(&blocks, number);
}

void p9_register(struct p9_transport *transport)
{
    registry_add(&servers, transport, transport->tag);
}

struct p9_transport *p9_find(unsigned number)
{
    return registry_find(&servers, number);
}

void channel_register(struct byte_channel *channel)
{
    registry_add(&channels, channel, channel->name);
}

struct byte_channel *channel_find(const char *name)
{
    struct byte_channel *channel;

    for (unsigned i = 0; (channel = registry_find(&channels, i)) != NULL; i++) {
        if (strcmp(channel->name, name) == 0) {
            return channel;
        }
    }
    return NULL;
}

struct poll_source *channel_terminal_source(void)
{
    return &terminal_source;
}

void channel_notify(struct byte_channel *channel, u32 events)
{
    poll_notify(&channel->source, events);
    if (channel->terminal) {
        poll_notify(&terminal_source, events);
    }
}

void netdev_register(struct netdev *dev)
{
    registry_add(&cards, dev, dev->name);
}

struct netdev *netdev_find(unsigned number)
{
    return registry_find(&cards, number);
}

int netdev_open(struct netdev *dev, struct netdev_client *client)
{
    dev->client = client;
    return dev->ops->open(dev);
}
