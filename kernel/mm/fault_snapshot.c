/* SPDX-License-Identifier: MIT */
/*
 * Writes to pages that a snapshot has too.  If the other places have given the page up, it
 * is this one's again, a large page as a whole; else the page gets a copy, and so do
 * those behind it where a CPU goes through memory in ascending order.
 *
 * A large page is split, or copied whole: while there is memory enough, where writes go upward,
 * and always on kvm_pvm, where each page of one that was split misses anew (with whole copies
 * writes to 1 % of 128 MiB took as long there, and writes to all of it a third at most:
 * "hooks_alias 128").  Meanwhile its window is claimed, and who faults there waits.
 *
 * The copy of a small page is mapped without the right to write at first, and gets that after a
 * shoot-down: a CPU that still knew the old page would not see what others write to the new one.
 * Meanwhile the copy's frame is held (frame_hold), and whoever wants to write to it waits.
 */
#include "aspace_priv.h"

#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/platform.h>
#include <kernel/string.h>

#include "fault_priv.h"
#include "remap_priv.h"

#define STREAK 4u
_Static_assert(1u << STREAK == FAULT_PAGES_MAX, "as many pages as a fault maps");

static pfn_t frame_of(u64 leaf)
{
    return (leaf & PTE_ADDRESS) >> PAGE_SHIFT;
}

/* The leaf when its frame is this place's alone. */
static u64 own_leaf(u64 leaf, const struct region *region)
{
    return leaf_with_bits(leaf & ~(PTE_SNAPSHOT | PTE_COUNTED), pte_from_prot(region->prot)) |
           PTE_ACCESSED | PTE_DIRTY;
}

int fault_look_snapshot(struct fault *f, const struct region *region, u64 *entry, unsigned level)
{
    u64 value = pte_load(entry), size = pt_level_size(level);

    if (!frame_used_once(frame_of(value), size / PAGE_SIZE)) {
        if (!f->may_wait) {
            return -EFAULT;
        }
        return level == 1 && frame_uses(frame_of(value)) >= FRAME_HELD ? FAULT_RETRY
                                                                       : FAULT_NEEDS_OWN;
    }
    value = own_leaf(value, region);
    platform->write_entries(entry, &value, 1);
    f->next = ALIGN_DOWN(f->addr, size) + size;
    return 0;
}

static bool is_plentiful(void)
{
    return frame_free_estimate() >= aspace.total_frames / 4;
}

/* ---- Large pages ---------------------------------------------------------------------------- */

/* The window's leaf, if it is a large one of a snapshot; a glimpse unless it is claimed. */
static u64 large_snapshot(vaddr_t window)
{
    u64 *entry = pt_directory_entry(window);
    u64 value = entry == NULL ? 0 : pte_load(entry);

    return (value & PTE_LARGE) && (value & PTE_SNAPSHOT) ? value : 0;
}

/* The window is claimed.  Is the frame used? */
static bool copy_claimed(struct aspace_op *op, const struct region *region, pfn_t frame)
{
    u64 old = large_snapshot(op->start), new;

    if (old == 0 || frame_used_once(frame_of(old), PT_ENTRIES)) {
        return false;
    }
    memcpy(pfn_to_virt(frame), pfn_to_virt(frame_of(old)), LARGE_SIZE);
    new = own_leaf((old & ~PTE_ADDRESS) | frame << PAGE_SHIFT, region);
    platform->write_entries(pt_directory_entry(op->start), &new, 1);
    if (!platform->directory_writes_flush) {
        tlb_batch_add(&op->range.batch, op->start, LARGE_SIZE, LARGE_SIZE);
    }
    tlb_batch_put(&op->range.batch, frame_of(old), ORDER_2M);
    tlb_batch_finish(&op->range.batch);
    remap_count(&remap_counters.copies, PT_ENTRIES);
    return true;
}

/* Copies the large page into the frame.  False: not needed, or the window is not of one region. */
static bool copy_window(vaddr_t window, pfn_t frame)
{
    const struct region *region;
    struct aspace_op op;
    bool irq, used = false;

    if (aspace_op_begin(&op, window, LARGE_SIZE) != 0) {
        return false;
    }
    irq = aspace_op_lock(&op);
    region = region_set_find(&aspace.set, window);
    if (region == NULL || region->end < op.end || !(region->prot & PROT_WRITE)) {
        aspace_write_unlock(irq);
    } else {
        aspace_op_claim(&op);
        region = region_set_find(&aspace.set, window);
        aspace_write_unlock(irq);
        used = copy_claimed(&op, region, frame);
        irq = aspace_write_lock();
        aspace_op_release(&op, irq);
    }
    aspace_op_end(&op);
    return used;
}

/* On a host that shadows page tables, and where all that lies before it was written to. */
static bool is_worth_whole(vaddr_t addr)
{
    return is_plentiful() && (platform->directory_writes_flush || fault_streak(addr) >= STREAK);
}

/* True: something has changed, so the fault begins anew. */
static bool supply_large(vaddr_t addr)
{
    vaddr_t window = ALIGN_DOWN(addr, LARGE_SIZE);
    bool used;
    pfn_t frame;

    if (!large_snapshot(window) || !is_worth_whole(addr) || frame_alloc(ORDER_2M, 0, &frame) != 0) {
        return false;
    }
    used = copy_window(window, frame);
    if (used) {
        fault_streak_note(addr, window + LARGE_SIZE);
    } else {
        frame_free(frame, ORDER_2M);
    }
    return used;
}

