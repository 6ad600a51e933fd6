/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/buddy.c kernel/mm/ram_list.c */
/*
 * The buddy allocator against a plain map of frames, with memory of odd
 * shapes, cleared and uncleared descriptors, and every wrong free.
 */
#include "host.h"

#include "../../kernel/mm/buddy_priv.h"
#include "../../kernel/mm/ram_list_priv.h"
#include <stdlib.h>
#include <string.h>

struct range {
    pfn_t start, end;
};

/* What the model knows of a frame. */
enum { HOLE, FREE, USED };

static struct {
    struct buddy buddy;
    struct frame_desc *desc;
    u8 *model; /* model[pfn - base] */
    pfn_t base, end;
    u64 free;
} fix;

/* Descriptors begin as garbage that looks like free and used blocks. */
static void fill_with_garbage(struct frame_desc *desc, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        desc[i] = (struct frame_desc){.next = (u32)rnd(),
                                      .prev = (u32)rnd(),
                                      .order = (u8)rnd_below(FRAME_ORDERS),
                                      .state = (u8)rnd_below(3),
                                      .tag = (u16)rnd(),
                                      .uses = (u32)rnd()};
    }
}

static void setup(const struct range *ranges, unsigned count, bool clear)
{
    u64 frames;

    fix.base = ranges[0].start;
    fix.end = ranges[count - 1].end;
    frames = fix.end - fix.base;
    fix.desc = test_alloc(frames * sizeof(*fix.desc));
    fix.model = test_alloc(frames);
    fix.free = 0;
    fill_with_garbage(fix.desc, frames);
    memset(fix.model, HOLE, frames);
    buddy_init(&fix.buddy, fix.desc, fix.base, fix.end, clear);
    for (unsigned i = 0; i < count; i++) {
        buddy_add(&fix.buddy, ranges[i].start, ranges[i].end);
        memset(fix.model + ranges[i].start - fix.base, FREE, ranges[i].end - ranges[i].start);
        fix.free += ranges[i].end - ranges[i].start;
        buddy_check(&fix.buddy);
    }
}

static void teardown(void)
{
    test_free(fix.desc);
    test_free(fix.model);
}

/* Moves a block in the model; false if not all of it was in `from`. */
static bool move(pfn_t pfn, unsigned order, u8 from, u8 to)
{
    for (u64 i = 0; i < 1ull << order; i++) {
        u8 *frame = &fix.model[pfn + i - fix.base];

        if (pfn + i < fix.base || pfn + i >= fix.end || *frame != from) {
            return false;
        }
        *frame = to;
    }
    return true;
}

static bool take(unsigned order, pfn_t *pfn)
{
    if (buddy_alloc(&fix.buddy, order, pfn) != 0) {
        return false;
    }
    buddy_format(&fix.buddy, *pfn, order);
    fix.free -= 1ull << order;
    OK(IS_ALIGNED(*pfn, 1ull << order));
    OK(move(*pfn, order, FREE, USED));
    return true;
}

static void give(pfn_t pfn, unsigned order)
{
    OK(move(pfn, order, USED, FREE));
    buddy_free(&fix.buddy, pfn, order);
    fix.free += 1ull << order;
}

static const struct range one[] = {{0, 4096}};
static const struct range odd[] = {{1, 159}, {256, 2049}, {2051, 2052}, {2060, 7000}};
static const struct range high[] = {{0x100003, 0x100fff}, {0x101800, 0x104001}};

static void test_blocks_of_a_range(void)
{
    setup(one, 1, true);
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        EQ(fix.buddy.count[order], order == 12);
    }
    teardown();
    setup(odd, 4, true);
    EQ(fix.buddy.total, 158 + 1793 + 1 + 4940);
    EQ(fix.buddy.free, fix.buddy.total);
    teardown();
}

static void test_split_and_merge(void)
{
    pfn_t pfn, again;

    setup(one, 1, true);
    OK(take(0, &pfn));
    EQ(pfn, 0);
    for (unsigned order = 0; order < 12; order++) {
        EQ(fix.buddy.count[order], 1);
    }
    EQ(fix.buddy.count[12], 0);
    OK(take(0, &again));
    EQ(again, 1);
    give(pfn, 0);
    OK(take(0, &again)); /* last in, first out */
    EQ(again, pfn);
    give(again, 0);
    give(1, 0);
    EQ(fix.buddy.count[12], 1);
    buddy_check(&fix.buddy);
    teardown();
}

