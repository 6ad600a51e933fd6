/* SPDX-License-Identifier: MIT */
/*
 * jcmd, jstack and jmap of the host, for the JVM in the machine: the tool
 * listens where a JVM with the tool's process number would, which is where they
 * look, and passes their requests to the guest (images/exec_attach.c).
 *
 *   jcmd PID --> /tmp/.java_pidPID --> "attach HEX" lines, port "control" --> JVM
 *        <------------------------ "attach HEX" lines, likewise <----------
 *
 * One request at a time.  It is a convenience: where it cannot be had, the
 * program runs without.
 */
#include "tool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 4096
#define REQUEST_STRINGS 5 /* version, command, three arguments: each ends with a 0 */
#define LINE_BYTES 24     /* the guest takes lines of 64 */
#define PATIENCE 5        /* seconds, for a client that does not read */

/* (l) lock   (c) constant once started */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t done;
    int client;     /* (l) -1: none */
    int listener;   /* (c) */
    int control;    /* (c) */
    pid_t owner;    /* (c) who removes the name */
    char path[108]; /* (c) "": there is none */
} attach = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .client = -1};

/* All of a request; 0: the client only looked whether somebody listens. */
static size_t read_request(int client, char *request)
{
    size_t size = 0, strings = 0;

    while (strings < REQUEST_STRINGS && size < REQUEST_MAX) {
        ssize_t got = read(client, request + size, REQUEST_MAX - size);

        if (got <= 0) {
            return 0;
        }
        for (; got > 0; got--) {
            strings += request[size++] == '\0';
        }
    }
    return strings == REQUEST_STRINGS ? size : 0;
}

static void send_request(const char *request, size_t size)
{
    char *lines = need_memory(malloc(3 * size + 64)), *to = lines;

    for (size_t i = 0; i < size; i++) {
        to = stpcpy(to, i % LINE_BYTES != 0 ? "" : i == 0 ? "attach " : "\nattach ");
        *to++ = "0123456789abcdef"[(unsigned char)request[i] >> 4];
        *to++ = "0123456789abcdef"[request[i] & 15];
    }
    to = stpcpy(to, "\nattach \n");
    (void)!send(attach.control, lines, (size_t)(to - lines), MSG_NOSIGNAL);
    free(lines);
}

static void serve(int client)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    char request[REQUEST_MAX];
    size_t size;

    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    size = read_request(client, request);
    if (size == 0) {
        return;
    }
    pthread_mutex_lock(&attach.lock);
    attach.client = client;
    send_request(request, size);
    while (attach.client >= 0) {
        pthread_cond_wait(&attach.done, &attach.lock);
    }
    pthread_mutex_unlock(&attach.lock);
}

static void *serve_all(void *arg)
{
    int client;

    while ((client = accept4(attach.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        serve(client);
        close(client);
    }
    return arg;
}

void attach_take(const char *hex)
{
    char bytes[512];
    size_t size = 0;

    for (; hex[0] != '\0' && hex[1] != '\0' && size < sizeof(bytes); hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};

        bytes[size++] = (char)strtoul(pair, NULL, 16);
    }
    pthread_mutex_lock(&attach.lock);
    if (attach.client >= 0 && size != 0) {
        (void)!send(attach.client, bytes, size, MSG_NOSIGNAL);
    } else {
        attach.client = -1;
        pthread_cond_signal(&attach.done);
    }
    pthread_mutex_unlock(&attach.lock);
}

static void remove_name(void)
{
    if (getpid() == attach.owner) {
        unlink(attach.path);
    }
}

void attach_start(int control)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/.java_pid%d", (int)getpid());
    if (listener < 0) {
        return;
    }
    unlink(name.sun_path); /* of one who had our number before */
    if (fchmod(listener, 0600) != 0 ||
        bind(listener, (struct sockaddr *)&name, sizeof(name)) != 0) {
        close(listener);
        return;
    }
    memcpy(attach.path, name.sun_path, sizeof(attach.path));
    attach.owner = getpid();
    attach.control = control;
    attach.listener = listener;
    atexit(remove_name);
    if (listen(listener, 5) == 0) {
        start_thread(serve_all, NULL, true);
    }
}
