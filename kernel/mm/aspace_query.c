/* SPDX-License-Identifier: MIT */
/* One page as it is now: a glimpse under the locks of a fault, which costs no exit and no wait. */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>

/* Read lock and window lock held. */
static void describe(const struct region *region, vaddr_t va, struct aspace_page *page)
{
    unsigned level;
    u64 pte = pte_load(pt_lookup(va, &level));

    page->prot = region->prot;
    page->file = region->kind == REGION_FILE;
    if (pte == 0) {
        return;
    }
    page->size = pt_level_size(level);
    page->frame = ((pte & PTE_ADDRESS) + va % page->size) >> PAGE_SHIFT;
    page->dirty = (pte & PTE_DIRTY) != 0;
    page->accessed = (pte & PTE_ACCESSED) != 0;
    page->write = (pte & PTE_WRITE) != 0;
}

int aspace_query(vaddr_t va, struct aspace_page *page)
{
    const struct region *region;
    int error = aspace_range_valid(va, PAGE_SIZE);
    bool irq;

    if (error != 0) {
        return error;
    }
    *page = (struct aspace_page){0};
    irq = aspace_read_lock();
    region = region_set_find(&aspace.set, va);
    if (region == NULL || region->closing) {
        error = -ENOMEM;
    } else {
        struct spinlock *lock = pt_window_lock(va);
        bool window_irq = spin_lock(lock);

        describe(region, va, page);
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return error;
}
