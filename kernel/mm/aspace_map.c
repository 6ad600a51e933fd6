/* SPDX-License-Identifier: MIT */
/*
 * Mapping and unmapping.  A mapping is a region and nothing else: 10 TiB that
 * nobody touches cost one node.
 *
 * A fixed mapping over others takes their place in the set at once, busy
 * until what they had is gone, so no other mapping gets in between.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/trace.h>
#include <kernel/vfs.h>

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define FILE_END (1ull << 63)
#define MAP_ALL (MAP_PLACE_MASK | MAP_STACK_GUARD | MAP_SHARE)

static struct region attributes_of(unsigned prot, unsigned flags)
{
    return (struct region){
        .prot = (u8)prot,
        .kind = REGION_ANON,
        .pages = PAGES_DEFAULT,
        .guard = (flags & MAP_STACK_GUARD) != 0,
        .shared = (flags & MAP_SHARE) != 0,
    };
}

/* Where a mapping goes: finds a place, or says whether *addr is one.  Write lock held. */
typedef int place_fn(u64 size, const struct region *attributes, vaddr_t *addr);

static int place_anywhere(u64 size, const struct region *attributes, vaddr_t *addr)
{
    if (aspace_range_valid(*addr, size) == 0 &&
        !region_set_overlaps(&aspace.set, *addr, *addr + size)) {
        return 0;
    }
    /* As far from a multiple of 2 MiB as in the file, so that large pages fit. */
    return region_set_place(&aspace.set, size, attributes->guard ? PAGE_SIZE : 0,
                            attributes->offset, addr);
}

static int place_noreplace(u64 size, const struct region *attributes, vaddr_t *addr)
{
    (void)attributes;
    return region_set_overlaps(&aspace.set, *addr, *addr + size) ? -EEXIST : 0;
}

/*
 * Locks the set for writing once there is a place that no operation has claimed: it may lie
 * in a hole of what is being unmapped, say.  On an error the lock is held as well.
 */
static bool lock_place(place_fn *place, u64 size, const struct region *attributes, vaddr_t hint,
                       vaddr_t *addr, int *error)
{
    struct turn turn = {0};

    for (;;) {
        bool irq = aspace_write_lock();
        u64 seen = atomic_load_explicit(&aspace.releases, memory_order_relaxed);

        *addr = hint;
        *error = place(size, attributes, addr);
        if (*error != 0 || !aspace_claimed(*addr, *addr + size)) {
            aspace_turn_end(&turn);
            return irq;
        }
        aspace_write_unlock(irq);
        aspace_turn_wait(&turn, *addr, *addr + size, seen);
    }
}

static int map_placed(place_fn *place, vaddr_t hint, u64 size, const struct region *attributes,
                      vaddr_t *addr)
{
    struct region_pool pool;
    int error;
    bool irq;

    region_pool_init(&pool);
    error = region_pool_reserve(&pool, 1, kmalloc);
    if (error != 0) {
        return error;
    }
    irq = lock_place(place, size, attributes, hint, addr, &error);
    if (error == 0) {
        region_set_insert(&aspace.set, *addr, *addr + size, attributes, &pool);
        region_set_merge(&aspace.set, *addr, *addr + size, &pool);
    }
    assert_slow((region_set_check(&aspace.set), true));
    aspace_write_unlock(irq);
    region_pool_drain(&pool, region_free);
    return error;
}

static int map_noreplace(vaddr_t start, u64 size, const struct region *attributes, vaddr_t *addr)
{
    if (aspace_range_valid(start, size) != 0) {
        return start + size > start && aspace_range_is_kernel(start, start + size) ? -EEXIST
                                                                                   : -EINVAL;
    }
    return map_placed(place_noreplace, start, size, attributes, addr);
}

static int map_fixed(vaddr_t start, u64 size, const struct region *attributes)
{
    struct aspace_op op;
    struct region *region;
    int error = aspace_op_begin(&op, start, size);
    bool irq;

    if (error != 0) {
        return error;
    }
    op.giants = GIANTS_CUT;
    irq = aspace_op_lock(&op);
    if (region_set_overlaps(&aspace.set, op.start, op.end)) {
        aspace_op_claim(&op);
        region_set_remove(&aspace.set, op.start, op.end, &op.pool);
        region = region_set_insert(&aspace.set, op.start, op.end, attributes, &op.pool);
        region->busy = true;
        aspace_write_unlock(irq);
        pt_range_clear(&op.range);
        irq = aspace_write_lock();
    } else {
        region_set_insert(&aspace.set, op.start, op.end, attributes, &op.pool);
    }
    aspace_op_release(&op, irq);
    aspace_op_end(&op);
    return 0;
}

