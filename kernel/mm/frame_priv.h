/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the frame allocator:
 *
 *   frame.c        public functions; what to try in which order
 *   frame_cache.c  magazines of each CPU, orders 0 and 9
 *   frame_zero.c   2 MiB frames zeroed ahead
 *   frame_own.c    2 MiB frames with the application's own contents
 *   frame_table.c  frames for page tables
 *   frame_lent.c   free frames that the host has
 *   frame_zone.c   the buddy allocator and its lock
 *   frame_boot.c   start-up
 *
 * Lock order: a magazine's (or a zeroing CPU's), the pool's (or the tables', or that of the lent),
 * the zone's.
 */
#pragma once

#include "buddy_priv.h"
#include "ram_list_priv.h"

/* frame_zone.c; any context. */

/* Start-up: the memory in `ram`, which loses what the descriptors take. */
must_check int zone_init(struct ram_list *ram);
/* Allocates up to `count` blocks; returns how many there were. */
unsigned zone_alloc(unsigned order, u32 *pfns, unsigned count);
void zone_free(unsigned order, const u32 *pfns, unsigned count);
void zone_get_stats(struct frame_stats *stats);
/* Free frames, as of a moment ago; no lock. */
u64 zone_free_estimate(void);
/* As of one block that is counted as free still, and back. */
must_check bool zone_lend(unsigned order, u32 *pfn);
void zone_take_back(unsigned order, u32 pfn);
u64 zone_lent_estimate(void);
/* BUG if the block is not in use, or not as large. */
void zone_check_used(pfn_t pfn, unsigned order);
must_check bool zone_is_used(pfn_t pfn, unsigned order);
void zone_check(void);
/* BUG if there is no such frame. */
struct frame_desc *zone_desc(pfn_t pfn);

/* frame_cache.c; any context. */

void cache_init(void);
bool cache_handles(unsigned order);
/* From this CPU's magazine, refilled if it is empty.  False: no memory. */
must_check bool cache_alloc(unsigned order, pfn_t *pfn);
void cache_free(unsigned order, pfn_t pfn);
/* Empties the magazines of all CPUs; returns how many frames that gave. */
u64 cache_drain(void);
u64 cache_frames(void);
void cache_check(void);

/* frame_table.c; any context. */

/* One for a page table, with undefined contents and FRAME_TAG_TABLE.  False: no memory. */
must_check bool table_alloc(pfn_t *pfn);
void table_free(pfn_t pfn);
/* Gives back what is kept; returns how many frames that gave. */
u64 table_drain(void);
u64 table_frames(void);

/* frame_zero.c; any context. */

void zeroed_init(void);
/* A zeroed 2 MiB frame, if there is one. */
must_check bool zeroed_take(pfn_t *pfn);
u64 zeroed_drain(void);
/* *ready: frames in the pool; returns those being zeroed as well. */
u64 zeroed_frames(u64 *ready);

/* frame_own.c; any context.  Returns how many frames that gave to the zone. */
u64 own_drain(void);
u64 own_frames(void);
/* How many have been used again: a sum. */
u64 own_taken(void);

/* frame_lent.c; any context. */

/* A block of them is to be used again: how many frames, 0: there is none. */
u64 lent_take_back(void);
/* Those that can be had so. */
u64 lent_frames(void);
