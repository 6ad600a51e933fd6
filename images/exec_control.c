/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a program's life: signals come by the port "control", as
 * lines "signal NUMBER", and the size of its window, "size ROWS COLUMNS", and
 * "settled" for each settings of the terminal that it was told of; how the
 * program ended goes back by it.  Without ports (a machine that the tool did
 * not make) the power button is SIGTERM, and the end is a line in the log.
 * Where there is the port the button is left alone: its interrupt is half a
 * millisecond of start-up on kvm_pvm, and the tool's machine has nobody to
 * press it.
 */
#include <drivers/power.h>
#include <kernel/clock.h>
#include <kernel/console.h>
#include <kernel/errno.h>
#include <kernel/panic.h>
#include <kernel/poll.h>
#include <kernel/print.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#include "exec.h"

#define LINE_MAX 64u
#define REPORT_MAX 320u
#define REPORT_PATIENCE (5 * NSEC_PER_SEC)
#define SIGTERM 15

static struct {
    struct byte_channel *channel;
    struct wait_queue queue;
    struct poll_watch watch;
    struct wait_queue settling;
    _Atomic u32 settled; /* settings that the host has made its terminal's */
    _Atomic bool closed; /* the host says no more */
} control = {.settling = WAIT_QUEUE_INIT("settling", control.settling)};

static void control_ready(struct poll_watch *watch, u32 events)
{
    (void)watch;
    (void)events;
    wait_wake_all(&control.queue);
}

static bool is_ready(void)
{
    return (control.channel->poll(control.channel) & (POLLIN | POLLHUP)) != 0;
}

/* The next number of the line; how many bytes were looked at. */
static size_t take_number(const char *line, size_t len, unsigned *number)
{
    size_t at = 0;

    while (at < len && line[at] == ' ') {
        at++;
    }
    for (*number = 0; at < len && line[at] >= '0' && line[at] <= '9'; at++) {
        *number = *number * 10 + (unsigned)(line[at] - '0');
    }
    return at;
}

static bool begins_with(const char *line, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    return len > word_len && memcmp(line, word, word_len) == 0;
}

/* Anything else is of a newer tool, and not for us. */
static void obey(const char *line, size_t len)
{
    static const char send[] = "signal ", size[] = "size ", attach[] = "attach ";
    static const char settled[] = "settled";
    unsigned first, second;

    if (begins_with(line, len, send)) {
        (void)take_number(line + sizeof(send) - 1, len - (sizeof(send) - 1), &first);
        if (first > 0 && first <= 64) {
            (void)signal_send((int)first, NULL);
        }
    } else if (begins_with(line, len, size)) {
        size_t at = sizeof(size) - 1;

        at += take_number(line + at, len - at, &first);
        (void)take_number(line + at, len - at, &second);
        console_set_window((u16)first, (u16)second);
    } else if (len == sizeof(settled) - 1 && memcmp(line, settled, len) == 0) {
        atomic_fetch_add_explicit(&control.settled, 1, memory_order_release);
        wait_wake_all(&control.settling);
    } else if (len >= sizeof(attach) - 1 && memcmp(line, attach, sizeof(attach) - 1) == 0) {
        exec_attach(line + sizeof(attach) - 1, len - (sizeof(attach) - 1));
    }
}

static void listen(void *arg)
{
    char line[LINE_MAX];
    size_t len = 0;

    (void)arg;
    for (;;) {
        char byte;
        s64 got = control.channel->read(control.channel, &byte, 1);

        if (got < 0) { /* the host has closed it: no more signals */
            atomic_store_explicit(&control.closed, true, memory_order_release);
            wait_wake_all(&control.settling);
            return;
        }
        if (got == 0) {
            wait_until(&control.queue, is_ready());
        } else if (byte == '\n') {
            vfs_heard();
            obey(line, len);
            len = 0;
        } else if (len < LINE_MAX) {
            line[len++] = byte;
        }
    }
}

static void power_button(void)
{
    (void)signal_send(SIGTERM, NULL);
}

static void start_listening(void)
{
    const struct thread_attr attr = {
        .name = "control",
        .entry = listen,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };

    wait_queue_init(&control.queue, "control");
    poll_watch_add(&control.channel->source, &control.watch, control_ready);
    if (thread_create(&attr, NULL) != 0) {
        config_error("too little memory for the first threads; give the machine more with -m");
    }
}

/* A port takes its buffer at the first write: a program without memory may say so. */
static void reserve_port(const char *name)
{
    struct byte_channel *channel = channel_find(name);

    if (channel != NULL && channel->write(channel, "", 0) == -ENOMEM) {
        config_error("too little memory for the program's output; give the machine more with -m");
    }
}

void exec_listen(void)
{
    reserve_port("stdout");
    reserve_port("stderr");
    reserve_port("control");
    control.channel = channel_find("control");
    if (control.channel != NULL) {
        start_listening();
    } else if (power_button_set(power_button) != 0) {
        kprintf("exec: this machine has no power button\n");
    }
}

void exec_await_settled(u32 count)
{
    if (control.channel != NULL) {
        wait_until(&control.settling,
                   (s32)(atomic_load_explicit(&control.settled, memory_order_acquire) - count) >=
                           0 ||
                       atomic_load_explicit(&control.closed, memory_order_acquire));
    }
}

/* A port takes bytes as soon as the host has said that it listens; it may not have yet. */
static void write_all(struct byte_channel *channel, const char *bytes, u64 size)
{
    nsec_t deadline = clock_now() + REPORT_PATIENCE;
    u64 done = 0;

    while (done < size && clock_now() < deadline) {
        s64 put = channel->write(channel, bytes + done, size - done);

        if (put < 0) {
            return;
        }
        done += (u64)put;
        if (put == 0) {
            sched_delay(NSEC_PER_MSEC);
        }
    }
}

void exec_report(const char *fmt, ...)
{
    struct byte_channel *channel = channel_find("control");
    char line[REPORT_MAX];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = kvsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (channel == NULL) {
        kprintf("exec: %s", line);
        return;
    }
    write_all(channel, line, MIN((u64)len, sizeof(line) - 1));
    channel->drain(channel);
}
