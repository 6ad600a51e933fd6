/* SPDX-License-Identifier: MIT */
/* The page table's entries on the machine. */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/image_place.h>
#include <kernel/start.h>
#include <kernel/tlb.h>

static const void *text(void)
{
    return (const void *)text;
}

GUEST_TEST(pagetable_bits)
{
    EQ(pte_from_prot(PROT_READ), PTE_PRESENT | PTE_USER | PTE_NX);
    EQ(pte_from_prot(PROT_RW), PTE_PRESENT | PTE_USER | PTE_NX | PTE_WRITE);
    EQ(pte_from_prot(PROT_READ | PROT_EXEC), PTE_PRESENT | PTE_USER);
    EQ(pte_from_prot(0) & PTE_PRESENT, 0);
    OK(pte_from_prot(0) != 0);
    EQ(pte_with_bits(0x7000 | PTE_DIRTY | pte_from_prot(PROT_RW), pte_from_prot(PROT_READ)),
       0x7000 | PTE_DIRTY | pte_from_prot(PROT_READ));
}

/* The kernel's own: text is not writable, data not executable, all is U. */
GUEST_TEST(pagetable_kernel_mappings)
{
    static u64 data;
    unsigned level;
    u64 pte = pte_load(pt_lookup((vaddr_t)text(), &level));

    EQ(level, 2);
    EQ(pte & (PTE_WRITE | PTE_NX | PTE_USER | PTE_PRESENT), PTE_USER | PTE_PRESENT);
    pte = pte_load(pt_lookup((vaddr_t)&data, &level));
    EQ(level, 2);
    EQ(pte & (PTE_WRITE | PTE_NX | PTE_USER), PTE_WRITE | PTE_NX | PTE_USER);
    pte = pte_load(pt_lookup((vaddr_t)phys_to_virt(image_to_phys(&data)), &level));
    OK(level == 2 || level == 3);
    EQ(pte & (PTE_WRITE | PTE_NX | PTE_USER), PTE_WRITE | PTE_NX | PTE_USER);
    pte = pte_load(pt_lookup((vaddr_t)phys_to_virt(image_to_phys((const void *)text())), &level));
    EQ(pte & (PTE_WRITE | PTE_NX | PTE_USER), PTE_NX | PTE_USER);
    EQ(pte_load(pt_lookup(0, &level)), 0);
    EQ(pte_load(pt_lookup(VADDR_END - PAGE_SIZE, &level)), 0);
}

GUEST_TEST(pagetable_window_locks)
{
    vaddr_t group = 40 * TIB;

    OK(pt_window_lock(group) == pt_window_lock(group + PT_GROUP_SIZE - 1));
    OK(pt_window_lock(group) != pt_window_lock(group + PT_GROUP_SIZE));
}

/* Takes what pt_map_range() mapped out again. */
static void clear_entries(vaddr_t start, vaddr_t end)
{
    while (start < end) {
        unsigned level;
        u64 *entry = pt_lookup(start, &level);

        pte_store(entry, 0);
        start += pt_level_size(level);
    }
    tlb_flush_all_local();
}

/*
 * Small leaves up to the next 2 MiB, a large one, small ones again.  What is
 * mapped is the kernel itself, to be read.
 */
GUEST_TEST(pagetable_map_range)
{
    struct memory_state before = memory_state_now();
    u64 bits = pte_from_prot(PROT_READ);
    vaddr_t va = map_new(8 * MIB, 0);
    vaddr_t at = va + LARGE_SIZE - 2 * PAGE_SIZE;
    paddr_t pa = ALIGN_DOWN(image_to_phys((const void *)text()), LARGE_SIZE);

    EQ(pt_map_range(at, pa - 2 * PAGE_SIZE, LARGE_SIZE + 5 * PAGE_SIZE, bits), 0);
    EQ(backed_by(at - PAGE_SIZE), 0);
    EQ(backed_by(at), 1);
    EQ(backed_by(at + PAGE_SIZE), 1);
    EQ(backed_by(at + 2 * PAGE_SIZE), 2);
    EQ(backed_by(at + LARGE_SIZE + PAGE_SIZE), 2);
    EQ(backed_by(at + LARGE_SIZE + 2 * PAGE_SIZE), 1);
    EQ(backed_by(at + LARGE_SIZE + 4 * PAGE_SIZE), 1);
    EQ(backed_by(at + LARGE_SIZE + 5 * PAGE_SIZE), 0);
    EQ(*word_at(at), *(u64 *)phys_to_virt(pa - 2 * PAGE_SIZE));
    EQ(*word_at(va + LARGE_SIZE + (u64)text() % LARGE_SIZE), *(const u64 *)text());
    clear_entries(at, at + LARGE_SIZE + 5 * PAGE_SIZE);

    /* Not congruent modulo 2 MiB: small leaves only. */
    EQ(pt_map_range(va, pa + PAGE_SIZE, LARGE_SIZE, bits), 0);
    EQ(backed_by(va), 1);
    EQ(*word_at(va), *(u64 *)phys_to_virt(pa + PAGE_SIZE));
    clear_entries(va, va + LARGE_SIZE);
    EQ(aspace_unmap(va, 8 * MIB), 0);
    OK(memory_back(&before, 4));
}

