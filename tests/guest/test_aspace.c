/* SPDX-License-Identifier: MIT */
/*
 * Operations on the address space.  Every test leaves as many frames,
 * regions and kernel objects behind as it found.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/start.h>
#include <kernel/tlb.h>

GUEST_TEST(aspace_zero_filled_large)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(8 * MIB, PROT_RW);

    if (va == 0) {
        return;
    }
    OK(IS_ALIGNED(va, LARGE_SIZE));
    EQ(backed_by(va), 0);
    OK(memory_is_zero(va, va + 8 * MIB));
    for (unsigned i = 0; i < 4; i++) {
        EQ(backed_by(va + i * LARGE_SIZE), 2);
    }
    EQ(stats_now().resident_2m, before.stats.resident_2m + 4);
    EQ(stats_now().bytes_mapped, before.stats.bytes_mapped + 8 * MIB);
    stamp_pages(va, va + 8 * MIB, 7);
    OK(pages_stamped(va, va + 8 * MIB, 7));
    EQ(aspace_unmap(va, 8 * MIB), 0);
    EQ(backed_by(va), 0);
    OK(memory_back(&before, 2));
}

/* Windows that are not wholly in the region get 4 KiB pages. */
GUEST_TEST(aspace_edges_are_small)
{
    struct memory_state before = memory_state_now();
    vaddr_t base = map_new(8 * MIB, 0);
    vaddr_t start = base + LARGE_SIZE - 3 * PAGE_SIZE, end = base + 2 * LARGE_SIZE + 3 * PAGE_SIZE;

    EQ(aspace_protect(start, end - start, PROT_RW), 0);
    stamp_pages(start, end, 1);
    EQ(backed_by(start), 1);
    EQ(backed_by(base + LARGE_SIZE), 2);
    EQ(backed_by(end - PAGE_SIZE), 1);
    EQ(backed_by(start - PAGE_SIZE), 0);
    EQ(backed_by(end), 0);
    OK(pages_stamped(start, end, 1));
    EQ(aspace_unmap(base, 8 * MIB), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_partial_unmap)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(3 * LARGE_SIZE, PROT_RW);
    vaddr_t hole = va + LARGE_SIZE - 2 * PAGE_SIZE, end = va + 2 * LARGE_SIZE + 5 * PAGE_SIZE;
    u64 free;

    stamp_pages(va, va + 3 * LARGE_SIZE, 2);
    free = memory_free_frames();
    EQ(aspace_unmap(hole, end - hole), 0);
    EQ(backed_by(va), 1);
    EQ(backed_by(hole), 0);
    EQ(backed_by(va + LARGE_SIZE), 0);
    EQ(backed_by(end - PAGE_SIZE), 0);
    EQ(backed_by(end), 1);
    OK(pages_stamped(va, hole, 2));
    OK(pages_stamped(end, va + 3 * LARGE_SIZE, 2));
    EQ(memory_free_frames(), free + 512 + 7 - 2); /* less two tables */
    EQ(stats_now().demotions, before.stats.demotions + 2);
    EQ(aspace_unmap(va, 3 * LARGE_SIZE), 0); /* with a hole in it */
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_partial_protect)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(2 * LARGE_SIZE, PROT_RW);
    unsigned level;

    stamp_pages(va, va + 2 * LARGE_SIZE, 3);
    EQ(aspace_protect(va + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EQ(backed_by(va), 1);
    EQ(backed_by(va + LARGE_SIZE), 2);
    OK(pages_stamped(va, va + 2 * LARGE_SIZE, 3));
    OK((pte_load(pt_lookup(va, &level)) & PTE_WRITE) != 0);
    EQ(pte_load(pt_lookup(va + PAGE_SIZE, &level)) & PTE_WRITE, 0);
    OK((pte_load(pt_lookup(va + 2 * PAGE_SIZE, &level)) & PTE_WRITE) != 0);
    EQ(stats_now().regions, before.stats.regions + 3);
    EQ(aspace_protect(va, 2 * LARGE_SIZE, PROT_READ), 0);
    EQ(backed_by(va + LARGE_SIZE), 2); /* whole: no need to split */
    EQ(stats_now().regions, before.stats.regions + 1);
    EQ(pte_load(pt_lookup(va + LARGE_SIZE, &level)) & PTE_WRITE, 0);
    EQ(aspace_fault(va, FAULT_PRESENT | FAULT_WRITE), -EFAULT);
    EQ(aspace_protect(va, 2 * LARGE_SIZE, PROT_RW), 0);
    stamp_pages(va, va + 2 * LARGE_SIZE, 4);
    OK(pages_stamped(va, va + 2 * LARGE_SIZE, 4));
    EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_partial_discard)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(2 * LARGE_SIZE, PROT_RW);
    vaddr_t start = va + 3 * PAGE_SIZE, end = start + 10 * PAGE_SIZE;

    stamp_pages(va, va + 2 * LARGE_SIZE, 5);
    EQ(aspace_discard(start, end - start), 0);
    EQ(backed_by(start), 0);
    OK(pages_stamped(va, start, 5));
    OK(pages_stamped(end, va + 2 * LARGE_SIZE, 5));
    OK(memory_is_zero(start, end));
    EQ(aspace_discard(va, 2 * LARGE_SIZE), 0);
    EQ(backed_by(va), 0);
    EQ(backed_by(va + LARGE_SIZE), 0);
    OK(memory_is_zero(va, va + 2 * LARGE_SIZE));
    EQ(backed_by(va), 2);
    EQ(stats_now().regions, before.stats.regions + 1);
    EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
    OK(memory_back(&before, 2));
}

