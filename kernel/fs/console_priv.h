/* SPDX-License-Identifier: MIT */
/* Terminals and standard streams: between console.c, its parts, and the devices. */
#pragma once

#include <kernel/console.h>
#include <kernel/vfs.h>

/* As in st_rdev, for numbers below 256. */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

/* /dev/tty (`must`: -ENXIO if standard input is no terminal) and /dev/console. */
must_check int console_open_terminal(struct file *file, bool must);

/* terminal.c: ioctl(2) of a terminal whose output goes to `channel`. */
s64 terminal_ioctl(struct byte_channel *channel, u32 request, u64 arg);
void terminal_start(const struct terminal_settings *settings);
void terminal_set_window(u16 rows, u16 columns);

/*
 * console_input.c: a channel that is `asked_for`.  As the channel's own read,
 * poll and waiting, without the frames; reading and polling ask the host.
 */
s64 input_read(struct byte_channel *channel, void *data, u64 size);
u32 input_poll(struct byte_channel *channel);
u32 input_waiting(struct byte_channel *channel);

/* What console_set_host() was given; NULL: nothing. */
const struct console_host *console_host(void);
