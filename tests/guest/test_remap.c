/* SPDX-License-Identifier: MIT */
/*
 * Remapping: what is where after swaps, moves and slides of all kinds, beside a
 * model; and that CPUs which access the memory meanwhile see one page or the
 * other, and lose nothing that they write.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>

static bool quiet; /* nobody looks meanwhile */

static s64 remap_pairs(enum remap_kind kind, const struct remap_pair *pairs, u64 count, bool slides,
                       bool unmap)
{
    const struct aspace_remap request = {.kind = kind,
                                         .pairs = pairs,
                                         .count = count,
                                         .slides = slides,
                                         .unmap = unmap,
                                         .quiet = quiet};

    return aspace_remap(&request);
}

static s64 remap_one(enum remap_kind kind, vaddr_t to, vaddr_t from, u64 size)
{
    const struct remap_pair pair = {to, from, size};

    return remap_pairs(kind, &pair, 1, false, false);
}

static struct aspace_remap_stats remap_stats(void)
{
    struct aspace_remap_stats stats;

    aspace_get_remap_stats(&stats);
    return stats;
}

/* A mapping where each page is the one that it was stamped as at its first place. */
static vaddr_t map_stamped(u64 size, bool small, u64 salt)
{
    vaddr_t va = map_new(size, PROT_RW);

    if (small) {
        EQ(aspace_advise_pages(va, size, PAGES_SMALL), 0);
    }
    for (u64 i = 0; i < size / PAGE_SIZE; i++) {
        *word_at(va + i * PAGE_SIZE) = salt + i;
    }
    return va;
}

/* Pages of [va, va + size) are those that were stamped `salt` and on. */
static bool stamped_as(vaddr_t va, u64 size, u64 salt)
{
    for (u64 i = 0; i < size / PAGE_SIZE; i++) {
        if (*word_at(va + i * PAGE_SIZE) != salt + i) {
            guest_note("page %lu has %lx, not %lx", i, *word_at(va + i * PAGE_SIZE), salt + i);
            return false;
        }
    }
    return true;
}

static bool is_tiny(void)
{
    bool tiny = memory_free_frames() * PAGE_SIZE < 64 * MIB;

    if (tiny) {
        guest_skip("less than 64 MiB are free");
    }
    return tiny;
}

GUEST_TEST(remap_swaps_large_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 4 * LARGE_SIZE;
    struct aspace_remap_stats was, now;
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(size, false, 1000000);
    b = map_stamped(size, false, 2000000);
    was = remap_stats();
    EQ(remap_one(REMAP_SWAP, a, b, size), 1);
    now = remap_stats();
    EQ(now.large - was.large, 8);
    EQ(now.small - was.small, 0);
    EQ(now.splits - was.splits, 0);
    OK(now.shootdowns - was.shootdowns <= 1);
    EQ(backed_by(a), 2);
    OK(stamped_as(a, size, 2000000) && stamped_as(b, size, 1000000));
    /* With ends that cut large pages. */
    EQ(remap_one(REMAP_SWAP, a + 3 * PAGE_SIZE, b + 3 * PAGE_SIZE, 3 * LARGE_SIZE), 1);
    OK(stamped_as(a, 3 * PAGE_SIZE, 2000000));
    OK(stamped_as(a + 3 * PAGE_SIZE, 3 * LARGE_SIZE, 1000003));
    OK(stamped_as(b + 3 * PAGE_SIZE, 3 * LARGE_SIZE, 2000003));
    EQ(backed_by(a + LARGE_SIZE), 2);
    EQ(backed_by(a), 1);
    aspace_check();
    EQ(aspace_unmap(a, size), 0);
    EQ(aspace_unmap(b, size), 0);
    OK(memory_back(&before, 8));
}

