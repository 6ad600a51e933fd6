/* SPDX-License-Identifier: MIT */
/*
 * Operations on the address space in random order, and beside each other.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

/*
 * A fixed mapping over another one leaves no moment in which a third can get
 * in between.
 */
static struct {
    vaddr_t va;
    _Atomic bool stop;
    _Atomic u64 tries, intruded;
} intruder;

static void intrude(void *arg)
{
    while (!atomic_load(&intruder.stop)) {
        vaddr_t addr;

        if (aspace_map(intruder.va + LARGE_SIZE, PAGE_SIZE, PROT_RW, MAP_PLACE_NOREPLACE, &addr) ==
            0) {
            atomic_fetch_add(&intruder.intruded, 1);
        }
        atomic_fetch_add(&intruder.tries, 1);
        sched_yield();
    }
}

GUEST_TEST(aspace_fixed_is_atomic)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t va = map_new(4 * LARGE_SIZE, PROT_RW), addr;
    nsec_t limit = clock_now() + 20 * NSEC_PER_SEC;
    struct thread *thread;

    intruder.va = va;
    intruder.stop = false;
    intruder.tries = intruder.intruded = 0;
    thread = kernel_thread_on(cpu_count() - 1, intrude, NULL);
    for (unsigned i = 0; i < 200 || (atomic_load(&intruder.tries) < 100 && clock_now() < limit);
         i++) {
        stamp_pages(va, va + LARGE_SIZE + PAGE_SIZE, i);
        EQ(aspace_map(va, 4 * LARGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &addr), 0);
        sched_yield();
    }
    atomic_store(&intruder.stop, true);
    thread_join(thread, NULL);
    OK(intruder.tries > 0);
    EQ(intruder.intruded, 0);
    EQ(aspace_unmap(va, 4 * LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/*
 * Nobody maps into a hole of what is being unmapped: the page tables of that range are
 * cleared with no lock held, and its regions go after that.
 */
#define HOLED_WINDOWS 8u

static void fill_hole(void *arg)
{
    while (!atomic_load(&intruder.stop)) {
        u64 word = 1;
        vaddr_t addr;

        if (aspace_map(intruder.va, PAGE_SIZE, PROT_RW, MAP_PLACE_NOREPLACE, &addr) == 0) {
            /* Unmapped at once, or else to be unmapped here. */
            (void)!user_write((void *)addr, &word, sizeof(word));
            (void)!user_write((void *)addr, &word, sizeof(word));
            EQ(aspace_unmap(addr, PAGE_SIZE), 0);
            atomic_fetch_add(&intruder.intruded, 1);
        }
        atomic_fetch_add(&intruder.tries, 1);
        sched_yield();
    }
}

GUEST_TEST(aspace_holes_are_claimed)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t va = map_new(HOLED_WINDOWS * LARGE_SIZE, PROT_RW), addr;
    nsec_t limit = clock_now() + 20 * NSEC_PER_SEC;
    struct thread *thread;

    intruder.va = va + PAGE_SIZE;
    intruder.stop = false;
    intruder.tries = intruder.intruded = 0;
    EQ(aspace_unmap(va, HOLED_WINDOWS * LARGE_SIZE), 0);
    thread = kernel_thread_on((cpu_id() + 1) % cpu_count(), fill_hole, NULL);
    for (unsigned i = 0; i < 200 || (atomic_load(&intruder.intruded) < 100 && clock_now() < limit);
         i++) {
        EQ(aspace_map(va, PAGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &addr), 0);
        for (u64 at = LARGE_SIZE; at < HOLED_WINDOWS * LARGE_SIZE; at += LARGE_SIZE) {
            EQ(aspace_map(va + at, PAGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &addr), 0);
            *word_at(va + at) = i;
        }
        EQ(aspace_unmap(va, HOLED_WINDOWS * LARGE_SIZE), 0);
        sched_yield();
    }
    atomic_store(&intruder.stop, true);
    thread_join(thread, NULL);
    OK(intruder.intruded > 0);
    aspace_check();
    OK(memory_back(&before, 8));
}

/*
 * mremap(2) while a neighbour that shares its first window is touched for the first
 * time: the window gets a table, of which nothing is to move.
 */
#define BESIDE_WINDOWS 32u

static struct {
    vaddr_t neighbour;
    _Atomic u64 round, touched;
    _Atomic bool stop;
} beside;

static void touch_beside(void *arg)
{
    for (u64 seen = 0; !atomic_load(&beside.stop);) {
        u64 round = atomic_load(&beside.round);

        if (round == seen) {
            sched_yield();
            continue;
        }
        for (u64 i = guest_random() % 20000; i > 0; i--) {
            cpu_pause();
        }
        *word_at(beside.neighbour) = round;
        atomic_store(&beside.touched, round);
        seen = round;
    }
}

/* Two regions, which meet in the middle of a window; the second one moves away by a page. */
static void move_beside(u64 round)
{
    vaddr_t base = map_new((2 * BESIDE_WINDOWS + 4) * LARGE_SIZE, 0), start, to;
    u64 size = BESIDE_WINDOWS * LARGE_SIZE;

    beside.neighbour = ALIGN_UP(base, LARGE_SIZE);
    start = beside.neighbour + LARGE_SIZE / 2;
    EQ(aspace_protect(beside.neighbour, PAGE_SIZE, PROT_RW), 0);
    EQ(aspace_protect(start, size, PROT_RW), 0);
    EQ(aspace_advise_pages(start, size, PAGES_SMALL), 0);
    for (u64 i = 1; i < BESIDE_WINDOWS; i++) {
        *word_at(start + i * LARGE_SIZE) = i;
    }
    to = start + size + PAGE_SIZE;
    atomic_store(&beside.round, round);
    EQ(aspace_move(start, size, size, MOVE_MAY | MOVE_FIXED, &to), 0);
    for (u64 i = 1; i < BESIDE_WINDOWS; i++) {
        EQ(*word_at(to + i * LARGE_SIZE), i);
    }
    while (atomic_load(&beside.touched) != round) {
        sched_yield();
    }
    EQ(*word_at(beside.neighbour), round);
    EQ(aspace_unmap(base, (2 * BESIDE_WINDOWS + 4) * LARGE_SIZE), 0);
}

GUEST_TEST(aspace_move_beside_a_first_touch)
{
    struct memory_state before = memory_state_with_threads();
    struct thread *thread;

    beside.stop = false;
    beside.round = beside.touched = 0;
    thread = kernel_thread_on(cpu_count() - 1, touch_beside, NULL);
    for (u64 round = 1; round <= 100; round++) {
        move_beside(round);
    }
    atomic_store(&beside.stop, true);
    thread_join(thread, NULL);
    aspace_check();
    OK(memory_back(&before, 8));
}

/*
 * Random operations on 16 MiB, against what each page should be.
 */
#define SPACE_PAGES 4096u

static struct model {
    u8 prot[SPACE_PAGES];  /* 0xff: not mapped */
    u8 stamp[SPACE_PAGES]; /* 0: zeroes */
} model;

#define UNMAPPED 0xff

/* The same numbers in each run: Vigna, xorshift64*. */
static u64 random_state;

static u64 random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static bool page_is(vaddr_t va, u8 stamp)
{
    u64 expected = stamp == 0 ? 0 : (va ^ stamp);

    if (*word_at(va) != expected || *word_at(va + PAGE_SIZE - 8) != expected) {
        guest_note("page %lx has %lx and %lx, not %lx", va, *word_at(va),
                   *word_at(va + PAGE_SIZE - 8), expected);
        return false;
    }
    return true;
}

static bool model_mapped(u64 first, u64 end)
{
    for (u64 i = first; i < end; i++) {
        if (model.prot[i] == UNMAPPED) {
            return false;
        }
    }
    return true;
}

static void model_set(u64 first, u64 end, u8 prot, bool zero)
{
    for (u64 i = first; i < end; i++) {
        model.prot[i] = prot;
        if (zero) {
            model.stamp[i] = 0;
        }
    }
}

static u8 random_prot(void)
{
    static const u8 prots[] = {0, PROT_READ, PROT_RW, PROT_RW};

    return prots[random_next() % ARRAY_SIZE(prots)];
}

/* Looks at the pages, and writes to those that allow it. */
static bool touch_pages(vaddr_t base, u64 first, u64 end)
{
    for (u64 i = first; i < end; i++) {
        vaddr_t va = base + i * PAGE_SIZE;

        if (model.prot[i] == UNMAPPED || model.prot[i] == 0) {
            if (!EQ(aspace_fault(va, 0), -EFAULT)) {
                return false;
            }
            continue;
        }
        if (!OK(page_is(va, model.stamp[i]))) {
            return false;
        }
        if (model.prot[i] & PROT_WRITE) {
            model.stamp[i] = (u8)random_next();
            *word_at(va) = *word_at(va + PAGE_SIZE - 8) =
                model.stamp[i] == 0 ? 0 : (va ^ model.stamp[i]);
        }
    }
    return true;
}

static void random_operation(vaddr_t base, u64 first, u64 end)
{
    vaddr_t start = base + first * PAGE_SIZE, addr;
    u64 size = (end - first) * PAGE_SIZE;
    bool mapped = model_mapped(first, end);
    u8 prot = random_prot();

    switch (random_next() % 7) {
    case 0:
        EQ(aspace_unmap(start, size), 0);
        model_set(first, end, UNMAPPED, true);
        break;
    case 1:
        EQ(aspace_map(start, size, prot, MAP_PLACE_FIXED, &addr), 0);
        model_set(first, end, prot, true);
        break;
    case 2:
        EQ(aspace_protect(start, size, prot), mapped ? 0 : -ENOMEM);
        if (mapped) {
            model_set(first, end, prot, false);
        }
        break;
    case 3:
        EQ(aspace_discard(start, size), mapped ? 0 : -ENOMEM);
        if (mapped) {
            memset(&model.stamp[first], 0, end - first);
        }
        break;
    case 4:
        EQ(aspace_advise_pages(start, size, (enum region_pages)(random_next() % 3)),
           mapped ? 0 : -ENOMEM);
        break;
    case 5:
        EQ(aspace_populate(start, size), mapped ? 0 : -ENOMEM);
        break;
    default:
        (void)!aspace_promote(ALIGN_DOWN(start, LARGE_SIZE));
        break;
    }
}

GUEST_TEST(aspace_random)
{
    struct memory_state before = memory_state_now();
    bool good = true;
    vaddr_t base;

    if (before.free < 3 * SPACE_PAGES) {
        guest_skip("less than 48 MiB are free");
        return;
    }
    random_state = 1;
    base = map_new(SPACE_PAGES * PAGE_SIZE, PROT_RW);
    model_set(0, SPACE_PAGES, PROT_RW, true);
    for (unsigned i = 0; i < 1500 && good && !guest_failed(); i++) {
        u64 first = random_next() % SPACE_PAGES;
        u64 pages = 1 + random_next() % (random_next() % 4 == 0 ? 2000 : 40);

        if (random_next() % 4 == 0) { /* whole windows */
            first = ALIGN_DOWN(first, 512);
            pages = ALIGN_UP(pages, 512);
        }
        random_operation(base, first, MIN(first + pages, SPACE_PAGES));
        first = random_next() % SPACE_PAGES;
        good = touch_pages(base, first, MIN(first + 64, SPACE_PAGES));
        if (i % 100 == 0) {
            aspace_check();
            good = good && touch_pages(base, 0, SPACE_PAGES);
        }
    }
    OK(good);
    EQ(aspace_unmap(base, SPACE_PAGES * PAGE_SIZE), 0);
    OK(memory_back(&before, 8));
}
