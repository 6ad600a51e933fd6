/* SPDX-License-Identifier: MIT */
/*
 * Bytes from the machine's ports to our own descriptors (input.c is the way
 * in).  QEMU has one end of a pair of sockets for each port; a thread for each
 * copies at the other, or lets the kernel do so where ours is a pipe.
 *
 * QEMU could have our descriptors themselves.  But it makes them non-blocking,
 * for everyone who shares them, a shell in the same terminal included.
 * Threads, and not one loop with poll(2): a write of more than a page to a
 * full pipe blocks though poll() found room, and then stderr must go on.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (128 * 1024)
#define RELAYS_MAX 8
#define LOG_MAX (4u << 20)

struct relay {
    int from, to; /* to < 0: to the log only */
    struct log *log;
};

static struct {
    pthread_t thread[RELAYS_MAX];
    unsigned count;
    atomic_bool lost; /* output could not be written, and not because nobody reads it */
} relays;

static bool wait_for(int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};

    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

/* It was made non-blocking by somebody who shares it. */
static bool wait_for_room(int fd)
{
    return wait_for(fd, POLLOUT);
}

bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);

        if (done < 0 && errno != EINTR && !(errno == EAGAIN && wait_for_room(fd))) {
            return false;
        }
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return true;
}

static ssize_t read_some(int fd, char *bytes)
{
    ssize_t got;

    do {
        got = read(fd, bytes, CHUNK);
    } while (got < 0 && errno == EINTR);
    return got;
}

static void keep(struct log *log, const char *bytes, size_t size)
{
    if (log->size + size <= LOG_MAX) {
        log->bytes = need_memory(realloc(log->bytes, log->size + size));
        memcpy(log->bytes + log->size, bytes, size);
        log->size += size;
    }
}

/* Nobody takes what is written: the source learns it, the guest's program gets its own EPIPE. */
static void stop_source(const struct relay *relay)
{
    if (errno != EPIPE) {
        say("cannot write standard %s: %s", relay->to == STDOUT_FILENO ? "output" : "error",
            strerror(errno));
        atomic_store(&relays.lost, true);
    }
    shutdown(relay->from, SHUT_RDWR);
}

/*
 * Without bytes in our memory, if `to` is a pipe; false: it is none, and nothing was moved.
 * Not as a blocking call: Linux's splice() of a socket then waits for more than it has
 * found, and a line would arrive together with the next one.
 */
static bool splice_all(const struct relay *relay)
{
    ssize_t got;
    bool moved = false;

    if (relay->log != NULL || relay->to < 0) {
        return false;
    }
    do {
        wait_for(relay->from, POLLIN);
        got = splice(relay->from, NULL, relay->to, NULL, CHUNK, SPLICE_F_NONBLOCK);
        moved = moved || got > 0;
    } while (got > 0 ||
             (got < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(relay->to)))));
    if (got < 0 && !moved && errno != EPIPE) {
        return false;
    }
    if (got < 0) {
        stop_source(relay);
    }
    return true;
}

static void copy_all(const struct relay *relay)
{
    char *bytes = need_memory(malloc(CHUNK));
    ssize_t got;

    while ((got = read_some(relay->from, bytes)) > 0) {
        if (relay->log != NULL) {
            keep(relay->log, bytes, (size_t)got);
        }
        if (relay->to >= 0 && !write_all(relay->to, bytes, (size_t)got)) {
            stop_source(relay);
            break;
        }
    }
    free(bytes);
}

static void *copy(void *arg)
{
    struct relay relay = *(struct relay *)arg;

    free(arg);
    if (!splice_all(&relay)) {
        copy_all(&relay);
    }
    return NULL;
}

pthread_t start_thread(void *(*run)(void *), void *arg, bool detached)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, arg) != 0) {
        fail("more may run at a time: ulimit -u", "cannot start a thread");
    }
    if (detached) {
        pthread_detach(thread);
    }
    return thread;
}

static pthread_t start(int from, int to, struct log *log)
{
    struct relay *relay = need_memory(malloc(sizeof(*relay)));

    *relay = (struct relay){from, to, log};
    return start_thread(copy, relay, false);
}

void relay_out(int from, int to)
{
    relays.thread[relays.count++] = start(from, to, NULL);
}

void relay_log(int from, struct log *log, bool show)
{
    relays.thread[relays.count++] = start(from, show ? STDERR_FILENO : -1, log);
}

bool relay_wait(void)
{
    while (relays.count > 0) {
        pthread_join(relays.thread[--relays.count], NULL);
    }
    return !atomic_load(&relays.lost);
}
