/* SPDX-License-Identifier: MIT */
/*
 * Scans of page tables: what they tell of each page, and that no write is
 * ever missed by a scan that takes the dirty bits back while others write.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>

#define SCAN_PAGES_MAX (16 * 512u + 64)

static struct {
    u64 words[SCAN_PAGES_MAX / 64];
    u64 next; /* word that is to come */
    u64 wrong;
} told;

static int tell(void *arg, u64 first, const u64 *words, unsigned count)
{
    told.wrong += first != told.next || first + count > ARRAY_SIZE(told.words);
    for (unsigned i = 0; i < count && first + i < ARRAY_SIZE(told.words); i++) {
        told.words[first + i] = words[i];
    }
    told.next = first + count;
    return 0;
}

static int scan(vaddr_t start, u64 size, unsigned order, unsigned what, bool clear)
{
    const struct aspace_scan request = {.start = start,
                                        .end = start + size,
                                        .order = order,
                                        .what = what,
                                        .clear = clear,
                                        .emit = tell};

    memset(&told, 0, sizeof(told));
    return aspace_scan(&request);
}

static bool is_told(u64 unit)
{
    return (told.words[unit / 64] >> unit % 64 & 1) != 0;
}

/* Exactly units [from, to) were told of. */
static bool only(u64 from, u64 to)
{
    for (u64 i = 0; i < SCAN_PAGES_MAX; i++) {
        if (is_told(i) != (i >= from && i < to)) {
            guest_note("unit %lu: %d", i, is_told(i));
            return false;
        }
    }
    return told.wrong == 0;
}

/* A mapping of single pages, each of them there. */
static vaddr_t map_small(u64 size)
{
    vaddr_t va = map_new(size, PROT_RW);

    EQ(aspace_advise_pages(va, size, PAGES_SMALL), 0);
    EQ(aspace_populate(va, size), 0);
    EQ(backed_by(va), 1);
    return va;
}

static bool memory_is_small(void)
{
    bool small = memory_free_frames() * PAGE_SIZE < 48 * MIB;

    if (small) {
        guest_skip("less than 48 MiB are free");
    }
    return small;
}

