/* SPDX-License-Identifier: MIT */
/*
 * Rows of aliases: shared ones beside a second mapping of a memfd, which is what
 * Linux has for them, and snapshots beside fork(2), which is the only way to
 * copy on write there, and beside memcpy(3).
 */
#include <errno.h>
#include <moka/remap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static int64_t alias(const struct row *row)
{
    const struct moka_pair pair = {bench.other, bench.at, row->size};
    int64_t result = bench.moka->remap->alias(bench.range_other, bench.range, &pair, 1, row->flags);

    return result == 1 ? 0 : result < 0 ? result : -EIO;
}

/* Memory of its own again at both places, all of it there. */
static int64_t end_alias(const struct row *row)
{
    for (unsigned i = 0; i < 2; i++) {
        char *at = i == 0 ? bench.at : bench.other;

        madvise(at, row->size, MADV_DONTNEED);
        (void)mmap(at, row->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   -1, 0);
        madvise(at, row->size, MADV_HUGEPAGE);
        memset(at, 1, row->size);
    }
    return 0;
}

static int64_t make_snapshot(const struct row *row)
{
    const struct row snapshot = {.size = row->size, .flags = MOKA_ALIAS_SNAPSHOT};

    end_alias(row);
    return alias(&snapshot);
}

/* The first write to each of so many pages that both places have: one page each. */
static int64_t write_snapshot(const struct row *row)
{
    for (size_t at = 0; at < row->size; at += PAGE) {
        *(volatile char *)(bench.at + at) = 2;
    }
    return 0;
}

static int memory = -1;

static int64_t map_memory(const struct row *row)
{
    void *at;

    end_alias(row);
    if (memory >= 0) {
        close(memory);
    }
    memory = memfd_create("bench", MFD_CLOEXEC);
    need(memory >= 0 && ftruncate(memory, (off_t)row->size) == 0, "memfd_create", -errno);
    at = mmap(bench.at, row->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, 0);
    need(at != MAP_FAILED, "mmap", -errno);
    memset(at, 1, row->size);
    return 0;
}

static int64_t map_again(const struct row *row)
{
    void *at = mmap(bench.other, row->size, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory, 0);

    return at == MAP_FAILED ? -errno : 0;
}

/* Of the areas a child gets but so much, as if the process had no more. */
static void before_fork(const struct row *row)
{
    madvise(bench.other, bench.size, MADV_DONTFORK);
    if (row->size < bench.size) {
        madvise(bench.at + row->size, bench.size - row->size, MADV_DONTFORK);
    }
}

static int64_t fork_once(const struct row *row)
{
    pid_t child = fork();

    if (child < 0) {
        return -errno;
    }
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static int64_t reap(const struct row *row)
{
    while (waitpid(-1, NULL, 0) > 0) {
    }
    before_fork(row);
    return 0;
}

static int64_t copy(const struct row *row)
{
    memcpy(bench.other, bench.at, row->size);
    return 0;
}

static void run_size(const char *name, size_t size)
{
    static const struct {
        const char *name;
        int64_t (*prepare)(const struct row *row);
        int64_t (*call)(const struct row *row);
        uint32_t flags;
    } ways[] = {
        {"alias-copy", NULL, copy, 0},
        {"alias", end_alias, alias, MOKA_ALIAS_SHARED},
        {"snapshot", end_alias, alias, MOKA_ALIAS_SNAPSHOT},
        {"snapshot-write", make_snapshot, write_snapshot, 0},
        {"memfd", map_memory, map_again, 0},
        {"fork", reap, fork_once, 0},
    };
    char text[64];

    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]) && size <= bench.size; i++) {
        const struct row row = {.name = text,
                                .prepare = ways[i].prepare,
                                .call = ways[i].call,
                                .calls = 1,
                                .size = size,
                                .flags = ways[i].flags};

        snprintf(text, sizeof(text), "%s/%s", ways[i].name, name);
        run_row(&row);
    }
    waitpid(-1, NULL, 0);
}

void run_alias(void)
{
    if (bench.moka->remap == NULL || bench.moka->remap->alias == NULL) {
        puts("skip alias/2m this system has none of it");
        return;
    }
    run_size("2m", LARGE);
    run_size("64m", 32 * LARGE);
}
