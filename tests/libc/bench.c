/* SPDX-License-Identifier: MIT */
/*
 * Nanoseconds of memory and string functions: the least of many runs, so that
 * a busy machine disturbs little.  Run it with two libcs to compare them.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 200

static char a[1 << 17], b[1 << 17];
static void *kept[64];
static volatile long result; /* or the compiler drops calls of pure functions */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The least time of `call`, done `count` times in a run. */
#define BENCH(name, size, count, call) \
    do { \
        double best = 1e18; \
        for (int run = 0; run < RUNS; run++) { \
            double begin = now(); \
            for (int i = 0; i < (count); i++) { \
                call; \
                __asm__ volatile("" : : : "memory"); \
            } \
            begin = (now() - begin) / (count); \
            best = begin < best ? begin : best; \
        } \
        printf("%-22s %6d %9.1f\n", name, (int)(size), best); \
    } while (0)

int main(void)
{
    static const int sizes[] = {8, 32, 100, 500, 2000, 30000, 100000};

    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    BENCH("malloc free", 64, 2000, free(malloc(64)));
    BENCH("malloc free, 64 kept", 200, 2000, (free(kept[i % 64]), kept[i % 64] = malloc(200)));
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int n = sizes[s], count = 200000 / (n + 200);

        BENCH("memcpy", n, count, memcpy(a + 3, b + 9, n));
        BENCH("memmove, overlapping", n, count, memmove(a + 40, a, n));
        BENCH("memset", n, count, memset(a + 5, 'x', n));
        BENCH("memcmp", n, count, result = (long)memcmp(a + 1, b + 7, n));
        BENCH("memchr", n, count, result = (long)memchr(a + 1, 'y', n));
        a[n] = b[n] = 0;
        BENCH("strlen", n, count, result = (long)strlen(a));
        BENCH("strcmp", n, count, result = (long)strcmp(a, b));
        a[n] = b[n] = 'x';
    }
    return 0;
}
