/* SPDX-License-Identifier: MIT */
/*
 * Mappings that grow downwards (MAP_GROWSDOWN, and the first thread's stack),
 * and the limits on how much is mapped.
 *
 * A fault where nothing is mapped looks at the region above: if that is one
 * which grows, it begins lower from now on, and the access is tried again.
 * As on Linux, a gap stays to what lies below, so that a stack does not run into
 * other memory unnoticed, and it grows no larger than RLIMIT_STACK.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/process.h>

#define GROW_GAP (256 * PAGE_SIZE) /* Linux's stack_guard_gap */

/* The region that would grow to `addr`, or NULL.  A lock of the set is held. */
static struct region *growing(vaddr_t addr)
{
    struct region *region = region_set_from(&aspace.set, addr);

    return region != NULL && region->start > addr && region->guard && !region->closing &&
                   region->kind == REGION_ANON
               ? region
               : NULL;
}

static bool has_room(const struct region *region, vaddr_t start)
{
    const struct region *below = region_prev(region);

    if (start < ASPACE_MIN || region->end - start > process_limit(RLIMIT_STACK).soft) {
        return false;
    }
    if (below == NULL) {
        return true;
    }
    /* Not over what lies there; and with a gap, but for what nobody can touch. */
    return start >= below->end &&
           (below->guard || below->prot == 0 || start - below->end >= GROW_GAP);
}

bool aspace_grow(vaddr_t addr)
{
    vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
    bool irq = aspace_read_lock(), grows = growing(addr) != NULL;
    struct region *region;
    bool claimed;

    aspace_read_unlock(irq);
    if (!grows) {
        return false;
    }
    irq = aspace_write_lock();
    region = growing(addr);
    claimed = region != NULL && aspace_claimed(start, region->start + 1);
    grows = region != NULL && !claimed && has_room(region, start);
    if (grows) {
        aspace.set.bytes += region->start - start;
        region->start = start;
    }
    aspace_write_unlock(irq);
    return grows || region == NULL || claimed;
}

/* Bytes that may be written and are nobody else's: what RLIMIT_DATA counts. */
static void add_data(const struct region *region, void *arg)
{
    if (region->kind != REGION_KERNEL && !region->shared && !region->guard &&
        (region->prot & PROT_WRITE) != 0) {
        *(u64 *)arg += region->end - region->start;
    }
}

bool aspace_within_limits(u64 more, bool data)
{
    u64 all = process_limit(RLIMIT_AS).soft, most = process_limit(RLIMIT_DATA).soft, now = 0;
    struct aspace_stats stats;

    if (all != (u64)-1) {
        aspace_get_stats(&stats);
        if (more > all || stats.bytes_mapped > all - more) {
            return false;
        }
    }
    if (!data || most == (u64)-1) {
        return true;
    }
    aspace_for_each(add_data, &now);
    return more <= most && now <= most - more;
}
