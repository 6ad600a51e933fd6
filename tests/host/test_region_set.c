/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/region_set.c kernel/mm/region_place.c kernel/lib/rbtree.c */
/*
 * The set of regions: single cases, failures of allocation, and long random
 * runs against an array with one element per page.
 */
#include "host.h"

#include "../../kernel/mm/region_set_priv.h"

#include <string.h>

#define PAGES 4096u
#define BASE (1 * GIB) /* of the pages in the model; a multiple of 2 MiB */
#define STEPS 20000u

static const struct place_zone zones[] = {
    {BASE + 1024 * PAGE_SIZE, BASE + 3072 * PAGE_SIZE},
    {BASE, BASE + 512 * PAGE_SIZE},
    {BASE + 3072 * PAGE_SIZE, BASE + PAGES *PAGE_SIZE},
};

static struct region_set set;
static struct region_pool pool;

/* The model: what each page is; 0 is free. */
static struct {
    u8 prot[PAGES];    /* 1 + protection */
    bool guard[PAGES]; /* a region with a guard starts here */
} model;

static vaddr_t at(u64 page)
{
    return BASE + page * PAGE_SIZE;
}

static void setup(void)
{
    region_set_init(&set, zones, ARRAY_SIZE(zones));
    region_pool_init(&pool);
    memset(&model, 0, sizeof(model));
}

static void reserve(unsigned nodes)
{
    OK(region_pool_reserve(&pool, nodes, test_alloc) == 0);
}

static void teardown(void)
{
    region_set_remove(&set, 0, ~0ull, &pool);
    region_pool_drain(&pool, test_free);
    EQ(set.regions, 0);
    EQ(set.bytes, 0);
}

/* Adds and merges, as the address space does it. */
static void insert(u64 first, u64 end, u8 prot, bool guard)
{
    const struct region attributes = {.prot = prot, .kind = REGION_ANON, .guard = guard};

    reserve(1);
    region_set_insert(&set, at(first), at(end), &attributes, &pool);
    region_set_merge(&set, at(first), at(end), &pool);
}

static void unmap(u64 first, u64 end)
{
    reserve(2);
    region_set_carve(&set, at(first), at(end), &pool);
    region_set_remove(&set, at(first), at(end), &pool);
}

static void protect(u64 first, u64 end, u8 prot)
{
    reserve(2);
    region_set_carve(&set, at(first), at(end), &pool);
    region_for_each(region, &set, at(first), at(end))
    {
        region->prot = prot;
    }
    region_set_merge(&set, at(first), at(end), &pool);
}

static void expect(u64 page, u64 first, u64 end, u8 prot)
{
    const struct region *region = region_set_find(&set, at(page) + 17);

    if (OK(region != NULL)) {
        EQ(region->start, at(first));
        EQ(region->end, at(end));
        EQ(region->prot, prot);
    }
}

static void test_find(void)
{
    setup();
    insert(10, 20, 3, false);
    insert(30, 40, 3, false);
    expect(10, 10, 20, 3);
    expect(19, 10, 20, 3);
    OK(region_set_find(&set, at(20)) == NULL);
    OK(region_set_find(&set, at(10) - 1) == NULL);
    EQ(region_set_from(&set, at(20))->start, at(30));
    EQ(region_set_from(&set, at(0))->start, at(10));
    OK(region_set_from(&set, at(40)) == NULL);
    OK(region_set_overlaps(&set, at(19), at(21)));
    OK(!region_set_overlaps(&set, at(20), at(30)));
    OK(region_set_overlaps(&set, at(0), at(50)));
    OK(region_set_covers(&set, at(12), at(20)));
    OK(!region_set_covers(&set, at(12), at(21)));
    OK(!region_set_covers(&set, at(9), at(20)));
    OK(!region_set_covers(&set, at(10), at(40)));
    EQ(set.regions, 2);
    EQ(set.bytes, 20 * PAGE_SIZE);
    region_set_check(&set);
    teardown();
}

static void test_carve(void)
{
    setup();
    insert(10, 100, 3, true);
    unmap(40, 50);
    expect(39, 10, 40, 3);
    expect(50, 50, 100, 3);
    OK(region_set_find(&set, at(10))->guard);
    OK(!region_set_find(&set, at(50))->guard);
    protect(20, 30, 1);
    expect(15, 10, 20, 3);
    expect(25, 20, 30, 1);
    expect(35, 30, 40, 3);
    EQ(set.regions, 4);
    protect(20, 30, 3);
    expect(25, 10, 40, 3);
    unmap(0, 200);
    EQ(set.regions, 0);
    region_set_check(&set);
    teardown();
}