static void test_smallest_sufficient(void)
{
    static const struct range ranges[] = {{0, 512}, {513, 514}, {516, 520}};
    pfn_t pfn;

    setup(ranges, 3, true);
    OK(take(0, &pfn));
    EQ(pfn, 513);
    OK(take(1, &pfn));
    EQ(pfn, 516);
    OK(take(9, &pfn));
    EQ(pfn, 0);
    OK(!take(2, &pfn));
    OK(take(1, &pfn));
    OK(!take(0, &pfn));
    EQ(fix.buddy.free, 0);
    buddy_check(&fix.buddy);
    teardown();
}

static void test_free_in_parts(void)
{
    pfn_t pfn;

    setup(one, 1, true);
    OK(take(12, &pfn));
    OK(buddy_is_used(&fix.buddy, pfn, 12));
    OK(buddy_is_used(&fix.buddy, pfn + 512, 9));
    OK(!buddy_is_used(&fix.buddy, pfn + 256, 9));
    give(512, 9); /* the second of eight */
    OK(!buddy_is_used(&fix.buddy, pfn, 12));
    OK(!buddy_is_used(&fix.buddy, 512, 9));
    buddy_check(&fix.buddy);
    EQ(fix.buddy.free, 512);
    give(1024 + 7, 0);
    give(1024 + 8, 3);
    buddy_check(&fix.buddy);
    for (pfn = 0; pfn < 7; pfn++) {
        give(1024 + pfn, 0);
    }
    give(1024 + 16, 4);
    give(1024 + 32, 5);
    EQ(fix.buddy.count[6], 1);
    give(0, 9);
    EQ(fix.buddy.count[10], 1);
    buddy_check(&fix.buddy);
    teardown();
}

static void test_orders_up_to_1g(void)
{
    static const struct range ranges[] = {{0, 160}, {256, 0x80000}, {0x100000, 0x180000}};
    pfn_t pfn[4];

    setup(ranges, 3, true);
    EQ(fix.buddy.count[ORDER_1G], 3);
    for (unsigned i = 0; i < 3; i++) {
        OK(take(ORDER_1G, &pfn[i]));
    }
    OK(!take(ORDER_1G, &pfn[3]));
    for (unsigned i = 0; i < 3; i++) {
        give(pfn[i], ORDER_1G);
    }
    buddy_check(&fix.buddy);
    EQ(fix.buddy.count[ORDER_1G], 3);
    teardown();
}

struct block {
    pfn_t pfn;
    unsigned order;
};

#define BLOCKS 600

/* Small orders mostly; a large one now and then. */
static unsigned random_order(void)
{
    return rnd_below(4) ? (unsigned)rnd_below(3) : (unsigned)rnd_below(12);
}

static bool step(struct block *blocks, unsigned *count, bool grow)
{
    unsigned i = *count ? (unsigned)rnd_below(*count) : 0;
    unsigned order = random_order();

    if (grow && *count < BLOCKS) {
        if (take(order, &blocks[*count].pfn)) {
            blocks[(*count)++].order = order;
        } else {
            /* Then there is really none: no free block is large enough. */
            OK(fix.buddy.nonempty >> order == 0);
        }
    } else if (*count > 0 && blocks[i].order > 0 && *count < BLOCKS && rnd_below(2)) {
        /* Half of it, and keep the other. */
        unsigned half = (unsigned)rnd_below(2);

        blocks[i].order--;
        give(blocks[i].pfn + ((u64)half << blocks[i].order), blocks[i].order);
        blocks[i].pfn += (u64)!half << blocks[i].order;
    } else if (*count > 0) {
        give(blocks[i].pfn, blocks[i].order);
        blocks[i] = blocks[--*count];
    }
    return EQ(fix.buddy.free, fix.free);
}

static void random_walk(const struct range *ranges, unsigned range_count, bool clear)
{
    struct block blocks[BLOCKS];
    unsigned count = 0;
    u32 whole;

    setup(ranges, range_count, clear);
    whole = fix.buddy.nonempty;
    for (unsigned i = 0; i < 20000; i++) {
        bool grow = rnd_below(10) < (i / 2000 % 2 ? 4u : 6u);

        if (!OK(step(blocks, &count, grow))) {
            break;
        }
        if (i % 50 == 0) {
            buddy_check(&fix.buddy);
        }
    }
    while (count > 0) {
        count--;
        give(blocks[count].pfn, blocks[count].order);
    }
    buddy_check(&fix.buddy);
    EQ(fix.buddy.free, fix.buddy.total);
    EQ(fix.buddy.nonempty, whole); /* all merged again */
    teardown();
}

