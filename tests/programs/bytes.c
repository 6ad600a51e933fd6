/* SPDX-License-Identifier: MIT */
/*
 * Streams, byte for byte:
 *   bytes write MIB    pseudo-random bytes to stdout, their sum to stderr
 *   bytes copy         stdin to stdout, the sum to stderr
 *   bytes both         lines to stdout and stderr by turns
 *   bytes fill         writes to stdout until nobody reads it any more
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

static unsigned char chunk[CHUNK];
static uint64_t sum = 0xcbf29ce484222325u;

static void add(size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ chunk[i]) * 0x100000001b3u;
    }
}

static int put(size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(STDOUT_FILENO, chunk + done, size - done);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_random(long mib)
{
    uint64_t state = 1;

    for (long left = mib * 1048576; left > 0; left -= CHUNK) {
        for (size_t i = 0; i < CHUNK; i += sizeof(state)) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            memcpy(chunk + i, &state, sizeof(state));
        }
        add(CHUNK);
        if (put(CHUNK) != 0) {
            return 1;
        }
    }
    return 0;
}

static int copy(void)
{
    ssize_t got;

    while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
        add((size_t)got);
        if (put((size_t)got) != 0) {
            return 1;
        }
    }
    return got < 0;
}

static int both(void)
{
    for (int i = 0; i < 1000; i++) {
        dprintf(STDOUT_FILENO, "out %d\n", i);
        dprintf(STDERR_FILENO, "err %d\n", i);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int status = 2;

    if (strcmp(what, "write") == 0 && argc > 2) {
        status = write_random(atol(argv[2]));
    } else if (strcmp(what, "copy") == 0) {
        status = copy();
    } else if (strcmp(what, "both") == 0) {
        return both();
    } else if (strcmp(what, "fill") == 0) {
        while (put(CHUNK) == 0) {
        }
        return 3; /* SIGPIPE comes first */
    }
    fprintf(stderr, "%016llx\n", (unsigned long long)sum);
    return status;
}
