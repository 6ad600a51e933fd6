/* SPDX-License-Identifier: MIT */
/*
 * Aliases: what is where after sharing and snapshots of all kinds, beside a model;
 * that a snapshot is of one moment however many CPUs write meanwhile, and stays.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

static s64 remap_one(enum remap_kind kind, vaddr_t to, vaddr_t from, u64 size)
{
    const struct remap_pair pair = {to, from, size};
    const struct aspace_remap request = {.kind = kind, .pairs = &pair, .count = 1};

    return aspace_remap(&request);
}

static s64 snapshot(vaddr_t to, vaddr_t from, u64 size)
{
    return remap_one(REMAP_SNAPSHOT, to, from, size);
}

static s64 share(vaddr_t to, vaddr_t from, u64 size)
{
    return remap_one(REMAP_SHARE, to, from, size);
}

static struct aspace_remap_stats remap_stats(void)
{
    struct aspace_remap_stats stats;

    aspace_get_remap_stats(&stats);
    return stats;
}

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

/* To one of two places of the same page: the compiler takes them for different memory. */
static void write_shared(vaddr_t va, u64 value)
{
    *word_at(va) = value;
    atomic_signal_fence(memory_order_seq_cst);
}

static void unmap(vaddr_t va, u64 size)
{
    EQ(aspace_unmap(va, size), 0);
}

static bool is_tiny(void)
{
    bool tiny = memory_free_frames() * PAGE_SIZE < 64 * MIB;

    if (tiny) {
        guest_skip("less than 64 MiB are free");
    }
    return tiny;
}

