/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/tlb_batch.c */
/*
 * Shoot-down batches: whatever was added is flushed, whatever was listed is
 * freed once and not before, also when there is no memory for the lists.
 */
#include "host.h"

#include <kernel/frame.h>
#include <kernel/pagetable.h>

#include "../../kernel/mm/tlb_priv.h"

#include <stdlib.h>
#include <string.h>

#define SPACE 4096u /* pages in the model */
#define FRAMES 6000u

vaddr_t direct_map_base;

static struct {
    unsigned freed[FRAMES]; /* how often, for frames that the test made up */
    unsigned put[FRAMES];   /* uses dropped */
    unsigned own[FRAMES];   /* of the application's own contents */
    unsigned order[FRAMES];
    unsigned lists; /* pages that frame_alloc() gave and are not back */
} state;

/* Host memory stands for frames: its address is the physical one. */
static void *page_alloc(void)
{
    void *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

    if (page == NULL) {
        abort();
    }
    return page;
}

int frame_alloc(unsigned order, unsigned flags, pfn_t *pfn)
{
    void *token = test_alloc(1);

    OK(order == ORDER_4K && flags == 0);
    if (token == NULL) {
        return -ENOMEM;
    }
    test_free(token);
    *pfn = (u64)page_alloc() >> PAGE_SHIFT;
    state.lists++;
    return 0;
}

void frame_free(pfn_t pfn, unsigned order)
{
    if (pfn < FRAMES) {
        state.freed[pfn]++;
        state.order[pfn] = order;
        return;
    }
    OK(order == ORDER_4K);
    free(pfn_to_virt(pfn));
    state.lists--;
}

void frame_free_own(pfn_t pfn, unsigned order)
{
    OK(pfn < FRAMES);
    state.own[pfn]++;
    state.order[pfn] = order;
}

void frame_put(pfn_t pfn, unsigned order)
{
    OK(order == ORDER_4K && pfn < FRAMES);
    state.put[pfn]++;
}

void frame_put_all(pfn_t pfn, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        frame_put(pfn + i, ORDER_4K);
    }
}

static void setup(struct tlb_batch *batch)
{
    memset(&state, 0, sizeof(state));
    tlb_batch_init(batch);
}

static void test_empty(void)
{
    struct tlb_batch batch;

    setup(&batch);
    OK(!tlb_batch_stale(&batch));
    OK(!tlb_batch_full(&batch));
    tlb_batch_release(&batch);
    EQ(state.lists, 0);
}