/* What PROT_NONE hides comes back with its contents. */
GUEST_TEST(aspace_hidden_contents)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(2 * LARGE_SIZE + 5 * PAGE_SIZE, PROT_RW);
    u64 size = 2 * LARGE_SIZE + 5 * PAGE_SIZE;

    stamp_pages(va, va + size, 6);
    EQ(aspace_protect(va, size, 0), 0);
    EQ(aspace_fault(va, 0), -EFAULT);
    EQ(aspace_fault(va + size - PAGE_SIZE, 0), -EFAULT);
    EQ(aspace_protect(va + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0); /* splits a hidden page */
    OK(pages_stamped(va + PAGE_SIZE, va + 2 * PAGE_SIZE, 6));
    EQ(aspace_fault(va, 0), -EFAULT);
    EQ(aspace_protect(va, size, PROT_READ), 0);
    OK(pages_stamped(va, va + size, 6));
    EQ(aspace_protect(va, size, 0), 0);
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_fixed)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(4 * LARGE_SIZE, PROT_RW), addr = 0;

    stamp_pages(va, va + 4 * LARGE_SIZE, 8);
    EQ(aspace_map(va + LARGE_SIZE, LARGE_SIZE, PROT_READ, MAP_PLACE_NOREPLACE, &addr), -EEXIST);
    EQ(aspace_map(va + LARGE_SIZE, LARGE_SIZE, PROT_READ, MAP_PLACE_HINT, &addr), 0);
    OK(addr != va + LARGE_SIZE);
    EQ(aspace_unmap(addr, LARGE_SIZE), 0);
    EQ(aspace_map(va + LARGE_SIZE + PAGE_SIZE, LARGE_SIZE, PROT_READ, MAP_PLACE_FIXED, &addr), 0);
    EQ(addr, va + LARGE_SIZE + PAGE_SIZE);
    OK(pages_stamped(va, addr, 8));
    OK(memory_is_zero(addr, addr + LARGE_SIZE));
    OK(pages_stamped(addr + LARGE_SIZE, va + 4 * LARGE_SIZE, 8));
    EQ(aspace_fault(addr, FAULT_PRESENT | FAULT_WRITE), -EFAULT);
    EQ(aspace_unmap(va + 2 * LARGE_SIZE, 2 * LARGE_SIZE), 0);
    EQ(aspace_map(va + 2 * LARGE_SIZE, LARGE_SIZE, PROT_RW, MAP_PLACE_NOREPLACE, &addr), 0);
    /* Over a mapping, a hole and another mapping. */
    EQ(aspace_map(va, 4 * LARGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &addr), 0);
    EQ(stats_now().regions, before.stats.regions + 1);
    OK(memory_is_zero(va, va + 4 * LARGE_SIZE));
    EQ(aspace_unmap(va, 4 * LARGE_SIZE), 0);
    OK(memory_back(&before, 2));
}

