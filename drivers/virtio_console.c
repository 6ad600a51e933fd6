/* SPDX-License-Identifier: MIT */
/*
 * The console device: its ports, and the talk on its control queues (virtio
 * 1.2, 5.3.6.2):
 *
 *     we: DEVICE_READY            it: DEVICE_ADD for each port
 *     we: PORT_READY of each      it: CONSOLE_PORT, PORT_NAME, PORT_OPEN
 *     we: PORT_OPEN of each       from now on data flow
 *
 * Start-up waits for that, once the other devices are started too, so that the
 * ports can be found by name when it is over.  The device answers a message before it gives its
 * buffer back: when all are back, everything has been said.  Later messages (a side of the host
 * opened or closed, a window resized) come by interrupt.
 */
#include "virtio_console_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/string.h>

#define CONSOLE_F_MULTIPORT (1ull << 1)

#define CONFIG_MAX_PORTS 4

#define CONTROL_RX_QUEUE 2
#define CONTROL_TX_QUEUE 3
#define CONTROL_BUFFERS 32u
#define CONTROL_SIZE 64u

#define HANDSHAKE_LATE (2 * NSEC_PER_SEC)

enum control_event {
    CONTROL_DEVICE_READY = 0,
    CONTROL_DEVICE_ADD = 1,
    CONTROL_DEVICE_REMOVE = 2,
    CONTROL_PORT_READY = 3,
    CONTROL_CONSOLE_PORT = 4,
    CONTROL_RESIZE = 5,
    CONTROL_PORT_OPEN = 6,
    CONTROL_PORT_NAME = 7,
};

struct control_message {
    u32 id;
    u16 event;
    u16 value;
    u8 more[CONTROL_SIZE - 8]; /* a name without a NUL, or two u16 */
};

/* (c) constant   (x) control_tx's lock   (a) atomic */
struct console {
    struct virtio_device *device; /* (c) */
    u32 port_count;               /* (c) */
    struct console_port *ports;   /* (c) */
    struct virtio_queue control_rx, control_tx;
    struct control_message *received;              /* (c) CONTROL_BUFFERS of them */
    struct control_message *sent;                  /* (x) likewise */
    struct control_message *free[CONTROL_BUFFERS]; /* (x) of sent[] */
    unsigned free_count;                           /* (x) */
    struct console *next;                          /* (c) whose handshake is not over */
    _Atomic bool started;                          /* (a) the handshake is over */
    _Atomic u32 control_calls; /* (a) wishes that control_rx be looked at; 0: nobody does */
};

/* Start-up, one thread. */
static struct console *consoles_starting;

static void control_reap(struct console *console)
{
    struct control_message *message;
    u32 length;

    while ((message = ring_take(&console->control_tx.ring, &length)) != NULL) {
        console->free[console->free_count++] = message;
    }
}

/* All messages back, so all answers here? */
static bool control_is_quiet(struct console *console)
{
    bool irq = spin_lock(&console->control_tx.lock);
    bool quiet;

    control_reap(console);
    quiet = console->free_count == CONTROL_BUFFERS || console->control_tx.ring.broken;
    spin_unlock(&console->control_tx.lock, irq);
    return quiet;
}

static void control_send(struct console *console, u32 id, enum control_event event, u16 value)
{
    struct virtio_queue *queue = &console->control_tx;
    bool irq = spin_lock(&queue->lock);
    struct control_message *message;
    struct ring_table table;
    struct ring_desc desc;
    bool notify = false;

    control_reap(console);
    if (console->free_count > 0) {
        message = console->free[--console->free_count];
        message->id = id;
        message->event = (u16)event;
        message->value = value;
        ring_table_init(&table, &desc, 0, 1);
        (void)ring_table_add(&table, virt_to_phys(message), 8, false);
        notify = ring_add(&queue->ring, &table, message) == 0 && ring_publish(&queue->ring);
    }
    spin_unlock(&queue->lock, irq);
    if (notify) {
        virtio_queue_notify(queue);
    }
}

/* A name makes a port a channel; one without gets "portN" when start-up is over. */
static void register_port(struct console_port *port)
{
    if (port->registered) {
        return;
    }
    port->registered = true;
    channel_register(&port->channel);
    control_send(port->console, port->id, CONTROL_PORT_OPEN, 1);
}

