/* SPDX-License-Identifier: MIT */
/*
 * What the C library costs: string functions by size, the allocator, locks.
 *
 * Functions are called through volatile pointers, because a compiler that knows
 * them would do their work itself.  A string function is measured over changing
 * alignments, each call waiting for the result of the one before.  A sample is
 * many calls, so that reading the time does not count; of several samples the
 * least tells most, because what disturbs one never makes it faster.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 40
#define SAMPLE_NS 20000 /* about as long as one should take */
#define BIG (8u << 20)

static char *from, *to; /* page-aligned */

static void need(bool done, const char *what)
{
    if (!done) {
        bench_fail(what, errno);
    }
}

/* `call` (which may use i), so often that a sample takes its time. */
#define BENCH(name, call) \
    do { \
        uint64_t least_ = bench_ticks_from_ns(SAMPLE_NS), took_ = 0; \
        long count_ = 1; \
        while (took_ < least_ && count_ < 1000000) { \
            count_ *= 2; \
            took_ = bench_ticks(); \
            for (long i = 0; i < count_; i++) { \
                call; \
            } \
            took_ = bench_ticks() - took_; \
        } \
        bench_begin(name, "ns", SAMPLES); \
        while (bench_more()) { \
            took_ = bench_ticks(); \
            for (long i = 0; i < count_; i++) { \
                call; \
            } \
            bench_add_ticks(bench_ticks() - took_, (uint64_t)count_); \
        } \
        bench_end(); \
    } while (0)

static void *(*volatile do_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*volatile do_memmove)(void *, const void *, size_t) = memmove;
static void *(*volatile do_memset)(void *, int, size_t) = memset;
static int (*volatile do_memcmp)(const void *, const void *, size_t) = memcmp;
static void *(*volatile do_memchr)(const void *, int,
                                   size_t) = (void *(*)(const void *, int, size_t))memchr;
static size_t (*volatile do_strlen)(const char *) = strlen;
static int (*volatile do_strcmp)(const char *, const char *) = strcmp;
static int (*volatile do_strncmp)(const char *, const char *, size_t) = strncmp;
static char *(*volatile do_strchr)(const char *, int) = (char *(*)(const char *, int))strchr;
static char *(*volatile do_strrchr)(const char *, int) = (char *(*)(const char *, int))strrchr;
static char *(*volatile do_strcpy)(char *, const char *) = strcpy;
static void *(*volatile do_malloc)(size_t) = malloc;
static void (*volatile do_free)(void *) = free;

static volatile size_t zero; /* what it is, the compiler does not know */

/*
 * Offsets of a call: the result of the one before is added as 0, so that it
 * cannot begin early.  8 pairs, of which two are aligned alike.
 */
static const unsigned char offsets[8][2] = {{0, 0},  {1, 0},   {0, 9},   {7, 7},
                                            {16, 3}, {31, 17}, {33, 48}, {62, 61}};
#define F (from + offsets[i & 7][0] + last)
#define T (to + offsets[i & 7][1] + last)
#define AFTER(value) (last = (size_t)(value)&zero_mask)

/* A text for each pair of offsets would overlap others, so each has its own page group. */
static void bench_strings(size_t n)
{
    size_t last = 0, zero_mask = zero, stride = (n + 4096 + 127) & -128ul;
    char name[64], *s[8], *t[8];

    for (int i = 0; i < 8; i++) {
        s[i] = from + (size_t)i * stride + offsets[i][0];
        t[i] = to + (size_t)i * stride + offsets[i][1];
        memset(s[i], 'x', n);
        memset(t[i], 'x', n);
        s[i][n] = t[i][n] = 0;
    }
#define STRING(function, call) \
    snprintf(name, sizeof(name), "libc/" function "/%zu", n); \
    BENCH(name, AFTER(call))
    STRING("strlen", do_strlen(s[i & 7] + last));
    STRING("strcmp", do_strcmp(s[i & 7] + last, t[i & 7]));
    STRING("strncmp", do_strncmp(s[i & 7] + last, t[i & 7], n + 1));
    STRING("strchr", do_strchr(s[i & 7] + last, 'y'));
    STRING("strrchr", do_strrchr(s[i & 7] + last, 'y'));
    STRING("strcpy", do_strcpy(t[i & 7] + last, s[i & 7]));
}

static void bench_memory(size_t n)
{
    size_t last = 0, zero_mask = zero;
    char name[64];

    memset(from, 'x', n + 128);
    memset(to, 'x', n + 128);
    STRING("memcpy", do_memcpy(T, F, n));
    STRING("memmove-overlap", do_memmove(from + 24 + last, F, n));
    STRING("memset", do_memset(T, 'x', n));
    memset(from, 'x', n + 128);
    memset(to, 'x', n + 128);
    STRING("memcmp", do_memcmp(T, F, n));
    STRING("memchr", do_memchr(F, 'y', n));
}

static void bench_string_functions(void)
{
    static const size_t sizes[] = {1,   3,   8,   15,  16,  24,  32,   48,   64,
                                   100, 128, 200, 256, 400, 512, 1000, 2048, 4096};

    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        bench_memory(sizes[s]);
        bench_strings(sizes[s]);
    }
    for (size_t n = 16384; n <= 4u << 20; n *= 4) {
        bench_memory(n);
    }
}

/* malloc */

