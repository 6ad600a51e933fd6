/* SPDX-License-Identifier: MIT */
/*
 * Looking at regions one after the other without holding the lock: for calls
 * that do something slow to each (msync, madvise), and for what they found,
 * the file, to stay while they do.
 */
#include "aspace_priv.h"

#include <kernel/pagetable.h>

static bool next_view(vaddr_t addr, struct region_view *view)
{
    region_for_each(region, &aspace.set, addr, VADDR_END)
    {
        if (region->kind != REGION_KERNEL && !region->closing) {
            *view = (struct region_view){
                .start = region->start,
                .end = region->end,
                .prot = region->prot,
                .kind = region->kind,
                .shared = region->shared,
                .grows = region->guard,
                .offset = region->offset,
                .object = region->object == NULL ? NULL : region_object_get(region->object),
            };
            return true;
        }
    }
    return false;
}

bool aspace_view(vaddr_t addr, struct region_view *view)
{
    bool irq = aspace_read_lock();
    bool found = next_view(addr, view);

    aspace_read_unlock(irq);
    return found;
}

void aspace_view_end(struct region_view *view)
{
    region_object_put(view->object);
}
