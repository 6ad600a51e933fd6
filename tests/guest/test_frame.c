/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator on the machine: contents, parts, reference counts, the
 * CPUs' caches, running out of memory.  After each test all frames are back.
 */
#include "guest.h"

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>

static u64 free_frames(void)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    return stats.free;
}

/*
 * Whether as many frames are free as before.  Idle CPUs move frames about
 * while they are being counted, and a thread that has ended gives its stack
 * back a moment later: so it may take a while.
 */
static bool free_again(u64 before)
{
    for (nsec_t end = clock_now() + 10 * NSEC_PER_SEC; clock_now() < end;) {
        if (free_frames() == before) {
            return true;
        }
        sched_delay(NSEC_PER_MSEC);
    }
    guest_note("%lu frames free, %lu before", free_frames(), before);
    return false;
}

/* Lets idle CPUs finish what they zero, until the counts stand still. */
static u64 settled_free_frames(void)
{
    u64 free;

    do {
        while (frame_zero_ahead_idle()) {
        }
        free = free_frames();
        sched_delay(5 * NSEC_PER_MSEC);
    } while (free_frames() != free);
    return free;
}

static bool all_zero(pfn_t pfn, unsigned order)
{
    const u64 *word = pfn_to_virt(pfn);

    for (u64 i = 0; i < (PAGE_SIZE << order) / sizeof(u64); i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

GUEST_TEST(frame_contents)
{
    u64 before = settled_free_frames();

    for (unsigned order = 0; order <= ORDER_2M; order++) {
        for (int i = 0; i < 4; i++) {
            pfn_t pfn;

            if (!EQ(frame_alloc(order, FRAME_ZERO, &pfn), 0)) {
                continue;
            }
            OK(IS_ALIGNED(pfn, 1ull << order));
            OK(all_zero(pfn, order));
            memset(pfn_to_virt(pfn), 0xff, PAGE_SIZE << order);
            frame_free(pfn, order);
        }
    }
    OK(free_again(before));
    frame_check();
}

GUEST_TEST(frame_freed_in_parts)
{
    u64 before = settled_free_frames();
    pfn_t pfn;

    if (!EQ(frame_alloc(ORDER_2M, 0, &pfn), 0)) {
        return;
    }
    for (unsigned i = 1; i < 512; i += 2) {
        frame_free(pfn + i, 0);
    }
    frame_check();
    for (unsigned i = 0; i < 512; i += 2) {
        frame_free(pfn + i, 0);
    }
    OK(free_again(before));
    frame_check();
}

GUEST_TEST(frame_references)
{
    u64 before = settled_free_frames();
    pfn_t pfn;

    if (!EQ(frame_alloc(ORDER_4K, 0, &pfn), 0)) {
        return;
    }
    frame_get(pfn);
    frame_get(pfn);
    frame_put(pfn, ORDER_4K);
    frame_put(pfn, ORDER_4K);
    OK(settled_free_frames() < before);
    frame_put(pfn, ORDER_4K);
    OK(free_again(before));
}

/* All memory, in a list through the blocks' first words. */
struct taken {
    struct taken *next;
    unsigned order;
};

static struct taken *take_everything(u64 *frames)
{
    struct taken *list = NULL;

    *frames = 0;
    for (unsigned order = FRAME_ORDERS; order-- > 0;) {
        pfn_t pfn;

        while (frame_alloc(order, 0, &pfn) == 0) {
            struct taken *block = pfn_to_virt(pfn);

            block->next = list;
            block->order = order;
            list = block;
            *frames += 1ull << order;
        }
    }
    return list;
}

static void give_back(struct taken *list)
{
    while (list != NULL) {
        struct taken *next = list->next;

        frame_free(virt_to_phys(list) >> PAGE_SHIFT, list->order);
        list = next;
    }
}

static void cache_some(void *arg)
{
    pfn_t pfn[40];
    unsigned n = 0;

    while (n < ARRAY_SIZE(pfn) && frame_alloc(ORDER_4K, 0, &pfn[n]) == 0) {
        n++;
    }
    while (n > 0) {
        frame_free(pfn[--n], ORDER_4K);
    }
}

static struct thread *start_on(unsigned cpu, void (*fn)(void *), void *arg)
{
    const struct thread_attr attr = {.name = "frames",
                                     .entry = fn,
                                     .arg = arg,
                                     .affinity = 1ull << cpu,
                                     .class = SCHED_CLASS_FAIR};
    struct thread *thread = NULL;

    EQ(thread_create(&attr, &thread), 0);
    return thread;
}

/* What other CPUs keep aside, and the zeroed frames, can all be had. */
GUEST_TEST(frame_exhaustion)
{
    struct taken *list;
    struct frame_stats stats;
    u64 before, frames;
    pfn_t pfn;

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct thread *thread = start_on(cpu, cache_some, NULL);

        if (thread != NULL) {
            thread_join(thread, NULL);
        }
    }
    before = settled_free_frames();
    list = take_everything(&frames);
    frame_get_stats(&stats);
    EQ(frame_alloc(ORDER_4K, 0, &pfn), -ENOMEM);
    EQ(frame_alloc(ORDER_2M, FRAME_ZERO, &pfn), -ENOMEM);
    OK(kmalloc(MIB) == NULL);
    frame_check();
    give_back(list);
    EQ(stats.free, 0);
    EQ(stats.zeroed, 0);
    EQ(frames, before);
    OK(free_again(before));
    frame_check();
}

GUEST_TEST(frame_zeroed_ahead)
{
    u64 before = settled_free_frames();
    struct frame_stats stats;
    pfn_t pfn[4];

    frame_get_stats(&stats);
    if (stats.free < 64 * MIB / PAGE_SIZE) {
        guest_skip("less than 64 MiB are free");
        return;
    }
    OK(stats.zeroed > 0);
    OK(stats.zeroed <= stats.free / 8);
    OK(stats.zeroed <= 32 << ORDER_2M);
    for (unsigned i = 0; i < 4; i++) {
        EQ(frame_alloc(ORDER_2M, FRAME_ZERO, &pfn[i]), 0);
        OK(all_zero(pfn[i], ORDER_2M));
        memset(pfn_to_virt(pfn[i]), 0xee, LARGE_SIZE);
    }
    for (unsigned i = 0; i < 4; i++) {
        frame_free(pfn[i], ORDER_2M);
    }
    OK(free_again(before));
}

/* Blocks travel between CPUs through these slots, stamped with their address. */
#define SLOTS 64
#define ROUNDS 3000

static struct {
    _Atomic u64 slot[SLOTS]; /* pfn << 8 | order, 0: empty */
    _Atomic u32 wrong;
} exchange;

static void stamp(u64 block)
{
    u64 *word = pfn_to_virt(block >> 8);

    for (u64 i = 0; i < 1ull << (block & 0xff); i++) {
        word[i * PAGE_SIZE / sizeof(u64)] = block + i;
        word[(i + 1) * PAGE_SIZE / sizeof(u64) - 1] = ~block;
    }
}

static bool stamped(u64 block)
{
    const u64 *word = pfn_to_virt(block >> 8);

    for (u64 i = 0; i < 1ull << (block & 0xff); i++) {
        if (word[i * PAGE_SIZE / sizeof(u64)] != block + i ||
            word[(i + 1) * PAGE_SIZE / sizeof(u64) - 1] != ~block) {
            return false;
        }
    }
    return true;
}

static void put_into(unsigned slot, u64 block)
{
    u64 old = atomic_exchange_explicit(&exchange.slot[slot], block, memory_order_acq_rel);

    if (old != 0) {
        if (!stamped(old)) {
            atomic_fetch_add_explicit(&exchange.wrong, 1, memory_order_relaxed);
        }
        frame_free(old >> 8, old & 0xff);
    }
}

static unsigned random_order(void)
{
    switch (random_u64() % 64) {
    case 0:
        return ORDER_2M;
    case 1 ... 6:
        return 1 + (unsigned)(random_u64() % 4);
    default:
        return ORDER_4K;
    }
}

static void trade(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned slot = (unsigned)(random_u64() % SLOTS);
        unsigned order = random_order();
        unsigned flags = random_u64() % 4 ? 0 : FRAME_ZERO;
        pfn_t pfn;

        if (frame_alloc(order, flags, &pfn) == 0) {
            stamp(pfn << 8 | order);
            put_into(slot, pfn << 8 | order);
        } else {
            put_into(slot, 0);
        }
        if (i % 64 == 0) {
            sched_yield();
        }
    }
}