static void test_merge_limits(void)
{
    const struct region kernel = {.kind = REGION_KERNEL};

    setup();
    insert(10, 20, 3, false);
    insert(20, 30, 3, true); /* its guard keeps it apart */
    EQ(set.regions, 2);
    insert(30, 40, 3, false);
    EQ(set.regions, 2);
    expect(35, 20, 40, 3);
    reserve(2);
    region_set_insert(&set, at(40), at(50), &kernel, &pool);
    region_set_insert(&set, at(50), at(60), &kernel, &pool);
    region_set_merge(&set, at(40), at(60), &pool);
    EQ(region_set_find(&set, at(55))->start, at(50));
    EQ(set.regions, 2);
    EQ(set.bytes, 30 * PAGE_SIZE);
    region_set_check(&set);
    teardown();
}

static void test_busy(void)
{
    setup();
    insert(10, 20, 3, false);
    region_set_find(&set, at(10))->busy = true;
    insert(20, 30, 3, false);
    EQ(set.regions, 2); /* a busy region stays as it is */
    OK(region_set_busy(&set, at(0), at(11)));
    OK(region_set_busy(&set, at(19), at(40)));
    OK(!region_set_busy(&set, at(20), at(40)));
    reserve(2);
    OK(EXPECT_BUG(region_set_carve(&set, at(15), at(25), &pool)));
    region_set_find(&set, at(10))->busy = false;
    region_set_merge(&set, at(10), at(20), &pool);
    EQ(set.regions, 1);
    teardown();
}

static void release_object(void *node)
{
    struct region *region = node;

    if (region->object != NULL) {
        region->object->uses--;
    }
    test_free(region);
}

/* Offsets follow splits, merges need the same file to go on, uses are counted. */
static void test_objects(void)
{
    struct file *files[2] = {(struct file *)8, (struct file *)16};
    struct region_object a = {.uses = 1, .file = files[0]}, b = {.uses = 1, .file = files[0]};
    struct region_object c = {.uses = 1, .file = files[1]};
    struct region attributes = {.prot = 3, .kind = REGION_FILE, .object = &a, .offset = PAGE_SIZE};

    setup();
    reserve(8);
    (void)region_set_insert(&set, at(10), at(20), &attributes, &pool);
    region_set_carve(&set, at(12), at(15), &pool);
    EQ(a.uses, 3);
    EQ(region_set_find(&set, at(12))->offset, 3 * PAGE_SIZE);
    EQ(region_set_find(&set, at(15))->offset, 6 * PAGE_SIZE);
    region_set_merge(&set, at(12), at(15), &pool);
    EQ(set.regions, 1);
    EQ(region_set_find(&set, at(10))->offset, PAGE_SIZE);
    region_pool_drain(&pool, release_object);
    EQ(a.uses, 1);
    /* The same file where it goes on, then a gap in it, then another file. */
    reserve(8);
    attributes.object = &b;
    attributes.offset = 11 * PAGE_SIZE;
    (void)region_set_insert(&set, at(20), at(22), &attributes, &pool);
    attributes.object = &c;
    attributes.offset = 13 * PAGE_SIZE;
    (void)region_set_insert(&set, at(22), at(24), &attributes, &pool);
    region_set_merge(&set, at(20), at(24), &pool);
    EQ(set.regions, 2);
    EQ(b.uses, 1);
    region_set_carve(&set, at(11), at(13), &pool);
    region_set_remove(&set, at(11), at(13), &pool);
    region_set_merge(&set, at(10), at(14), &pool);
    EQ(set.regions, 3);
    region_set_check(&set);
    /* What was removed is not for use again before it is drained. */
    OK(pool.used != NULL);
    region_set_remove(&set, 0, ~0ull, &pool);
    region_pool_drain(&pool, release_object);
    EQ(a.uses + b.uses + c.uses, 0);
    EQ(set.regions, 0);
    EQ(test_live(), 0);
}

/* An open file whose pages or rights changed between two mappings. */
static void test_object_changed(void)
{
    struct region_object a = {.uses = 1, .file = (struct file *)8, .may_write = true};
    struct region_object b = a, c = a;
    struct region attributes = {.prot = 3, .kind = REGION_FILE, .object = &a};

    b.cache = (struct page_cache *)16;
    c.cache = b.cache;
    c.may_write = false;
    setup();
    reserve(3);
    (void)region_set_insert(&set, at(10), at(20), &attributes, &pool);
    attributes.object = &b;
    attributes.offset = 10 * PAGE_SIZE;
    (void)region_set_insert(&set, at(20), at(22), &attributes, &pool);
    attributes.object = &c;
    attributes.offset = 12 * PAGE_SIZE;
    (void)region_set_insert(&set, at(22), at(24), &attributes, &pool);
    region_set_merge(&set, at(10), at(24), &pool);
    EQ(set.regions, 3);
    OK(region_set_find(&set, at(20))->object == &b);
    OK(region_set_find(&set, at(22))->object == &c);
    region_set_remove(&set, 0, ~0ull, &pool);
    region_pool_drain(&pool, release_object);
    EQ(test_live(), 0);
}

