/* SPDX-License-Identifier: MIT */
/*
 * Sending: packets go into the ring as they are, the device's header in the
 * headroom before the first fragment, so that a packet of one fragment is one
 * descriptor.  Indirect tables were rejected: they would want memory of their
 * own until the packet is gone, and a ring of 256 has room for a megabyte even
 * of the largest packets.
 *
 * Nobody hears of what was sent unless he asked: it is collected when the next
 * packets are sent, or looked for.  When the ring is full, packets wait behind
 * it, and the device is to interrupt when half of those in it are done.
 */
#include "virtio_net_priv.h"

#include <kernel/assert.h>
#include <kernel/frame.h>
#include <kernel/print.h>

void net_send_init(struct net_send *tx)
{
    tx->waiting = NULL;
    atomic_init(&tx->done, NULL);
    tx->out = 0;
}

static void give_done(struct net_send *tx, struct netdev_send *send)
{
    send->next = atomic_load_explicit(&tx->done, memory_order_relaxed);
    atomic_store_explicit(&tx->done, send, memory_order_relaxed);
}

/* The packet may begin at any address. */
static void write_header(const struct netdev_send *send, void *at)
{
    struct net_header header = {0};

    if ((send->flags & NETDEV_SEND_CHECKSUM) != 0) {
        header.flags = NET_NEEDS_CHECKSUM;
        header.checksum_start = send->checksum_start;
        header.checksum_offset = send->checksum_offset;
    }
    if ((send->flags & NETDEV_SEND_SEGMENT) != 0) {
        header.gso_type = (send->flags & NETDEV_SEND_IPV6) != 0 ? NET_GSO_TCP6 : NET_GSO_TCP4;
        header.gso_size = send->segment;
        header.header_size = send->header_size;
    }
    __builtin_memcpy(at, &header, sizeof(header));
}

/* 0, -ENOSPC, -EIO */
static int put_in_ring(struct net_send *tx, struct netdev_send *send)
{
    struct ring_desc desc[NETDEV_FRAGMENTS_MAX];
    struct ring_table table;
    u32 bytes = 0;
    int err;

    assert(send->count > 0 && send->count <= NETDEV_FRAGMENTS_MAX);
    ring_table_init(&table, desc, 0, NETDEV_FRAGMENTS_MAX);
    for (unsigned i = 0; i < send->count; i++) {
        const struct netdev_fragment *fragment = &send->fragments[i];
        u32 before = i == 0 ? sizeof(struct net_header) : 0;

        bytes += fragment->size;
        (void)ring_table_add(&table, fragment->address - before, fragment->size + before, false);
    }
    write_header(send, phys_to_virt(desc[0].address));
    err = ring_add(&tx->queue.ring, &table, send);
    if (err == 0) {
        tx->out++;
        tx->packets++;
        tx->bytes += bytes;
    }
    return err;
}

static void fail_all(struct net_send *tx)
{
    struct netdev_send *send;

    while ((send = ring_abandon(&tx->queue.ring)) != NULL) {
        tx->errors++;
        give_done(tx, send);
    }
    while ((send = tx->waiting) != NULL) {
        tx->waiting = send->next;
        tx->errors++;
        give_done(tx, send);
    }
    tx->out = 0;
}

static void collect(struct net_send *tx)
{
    struct netdev_send *send;
    u32 length;

    while ((send = ring_take(&tx->queue.ring, &length)) != NULL) {
        tx->out--;
        give_done(tx, send);
    }
}

static void move_waiting(struct net_send *tx)
{
    struct netdev_send *send;

    while ((send = tx->waiting) != NULL) {
        /* Once it is in the ring, `next` is its own again. */
        struct netdev_send *next = send->next;

        if (put_in_ring(tx, send) != 0) {
            break;
        }
        tx->waiting = next;
    }
}

/* Collects and puts in until nothing moves.  True if the device wants a notification. */
static bool settle(struct net_send *tx)
{
    struct ring *ring = &tx->queue.ring;
    bool notify = false;

    do {
        collect(tx);
        move_waiting(tx);
        notify |= ring_publish(ring);
        if (ring->broken) {
            fail_all(tx);
            return false;
        }
    } while (tx->waiting != NULL && ring_interrupts_on_after(ring, (u16)(tx->out / 2)));
    tx->notifications += notify;
    return notify;
}

static void unlock_and_tell(struct net_send *tx, bool notify, bool irq)
{
    bool broken =
        tx->queue.ring.broken && !atomic_exchange_explicit(&tx->broken, true, memory_order_relaxed);

    spin_unlock(&tx->queue.lock, irq);
    if (notify) {
        virtio_queue_notify(&tx->queue);
    }
    if (broken) {
        kprintf("%s: broke the rules of its queue, sends no more\n", tx->queue.device->name);
    }
}

void net_send(struct net_send *tx, struct netdev_send *list)
{
    bool irq = spin_lock(&tx->queue.lock);

    if (tx->waiting == NULL) {
        tx->waiting = list;
    } else {
        tx->waiting_last->next = list;
    }
    for (tx->waiting_last = list; tx->waiting_last->next != NULL;) {
        tx->waiting_last = tx->waiting_last->next;
    }
    unlock_and_tell(tx, settle(tx), irq);
}

struct netdev_send *net_sent(struct net_send *tx)
{
    struct netdev_send *done;
    bool irq;

    if (!net_ring_pending(&tx->queue, &tx->broken) &&
        atomic_load_explicit(&tx->done, memory_order_relaxed) == NULL) {
        return NULL;
    }
    irq = spin_lock(&tx->queue.lock);
    bool notify = settle(tx);
    done = atomic_exchange_explicit(&tx->done, NULL, memory_order_relaxed);
    unlock_and_tell(tx, notify, irq);
    return done;
}

bool net_send_listen(struct net_send *tx)
{
    bool irq = spin_lock(&tx->queue.lock);
    bool is_done = atomic_load_explicit(&tx->done, memory_order_relaxed) != NULL;

    tx->listening = true;
    if (!is_done && tx->out > 0) {
        is_done = ring_interrupts_on_after(&tx->queue.ring, (u16)((tx->out - 1) / 2));
    }
    spin_unlock(&tx->queue.lock, irq);
    return is_done;
}

bool net_send_interrupt(struct net_send *tx)
{
    struct ring *ring = &tx->queue.ring;
    bool irq = spin_lock(&tx->queue.lock);
    bool notify = ring_pending(ring) && settle(tx);
    bool is_done = atomic_load_explicit(&tx->done, memory_order_relaxed) != NULL;
    bool wake;

    /* Somebody else has collected what this interrupt was for. */
    if (tx->listening && !is_done && tx->out > 0) {
        is_done = ring_interrupts_on_after(ring, (u16)((tx->out - 1) / 2));
    }
    wake = tx->listening && is_done;
    tx->listening &= !wake;
    if (!tx->listening && tx->waiting == NULL) {
        ring_interrupts_off(ring);
    }
    unlock_and_tell(tx, notify, irq);
    return wake;
}
