/* SPDX-License-Identifier: MIT */
/* Terminals and standard streams: between console.c and the devices. */
#pragma once

#include <kernel/vfs.h>

/* As in st_rdev, for numbers below 256. */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

/* /dev/tty (`must`: -ENXIO if standard input is no terminal) and /dev/console. */
must_check int console_open_terminal(struct file *file, bool must);
