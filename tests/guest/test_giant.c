/* SPDX-License-Identifier: MIT */
/*
 * Pages of 1 GiB: making them of nothing and of smaller ones, splitting them, and every
 * operation on a part or on all of one.  Only where the platform has them and a block of
 * 1 GiB is free; pages are touched here and there, as a GiB is much to look through.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>

/* Places to look at: the ends, the middle, and both sides of borders of windows. */
static const u64 place[] = {
    0,
    8 * PAGE_SIZE,
    LARGE_SIZE - 8,
    LARGE_SIZE,
    17 * LARGE_SIZE + 5 * PAGE_SIZE,
    256 * LARGE_SIZE,
    511 * LARGE_SIZE,
    GIANT_SIZE - 8,
};

/* `blocks` free ones are needed, after all that is kept aside has been given back. */
static bool has_no_giants(unsigned blocks)
{
    pfn_t taken[2];
    unsigned n = 0;
    bool none;

    while (n < blocks && cpu_has_giant_pages() && frame_alloc(ORDER_1G, 0, &taken[n]) == 0) {
        n++;
    }
    none = n < blocks;
    while (n > 0) {
        frame_free(taken[--n], ORDER_1G);
    }
    if (none) {
        guest_skip("no pages of 1 GiB, or too few");
    }
    return none;
}

static vaddr_t map_giants(u64 count)
{
    vaddr_t va = map_new((count + 1) * GIANT_SIZE, PROT_RW), at = ALIGN_UP(va, GIANT_SIZE);

    if (at > va) {
        EQ(aspace_unmap(va, at - va), 0);
    }
    EQ(aspace_unmap(at + count * GIANT_SIZE, va + GIANT_SIZE - at), 0);
    return at;
}

static void stamp(vaddr_t giant, u64 salt)
{
    for (unsigned i = 0; i < ARRAY_SIZE(place); i++) {
        *word_at(giant + place[i]) = place[i] ^ salt;
    }
}

static bool is_stamped(vaddr_t giant, u64 salt)
{
    bool same = true;

    for (unsigned i = 0; i < ARRAY_SIZE(place); i++) {
        same &= *word_at(giant + place[i]) == (place[i] ^ salt);
    }
    return same;
}

static u64 giants_now(void)
{
    return stats_now().resident_1g;
}