static void set_name(struct console_port *port, const u8 *name, u32 length)
{
    if (port->registered) {
        return;
    }
    /* QEMU counts a NUL behind the name in. */
    while (length > 0 && name[length - 1] == '\0') {
        length--;
    }
    length = MIN(length, CONSOLE_NAME - 1);
    memcpy(port->name, name, length);
    port->name[length] = '\0';
    register_port(port);
}

/* virtio 1.2, 5.3.6.2.1: cols, rows. */
static void set_size(struct console_port *port, const u8 *more)
{
    port->channel.columns = (u16)(more[0] | more[1] << 8);
    port->channel.rows = (u16)(more[2] | more[3] << 8);
    if (port->registered) {
        channel_notify(&port->channel, POLLPRI);
    }
}

static void control_handle(struct console *console, const struct control_message *message,
                           u32 length)
{
    u32 more = length - 8;
    struct console_port *port;

    if (message->id < CONSOLE_PORT_FIRST || message->id >= console->port_count) {
        if (message->event == CONTROL_DEVICE_ADD) {
            kprintf("%s: port %u is not used, those that are go from 1 to %u\n",
                    console->device->name, message->id, console->port_count - 1);
        }
        return;
    }
    port = &console->ports[message->id];
    switch (message->event) {
    case CONTROL_DEVICE_ADD:
        port->present = true;
        control_send(console, port->id, CONTROL_PORT_READY, 1);
        break;
    case CONTROL_DEVICE_REMOVE:
        console_port_set_open(port, false);
        break;
    case CONTROL_CONSOLE_PORT:
        port->channel.terminal = true;
        break;
    case CONTROL_RESIZE:
        if (more >= 4) {
            set_size(port, message->more);
        }
        break;
    case CONTROL_PORT_OPEN:
        console_port_set_open(port, message->value != 0);
        break;
    case CONTROL_PORT_NAME:
        set_name(port, message->more, more);
        break;
    default:
        break;
    }
}

/* The next message from the device, copied out, and its buffer given back; 0: none. */
static u32 control_receive(struct console *console, struct control_message *copy)
{
    struct virtio_queue *queue = &console->control_rx;
    struct control_message *message;
    struct ring_table table;
    struct ring_desc desc;
    bool notify = false;
    u32 length = 0;
    bool irq = spin_lock(&queue->lock);

    do {
        message = ring_take(&queue->ring, &length);
    } while (message == NULL && ring_interrupts_on(&queue->ring) && !queue->ring.broken);
    if (message != NULL) {
        length = MIN(length, CONTROL_SIZE);
        memcpy(copy, message, CONTROL_SIZE);
        ring_table_init(&table, &desc, 0, 1);
        (void)ring_table_add(&table, virt_to_phys(message), CONTROL_SIZE, true);
        notify = ring_add(&queue->ring, &table, message) == 0 && ring_publish(&queue->ring);
    }
    spin_unlock(&queue->lock, irq);
    if (notify) {
        virtio_queue_notify(queue);
    }
    return message == NULL ? 0 : MAX(length, 1u);
}

/* One CPU at a time, so that messages are handled in their order. */
static void control_interrupt(struct console *console)
{
    struct control_message message;
    u32 length, calls;

    if (atomic_fetch_add_explicit(&console->control_calls, 1, memory_order_acq_rel) != 0) {
        return; /* who is in there looks again */
    }
    do {
        calls = atomic_load_explicit(&console->control_calls, memory_order_acquire);
        while ((length = control_receive(console, &message)) > 0) {
            if (length >= 8) {
                control_handle(console, &message, length);
            }
        }
    } while (!atomic_compare_exchange_strong_explicit(&console->control_calls, &calls, 0,
                                                      memory_order_acq_rel, memory_order_relaxed));
}

static void look_at_all(struct console *console)
{
    if (ring_pending(&console->control_rx.ring)) {
        control_interrupt(console);
    }
    for (u32 i = CONSOLE_PORT_FIRST; i < console->port_count; i++) {
        if (console->ports[i].present) {
            console_port_interrupt(&console->ports[i]);
        }
    }
}

/* Until the handshake is over, the thread that makes it looks alone. */
static void console_interrupt(struct virtio_device *device)
{
    struct console *console = device->driver;

    if (atomic_load_explicit(&console->started, memory_order_seq_cst)) {
        look_at_all(console);
    }
}

