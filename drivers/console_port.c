/* SPDX-License-Identifier: MIT */
/*
 * A port as a byte channel.
 *
 * Output: a write is a copy into a circular buffer.  If the device has
 * nothing, it is told at once; if it works on something, the write costs no
 * exit at all, and its completion sends everything since in one chain.  The
 * completion interrupts only if there is something to be sent then.  QEMU
 * completes a chain when the host has taken all of it (it stops reading its
 * queue while the host does not read), so that the buffer fills up and
 * write() gives 0: flow control.
 *
 * Input: buffers of 4 KiB, given back when half of them are used up.  The device gets them when
 * somebody first looks for input: most ports are only written to.
 */
#include "virtio_console_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define DRAIN_LOOKS 2000u
#define DRAIN_PAUSE (500 * NSEC_PER_USEC)

/* Cookie of the only chain that tx has. */
#define TX_COOKIE(port) ((void *)(port))

static bool is_open(const struct console_port *port)
{
    return atomic_load_explicit(&port->open, memory_order_acquire);
}

static bool was_open(const struct console_port *port)
{
    return atomic_load_explicit(&port->was_open, memory_order_acquire);
}

/* --- output; all under tx's lock but where it says otherwise --- */

static u64 tx_room(const struct console_port *port)
{
    return CONSOLE_TX_SIZE - (port->tx_head - port->tx_done);
}

/* Takes back what the device is done with. */
static void tx_reap(struct console_port *port)
{
    u32 length;

    if (ring_take(&port->tx.ring, &length) != NULL) {
        port->tx_done = port->tx_sent;
    }
}

/* Gives the device all there is, if it has nothing; true: notify it. */
static bool tx_send(struct console_port *port)
{
    u64 size = port->tx_head - port->tx_sent;
    u32 offset = (u32)(port->tx_sent % CONSOLE_TX_SIZE);
    u32 first = (u32)MIN(size, CONSOLE_TX_SIZE - offset);
    struct ring_table table;

    if (size == 0 || port->tx_sent != port->tx_done) {
        return false;
    }
    ring_table_init(&table, port->tx_desc, 0, ARRAY_SIZE(port->tx_desc));
    (void)ring_table_add(&table, virt_to_phys(port->tx_memory + offset), first, false);
    if (size > first) {
        (void)ring_table_add(&table, virt_to_phys(port->tx_memory), (u32)(size - first), false);
    }
    if (ring_add(&port->tx.ring, &table, TX_COOKIE(port)) != 0) {
        return false; /* a broken ring: write() says so */
    }
    port->tx_sent = port->tx_head;
    return ring_publish(&port->tx.ring);
}

/* Reaps and sends until there is nothing to do now; interrupts as needed.  True: notify. */
static bool tx_work(struct console_port *port)
{
    bool notify = false;

    for (;;) {
        tx_reap(port);
        notify |= tx_send(port);
        /* All is out and there is room: nobody waits for this chain. */
        if (port->tx_head == port->tx_sent && tx_room(port) >= CONSOLE_TX_SIZE / 2) {
            ring_interrupts_off(&port->tx.ring);
            return notify;
        }
        if (!ring_interrupts_on(&port->tx.ring) || port->tx.ring.broken) {
            return notify;
        }
    }
}

/* What a write may take now: small ones are not torn apart. */
static u64 tx_fits(const struct console_port *port, u64 size)
{
    u64 room = tx_room(port);

    return size <= CHANNEL_WHOLE && size > room ? 0 : MIN(size, room);
}

static void tx_copy(struct console_port *port, const u8 *data, u64 size)
{
    u32 offset = (u32)(port->tx_head % CONSOLE_TX_SIZE);
    u64 first = MIN(size, CONSOLE_TX_SIZE - offset);

    memcpy(port->tx_memory + offset, data, first);
    memcpy(port->tx_memory, data + first, size - first);
    port->tx_head += size;
}

/* Most ports are only read, or never used.  -ENOMEM. */
static int tx_allocate(struct console_port *port)
{
    u8 *memory = kmalloc_aligned(CONSOLE_TX_SIZE, PAGE_SIZE);
    bool irq;

    if (memory == NULL) {
        return -ENOMEM;
    }
    irq = spin_lock(&port->tx.lock);
    if (port->tx_memory == NULL) {
        port->tx_memory = memory;
        memory = NULL;
    }
    spin_unlock(&port->tx.lock, irq);
    kfree(memory); /* somebody else was first */
    return 0;
}

