/* SPDX-License-Identifier: MIT */
/*
 * Swaps of whole GiB, by their directories: what is where, what scans find, and
 * that CPUs which access the memory meanwhile lose nothing.  Of each GiB a few windows
 * are used, so that little memory will do.
 */
#include "memory.h"

#include <kernel/string.h>

#define PLACES 5u /* windows that are used, of each GiB */

static s64 swap(vaddr_t to, vaddr_t from, u64 size, bool slides)
{
    const struct remap_pair pair = {to, from, size};
    const struct aspace_remap request = {
        .kind = REMAP_SWAP, .pairs = &pair, .count = 1, .slides = slides};

    return aspace_remap(&request);
}

static u64 giants(void)
{
    struct aspace_remap_stats stats;

    aspace_get_remap_stats(&stats);
    return stats.giant;
}

/* Some GiB from a multiple of that on; *raw is what is to be unmapped. */
static vaddr_t map_giants(u64 count, vaddr_t *raw)
{
    *raw = map_new((count + 1) * GIANT_SIZE, PROT_RW);
    return ALIGN_UP(*raw, GIANT_SIZE);
}

static vaddr_t place(vaddr_t giant, u64 i)
{
    return giant + i * 97 % 512 * LARGE_SIZE;
}

/* The last place has small pages. */
static void stamp(vaddr_t giant, u64 salt)
{
    for (u64 i = 0; i < PLACES; i++) {
        if (i == PLACES - 1) {
            EQ(aspace_advise_pages(place(giant, i), LARGE_SIZE, PAGES_SMALL), 0);
            *word_at(place(giant, i) + 9 * PAGE_SIZE) = salt + i;
            EQ(aspace_set_pages(place(giant, i), LARGE_SIZE, PAGES_DEFAULT), 0);
        }
        *word_at(place(giant, i)) = salt + i;
    }
}

static bool stamped_as(vaddr_t giant, u64 salt)
{
    for (u64 i = 0; i < PLACES; i++) {
        if (*word_at(place(giant, i)) != salt + i) {
            guest_note("place %lu has %lx, not %lx", i, *word_at(place(giant, i)), salt + i);
            return false;
        }
    }
    return *word_at(place(giant, PLACES - 1) + 9 * PAGE_SIZE) == salt + PLACES - 1;
}

static bool is_tiny(void)
{
    bool tiny = memory_free_frames() * PAGE_SIZE < 128 * MIB;

    if (tiny) {
        guest_skip("less than 128 MiB are free");
    }
    return tiny;
}

static u64 found;

static int count_words(void *arg, u64 first, const u64 *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        found += (u64)__builtin_popcountll(words[i]);
    }
    return 0;
}

/* How many windows are dirty; with `clear` they are so no more. */
static u64 dirty_windows(vaddr_t giant, bool clear)
{
    const struct aspace_scan scan = {
        .start = giant,
        .end = giant + GIANT_SIZE,
        .order = ORDER_2M,
        .what = SCAN_DIRTY,
        .clear = clear,
        .emit = count_words,
    };

    found = 0;
    EQ(aspace_scan(&scan), 0);
    return found;
}