GUEST_TEST(remap_swaps_small_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE;
    vaddr_t a = map_stamped(size, true, 1000000), b = map_stamped(size, true, 2000000);
    struct aspace_remap_stats was = remap_stats(), now;

    EQ(remap_one(REMAP_SWAP, a, b, size), 1);
    now = remap_stats();
    EQ(now.large - was.large, 6); /* whole tables */
    EQ(now.small - was.small, 0);
    OK(stamped_as(a, size, 2000000) && stamped_as(b, size, 1000000));
    EQ(remap_one(REMAP_SWAP, a + PAGE_SIZE, b + 5 * PAGE_SIZE, LARGE_SIZE), 1);
    OK(stamped_as(a + PAGE_SIZE, LARGE_SIZE, 1000005));
    OK(stamped_as(b + 5 * PAGE_SIZE, LARGE_SIZE, 2000001));
    OK(stamped_as(b, 5 * PAGE_SIZE, 1000000));
    /* Between protections: a table cannot go as it is. */
    EQ(aspace_protect(b, size, PROT_READ), 0);
    EQ(remap_one(REMAP_SWAP, a, b, size), 1);
    aspace_check();
    OK(stamped_as(b, PAGE_SIZE, 2000000));
    EQ(aspace_protect(b, size, 0), 0);
    EQ(remap_one(REMAP_SWAP, a + 7 * PAGE_SIZE, b, LARGE_SIZE), 1);
    aspace_check();
    OK(*word_at(a + 7 * PAGE_SIZE) == 2000000);
    EQ(aspace_unmap(a, size), 0);
    EQ(aspace_unmap(b, size), 0);
    OK(memory_back(&before, 8));
}

static u64 dirty;

static int note_dirty(void *arg, u64 first, const u64 *words, unsigned count)
{
    dirty |= words[0];
    return 0;
}

/* Which of the first 64 pages are dirty; they are so no more. */
static u64 dirty_pages(vaddr_t va)
{
    const struct aspace_scan scan = {.start = va,
                                     .end = va + 64 * PAGE_SIZE,
                                     .order = ORDER_4K,
                                     .what = SCAN_DIRTY,
                                     .clear = true,
                                     .emit = note_dirty};

    dirty = 0;
    EQ(aspace_scan(&scan), 0);
    return dirty;
}

