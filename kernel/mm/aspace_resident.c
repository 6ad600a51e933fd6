/* SPDX-License-Identifier: MIT */
/*
 * What is backed by frames: how much of the whole address space now and at most,
 * how much of a range, and by which frame a page.
 *
 * The page tables are looked at window by window, with the read lock and the
 * window's lock, so that they stay; what lies between is seen as it is at its turn.
 */
#include "aspace_priv.h"

#include <kernel/frame.h>
#include <kernel/pagetable.h>

static _Atomic u64 peak;

u64 aspace_resident(void)
{
    return aspace_counted(COUNT_4K) * PAGE_SIZE + aspace_counted(COUNT_2M) * LARGE_SIZE +
           aspace_counted(COUNT_1G) * GIANT_SIZE;
}

/* Memory only becomes less where this is called before, so nothing larger is missed. */
void aspace_note_resident(void)
{
    u64 now = aspace_resident(), old = atomic_load_explicit(&peak, memory_order_relaxed);

    while (now > old && !atomic_compare_exchange_weak_explicit(
                            &peak, &old, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

u64 aspace_resident_peak(void)
{
    aspace_note_resident();
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

static void count_small(const u64 *entry, u64 pages, struct aspace_resident *out)
{
    for (u64 i = 0; i < pages; i++) {
        u64 pte = pte_load(&entry[i]);

        if (pte != 0) {
            out->bytes += PAGE_SIZE;
            out->file_bytes += pte & PTE_FILE ? PAGE_SIZE : 0;
            out->dirty_bytes += pte & PTE_WRITE ? PAGE_SIZE : 0;
        }
    }
}

/* [va, end), by one leaf. */
static void count_large(u64 pte, vaddr_t va, vaddr_t end, struct aspace_resident *out)
{
    out->bytes += end - va;
    out->large_bytes += end - va;
    out->file_bytes += pte & PTE_FILE ? end - va : 0;
    out->dirty_bytes += pte & PTE_WRITE ? end - va : 0;
}

/* What one window has, or one leaf of 1 GiB.  Returns from where to go on. */
static vaddr_t count_window(vaddr_t va, vaddr_t limit, struct aspace_resident *out)
{
    vaddr_t end = MIN(limit, ALIGN_DOWN(va, LARGE_SIZE) + LARGE_SIZE);
    struct spinlock *lock = pt_window_lock(va);
    bool irq = aspace_read_lock(), window_irq = spin_lock(lock);
    unsigned level;
    const u64 *entry = pt_lookup(va, &level);
    u64 pte = pte_load(entry);

    if (level == 1) {
        count_small(entry, (end - va) / PAGE_SIZE, out);
    } else if (pte == 0) {
        end = ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level);
    } else {
        end = MIN(limit, ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level));
        count_large(pte, va, end, out);
        out->giant_bytes += level == 3 ? end - va : 0;
    }
    spin_unlock(lock, window_irq);
    aspace_read_unlock(irq);
    return end;
}

void aspace_resident_in(vaddr_t start, vaddr_t end, struct aspace_resident *out)
{
    *out = (struct aspace_resident){0};
    while (start < end) {
        start = count_window(start, end, out);
    }
}

bool aspace_find_page(vaddr_t va, pfn_t *frame, bool *file)
{
    struct spinlock *lock = pt_window_lock(va);
    bool irq = aspace_read_lock(), window_irq = spin_lock(lock);
    unsigned level;
    u64 pte = pte_load(pt_lookup(va, &level));

    spin_unlock(lock, window_irq);
    aspace_read_unlock(irq);
    *file = (pte & PTE_FILE) != 0;
    *frame = ((pte & PTE_ADDRESS) + va % pt_level_size(level)) >> PAGE_SHIFT;
    return pte != 0;
}

u64 aspace_mapped_in(vaddr_t start, vaddr_t end)
{
    bool irq = aspace_read_lock();
    u64 bytes = 0;

    region_for_each(region, &aspace.set, start, end)
    {
        bytes += MIN(region->end, end) - MAX(region->start, start);
    }
    aspace_read_unlock(irq);
    return bytes;
}