GUEST_TEST(pagetable_demote)
{
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    struct spinlock *lock = pt_window_lock(va);
    unsigned level;
    u64 old, *entry;
    bool irq;

    EQ(aspace_populate(va, LARGE_SIZE), 0);
    if (!EQ(backed_by(va), 2)) {
        return;
    }
    stamp_pages(va, va + LARGE_SIZE, 1);
    entry = pt_lookup(va, &level);
    old = pte_load(entry);
    irq = spin_lock(lock);
    EQ(pt_demote(va + 5 * PAGE_SIZE), 0);
    EQ(pt_demote(va), 0); /* nothing left to be done */
    spin_unlock(lock, irq);
    tlb_flush_all_local();
    OK(pages_stamped(va, va + LARGE_SIZE, 1));
    for (unsigned i = 0; i < 512; i++) {
        u64 pte = pte_load(pt_lookup(va + i * PAGE_SIZE, &level));

        EQ(level, 1);
        EQ(pte, (old & ~PTE_LARGE) + i * PAGE_SIZE);
    }
    /* Back again, as the counters know nothing of it. */
    frame_free((pte_load(entry) & PTE_ADDRESS) >> PAGE_SHIFT, ORDER_4K);
    pte_store(entry, old);
    tlb_flush_all_local();
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
}

GUEST_TEST(pagetable_entry_under_leaf)
{
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    struct spinlock *lock = pt_window_lock(va);
    u64 *entry;
    bool irq;

    EQ(aspace_populate(va, LARGE_SIZE), 0);
    irq = spin_lock(lock);
    EQ(pt_entry(va, 1, &entry), -EEXIST);
    EQ(pt_entry(va, 2, &entry), 0);
    spin_unlock(lock, irq);
    OK(entry == pt_directory_entry(va));
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
}

/* Kernel stacks have an unmapped guard below, and are used again. */
GUEST_TEST(kmap_stacks)
{
    enum { STACKS = 100 };
    static u64 top[STACKS];
    struct memory_state before;

    for (unsigned i = 0; i < STACKS; i++) { /* so that tables and slots are there */
        EQ(kstack_alloc(&top[i]), 0);
    }
    for (unsigned i = 0; i < STACKS; i++) {
        kstack_free(top[i]);
    }
    before = memory_state_now();
    for (unsigned i = 0; i < STACKS; i++) {
        EQ(kstack_alloc(&top[i]), 0);
        OK(IS_ALIGNED(top[i], 2 * KSTACK_SIZE));
        for (vaddr_t va = top[i] - KSTACK_SIZE; va < top[i]; va += sizeof(u64)) {
            *word_at(va) = va;
        }
        for (vaddr_t va = top[i] - KSTACK_SIZE - KSTACK_GUARD; va < top[i] - KSTACK_SIZE;
             va += PAGE_SIZE) {
            EQ(backed_by(va), 0);
        }
        EQ(backed_by(top[i]), 0); /* the next slot's guard */
    }
    for (unsigned i = 0; i < STACKS; i++) {
        for (vaddr_t va = top[i] - KSTACK_SIZE; va < top[i]; va += sizeof(u64)) {
            if (*word_at(va) != va) {
                OK(*word_at(va) == va);
                break;
            }
        }
        kstack_free(top[i]);
    }
    OK(memory_back(&before, 0));
}

/* Free stacks beyond those that are kept lose their pages, many by one shoot-down. */
GUEST_TEST(kmap_stacks_surplus)
{
    enum { MOST = 4096 };
    static u64 top[MOST];
    struct frame_stats frames;
    struct tlb_stats first, second;
    u64 kept, free;
    unsigned count;

    frame_get_stats(&frames);
    kept = frames.total / 64 / (KSTACK_SIZE / PAGE_SIZE);
    count = (unsigned)MIN(MAX(kept, 64) + 200, (u64)MOST);
    for (unsigned i = 0; i < count; i++) {
        EQ(kstack_alloc(&top[i]), 0);
    }
    tlb_get_stats(&first);
    free = memory_free_frames();
    for (unsigned i = 0; i < count; i++) {
        kstack_free(top[i]);
    }
    tlb_get_stats(&second);
    if (count < MOST) {
        OK(second.batches > first.batches);
        OK(memory_free_frames() >= free + 150ul * (KSTACK_SIZE / PAGE_SIZE - 1));
    }
    OK(second.batches - first.batches <= 20);
    for (unsigned i = 0; i < count; i++) { /* and get them again */
        EQ(kstack_alloc(&top[i]), 0);
        *word_at(top[i] - KSTACK_SIZE) = i;
    }
    for (unsigned i = 0; i < count; i++) {
        EQ(*word_at(top[i] - KSTACK_SIZE), i);
        kstack_free(top[i]);
    }
}

GUEST_TEST(kmap_device)
{
    void *va, *other;
    unsigned level;
    u64 pte;

    EQ(kernel_map_device(0xfee00123, 16, &va), 0);
    EQ((vaddr_t)va % PAGE_SIZE, 0x123);
    pte = pte_load(pt_lookup((vaddr_t)va, &level));
    EQ(level, 1);
    EQ(pte & PTE_ADDRESS, 0xfee00000);
    EQ(pte & (PTE_NX | PTE_CACHE_OFF | PTE_WRITE), PTE_NX | PTE_CACHE_OFF | PTE_WRITE);
    EQ(backed_by((vaddr_t)va + PAGE_SIZE), 0);
    EQ(kernel_map_device(0xfee00000, PAGE_SIZE, &other), 0);
    OK(other != (void *)((vaddr_t)va - 0x123));
    OK(aspace_range_is_kernel((vaddr_t)va, (vaddr_t)va + 16));
}
