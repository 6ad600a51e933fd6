/* SPDX-License-Identifier: MIT */
/*
 * What the guest says by the port "control": wishes while its program runs, and
 * at the end how that ended (images/exec_terminal.c, exec_control.c).
 */
#include "tool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_SIZE 1024

/* The thread's; everybody's once messages_wait() is over. */
static struct {
    pthread_t thread;
    int port;
    char line[LINE_MAX_SIZE + 1];
    size_t size;
    char end[LINE_MAX_SIZE + 1];
    unsigned long long taken;
} messages;

/* What the guest waits for: a program that has changed its terminal relies on that. */
static void tell_settled(void)
{
    static const char line[] = "settled\n";

    (void)send(messages.port, line, sizeof(line) - 1, MSG_NOSIGNAL);
}

static void obey(const char *line)
{
    unsigned long long number;

    if (sscanf(line, "input %llu", &number) == 1) {
        input_want((size_t)number);
    } else if (strncmp(line, "settings ", strlen("settings ")) == 0) {
        terminal_apply(line);
        tell_settled();
    } else if (sscanf(line, "taken %llu", &number) == 1) {
        messages.taken = number;
    } else if (strncmp(line, "attach ", strlen("attach ")) == 0) {
        attach_take(line + strlen("attach "));
    } else {
        memcpy(messages.end, line, strlen(line) + 1);
    }
}

static void take(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            messages.line[messages.size] = '\0';
            messages.size = 0;
            obey(messages.line);
        } else if (messages.size < LINE_MAX_SIZE) {
            messages.line[messages.size++] = bytes[i];
        }
    }
}

static void *listen_to_guest(void *arg)
{
    char bytes[LINE_MAX_SIZE];
    ssize_t got;

    while ((got = read(messages.port, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR)) {
        take(bytes, got > 0 ? (size_t)got : 0);
    }
    return arg;
}

void messages_start(int port)
{
    messages.port = port;
    messages.thread = start_thread(listen_to_guest, NULL, false);
}

const char *messages_wait(unsigned long long *taken)
{
    pthread_join(messages.thread, NULL);
    *taken = messages.taken;
    return messages.end;
}
