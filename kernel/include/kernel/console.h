/* SPDX-License-Identifier: MIT */
/*
 * Where the program's standard input, output and error go: byte channels that
 * drivers offer (virtio-console ports, or the serial port as a last resort).
 */
#pragma once

#include <kernel/poll.h>
#include <kernel/types.h>

struct byte_channel {
    const char *name; /* "stdin", "stdout", "stderr" as the port is named, or "serial" */
    bool terminal;    /* the host said that a terminal is behind it */
    u16 rows, columns;
    /*
     * Up to `size` bytes of the kernel's memory without waiting; how many (0:
     * full, or nobody is there yet: POLLOUT will tell); -EIO when the other
     * side has gone; -ENOMEM.  Both: any thread, several at a time, no
     * spinlock held.
     */
    s64 (*write)(struct byte_channel *channel, const void *data, u64 size);
    /* Likewise; 0: nothing there now; -ENODATA: closed by the other side (end of file). */
    s64 (*read)(struct byte_channel *channel, void *data, u64 size);
    u32 (*poll)(struct byte_channel *channel);
    void (*drain)(struct byte_channel *channel); /* waits until the host has all of it */
    struct poll_source source;
    void *priv;
};

void channel_register(struct byte_channel *channel);
struct byte_channel *channel_find(const char *name);

struct file;
/* Standard input, output or error (0 to 2) as an open file: 0, -ENODEV (no channel), -ENOMEM. */
must_check int console_open_standard(unsigned number, struct file **file);
