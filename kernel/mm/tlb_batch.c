/* SPDX-License-Identifier: MIT */
/*
 * What a shoot-down is about: ranges to flush, merged as they come, and
 * frames to free afterwards.  Pure but for frame_alloc() and frame_free().
 *
 * The frames are listed beside, never in their own memory: until the
 * shoot-down is done an application may still write there.  When a whole
 * window loses its level-1 table, the table itself is the list of its frames,
 * so a record serves 2 MiB whatever the page size, and a page of records
 * 1 GiB.  When ranges run out everything is flushed: with more than eight
 * places to flush that is the cheaper way on every machine we know.
 */
#include <kernel/tlb.h>

#include <kernel/assert.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>

#include "tlb_priv.h"

void tlb_batch_init(struct tlb_batch *batch)
{
    batch->ranges = 0;
    batch->all = false;
    batch->pages = 0;
    batch->frames = 0;
    batch->lists = NULL;
}

/* Extends range `i` by [start, end) if the two touch and are of one kind. */
static bool range_extend(struct tlb_batch *batch, unsigned i, vaddr_t start, vaddr_t end, u64 step)
{
    if (batch->range[i].step != step || start > batch->range[i].end ||
        end < batch->range[i].start) {
        return false;
    }
    batch->pages -= (batch->range[i].end - batch->range[i].start) / step;
    batch->range[i].start = MIN(batch->range[i].start, start);
    batch->range[i].end = MAX(batch->range[i].end, end);
    batch->pages += (batch->range[i].end - batch->range[i].start) / step;
    return true;
}

void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, u64 size, u64 step)
{
    vaddr_t end = ALIGN_UP(start + size, step);

    start = ALIGN_DOWN(start, step);
    if (batch->all) {
        return;
    }
    for (unsigned i = batch->ranges; i-- > 0;) {
        if (range_extend(batch, i, start, end, step)) {
            return;
        }
    }
    if (batch->ranges == TLB_BATCH_RANGES) {
        batch->all = true;
        return;
    }
    batch->range[batch->ranges].start = start;
    batch->range[batch->ranges].end = end;
    batch->range[batch->ranges].step = step;
    batch->ranges++;
    batch->pages += (end - start) / step;
}

void tlb_batch_join(struct tlb_batch *batch, const struct tlb_batch *other)
{
    assert(other->frames == 0);
    for (unsigned i = 0; i < other->ranges; i++) {
        tlb_batch_add(batch, other->range[i].start, other->range[i].end - other->range[i].start,
                      other->range[i].step);
    }
    batch->all |= other->all;
}

bool tlb_batch_stale(const struct tlb_batch *batch)
{
    return batch->all || batch->ranges != 0;
}

bool tlb_batch_wants_all(const struct tlb_batch *batch, u64 flush_all_above)
{
    return batch->all || batch->pages > flush_all_above;
}

bool tlb_batch_full(struct tlb_batch *batch)
{
    struct tlb_list *list = batch->lists;
    pfn_t pfn;

    if (batch->frames < TLB_BATCH_FRAMES) {
        return false;
    }
    if (list != NULL && list->count < TLB_LIST_RECORDS) {
        return false;
    }
    if (frame_alloc(ORDER_4K, 0, &pfn) != 0) {
        return true;
    }
    list = pfn_to_virt(pfn);
    list->next = batch->lists;
    list->count = 0;
    batch->lists = list;
    return false;
}

static void record(struct tlb_batch *batch, u64 value)
{
    if (batch->frames < TLB_BATCH_FRAMES) {
        batch->frame[batch->frames++] = value;
        return;
    }
    BUG_ON(tlb_batch_full(batch));
    batch->lists->record[batch->lists->count++] = value;
}

void tlb_batch_free(struct tlb_batch *batch, pfn_t pfn, unsigned order)
{
    assert(order < FRAME_ORDERS);
    record(batch, pfn << PAGE_SHIFT | order);
}

void tlb_batch_free_own(struct tlb_batch *batch, pfn_t pfn, unsigned order)
{
    record(batch, pfn << PAGE_SHIFT | TLB_RECORD_OWN | order);
}

void tlb_batch_put(struct tlb_batch *batch, pfn_t pfn, unsigned order)
{
    record(batch, pfn << PAGE_SHIFT | TLB_RECORD_COUNTED | order);
}

void tlb_batch_free_table(struct tlb_batch *batch, pfn_t table)
{
    record(batch, table << PAGE_SHIFT | TLB_RECORD_TABLE);
}

static void release_frame(u64 pte)
{
    pfn_t pfn = (pte & PTE_ADDRESS) >> PAGE_SHIFT;

    if (leaf_is_counted(pte)) {
        frame_put(pfn, ORDER_4K);
    } else {
        frame_free(pfn, ORDER_4K);
    }
}

static void release_table(pfn_t table)
{
    const u64 *leaf = pfn_to_virt(table);

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        if (leaf[i] != 0) {
            release_frame(leaf[i]);
        }
    }
    frame_free(table, ORDER_4K);
}

static void release_records(const u64 *records, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        pfn_t pfn = records[i] >> PAGE_SHIFT;

        if (records[i] & TLB_RECORD_TABLE) {
            release_table(pfn);
        } else if (records[i] & TLB_RECORD_COUNTED) {
            frame_put_all(pfn, 1ull << (records[i] & (TLB_RECORD_COUNTED - 1)));
        } else if (records[i] & TLB_RECORD_OWN) {
            frame_free_own(pfn, (unsigned)(records[i] & (TLB_RECORD_OWN - 1)));
        } else {
            frame_free(pfn, (unsigned)(records[i] & TLB_RECORD_LOW));
        }
    }
}

void tlb_batch_release(struct tlb_batch *batch)
{
    release_records(batch->frame, batch->frames);
    while (batch->lists != NULL) {
        struct tlb_list *list = batch->lists;

        batch->lists = list->next;
        release_records(list->record, list->count);
        frame_free(virt_to_phys(list) >> PAGE_SHIFT, ORDER_4K);
    }
    batch->frames = 0;
}
