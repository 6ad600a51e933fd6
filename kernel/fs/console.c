/* SPDX-License-Identifier: MIT */
/*
 * Standard input, output and error, and the terminal, on byte channels.
 *
 * The host's terminal does the editing of lines and turns keys into signals,
 * so bytes go through as they are; settings (TCSETS) are kept and told, and
 * have no effect.  What is no terminal answers every ioctl with ENOTTY, as a
 * pipe does, so that programs do not draw colours into files.
 *
 * A write is one copy and one call of the driver for up to CHUNK bytes, which
 * the driver hands on in one burst; writers to one channel take turns, so
 * that no line is mixed into another.
 */
#include "console_priv.h"

#include <kernel/console.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#include "fs_priv.h"

#define SMALL 256u
#define CHUNK (64 * KIB)

struct termios { /* the kernel's, as TCGETS gives it */
    u32 input, output, control, local;
    u8 line, chars[19];
};

struct winsize {
    u16 rows, columns, width, height;
};

/* (l) lock */
static struct {
    struct mutex lock;       /* settings, and whose turn it is to write */
    struct termios settings; /* (l) */
    struct winsize window;   /* (l) rows 0: as the channel says */
} console = {
    .lock = {.queue = WAIT_QUEUE_INIT("console", console.lock.queue)},
    .settings = {.input = 0x500,  /* ICRNL IXON */
                 .output = 0x5,   /* OPOST ONLCR */
                 .control = 0xbf, /* 38400 8N1 CREAD */
                 .local = 0x8a3b, /* ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN */
                 .chars = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22}},
};

static struct byte_channel *channel_of(struct file *file, bool write)
{
    struct byte_channel *channel = file->priv;

    if (channel == NULL) { /* the terminal: both directions */
        channel = channel_find(write ? "stdout" : "stdin");
        if (channel == NULL) {
            channel = channel_find("serial");
        }
    }
    return channel;
}

/* Until the channel may be ready: 0, -EAGAIN, -ERESTARTSYS. */
static int wait_for(struct file *file, u32 events)
{
    int error;

    if (file_flags(file) & O_NONBLOCK) {
        return -EAGAIN;
    }
    error = poll_wait_file(file, events, SCHED_NEVER);
    return error == -EINTR ? -ERESTARTSYS : error;
}

static int console_read(struct file *file, struct io *io, u64 *pos)
{
    struct byte_channel *channel = channel_of(file, false);
    char small[SMALL], *buf = small;
    u64 size = SMALL;
    int error = 0;
    s64 got;

    if (channel == NULL || io->left == 0) {
        return channel == NULL ? -EIO : 0;
    }
    if (io->left > SMALL) {
        char *large = kmalloc(MIN(io->left, CHUNK));

        size = large != NULL ? MIN(io->left, CHUNK) : size;
        buf = large != NULL ? large : buf;
    }
    while ((got = channel->read(channel, buf, MIN(size, io->left))) == 0 && error == 0) {
        error = wait_for(file, POLLIN);
    }
    if (got > 0) {
        error = io_put(io, buf, (u64)got);
    } else if (got < 0) {
        error = got == -ENODATA ? 0 : (int)got;
    }
    if (buf != small) {
        kfree(buf);
    }
    return error;
}

/* The lock is held. */
static int write_part(struct file *file, struct byte_channel *channel, struct io *io, char *buf,
                      u64 size)
{
    struct io ahead = *io;
    s64 written;
    int error;

    size = MIN(size, io->left);
    error = io_take(&ahead, buf, size);
    if (error != 0) {
        return error;
    }
    written = channel->write(channel, buf, size);
    if (written > 0) {
        io_skip(io, (u64)written);
        return 0;
    }
    return written < 0 ? (int)written : wait_for(file, POLLOUT);
}

