/* SPDX-License-Identifier: MIT */
/*
 * Operations on the address space when memory runs out: each fails whole,
 * with -ENOMEM, or succeeds whole.
 */
#include "memory.h"

#include <kernel/errno.h>

/*
 * Each operation, with every allocation of a kernel object failing once: it
 * says -ENOMEM and has done nothing, or has done all.
 */
static int some_map(vaddr_t va)
{
    vaddr_t addr;
    int error = aspace_map(0, LARGE_SIZE, PROT_RW, MAP_PLACE_HINT, &addr);

    kmalloc_fail_after((u64)-1);
    return error != 0 ? error : aspace_unmap(addr, LARGE_SIZE);
}

static int some_fixed(vaddr_t va)
{
    return aspace_map(va + PAGE_SIZE, LARGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &va);
}

static int some_unmap(vaddr_t va)
{
    return aspace_unmap(va + LARGE_SIZE / 2, LARGE_SIZE);
}

static int some_protect(vaddr_t va)
{
    return aspace_protect(va + LARGE_SIZE / 2, LARGE_SIZE, PROT_READ);
}

static int some_discard(vaddr_t va)
{
    return aspace_discard(va + LARGE_SIZE / 2, LARGE_SIZE);
}

static int some_advice(vaddr_t va)
{
    return aspace_advise_pages(va + LARGE_SIZE / 2, LARGE_SIZE, PAGES_SMALL);
}

static void fail_each_object(int (*operation)(vaddr_t va))
{
    struct memory_state before = memory_state_now();
    int error = -ENOMEM;

    for (u64 n = 0; n < 20 && error == -ENOMEM; n++) {
        vaddr_t va = map_new(2 * LARGE_SIZE, PROT_RW);
        struct aspace_stats stats;

        stamp_pages(va, va + 2 * LARGE_SIZE, 12);
        stats = stats_now();
        kmalloc_fail_after(n);
        error = operation(va);
        kmalloc_fail_after((u64)-1);
        if (error != 0) {
            EQ(error, -ENOMEM);
            OK(pages_stamped(va, va + 2 * LARGE_SIZE, 12));
            EQ(stats_now().regions, stats.regions);
            EQ(stats_now().resident_4k, stats.resident_4k);
            EQ(aspace_protect(va, 2 * LARGE_SIZE, PROT_RW), 0);
        }
        EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
        OK(n > 0 || error != 0);
    }
    EQ(error, 0);
    OK(memory_back(&before, 4));
}

GUEST_TEST(aspace_no_objects)
{
    fail_each_object(some_map);
    fail_each_object(some_fixed);
    fail_each_object(some_unmap);
    fail_each_object(some_protect);
    fail_each_object(some_discard);
    fail_each_object(some_advice);
}

/* Frames taken away, in a list through their first words. */
struct taken {
    struct taken *next;
    unsigned order;
    bool holed; /* its odd frames are free again */
};

static struct taken *take_frames_from(unsigned least_order)
{
    struct taken *list = NULL;

    for (unsigned order = FRAME_ORDERS; order-- > least_order;) {
        pfn_t pfn;

        while (frame_alloc(order, 0, &pfn) == 0) {
            struct taken *block = pfn_to_virt(pfn);

            *block = (struct taken){list, order, false};
            list = block;
        }
    }
    return list;
}

/* Frees every other frame of a block: no two of them make a larger one. */
static void punch_holes(struct taken *block)
{
    pfn_t pfn = virt_to_phys(block) >> PAGE_SHIFT;

    block->holed = true;
    for (u64 i = 1; i < 1ull << block->order; i += 2) {
        frame_free(pfn + i, 0);
    }
}

static void give_frames_back(struct taken *list)
{
    while (list != NULL) {
        struct taken block = *list;
        pfn_t pfn = virt_to_phys(list) >> PAGE_SHIFT;

        for (u64 i = 0; block.holed && i < 1ull << block.order; i += 2) {
            frame_free(pfn + i, 0);
        }
        if (!block.holed) {
            frame_free(pfn, block.order);
        }
        list = block.next;
    }
}

/* Without a single frame: faults say so, operations fail whole or succeed whole. */
GUEST_TEST(aspace_no_frames)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(4 * LARGE_SIZE, PROT_RW);
    struct taken *list;
    int errors[6];

    stamp_pages(va, va + 2 * LARGE_SIZE, 13);
    list = take_frames_from(0);
    errors[0] = aspace_fault(va + 3 * LARGE_SIZE, FAULT_WRITE);
    errors[1] = aspace_populate(va + 3 * LARGE_SIZE, LARGE_SIZE);
    errors[2] = aspace_unmap(va + PAGE_SIZE, PAGE_SIZE); /* needs a table to split */
    errors[3] = aspace_protect(va + PAGE_SIZE, PAGE_SIZE, PROT_READ);
    errors[4] = aspace_protect(va, LARGE_SIZE, PROT_READ); /* needs none */
    errors[5] = aspace_unmap(va + LARGE_SIZE, 3 * LARGE_SIZE);
    give_frames_back(list);
    EQ(errors[0], -ENOMEM);
    EQ(errors[1], -ENOMEM);
    EQ(errors[2], -ENOMEM);
    EQ(errors[3], -ENOMEM);
    EQ(errors[4], 0);
    EQ(errors[5], 0);
    OK(pages_stamped(va, va + LARGE_SIZE, 13));
    EQ(backed_by(va), 2);
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/* Only small frames are left: 4 KiB pages do it. */
GUEST_TEST(aspace_no_large_frames)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    struct taken *list = take_frames_from(ORDER_2M);
    unsigned punched = 0;
    unsigned level;

    for (struct taken *block = list; block != NULL && punched < 3; block = block->next) {
        punch_holes(block);
        punched++;
    }
    stamp_pages(va, va + LARGE_SIZE, 14);
    level = backed_by(va);
    OK(pages_stamped(va, va + LARGE_SIZE, 14));
    EQ(aspace_promote(va), -ENOMEM);
    give_frames_back(list);
    EQ(level, 1);
    EQ(aspace_promote(va), 0);
    OK(pages_stamped(va, va + LARGE_SIZE, 14));
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
}