static bool is_kept_free(vaddr_t start, vaddr_t end)
{
    return (start < 32 * GIB && end > 2 * GIB) || (start < 20 * TIB && end > 4 * TIB);
}

GUEST_TEST(aspace_placement)
{
    static vaddr_t va[20];
    struct memory_state before = memory_state_now();
    vaddr_t hinted;

    for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
        u64 size = PAGE_SIZE << i;

        va[i] = map_new(size, PROT_RW);
        OK(!is_kept_free(va[i], va[i] + size));
        OK(!aspace_range_is_kernel(va[i], va[i] + size));
        OK(size < LARGE_SIZE || IS_ALIGNED(va[i], LARGE_SIZE));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
        EQ(aspace_unmap(va[i], PAGE_SIZE << i), 0);
    }
    EQ(aspace_map(4 * GIB + 5, LARGE_SIZE, PROT_RW, MAP_PLACE_HINT, &hinted), 0);
    EQ(hinted, 4 * GIB);
    stamp_pages(hinted, hinted + LARGE_SIZE, 1);
    OK(pages_stamped(hinted, hinted + LARGE_SIZE, 1));
    EQ(aspace_unmap(hinted, LARGE_SIZE), 0);
    EQ(aspace_map(8 * TIB, GIB, PROT_RW, MAP_PLACE_HINT, &hinted), 0);
    EQ(hinted, 8 * TIB);
    EQ(aspace_unmap(hinted, GIB), 0);
    OK(memory_back(&before, 2));
}

/* Between a mapping with a guard and the next one there is a page. */
GUEST_TEST(aspace_stack_guard)
{
    struct memory_state before = memory_state_now();
    vaddr_t stack = 0, below;

    EQ(aspace_map(0, 64 * KIB, PROT_RW, MAP_STACK_GUARD, &stack), 0);
    EQ(aspace_map(0, 64 * KIB, PROT_RW, 0, &below), 0);
    OK(below + 64 * KIB < stack || below >= stack + 64 * KIB);
    *word_at(stack) = 1;
    EQ(aspace_fault(stack - 1, FAULT_WRITE), -EFAULT);
    EQ(aspace_unmap(stack, 64 * KIB), 0);
    EQ(aspace_unmap(below, 64 * KIB), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_bad_arguments)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW), addr;
    const struct {
        vaddr_t start;
        u64 size;
    } bad[] = {
        {va + 1, PAGE_SIZE},
        {va, PAGE_SIZE + 1},
        {va, 0},
        {0, PAGE_SIZE},
        {ASPACE_MIN - PAGE_SIZE, 2 * PAGE_SIZE},
        {VADDR_END - PAGE_SIZE, 2 * PAGE_SIZE},
        {VADDR_END, PAGE_SIZE},
        {~0ull - PAGE_SIZE + 1, PAGE_SIZE},
        {va, ~0ull - PAGE_SIZE + 1},
        {(vaddr_t)kernel_data_start, PAGE_SIZE},
        {(vaddr_t)kernel_text_start - PAGE_SIZE, 2 * PAGE_SIZE},
        {direct_map_base, LARGE_SIZE},
        {(vaddr_t)__builtin_frame_address(0) & ~(PAGE_SIZE - 1), PAGE_SIZE},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        EQ(aspace_unmap(bad[i].start, bad[i].size), -EINVAL);
        EQ(aspace_protect(bad[i].start, bad[i].size, PROT_READ), -EINVAL);
        EQ(aspace_discard(bad[i].start, bad[i].size), -EINVAL);
        EQ(aspace_advise_pages(bad[i].start, bad[i].size, PAGES_LARGE), -EINVAL);
        EQ(aspace_populate(bad[i].start, bad[i].size), -EINVAL);
        EQ(aspace_map(bad[i].start, bad[i].size, PROT_RW, MAP_PLACE_FIXED, &addr), -EINVAL);
    }
    EQ(aspace_map(0, PAGE_SIZE, 8, 0, &addr), -EINVAL);
    EQ(aspace_map(0, PAGE_SIZE, PROT_RW, 8, &addr), -EINVAL);
    EQ(aspace_map(va, PAGE_SIZE, PROT_RW, MAP_PLACE_MASK, &addr), -EINVAL);
    EQ(aspace_map(0, 0, PROT_RW, 0, &addr), -EINVAL);
    EQ(aspace_map(0, PAGE_SIZE / 2, PROT_RW, 0, &addr), -EINVAL);
    EQ(aspace_map(0, VADDR_END, PROT_RW, 0, &addr), -ENOMEM);
    EQ(aspace_map(direct_map_base, PAGE_SIZE, PROT_RW, MAP_PLACE_NOREPLACE, &addr), -EEXIST);
    EQ(aspace_protect(va, PAGE_SIZE, 8), -EINVAL);
    EQ(aspace_promote(va + PAGE_SIZE), -EINVAL);

    /* Holes. */
    EQ(aspace_unmap(va + LARGE_SIZE / 2, PAGE_SIZE), 0);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ), -ENOMEM);
    EQ(aspace_discard(va, LARGE_SIZE), -ENOMEM);
    EQ(aspace_advise_pages(va, LARGE_SIZE, PAGES_SMALL), -ENOMEM);
    EQ(aspace_populate(va, LARGE_SIZE), -ENOMEM);
    EQ(aspace_promote(va), -EINVAL);
    EQ(stats_now().regions, before.stats.regions + 2);
    *word_at(va) = 1; /* still writable */
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    EQ(aspace_unmap(va, LARGE_SIZE), 0); /* nothing there: no error */
    OK(memory_back(&before, 2));
}

