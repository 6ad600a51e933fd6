/* SPDX-License-Identifier: MIT */
/*
 * Console on COM1, a 16550 at port 0x3f8, output only and without interrupts.
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

#include <kernel/cpu.h>
#include <kernel/port.h>
#include <kernel/print.h>

#define COM1 0x3f8
#define COM_DATA (COM1 + 0)
#define COM_LINE_CONTROL (COM1 + 3)
#define COM_LINE_STATUS (COM1 + 5)

#define LINE_8N1 0x03 /* also makes offset 0 the data register */
#define STATUS_CAN_SEND (1 << 5)

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