/* On 0 the set has taken over the use of attributes->object. */
static int map_region(vaddr_t hint, u64 size, const struct region *attributes, unsigned flags,
                      vaddr_t *addr)
{
    unsigned place = flags & MAP_PLACE_MASK;
    int error;

    if (!IS_ALIGNED(size, PAGE_SIZE) || size == 0 || size > VADDR_END ||
        (attributes->prot & ~PROT_ALL) != 0 || (flags & ~MAP_ALL) != 0 || place == MAP_PLACE_MASK) {
        return -EINVAL;
    }
    if (place == MAP_PLACE_HINT) {
        error = map_placed(place_anywhere, ALIGN_DOWN(hint, PAGE_SIZE), size, attributes, addr);
    } else if (place == MAP_PLACE_NOREPLACE) {
        error = map_noreplace(hint, size, attributes, addr);
    } else {
        error = map_fixed(hint, size, attributes);
        *addr = hint;
    }
    if (error == 0) {
        trace(TRACE_MAP, *addr, size);
    }
    return error;
}

int aspace_map(vaddr_t hint, u64 size, unsigned prot, unsigned flags, vaddr_t *addr)
{
    struct region attributes = attributes_of(prot, flags);

    return (prot & ~PROT_ALL) != 0 ? -EINVAL : map_region(hint, size, &attributes, flags, addr);
}

int aspace_map_file(vaddr_t hint, u64 size, unsigned prot, unsigned flags, struct file *file,
                    u64 offset, vaddr_t *addr)
{
    struct region attributes = attributes_of(prot, flags);
    int error;

    if ((prot & ~PROT_ALL) != 0 || !IS_ALIGNED(offset, PAGE_SIZE)) {
        return -EINVAL;
    }
    if (offset > FILE_END - size || size > FILE_END) {
        return -EOVERFLOW;
    }
    error = region_object_new(file, attributes.shared, &attributes.object);
    if (error != 0) {
        return error;
    }
    if (attributes.shared && (prot & PROT_WRITE) && !attributes.object->may_write) {
        region_object_put(attributes.object);
        return -EPERM; /* it was sealed just now */
    }
    attributes.kind = REGION_FILE;
    attributes.offset = offset;
    error = map_region(hint, size, &attributes, flags, addr);
    if (error != 0) {
        region_object_put(attributes.object);
    } else if (prot & PROT_EXEC) {
        page_cache_will_need_soon(file->inode->pages, offset / PAGE_SIZE, size / PAGE_SIZE);
    }
    return error;
}

/* Is there a region in [start, end) that is not going away as well? */
static bool others_in(vaddr_t start, vaddr_t end)
{
    region_for_each(region, &aspace.set, start, end)
    {
        if (!region->closing) {
            return true;
        }
    }
    return false;
}

/*
 * The windows at the edges lose their page tables too when nothing else is
 * left in them.  Of two operations that empty a window from both sides, the
 * later one sees it empty.
 */
static void widen_to_lone_windows(struct aspace_op *op)
{
    vaddr_t low = ALIGN_DOWN(op->start, LARGE_SIZE), high = ALIGN_UP(op->end, LARGE_SIZE);

    if (!others_in(low, op->start)) {
        op->range.tables_from = low;
    }
    if (!others_in(op->end, high)) {
        op->range.tables_to = high;
    }
}

static void unmap_claimed(struct aspace_op *op, bool irq)
{
    op->giants = GIANTS_CUT;
    aspace_op_claim(op);
    region_for_each(region, &aspace.set, op->start, op->end)
    {
        region->closing = true;
    }
    widen_to_lone_windows(op);
    aspace_write_unlock(irq);
    pt_range_clear(&op->range);
    irq = aspace_write_lock();
    region_set_remove(&aspace.set, op->start, op->end, &op->pool);
    aspace_op_release(op, irq);
}

int aspace_unmap(vaddr_t start, u64 size)
{
    struct aspace_op op;
    int error = aspace_op_begin(&op, start, size);
    bool irq;

    if (error != 0) {
        return error;
    }
    irq = aspace_op_lock(&op);
    if (region_set_overlaps(&aspace.set, op.start, op.end)) {
        unmap_claimed(&op, irq);
    } else {
        aspace_write_unlock(irq);
    }
    aspace_op_end(&op);
    trace(TRACE_UNMAP, start, size);
    return 0;
}