GUEST_TEST(alias_snapshot_of_small_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 20 * PAGE_SIZE;
    vaddr_t a = map_stamped(size, true, 100), b = map_stamped(size, true, 900);
    struct aspace_remap_stats was = remap_stats(), now;
    u64 free;

    EQ(snapshot(b, a, size), 1);
    EQ(remap_stats().shootdowns - was.shootdowns, 1);
    OK(stamped_as(a, size, 100) && stamped_as(b, size, 100));
    aspace_check();
    free = memory_free_frames();
    *word_at(a + 3 * PAGE_SIZE) = 1;
    *word_at(b + PAGE_SIZE) = 2;
    EQ(free - memory_free_frames(), 2);
    EQ(*word_at(b + 3 * PAGE_SIZE), 103);
    EQ(*word_at(a + PAGE_SIZE), 101);
    now = remap_stats();
    EQ(now.copies - was.copies, 2);
    *word_at(b + 3 * PAGE_SIZE) = 3; /* the last one's page now: no copy */
    EQ(remap_stats().copies, now.copies);
    EQ(*word_at(a + 3 * PAGE_SIZE), 1);
    /* mprotect(2) gives no right to write to what is a snapshot's. */
    EQ(aspace_protect(a, size, PROT_READ), 0);
    EQ(aspace_protect(a, size, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    *word_at(a + 5 * PAGE_SIZE) = 4;
    EQ(*word_at(b + 5 * PAGE_SIZE), 105);
    /* Nor to the kernel's own writes. */
    EQ(user_write((void *)(a + 6 * PAGE_SIZE), &size, sizeof(size)), 0);
    EQ(*word_at(a + 6 * PAGE_SIZE), size);
    EQ(*word_at(b + 6 * PAGE_SIZE), 106);
    /* A snapshot of a snapshot; the first one goes. */
    EQ(snapshot(a + 10 * PAGE_SIZE, b + 7 * PAGE_SIZE, 3 * PAGE_SIZE), 1);
    OK(stamped_as(a + 10 * PAGE_SIZE, 3 * PAGE_SIZE, 107));
    unmap(b, size);
    *word_at(a + 11 * PAGE_SIZE) = 5;
    OK(stamped_as(a + 7 * PAGE_SIZE, 3 * PAGE_SIZE, 107));
    EQ(aspace_populate_access(a, size, true), 0);
    aspace_check();
    unmap(a, size);
    OK(memory_back(&before, 8));
}

GUEST_TEST(alias_snapshot_of_large_pages)
{
    struct memory_state before = memory_state_now();
    u64 size = 4 * LARGE_SIZE;
    struct aspace_remap_stats was, now;
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(size, false, 1000000);
    b = map_new(size, PROT_RW);
    was = remap_stats();
    EQ(snapshot(b, a, size), 1);
    now = remap_stats();
    EQ(now.splits - was.splits, 0);
    EQ(now.small - was.small, 0);
    OK(now.shootdowns - was.shootdowns <= 1);
    EQ(backed_by(b), 2);
    aspace_check();
    *word_at(a + 7 * PAGE_SIZE) = 1; /* of which one page is copied, or all */
    EQ(backed_by(b), 2);
    EQ(*word_at(b + 7 * PAGE_SIZE), 1000007);
    OK(stamped_as(b, size, 1000000));
    *word_at(b + LARGE_SIZE + 9 * PAGE_SIZE) = 2;
    EQ(*word_at(a + LARGE_SIZE + 9 * PAGE_SIZE), 1000521);
    /* Again, over what is there; then `a` alone has its pages, large ones whole. */
    EQ(snapshot(b, a, size), 1);
    EQ(*word_at(b + 7 * PAGE_SIZE), 1);
    unmap(b, size);
    was = remap_stats();
    *word_at(a + 2 * LARGE_SIZE) = 3;
    *word_at(a + 8 * PAGE_SIZE) = 4;
    EQ(remap_stats().copies, was.copies);
    EQ(backed_by(a + 2 * LARGE_SIZE), 2);
    OK(backed_by(a) == 2 || aspace_promote(a) == 0);
    EQ(*word_at(a + 7 * PAGE_SIZE), 1);
    aspace_check();
    unmap(a, size);
    OK(memory_back(&before, 8));
}

/* Places that are not as far from a multiple of 2 MiB; holes; large pages by a promotion. */
GUEST_TEST(alias_snapshot_of_parts)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE;
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(size, false, 1000000);
    b = map_stamped(size, false, 2000000);
    EQ(aspace_discard(a + LARGE_SIZE, 3 * PAGE_SIZE), 0);
    EQ(snapshot(b + PAGE_SIZE, a + 5 * PAGE_SIZE, 2 * LARGE_SIZE), 1);
    OK(stamped_as(b + PAGE_SIZE, LARGE_SIZE - 5 * PAGE_SIZE, 1000005));
    OK(memory_is_zero(b + LARGE_SIZE - 4 * PAGE_SIZE, b + LARGE_SIZE - PAGE_SIZE));
    EQ(*word_at(b + LARGE_SIZE - PAGE_SIZE), 1000515);
    aspace_check();
    /* A large page instead of a snapshot's small ones. */
    EQ(aspace_discard(b, LARGE_SIZE), 0);
    EQ(snapshot(b, a, LARGE_SIZE), 1);
    EQ(aspace_promote(b), 0);
    EQ(backed_by(b), 2);
    *word_at(b) = 1;
    OK(stamped_as(a, LARGE_SIZE, 1000000));
    OK(stamped_as(b + PAGE_SIZE, LARGE_SIZE - PAGE_SIZE, 1000001));
    /* From nothing. */
    EQ(aspace_discard(a, size), 0);
    EQ(snapshot(b, a, size), 1);
    OK(memory_is_zero(b, b + PAGE_SIZE) && memory_is_zero(b + size - PAGE_SIZE, b + size));
    EQ(backed_by(a + PAGE_SIZE), 0);
    aspace_check();
    unmap(a, size);
    unmap(b, size);
    OK(memory_back(&before, 8));
}

GUEST_TEST(alias_shares)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE;
    vaddr_t a, b;

    if (is_tiny()) {
        return;
    }
    a = map_stamped(2 * LARGE_SIZE, false, 1000000);
    b = map_stamped(2 * LARGE_SIZE, true, 2000000);
    EQ(aspace_set_pages(b, 2 * LARGE_SIZE, PAGES_DEFAULT), 0);
    EQ(share(b, a, 2 * LARGE_SIZE), 1);
    EQ(backed_by(b), 2);
    write_shared(a + PAGE_SIZE, 1);
    write_shared(b + LARGE_SIZE, 2);
    EQ(*word_at(b + PAGE_SIZE), 1);
    EQ(*word_at(a + LARGE_SIZE), 2);
    EQ(snapshot(b + LARGE_SIZE, a, LARGE_SIZE), -EBUSY);
    EQ(aspace_promote(a), 0); /* it is large */
    EQ(aspace_demote(a), 1);
    EQ(aspace_promote(a), -EINVAL);
    write_shared(a + 3 * PAGE_SIZE, 3);
    EQ(*word_at(b + 3 * PAGE_SIZE), 3);
    /* An alias ends page by page; what is alone is nobody else's. */
    EQ(aspace_discard(b + 3 * PAGE_SIZE, PAGE_SIZE), 0);
    EQ(*word_at(b + 3 * PAGE_SIZE), 0);
    EQ(*word_at(a + 3 * PAGE_SIZE), 3);
    EQ(snapshot(b + 3 * PAGE_SIZE, a + 3 * PAGE_SIZE, PAGE_SIZE), 1);
    EQ(snapshot(b + 3 * PAGE_SIZE, a + 4 * PAGE_SIZE, PAGE_SIZE), -EBUSY);
    aspace_check();
    unmap(a, 2 * LARGE_SIZE);
    EQ(*word_at(b + 3 * PAGE_SIZE), 3);
    EQ(*word_at(b + 5 * PAGE_SIZE), 1000005);
    unmap(b, 2 * LARGE_SIZE);
    /* Of nothing: it is backed; of snapshots: they end. */
    a = map_new(size, PROT_RW);
    b = map_new(size, PROT_RW);
    EQ(share(b + LARGE_SIZE, a + LARGE_SIZE, LARGE_SIZE), 1);
    write_shared(b + LARGE_SIZE + 9 * PAGE_SIZE, 4);
    EQ(*word_at(a + LARGE_SIZE + 9 * PAGE_SIZE), 4);
    *word_at(a) = 5;
    EQ(snapshot(b, a, LARGE_SIZE), 1);
    EQ(share(a + 2 * LARGE_SIZE, a, LARGE_SIZE), 1);
    write_shared(a + 2 * LARGE_SIZE, 6);
    EQ(*word_at(a), 6);
    EQ(*word_at(b), 5);
    aspace_check();
    unmap(a, size);
    unmap(b, size);
    OK(memory_back(&before, 8));
}