static void trade_on_all_cpus(void)
{
    struct thread *threads[MAX_CPUS] = {NULL};

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        threads[cpu] = start_on(cpu, trade, NULL);
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (threads[cpu] != NULL) {
            thread_join(threads[cpu], NULL);
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        put_into(i, 0);
    }
}

/*
 * The first round also pays for what threads keep: slabs, tables of stacks.  A
 * later one pays for a stack if a thread that has ended has not left its own yet.
 */
GUEST_TEST(frame_many_cpus)
{
    bool back = false;

    exchange.wrong = 0;
    trade_on_all_cpus();
    for (unsigned i = 0; i < 5 && !back; i++) {
        u64 before = settled_free_frames();

        trade_on_all_cpus();
        frame_check();
        back = free_again(before);
    }
    EQ(exchange.wrong, 0);
    OK(back);
}

/* Frames of page tables lie together, and come back to be tables again. */
GUEST_TEST(frame_tables_together)
{
    u64 before = settled_free_frames(), blocks = 0;
    static pfn_t table[64];

    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        bool known = false;

        EQ(frame_alloc_table(FRAME_ZERO, &table[i]), 0);
        EQ(*(u64 *)pfn_to_virt(table[i]), 0);
        *(u64 *)pfn_to_virt(table[i]) = i + 1;
        for (unsigned k = 0; k < i && !known; k++) {
            OK(table[k] != table[i]);
            known = table[k] >> ORDER_2M == table[i] >> ORDER_2M;
        }
        blocks += !known;
    }
    guest_note("64 tables in %lu blocks of 2 MiB", blocks);
    OK(blocks <= 3);
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        EQ(*(u64 *)pfn_to_virt(table[i]), i + 1);
        frame_free(table[i], ORDER_4K);
    }
    frame_check();
    OK(free_again(before));
}

