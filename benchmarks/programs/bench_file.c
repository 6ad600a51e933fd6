/* SPDX-License-Identifier: MIT */
/*
 * What files cost that are in memory: reading, writing and mapping one of 1 GiB.
 * Times are for the whole file, but those of pread for one call.
 *
 * The file is BENCH_FILE (else one for temporary data) of BENCH_MIB (1024) MiB.  One
 * that can be written is made anew and removed at the end; one that is there is
 * only read.  The buffer that is copied to or from is touched before, so that
 * its faults are in no figure.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)
#define LINE ((size_t)64)
#define CALLS 2000
#define SAMPLES 2 /* of each row; the first may be of cold caches */

static struct {
    const char *path;
    size_t size;
    int fd;
    bool writable;
    char *buffer; /* 1 MiB */
    const char *map;
    volatile uint64_t sum; /* what was read is used */
} file;

static void die(const char *what)
{
    bench_fail(what, errno);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void open_file(int flags)
{
    if (file.fd >= 0) {
        close(file.fd);
    }
    file.fd = open(file.path, flags, 0600);
    if (file.fd < 0) {
        die(file.path);
    }
}

/* ---- What is measured: each returns the seconds it took ------------------------------ */

static double write_all(void)
{
    double start = now();

    if (lseek(file.fd, 0, SEEK_SET) != 0) {
        die("lseek");
    }
    for (size_t done = 0; done < file.size; done += MIB) {
        if (write(file.fd, file.buffer, MIB) != (ssize_t)MIB) {
            die("write");
        }
    }
    return now() - start;
}

/* The file of the round before goes first. */
static double write_new(void)
{
    unlink(file.path);
    open_file(O_RDWR | O_CREAT | O_TRUNC);
    return write_all();
}

static double read_all(size_t step)
{
    double start = now();

    if (lseek(file.fd, 0, SEEK_SET) != 0) {
        die("lseek");
    }
    for (size_t done = 0; done < file.size; done += step) {
        if (read(file.fd, file.buffer, step) != (ssize_t)step) {
            die("read");
        }
    }
    return now() - start;
}

static double read_1m(void)
{
    return read_all(MIB);
}

static double read_64k(void)
{
    return read_all(64 * 1024);
}

static double read_4k(void)
{
    return read_all(PAGE);
}

/* Nothing of it is in memory, where the file system can do without (not tmpfs). */
static double read_cold(void)
{
    if (posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
        die("posix_fadvise");
    }
    return read_all(MIB);
}

static double pread_calls(size_t size)
{
    double start = now();

    for (int i = 0; i < CALLS; i++) {
        if (pread(file.fd, file.buffer, size, 3 * (off_t)PAGE) != (ssize_t)size) {
            die("pread");
        }
    }
    return (now() - start) / CALLS;
}

static double pread_64k(void)
{
    return pread_calls(64 * 1024);
}

static double pread_4k(void)
{
    return pread_calls(PAGE);
}

static void map_file(int prot, int flags)
{
    void *at = mmap(NULL, file.size, prot, flags, file.fd, 0);

    if (at == MAP_FAILED) {
        die("mmap");
    }
    file.map = at;
}

static void unmap_file(void)
{
    if (munmap((void *)file.map, file.size) != 0) {
        die("munmap");
    }
}

static void walk(size_t step)
{
    uint64_t sum = 0;

    for (size_t at = 0; at < file.size; at += step) {
        sum += *(const volatile uint64_t *)(file.map + at);
    }
    file.sum += sum;
}

/* From mmap to munmap, with a load of each `step` bytes in between. */
static double map_and_walk(int flags, size_t step)
{
    double start = now();

    map_file(PROT_READ, flags);
    walk(step);
    unmap_file();
    return now() - start;
}

static double map_touch(void)
{
    return map_and_walk(MAP_SHARED, PAGE);
}

static double map_touch_private(void)
{
    return map_and_walk(MAP_PRIVATE, PAGE);
}

static double map_read(void)
{
    return map_and_walk(MAP_SHARED, LINE);
}

static double map_populate(void)
{
    return map_and_walk(MAP_SHARED | MAP_POPULATE, PAGE);
}

/* What is mapped already: what is left are cache and TLB misses. */
static double map_again(void)
{
    double start;

    map_file(PROT_READ, MAP_SHARED);
    walk(PAGE);
    start = now();
    walk(LINE);
    start = now() - start;
    unmap_file();
    return start;
}

static double map_store(void)
{
    double start = now();

    map_file(PROT_READ | PROT_WRITE, MAP_SHARED);
    for (size_t at = 0; at < file.size; at += PAGE) {
        *(volatile uint64_t *)(uintptr_t)(file.map + at) = at;
    }
    unmap_file();
    return now() - start;
}

/* ---- The list ------------------------------------------------------------------------ */

static const struct row {
    const char *name;
    double (*measure)(void);
    bool writes;
} rows[] = {
    {"write", write_new, true},
    {"rewrite", write_all, true},
    {"read_cold", read_cold, false},
    {"read_1m", read_1m, false},
    {"read_64k", read_64k, false},
    {"read_4k", read_4k, false},
    {"pread_64k", pread_64k, false},
    {"pread_4k", pread_4k, false},
    {"map_touch", map_touch, false},
    {"map_touch_private", map_touch_private, false},
    {"map_populate", map_populate, false},
    {"map_read", map_read, false},
    {"map_read_again", map_again, false},
    {"map_store", map_store, true},
};

static void run(const struct row *row)
{
    bench_begin(bench_name("file", row->name), "ns", SAMPLES);
    while (bench_more()) {
        bench_add((uint64_t)(row->measure() * 1e12));
    }
    bench_end();
}

static void open_or_plan(void)
{
    const char *path = getenv("BENCH_FILE"), *mib = getenv("BENCH_MIB");
    struct stat stat;

    file.path = path != NULL ? path : P_tmpdir "/bench_file.data";
    file.size = (mib != NULL ? strtoul(mib, NULL, 10) : 1024) * MIB;
    file.fd = open(file.path, O_RDONLY);
    file.writable = file.fd < 0;
    if (!file.writable && (fstat(file.fd, &stat) != 0 || (size_t)stat.st_size < file.size)) {
        bench_fail("the file is too short", 0);
    }
}

static void run_file(void)
{
    open_or_plan();
    file.buffer = aligned_alloc(PAGE, MIB);
    if (file.buffer == NULL) {
        die("buffer");
    }
    memset(file.buffer, 'x', MIB);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (file.writable || !rows[i].writes) {
            run(&rows[i]);
        }
    }
    if (file.writable) {
        unlink(file.path);
    }
}

const struct bench_group bench_groups[] = {{"file", run_file}, {NULL, NULL}};
