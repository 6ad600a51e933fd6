/* SPDX-License-Identifier: MIT */
/*
 * What the hooks on page sizes ask of the address space: promotion of ranges, memory that
 * is required to be large, and frames that need not be zeroed.
 */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/string.h>

static bool memory_is_small(void)
{
    bool small = memory_free_frames() * PAGE_SIZE < 64 * MIB;

    if (small) {
        guest_skip("less than 64 MiB are free");
    }
    return small;
}

/* Some windows may be promoted, and some may not; those that may are, each once. */
GUEST_TEST(large_promote_range)
{
    struct memory_state before = memory_state_now();
    u64 size = 20 * LARGE_SIZE, made;
    vaddr_t va;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, PROT_RW);
    EQ(aspace_promote_range(va, va + size, &made), 0);
    EQ(made, 0);
    EQ(aspace_advise_pages(va, size, PAGES_SMALL), 0);
    EQ(aspace_populate(va, size), 0);
    stamp_pages(va, va + size, 21);
    EQ(aspace_promote_range(va, va + size, &made), 0);
    EQ(made, 0);
    EQ(aspace_set_pages(va, size, PAGES_DEFAULT), 0);
    EQ(aspace_protect(va + 3 * LARGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EQ(aspace_discard(va + 9 * LARGE_SIZE, LARGE_SIZE), 0);
    EQ(aspace_discard(va + 10 * LARGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_promote_range(va + PAGE_SIZE, va + size - PAGE_SIZE, &made), 0);
    EQ(made, 16); /* not the first and the last, that of two regions, and the empty one */
    EQ(stats_now().promotions, before.stats.promotions + 16);
    EQ(backed_by(va), 1);
    EQ(backed_by(va + LARGE_SIZE), 2);
    EQ(backed_by(va + 3 * LARGE_SIZE), 1);
    EQ(backed_by(va + 9 * LARGE_SIZE), 0);
    OK(pages_stamped(va, va + 9 * LARGE_SIZE, 21));
    OK(memory_is_zero(va + 10 * LARGE_SIZE, va + 10 * LARGE_SIZE + PAGE_SIZE));
    OK(pages_stamped(va + 10 * LARGE_SIZE + PAGE_SIZE, va + size, 21));
    aspace_check();
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

static pfn_t frame_at(vaddr_t va)
{
    struct aspace_page page;

    EQ(aspace_query(va, &page), 0);
    return page.frame;
}

/* What was split and is still as it was needs no copy; what has lost a page does. */
GUEST_TEST(large_promote_in_place)
{
    struct memory_state before = memory_state_now();
    u64 size = 3 * LARGE_SIZE, made;
    vaddr_t va;
    pfn_t first, second;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, PROT_RW);
    EQ(aspace_require_large(va, size), 0);
    stamp_pages(va, va + size, 23);
    first = frame_at(va);
    second = frame_at(va + LARGE_SIZE);
    EQ(aspace_demote(va), 1);
    EQ(aspace_demote(va + LARGE_SIZE), 1);
    EQ(aspace_discard(va + LARGE_SIZE + 9 * PAGE_SIZE, PAGE_SIZE), 0);
    EQ(aspace_promote_range(va, va + size, &made), 0);
    EQ(made, 2);
    EQ(backed_by(va), 2);
    EQ(frame_at(va), first);
    EQ(backed_by(va + LARGE_SIZE), 2);
    OK(frame_at(va + LARGE_SIZE) != second);
    OK(pages_stamped(va, va + LARGE_SIZE + 9 * PAGE_SIZE, 23));
    OK(memory_is_zero(va + LARGE_SIZE + 9 * PAGE_SIZE, va + LARGE_SIZE + 10 * PAGE_SIZE));
    OK(pages_stamped(va + LARGE_SIZE + 10 * PAGE_SIZE, va + size, 23));
    aspace_check();
    EQ(aspace_demote(va), 1);
    EQ(aspace_promote(va), 0);
    EQ(aspace_discard_own(va, size), 0); /* as one block */
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

GUEST_TEST(large_require)
{
    struct memory_state before = memory_state_now();
    u64 size = 6 * LARGE_SIZE;
    vaddr_t va;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, 0);
    EQ(aspace_require_large(va + PAGE_SIZE, LARGE_SIZE), -EINVAL);
    EQ(aspace_advise_pages(va, LARGE_SIZE, PAGES_SMALL), 0);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_RW), 0);
    stamp_pages(va, va + 3 * PAGE_SIZE, 22);
    EQ(aspace_require_large(va, size), 0);
    EQ(stats_now().resident_2m, before.stats.resident_2m + 6);
    EQ(stats_now().resident_4k, before.stats.resident_4k);
    OK(pages_stamped(va, va + 3 * PAGE_SIZE, 22));
    EQ(aspace_protect(va + LARGE_SIZE, LARGE_SIZE / 2, PROT_RW), 0);
    EQ(aspace_require_large(va, size), -EINVAL); /* a window of two regions */
    EQ(aspace_unmap(va + 5 * LARGE_SIZE, LARGE_SIZE), 0);
    EQ(aspace_require_large(va, size), -ENOMEM); /* a hole */
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

/*
 * Frames that had something else before, and are dirty, are in the allocator; what need
 * not be zeroed must not be one of them.
 */
GUEST_TEST(large_unzeroed)
{
    struct memory_state before = memory_state_now();
    u64 size = 4 * LARGE_SIZE, same = 0;
    vaddr_t va, other;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, PROT_RW);
    other = map_new(size, PROT_RW);
    EQ(aspace_populate(va, size), 0);
    EQ(aspace_populate(other, size), 0);
    memset((void *)va, 0x11, size);
    memset((void *)other, 0x22, size);
    EQ(aspace_discard(other, size), 0);
    EQ(aspace_discard_own(va, 2 * LARGE_SIZE), 0);
    EQ(aspace_populate_unzeroed(other, size), 0);
    for (u64 i = 0; i < size; i++) {
        u8 byte = ((const u8 *)other)[i];

        same += byte == 0x11;
        if (byte != 0 && byte != 0x11) {
            OK(false);
            break;
        }
    }
    EQ(same, 2 * LARGE_SIZE);
    EQ(aspace_discard_own(other, size), 0);
    EQ(aspace_populate(other, size), 0); /* the same frames, perhaps, but zeroed */
    OK(memory_is_zero(other, other + size));
    EQ(aspace_unmap(va, size), 0);
    EQ(aspace_unmap(other, size), 0);
    OK(memory_back(&before, 4));
}

/* Nothing is lost that is kept apart: all of memory can be had. */
GUEST_TEST(large_own_frames_are_free)
{
    struct memory_state before = memory_state_now();
    u64 size = 16 * LARGE_SIZE, count = 0;
    struct frame_stats stats;
    vaddr_t va;
    pfn_t first = 0, pfn;

    if (memory_is_small()) {
        return;
    }
    va = map_new(size, PROT_RW);
    EQ(aspace_populate(va, size), 0);
    EQ(aspace_discard_own(va, size), 0);
    EQ(aspace_unmap(va, size), 0);
    frame_get_stats(&stats);
    OK(stats.free + 4 >= before.free);
    while (frame_alloc(ORDER_2M, 0, &pfn) == 0) { /* each links to the one before */
        *(pfn_t *)pfn_to_virt(pfn) = first;
        first = pfn;
        count++;
    }
    OK(!frame_take_own(&pfn));
    for (; first != 0; first = pfn) {
        pfn = *(pfn_t *)pfn_to_virt(first);
        frame_free(first, ORDER_2M);
    }
    OK(count * 512 + 2048 >= before.free / 2);
    OK(memory_back(&before, 4));
}