GUEST_TEST(remap_giant_swaps)
{
    struct memory_state before = memory_state_now();
    u64 was = giants();
    vaddr_t raw, a;

    if (is_tiny()) {
        return;
    }
    a = map_giants(4, &raw);
    stamp(a, 1000);
    stamp(a + 2 * GIANT_SIZE, 2000);
    EQ(swap(a, a + 2 * GIANT_SIZE, GIANT_SIZE, false), 1);
    EQ(giants() - was, 2);
    aspace_check();
    OK(stamped_as(a, 2000) && stamped_as(a + 2 * GIANT_SIZE, 1000));
    EQ(backed_by(place(a, 1)), 2);
    EQ(backed_by(place(a, PLACES - 1)), 1);
    /* What comes to a place counts as written to there. */
    EQ(dirty_windows(a, true), PLACES);
    EQ(dirty_windows(a, false), 0);
    EQ(swap(a, a + GIANT_SIZE, GIANT_SIZE, false), 1);
    EQ(dirty_windows(a + GIANT_SIZE, true), PLACES);
    EQ(dirty_windows(a, false), 0);
    *word_at(place(a + GIANT_SIZE, 2)) = 2002;
    EQ(dirty_windows(a + GIANT_SIZE, false), 1);
    /* Downwards by one, with more at either end; and with a protection of its own. */
    was = giants();
    EQ(swap(a, a + GIANT_SIZE, 2 * GIANT_SIZE + PAGE_SIZE, true), 1);
    OK(giants() - was >= 4);
    OK(stamped_as(a, 2000) && stamped_as(a + GIANT_SIZE, 1000));
    EQ(aspace_protect(a, GIANT_SIZE, PROT_READ), 0);
    EQ(swap(a, a + GIANT_SIZE, GIANT_SIZE, false), 1);
    OK(stamped_as(a, 1000) && stamped_as(a + GIANT_SIZE, 2000));
    aspace_check();
    EQ(aspace_unmap(raw, 5 * GIANT_SIZE), 0);
    OK(memory_back(&before, 16));
}

/* ---- Beside other CPUs ---------------------------------------------------------------------- */

#define RACE_GIANTS 3u
#define RACE_ROUNDS 300u

static struct {
    vaddr_t va;
    _Atomic bool stop;
    _Atomic u64 writes;
} race;

static void race_count(void *number)
{
    u64 n = (u64)number * 7919 + 1, writes = 0;

    while (!atomic_load_explicit(&race.stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 64; i++, writes++) {
            vaddr_t giant;

            n = n * 6364136223846793005ull + 1442695040888963407ull;
            giant = race.va + (n >> 33) % RACE_GIANTS * GIANT_SIZE;
            atomic_fetch_add_explicit((_Atomic u64 *)place(giant, (n >> 20) % PLACES), 1,
                                      memory_order_relaxed);
        }
        sched_yield();
    }
    atomic_fetch_add(&race.writes, writes);
}

GUEST_TEST(remap_giant_beside_accesses)
{
    struct memory_state before = memory_state_with_threads();
    struct thread *thread[3] = {NULL};
    u64 sum, rounds = 0;
    vaddr_t raw;
    nsec_t end;

    if (is_tiny()) {
        return;
    }
    before.threads = ARRAY_SIZE(thread);
    race.va = map_giants(RACE_GIANTS, &raw);
    for (u64 i = 0; i < RACE_GIANTS; i++) {
        stamp(race.va + i * GIANT_SIZE, 0);
    }
    sum = RACE_GIANTS * PLACES * (PLACES - 1) / 2;
    atomic_store(&race.stop, false);
    atomic_store(&race.writes, 0);
    for (u64 i = 0; i < ARRAY_SIZE(thread); i++) {
        thread[i] = kernel_thread_on((unsigned)(i % cpu_count()), race_count, (void *)i);
    }
    end = clock_now() + 4 * NSEC_PER_SEC;
    for (; rounds < RACE_ROUNDS && clock_now() < end; rounds++) {
        vaddr_t to = race.va + rounds % RACE_GIANTS * GIANT_SIZE;

        EQ(swap(to, race.va + (rounds + 1) % RACE_GIANTS * GIANT_SIZE, GIANT_SIZE, false), 1);
        sched_yield();
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(thread); i++) {
        thread_join(thread[i], NULL);
    }
    for (u64 i = 0; i < RACE_GIANTS * PLACES; i++) {
        sum -= *word_at(place(race.va + i / PLACES * GIANT_SIZE, i % PLACES));
    }
    EQ(sum + atomic_load(&race.writes), 0);
    guest_note("%lu writes beside %lu swaps", race.writes, rounds);
    aspace_check();
    EQ(aspace_unmap(raw, (RACE_GIANTS + 1) * GIANT_SIZE), 0);
    OK(memory_back(&before, 16));
}