static void test_alloc_failures(void)
{
    for (s64 n = 0; n <= 3; n++) {
        setup();
        fail_after(n);
        OK(region_pool_reserve(&pool, 3, test_alloc) == (n < 3 ? -ENOMEM : 0));
        fail_after(-1);
        region_pool_drain(&pool, test_free);
        EQ(pool.count, 0);
        EQ(test_live(), 0);
    }
    setup();
    insert(10, 20, 3, false);
    region_pool_drain(&pool, test_free);
    OK(EXPECT_BUG(region_set_carve(&set, at(12), at(15), &pool)));
    teardown();
}

/* A broken set is found out. */
static void test_check_finds(void)
{
    struct region *region;

    setup();
    insert(10, 20, 3, false);
    insert(30, 40, 3, false);
    region = region_set_find(&set, at(10));
    region->end = at(31);
    OK(EXPECT_BUG(region_set_check(&set)));
    region->end = at(10);
    OK(EXPECT_BUG(region_set_check(&set)));
    region->end = at(20) + 1;
    OK(EXPECT_BUG(region_set_check(&set)));
    region->end = at(21);
    OK(EXPECT_BUG(region_set_check(&set)));
    region->end = at(20);
    region_set_check(&set);
    set.place_from = zones[0].low; /* claims that all of zone 0 was searched */
    insert(2000, 2001, 3, false);
    OK(EXPECT_BUG(region_set_check(&set)));
    teardown();
}

