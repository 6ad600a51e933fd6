/* SPDX-License-Identifier: MIT */
/*
 * Console on COM1, a 16550 at port 0x3f8, and a byte channel for programs
 * where there is no better one: input by interrupts, output without.
 *
 * Each byte is an exit to the hypervisor, up to 80 us on kvm_pvm.  A string
 * instruction (REP OUTSB) was measured and rejected: KVM takes it apart into
 * one exit a byte too, and is slower at that.  So text goes out without a
 * look at the status register for each byte.  That would overrun a real
 * 16550; an emulated one sends each byte as it is written and its speed
 * setting means nothing.
 *
 * QEMU never makes a guest wait: when the reader of its pipe stalls and the
 * pipe is full, bytes are lost.  One look at the status before each text,
 * which waits while the port is not ready, keeps that loss to the end of one
 * text; on a file or a terminal there is none.
 */
#include <drivers/serial.h>

#include "serial_priv.h"

#include <kernel/console.h>
#include <kernel/cpu.h>
#include <kernel/irq.h>
#include <kernel/port.h>
#include <kernel/print.h>
#include <kernel/spinlock.h>
#include <kernel/trap.h>

#define COM1 0x3f8
#define COM_DATA (COM1 + 0)
#define COM_INTERRUPTS (COM1 + 1)
#define COM_LINE_CONTROL (COM1 + 3)
#define COM_LINE_STATUS (COM1 + 5)

#define LINE_8N1 0x03 /* also makes offset 0 the data register */
#define STATUS_CAN_SEND (1 << 5)
#define STATUS_RECEIVED (1 << 0)
#define INTERRUPT_RECEIVED 0x01
#define COM_GSI 4

/* About half a second; an absent port reads as ready. */
#define READY_TRIES 20000

static void serial_write(const char *text, size_t len)
{
    for (unsigned i = 0; i < READY_TRIES; i++) {
        if ((port_read_u8(COM_LINE_STATUS) & STATUS_CAN_SEND) != 0) {
            break;
        }
        cpu_pause();
    }
    for (size_t i = 0; i < len; i++) {
        port_write_u8(COM_DATA, (u8)text[i]);
    }
}

void serial_init(void)
{
    static const struct console_ops ops = {.write = serial_write};

    port_write_u8(COM_LINE_CONTROL, LINE_8N1);
    console_set(&ops);
}

static s64 channel_write(struct byte_channel *channel, const void *data, u64 size)
{
    (void)channel;
    size = MIN(size, 256u); /* 20 ms */
    serial_write(data, size);
    return (s64)size;
}

/* Two exits a byte. */
static s64 channel_read(struct byte_channel *channel, void *data, u64 size)
{
    u64 done = 0;

    (void)channel;
    while (done < size && (port_read_u8(COM_LINE_STATUS) & STATUS_RECEIVED) != 0) {
        ((u8 *)data)[done++] = port_read_u8(COM_DATA);
    }
    return (s64)done;
}

static u32 channel_poll(struct byte_channel *channel)
{
    (void)channel;
    return POLLOUT | ((port_read_u8(COM_LINE_STATUS) & STATUS_RECEIVED) != 0 ? POLLIN : 0);
}

static void channel_drain(struct byte_channel *channel)
{
    (void)channel; /* a byte is out when the port access is over */
}

static struct byte_channel serial_channel = {
    .name = "serial",
    .write = channel_write,
    .read = channel_read,
    .poll = channel_poll,
    .drain = channel_drain,
};

static void serial_interrupt(void *arg)
{
    (void)arg;
    channel_notify(&serial_channel, POLLIN);
}

/*
 * Unread bytes keep the line up; a reader reads until there are none.  The
 * interrupt costs milliseconds of start-up on kvm_pvm (kernel/x86/ioapic.c): not where
 * there is a better channel to read from.
 */
void serial_channel_init(void)
{
    int vector;

    poll_source_init(&serial_channel.source, "serial port");
    channel_register(&serial_channel);
    if (channel_find("stdin") != NULL) {
        return;
    }
    vector = irq_register(serial_interrupt, NULL);
    if (vector < 0 || irq_route_gsi(COM_GSI, (unsigned)vector, 0) != 0) {
        kprintf("serial: no interrupt, input is not noticed\n");
        return;
    }
    port_write_u8(COM_INTERRUPTS, INTERRUPT_RECEIVED);
}