/* Without a lock: there is room for those who wait for it, or never will be. */
static void tx_tell(struct console_port *port)
{
    if (port->registered) {
        channel_notify(&port->channel, POLLOUT);
    }
}

static s64 port_write(struct byte_channel *channel, const void *data, u64 size)
{
    struct console_port *port = channel->priv;
    bool notify, irq, broken;
    u64 done;

    if (port->tx_memory == NULL && tx_allocate(port) != 0) {
        return -ENOMEM;
    }
    if (!is_open(port)) {
        return was_open(port) ? -EPIPE : 0;
    }
    irq = spin_lock(&port->tx.lock);
    done = port->tx_done;
    if (tx_room(port) < size) {
        tx_reap(port);
    }
    size = tx_fits(port, size);
    tx_copy(port, data, size);
    notify = tx_work(port);
    broken = port->tx.ring.broken;
    done = port->tx_done - done;
    spin_unlock(&port->tx.lock, irq);
    if (notify) {
        virtio_queue_notify(&port->tx);
    }
    if (done != 0 || broken) {
        tx_tell(port); /* the interrupt finds nothing to do any more */
    }
    return broken ? -EIO : (s64)size;
}

/* Without the lock; true if there is room now and was not, or less; or never will be. */
static bool tx_interrupt(struct console_port *port)
{
    bool irq, notify, progress;
    u64 done;

    if (!ring_pending(&port->tx.ring)) {
        return false;
    }
    irq = spin_lock(&port->tx.lock);
    done = port->tx_done;
    notify = tx_work(port);
    progress = port->tx_done != done || port->tx.ring.broken;
    spin_unlock(&port->tx.lock, irq);
    if (notify) {
        virtio_queue_notify(&port->tx);
    }
    return progress;
}

static bool tx_is_empty(struct console_port *port)
{
    bool irq, empty;

    if (tx_interrupt(port)) {
        tx_tell(port);
    }
    irq = spin_lock(&port->tx.lock);
    empty = port->tx_head == port->tx_done || port->tx.ring.broken;
    spin_unlock(&port->tx.lock, irq);
    return empty;
}

static void port_drain(struct byte_channel *channel)
{
    struct console_port *port = channel->priv;

    for (unsigned looks = 0; !tx_is_empty(port) && is_open(port); looks++) {
        if (looks < DRAIN_LOOKS) {
            cpu_pause();
        } else {
            sched_delay(DRAIN_PAUSE); /* the host reads slowly */
        }
    }
}

/* --- input; under rx's lock --- */

static void rx_give(struct console_port *port, u8 *buffer)
{
    struct ring_table table;

    ring_table_init(&table, &port->rx_desc, 0, 1);
    (void)ring_table_add(&table, virt_to_phys(buffer), CONSOLE_RX_SIZE, true);
    if (ring_add(&port->rx.ring, &table, buffer) == 0) {
        port->rx_unpublished++;
    }
}

/* The buffers, for the first who looks.  Without the lock; -ENOMEM. */
static int rx_allocate(struct console_port *port)
{
    u8 *memory = kmalloc_aligned(CONSOLE_RX_BUFFERS * CONSOLE_RX_SIZE, PAGE_SIZE);
    bool notify = false, irq;

    if (memory == NULL) {
        return -ENOMEM;
    }
    irq = spin_lock(&port->rx.lock);
    if (port->rx_memory == NULL) {
        port->rx_memory = memory;
        memory = NULL;
        for (unsigned i = 0; i < MIN(CONSOLE_RX_BUFFERS, port->rx.ring.size); i++) {
            rx_give(port, port->rx_memory + i * CONSOLE_RX_SIZE);
        }
        notify = ring_publish(&port->rx.ring);
        port->rx_unpublished = 0;
    }
    spin_unlock(&port->rx.lock, irq);
    if (notify) {
        virtio_queue_notify(&port->rx);
    }
    kfree(memory); /* somebody else was first */
    return 0;
}

/* Is there something to read?  If not, an interrupt will tell. */
static bool rx_ready(struct console_port *port)
{
    struct ring *ring = &port->rx.ring;
    u32 length;

    while (port->rx_left == 0) {
        u8 *buffer = ring_take(ring, &length);

        if (buffer != NULL) {
            port->rx_at = buffer;
            port->rx_left = MIN(length, CONSOLE_RX_SIZE);
            if (length == 0) {
                rx_give(port, buffer);
                port->rx_at = NULL;
            }
        } else if (ring->broken || !ring_interrupts_on(ring)) {
            return false;
        }
    }
    return true;
}

