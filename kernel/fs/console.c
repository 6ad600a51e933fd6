/* SPDX-License-Identifier: MIT */
/*
 * Standard input, output and error, and the terminal, on byte channels.
 *
 * The host's terminal does the editing of lines and turns keys into signals,
 * so bytes go through as they are, and settings are handed on to it
 * (terminal.c).  What is no terminal behaves as a pipe, to isatty(3) and when
 * nobody reads it any more.
 *
 * A write is one copy and one call of the driver for up to CHUNK bytes, which
 * the driver hands on in one burst.  There is no lock: up to CHANNEL_WHOLE
 * bytes are one piece, larger writes of several threads may mix as in a pipe,
 * and a channel that nobody reads stops nobody but its own writers.
 */
#include "console_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

#include "fs_priv.h"

#define SMALL 256u
#define CHUNK (64 * KIB)

#define FIONREAD 0x541bu

/* (c) constant after start-up */
static const struct console_host *told; /* (c) */

void console_set_host(const struct console_host *host, const struct terminal_settings *settings)
{
    told = host;
    terminal_start(settings);
}

const struct console_host *console_host(void)
{
    return told;
}

void console_set_window(u16 rows, u16 columns)
{
    terminal_set_window(rows, columns);
}

static struct byte_channel *find_terminal(const char *name)
{
    struct byte_channel *channel = channel_find(name);

    return channel != NULL && channel->terminal ? channel : NULL;
}

/* A terminal can be read and written, by whichever descriptor it is open. */
static struct byte_channel *terminal_side(bool write)
{
    struct byte_channel *channel = find_terminal(write ? "stdout" : "stdin");

    if (channel == NULL && write) {
        channel = find_terminal("stderr");
    }
    return channel;
}

static struct byte_channel *channel_of(struct file *file, bool write)
{
    struct byte_channel *channel = file->priv;

    if (channel != NULL && !channel->terminal) {
        return channel;
    }
    channel = terminal_side(write);
    if (channel == NULL && file->priv == NULL) { /* /dev/console, without the tool */
        channel = channel_find(write ? "stdout" : "stdin");
        channel = channel != NULL ? channel : channel_find("serial");
    }
    return channel;
}

struct channel_waiter {
    struct poll_watch watch;
    struct wait_queue queue;
};

static void channel_changed(struct poll_watch *watch, u32 events)
{
    (void)events;
    wait_wake_all(&container_of(watch, struct channel_waiter, watch)->queue);
}

static u32 ask(struct byte_channel *channel, u32 events)
{
    return channel->asked_for && (events & POLLIN) ? input_poll(channel) : channel->poll(channel);
}

/*
 * Until the channel may be ready, or may have been: 0, -EAGAIN, -ERESTARTSYS.  One wake-up and
 * not more, because the caller's next try may have to ask for input.
 */
static int wait_for(struct file *file, struct byte_channel *channel, u32 events)
{
    struct channel_waiter waiter;
    int error = 0;

    if (file_flags(file) & O_NONBLOCK) {
        return -EAGAIN;
    }
    wait_queue_init(&waiter.queue, "console");
    poll_watch_add(&channel->source, &waiter.watch, channel_changed);
    /* Asks the host again if what it sent for us is another reader's already. */
    if ((ask(channel, events) & (events | POLLERR | POLLHUP)) == 0) {
        struct waiter place;

        wait_begin(&waiter.queue, &place);
        if ((channel->poll(channel) & (events | POLLERR | POLLHUP)) != 0) {
            wait_abort(&waiter.queue, &place);
        } else {
            error = wait_sleep_signal(&waiter.queue, &place, SCHED_NEVER);
        }
    }
    poll_watch_remove(&waiter.watch);
    return error == -EINTR ? -ERESTARTSYS : error;
}

static s64 read_channel(struct byte_channel *channel, void *data, u64 size)
{
    return channel->asked_for ? input_read(channel, data, size)
                              : channel->read(channel, data, size);
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
    while ((got = read_channel(channel, buf, MIN(size, io->left))) == 0 && error == 0) {
        error = wait_for(file, channel, POLLIN);
    }
    if (got != 0) {
        vfs_heard();
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
    return written < 0 ? (int)written : wait_for(file, channel, POLLOUT);
}

/* Nobody reads it any more: a terminal has hung up, a pipe is broken. */
static int broken(const struct byte_channel *channel)
{
    struct siginfo info = {.signo = SIGPIPE, .sent.pid = PROCESS_ID}; /* as kill(2) by itself */

    if (channel->terminal) {
        return -EIO;
    }
    (void)signal_send_thread(thread_current(), SIGPIPE, &info);
    return -EPIPE;
}

static int console_write(struct file *file, struct io *io, u64 *pos)
{
    struct byte_channel *channel = channel_of(file, true);
    char small[SMALL], *large = io->left > SMALL ? kmalloc(MIN(io->left, CHUNK)) : NULL;
    u64 size = large != NULL ? MIN(io->left, CHUNK) : SMALL;
    int error = channel == NULL ? -EIO : 0;

    while (io->left > 0 && error == 0) {
        error = write_part(file, channel, io, large != NULL ? large : small, size);
    }
    kfree(large);
    return error == -EPIPE ? broken(channel) : error;
}

/* As a pipe tells it: what cannot be written any more is an error. */
static u32 output_poll(struct byte_channel *channel)
{
    u32 events = channel->poll(channel);

    return (events & (POLLHUP | POLLERR)) != 0 ? POLLOUT | POLLERR : events & POLLOUT;
}

static u32 console_poll(struct file *file)
{
    struct byte_channel *in = channel_of(file, false), *out = channel_of(file, true);
    u32 access = file_flags(file) & O_ACCMODE, events = 0;

    if (access != O_WRONLY && in != NULL) {
        events = (in->asked_for ? input_poll(in) : in->poll(in)) & ~POLLOUT;
        if (events != 0) {
            vfs_heard();
        }
    }
    if (access != O_RDONLY && out != NULL) {
        events |= output_poll(out);
    }
    return events;
}

static bool is_terminal(const struct byte_channel *channel)
{
    return channel != NULL && channel->terminal;
}

/* A terminal's sides are two channels, of which a watch may want either. */
static struct poll_source *console_source(struct file *file)
{
    struct byte_channel *in = channel_of(file, false), *out = channel_of(file, true);
    struct byte_channel *one = (file_flags(file) & O_ACCMODE) == O_WRONLY ? out : in;

    if (is_terminal(in) || is_terminal(out)) {
        return channel_terminal_source();
    }
    return one == NULL ? NULL : &one->source;
}

static s64 bytes_waiting(struct file *file, u64 arg)
{
    struct byte_channel *channel = channel_of(file, false);
    u32 count = 0;

    if (channel != NULL && channel->waiting != NULL) {
        count = channel->asked_for ? input_waiting(channel) : channel->waiting(channel);
    }
    return user_write((void *)arg, &count, sizeof(count));
}

static s64 console_ioctl(struct file *file, u32 request, u64 arg)
{
    struct byte_channel *channel = file->priv != NULL ? file->priv : channel_of(file, true);

    if (request == FIONREAD) {
        return bytes_waiting(file, arg);
    }
    return channel == NULL || !channel->terminal ? -ENOTTY : terminal_ioctl(channel, request, arg);
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
    file->priv = NULL;
    file->ops = &console_ops;
    file->seekable = false;
    return must && find_terminal("stdin") == NULL && terminal_side(true) == NULL ? -ENXIO : 0;
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
