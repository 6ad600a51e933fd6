/* SPDX-License-Identifier: MIT */
/*
 * Pages of files by 2 MiB, several at once: on kvm_pvm each store to a directory that is in use
 * makes the host forget what it knew of all its entries, so that mapping and touching them in
 * turns costs 100 us for each.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>

#include "fault_file_priv.h"

/* Frames of 2 MiB, each of whose pages has a use: where the first one belongs. */
struct large_row {
    vaddr_t va;
    unsigned count, mapped;
    pfn_t frame[FAULT_PAGES_MAX];
};

static int map_large(struct fault *f, struct large_row *row, u64 generation)
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(row->va);
        bool window_irq = spin_lock(lock);

        step = fault_unchanged(f, region, generation) && fault_fits_large(region, f->addr)
                   ? fault_store_large(row->va, row->frame, row->count,
                                       fault_row_bits(f, region, row->va), &row->mapped)
                   : FAULT_RETRY;
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

/* The frames behind those of the row, as far as they are there; made only in a streak. */
static void gather_above(const struct fault *f, struct large_row *row)
{
    enum large_effort effort =
        f->populate || fault_streak(f->addr) > 0 ? LARGE_MAKE : LARGE_IF_READY;
    vaddr_t va = row->va + LARGE_SIZE;

    while (va < f->large_end && row->count < FAULT_PAGES_MAX &&
           page_cache_get_large(f->object->cache, fault_index_at(f, va), effort,
                                &row->frame[row->count]) == 0) {
        row->count++;
        va += LARGE_SIZE;
    }
}

/* And those before it: who sees a file at a second address, as ZGC does, begins anywhere. */
static void gather_below(const struct fault *f, struct large_row *row)
{
    pfn_t frame;

    while (row->va > f->large_start && row->count < FAULT_PAGES_MAX && !f->populate &&
           page_cache_get_large(f->object->cache, fault_index_at(f, row->va - LARGE_SIZE),
                                LARGE_IF_READY, &frame) == 0) {
        memmove(&row->frame[1], &row->frame[0], row->count * sizeof(row->frame[0]));
        row->frame[0] = frame;
        row->count++;
        row->va -= LARGE_SIZE;
    }
}

static int gather_large(const struct fault *f, struct large_row *row)
{
    int error = page_cache_get_large(f->object->cache, fault_index_at(f, row->va), LARGE_READ,
                                     &row->frame[0]);

    row->mapped = 0;
    row->count = error == 0 ? 1 : 0;
    if (error == 0) {
        gather_above(f, row);
        gather_below(f, row);
    }
    return error;
}

int fault_supply_large(struct fault *f)
{
    u64 generation = page_cache_generation(f->object->cache);
    struct large_row row = {.va = ALIGN_DOWN(f->addr, LARGE_SIZE)};
    int step = gather_large(f, &row);

    if (step != 0) {
        return step;
    }
    step = map_large(f, &row, generation);
    for (unsigned i = row.mapped; i < row.count; i++) {
        frame_put_all(row.frame[i], PT_ENTRIES);
    }
    if (step == 0) {
        aspace_count(COUNT_FAULTS_2M, 1);
        f->next = row.va + row.mapped * LARGE_SIZE;
        if (f->next <= f->addr) { /* another CPU has mapped some: look again */
            return FAULT_RETRY;
        }
        fault_streak_note(f->addr, f->next);
    }
    return step;
}