static int control_init(struct console *console, struct virtio_device *device)
{
    struct ring_table table;
    struct ring_desc desc;
    int err;

    console->received = kmalloc_aligned(CONTROL_BUFFERS * CONTROL_SIZE, CACHE_LINE);
    console->sent = kmalloc_aligned(CONTROL_BUFFERS * CONTROL_SIZE, CACHE_LINE);
    if (console->received == NULL || console->sent == NULL) {
        return -ENOMEM;
    }
    err = virtio_queue_init(&console->control_rx, device, CONTROL_RX_QUEUE, CONTROL_BUFFERS);
    if (err == 0) {
        err = virtio_queue_init(&console->control_tx, device, CONTROL_TX_QUEUE, CONTROL_BUFFERS);
    }
    if (err != 0) {
        return err;
    }
    for (unsigned i = 0; i < CONTROL_BUFFERS; i++) {
        console->free[console->free_count++] = &console->sent[i];
        ring_table_init(&table, &desc, 0, 1);
        (void)ring_table_add(&table, virt_to_phys(&console->received[i]), CONTROL_SIZE, true);
        if (ring_add(&console->control_rx.ring, &table, &console->received[i]) != 0) {
            break;
        }
    }
    (void)ring_publish(&console->control_rx.ring);
    return 0;
}

static int ports_init(struct console *console, struct virtio_device *device)
{
    u32 count;
    int err = 0;

    device->ops->read_config(device, CONFIG_MAX_PORTS, &count, sizeof(count));
    count = MIN(count, CONSOLE_PORTS_MAX);
    console->ports = kzalloc(MAX(count, 1u) * sizeof(*console->ports));
    if (console->ports == NULL) {
        return -ENOMEM;
    }
    for (u32 i = CONSOLE_PORT_FIRST; i < count && err == 0; i++) {
        console->ports[i].console = console;
        err = console_port_init(&console->ports[i], device, i);
    }
    console->port_count = MAX(count, 1u);
    return err;
}

/* However long that takes: the host may be slow, and the ports are the machine's whole outside. */
static void handshake(struct console *console)
{
    nsec_t late = clock_now() + HANDSHAKE_LATE;
    bool quiet, said = false;

    do {
        quiet = control_is_quiet(console); /* before the look at what was answered */
        if (ring_pending(&console->control_rx.ring)) {
            control_interrupt(console);
            quiet = false;
        }
        if (!quiet && !said && clock_now() > late) {
            kprintf("%s: does not answer yet\n", console->device->name);
            said = true;
        }
        cpu_pause();
    } while (!quiet);
    for (u32 i = CONSOLE_PORT_FIRST; i < console->port_count; i++) {
        struct console_port *port = &console->ports[i];

        if (port->present && !port->registered) {
            ksnprintf(port->name, sizeof(port->name), "port%u", i);
            register_port(port);
        }
    }
    /* What interrupted before this is seen by the look, what comes after interrupts. */
    atomic_store_explicit(&console->started, true, memory_order_seq_cst);
    look_at_all(console);
}

int virtio_console_probe(struct virtio_device *device)
{
    struct console *console = kzalloc(sizeof(*console));
    int err;

    if (console == NULL) {
        return -ENOMEM;
    }
    console->device = device;
    device->driver = console;
    err = virtio_negotiate(device, CONSOLE_F_MULTIPORT);
    if (err == 0 && (device->features & CONSOLE_F_MULTIPORT) == 0) {
        kprintf("%s: a console without named ports cannot be used\n", device->name);
        err = -ENODEV;
    }
    if (err == 0) {
        err = control_init(console, device);
    }
    if (err == 0) {
        err = ports_init(console, device);
    }
    if (err == 0) {
        err = virtio_start(device, console_interrupt);
    }
    if (err == 0) {
        virtio_queue_notify(&console->control_rx);
        control_send(console, 0, CONTROL_DEVICE_READY, 1);
        console->next = consoles_starting;
        consoles_starting = console;
    }
    return err;
}

void virtio_console_finish(void)
{
    for (struct console *c = consoles_starting; c != NULL; c = c->next) {
        handshake(c);
    }
    consoles_starting = NULL;
}