static void test_merge(void)
{
    struct tlb_batch batch;

    setup(&batch);
    tlb_batch_add(&batch, 16 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_add(&batch, 17 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_add(&batch, 15 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    EQ(batch.ranges, 1);
    EQ(batch.pages, 3);
    tlb_batch_add(&batch, 16 * PAGE_SIZE, 5 * PAGE_SIZE, PAGE_SIZE);
    EQ(batch.ranges, 1);
    EQ(batch.pages, 6);
    tlb_batch_add(&batch, LARGE_SIZE, LARGE_SIZE, LARGE_SIZE); /* another leaf size */
    EQ(batch.ranges, 2);
    EQ(batch.pages, 7);
    tlb_batch_add(&batch, 3 * LARGE_SIZE + PAGE_SIZE, PAGE_SIZE, LARGE_SIZE);
    EQ(batch.range[2].start, 3 * LARGE_SIZE);
    EQ(batch.range[2].end, 4 * LARGE_SIZE);
    tlb_batch_add(&batch, 4 * LARGE_SIZE, PAGE_SIZE, PAGE_SIZE); /* touches, but is of 4 KiB */
    EQ(batch.ranges, 4);
    EQ(batch.pages, 9);
    OK(!tlb_batch_wants_all(&batch, 9));
    OK(tlb_batch_wants_all(&batch, 8));
}

static void test_too_many_ranges(void)
{
    struct tlb_batch batch;

    setup(&batch);
    for (unsigned i = 0; i < TLB_BATCH_RANGES; i++) {
        tlb_batch_add(&batch, (1 + 2 * i) * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    }
    OK(!batch.all);
    tlb_batch_add(&batch, 100 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    OK(batch.all);
    OK(tlb_batch_stale(&batch));
    OK(tlb_batch_wants_all(&batch, ~0ull));
}

static bool flushes(const struct tlb_batch *batch, vaddr_t va)
{
    for (unsigned i = 0; i < batch->ranges; i++) {
        if (va >= batch->range[i].start && va < batch->range[i].end) {
            return true;
        }
    }
    return batch->all;
}

static void test_random_ranges(void)
{
    static bool stale[SPACE];

    for (unsigned round = 0; round < 300; round++) {
        struct tlb_batch batch;
        unsigned adds = 1 + (unsigned)rnd_below(12);

        setup(&batch);
        memset(stale, 0, sizeof(stale));
        for (unsigned i = 0; i < adds; i++) {
            u64 first = rnd_below(SPACE - 64), count = 1 + rnd_below(64);

            tlb_batch_add(&batch, first * PAGE_SIZE, count * PAGE_SIZE, PAGE_SIZE);
            memset(&stale[first], 1, count);
        }
        for (u64 i = 0; i < SPACE; i++) {
            OK(!stale[i] || flushes(&batch, i * PAGE_SIZE));
            OK(batch.all || stale[i] || !flushes(&batch, i * PAGE_SIZE));
        }
    }
}

/* Any number of frames, freed once each with their orders. */
static void test_many_frames(void)
{
    struct tlb_batch batch;

    setup(&batch);
    for (pfn_t pfn = 1; pfn < FRAMES; pfn++) {
        OK(!tlb_batch_full(&batch));
        tlb_batch_free(&batch, pfn, pfn % FRAME_ORDERS);
        EQ(state.freed[pfn], 0);
    }
    OK(state.lists > 10);
    tlb_batch_release(&batch);
    for (pfn_t pfn = 1; pfn < FRAMES; pfn++) {
        EQ(state.freed[pfn], 1);
        EQ(state.order[pfn], pfn % FRAME_ORDERS);
    }
    EQ(state.lists, 0);
    EQ(batch.frames, 0);
}

static void test_table(void)
{
    struct tlb_batch batch;
    u64 *table = page_alloc();

    setup(&batch);
    state.lists = 1; /* the table comes back as a list's page would */
    memset(table, 0, PAGE_SIZE);
    for (pfn_t pfn = 100; pfn < 200; pfn++) {
        table[pfn] = pfn << PAGE_SHIFT | PTE_PRESENT | PTE_DIRTY | PTE_NX;
    }
    table[511] = 300ull << PAGE_SHIFT | PTE_USER | PTE_NX; /* hidden, a frame all the same */
    tlb_batch_free_table(&batch, (u64)table >> PAGE_SHIFT);
    EQ(state.freed[100], 0);
    tlb_batch_release(&batch);
    for (pfn_t pfn = 0; pfn < 512; pfn++) {
        EQ(state.freed[pfn], (pfn >= 100 && pfn < 200) || pfn == 300);
    }
    EQ(state.lists, 0);
}

/* Each allocation of a list fails once: the batch says so, and loses nothing. */
static void test_no_memory(void)
{
    for (s64 n = 0; n < 4; n++) {
        struct tlb_batch batch;
        pfn_t pfn = 1;

        setup(&batch);
        fail_after(n);
        while (!tlb_batch_full(&batch)) {
            tlb_batch_free(&batch, pfn++, 0);
        }
        fail_after(-1);
        EQ(pfn - 1, TLB_BATCH_FRAMES + (u64)n * TLB_LIST_RECORDS);
        EQ(state.lists, n);
        tlb_batch_release(&batch);
        EQ(state.lists, 0);
        for (pfn_t p = 1; p < pfn; p++) {
            EQ(state.freed[p], 1);
        }
    }
}

static void test_overfull(void)
{
    struct tlb_batch batch;

    setup(&batch);
    for (pfn_t pfn = 1; pfn <= TLB_BATCH_FRAMES; pfn++) {
        tlb_batch_free(&batch, pfn, 0);
    }
    fail_after(0);
    OK(tlb_batch_full(&batch));
    OK(EXPECT_BUG(tlb_batch_free(&batch, 99, 0)));
    fail_after(-1);
    tlb_batch_release(&batch);
}

/* Frames of files are counted, by 4 KiB; the application's own may be kept; what else a table
 * maps is freed. */
static void test_files(void)
{
    struct tlb_batch batch;
    u64 *table;

    setup(&batch);
    tlb_batch_put(&batch, 7, ORDER_4K);
    tlb_batch_free_own(&batch, 10, ORDER_2M);
    table = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(table, 0, PAGE_SIZE);
    table[3] = 8 << PAGE_SHIFT | PTE_FILE | PTE_PRESENT;
    table[4] = 9 << PAGE_SHIFT | PTE_PRESENT;
    state.lists++;
    tlb_batch_free_table(&batch, virt_to_phys(table) >> PAGE_SHIFT);
    tlb_batch_release(&batch);
    EQ(state.put[7], 1);
    EQ(state.own[10], 1);
    EQ(state.order[10], ORDER_2M);
    EQ(state.freed[10], 0);
    EQ(state.put[8], 1);
    EQ(state.freed[8], 0);
    EQ(state.freed[9], 1);
    EQ(state.put[9], 0);
    EQ(state.lists, 0);
}

/* What another batch has is flushed by this one, however much each has. */
static void test_join(void)
{
    struct tlb_batch batch, other;

    setup(&batch);
    tlb_batch_init(&other);
    tlb_batch_join(&batch, &other);
    OK(!tlb_batch_stale(&batch));
    tlb_batch_add(&batch, 16 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_add(&other, 17 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_add(&other, LARGE_SIZE, LARGE_SIZE, LARGE_SIZE);
    tlb_batch_join(&batch, &other);
    EQ(batch.ranges, 2);
    EQ(batch.range[0].end, 18 * PAGE_SIZE);
    EQ(batch.range[1].step, LARGE_SIZE);
    EQ(batch.pages, 3);
    other.all = true;
    tlb_batch_join(&batch, &other);
    OK(tlb_batch_wants_all(&batch, 100));
}

int main(void)
{
    run("an empty batch does nothing", test_empty);
    run("ranges that touch are merged", test_merge);
    run("too many ranges flush all", test_too_many_ranges);
    run("what was added is flushed, and no more", test_random_ranges);
    run("two batches become one", test_join);
    run("lists any number of frames", test_many_frames);
    run("a table is freed with what it maps", test_table);
    run("without memory it says that it is full", test_no_memory);
    run("a frame beyond that is a bug", test_overfull);
    run("frames of files", test_files);
    return finish();
}