static void test_random(void)
{
    for (unsigned clear = 0; clear < 2; clear++) {
        random_walk(one, 1, clear);
        random_walk(odd, 4, clear);
        random_walk(high, 2, clear);
    }
}

/* Ranges at random, touching or not: the descriptors' edges are right. */
static void test_random_shapes(void)
{
    for (unsigned i = 0; i < 400; i++) {
        struct range ranges[6];
        pfn_t at = rnd_below(100);
        unsigned count = 1 + (unsigned)rnd_below(6);
        u64 total = 0;
        pfn_t pfn;

        for (unsigned j = 0; j < count; j++) {
            at += rnd_below(3) ? rnd_below(1 << rnd_below(10)) : 0;
            ranges[j].start = at;
            at += 1 + rnd_below(1 << rnd_below(12));
            ranges[j].end = at;
            total += ranges[j].end - ranges[j].start;
        }
        setup(ranges, count, i % 2);
        for (u64 j = 0; j < total; j++) {
            OK(take(0, &pfn));
        }
        OK(!take(0, &pfn));
        for (pfn = fix.base; pfn < fix.end; pfn++) {
            if (fix.model[pfn - fix.base] == USED) {
                give(pfn, 0);
            }
        }
        buddy_check(&fix.buddy);
        EQ(fix.buddy.free, total);
        teardown();
    }
}

static void test_wrong_frees(void)
{
    pfn_t pfn;

    setup(odd, 4, true);
    OK(take(3, &pfn));
    OK(EXPECT_BUG(buddy_free(&fix.buddy, 200, 0)));                    /* a hole */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, 0, 0)));                      /* below */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, 7000, 0)));                   /* above */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 4)));                    /* too large, or unaligned */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn + 1, 1)));                /* unaligned */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, FRAME_ORDERS)));         /* no order */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, ALIGN_DOWN(pfn, 16ull), 4))); /* partly free */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, 4096, 0)));                   /* never allocated */
    OK(EXPECT_BUG(buddy_check_used(&fix.buddy, 4096, 0)));
    buddy_check_used(&fix.buddy, pfn + 2, 1);
    give(pfn + 4, 2);
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 3))); /* a part is gone */
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn + 4, 2)));
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn + 5, 0)));
    give(pfn, 2);
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 2))); /* twice, after merging */
    buddy_check(&fix.buddy);
    teardown();
}

/* Without clearing, what was in use once is guarded all the same. */
static void test_double_free_uncleared(void)
{
    pfn_t pfn;

    setup(one, 1, false);
    OK(take(9, &pfn));
    give(pfn, 9);
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 9)));
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn + 17, 0)));
    teardown();
}

static void test_owner_marks(void)
{
    pfn_t pfn;

    setup(one, 1, true);
    OK(take(0, &pfn));
    buddy_desc(&fix.buddy, pfn)->tag = 7;
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 0)));
    buddy_desc(&fix.buddy, pfn)->tag = 0;
    buddy_desc(&fix.buddy, pfn)->uses = 1;
    OK(EXPECT_BUG(buddy_free(&fix.buddy, pfn, 0)));
    buddy_desc(&fix.buddy, pfn)->uses = 0;
    give(pfn, 0);
    teardown();
}

static void test_check_finds_faults(void)
{
    pfn_t pfn;

    setup(one, 1, true);
    OK(take(0, &pfn));
    fix.buddy.free++;
    OK(EXPECT_BUG(buddy_check(&fix.buddy)));
    fix.buddy.free--;
    fix.buddy.nonempty ^= 1;
    OK(EXPECT_BUG(buddy_check(&fix.buddy)));
    fix.buddy.nonempty ^= 1;
    buddy_desc(&fix.buddy, pfn)->state = FRAME_FREE; /* beside its free buddy */
    OK(EXPECT_BUG(buddy_check(&fix.buddy)));
    buddy_desc(&fix.buddy, pfn)->state = FRAME_NOT_FIRST; /* lost */
    OK(EXPECT_BUG(buddy_check(&fix.buddy)));
    buddy_desc(&fix.buddy, pfn)->state = FRAME_USED;
    buddy_desc(&fix.buddy, 2)->prev = 5;
    OK(EXPECT_BUG(buddy_check(&fix.buddy)));
    teardown();
}