static void test_place_order(void)
{
    vaddr_t addr;

    setup();
    OK(region_set_place(&set, PAGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, zones[0].high - PAGE_SIZE);
    OK(region_set_place(&set, LARGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, zones[0].high - LARGE_SIZE);
    OK(region_set_place(&set, LARGE_SIZE + PAGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, zones[0].high - 2 * LARGE_SIZE);
    insert(1024, 3072, 3, false); /* zone 0 is full */
    OK(region_set_place(&set, 100 * PAGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, zones[1].high - 100 * PAGE_SIZE);
    insert(0, 512, 3, false);
    OK(region_set_place(&set, 100 * PAGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, zones[2].high - 100 * PAGE_SIZE);
    OK(region_set_place(&set, 2000 * PAGE_SIZE, 0, 0, &addr) == -ENOMEM);
    OK(region_set_place(&set, (1ull << 47), 0, 0, &addr) == -ENOMEM);
    unmap(2000, 2010); /* a hole above where the search left off */
    OK(region_set_place(&set, 10 * PAGE_SIZE, 0, 0, &addr) == 0);
    EQ(addr, at(2000));
    OK(region_set_place(&set, 10 * PAGE_SIZE, PAGE_SIZE, 0, &addr) == 0);
    EQ(addr, zones[2].high - 10 * PAGE_SIZE);
    teardown();
}

/* With many mappings, placing one does not walk them all. */
static void test_place_cost(void)
{
    vaddr_t addr, last = zones[0].high;

    setup();
    for (unsigned i = 0; i < 900; i++) {
        OK(region_set_place(&set, PAGE_SIZE, PAGE_SIZE, 0, &addr) == 0);
        EQ(addr, last - PAGE_SIZE);
        insert((addr - BASE) / PAGE_SIZE, (addr - BASE) / PAGE_SIZE + 1, 3, true);
        EQ(set.place_from, addr + PAGE_SIZE);
        OK(set.hole_max <= PAGE_SIZE);
        last = addr - PAGE_SIZE;
    }
    teardown();
}

/* The model's own answer: the highest place, tried page by page. */
static bool model_fits(u64 page, u64 pages, u64 guard, u64 low, u64 high)
{
    if (page < low + guard || page + pages > high) {
        return false;
    }
    for (u64 i = page - guard; i < page + pages; i++) {
        if (model.prot[i] != 0) {
            return false;
        }
    }
    return page + pages >= PAGES || !model.guard[page + pages];
}

static bool model_place(u64 pages, u64 guard, u64 phase, u64 *page)
{
    for (unsigned z = 0; z < ARRAY_SIZE(zones); z++) {
        u64 low = (zones[z].low - BASE) / PAGE_SIZE, high = (zones[z].high - BASE) / PAGE_SIZE;

        for (u64 candidate = high; candidate-- > low;) {
            if ((pages < 512 || candidate % 512 == phase) &&
                model_fits(candidate, pages, guard, low, high)) {
                *page = candidate;
                return true;
            }
        }
    }
    return false;
}

static void model_fill(u64 first, u64 end, u8 value)
{
    for (u64 i = first; i < end; i++) {
        model.prot[i] = value;
        if (value == 0) {
            model.guard[i] = false;
        }
    }
}

static bool model_free(u64 first, u64 end)
{
    for (u64 i = first; i < end; i++) {
        if (model.prot[i] != 0) {
            return false;
        }
    }
    return true;
}

static void step_place(void)
{
    u64 pages = 1 + rnd_below(rnd_below(8) == 0 ? 1200 : 30), guard = rnd_below(3) == 0, page = 0;
    u64 phase = rnd_below(2) == 0 ? 0 : rnd_below(512);
    vaddr_t addr = 0;
    bool expected = model_place(pages, guard, phase, &page);
    int error = region_set_place(&set, pages * PAGE_SIZE, guard * PAGE_SIZE,
                                 (phase + 512 * rnd_below(9)) * PAGE_SIZE, &addr);

    EQ(error, expected ? 0 : -ENOMEM);
    if (error == 0 && expected && EQ(addr, at(page))) {
        u8 prot = (u8)rnd_below(3);

        insert(page, page + pages, prot, guard != 0);
        model_fill(page, page + pages, (u8)(1 + prot));
        model.guard[page] = guard != 0;
    }
}

static void step_protect(u64 first, u64 end, u8 prot)
{
    protect(first, end, prot);
    for (u64 i = first; i < end; i++) {
        if (model.prot[i] != 0) {
            model.prot[i] = (u8)(1 + prot);
        }
    }
}

static void step(void)
{
    u64 first = rnd_below(PAGES), pages = 1 + rnd_below(200), end = MIN(first + pages, PAGES);
    u8 prot = (u8)rnd_below(3);

    switch (rnd_below(5)) {
    case 0:
        unmap(first, end);
        model_fill(first, end, 0);
        break;
    case 1:
        if (model_free(first, end)) {
            insert(first, end, prot, false);
            model_fill(first, end, (u8)(1 + prot));
        }
        break;
    case 2:
        step_protect(first, end, prot);
        break;
    default:
        step_place();
        break;
    }
}

/* Every page is as in the model, and neighbours are merged wherever they may be. */
static void compare(void)
{
    u64 regions = 0, pages = 0;

    for (u64 i = 0; i < PAGES; i++) {
        const struct region *region = region_set_find(&set, at(i));

        if (!OK((region == NULL) == (model.prot[i] == 0)) || region == NULL) {
            continue;
        }
        EQ(region->prot + 1, model.prot[i]);
        pages++;
        regions += i == 0 || model.prot[i - 1] != model.prot[i] || model.guard[i];
        OK(!model.guard[i] || (region->guard && region->start == at(i)));
    }
    EQ(set.regions, regions);
    EQ(set.bytes, pages * PAGE_SIZE);
    region_set_check(&set);
}

static void test_random(void)
{
    setup();
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        region_set_check(&set);
        if (i % 50 == 0) {
            compare();
            region_pool_drain(&pool, test_free);
        }
        if (i % 1000 == 999) { /* so that it does not stay full */
            unmap(0, PAGES);
            model_fill(0, PAGES, 0);
        }
    }
    compare();
    teardown();
}

static void test_covers_random(void)
{
    setup();
    for (unsigned i = 0; i < 2000; i++) {
        u64 first = rnd_below(PAGES), pages = 1 + rnd_below(100), end = MIN(first + pages, PAGES);
        bool all = true, any = false;

        step();
        for (u64 p = first; p < end; p++) {
            all &= model.prot[p] != 0;
            any |= model.prot[p] != 0;
        }
        EQ(region_set_covers(&set, at(first), at(end)), all);
        EQ(region_set_overlaps(&set, at(first), at(end)), any);
    }
    teardown();
}

int main(void)
{
    run("finds regions and their neighbours", test_find);
    run("splits at the borders", test_carve);
    run("merges only what differs in nothing", test_merge_limits);
    run("leaves busy regions alone", test_busy);
    run("regions of files", test_objects);
    run("regions of a file that changed", test_object_changed);
    run("allocates nothing but through the pool", test_alloc_failures);
    run("its check finds faults", test_check_finds);
    run("places from the top of the first zone", test_place_order);
    run("remembers where the last search ended", test_place_cost);
    run("random changes and placements match a model", test_random);
    run("coverage matches a model", test_covers_random);
    return finish();
}
