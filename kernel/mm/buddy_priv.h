/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator's policy: which frames are free, in naturally aligned
 * blocks of 2^order.  Pure: no locks, no access to the frames themselves; the
 * descriptors' memory is the caller's.  See buddy.c for how it works.
 */
#pragma once

#include <kernel/frame.h>
#include <kernel/types.h>
#include <stdatomic.h>

#define BUDDY_NONE UINT32_MAX /* no frame: end of a list */

enum frame_state {
    FRAME_NOT_FIRST = 0, /* inside a block, or no memory of ours at all */
    FRAME_FREE = 1,      /* first frame of a free block, on its order's list */
    FRAME_USED = 2,      /* first frame of an allocated block */
};

/*
 * One per frame, 16 bytes.  `order` and the links mean something in a block's
 * first frame only.
 * (b) the buddy's lock   (o) whoever owns the allocated frame   (a) atomic
 */
struct frame_desc {
    u32 next, prev;   /* (b) neighbours in the free list; of a used block: (o) a note, unused */
    u8 order;         /* (b) */
    u8 state;         /* (b) enum frame_state */
    u16 tag;          /* (o) enum frame_tag and the owner's number; 0 when freed */
    _Atomic u32 uses; /* (a) further uses beyond the first; 0 when freed */
};
_Static_assert(sizeof(struct frame_desc) == 16, "the descriptors take 1/256 of all memory");

/*
 * Invariants, walked by buddy_check():
 *   free = sum over orders of count[order] << order
 *   bit `order` of nonempty <=> count[order] > 0 <=> head[order] != BUDDY_NONE
 *   a block's first frame is a multiple of 1 << order
 *   a free block's buddy is not a free block of the same order
 *   total = free + sum over used blocks of 1 << order   (if `cleared`)
 * Other frames of a used block are FRAME_NOT_FIRST; those of a free block and
 * of holes are too, or were never written at all.
 */
struct buddy {
    struct frame_desc *frames; /* frames[pfn - base] */
    pfn_t base, end;           /* frames that have a descriptor */
    pfn_t added_end;           /* end of the last range added */
    bool cleared;              /* descriptors of holes are known to be zero */
    u64 total, free;           /* frames */
    u32 nonempty;              /* bit per order */
    u32 head[FRAME_ORDERS];
    u64 count[FRAME_ORDERS];
};

/*
 * Starts without memory.  `frames` has end - base elements.  With `clear`
 * they are zeroed, which lets every wrong free be seen; without, nothing is
 * written and only blocks that were in use once are guarded.
 */
void buddy_init(struct buddy *b, struct frame_desc *frames, pfn_t base, pfn_t end, bool clear);

/* Hands in [start, end), inside [base, end); ranges come in ascending order. */
void buddy_add(struct buddy *b, pfn_t start, pfn_t end);

/*
 * 0 and the first frame, or -ENOMEM.  The caller calls buddy_format() on the
 * block before it uses the descriptors; that needs no lock.
 */
must_check int buddy_alloc(struct buddy *b, unsigned order, pfn_t *pfn);
void buddy_format(struct buddy *b, pfn_t pfn, unsigned order);

/* What buddy_alloc() gave, or an aligned part of it; else BUG. */
void buddy_free(struct buddy *b, pfn_t pfn, unsigned order);

/* BUG unless buddy_free() could take the block now.  Changes nothing. */
void buddy_check_used(const struct buddy *b, pfn_t pfn, unsigned order);

/* Is it a block in use, or an aligned part of one? */
must_check bool buddy_is_used(const struct buddy *b, pfn_t pfn, unsigned order);

/* BUG on a broken invariant. */
void buddy_check(const struct buddy *b);

static inline struct frame_desc *buddy_desc(const struct buddy *b, pfn_t pfn)
{
    return &b->frames[pfn - b->base];
}
