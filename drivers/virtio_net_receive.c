/* SPDX-License-Identifier: MIT */
/*
 * Receiving.  The device is given buffers of 2 KiB, each with its description
 * before it in the same block:
 *
 *     struct netdev_buffer ... | device's header, in a packet's first | packet ...
 *     0                    128                                     140        2048
 *
 * Blocks come from frames, as many as are needed for the device to have `target` of
 * them, which begins small and doubles when half of it came back at once: a
 * program that asks for one page does not touch half a megabyte.  What others keep
 * is replaced, until `limit` is reached; they are told when half of that is gone.
 *
 * What the device says of a packet is read once and checked: a packet whose
 * lengths or number of pieces cannot be is dropped, and counted.
 */
#include "virtio_net_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>

#define TARGET_START 64u
#define CHUNK_ORDER 3u /* 32 KiB */

_Static_assert(sizeof(struct netdev_buffer) <= NET_BLOCK_DATA, "a buffer's description");

static u8 *memory_of(struct netdev_buffer *buffer)
{
    return (u8 *)buffer + NET_BLOCK_DATA;
}

static void put_free(struct net_receive *rx, struct netdev_buffer *buffer)
{
    buffer->next = rx->free;
    rx->free = buffer;
    rx->free_count++;
}

/* Gives the device what is free, up to the target.  True if it wants to be told. */
static bool post(struct net_receive *rx)
{
    struct ring_desc desc;
    struct ring_table table;
    bool notify;

    while (rx->posted < rx->target && rx->free != NULL) {
        struct netdev_buffer *buffer = rx->free;

        ring_table_init(&table, &desc, 0, 1);
        (void)ring_table_add(&table, virt_to_phys(memory_of(buffer)), NET_ROOM, true);
        if (ring_add(&rx->queue.ring, &table, buffer) != 0) {
            break;
        }
        rx->free = buffer->next;
        rx->free_count--;
        rx->posted++;
    }
    notify = ring_publish(&rx->queue.ring);
    rx->notifications += notify;
    return notify;
}

static bool too_few(const struct net_receive *rx)
{
    return rx->posted < rx->target && rx->total < rx->limit && !rx->queue.ring.broken;
}

/* Not under the lock.  False: there is no memory. */
static bool add_chunk(struct net_receive *rx, unsigned order)
{
    u64 size = PAGE_SIZE << order;
    struct netdev_buffer *list = NULL;
    char *memory;
    pfn_t pfn;
    bool irq;

    if (frame_alloc(order, 0, &pfn) != 0) {
        return order > 0 && add_chunk(rx, 0);
    }
    memory = pfn_to_virt(pfn);
    for (u64 at = 0; at < size; at += NET_BLOCK) {
        struct netdev_buffer *buffer = (struct netdev_buffer *)(memory + at);

        *buffer = (struct netdev_buffer){
            .next = list, .dev = rx->dev, .room = NET_BLOCK, .queue = rx->number};
        list = buffer;
    }
    irq = spin_lock(&rx->queue.lock);
    rx->total += (u32)(size / NET_BLOCK);
    while (list != NULL) {
        struct netdev_buffer *next = list->next;

        put_free(rx, list);
        list = next;
    }
    spin_unlock(&rx->queue.lock, irq);
    return true;
}

/* Under the lock, which it drops, and the device is told: on the way out. */
static void fill_and_unlock(struct net_receive *rx, bool irq)
{
    bool notify = post(rx);

    while (too_few(rx)) {
        bool more;

        spin_unlock(&rx->queue.lock, irq);
        more = add_chunk(rx, CHUNK_ORDER);
        irq = spin_lock(&rx->queue.lock);
        notify |= post(rx);
        if (!more) {
            break; /* no memory: what is returned is posted */
        }
    }
    spin_unlock(&rx->queue.lock, irq);
    if (notify) {
        virtio_queue_notify(&rx->queue);
    }
}

int net_receive_init(struct net_receive *rx, struct netdev *dev, u16 number, u32 limit)
{
    rx->dev = dev;
    rx->number = number;
    rx->limit = limit;
    rx->target = MIN(TARGET_START, rx->queue.ring.size);
    while (too_few(rx) && add_chunk(rx, CHUNK_ORDER)) {
        bool irq = spin_lock(&rx->queue.lock);

        (void)post(rx);
        spin_unlock(&rx->queue.lock, irq);
    }
    return rx->posted > 0 ? 0 : -ENOMEM;
}

static void drop(struct net_receive *rx, struct netdev_buffer *list)
{
    rx->errors++;
    while (list != NULL) {
        struct netdev_buffer *next = list->next;

        put_free(rx, list);
        list = next;
    }
}

static u16 flags_of(const struct net_receive *rx, const struct net_header *header)
{
    u16 flags = 0;

    if ((rx->dev->features & NETDEV_RECEIVE_GOOD) != 0) {
        flags |= (header->flags & NET_DATA_VALID) != 0 ? NETDEV_CHECKSUM_GOOD : 0;
        flags |= (header->flags & NET_NEEDS_CHECKSUM) != 0 ? NETDEV_CHECKSUM_PARTIAL : 0;
    }
    if (rx->total - rx->free_count - rx->posted > rx->limit / 2) {
        flags |= NETDEV_SCARCE;
    }
    return flags;
}

