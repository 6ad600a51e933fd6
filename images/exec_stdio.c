/* SPDX-License-Identifier: MIT */
/*
 * Descriptors 0 to 2.  What the host has behind them, a terminal or not, only
 * the tool knows: it is told to the channels before they are opened.
 */
#include <kernel/bootinfo.h>
#include <kernel/console.h>
#include <kernel/fd.h>
#include <kernel/panic.h>
#include <kernel/print.h>
#include <kernel/vfs.h>

#include "exec.h"

static const char *const names[] = {"stdin", "stdout", "stderr"};

static void open_one(unsigned number, const struct exec_spec *spec)
{
    struct byte_channel *channel = channel_find(names[number]);
    struct file *file;

    if (channel != NULL) {
        channel->terminal = spec->terminal[number];
        channel->rows = spec->rows;
        channel->columns = spec->columns;
    }
    if (console_open_standard(number, &file) != 0 || fd_install_at(file, (int)number, false) < 0) {
        config_error("cannot open the program's %s", names[number]);
    }
}

/* On the serial port the program's first line is one of its own, whatever a BIOS has left there. */
static void begin_line(void)
{
    if (channel_find(names[1]) == NULL && cmdline_get("quiet", NULL, 0)) {
        kprintf("Moka\n");
    }
}

void exec_open_stdio(const struct exec_spec *spec)
{
    begin_line();
    for (unsigned number = 0; number < ARRAY_SIZE(names); number++) {
        open_one(number, spec);
    }
}

void exec_drain_stdio(void)
{
    for (unsigned number = 1; number < ARRAY_SIZE(names); number++) {
        struct byte_channel *channel = channel_find(names[number]);

        if (channel != NULL) {
            channel->drain(channel);
        }
    }
}
