/* SPDX-License-Identifier: MIT */
/*
 * Our standard input, handed on as the guest's program asks for it, so that
 * what it does not read is still there for who comes after us: the shell in
 * whose loop we run.
 *
 *   guest: "input N"  -->  one read(2) of up to N bytes  -->  u32 size, bytes
 *
 * A message for each read of the program would make much input slow.  So a
 * file is sent as fast as it goes, from the first wish on, and what was not
 * taken is given back at the end by lseek(2).  A pipe cannot take anything
 * back: it is read as it is asked for until the program has shown that it
 * means to read all, by ENOUGH_READS or ENOUGH_BYTES, and ahead from then on.
 * A terminal is always read as asked for.
 */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (128 * 1024)
#define FLOWS 0x80000000u /* kernel/console.h: INPUT_FLOWS */
#define ENOUGH_READS 256
#define ENOUGH_BYTES (256 * 1024)
#define BACKGROUND_WAIT 200000 /* us */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t wanted; /* by the lock, as the rest but for what only the thread uses */
    bool flows, ended;
    int to;
    bool moved;          /* something was read of the file */
    bool file, terminal; /* what our standard input is; constant */
    off_t start;
    uint64_t reads, bytes; /* the thread's */
} input = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void input_want(size_t size)
{
    pthread_mutex_lock(&input.lock);
    input.wanted = size;
    pthread_cond_signal(&input.changed);
    pthread_mutex_unlock(&input.lock);
}

/* How much to read now; 0: no more. */
static size_t wait_for_wish(void)
{
    size_t size;

    pthread_mutex_lock(&input.lock);
    while (!input.flows && input.wanted == 0 && !input.ended) {
        pthread_cond_wait(&input.changed, &input.lock);
    }
    size = input.flows || input.wanted > CHUNK ? CHUNK : input.wanted;
    size = input.ended ? 0 : size;
    input.wanted = 0;
    pthread_mutex_unlock(&input.lock);
    return size;
}

/* In the background a terminal is not ours to read: later, perhaps. */
static bool may_try_again(int error)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};

    if (error == EINTR) {
        return true;
    }
    if (error == EAGAIN) { /* somebody has made it so, for all who share it */
        return poll(&wait, 1, -1) >= 0 || errno == EINTR;
    }
    if (error == EIO && terminal_in_background(STDIN_FILENO)) {
        usleep(BACKGROUND_WAIT);
        return true;
    }
    return false;
}

static ssize_t read_some(char *bytes, size_t size)
{
    ssize_t got;

    do {
        got = read(STDIN_FILENO, bytes, size);
    } while (got < 0 && may_try_again(errno));
    return got;
}

/* A file's position is ours to move until input_finish(). */
static ssize_t read_file(char *bytes, size_t size)
{
    ssize_t got = 0;

    pthread_mutex_lock(&input.lock);
    if (!input.ended) {
        got = read_some(bytes, size);
        input.moved = input.moved || got > 0;
    }
    pthread_mutex_unlock(&input.lock);
    return got;
}

static uint32_t header_of(size_t size)
{
    input.reads++;
    input.bytes += size;
    if (!input.terminal &&
        (input.file || input.reads >= ENOUGH_READS || input.bytes >= ENOUGH_BYTES)) {
        input.flows = true; /* it is we who wait for that */
    }
    return (uint32_t)size | (input.flows ? FLOWS : 0);
}

static void *feed(void *arg)
{
    char *frame = need_memory(malloc(sizeof(uint32_t) + CHUNK));
    size_t size;

    while ((size = wait_for_wish()) > 0) {
        char *bytes = frame + sizeof(uint32_t);
        ssize_t got = input.file ? read_file(bytes, size) : read_some(bytes, size);

        if (got < 0 || (got == 0 && !input.terminal)) {
            break;
        }
        *(uint32_t *)frame = header_of((size_t)got);
        if (!write_all(input.to, frame, sizeof(uint32_t) + (size_t)got)) {
            break;
        }
    }
    shutdown(input.to, SHUT_WR);
    free(frame);
    return arg;
}

void input_start(int to)
{
    struct stat stat;

    input.to = to;
    input.terminal = isatty(STDIN_FILENO);
    if (fstat(STDIN_FILENO, &stat) == 0 && S_ISREG(stat.st_mode)) {
        input.start = lseek(STDIN_FILENO, 0, SEEK_CUR);
        input.file = input.start >= 0;
    }
    start_thread(feed, NULL, true);
}

void input_finish(unsigned long long taken)
{
    pthread_mutex_lock(&input.lock);
    input.ended = true;
    pthread_cond_signal(&input.changed);
    if (input.moved) {
        (void)lseek(STDIN_FILENO, input.start + (off_t)taken, SEEK_SET);
    }
    pthread_mutex_unlock(&input.lock);
}
