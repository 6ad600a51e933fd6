/* SPDX-License-Identifier: MIT */
/*
 * protect64 and unmap64: mprotect and munmap of 64 MiB that is populated.
 *
 * protect64 is a pair: to read-only and back to writable.  A system may put
 * off work to the next access, so "retouch" is the pair and then a write to
 * each page, and "touch" that write alone, with nothing changed before it.
 * protect4k is a pair on a single page, as for a JVM's polling page.
 */
#include "bench.h"

#define SIZE (64ul << 20)

static void protect_pair(void *start, size_t size)
{
    bench_protect(start, size, false);
    bench_protect(start, size, true);
}

static void run_pairs(const char *name, char *base, size_t size, bool protect, bool touch)
{
    bench_begin(name, "ns", 200);
    while (bench_more()) {
        uint64_t start = bench_ticks();

        if (protect) {
            protect_pair(base, size);
        }
        if (touch) {
            bench_touch(base, size);
        }
        bench_add_ticks(bench_ticks() - start, 1);
    }
    bench_end();
}

static void run_pages(enum bench_pages pages)
{
    const char *kind = bench_pages_name[pages];
    struct bench_memory memory;

    bench_map(&memory, SIZE, pages);
    bench_touch(memory.base, SIZE);
    run_pairs(bench_name("protect64", kind), memory.base, SIZE, true, false);
    bench_touch(memory.base, SIZE);
    run_pairs(bench_name("protect64/touch", kind), memory.base, SIZE, false, true);
    run_pairs(bench_name("protect64/retouch", kind), memory.base, SIZE, true, true);
    bench_unmap(&memory);
}

void bench_protect64(void)
{
    struct bench_memory memory;

    bench_pin(0);
    bench_warm_up();
    for (unsigned pages = 0; pages < BENCH_PAGES_KINDS; pages++) {
        run_pages(pages);
    }
    bench_map(&memory, 4096, BENCH_PAGES_4K);
    bench_touch(memory.base, 4096);
    run_pairs("protect4k", memory.base, 4096, true, false);
    bench_unmap(&memory);
}

void bench_unmap64(void)
{
    bench_pin(0);
    bench_warm_up();
    for (unsigned pages = 0; pages < BENCH_PAGES_KINDS; pages++) {
        bench_begin(bench_name("unmap64", bench_pages_name[pages]), "ns", 60);
        while (bench_more()) {
            struct bench_memory memory;
            uint64_t start;

            bench_map(&memory, SIZE, pages);
            bench_touch(memory.base, SIZE);
            start = bench_ticks();
            bench_unmap(&memory);
            bench_add_ticks(bench_ticks() - start, 1);
        }
        bench_end();
    }
}
