/* SPDX-License-Identifier: MIT */
/*
 * virtio-console with several ports (virtio 1.2, section 5.3): a port is a
 * byte channel with two queues; the device's control queues say which ports
 * there are.
 */
#pragma once

#include "virtio_priv.h"

#include <kernel/console.h>

#define CONSOLE_PORTS_MAX 8u /* more are not used */
/* Port 0 has queues of its own and is no user's: QEMU keeps it for "virtconsole". */
#define CONSOLE_PORT_FIRST 1u
#define CONSOLE_NAME 32u

#define CONSOLE_RX_BUFFERS 8u
#define CONSOLE_RX_SIZE 4096u /* QEMU reads its side in pieces of this */
#define CONSOLE_TX_SIZE (128u * 1024u)

/*
 * What is to be sent lies in a circular buffer; positions count all bytes
 * ever, modulo 2^64:
 *
 *     tx_done <= tx_sent <= tx_head <= tx_done + CONSOLE_TX_SIZE
 *
 * The device has [tx_done, tx_sent) as one chain, and gets the next when it
 * is done with that: what is written meanwhile goes out in one burst.
 *
 * (c) constant   (r) rx's lock   (t) tx's lock   (a) atomic
 */
struct console_port {
    struct byte_channel channel;
    struct console *console; /* (c) */
    u32 id;                  /* (c) */
    char name[CONSOLE_NAME]; /* (c) once registered */
    bool registered;         /* control queue's lock */
    bool present;            /* control queue's lock: the device said so */
    _Atomic bool open;       /* (a) somebody is there on the host */
    _Atomic bool was_open;   /* (a) */
    struct virtio_queue rx, tx;

    u8 *rx_memory;            /* (r) CONSOLE_RX_BUFFERS of them; NULL until the first look */
    u8 *rx_at;                /* (r) rest of the buffer that is being read; NULL: none */
    u32 rx_left;              /* (r) */
    unsigned rx_unpublished;  /* (r) buffers given back but not shown yet */
    struct ring_desc rx_desc; /* (r) */

    u8 *tx_memory;                 /* (t) NULL until the first write */
    u64 tx_head, tx_sent, tx_done; /* (t) */
    struct ring_desc tx_desc[2];   /* (t) */
};

/* Memory and queues of a port; before the device is started. */
must_check int console_port_init(struct console_port *port, struct virtio_device *device, u32 id);
/* Looks for what the device has done; its interrupt. */
void console_port_interrupt(struct console_port *port);
/* The host has opened or closed its side. */
void console_port_set_open(struct console_port *port, bool open);