static int console_write(struct file *file, struct io *io, u64 *pos)
{
    struct byte_channel *channel = channel_of(file, true);
    char small[SMALL], *large = io->left > SMALL ? kmalloc(MIN(io->left, CHUNK)) : NULL;
    u64 size = large != NULL ? MIN(io->left, CHUNK) : SMALL;
    int error = channel == NULL ? -EIO : 0;

    mutex_lock(&console.lock);
    while (io->left > 0 && error == 0) {
        error = write_part(file, channel, io, large != NULL ? large : small, size);
    }
    mutex_unlock(&console.lock);
    kfree(large);
    return error;
}

static u32 console_poll(struct file *file)
{
    struct byte_channel *in = channel_of(file, false), *out = channel_of(file, true);
    u32 events = in == NULL ? POLLHUP : in->poll(in);

    return out == in || out == NULL ? events : (events & ~POLLOUT) | (out->poll(out) & POLLOUT);
}

static struct poll_source *console_source(struct file *file)
{
    struct byte_channel *channel = channel_of(file, false);

    return channel == NULL ? NULL : &channel->source;
}

#define TCGETS 0x5401u
#define TCSETS 0x5402u
#define TCSETSF 0x5404u
#define TIOCGPGRP 0x540fu
#define TIOCSPGRP 0x5410u
#define TIOCGWINSZ 0x5413u
#define TIOCSWINSZ 0x5414u
#define TIOCGSID 0x5429u

static void window_of(const struct byte_channel *channel, struct winsize *window)
{
    mutex_lock(&console.lock);
    *window = console.window;
    mutex_unlock(&console.lock);
    if (window->rows == 0) {
        *window = (struct winsize){.rows = channel->rows, .columns = channel->columns};
    }
}

static s64 terminal_set(u32 request, const void *from)
{
    struct termios settings;
    struct winsize window;

    if (request == TIOCSWINSZ) {
        if (user_read(&window, from, sizeof(window)) != 0) {
            return -EFAULT;
        }
        mutex_lock(&console.lock);
        console.window = window;
        mutex_unlock(&console.lock);
        return 0;
    }
    if (user_read(&settings, from, sizeof(settings)) != 0) {
        return -EFAULT;
    }
    mutex_lock(&console.lock);
    console.settings = settings;
    mutex_unlock(&console.lock);
    return 0;
}

static s64 console_ioctl(struct file *file, u32 request, u64 arg)
{
    const struct byte_channel *channel = channel_of(file, false);
    static const u32 group = PROCESS_ID;
    struct termios settings;
    struct winsize window;

    if (channel == NULL || !channel->terminal) {
        return -ENOTTY;
    }
    switch (request) {
    case TCGETS:
        mutex_lock(&console.lock);
        settings = console.settings;
        mutex_unlock(&console.lock);
        return user_write((void *)arg, &settings, sizeof(settings));
    case TIOCGWINSZ:
        window_of(channel, &window);
        return user_write((void *)arg, &window, sizeof(window));
    case TIOCGPGRP:
    case TIOCGSID:
        return user_write((void *)arg, &group, sizeof(group));
    case TIOCSPGRP:
        return 0;
    case TCSETS:
    case TCSETS + 1:
    case TCSETSF:
    case TIOCSWINSZ:
        return terminal_set(request, (const void *)arg);
    default:
        return -ENOTTY;
    }
}

static const struct file_ops console_ops = {
    .read = console_read,
    .write = console_write,
    .poll = console_poll,
    .source = console_source,
    .ioctl = console_ioctl,
};

int console_open_terminal(struct file *file, bool must)
{
    const struct byte_channel *in;

    file->priv = NULL;
    file->ops = &console_ops;
    file->seekable = false;
    in = channel_of(file, false);
    return must && (in == NULL || !in->terminal) ? -ENXIO : 0;
}

int console_open_standard(unsigned number, struct file **file)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    struct byte_channel *channel = channel_find(names[number]);

    if (channel == NULL) {
        channel = channel_find("serial");
    }
    if (channel == NULL) {
        return -ENODEV;
    }
    return file_new(&console_ops, channel->terminal ? "tty" : "pipe",
                    channel->terminal ? O_RDWR
                    : number == 0     ? O_RDONLY
                                      : O_WRONLY,
                    channel, file);
}