/* A huge reservation costs a node and nothing else. */
GUEST_TEST(aspace_reservation)
{
    struct memory_state before = memory_state_now();
    u64 free = memory_free_frames();
    vaddr_t va = map_new(10 * TIB, 0);

    EQ(aspace_fault(va + 5 * TIB, 0), -EFAULT);
    OK(memory_free_frames() + 1 >= free); /* the node may need a slab */
    EQ(stats_now().bytes_mapped, before.stats.bytes_mapped + 10 * TIB);
    /* Some of it is committed, used and given back. */
    EQ(aspace_protect(va + 5 * TIB, 4 * MIB, PROT_RW), 0);
    stamp_pages(va + 5 * TIB, va + 5 * TIB + 4 * MIB, 1);
    OK(pages_stamped(va + 5 * TIB, va + 5 * TIB + 4 * MIB, 1));
    EQ(aspace_map(va + 5 * TIB, 4 * MIB, 0, MAP_PLACE_FIXED, &va), 0);
    va -= 5 * TIB;
    EQ(stats_now().regions, before.stats.regions + 1);
    EQ(aspace_unmap(va, 10 * TIB), 0);
    OK(memory_back(&before, 4));
}

GUEST_TEST(aspace_advice)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(2 * LARGE_SIZE, PROT_RW);

    EQ(aspace_advise_pages(va, LARGE_SIZE, PAGES_SMALL), 0);
    stamp_pages(va, va + 2 * LARGE_SIZE, 9);
    EQ(backed_by(va), 1);
    EQ(backed_by(va + LARGE_SIZE), 2);
    EQ(aspace_advise_pages(va, 2 * LARGE_SIZE, PAGES_LARGE), 0);
    EQ(backed_by(va), 2); /* promoted */
    OK(pages_stamped(va, va + 2 * LARGE_SIZE, 9));
    EQ(aspace_advise_pages(va, 2 * LARGE_SIZE, PAGES_DEFAULT), 0);
    EQ(stats_now().promotions, before.stats.promotions + 1);
    EQ(aspace_unmap(va, 2 * LARGE_SIZE), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_promote)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    unsigned level;

    EQ(aspace_promote(va), -EINVAL); /* nothing there */
    EQ(aspace_advise_pages(va, LARGE_SIZE, PAGES_SMALL), 0);
    stamp_pages(va, va + LARGE_SIZE, 10);
    EQ(aspace_discard(va + LARGE_SIZE - PAGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_promote(va), -EINVAL); /* a page is missing */
    stamp_pages(va + LARGE_SIZE - PAGE_SIZE, va + LARGE_SIZE, 10);
    EQ(backed_by(va), 1);
    EQ(aspace_promote(va), 0);
    EQ(backed_by(va), 2);
    OK((pte_load(pt_lookup(va, &level)) & PTE_DIRTY) != 0);
    EQ(aspace_promote(va), 0);
    OK(pages_stamped(va, va + LARGE_SIZE, 10));
    EQ(aspace_protect(va, PAGE_SIZE, PROT_READ), 0);
    EQ(aspace_promote(va), -EINVAL); /* two regions */
    EQ(aspace_protect(va, PAGE_SIZE, PROT_RW), 0);
    EQ(aspace_promote(va), 0);
    OK(pages_stamped(va, va + LARGE_SIZE, 10));
    EQ(aspace_protect(va, LARGE_SIZE / 2, 0), 0);
    EQ(aspace_protect(va + LARGE_SIZE / 2, LARGE_SIZE / 2, 0), 0);
    EQ(aspace_promote(va), 0); /* also what is hidden */
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ), 0);
    OK(pages_stamped(va, va + LARGE_SIZE, 10));
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    OK(memory_back(&before, 2));
}