/* One fault, and all of it is there; what is beside it is not. */
GUEST_TEST(giant_fault)
{
    struct memory_state before = memory_state_now();
    struct aspace_page page;
    vaddr_t va;

    if (has_no_giants(1)) {
        return;
    }
    va = map_giants(1);
    EQ(aspace_set_pages(va, GIANT_SIZE, PAGES_GIANT), 0);
    EQ(*word_at(va + GIANT_SIZE / 2), 0);
    EQ(giants_now(), 1);
    EQ(backed_by(va), 3);
    stamp(va, 1);
    EQ(stats_now().faults, before.stats.faults + 1);
    EQ(aspace_query(va + 5 * PAGE_SIZE, &page), 0);
    EQ(page.size, GIANT_SIZE);
    EQ(page.frame, ((pte_load(pt_giant_leaf(va)) & PTE_ADDRESS) >> PAGE_SHIFT) + 5);
    OK(is_stamped(va, 1));
    OK(memory_is_zero(va + 100 * LARGE_SIZE, va + 101 * LARGE_SIZE));
    EQ(aspace_protect(va, GIANT_SIZE, PROT_READ), 0);
    EQ(aspace_protect(va, GIANT_SIZE, 0), 0);
    EQ(aspace_protect(va, GIANT_SIZE, PROT_RW), 0);
    EQ(backed_by(va), 3);
    OK(is_stamped(va, 1));
    aspace_check();
    EQ(aspace_discard(va, GIANT_SIZE), 0);
    EQ(backed_by(va), 0);
    EQ(giants_now(), 0);
    EQ(*word_at(va + GIANT_SIZE - 8), 0); /* and another one */
    EQ(backed_by(va), 3);
    aspace_check();
    EQ(aspace_unmap(va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
    EQ(giants_now(), 0);
}

/* A part is unmapped, protected, discarded, moved: the rest keeps what it has. */
GUEST_TEST(giant_split)
{
    struct memory_state before = memory_state_now();
    vaddr_t va, to = 0;

    if (has_no_giants(1)) {
        return;
    }
    va = map_giants(1);
    EQ(aspace_require_giant(va, GIANT_SIZE), 0);
    stamp(va, 2);
    EQ(aspace_protect(va + LARGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EQ(stats_now().resident_2m, before.stats.resident_2m + 511);
    EQ(backed_by(va), 2);
    EQ(backed_by(va + LARGE_SIZE), 1);
    OK(is_stamped(va, 2));
    aspace_check();
    EQ(aspace_discard(va + 3 * LARGE_SIZE, 4 * LARGE_SIZE), 0);
    EQ(aspace_unmap(va + 33 * LARGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_move(va + 17 * LARGE_SIZE, LARGE_SIZE, LARGE_SIZE, MOVE_MAY | MOVE_KEEP, &to), 0);
    EQ(*word_at(to + 5 * PAGE_SIZE), place[4] ^ 2);
    EQ(*word_at(va + place[4]), 0);
    *word_at(va + place[4]) = place[4] ^ 2;
    OK(is_stamped(va, 2));
    aspace_check();
    EQ(aspace_unmap(va, GIANT_SIZE), 0);
    EQ(aspace_unmap(to, LARGE_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* Advice does not split; a fixed mapping over a part does. */
GUEST_TEST(giant_map_over)
{
    struct memory_state before = memory_state_now();
    vaddr_t va, at = 0;

    if (has_no_giants(1)) {
        return;
    }
    va = map_giants(1);
    EQ(aspace_require_giant(va, GIANT_SIZE), 0);
    stamp(va, 3);
    EQ(aspace_set_pages(va + 40 * PAGE_SIZE, LARGE_SIZE, PAGES_SMALL), 0);
    EQ(backed_by(va), 3);
    EQ(aspace_set_pages(va, GIANT_SIZE, PAGES_DEFAULT), 0);
    EQ(aspace_demote_giant(va + 77 * PAGE_SIZE), 1);
    EQ(aspace_demote_giant(va), 0);
    EQ(backed_by(va), 2);
    OK(is_stamped(va, 3));
    EQ(aspace_map(va + 256 * LARGE_SIZE + PAGE_SIZE, LARGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &at), 0);
    EQ(*word_at(at), 0);
    OK(is_stamped(va, 3));
    aspace_check();
    EQ(aspace_unmap(va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* In place, if nothing was freed; else by copying, with what is missing zeroed. */
GUEST_TEST(giant_promote)
{
    struct memory_state before = memory_state_now();
    u64 made, leaf;
    vaddr_t va;

    if (has_no_giants(2)) {
        return;
    }
    va = map_giants(1);
    EQ(aspace_promote_giants(va, va + GIANT_SIZE, &made), 0);
    EQ(made, 0); /* nothing is there */
    EQ(aspace_require_giant(va, GIANT_SIZE), 0);
    stamp(va, 4);
    leaf = pte_load(pt_giant_leaf(va));
    EQ(aspace_demote_giant(va), 1);
    EQ(aspace_demote(va + 17 * LARGE_SIZE), 1);
    EQ(aspace_promote_giants(va, va + GIANT_SIZE, &made), 0);
    EQ(made, 1);
    EQ(pte_load(pt_giant_leaf(va)) & PTE_ADDRESS, leaf & PTE_ADDRESS);
    EQ(stats_now().resident_4k, before.stats.resident_4k);
    EQ(stats_now().resident_2m, before.stats.resident_2m);
    OK(is_stamped(va, 4));
    aspace_check();
    EQ(aspace_discard(va + 2 * LARGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_discard(va + 20 * LARGE_SIZE, LARGE_SIZE), 0);
    EQ(aspace_set_pages(va, GIANT_SIZE, PAGES_UP_TO_2M), 0);
    EQ(aspace_promote_giants(va, va + GIANT_SIZE, &made), 0);
    EQ(made, 0); /* refused */
    EQ(aspace_set_pages(va, GIANT_SIZE, PAGES_DEFAULT), 0);
    EQ(aspace_promote_giants(va, va + GIANT_SIZE, &made), 0);
    EQ(made, 1);
    EQ(backed_by(va), 3);
    OK(is_stamped(va, 4));
    OK(memory_is_zero(va + 2 * LARGE_SIZE, va + 2 * LARGE_SIZE + PAGE_SIZE));
    OK(memory_is_zero(va + 20 * LARGE_SIZE, va + 21 * LARGE_SIZE));
    aspace_check();
    EQ(aspace_unmap(va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* There is one block: the second GiB gets smaller pages, or -ENOMEM if it must not. */
GUEST_TEST(giant_too_few)
{
    struct memory_state before = memory_state_now();
    pfn_t taken[64];
    unsigned n = 0;
    u64 made;
    vaddr_t va;

    if (has_no_giants(1)) {
        return;
    }
    while (n < ARRAY_SIZE(taken) && frame_alloc(ORDER_1G, 0, &taken[n]) == 0) {
        n++;
    }
    frame_free(taken[--n], ORDER_1G);
    va = map_giants(2);
    EQ(aspace_require_giant(va, 2 * GIANT_SIZE), -ENOMEM);
    EQ(giants_now(), 1); /* what was got stays */
    EQ(aspace_set_pages(va, 2 * GIANT_SIZE, PAGES_GIANT), 0);
    *word_at(va + GIANT_SIZE) = 5;
    OK(backed_by(va + GIANT_SIZE) < 3);
    EQ(aspace_promote_giants(va, va + 2 * GIANT_SIZE, &made), -ENOMEM);
    EQ(made, 0);
    EQ(*word_at(va + GIANT_SIZE), 5);
    EQ(aspace_unmap(va, 2 * GIANT_SIZE), 0);
    while (n > 0) {
        frame_free(taken[--n], ORDER_1G);
    }
    OK(memory_back(&before, 8));
}

/* ---- Scans ---------------------------------------------------------------------------------- */

static u64 found;

static int count_words(void *arg, u64 first, const u64 *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        found += (u64)__builtin_popcountll(words[i]);
    }
    return 0;
}

static u64 scan(vaddr_t start, vaddr_t end, unsigned what, bool clear)
{
    const struct aspace_scan request = {.start = start,
                                        .end = end,
                                        .order = ORDER_2M,
                                        .what = what,
                                        .clear = clear,
                                        .emit = count_words};

    found = 0;
    EQ(aspace_scan(&request), 0);
    return found;
}

GUEST_TEST(giant_scan)
{
    struct memory_state before = memory_state_now();
    vaddr_t va;

    if (has_no_giants(1)) {
        return;
    }
    va = map_giants(1);
    EQ(aspace_require_giant(va, GIANT_SIZE), 0);
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, true), 512);
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, true), 0);
    EQ(scan(va, va + GIANT_SIZE, SCAN_PRESENT, false), 512);
    EQ(scan(va, va + GIANT_SIZE, SCAN_LARGE, false), 512);
    *word_at(va + 77 * LARGE_SIZE) = 1;
    EQ(scan(va + LARGE_SIZE, va + GIANT_SIZE, SCAN_DIRTY, true), 511); /* of a part: not cleared */
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, false), 512);
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, true), 512);
    EQ(aspace_demote_giant(va), 1);
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, false), 0);
    *word_at(va + 78 * LARGE_SIZE) = 1; /* by a TLB that may know the large page */
    EQ(scan(va, va + GIANT_SIZE, SCAN_DIRTY, true), 1);
    EQ(aspace_unmap(va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* ---- Several CPUs --------------------------------------------------------------------------- */

#define RACE_TIME (1500 * NSEC_PER_MSEC)

static struct {
    vaddr_t va;
    nsec_t end;
    _Atomic u64 written[MAX_CPUS], lost;
} race;

/* A word of its own in some pages: each write must be found again. */
static void write_words(u64 cpu)
{
    u64 n = 0;

    while (clock_now() < race.end) {
        for (unsigned i = 0; i < 64; i++) {
            u64 *word = word_at(race.va + i * 8 * LARGE_SIZE + i * PAGE_SIZE) + cpu;

            if (*word != n) {
                atomic_fetch_add(&race.lost, 1);
            }
            *word = n + 1;
        }
        n++;
    }
    atomic_store(&race.written[cpu], n);
}

/* Splits, joins, protects. */
static void change_pages(u64 cpu)
{
    u64 made;

    for (u64 n = 0; clock_now() < race.end; n++) {
        vaddr_t window = race.va + n * 37 % 512 * LARGE_SIZE;

        EQ(aspace_protect(race.va, n & 1 ? GIANT_SIZE : LARGE_SIZE, PROT_RW), 0);
        EQ(aspace_promote_giants(race.va, race.va + GIANT_SIZE, &made), 0);
        EQ(aspace_protect(window, PAGE_SIZE, PROT_RW | (n & 2 ? PROT_EXEC : 0)), 0);
        EQ(aspace_protect(race.va, GIANT_SIZE, PROT_RW), 0);
        (void)scan(race.va, race.va + GIANT_SIZE, SCAN_DIRTY, true);
        if (aspace_demote_giant(window) < 0 || aspace_demote(window) < 0) {
            break;
        }
    }
}

static void race_on_cpu(void *number)
{
    u64 cpu = (u64)number;

    if (cpu == 0) {
        change_pages(cpu);
    } else {
        write_words(cpu);
    }
}

GUEST_TEST(giant_race)
{
    struct memory_state before = memory_state_with_threads();

    if (has_no_giants(1)) {
        return;
    }
    race.va = map_giants(1);
    EQ(aspace_require_giant(race.va, GIANT_SIZE), 0);
    race.end = clock_now() + RACE_TIME;
    run_on_all_cpus(race_on_cpu);
    EQ(atomic_load(&race.lost), 0);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned cpu = 1; cpu < cpu_count(); cpu++) {
            EQ(word_at(race.va + i * 8 * LARGE_SIZE + i * PAGE_SIZE)[cpu],
               atomic_load(&race.written[cpu]));
        }
    }
    aspace_check();
    EQ(aspace_unmap(race.va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* All CPUs touch the same GiB for the first time: it gets one page, and all find it. */
static void touch_first(void *number)
{
    atomic_fetch_add((_Atomic u64 *)word_at(race.va + (u64)number * LARGE_SIZE), 1);
    atomic_fetch_add((_Atomic u64 *)word_at(race.va + GIANT_SIZE - 8), 1);
}

GUEST_TEST(giant_first_touch)
{
    struct memory_state before = memory_state_with_threads();

    if (has_no_giants(1)) {
        return;
    }
    race.va = map_giants(1);
    EQ(aspace_set_pages(race.va, GIANT_SIZE, PAGES_GIANT), 0);
    run_on_all_cpus(touch_first);
    EQ(giants_now(), 1);
    EQ(*word_at(race.va + GIANT_SIZE - 8), cpu_count());
    EQ(aspace_unmap(race.va, GIANT_SIZE), 0);
    OK(memory_back(&before, 8));
}

static s64 remap_one(enum remap_kind kind, vaddr_t to, vaddr_t from, u64 size)
{
    const struct remap_pair pair = {to, from, size};
    const struct aspace_remap request = {.kind = kind, .pairs = &pair, .count = 1};

    return aspace_remap(&request);
}

/* A remap makes pages of 2 MiB of it first; a promotion finds them in order, and alone again. */
GUEST_TEST(giant_remap)
{
    struct memory_state before = memory_state_now();
    vaddr_t a, b;
    u64 made;

    if (has_no_giants(1)) {
        return;
    }
    a = map_giants(1);
    b = map_giants(1);
    EQ(aspace_require_giant(a, GIANT_SIZE), 0);
    stamp(a, 7);
    *word_at(b + 9 * LARGE_SIZE) = 9;
    EQ(remap_one(REMAP_SWAP, b, a, GIANT_SIZE), 1);
    EQ(giants_now(), 0);
    aspace_check();
    OK(is_stamped(b, 7));
    EQ(*word_at(a + 9 * LARGE_SIZE), 9);
    EQ(aspace_set_pages(b, GIANT_SIZE, PAGES_GIANT), 0);
    EQ(aspace_require_giant(b, GIANT_SIZE), 0);
    EQ(giants_now(), 1);
    OK(is_stamped(b, 7));
    EQ(remap_one(REMAP_SWAP, a + LARGE_SIZE, b + LARGE_SIZE + PAGE_SIZE, 3 * PAGE_SIZE), 1);
    EQ(remap_one(REMAP_SWAP, a + LARGE_SIZE, b + LARGE_SIZE + PAGE_SIZE, 3 * PAGE_SIZE), 1);
    EQ(remap_one(REMAP_SNAPSHOT, a, b, GIANT_SIZE), 1);
    OK(is_stamped(a, 7) && is_stamped(b, 7));
    *word_at(a + place[0]) = 1;
    OK(is_stamped(b, 7));
    aspace_check();
    EQ(aspace_unmap(a, GIANT_SIZE), 0);
    made = giants_now();
    EQ(aspace_require_giant(b, GIANT_SIZE), 0);
    EQ(giants_now(), made + 1);
    OK(is_stamped(b, 7));
    aspace_check();
    EQ(aspace_unmap(b, GIANT_SIZE), 0);
    OK(memory_back(&before, 16));
}