/* With each allocation of a kernel object failing once: all is done, or nothing. */
GUEST_TEST(alias_no_objects)
{
    struct memory_state before = memory_state_now();
    s64 result = -ENOMEM;

    for (u64 n = 0; n < 30 && result == -ENOMEM; n++) {
        vaddr_t a = map_stamped(8 * PAGE_SIZE, true, 1), b = map_stamped(8 * PAGE_SIZE, true, 100);

        kmalloc_fail_after(n);
        result = n % 2 == 0 ? snapshot(b, a, 8 * PAGE_SIZE) : share(b, a, 8 * PAGE_SIZE);
        kmalloc_fail_after((u64)-1);
        OK(stamped_as(a, 8 * PAGE_SIZE, 1) && stamped_as(b, 8 * PAGE_SIZE, result == 1 ? 1 : 100));
        unmap(a, 8 * PAGE_SIZE);
        unmap(b, 8 * PAGE_SIZE);
    }
    EQ(result, 1);
    OK(memory_back(&before, 8));
}

/* ---- Random calls beside a model ------------------------------------------------------------ */

#define MODEL_WINDOWS 6u
#define MODEL_PAGES (MODEL_WINDOWS * 512u)

/* Each page is a cell, shared ones are the same; a cell has what is in its first word. */
static struct {
    vaddr_t va;
    u64 random;
    u16 cell[MODEL_PAGES], copy[MODEL_PAGES];
    u16 uses[MODEL_PAGES];
    u32 value[MODEL_PAGES];
    u16 spare;
} model;

static u64 any(u64 below)
{
    model.random = model.random * 6364136223846793005ull + 1442695040888963407ull;
    return (model.random >> 33) % below;
}

static u64 any_place(u64 below)
{
    u64 place = any(3) == 0 ? any(below) : any(below / 512 + 1) * 512 + (any(4) == 0 ? any(9) : 0);

    return MIN(place, below - 1);
}

static void drop_cell(u64 page)
{
    model.uses[model.cell[page]]--;
}

/* The page's old cell was dropped. */
static void new_cell(u64 page, u32 value)
{
    while (model.uses[model.spare] != 0) {
        model.spare = (u16)((model.spare + 1) % MODEL_PAGES);
    }
    model.cell[page] = model.spare;
    model.uses[model.spare] = 1;
    model.value[model.spare] = value;
}

static void model_clear(u64 at, u64 count)
{
    for (u64 i = at; i < at + count; i++) {
        drop_cell(i);
        new_cell(i, 0);
    }
}

static bool any_shared(u64 at, u64 count)
{
    for (u64 i = at; i < at + count; i++) {
        if (model.uses[model.cell[i]] > 1) {
            return true;
        }
    }
    return false;
}