static u8 *rx_buffer_of(const struct console_port *port, const u8 *at)
{
    return port->rx_memory + ALIGN_DOWN((u64)(at - port->rx_memory), CONSOLE_RX_SIZE);
}

static u64 rx_copy(struct console_port *port, u8 *data, u64 size)
{
    u64 done = 0;

    while (done < size && rx_ready(port)) {
        u32 piece = (u32)MIN(size - done, port->rx_left);

        memcpy(data + done, port->rx_at, piece);
        done += piece;
        port->rx_left -= piece;
        if (port->rx_left == 0) {
            rx_give(port, rx_buffer_of(port, port->rx_at));
        }
        port->rx_at += piece;
    }
    return done;
}

static s64 port_read(struct byte_channel *channel, void *data, u64 size)
{
    struct console_port *port = channel->priv;
    bool open = is_open(port); /* before the look: what came before the end is read first */
    bool notify = false, irq;
    u64 done;

    if (port->rx_memory == NULL && rx_allocate(port) != 0) {
        return -ENOMEM;
    }
    irq = spin_lock(&port->rx.lock);
    done = rx_copy(port, data, size);
    if (port->rx_unpublished >= CONSOLE_RX_BUFFERS / 2) {
        notify = ring_publish(&port->rx.ring);
        port->rx_unpublished = 0;
    }
    spin_unlock(&port->rx.lock, irq);
    if (notify) {
        virtio_queue_notify(&port->rx);
    }
    if (done == 0 && size > 0 && ((!open && was_open(port)) || port->rx.ring.broken)) {
        return -ENODATA;
    }
    return (s64)done;
}

static u32 port_poll(struct byte_channel *channel)
{
    struct console_port *port = channel->priv;
    bool open = is_open(port), irq;
    u32 events = 0;

    if (port->rx_memory == NULL && rx_allocate(port) != 0) {
        return POLLIN | POLLERR; /* a read says why */
    }
    irq = spin_lock(&port->rx.lock);
    if (rx_ready(port)) {
        events |= POLLIN;
    }
    spin_unlock(&port->rx.lock, irq);
    if (!open && was_open(port)) {
        return events | POLLIN | POLLHUP;
    }
    irq = spin_lock(&port->tx.lock);
    if (open && tx_room(port) >= CHANNEL_WHOLE) {
        events |= POLLOUT;
    }
    if (port->tx.ring.broken) {
        events |= POLLERR;
    }
    spin_unlock(&port->tx.lock, irq);
    return events;
}

static u32 port_waiting(struct byte_channel *channel)
{
    struct console_port *port = channel->priv;
    bool irq = spin_lock(&port->rx.lock);
    u32 count = rx_ready(port) ? port->rx_left : 0;

    spin_unlock(&port->rx.lock, irq);
    return count;
}

void console_port_interrupt(struct console_port *port)
{
    u32 events = tx_interrupt(port) ? POLLOUT : 0;

    /* It stays off until a reader has found nothing: rx_ready(). */
    if (ring_pending(&port->rx.ring)) {
        bool irq = spin_lock(&port->rx.lock);

        ring_interrupts_off(&port->rx.ring);
        spin_unlock(&port->rx.lock, irq);
        events |= POLLIN;
    }
    if (events != 0 && port->registered) {
        channel_notify(&port->channel, events);
    }
}

void console_port_set_open(struct console_port *port, bool open)
{
    if (open) {
        atomic_store_explicit(&port->was_open, true, memory_order_release);
    }
    atomic_store_explicit(&port->open, open, memory_order_release);
    if (port->registered) {
        channel_notify(&port->channel, open ? POLLOUT : POLLIN | POLLHUP);
    }
}

int console_port_init(struct console_port *port, struct virtio_device *device, u32 id)
{
    u16 rx = (u16)(2 * id + 2);
    int err;

    port->id = id;
    port->channel.priv = port;
    port->channel.name = port->name;
    port->channel.write = port_write;
    port->channel.read = port_read;
    port->channel.poll = port_poll;
    port->channel.waiting = port_waiting;
    port->channel.drain = port_drain;
    poll_source_init(&port->channel.source, "console port");
    err = virtio_queue_init(&port->rx, device, rx, CONSOLE_RX_BUFFERS);
    if (err == 0) {
        err = virtio_queue_init(&port->tx, device, (u16)(rx + 1), 2);
    }
    return err;
}