/* A page or two are less than a remap pays for, on all machines. */
GUEST_TEST(remap_copies_when_quiet)
{
    struct memory_state before = memory_state_now();
    vaddr_t a = map_stamped(64 * PAGE_SIZE, true, 1000), b = map_stamped(LARGE_SIZE, false, 2000);
    struct aspace_remap_stats was = remap_stats();
    struct remap_pair slide = {a + 10 * PAGE_SIZE, a + 11 * PAGE_SIZE, 2 * PAGE_SIZE};

    OK(aspace_copy_below() > PAGE_SIZE);
    (void)dirty_pages(a);
    quiet = true;
    EQ(remap_one(REMAP_SWAP, a + PAGE_SIZE, b + 3 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(*word_at(a + PAGE_SIZE), 2003);
    EQ(*word_at(b + 3 * PAGE_SIZE), 1001);
    EQ(remap_one(REMAP_MOVE, a + 3 * PAGE_SIZE, a + 5 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(*word_at(a + 3 * PAGE_SIZE), 1005);
    OK(memory_is_zero(a + 5 * PAGE_SIZE, a + 6 * PAGE_SIZE));
    EQ(remap_stats().copied - was.copied, 2 * PAGE_SIZE);
    EQ(remap_stats().shootdowns, was.shootdowns);
    EQ(dirty_pages(a), 1 << 1 | 1 << 3 | 1 << 5);
    EQ(remap_pairs(REMAP_MOVE, &slide, 1, true, false), 1);
    OK(stamped_as(a + 10 * PAGE_SIZE, 2 * PAGE_SIZE, 1011));
    EQ(*word_at(a + 12 * PAGE_SIZE), 0);
    slide = (struct remap_pair){a + 21 * PAGE_SIZE, a + 20 * PAGE_SIZE, 2 * PAGE_SIZE};
    EQ(remap_pairs(REMAP_SWAP, &slide, 1, true, false), 1);
    OK(stamped_as(a + 21 * PAGE_SIZE, 2 * PAGE_SIZE, 1020));
    /* Not what has no frame, nor an alias. */
    EQ(aspace_discard(a, PAGE_SIZE), 0);
    was = remap_stats();
    EQ(remap_one(REMAP_SWAP, a, a + 30 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(remap_one(REMAP_SNAPSHOT, a + 40 * PAGE_SIZE, a + 31 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(remap_one(REMAP_SWAP, a + 40 * PAGE_SIZE, a + 32 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(remap_stats().copied, was.copied);
    quiet = false;
    EQ(*word_at(a), 1030);
    EQ(*word_at(a + 32 * PAGE_SIZE), 1031);
    aspace_check();
    EQ(aspace_unmap(a, 64 * PAGE_SIZE), 0);
    EQ(aspace_unmap(b, LARGE_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* Many pairs, far from each other, with holes of others' between: one shoot-down. */
#define BATCH 300u

static struct remap_pair batch[BATCH];

GUEST_TEST(remap_batch_is_one_shootdown)
{
    struct memory_state before = memory_state_now();
    u64 size = 2 * BATCH * PAGE_SIZE;
    vaddr_t a = map_stamped(size, true, 0), b = map_stamped(size, true, 5000);
    struct aspace_remap_stats was, now;

    for (u64 i = 0; i < BATCH; i++) {
        batch[i] = (struct remap_pair){a + 2 * i * PAGE_SIZE, b + 2 * (BATCH - 1 - i) * PAGE_SIZE,
                                       PAGE_SIZE};
    }
    EQ(aspace_unmap(a + 101 * PAGE_SIZE, PAGE_SIZE), 0);
    was = remap_stats();
    EQ(remap_pairs(REMAP_SWAP, batch, BATCH, false, false), BATCH);
    now = remap_stats();
    EQ(now.pairs - was.pairs, BATCH);
    EQ(now.shootdowns - was.shootdowns, 1);
    for (u64 i = 0; i < BATCH; i++) {
        EQ(*word_at(batch[i].to), 5000 + 2 * (BATCH - 1 - i));
        EQ(*word_at(batch[i].from), 2 * i);
    }
    was = remap_stats();
    EQ(remap_pairs(REMAP_MOVE, batch, BATCH, false, true), BATCH);
    EQ(remap_stats().shootdowns - was.shootdowns, 1);
    for (u64 i = 0; i < BATCH; i++) {
        EQ(*word_at(batch[i].to), 2 * i);
        EQ(aspace_check_mapped(batch[i].from, PAGE_SIZE), -ENOMEM);
    }
    aspace_check();
    EQ(aspace_unmap(a, size), 0);
    EQ(aspace_unmap(b, size), 0);
    OK(memory_back(&before, 8));
}

GUEST_TEST(remap_moves)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE;
    struct remap_pair pair;
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(size, false, 1000000);
    b = map_stamped(size, true, 2000000);
    EQ(remap_one(REMAP_MOVE, a, b, LARGE_SIZE), 1);
    OK(stamped_as(a, LARGE_SIZE, 2000000));
    OK(memory_is_zero(b, b + LARGE_SIZE));
    EQ(remap_one(REMAP_MOVE, a + LARGE_SIZE, b + LARGE_SIZE + 3 * PAGE_SIZE, 9 * PAGE_SIZE), 1);
    OK(stamped_as(a + LARGE_SIZE, 9 * PAGE_SIZE, 2000000 + 515));
    OK(stamped_as(a + LARGE_SIZE + 9 * PAGE_SIZE, PAGE_SIZE, 1000000 + 521));
    OK(memory_is_zero(b + LARGE_SIZE + 3 * PAGE_SIZE, b + LARGE_SIZE + 12 * PAGE_SIZE));
    pair = (struct remap_pair){b, a + PAGE_SIZE, 2 * LARGE_SIZE};
    EQ(remap_pairs(REMAP_MOVE, &pair, 1, false, true), 1);
    EQ(aspace_check_mapped(a, PAGE_SIZE), 0);
    EQ(aspace_check_mapped(a + PAGE_SIZE, PAGE_SIZE), -ENOMEM);
    EQ(aspace_check_mapped(a + 2 * LARGE_SIZE, PAGE_SIZE), -ENOMEM);
    EQ(aspace_check_mapped(a + 2 * LARGE_SIZE + PAGE_SIZE, PAGE_SIZE), 0);
    OK(stamped_as(b, LARGE_SIZE - PAGE_SIZE, 2000001));
    aspace_check();
    EQ(aspace_unmap(a, size), 0);
    EQ(aspace_unmap(b, size), 0);
    OK(memory_back(&before, 8));
}

GUEST_TEST(remap_bad_arguments)
{
    struct memory_state before = memory_state_now();
    vaddr_t a = map_stamped(8 * PAGE_SIZE, true, 1), b = map_stamped(8 * PAGE_SIZE, true, 100);
    struct remap_pair two[] = {{a, b, PAGE_SIZE}, {b + PAGE_SIZE, b, PAGE_SIZE}};
    vaddr_t kernel = ALIGN_DOWN((vaddr_t)&remap_pairs, PAGE_SIZE);

    EQ(remap_one(REMAP_SWAP, a, b, 0), -EINVAL);
    EQ(remap_one(REMAP_SWAP, a + 1, b, PAGE_SIZE), -EINVAL);
    EQ(remap_one(REMAP_SWAP, a, a + PAGE_SIZE, 2 * PAGE_SIZE), -EINVAL);
    EQ(remap_one(REMAP_SWAP, a, kernel, PAGE_SIZE), -EINVAL);
    EQ(remap_one(REMAP_SWAP, VADDR_END, a, PAGE_SIZE), -EINVAL);
    EQ(remap_pairs(REMAP_SWAP, two, 0, false, false), 0);
    EQ(remap_pairs(REMAP_MOVE, two, 2, false, true), -EINVAL); /* a source twice */
    two[1] = (struct remap_pair){b, a + PAGE_SIZE, PAGE_SIZE};
    EQ(remap_pairs(REMAP_MOVE, two, 2, false, true), -EINVAL); /* or is put to */
    EQ(aspace_unmap(b + 7 * PAGE_SIZE, PAGE_SIZE), 0);
    two[1] = (struct remap_pair){a + PAGE_SIZE, b + 6 * PAGE_SIZE, 2 * PAGE_SIZE};
    EQ(remap_pairs(REMAP_SWAP, two, 2, false, false), -ENXIO);
    OK(stamped_as(a, 8 * PAGE_SIZE, 1) && stamped_as(b, 7 * PAGE_SIZE, 100));
    EQ(aspace_unmap(a, 8 * PAGE_SIZE), 0);
    EQ(aspace_unmap(b, 7 * PAGE_SIZE), 0);
    OK(memory_back(&before, 8));
}

/* With each allocation of a kernel object failing once: all is done, or nothing. */
GUEST_TEST(remap_no_objects)
{
    struct memory_state before = memory_state_now();
    s64 result = -ENOMEM;

    for (u64 n = 0; n < 30 && result == -ENOMEM; n++) {
        vaddr_t a = map_stamped(8 * PAGE_SIZE, true, 1), b = map_stamped(8 * PAGE_SIZE, true, 100);
        struct remap_pair two[] = {{a + PAGE_SIZE, b + 2 * PAGE_SIZE, PAGE_SIZE},
                                   {a + 3 * PAGE_SIZE, b + 5 * PAGE_SIZE, PAGE_SIZE}};

        kmalloc_fail_after(n);
        result = remap_pairs(REMAP_MOVE, two, 2, false, true);
        kmalloc_fail_after((u64)-1);
        if (result != 2) {
            EQ(result, -ENOMEM);
            OK(stamped_as(a, 8 * PAGE_SIZE, 1) && stamped_as(b, 8 * PAGE_SIZE, 100));
        }
        EQ(aspace_unmap(a, 8 * PAGE_SIZE), 0);
        EQ(aspace_unmap(b, 8 * PAGE_SIZE), 0);
    }
    EQ(result, 2);
    OK(memory_back(&before, 8));
}

/* ---- Random calls beside a model ------------------------------------------------------------ */

#define MODEL_WINDOWS 10u
#define MODEL_PAGES (MODEL_WINDOWS * 512u)

static struct {
    vaddr_t va;
    u64 random;
    u32 page[MODEL_PAGES]; /* what each has in its first word; ANYTHING: unknown */
    u32 copy[MODEL_PAGES];
} model;

#define ANYTHING 0xffffffffu

static u64 any(u64 below)
{
    model.random = model.random * 6364136223846793005ull + 1442695040888963407ull;
    return (model.random >> 33) % below;
}

/* Pages, or whole windows, or windows but for a few pages. */
static u64 any_place(u64 below)
{
    u64 place = any(3) == 0 ? any(below) : any(below / 512 + 1) * 512 + (any(4) == 0 ? any(9) : 0);

    return MIN(place, below - 1);
}

static void model_swap(u64 to, u64 from, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        u32 old = model.page[to + i];

        model.page[to + i] = model.page[from + i];
        model.page[from + i] = old;
    }
}

static void model_move(u64 to, u64 from, u64 count, u32 left)
{
    memcpy(model.copy, model.page, sizeof(model.copy));
    for (u64 i = 0; i < count; i++) {
        model.page[from + i] = left;
    }
    memcpy(&model.page[to], &model.copy[from], count * sizeof(model.page[0]));
}

static void model_step(void)
{
    u64 to = any_place(MODEL_PAGES), from = any_place(MODEL_PAGES);
    u64 most = MODEL_PAGES - MAX(to, from);
    u64 count = any(2) == 0 ? any_place(most) + 1 : any(MIN(most, 40)) + 1;
    bool apart = to + count <= from || from + count <= to;
    struct remap_pair pair = {model.va + to * PAGE_SIZE, model.va + from * PAGE_SIZE,
                              count * PAGE_SIZE};
    u64 what = any(4);

    quiet = any(2) == 0;
    if (what == 0) {
        EQ(remap_pairs(REMAP_SWAP, &pair, 1, false, false), apart ? 1 : -EINVAL);
        model_swap(to, from, apart ? count : 0);
    } else if (what == 1) {
        EQ(remap_pairs(REMAP_MOVE, &pair, 1, false, false), apart ? 1 : -EINVAL);
        model_move(to, from, apart ? count : 0, 0);
    } else if (to != from) {
        enum remap_kind kind = what == 2 ? REMAP_SWAP : REMAP_MOVE;

        EQ(remap_pairs(kind, &pair, 1, true, false), 1);
        model_move(to, from, count, what == 2 ? ANYTHING : 0);
    }
    quiet = false;
}

static void model_refill(void)
{
    u64 at = any_place(MODEL_PAGES), count = any(600);
    vaddr_t va = model.va + at * PAGE_SIZE;

    count = MIN(count, MODEL_PAGES - at - 1) + 1;
    switch (any(5)) {
    case 0:
        EQ(aspace_protect(va, count * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
        break;
    case 1:
        EQ(aspace_protect(model.va, MODEL_PAGES * PAGE_SIZE, PROT_RW), 0);
        break;
    case 2:
        EQ(aspace_discard(va, count * PAGE_SIZE), 0);
        memset(&model.page[at], 0, count * sizeof(model.page[0]));
        break;
    default:
        for (u64 i = 0; i < count; i++) {
            model.page[at + i] = (u32)any(1u << 30) + 1;
            *word_at(va + i * PAGE_SIZE) = model.page[at + i];
        }
    }
}

static bool model_holds(void)
{
    for (u64 i = 0; i < MODEL_PAGES; i++) {
        u64 found = *word_at(model.va + i * PAGE_SIZE);

        if (model.page[i] == ANYTHING) {
            model.page[i] = (u32)found;
        } else if (found != model.page[i]) {
            guest_note("page %lu has %lx, not %x", i, found, model.page[i]);
            return false;
        }
    }
    return true;
}

GUEST_TEST(remap_random)
{
    struct memory_state before = memory_state_now();

    if (is_tiny()) {
        return;
    }
    memset(model.page, 0, sizeof(model.page));
    model.va = map_new(MODEL_PAGES * PAGE_SIZE, PROT_RW);
    model.random = 1;
    for (unsigned i = 0; i < 60 && !guest_failed(); i++) {
        for (unsigned j = 0; j < 5; j++) {
            model_refill();
            model_step();
        }
        aspace_check();
        if (!OK(model_holds())) {
            guest_note("in round %u", i);
        }
        if (any(4) == 0) { /* large pages anew */
            EQ(aspace_discard(model.va, MODEL_PAGES * PAGE_SIZE), 0);
            memset(model.page, 0, sizeof(model.page));
        }
    }
    EQ(aspace_unmap(model.va, MODEL_PAGES * PAGE_SIZE), 0);
    OK(memory_back(&before, 16));
}

/* ---- Beside other CPUs ---------------------------------------------------------------------- */

/*
 * Each page has its number in all of its words but the first, which writers count
 * up.  So whatever place a CPU looks at, all it reads of one page in one look is that
 * page's or another's, never zeroes; and in the end the counts sum up to the writes.
 */
#define RACE_PAGES (4 * 512u)
#define RACE_ROUNDS 400u

static struct {
    vaddr_t va;
    _Atomic bool stop;
    _Atomic u64 writes, wrong;
} race;

static void race_access(void *number)
{
    u64 n = (u64)number * 7919 + 1, writes = 0;

    while (!atomic_load_explicit(&race.stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 64; i++) {
            vaddr_t page;
            u64 found;

            n = n * 6364136223846793005ull + 1442695040888963407ull;
            page = race.va + (n >> 33) % RACE_PAGES * PAGE_SIZE;
            found = atomic_load_explicit((_Atomic u64 *)(page + 8 + (n >> 20) % 511 * 8),
                                         memory_order_relaxed);
            if (found == 0 || found > RACE_PAGES) {
                atomic_fetch_add(&race.wrong, 1);
            }
            atomic_fetch_add_explicit((_Atomic u64 *)page, 1, memory_order_relaxed);
            writes++;
        }
        sched_yield();
    }
    atomic_fetch_add(&race.writes, writes);
}

static void race_fill(bool small)
{
    race.va = map_new(RACE_PAGES * PAGE_SIZE, PROT_RW);
    if (small) {
        EQ(aspace_advise_pages(race.va, RACE_PAGES * PAGE_SIZE, PAGES_SMALL), 0);
    }
    for (u64 i = 0; i < RACE_PAGES; i++) {
        for (unsigned j = 1; j < 512; j++) {
            word_at(race.va + i * PAGE_SIZE)[j] = i + 1;
        }
    }
}

static void race_step(u64 i)
{
    u64 half = RACE_PAGES / 2 * PAGE_SIZE, offset = i % 300 * PAGE_SIZE;
    struct remap_pair pairs[] = {
        {race.va, race.va + half, LARGE_SIZE},
        {race.va + LARGE_SIZE + offset, race.va + offset, 5 * PAGE_SIZE},
        {race.va, race.va + offset + PAGE_SIZE, half},
    };

    EQ(remap_pairs(REMAP_SWAP, &pairs[i % 3], 1, i % 3 == 2, false), 1);
}

/* All pages are there, each once, and all that was written. */
static void race_judge(void)
{
    static bool seen[RACE_PAGES + 1];
    u64 sum = 0, twice = 0;

    memset(seen, 0, sizeof(seen));
    for (u64 i = 0; i < RACE_PAGES; i++) {
        const u64 *page = word_at(race.va + i * PAGE_SIZE);

        sum += page[0];
        twice += page[1] > RACE_PAGES || seen[page[1]];
        seen[MIN(page[1], RACE_PAGES)] = true;
    }
    EQ(atomic_load(&race.wrong), 0);
    EQ(twice, 0);
    EQ(sum, atomic_load(&race.writes));
}

static void race_remaps(bool small)
{
    struct memory_state before = memory_state_with_threads();
    struct thread *thread[4] = {NULL};

    before.threads = ARRAY_SIZE(thread); /* those that end are kept for the next ones */
    atomic_store(&race.stop, false);
    atomic_store(&race.writes, 0);
    race_fill(small);
    for (u64 i = 0; i < ARRAY_SIZE(thread); i++) {
        thread[i] = kernel_thread_on((unsigned)(i % cpu_count()), race_access, (void *)i);
    }
    for (u64 i = 0; i < RACE_ROUNDS; i++) {
        race_step(i);
        sched_yield();
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(thread); i++) {
        thread_join(thread[i], NULL);
    }
    race_judge();
    guest_note("%lu writes beside %u remaps", race.writes, RACE_ROUNDS);
    aspace_check();
    EQ(aspace_unmap(race.va, RACE_PAGES * PAGE_SIZE), 0);
    OK(memory_back(&before, 16));
}

GUEST_TEST(remap_beside_accesses)
{
    race_remaps(false);
}

GUEST_TEST(remap_beside_accesses_small)
{
    race_remaps(true);
}

/* A place that refuses large pages gets none. */
GUEST_TEST(remap_into_small_pages)
{
    struct memory_state before = memory_state_now();
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(LARGE_SIZE, true, 1000);
    b = map_stamped(LARGE_SIZE, false, 5000);
    EQ(backed_by(b), 2);
    EQ(remap_one(REMAP_SWAP, a, b, LARGE_SIZE), 1);
    EQ(backed_by(a), 1);
    OK(stamped_as(a, LARGE_SIZE, 5000) && stamped_as(b, LARGE_SIZE, 1000));
    EQ(aspace_unmap(a, LARGE_SIZE), 0);
    EQ(aspace_unmap(b, LARGE_SIZE), 0);
    OK(memory_back(&before, 8));
}