static void model_alias(u64 to, u64 from, u64 count, bool shares)
{
    for (u64 i = 0; i < count; i++) {
        u16 cell = model.cell[from + i];

        drop_cell(to + i);
        if (shares) {
            model.cell[to + i] = cell;
            model.uses[cell]++;
        } else {
            new_cell(to + i, model.value[cell]);
        }
    }
}

static void model_exchange(u64 to, u64 from, u64 count, bool swap)
{
    for (u64 i = 0; i < count; i++) {
        u16 cell = model.cell[to + i];

        model.cell[to + i] = model.cell[from + i];
        model.cell[from + i] = cell;
        if (!swap) {
            drop_cell(from + i);
            new_cell(from + i, 0);
        }
    }
}

static void model_step(void)
{
    u64 to = any_place(MODEL_PAGES), from = any_place(MODEL_PAGES);
    u64 most = MODEL_PAGES - MAX(to, from);
    u64 count = any(2) == 0 ? any_place(most) + 1 : any(MIN(most, 40)) + 1;
    bool apart = to + count <= from || from + count <= to;
    vaddr_t to_va = model.va + to * PAGE_SIZE, from_va = model.va + from * PAGE_SIZE;
    u64 what = any(8);

    if (!apart) {
        EQ(snapshot(to_va, from_va, count * PAGE_SIZE), -EINVAL);
    } else if (what < 4) {
        bool busy = any_shared(from, count);

        EQ(snapshot(to_va, from_va, count * PAGE_SIZE), busy ? -EBUSY : 1);
        model_alias(to, from, busy ? 0 : count, false);
    } else if (what == 4) {
        count = MIN(count, 700);
        EQ(share(to_va, from_va, count * PAGE_SIZE), 1);
        model_alias(to, from, count, true);
    } else {
        EQ(remap_one(what == 5 ? REMAP_SWAP : REMAP_MOVE, to_va, from_va, count * PAGE_SIZE), 1);
        model_exchange(to, from, count, what == 5);
    }
}

