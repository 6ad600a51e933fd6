/* SPDX-License-Identifier: MIT */
/*
 * Operations on the address space.  Every test leaves as many frames,
 * regions and kernel objects behind as it found.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/start.h>
#include <kernel/string.h>
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
}

GUEST_TEST(aspace_partial_unmap)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(3 * LARGE_SIZE, PROT_RW);
    vaddr_t hole = va + LARGE_SIZE - 2 * PAGE_SIZE, end = va + 2 * LARGE_SIZE + 5 * PAGE_SIZE;
    u64 free;

    stamp_pages(va, va + 3 * LARGE_SIZE, 2);
    free = memory_settled_frames();
    EQ(aspace_unmap(hole, end - hole), 0);
    EQ(backed_by(va), 1);
    EQ(backed_by(hole), 0);
    EQ(backed_by(va + LARGE_SIZE), 0);
    EQ(backed_by(end - PAGE_SIZE), 0);
    EQ(backed_by(end), 1);
    OK(pages_stamped(va, hole, 2));
    OK(pages_stamped(end, va + 3 * LARGE_SIZE, 2));
    EQ(memory_settled_frames(), free + 512 + 7 - 2); /* less two tables */
    EQ(stats_now().demotions, before.stats.demotions + 2);
    EQ(aspace_unmap(va, 3 * LARGE_SIZE), 0); /* with a hole in it */
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
}

/* Pages that nobody may touch are made, and not touched. */
GUEST_TEST(aspace_populates_hidden)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(5 * LARGE_SIZE, 0);

    EQ(aspace_populate(va, 5 * LARGE_SIZE), 0);
    EQ(backed_by(va + 4 * LARGE_SIZE), 2);
    EQ(aspace_fault(va, 0), -EFAULT);
    EQ(aspace_protect(va, 5 * LARGE_SIZE, PROT_RW), 0);
    stamp_pages(va, va + 5 * LARGE_SIZE, 6);
    EQ(aspace_unmap(va, 5 * LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    EQ(aspace_map(0, PAGE_SIZE, PROT_RW, 16, &addr), -EINVAL);
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
    OK(memory_back(&before, 4));
}

/* A huge reservation costs a node and nothing else. */
GUEST_TEST(aspace_reservation)
{
    struct memory_state before = memory_state_now();
    u64 free = memory_settled_frames();
    vaddr_t va = map_new(10 * TIB, 0);

    EQ(aspace_fault(va + 5 * TIB, 0), -EFAULT);
    OK(memory_settled_frames() + 1 >= free); /* the node may need a slab */
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
    OK(memory_back(&before, 4));
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
    EQ(aspace_promote(va), -EINVAL); /* small ones only, says the advice */
    EQ(aspace_advise_pages(va, LARGE_SIZE, PAGES_DEFAULT), 0);
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
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
    OK(memory_back(&before, 4));
}

#define CROSSING_TIME (300 * NSEC_PER_MSEC)

static _Atomic u64 crossings;

/* The sender's batch, from the moment that its call has returned. */
static void poison(struct tlb_batch *batch)
{
    batch->all = false;
    batch->ranges = TLB_BATCH_RANGES;
    for (unsigned i = 0; i < TLB_BATCH_RANGES; i++) {
        batch->range[i].end = ~0ull; /* step 0: a reader would never end */
        batch->range[i].start = batch->range[i].step = 0;
    }
}

static void flush_pages(void *number)
{
    static struct tlb_batch batches[MAX_CPUS]; /* too large for the stack */
    struct tlb_batch *batch = &batches[(u64)number];
    nsec_t end = clock_now() + CROSSING_TIME;

    while (clock_now() < end) {
        tlb_batch_init(batch);
        tlb_batch_add(batch, 50 * TIB, 2 * PAGE_SIZE, PAGE_SIZE);
        tlb_batch_finish(batch);
        poison(batch);
        atomic_fetch_add(&crossings, 1);
    }
}

/* Requests that cross: who waits for its turn answers the others', each once. */
GUEST_TEST(aspace_shootdowns_cross)
{
    struct tlb_stats first, second;

    crossings = 0;
    tlb_get_stats(&first);
    run_on_all_cpus(flush_pages);
    tlb_get_stats(&second);
    OK(second.batches - first.batches >= crossings);
}