static void free_twice(unsigned order)
{
    pfn_t pfn;

    BUG_ON(frame_alloc(order, 0, &pfn) != 0);
    frame_free(pfn, order);
    frame_free(pfn, order);
}

GUEST_DEATH(frame_double_free, "is free already")
{
    free_twice(ORDER_4K);
}

GUEST_DEATH(frame_double_free_table, "is free already")
{
    pfn_t pfn;

    BUG_ON(frame_alloc_table(0, &pfn) != 0);
    frame_free(pfn, ORDER_4K);
    frame_free(pfn, ORDER_4K);
}

GUEST_DEATH(frame_double_free_large, "is free already")
{
    free_twice(ORDER_2M + 1);
}

GUEST_DEATH(frame_wrong_order, "was allocated with order 3")
{
    pfn_t pfn;

    do {
        BUG_ON(frame_alloc(3, 0, &pfn) != 0);
    } while (pfn % 16 != 0);
    frame_free(pfn, 4);
}

GUEST_DEATH(frame_free_used, "is used elsewhere")
{
    pfn_t pfn;

    BUG_ON(frame_alloc(ORDER_4K, 0, &pfn) != 0);
    frame_get(pfn);
    frame_free(pfn, ORDER_4K);
}

GUEST_DEATH(frame_not_memory, "is not memory")
{
    frame_free(1ull << 31, ORDER_4K);
}
