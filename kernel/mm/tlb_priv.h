/* SPDX-License-Identifier: MIT */
/*
 * Between tlb_batch.c (what to flush and to free; pure) and tlb.c (doing it
 * on all CPUs).
 */
#pragma once

#include <kernel/tlb.h>
#include <kernel/types.h>

/*
 * A frame to be freed: its address, and in the low bits its order, or
 * TLB_RECORD_TABLE for a level-1 table that goes with all it maps.
 */
#define TLB_RECORD_TABLE 0x800ull
#define TLB_RECORD_COUNTED 0x400ull /* uses are counted, by 4 KiB: one is dropped */
#define TLB_RECORD_OWN 0x200ull     /* for frame_free_own() */
#define TLB_RECORD_LOW (PAGE_SIZE - 1)

#define TLB_LIST_RECORDS (PAGE_SIZE / sizeof(u64) - 2)

/* One page of records. */
struct tlb_list {
    struct tlb_list *next;
    u64 count;
    u64 record[TLB_LIST_RECORDS];
};
_Static_assert(sizeof(struct tlb_list) == PAGE_SIZE, "one frame each");

/* Is one full flush cheaper than flushing what is listed page by page? */
bool tlb_batch_wants_all(const struct tlb_batch *batch, u64 flush_all_above);
/* Anything to flush? */
bool tlb_batch_stale(const struct tlb_batch *batch);
/* Frees the frames.  No TLB may know them any more. */
void tlb_batch_release(struct tlb_batch *batch);
