/* SPDX-License-Identifier: MIT */
/*
 * Our terminal: what the guest is told of it at the start, and what a program
 * there sets, which is taken over here until we end.
 *
 * The line speed and the like stay ours.  In the background nothing is set:
 * the terminal is somebody else's then.
 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CHARS 19 /* of the kernel's struct, which are the first of libc's */

static struct {
    int fd; /* -1: there is none */
    bool known, changed;
    struct termios before, set;
} terminal = {.fd = -1};

bool terminal_in_background(int fd)
{
    pid_t foreground = tcgetpgrp(fd);

    return foreground > 0 && foreground != getpgrp();
}

static void put_back(void)
{
    terminal_leave();
}

bool terminal_find(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !terminal.known; fd++) {
        if (isatty(fd) && tcgetattr(fd, &terminal.before) == 0) {
            terminal.fd = fd;
            terminal.known = true;
            atexit(put_back);
        }
    }
    return terminal.known;
}

char *terminal_settings(void)
{
    const struct termios *now = &terminal.before;
    char *result =
        text("%x %x %x %x %x", now->c_iflag, now->c_oflag, now->c_cflag, now->c_lflag, now->c_line);

    for (int i = 0; i < CHARS; i++) {
        char *longer = text("%s %x", result, now->c_cc[i]);

        free(result);
        result = longer;
    }
    return result;
}

char *terminal_size(void)
{
    struct winsize size;

    if (!terminal.known || ioctl(terminal.fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) {
        return NULL;
    }
    return text("%ux%u", size.ws_row, size.ws_col);
}

void terminal_apply(const char *line)
{
    struct termios now = terminal.before;
    unsigned control, discipline, value;
    int used = 0;

    if (!terminal.known || sscanf(line, "settings %x %x %x %x %x%n", &now.c_iflag, &now.c_oflag,
                                  &control, &now.c_lflag, &discipline, &used) != 5) {
        return;
    }
    for (int i = 0, part; i < CHARS && sscanf(line + used, " %x%n", &value, &part) == 1; i++) {
        now.c_cc[i] = (cc_t)value;
        used += part;
    }
    terminal.set = now;
    terminal.changed = true;
    terminal_enter();
}

void terminal_enter(void)
{
    if (terminal.changed && !terminal_in_background(terminal.fd)) {
        (void)tcsetattr(terminal.fd, TCSANOW, &terminal.set);
    }
}

void terminal_leave(void)
{
    if (terminal.changed && !terminal_in_background(terminal.fd)) {
        (void)tcsetattr(terminal.fd, TCSANOW, &terminal.before);
    }
}
