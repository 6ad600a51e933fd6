/* SPDX-License-Identifier: MIT */
/*
 * Where the program's standard input, output and error go: byte channels that
 * drivers offer (virtio-console ports, or the serial port as a last resort).
 */
#pragma once

#include <kernel/poll.h>
#include <kernel/types.h>

/* Output up to this size is not mixed with other threads', as in a pipe (PIPE_BUF). */
#define CHANNEL_WHOLE 4096u

struct byte_channel {
    const char *name; /* "stdin", "stdout", "stderr" as the port is named, or "serial" */
    bool terminal;    /* the host said that a terminal is behind it */
    bool asked_for;   /* the host sends when it is asked, in frames: see struct console_host */
    u16 rows, columns;
    /*
     * Up to `size` bytes of the kernel's memory without waiting, and up to
     * CHANNEL_WHOLE all or none; how many (0: full, or nobody is there yet:
     * POLLOUT will tell); -EPIPE when the other side has gone; -EIO; -ENOMEM.
     * Both: any thread, several at a time, no spinlock held.
     */
    s64 (*write)(struct byte_channel *channel, const void *data, u64 size);
    /* Likewise; 0: nothing there now; -ENODATA: closed by the other side (end of file). */
    s64 (*read)(struct byte_channel *channel, void *data, u64 size);
    u32 (*poll)(struct byte_channel *channel);
    u32 (*waiting)(struct byte_channel *channel); /* at least so many bytes can be read now */
    void (*drain)(struct byte_channel *channel);  /* waits until the host has all of it */
    struct poll_source source;
    void *priv;
};

void channel_register(struct byte_channel *channel);
struct byte_channel *channel_find(const char *name);
/* As poll_notify() for who watches the channel, or the terminal that it is a side of. */
void channel_notify(struct byte_channel *channel, u32 events);
/* The terminal's, told of each of its channels: what is open to read and to write has two. */
struct poll_source *channel_terminal_source(void);

struct terminal_settings { /* the kernel's termios, as TCGETS gives it */
    u32 input, output, control, local;
    u8 line, chars[19];
};

/*
 * How the host is told what the program does with its terminal and its input.
 *
 * A channel that is `asked_for` brings frames: u32 size, then so many bytes.
 * One comes for each `want`; or, from one on whose size has INPUT_FLOWS, at
 * the host's own pace.  A frame of size 0 is an end of file after which there
 * may be more, as a terminal has it.
 */
#define INPUT_FLOWS 0x80000000u
struct console_host {
    /* Thread context, no spinlock held; may wait. */
    void (*settings)(const struct terminal_settings *settings);
    /* Up to `size` bytes of standard input.  Any context but interrupts; does not wait. */
    void (*want)(u64 size);
};
/* Start-up, before the first program.  `settings`: what the terminal has; NULL: nothing known. */
void console_set_host(const struct console_host *host, const struct terminal_settings *settings);
/* The host's window has another size now. */
void console_set_window(u16 rows, u16 columns);
/* Bytes of frames that were read by the program. */
u64 console_input_taken(void);

struct file;
/* Standard input, output or error (0 to 2) as an open file: 0, -ENODEV (no channel), -ENOMEM. */
must_check int console_open_standard(unsigned number, struct file **file);