#define P PAGE_SIZE

static bool list_is(const struct ram_list *list, unsigned count, const struct mem_range *want)
{
    return list->count == count && memcmp(list->range, want, count * sizeof(*want)) == 0;
}

static void test_ram_list(void)
{
    struct ram_list list = {0};
    paddr_t start;

    OK(ram_list_add(&list, 8 * P, 16 * P));
    OK(ram_list_add(&list, 2 * P - 5, 4 * P + 5)); /* whole frames only */
    OK(ram_list_add(&list, 20 * P + 1, 21 * P));   /* none */
    OK(list_is(&list, 2, (struct mem_range[]){{2 * P, 4 * P}, {8 * P, 16 * P}}));
    OK(ram_list_add(&list, 4 * P, 8 * P)); /* joins both */
    OK(list_is(&list, 1, (struct mem_range[]){{2 * P, 16 * P}}));
    OK(ram_list_remove(&list, 5 * P, 6 * P));
    OK(ram_list_remove(&list, 0, 3 * P));
    OK(ram_list_remove(&list, 15 * P, 99 * P));
    OK(list_is(&list, 2, (struct mem_range[]){{3 * P, 5 * P}, {6 * P, 15 * P}}));
    OK(ram_list_take(&list, 3 * P, &start));
    EQ(start, 6 * P);
    OK(ram_list_take(&list, 2 * P, &start));
    EQ(start, 3 * P);
    OK(list_is(&list, 1, (struct mem_range[]){{9 * P, 15 * P}}));
    OK(!ram_list_take(&list, 7 * P, &start));
    OK(ram_list_remove(&list, 0, 99 * P));
    EQ(list.count, 0);
    OK(!ram_list_take(&list, P, &start));
}

static void test_ram_list_full(void)
{
    struct ram_list list = {0};

    for (unsigned i = 0; i < RAM_LIST_MAX; i++) {
        OK(ram_list_add(&list, 4 * i * P, (4 * i + 3) * P));
    }
    OK(!ram_list_add(&list, 4000 * P, 4001 * P));
    OK(!ram_list_remove(&list, P, 2 * P)); /* would make one more */
    OK(ram_list_add(&list, 3 * P, 4 * P)); /* one fewer */
    OK(EXPECT_BUG((void)!ram_list_add(&list, 9 * P, 10 * P)));
}

#define MODEL 64

/* Adding and removing at random against a bit per frame. */
static void test_ram_list_random(void)
{
    struct ram_list list = {0};
    bool in[MODEL] = {false};

    for (unsigned i = 0; i < 5000; i++) {
        unsigned start = (unsigned)rnd_below(MODEL);
        unsigned end = start + 1 + (unsigned)rnd_below(6);
        bool add = rnd_below(2);
        bool clash = false;
        unsigned n = 0;

        end = MIN(end, (unsigned)MODEL);
        for (unsigned j = start; j < end; j++) {
            clash = clash || in[j];
        }
        if (add && clash) {
            continue;
        }
        OK(add ? ram_list_add(&list, start * P, end * P)
               : ram_list_remove(&list, start * P, end * P));
        memset(in + start, add, end - start);
        for (unsigned j = 0; j < MODEL; j++) {
            if (in[j] && (j == 0 || !in[j - 1])) {
                EQ(list.range[n].start, j * P);
            }
            if (in[j] && (j == MODEL - 1 || !in[j + 1])) {
                EQ(list.range[n++].end, (j + 1) * P);
            }
        }
        if (!EQ(list.count, n)) {
            return;
        }
    }
}

int main(void)
{
    run("a range becomes maximal blocks", test_blocks_of_a_range);
    run("blocks split and merge", test_split_and_merge);
    run("the smallest sufficient block is split", test_smallest_sufficient);
    run("a block may be freed in parts", test_free_in_parts);
    run("1 GiB blocks", test_orders_up_to_1g);
    run("random allocations and frees", test_random);
    run("random shapes of memory", test_random_shapes);
    run("wrong frees are found", test_wrong_frees);
    run("double frees are found without clearing", test_double_free_uncleared);
    run("frames still marked are not freed", test_owner_marks);
    run("buddy_check finds faults", test_check_finds_faults);
    run("ram list", test_ram_list);
    run("ram list without room", test_ram_list_full);
    run("ram list at random", test_ram_list_random);
    return finish();
}
