/* SPDX-License-Identifier: MIT */
/*
 * Start-up of the frame allocator.  Page tables are needed to reach memory,
 * and memory to make page tables: so before frame_init() there is a plain
 * list of ranges, from which frame_early_alloc() takes one frame after the
 * other, lowest first.  frame_init() then leaves out what it took.
 *
 * The descriptors lie at the lowest place that is large enough, so that the
 * memory above stays whole.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/string.h>

vaddr_t direct_map_base;
u64 direct_map_size;

/* Start-up only: one CPU, no lock. */
static struct {
    struct ram_list free;
    struct ram_list taken;
} early;

/* Frame numbers above this do not fit the descriptors' links: 16 TiB. */
#define PADDR_MAX ((paddr_t)(BUDDY_NONE - 1) << PAGE_SHIFT)

static bool add_all(struct ram_list *list, const struct mem_range *ram, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!ram_list_add(list, MIN(ram[i].start, PADDR_MAX), MIN(ram[i].end, PADDR_MAX))) {
            return false;
        }
    }
    return true;
}

void frame_early_init(const struct mem_range *ram, unsigned count)
{
    early.free.count = early.taken.count = 0;
    BUG_ON(!add_all(&early.free, ram, count));
}

paddr_t frame_early_alloc(void)
{
    paddr_t frame;

    if (!ram_list_take(&early.free, PAGE_SIZE, &frame) ||
        !ram_list_add(&early.taken, frame, frame + PAGE_SIZE)) {
        BUG("no memory for the first page tables");
    }
    memset(phys_to_virt(frame), 0, PAGE_SIZE);
    return frame;
}

int frame_init(const struct mem_range *ram, unsigned count)
{
    struct ram_list *list = &early.free;

    list->count = 0;
    if (!add_all(list, ram, count)) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < early.taken.count; i++) {
        if (!ram_list_remove(list, early.taken.range[i].start, early.taken.range[i].end)) {
            return -ENOMEM;
        }
    }
    cache_init();
    zeroed_init();
    return zone_init(list);
}
