/* SPDX-License-Identifier: MIT */
/*
 * Shoot-down of stale translations, in batches.
 *
 *   struct tlb_batch batch;
 *   tlb_batch_init(&batch);
 *   ... change entries; for each: tlb_batch_add(&batch, va, size, step) ...
 *   ... frames that were mapped: tlb_batch_free(&batch, pfn, order) ...
 *   tlb_batch_finish(&batch);
 *
 * finish() flushes this CPU, interrupts each other CPU that runs once (idle
 * CPUs flush when they wake up), waits for them, and only then frees.  A
 * batch has room for any number of frames, as long as there is memory to
 * list them in; when there is none (tlb_batch_full) it is finished on the way.
 * Thread context, no spinlock held at finish; the others under any lock below
 * RANK_FRAMES.
 */
#pragma once

#include <kernel/types.h>

#define TLB_BATCH_RANGES 8
#define TLB_BATCH_FRAMES 16 /* without further memory */

struct tlb_list; /* a page of further frames */

struct tlb_batch {
    unsigned ranges;
    bool all;  /* too much to list: flush everything */
    u64 pages; /* leaves to be flushed */
    struct {
        vaddr_t start, end;
        u64 step; /* leaf size: one INVLPG each */
    } range[TLB_BATCH_RANGES];
    unsigned frames;             /* used of `frame` */
    u64 frame[TLB_BATCH_FRAMES]; /* see tlb_priv.h */
    struct tlb_list *lists;      /* filled when `frame` is full */
};

void tlb_batch_init(struct tlb_batch *batch);
/* `step` is the size of the leaves that were there (4 KiB, 2 MiB or 1 GiB). */
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, u64 size, u64 step);
/* Adds what another batch is to flush; it has no frames. */
void tlb_batch_join(struct tlb_batch *batch, const struct tlb_batch *other);
/* The frame is freed when no TLB knows it any more.  BUG if the batch is full. */
void tlb_batch_free(struct tlb_batch *batch, pfn_t pfn, unsigned order);
/* The same, by frame_free_own(). */
void tlb_batch_free_own(struct tlb_batch *batch, pfn_t pfn, unsigned order);
/* Of a leaf that is counted: one use of each of its frames is dropped. */
void tlb_batch_put(struct tlb_batch *batch, pfn_t pfn, unsigned order);
/* A level-1 table that was unlinked whole, and the frames that it maps. */
void tlb_batch_free_table(struct tlb_batch *batch, pfn_t table);
/* No room for one more frame?  Then release the window lock and finish first. */
must_check bool tlb_batch_full(struct tlb_batch *batch);
/* Leaves the batch empty, as tlb_batch_init() does. */
void tlb_batch_finish(struct tlb_batch *batch);

/* This CPU only. */
void tlb_flush_local(const struct tlb_batch *batch);
void tlb_flush_all_local(void);

/* From the IPI handler, and from loops that spin with interrupts off. */
void tlb_shootdown_poll(void);

/*
 * Around a halt: a CPU that is idle is not interrupted for shoot-downs.  It
 * must not touch application memory before tlb_idle_exit(); interrupt
 * handlers that run in between do not either.  Interrupts off or the idle
 * thread, which does not move.
 */
void tlb_idle_enter(void);
void tlb_idle_exit(void);

struct tlb_stats {
    u64 batches, ipis, full_flushes, pages;
};
void tlb_get_stats(struct tlb_stats *stats);
