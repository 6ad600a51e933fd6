/* SPDX-License-Identifier: MIT */
/*
 * Walks the set and the page tables: does every leaf lie in regions, with
 * their protection, and do the counters agree?  Stops all
 * faults meanwhile (write lock), so it is for tests.
 */
#include "aspace_priv.h"

#include <kernel/assert.h>
#include <kernel/pagetable.h>

struct check {
    u64 leaves[4]; /* by level */
    bool busy;     /* some operation is under way: counters may differ */
};

/*
 * A large page may lie in several regions, if they differ in advice only: what
 * changes protection or contents of a part splits it.
 */
static void check_leaf(struct check *check, vaddr_t va, unsigned level, u64 pte)
{
    vaddr_t end = va + pt_level_size(level);

    if (!region_set_covers(&aspace.set, va, end)) {
        BUG("leaf of level %u at %lx (%lx) lies in no region", level, va, pte);
    }
    region_for_each(region, &aspace.set, va, end)
    {
        if (region->kind == REGION_KERNEL) {
            return;
        }
        if (!region->busy && pte != leaf_with_bits(pte, pte_from_prot(region->prot))) {
            BUG("entry %lx at %lx in a region with protection %u", pte, va, region->prot);
        }
    }
    BUG_ON(level > 3);
    check->leaves[level]++;
}

static void check_tables(struct check *check)
{
    for (vaddr_t va = 0; va < VADDR_END;) {
        unsigned level;
        u64 pte = pte_load(pt_lookup(va, &level));

        if (pte != 0) {
            check_leaf(check, va, level, pte);
        }
        va = ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level);
    }
}

static void check_regions(struct check *check)
{
    region_set_check(&aspace.set);
    region_for_each(region, &aspace.set, 0, VADDR_END)
    {
        check->busy |= region->busy;
        BUG_ON(region->closing && !region->busy);
    }
}

void aspace_check(void)
{
    struct check check = {{0}, false};
    bool irq = aspace_write_lock();

    check_regions(&check);
    check_tables(&check);
    if (!check.busy) {
        BUG_ON(check.leaves[1] != aspace_counted(COUNT_4K));
        BUG_ON(check.leaves[2] != aspace_counted(COUNT_2M));
        BUG_ON(check.leaves[3] != aspace_counted(COUNT_1G));
    }
    aspace_write_unlock(irq);
}