static void bench_malloc(void)
{
    static void *kept[256];
    static const unsigned short mixed[16] = {16, 24,  40, 64, 32,   100, 200, 48,
                                             24, 500, 72, 16, 1000, 32,  128, 2000};

    BENCH("libc/malloc-free/16", do_free(do_malloc(16)));
    BENCH("libc/malloc-free/64", do_free(do_malloc(64)));
    BENCH("libc/malloc-free/1000", do_free(do_malloc(1000)));
    BENCH("libc/malloc-free/20000", do_free(do_malloc(20000)));
    BENCH("libc/malloc-free/200000", do_free(do_malloc(200000)));
    BENCH("libc/malloc-free/kept-64", (do_free(kept[i & 63]), kept[i & 63] = do_malloc(200)));
    BENCH("libc/malloc-free/kept-mixed",
          (do_free(kept[i & 255]), kept[i & 255] = do_malloc(mixed[i * 7 & 15])));
}

/* As larson: threads free blocks that others have allocated. */
#define SLOTS 4096
static struct {
    void *slot[SLOTS];
    unsigned seed;
    long rounds;
} shared = {.rounds = 300000};

static void *larson(void *arg)
{
    unsigned r = 12345u + (unsigned)(uintptr_t)arg * 7919u;

    for (long i = 0; i < shared.rounds; i++) {
        r = r * 1103515245u + 12345u;
        do_free(__atomic_exchange_n(&shared.slot[r >> 8 & (SLOTS - 1)],
                                    do_malloc(16 + (r >> 22 & 511)), __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void bench_larson(int threads)
{
    char name[64];

    snprintf(name, sizeof(name), "libc/larson/%d-threads", threads);
    bench_begin(name, "ns", 3);
    while (bench_more()) {
        pthread_t thread[4];
        uint64_t begin = bench_ticks();

        for (int i = 0; i < threads; i++) {
            need(pthread_create(&thread[i], NULL, larson, (void *)(uintptr_t)i) == 0, "thread");
        }
        for (int i = 0; i < threads; i++) {
            pthread_join(thread[i], NULL);
        }
        bench_add_ticks(bench_ticks() - begin, (uint64_t)(shared.rounds * threads));
    }
    bench_end();
}

/* Pages that the program has in memory, from /proc/self/statm. */
static double resident(void)
{
    long all = 0, here = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%ld %ld", &all, &here) != 2) {
        here = 0;
    }
    if (file) {
        fclose(file);
    }
    return (double)here * 4096;
}

/* How much memory 400,000 live blocks take, beside their own bytes, and what stays when freed. */
static void bench_overhead(void)
{
    enum { COUNT = 400000 };
    static void *block[COUNT];
    double before, bytes = 0, after;
    unsigned r = 1;

    memset(block, 1, sizeof(block));
    before = resident();
    for (int i = 0; i < COUNT; i++) {
        size_t n;

        r = r * 1103515245u + 12345u;
        n = 8 + (r >> 20 & 255);
        block[i] = do_malloc(n);
        memset(block[i], 1, n);
        bytes += (double)n;
    }
    after = resident();
    for (int i = 0; i < COUNT; i++) {
        do_free(block[i]);
    }
    bench_begin("libc/malloc-overhead", "percent", 1);
    while (bench_more()) {
        bench_add((uint64_t)(((after - before) / bytes - 1) * 100000));
    }
    bench_end();
    bench_begin("libc/malloc-kept", "percent", 1);
    while (bench_more()) {
        bench_add((uint64_t)((resident() - before) / bytes * 100000));
    }
    bench_end();
}

/* Threads */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_end(void *arg)
{
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
    return arg;
}

static void bench_locks(const char *when)
{
    char name[64];

    snprintf(name, sizeof(name), "libc/mutex/%s", when);
    BENCH(name, (pthread_mutex_lock(&mutex), pthread_mutex_unlock(&mutex)));
    snprintf(name, sizeof(name), "libc/mutex-recursive/%s", when);
    BENCH(name, (pthread_mutex_lock(&recursive), pthread_mutex_unlock(&recursive)));
    snprintf(name, sizeof(name), "libc/rwlock/%s", when);
    BENCH(name, (pthread_rwlock_rdlock(&rwlock), pthread_rwlock_unlock(&rwlock)));
}

static void run_locks(void)
{
    pthread_mutexattr_t attributes;
    pthread_t thread;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    bench_locks("one-thread");
    pthread_mutex_lock(&held);
    need(pthread_create(&thread, NULL, wait_for_end, NULL) == 0, "thread");
    bench_locks("two-threads");
    pthread_mutex_unlock(&held);
    pthread_join(thread, NULL);
}

static void run_malloc(void)
{
    bench_malloc();
    for (int threads = 1; threads <= 4; threads *= 2) {
        bench_larson(threads);
    }
    bench_overhead();
}

static void run_strings(void)
{
    need(posix_memalign((void **)&from, 4096, BIG) == 0, "memory");
    need(posix_memalign((void **)&to, 4096, BIG) == 0, "memory");
    memset(from, 'x', BIG);
    memset(to, 'x', BIG);
    bench_string_functions();
    free(from);
    free(to);
}

/* Locks come first, while the program has one thread. */
const struct bench_group bench_groups[] = {
    {"locks", run_locks},
    {"strings", run_strings},
    {"malloc", run_malloc},
    {NULL, NULL},
};