/* ---- Small pages ---------------------------------------------------------------------------- */

/* Pages that are copied at one fault. */
struct copies {
    vaddr_t va;
    unsigned frames, done;
    pfn_t fresh[FAULT_PAGES_MAX], old[FAULT_PAGES_MAX];
};

/* 1, 2, 4, 8, 16 as a streak goes on; what is copied and not changed is memory lost. */
static void prepare(struct copies *copies, vaddr_t addr)
{
    unsigned wanted = 1u << MIN(fault_streak(addr), STREAK);

    if (!is_plentiful()) {
        wanted = 1;
    }
    copies->va = ALIGN_DOWN(addr, PAGE_SIZE);
    copies->frames = copies->done = 0;
    while (copies->frames < wanted &&
           frame_alloc(ORDER_4K, 0, &copies->fresh[copies->frames]) == 0) {
        copies->frames++;
    }
}

static int split_large(vaddr_t va)
{
    int error = pt_demote(va);

    if (error == 0) {
        aspace_count_demotion(va);
        remap_count(&remap_counters.splits, 1);
    }
    return error == 0 ? FAULT_RETRY : error;
}

/* Read lock and window lock held. */
static int store_copies(struct copies *copies, const struct region *region)
{
    u64 room = (ALIGN_DOWN(copies->va, LARGE_SIZE) + LARGE_SIZE - copies->va) / PAGE_SIZE;
    u64 most = MIN(copies->frames, MIN(room, (region->end - copies->va) / PAGE_SIZE));
    unsigned level;
    u64 *entry = pt_lookup(copies->va, &level);
    u64 value = pte_load(entry);

    if (level == 2 && (value & PTE_SNAPSHOT)) {
        return split_large(copies->va);
    }
    for (; level == 1 && copies->done < most; copies->done++) {
        pfn_t fresh = copies->fresh[copies->done];

        value = pte_load(&entry[copies->done]);
        if (!(value & PTE_SNAPSHOT) || frame_uses(frame_of(value)) == 1 ||
            frame_uses(frame_of(value)) >= FRAME_HELD) {
            break;
        }
        memcpy(pfn_to_virt(fresh), pfn_to_virt(frame_of(value)), PAGE_SIZE);
        frame_hold(fresh);
        copies->old[copies->done] = frame_of(value);
        pte_store(&entry[copies->done],
                  (value & ~PTE_ADDRESS) | fresh << PAGE_SHIFT | PTE_ACCESSED | PTE_DIRTY);
    }
    return copies->done == 0 ? FAULT_RETRY : 0;
}

/* Read lock and window lock held.  The right to write to what is still as it was stored. */
static int own_copies(struct copies *copies, const struct region *region)
{
    unsigned level;
    u64 *entry = pt_lookup(copies->va, &level);

    for (unsigned i = 0; level == 1 && i < copies->done; i++) {
        u64 value = pte_load(&entry[i]);

        if ((value & PTE_SNAPSHOT) && frame_of(value) == copies->fresh[i] &&
            frame_uses(frame_of(value)) == 1 && (region->prot & PROT_WRITE) &&
            copies->va + i * PAGE_SIZE < region->end) {
            pte_store(&entry[i], own_leaf(value, region));
        }
    }
    return 0;
}

static int with_locks(struct copies *copies, struct fault *f,
                      int (*fn)(struct copies *copies, const struct region *region))
{
    bool irq = aspace_read_lock();
    const struct region *region = region_set_find(&aspace.set, f->addr);
    int step = fault_check_region(f, region);

    if (step == 0) {
        struct spinlock *lock = pt_window_lock(f->addr);
        bool window_irq = spin_lock(lock);

        step = fn(copies, region);
        spin_unlock(lock, window_irq);
    }
    aspace_read_unlock(irq);
    return step;
}

/* Nobody reads the old pages any more; then the copies may be written to. */
static void finish(struct copies *copies)
{
    struct tlb_batch batch;

    for (unsigned i = copies->done; i < copies->frames; i++) {
        frame_free(copies->fresh[i], ORDER_4K);
    }
    if (copies->done == 0) {
        return;
    }
    tlb_batch_init(&batch);
    tlb_batch_add(&batch, copies->va, copies->done * PAGE_SIZE, PAGE_SIZE);
    for (unsigned i = 0; i < copies->done; i++) {
        tlb_batch_put(&batch, copies->old[i], ORDER_4K);
    }
    tlb_batch_finish(&batch);
    for (unsigned i = 0; i < copies->done; i++) {
        frame_release(copies->fresh[i]);
    }
    remap_count(&remap_counters.copies, copies->done);
}

int fault_supply_own_copy(struct fault *f)
{
    struct copies copies;
    int step;

    if (supply_large(f->addr)) {
        return FAULT_RETRY;
    }
    prepare(&copies, f->addr);
    if (copies.frames == 0) {
        return -ENOMEM;
    }
    step = with_locks(&copies, f, store_copies);
    finish(&copies);
    if (step == 0) {
        step = with_locks(&copies, f, own_copies);
        fault_streak_note(f->addr, copies.va + copies.done * PAGE_SIZE);
    }
    /* What the entry is by now decides. */
    return step == 0 ? FAULT_RETRY : step;
}
