/* SPDX-License-Identifier: MIT */
/*
 * What ioctl(2) tells of the host's terminal and changes there.
 *
 * Settings are kept here and handed on to the tool, which gives them to its
 * own terminal and puts that back at the end: so an editor gets single keys,
 * and a password is not shown.  The terminal is all there is of job control:
 * the one process is its foreground group.
 */
#include "console_priv.h"

#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

struct winsize {
    u16 rows, columns, width, height;
};

/* (l) lock */
static struct {
    struct mutex lock;
    struct terminal_settings settings; /* (l) */
    struct winsize window;             /* (l) rows 0: as the channel says */
} terminal = {
    .lock = {.queue = WAIT_QUEUE_INIT("terminal", terminal.lock.queue)},
    .settings = {.input = 0x500,  /* ICRNL IXON */
                 .output = 0x5,   /* OPOST ONLCR */
                 .control = 0xbf, /* 38400 8N1 CREAD */
                 .local = 0x8a3b, /* ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN */
                 .chars = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22}},
};

#define TCGETS 0x5401u
#define TCSETS 0x5402u
#define TCSETSW 0x5403u
#define TCSETSF 0x5404u
#define TCSBRK 0x5409u
#define TCXONC 0x540au
#define TCFLSH 0x540bu
#define TIOCSCTTY 0x540eu
#define TIOCGPGRP 0x540fu
#define TIOCSPGRP 0x5410u
#define TIOCOUTQ 0x5411u
#define TIOCGWINSZ 0x5413u
#define TIOCSWINSZ 0x5414u
#define TIOCGSID 0x5429u

void terminal_start(const struct terminal_settings *settings)
{
    if (settings != NULL) {
        terminal.settings = *settings;
    }
}

void terminal_set_window(u16 rows, u16 columns)
{
    mutex_lock(&terminal.lock);
    terminal.window = (struct winsize){.rows = rows, .columns = columns};
    mutex_unlock(&terminal.lock);
}

static s64 get_settings(void *to)
{
    struct terminal_settings settings;

    mutex_lock(&terminal.lock);
    settings = terminal.settings;
    mutex_unlock(&terminal.lock);
    return user_write(to, &settings, sizeof(settings));
}

static s64 set_settings(struct byte_channel *channel, const void *from, bool wait)
{
    const struct console_host *host = console_host();
    struct terminal_settings settings;

    if (user_read(&settings, from, sizeof(settings)) != 0) {
        return -EFAULT;
    }
    if (wait) {
        channel->drain(channel);
    }
    mutex_lock(&terminal.lock);
    terminal.settings = settings;
    if (host != NULL) {
        host->settings(&settings); /* in the order in which they are set */
    }
    mutex_unlock(&terminal.lock);
    return 0;
}

static s64 get_window(const struct byte_channel *channel, void *to)
{
    struct winsize window;

    mutex_lock(&terminal.lock);
    window = terminal.window;
    mutex_unlock(&terminal.lock);
    if (window.rows == 0) {
        window = (struct winsize){.rows = channel->rows, .columns = channel->columns};
    }
    return user_write(to, &window, sizeof(window));
}

static s64 set_window(const void *from)
{
    struct winsize window;

    if (user_read(&window, from, sizeof(window)) != 0) {
        return -EFAULT;
    }
    mutex_lock(&terminal.lock);
    terminal.window = window;
    mutex_unlock(&terminal.lock);
    return 0;
}

s64 terminal_ioctl(struct byte_channel *channel, u32 request, u64 arg)
{
    static const u32 group = PROCESS_ID, none;

    switch (request) {
    case TCGETS:
        return get_settings((void *)arg);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_settings(channel, (const void *)arg, request != TCSETS);
    case TIOCGWINSZ:
        return get_window(channel, (void *)arg);
    case TIOCSWINSZ:
        return set_window((const void *)arg);
    case TIOCGPGRP:
    case TIOCGSID:
        return user_write((void *)arg, &group, sizeof(group));
    case TIOCOUTQ:
        return user_write((void *)arg, &none, sizeof(none));
    case TCSBRK:
    case TCXONC:
    case TCFLSH:
    case TIOCSCTTY:
    case TIOCSPGRP:
        return 0;
    default:
        return -ENOTTY;
    }
}