static void model_change(void)
{
    u64 at = any_place(MODEL_PAGES), count = any(600);
    vaddr_t va = model.va + at * PAGE_SIZE;

    count = MIN(count, MODEL_PAGES - at - 1) + 1;
    switch (any(9)) {
    case 0:
        EQ(aspace_protect(va, count * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
        break;
    case 1:
        EQ(aspace_protect(model.va, MODEL_PAGES * PAGE_SIZE, PROT_RW), 0);
        break;
    case 2:
        EQ(aspace_discard(va, count * PAGE_SIZE), 0);
        model_clear(at, count);
        break;
    case 3:
        OK(aspace_promote(ALIGN_DOWN(va, LARGE_SIZE)) <= 0);
        break;
    case 4:
        OK(aspace_demote(ALIGN_DOWN(va, LARGE_SIZE)) >= 0);
        break;
    default:
        for (u64 i = at; i < at + count; i += 1 + any(3)) {
            model.value[model.cell[i]] = (u32)any(1u << 30) + 1;
            *word_at(model.va + i * PAGE_SIZE) = model.value[model.cell[i]];
        }
    }
}

static bool model_holds(void)
{
    for (u64 i = 0; i < MODEL_PAGES; i++) {
        u64 found = *word_at(model.va + i * PAGE_SIZE);

        if (found != model.value[model.cell[i]]) {
            guest_note("page %lu has %lx, not %x", i, found, model.value[model.cell[i]]);
            return false;
        }
    }
    return true;
}

static void model_start(void)
{
    model.va = map_new(MODEL_PAGES * PAGE_SIZE, PROT_RW);
    model.random = 1;
    memset(model.value, 0, sizeof(model.value));
    for (u64 i = 0; i < MODEL_PAGES; i++) {
        model.cell[i] = (u16)i;
        model.uses[i] = 1;
    }
}

GUEST_TEST(alias_random)
{
    struct memory_state before = memory_state_now();

    if (is_tiny()) {
        return;
    }
    model_start();
    for (unsigned i = 0; i < 100 && !guest_failed(); i++) {
        for (unsigned j = 0; j < 5; j++) {
            model_change();
            model_step();
        }
        aspace_check();
        if (!OK(model_holds())) {
            guest_note("in round %u", i);
        }
        if (any(4) == 0) { /* large pages anew */
            EQ(aspace_discard(model.va, MODEL_PAGES * PAGE_SIZE), 0);
            model_clear(0, MODEL_PAGES);
        }
    }
    EQ(aspace_unmap(model.va, MODEL_PAGES * PAGE_SIZE), 0);
    OK(memory_back(&before, 16));
}

/* ---- Beside other CPUs ---------------------------------------------------------------------- */

/*
 * Each writer has a word in all pages, and goes through the pages in turn with a number that
 * grows by 1 each time.  So a page of a snapshot must have the greatest number up to one,
 * the writer's last in it, that belongs to that page: no earlier write is missing, no later
 * one is in it.  And what a writer finds is what it wrote there in the turn before; and what
 * another one says that it has written, whoever copied the page, on whichever CPU.
 */
#define RACE_WRITERS 4u
#define RACE_PAGES (2 * 512u + 100)
#define RACE_SIZE (RACE_PAGES * PAGE_SIZE)
#define RACE_ROUNDS 60u

static struct {
    vaddr_t va, copy;
    _Atomic bool stop;
    _Atomic u64 wrong, writes;
    _Atomic u64 written[RACE_WRITERS]; /* the number that each has written last; 0: none */
} race;

static _Atomic u64 *race_word(vaddr_t va, u64 page, u64 writer)
{
    return (_Atomic u64 *)(va + page * PAGE_SIZE + 64 + writer * 8);
}

/* Is what the writer says it has written not to be seen? */
static bool race_misses(u64 writer)
{
    u64 n = atomic_load_explicit(&race.written[writer], memory_order_acquire);

    return n != 0 && atomic_load_explicit(race_word(race.va, n % RACE_PAGES, writer),
                                          memory_order_relaxed) < n;
}

static void race_write(void *number)
{
    u64 n = RACE_PAGES, wrong = 0;

    while (!atomic_load_explicit(&race.stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < 64; i++, n++) {
            _Atomic u64 *word = race_word(race.va, n % RACE_PAGES, (u64)number);

            wrong += atomic_load_explicit(word, memory_order_relaxed) != n - RACE_PAGES;
            atomic_store_explicit(word, n, memory_order_relaxed);
            atomic_store_explicit(&race.written[(u64)number], n, memory_order_release);
            wrong += race_misses(((u64)number + 1 + i % (RACE_WRITERS - 1)) % RACE_WRITERS);
        }
        sched_yield();
    }
    atomic_fetch_add(&race.wrong, wrong);
    atomic_fetch_add(&race.writes, n);
}

/* The writer's last number in the copy; its pages must be as they were then. */
static u64 race_last(u64 writer)
{
    u64 last = 0, wrong = 0;

    for (u64 i = 0; i < RACE_PAGES; i++) {
        last = MAX(last, *race_word(race.copy, i, writer));
    }
    for (u64 i = 0; i < RACE_PAGES; i++) {
        wrong += *race_word(race.copy, i, writer) != last - (last - i) % RACE_PAGES;
    }
    EQ(wrong, 0);
    return last;
}

static void race_snapshot(void)
{
    /* In two pairs, the second first: they are of one moment. */
    u64 half = RACE_PAGES / 3 * PAGE_SIZE;
    const struct remap_pair pairs[] = {
        {race.copy + half, race.va + half, RACE_SIZE - half},
        {race.copy, race.va, half},
    };
    const struct aspace_remap request = {.kind = REMAP_SNAPSHOT, .pairs = pairs, .count = 2};

    EQ(aspace_remap(&request), 2);
}

static void race_round(void)
{
    u64 last[RACE_WRITERS];

    race_snapshot();
    for (unsigned i = 0; i < RACE_WRITERS; i++) {
        last[i] = race_last(i);
    }
    sched_delay(2 * NSEC_PER_MSEC);
    for (unsigned i = 0; i < RACE_WRITERS; i++) {
        EQ(race_last(i), last[i]);
    }
}

static void race_prepare(bool small)
{
    race.va = map_new(RACE_SIZE, PROT_RW);
    race.copy = map_new(RACE_SIZE, PROT_RW);
    if (small) {
        EQ(aspace_advise_pages(race.va, RACE_SIZE, PAGES_SMALL), 0);
    }
    for (u64 page = 0; page < RACE_PAGES; page++) {
        for (u64 i = 0; i < RACE_WRITERS; i++) {
            *race_word(race.va, page, i) = page;
        }
    }
    for (u64 i = 0; i < RACE_WRITERS; i++) {
        atomic_store(&race.written[i], 0);
    }
    atomic_store(&race.stop, false);
    atomic_store(&race.wrong, 0);
    atomic_store(&race.writes, 0);
}

static void race_snapshots(bool small)
{
    struct memory_state before = memory_state_with_threads();
    struct thread *thread[RACE_WRITERS] = {NULL};
    u64 end;

    before.threads = RACE_WRITERS; /* those that end are kept for the next ones */
    race_prepare(small);
    for (u64 i = 0; i < RACE_WRITERS; i++) {
        thread[i] = kernel_thread_on((unsigned)(i % cpu_count()), race_write, (void *)i);
    }
    end = clock_now() + 5 * NSEC_PER_SEC;
    for (unsigned i = 0; i < RACE_ROUNDS && clock_now() < end && !guest_failed(); i++) {
        if (i % 2 == 0) { /* so that nothing else is flushed than what is written to */
            EQ(aspace_discard(race.copy, RACE_SIZE), 0);
        }
        race_round();
        if (i % 8 == 7) { /* large pages anew */
            OK(aspace_promote(race.va) <= 0);
            OK(aspace_promote(race.va + LARGE_SIZE) <= 0);
        }
    }
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < RACE_WRITERS; i++) {
        thread_join(thread[i], NULL);
    }
    EQ(atomic_load(&race.wrong), 0);
    guest_note("%lu writes beside snapshots", race.writes);
    aspace_check();
    unmap(race.va, RACE_SIZE);
    unmap(race.copy, RACE_SIZE);
    OK(memory_back(&before, 16));
}

GUEST_TEST(alias_snapshot_beside_writers)
{
    race_snapshots(false);
}

GUEST_TEST(alias_snapshot_beside_writers_small)
{
    race_snapshots(true);
}

/* ---- A CPU that still knows the old page ---------------------------------------------------- */

/*
 * One CPU has read a page of a snapshot, and takes no interrupts; a second one writes to the
 * page, which is copied, but not done before all CPUs have forgotten the old one.
 * If a third one could write to the copy already, the first would not see it.
 */
static struct {
    vaddr_t va;
    _Atomic bool known, copying;
    _Atomic u64 written, missed;
} late;

static _Atomic u64 *late_word(unsigned i)
{
    return (_Atomic u64 *)late.va + i;
}

static void late_read(void *arg)
{
    bool irq = irq_save();
    nsec_t end = clock_now() + 20 * NSEC_PER_MSEC;
    u64 written;

    (void)atomic_load(late_word(1));
    atomic_store(&late.known, true);
    do {
        written = atomic_load_explicit(&late.written, memory_order_acquire);
    } while (written == 0 && clock_now() < end);
    if (written != 0 && atomic_load_explicit(late_word(1), memory_order_relaxed) != written) {
        atomic_fetch_add(&late.missed, 1);
    }
    irq_restore(irq);
}

static void late_copy(void *arg)
{
    while (!atomic_load(&late.known)) {
        sched_yield();
    }
    atomic_store(&late.copying, true);
    atomic_store(late_word(0), 1);
}

static void late_write(void *arg)
{
    while (!atomic_load(&late.copying)) {
        sched_yield();
    }
    sched_delay(2 * NSEC_PER_MSEC);
    atomic_store(late_word(1), 7);
    atomic_store_explicit(&late.written, 7, memory_order_release);
}

static void late_round(vaddr_t copy)
{
    static void (*const fn[])(void *arg) = {late_copy, late_read, late_write};
    struct thread *thread[ARRAY_SIZE(fn)];

    atomic_store(late_word(0), 0);
    atomic_store(late_word(1), 0);
    EQ(snapshot(copy, late.va, PAGE_SIZE), 1);
    atomic_store(&late.known, false);
    atomic_store(&late.copying, false);
    atomic_store(&late.written, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(fn); i++) {
        thread[i] = kernel_thread_on(i, fn[i], NULL);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(fn); i++) {
        thread_join(thread[i], NULL);
    }
    EQ(word_at(late.va)[1], 7);
    EQ(word_at(copy)[1], 0);
}

GUEST_TEST(alias_copy_is_seen_by_all)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t copy;

    if (cpu_count() < 3) {
        guest_skip("fewer than 3 CPUs");
        return;
    }
    late.va = map_stamped(PAGE_SIZE, true, 0);
    copy = map_new(PAGE_SIZE, PROT_RW);
    atomic_store(&late.missed, 0);
    for (unsigned i = 0; i < 5; i++) {
        late_round(copy);
    }
    EQ(atomic_load(&late.missed), 0);
    unmap(late.va, PAGE_SIZE);
    unmap(copy, PAGE_SIZE);
    OK(memory_back(&before, 16));
}
