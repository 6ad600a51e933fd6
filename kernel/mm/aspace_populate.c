/* SPDX-License-Identifier: MIT */
/*
 * Backing memory with frames before it is touched: as if every page were, by faults
 * that nobody has to deliver.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>

#include "fault_priv.h"

/* What an access would not be allowed is left out. */
static int populate(const struct fault *like, vaddr_t start, u64 size)
{
    int error = aspace_range_valid(start, size);

    for (vaddr_t va = start; error == 0 && va < start + size;) {
        struct fault f = *like;

        f.addr = va;
        f.limit = start + size;
        error = fault_resolve(&f);
        va = f.next;
    }
    return error;
}

/* Nothing is mapped there, says -EFAULT. */
int aspace_populate(vaddr_t start, u64 size)
{
    const struct fault like = {.populate = true, .may_wait = true};
    int error = populate(&like, start, size);

    return error == -EFAULT ? -ENOMEM : error;
}

int aspace_populate_access(vaddr_t start, u64 size, bool write)
{
    const struct fault like = {.populate = true, .write = write, .may_wait = true};
    int error = populate(&like, start, size);

    if (error == -EFAULT || error == -ENOMEM) {
        return -ENOMEM;
    }
    return error == 0 || error == -EINVAL ? error : -EFAULT;
}

int aspace_populate_unzeroed(vaddr_t start, u64 size)
{
    const struct fault like = {.populate = true, .may_wait = true, .unzeroed = true};
    int error = populate(&like, start, size);

    return error == -EFAULT ? -ENOMEM : error;
}

/* ---- All of it by large pages ------------------------------------------------------------- */

/* Is each window in one region of private memory without a file?  Read lock held. */
static bool may_be_large(vaddr_t start, vaddr_t end, u64 size)
{
    for (vaddr_t va = start; va < end;) {
        const struct region *region = region_set_find(&aspace.set, va);

        if (region == NULL || region->kind != REGION_ANON || region->shared) {
            return false;
        }
        va = MIN(end, region->end);
        if (!IS_ALIGNED(va, size)) {
            return false;
        }
    }
    return true;
}

/* Has all of it pages of at least that size? */
static bool all_large(vaddr_t start, u64 size, u64 page_size)
{
    struct aspace_resident now;

    aspace_resident_in(start, start + size, &now);
    return (page_size == GIANT_SIZE ? now.giant_bytes : now.large_bytes) == size;
}

static int check_require(vaddr_t start, u64 size, u64 page_size)
{
    int error = IS_ALIGNED(start | size, page_size) ? aspace_check_mapped(start, size) : -EINVAL;
    bool irq, fits;

    if (error != 0) {
        return error;
    }
    if (size / PAGE_SIZE > aspace.total_frames) {
        return -ENOMEM; /* before all other memory is given up for it */
    }
    irq = aspace_read_lock();
    fits = may_be_large(start, start + size, page_size);
    aspace_read_unlock(irq);
    return fits ? 0 : -EINVAL;
}

int aspace_require_large(vaddr_t start, u64 size)
{
    const struct fault like = {.populate = true, .may_wait = true, .only_large = true};
    int error = check_require(start, size, LARGE_SIZE);
    u64 made;

    if (error != 0) {
        return error;
    }
    error = populate(&like, start, size);
    if (error == 0) {
        error = promote_windows(start, start + size, true, &made);
    }
    if (error == 0 && !all_large(start, size, LARGE_SIZE)) {
        error = -ENOMEM; /* some of it was unmapped or split meanwhile */
    }
    if (error == 0) {
        error = aspace_set_pages(start, size, PAGES_LARGE);
    }
    return error == -EFAULT ? -ENOMEM : error;
}

/* What is empty gets a page that is zeroed, the rest is promoted. */
int aspace_require_giant(vaddr_t start, u64 size)
{
    int error = check_require(start, size, GIANT_SIZE);
    u64 made;

    for (vaddr_t va = start; error == 0 && va < start + size; va += GIANT_SIZE) {
        error = giant_populate(va, true, NULL, NULL);
    }
    if (error == 0) {
        error = promote_giants(start, start + size, true, &made);
    }
    if (error == 0 && !all_large(start, size, GIANT_SIZE)) {
        error = -ENOMEM; /* some of it was unmapped or split meanwhile */
    }
    return error == 0 ? aspace_set_pages(start, size, PAGES_GIANT) : error;
}