static u16 segment_of(const struct net_receive *rx, const struct net_header *header)
{
    u8 type = header->gso_type & (u8)~NET_GSO_ECN;

    return (rx->dev->features & NETDEV_RECEIVE_LARGE) != 0 &&
                   (type == NET_GSO_TCP4 || type == NET_GSO_TCP6)
               ? header->gso_size
               : 0;
}

/* The first piece, with the device's header, of `length` bytes in all. */
static void begin(struct net_receive *rx, struct netdev_buffer *buffer, u32 length)
{
    bool mergeable = (rx->queue.device->features & NET_F_MRG_RXBUF) != 0;
    struct net_header header;
    bool possible;

    __builtin_memcpy(&header, memory_of(buffer), sizeof(header)); /* the device might change it */
    buffer->pieces = mergeable ? header.buffers : 1;
    buffer->next = NULL;
    possible = buffer->pieces > 0 && buffer->pieces <= NET_PIECES_MAX;
    rx->left = possible ? (u16)(buffer->pieces - 1) : 0;
    if (!possible || length < sizeof(header) + NETDEV_HEADER || length > NET_ROOM) {
        drop(rx, buffer);
        return;
    }
    buffer->data = memory_of(buffer) + sizeof(header);
    buffer->size = length - (u32)sizeof(header);
    buffer->total = buffer->size;
    buffer->packet = NULL;
    buffer->flags = flags_of(rx, &header);
    buffer->segment = segment_of(rx, &header);
    rx->packet = rx->last = buffer;
}

/* One of the others; with no packet, which was dropped, it is in vain. */
static void go_on(struct net_receive *rx, struct netdev_buffer *buffer, u32 length)
{
    struct netdev_buffer *first = rx->packet;

    rx->left--;
    buffer->next = NULL;
    if (first == NULL) {
        put_free(rx, buffer);
        return;
    }
    if (length == 0 || length > NET_ROOM || first->total + length > NETDEV_PACKET_MAX) {
        rx->last->next = buffer;
        rx->packet = NULL;
        drop(rx, first);
        return;
    }
    buffer->data = memory_of(buffer);
    buffer->size = length;
    first->total += length;
    rx->last->next = buffer;
    rx->last = buffer;
}

static struct netdev_buffer *next_packet(struct net_receive *rx)
{
    struct netdev_buffer *buffer;
    u32 length;

    while ((buffer = ring_take(&rx->queue.ring, &length)) != NULL) {
        rx->posted--;
        if (rx->left == 0) {
            begin(rx, buffer, length);
        } else {
            go_on(rx, buffer, length);
        }
        buffer = rx->packet;
        if (buffer != NULL && rx->left == 0) {
            rx->packet = NULL;
            rx->packets++;
            rx->bytes += buffer->total;
            return buffer;
        }
    }
    return NULL;
}

static bool has_broken(struct net_receive *rx)
{
    return rx->queue.ring.broken &&
           !atomic_exchange_explicit(&rx->broken, true, memory_order_relaxed);
}

struct netdev_buffer *net_receive(struct net_receive *rx, unsigned budget)
{
    struct netdev_buffer *list = NULL, **end = &list;
    bool irq, broken;

    if (!net_ring_pending(&rx->queue, &rx->broken)) {
        return NULL;
    }
    irq = spin_lock(&rx->queue.lock);
    for (unsigned i = 0; i < budget && (*end = next_packet(rx)) != NULL; i++) {
        end = &(*end)->packet;
    }
    if (rx->posted <= rx->target / 2) {
        rx->target = MIN(rx->target * 2, rx->queue.ring.size);
    }
    broken = has_broken(rx);
    fill_and_unlock(rx, irq);
    if (broken) {
        kprintf("%s: broke the rules of its queue, receives no more\n", rx->queue.device->name);
    }
    return list;
}

struct netdev_buffer *net_give_back(struct net_receive *rx, struct netdev_buffer *buffers)
{
    bool irq = spin_lock(&rx->queue.lock);
    bool notify = false;

    while (buffers != NULL && buffers->queue == rx->number) {
        struct netdev_buffer *next = buffers->next;

        put_free(rx, buffers);
        buffers = next;
    }
    /* It would have none until the next packet, which needs one. */
    if (rx->posted <= rx->target / 4) {
        notify = post(rx);
    }
    spin_unlock(&rx->queue.lock, irq);
    if (notify) {
        virtio_queue_notify(&rx->queue);
    }
    return buffers;
}

bool net_receive_listen(struct net_receive *rx)
{
    bool irq = spin_lock(&rx->queue.lock);
    bool pending = ring_interrupts_on(&rx->queue.ring);

    rx->listening = !pending;
    spin_unlock(&rx->queue.lock, irq);
    return pending && !rx->queue.ring.broken;
}

bool net_receive_interrupt(struct net_receive *rx)
{
    bool irq = spin_lock(&rx->queue.lock);
    bool pending = ring_pending(&rx->queue.ring), wake = false;

    /* Somebody else may have taken what it was for: then it waits for the next. */
    if (rx->listening && (pending || ring_interrupts_on(&rx->queue.ring))) {
        rx->listening = false;
        wake = true;
    }
    if (!rx->listening) {
        ring_interrupts_off(&rx->queue.ring);
    }
    spin_unlock(&rx->queue.lock, irq);
    return wake;
}