GUEST_TEST(aspace_populate)
{
    struct memory_state before = memory_state_now();
    u64 size = 5 * LARGE_SIZE + 3 * PAGE_SIZE;
    vaddr_t va = map_new(size, PROT_RW);
    u64 faults;

    stamp_pages(va + LARGE_SIZE, va + LARGE_SIZE + PAGE_SIZE, 11);
    EQ(aspace_populate(va, size), 0);
    OK(pages_stamped(va + LARGE_SIZE, va + LARGE_SIZE + PAGE_SIZE, 11));
    faults = stats_now().faults;
    for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
        *word_at(at) = 1;
    }
    EQ(stats_now().faults, faults);
    EQ(stats_now().resident_2m, before.stats.resident_2m + 5);
    EQ(stats_now().resident_4k, before.stats.resident_4k + 3);
    EQ(aspace_populate(va, size), 0);
    EQ(stats_now().resident_2m, before.stats.resident_2m + 5);
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 2));
}

/* One operation, one shoot-down, however much it touches. */
GUEST_TEST(aspace_one_shootdown)
{
    struct memory_state before = memory_state_now();
    u64 size = memory_free_frames() > 64 * MIB / PAGE_SIZE ? 32 * MIB : 4 * MIB;
    vaddr_t va = map_new(size + PAGE_SIZE, PROT_RW);
    struct tlb_stats first, second;

    EQ(aspace_advise_pages(va, size / 2, PAGES_SMALL), 0);
    EQ(aspace_populate(va, size + PAGE_SIZE), 0);
    tlb_get_stats(&first);
    EQ(aspace_protect(va, size + PAGE_SIZE, PROT_READ), 0);
    tlb_get_stats(&second);
    EQ(second.batches, first.batches + 1);
    EQ(aspace_protect(va, size + PAGE_SIZE, PROT_RW), 0); /* allows more: none at all */
    tlb_get_stats(&first);
    EQ(second.batches, first.batches);
    EQ(aspace_unmap(va, size + PAGE_SIZE), 0);
    tlb_get_stats(&second);
    EQ(second.batches, first.batches + 1);
    OK(second.ipis - first.ipis < cpu_count());
    OK(memory_back(&before, 2));
}

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
    struct thread *thread;

    intruder.va = va;
    intruder.stop = false;
    intruder.tries = intruder.intruded = 0;
    thread = kernel_thread_on(cpu_count() - 1, intrude, NULL);
    for (unsigned i = 0; i < 200 || (atomic_load(&intruder.tries) < 100 && i < 20000); i++) {
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
