/* SPDX-License-Identifier: MIT */
/*
 * Bytes between the machine's ports and our own descriptors.  QEMU has one end
 * of a pair of sockets for each port; a thread for each copies at the other.
 *
 * QEMU could have our descriptors themselves.  But it makes them non-blocking,
 * for everyone who shares them, a shell in the same terminal included.
 * Threads, and not one loop with poll(2): a write of more than a page to a
 * full pipe blocks though poll() found room, and then stderr must go on.
 */
#include "tool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (128 * 1024)
#define RELAYS_MAX 8
#define LOG_MAX (4u << 20)
#define BACKGROUND_WAIT 200000 /* us */

struct relay {
    int from, to; /* to < 0: to the log only */
    struct log *log;
};

static struct {
    pthread_t thread[RELAYS_MAX];
    unsigned count;
} relays;

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);

        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return true;
}

/* In the background a terminal is not ours to read: later, perhaps. */
static bool in_background(int fd)
{
    pid_t foreground = tcgetpgrp(fd);

    return foreground > 0 && foreground != getpgrp();
}

static ssize_t read_some(int fd, char *bytes)
{
    for (;;) {
        ssize_t got = read(fd, bytes, CHUNK);

        if (got >= 0 || (errno != EINTR && errno != EIO)) {
            return got;
        }
        if (errno == EIO) {
            if (!in_background(fd)) {
                return 0;
            }
            usleep(BACKGROUND_WAIT);
        }
    }
}

static void keep(struct log *log, const char *bytes, size_t size)
{
    if (log->size + size <= LOG_MAX) {
        log->bytes = need_memory(realloc(log->bytes, log->size + size));
        memcpy(log->bytes + log->size, bytes, size);
        log->size += size;
    }
}

/*
 * At the end of what is read the other side sees an end of file.  If nobody
 * takes what is written (EPIPE), the source learns it: the guest's program
 * gets its own EPIPE.
 */
static void *copy(void *arg)
{
    struct relay relay = *(struct relay *)arg;
    char *bytes = need_memory(malloc(CHUNK));
    ssize_t got;

    free(arg);
    while ((got = read_some(relay.from, bytes)) > 0) {
        if (relay.log != NULL) {
            keep(relay.log, bytes, (size_t)got);
        }
        if (relay.to >= 0 && !write_all(relay.to, bytes, (size_t)got)) {
            if (relay.from > STDERR_FILENO) { /* ours, and not a socket that we were given */
                shutdown(relay.from, SHUT_RDWR);
            }
            break;
        }
    }
    if (relay.to > STDERR_FILENO) {
        shutdown(relay.to, SHUT_WR);
    }
    free(bytes);
    return NULL;
}

static pthread_t start(int from, int to, struct log *log)
{
    struct relay *relay = need_memory(malloc(sizeof(*relay)));
    pthread_t thread;

    *relay = (struct relay){from, to, log};
    if (pthread_create(&thread, NULL, copy, relay) != 0) {
        fail(NULL, "cannot start a thread");
    }
    return thread;
}

void relay_in(int from, int to)
{
    pthread_detach(start(from, to, NULL));
}

void relay_out(int from, int to)
{
    relays.thread[relays.count++] = start(from, to, NULL);
}

void relay_log(int from, struct log *log, bool show)
{
    relays.thread[relays.count++] = start(from, show ? STDERR_FILENO : -1, log);
}

void relay_wait(void)
{
    while (relays.count > 0) {
        pthread_join(relays.thread[--relays.count], NULL);
    }
}