GUEST_TEST(scan_small_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE;
    vaddr_t va = map_small(size);

    EQ(scan(va, size, ORDER_4K, SCAN_PRESENT, false), 0);
    OK(only(0, 3 * 512));
    EQ(scan(va, size, ORDER_4K, SCAN_LARGE, false), 0);
    OK(only(0, 0));
    EQ(scan(va, size, ORDER_4K, SCAN_DIRTY, true), 0);
    EQ(scan(va, size, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(only(0, 0));
    stamp_pages(va + 509 * PAGE_SIZE, va + 517 * PAGE_SIZE, 1);
    EQ(scan(va, size, ORDER_4K, SCAN_DIRTY, false), 0);
    OK(only(509, 517));
    EQ(scan(va, size, ORDER_2M, SCAN_DIRTY, false), 0);
    OK(only(0, 2));
    EQ(scan(va + 511 * PAGE_SIZE, 3 * PAGE_SIZE, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(only(0, 3));
    EQ(scan(va, size, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(is_told(510) && !is_told(511) && !is_told(513) && is_told(514));
    EQ(scan(va, size, ORDER_4K, SCAN_ACCESSED, true), 0);
    EQ(scan(va, size, ORDER_4K, SCAN_ACCESSED, true), 0);
    OK(only(0, 0));
    OK(*word_at(va + 700 * PAGE_SIZE) == 0);
    EQ(scan(va, size, ORDER_4K, SCAN_ACCESSED, true), 0);
    OK(only(700, 701));
    EQ(scan(va, size, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(only(0, 0));
    OK(pages_stamped(va + 509 * PAGE_SIZE, va + 517 * PAGE_SIZE, 1));
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 8));
}

GUEST_TEST(scan_large_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 8 * LARGE_SIZE;
    vaddr_t va;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, PROT_RW);
    EQ(aspace_populate(va, size), 0);
    if (!EQ(backed_by(va), 2)) {
        return;
    }
    EQ(scan(va, size, ORDER_2M, SCAN_LARGE, false), 0);
    OK(only(0, 8));
    EQ(scan(va, size, ORDER_2M, SCAN_DIRTY | SCAN_ACCESSED, true), 0);
    EQ(scan(va, size, ORDER_2M, SCAN_DIRTY | SCAN_ACCESSED, true), 0);
    OK(only(0, 0));
    *word_at(va + 2 * LARGE_SIZE + 12345 * 8) = 1;
    *word_at(va + 3 * LARGE_SIZE) = 1;
    OK(*word_at(va + 6 * LARGE_SIZE) == 0);
    EQ(scan(va, size, ORDER_2M, SCAN_ACCESSED, true), 0);
    OK(is_told(2) && is_told(3) && is_told(6) && !is_told(4));
    /* A part of a page: told, and kept. */
    EQ(scan(va + 2 * LARGE_SIZE + PAGE_SIZE, LARGE_SIZE, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(only(0, 512));
    EQ(scan(va, size, ORDER_2M, SCAN_DIRTY, true), 0);
    OK(only(2, 4));
    EQ(scan(va, size, ORDER_2M, SCAN_DIRTY, true), 0);
    OK(only(0, 0));
    EQ(backed_by(va + 3 * LARGE_SIZE), 2);
    OK(*word_at(va + 2 * LARGE_SIZE + 12345 * 8) == 1);
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 8));
}

/* Over the border of a group, from the middle of one; with holes. */
GUEST_TEST(scan_groups)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * PT_GROUP_SIZE;
    vaddr_t va = map_new(size, 0), border = ALIGN_UP(va + PAGE_SIZE, PT_GROUP_SIZE);
    vaddr_t start = border - 77 * PAGE_SIZE;

    EQ(aspace_protect(border - 5 * PAGE_SIZE, 10 * PAGE_SIZE, PROT_RW), 0);
    EQ(aspace_unmap(border - 40 * PAGE_SIZE, 20 * PAGE_SIZE), 0);
    stamp_pages(border - 2 * PAGE_SIZE, border + 3 * PAGE_SIZE, 3);
    EQ(scan(start, 100 * PAGE_SIZE, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(is_told(75) && is_told(76) && is_told(77) && is_told(79));
    OK(!is_told(0) && !is_told(40) && !is_told(90));
    EQ(told.next, 2);
    EQ(scan(start, 8000 * PAGE_SIZE, ORDER_4K, SCAN_DIRTY, true), 0);
    OK(only(0, 0));
    EQ(told.next, 125);
    EQ(aspace_unmap(va, size), 0);
    EQ(scan(start, 100 * PAGE_SIZE, ORDER_4K, SCAN_PRESENT, true), 0);
    OK(only(0, 0));
    OK(memory_back(&before, 8));
}

static int refuse(void *arg, u64 first, const u64 *words, unsigned count)
{
    return -EFAULT;
}

GUEST_TEST(scan_bad_arguments)
{
    struct aspace_scan ok = {
        .start = 64 * GIB, .end = 64 * GIB + LARGE_SIZE, .what = SCAN_DIRTY, .emit = tell};
    struct aspace_scan bad[] = {ok, ok, ok, ok, ok, ok, ok};
    struct aspace_page page;

    EQ(aspace_scan(&ok), 0);
    bad[0].what = 0;
    bad[1].what = 16;
    bad[2].end = ok.start;
    bad[3].start += 1;
    bad[4].order = 5;
    bad[5].order = ORDER_2M, bad[5].start += PAGE_SIZE;
    bad[6].start = ALIGN_DOWN((vaddr_t)bad, LARGE_SIZE), bad[6].end = bad[6].start + LARGE_SIZE;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        EQ(aspace_scan(&bad[i]), -EINVAL);
    }
    ok.emit = refuse;
    EQ(aspace_scan(&ok), -EFAULT);
    EQ(aspace_query(ok.start, &page), -ENOMEM);
    EQ(aspace_query(ok.start + 1, &page), -EINVAL);
    EQ(aspace_query(ALIGN_DOWN((vaddr_t)bad, PAGE_SIZE), &page), -EINVAL);
}

GUEST_TEST(scan_query)
{
    vaddr_t va = map_new(2 * LARGE_SIZE, PROT_RW);
    struct aspace_page page;

    EQ(aspace_query(va, &page), 0);
    EQ(page.size, 0);
    EQ(page.prot, PROT_RW);
    *word_at(va) = 1;
    EQ(aspace_query(va + 5 * PAGE_SIZE, &page), 0);
    EQ(page.size, LARGE_SIZE);
    EQ(page.frame, (pte_load(pt_directory_entry(va)) & PTE_ADDRESS) / PAGE_SIZE + 5);
    OK(page.write && page.dirty && page.accessed && !page.file);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ), 0);
    EQ(aspace_query(va, &page), 0);
    OK(!page.write && page.dirty);
    EQ(page.prot, PROT_READ);
    EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
}

/*
 * Writers count each page up by one; the scanner keeps what it read of those that
 * were told of.  When all is quiet, what it has is what is there: a write that no
 * scan had told of would be missing.
 */
#define RACE_PAGES 2048u
#define WIDE_PAGES (16 * 512u)
#define RACE_SCANS 300u

static struct {
    vaddr_t va;
    u64 stride; /* bytes from one counter to the next */
    unsigned counters;
    _Atomic bool stop;
    _Atomic u64 writes;
    u64 copy[WIDE_PAGES];
} race;

static void count_up(void *number)
{
    u64 n = (u64)number * 7919 + 1;

    while (!atomic_load_explicit(&race.stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 64; i++) {
            n = n * 6364136223846793005ull + 1442695040888963407ull;
            atomic_fetch_add_explicit(
                (_Atomic u64 *)(race.va + (n >> 33) % race.counters * race.stride), 1,
                memory_order_relaxed);
        }
        atomic_fetch_add_explicit(&race.writes, 64, memory_order_relaxed);
        sched_yield();
    }
}

static void take_copy(unsigned order)
{
    EQ(scan(race.va, race.counters * race.stride, order, SCAN_DIRTY, true), 0);
    for (unsigned i = 0; i < race.counters; i++) {
        if (is_told(i)) {
            race.copy[i] = atomic_load((_Atomic u64 *)(race.va + i * race.stride));
        }
    }
}

static void race_scans(unsigned order)
{
    struct thread *writer[4] = {NULL};
    unsigned wrong = 0;

    race.stop = false;
    race.writes = 0;
    memset(race.copy, 0, sizeof(race.copy));
    for (u64 i = 0; i < ARRAY_SIZE(writer); i++) {
        writer[i] = kernel_thread_on((unsigned)(i % cpu_count()), count_up, (void *)i);
    }
    for (unsigned i = 0; i < RACE_SCANS; i++) {
        take_copy(order);
        sched_yield();
    }
    while (atomic_load(&race.writes) == 0) {
        sched_yield();
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(writer); i++) {
        thread_join(writer[i], NULL);
    }
    take_copy(order);
    for (unsigned i = 0; i < race.counters; i++) {
        wrong += race.copy[i] != *word_at(race.va + i * race.stride);
    }
    EQ(wrong, 0);
    guest_note("%lu writes beside %u scans", race.writes, RACE_SCANS);
}

GUEST_TEST(scan_misses_no_write)
{
    u64 size = RACE_PAGES * PAGE_SIZE;

    race.va = map_small(size);
    race.stride = PAGE_SIZE;
    race.counters = RACE_PAGES;
    race_scans(ORDER_4K);
    EQ(aspace_unmap(race.va, size), 0);
}

/* So many tables, and nothing else in their directory, that it is forgotten as a whole. */
GUEST_TEST(scan_misses_no_write_wide)
{
    u64 size = WIDE_PAGES * PAGE_SIZE;
    vaddr_t va = 0;

    if (memory_is_small()) {
        return;
    }
    EQ(aspace_map(48 * GIB, size, PROT_RW, MAP_PLACE_HINT, &va), 0);
    EQ(aspace_advise_pages(va, size, PAGES_SMALL), 0);
    EQ(aspace_populate(va, size), 0);
    race.va = va;
    race.stride = PAGE_SIZE;
    race.counters = WIDE_PAGES;
    race_scans(ORDER_4K);
    EQ(aspace_unmap(race.va, size), 0);
}

GUEST_TEST(scan_misses_no_write_large)
{
    u64 size = 16 * LARGE_SIZE;

    if (memory_is_small()) {
        return;
    }
    race.va = map_new(size, PROT_RW);
    race.stride = LARGE_SIZE;
    race.counters = 16;
    EQ(aspace_populate(race.va, size), 0);
    race_scans(ORDER_2M);
    EQ(aspace_unmap(race.va, size), 0);
}
