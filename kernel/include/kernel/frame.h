/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: frames of 4 KiB and naturally aligned blocks of 2^order of
 * them, up to 1 GiB.  A buddy allocator behind per-CPU caches for order 0
 * (4 KiB) and order 9 (2 MiB): a CPU touches no other one's cache lines until
 * its cache is empty, or full, or memory runs out.
 *
 * All functions: any context but NMI; none blocks.
 */
#pragma once

#include <kernel/types.h>

enum frame_order {
    ORDER_4K = 0,
    ORDER_2M = LARGE_SHIFT - PAGE_SHIFT,
    ORDER_1G = GIANT_SHIFT - PAGE_SHIFT,
    FRAME_ORDERS = ORDER_1G + 1,
};

#define FRAME_ZERO 1u /* contents zero; else undefined (filled in debug builds) */

/* 0 and the first frame in *pfn, or -ENOMEM.  `order` < FRAME_ORDERS. */
must_check int frame_alloc(unsigned order, unsigned flags, pfn_t *pfn);

/* As frame_alloc() with FRAME_ZERO; *ahead: it had been zeroed before. */
must_check int frame_alloc_zeroed(unsigned order, pfn_t *pfn, bool *ahead);

/* A frame for a page table: as order 0 of frame_alloc(), but apart from the others. */
must_check int frame_alloc_table(unsigned flags, pfn_t *pfn);

/* Gives back what frame_alloc() gave, or an aligned part of it. */
void frame_free(pfn_t pfn, unsigned order);

/*
 * The same for memory without a file that the application gives back by name.  A frame
 * of 2 MiB may be kept for frame_take_own(), which gives one as it is, or false.
 */
void frame_free_own(pfn_t pfn, unsigned order);
must_check bool frame_take_own(pfn_t *pfn);

/* How often a frame is mapped or otherwise used; starts at 1 (order 0 only). */
void frame_get(pfn_t pfn);
/* Drops one use; frees at 0. */
void frame_put(pfn_t pfn, unsigned order);
/* As these two for `count` frames side by side, order 0. */
void frame_get_all(pfn_t pfn, u64 count);
void frame_put_all(pfn_t pfn, u64 count);
/* As of now.  1: the caller's own; it stays so if nobody else can reach the frame. */
u32 frame_uses(pfn_t pfn);
/* Is 1 what frame_uses() gives of each? */
bool frame_used_once(pfn_t pfn, u64 count);
/*
 * A mark on a frame, as of FRAME_HELD further uses: whoever finds so many lets it be, until
 * frame_release(), which frees the frame if all uses have gone meanwhile.  By one at a time.
 */
#define FRAME_HELD (1u << 30)
void frame_hold(pfn_t pfn);
void frame_release(pfn_t pfn);

/*
 * Who can give frames back when there are none: called from inside
 * frame_alloc(), with any lock held; it may try locks, free frames, and no
 * more.  Returns how many frames of 4 KiB it has freed.
 */
void frame_set_reclaim(u64 (*fn)(u64 frames));

struct frame_stats {
    u64 total;                  /* frames the allocator manages */
    u64 free;                   /* frames free, caches, zeroed and lent ones included */
    u64 zeroed;                 /* of those: zeroed ahead */
    u64 lent;                   /* of the free: the host's until they are used */
    u64 by_order[FRAME_ORDERS]; /* free blocks in the buddy lists */
};
void frame_get_stats(struct frame_stats *stats);

/*
 * Free frames, without a lock and as of a moment ago: what the CPUs' caches
 * hold (at most 8.3 MiB each) is not counted.
 */
u64 frame_free_estimate(void);

/*
 * A note of the owner that stays with an allocated frame; it is 0 after
 * frame_alloc() and must be 0 at frame_free().  Only the owner may ask.
 */
enum frame_tag {
    FRAME_TAG_NONE = 0,
    FRAME_TAG_CACHED = 1,     /* free, in a CPU's cache */
    FRAME_TAG_ZEROED = 2,     /* free, in the pool of zeroed frames */
    FRAME_TAG_TABLE = 3,      /* frame_alloc_table()'s; frame_free() takes it off */
    FRAME_TAG_TABLE_FREE = 4, /* kept for page tables */
    FRAME_TAG_LENT = 5,       /* free, and the host has it */
    FRAME_TAG_OWN = 6,        /* free, with what the application had there */
    FRAME_TAG_LARGE = 0x4000, /* kmalloc: first frame of a large object, + order */
    FRAME_TAG_SLAB = 0x8000,  /* kmalloc: + which frame of its slab */
};
void frame_set_tag(pfn_t pfn, u16 tag);
u16 frame_tag(pfn_t pfn);

/* A number that the owner of an allocated block leaves with its first frame; undefined before. */
void frame_set_note(pfn_t pfn, u32 note);
u32 frame_note(pfn_t pfn);

/* Could frame_free() take that as one block?  Whoever owns all of it may ask. */
must_check bool frame_is_block(pfn_t pfn, unsigned order);

/*
 * Works at zeroing one free 2 MiB frame ahead of need and keeps it aside.
 * For idle CPUs, with no spinlock held.  Asks keep_going() every three
 * microseconds and leaves off when that says false; the next call on this CPU goes
 * on there.  True if there is more to do, false when enough are ready.
 */
bool frame_zero_ahead(bool (*keep_going)(void));
/* One such step, for an idle loop that looks for work between its calls. */
bool frame_zero_ahead_idle(void);
/*
 * Start-up: fn is called when less than half of the frames are ready that
 * should be, from inside frame_alloc(), with any lock held: it may wake a CPU
 * that sleeps, and no more.
 */
void frame_zero_on_low(void (*fn)(void));

/*
 * Free memory that goes to the host until it is used again.  First blocks are taken that
 * nobody can allocate then: 2 MiB to 64 MiB each, `frames` in all and `count` at
 * most; how many there were.  When the host has let them go, frame_lent()
 * makes them free again, to be used when there is nothing else; or frame_lend_cancel().
 */
struct frame_block {
    pfn_t pfn;
    unsigned order;
};
must_check unsigned frame_lend(struct frame_block *blocks, unsigned count, u64 frames);
void frame_lent(const struct frame_block *blocks, unsigned count);
void frame_lend_cancel(const struct frame_block *blocks, unsigned count);
/*
 * Since the last call; of one caller.  The least that was free, without what is kept
 * aside: in the CPUs' caches, zeroed ahead, with the application's own contents.
 */
u64 frame_take_low(void);
/* Was none of the last two kinds used? */
bool frame_take_unused(void);
/* What is kept aside in these two ways is free for other uses; only a few are zeroed from now. */
void frame_trim(void);

/*
 * Start-up, one CPU with its GS base set.  Hands the allocator the RAM in
 * [start, end), in any order, at most 32 ranges; the frames' descriptors are
 * taken from it.  The direct map covers it already.  -ENOMEM.
 */
struct mem_range {
    paddr_t start, end;
};
must_check int frame_init(const struct mem_range *ram, unsigned count);

/*
 * Start-up, before frame_init(): zeroed 4 KiB frames for page tables, from the
 * RAM given (within what is mapped already at direct_map_base), lowest first.
 * frame_init(), which may be given more RAM, leaves out what was taken.
 */
void frame_early_init(const struct mem_range *ram, unsigned count);
paddr_t frame_early_alloc(void);

/* Walks every list; BUG on a broken invariant.  Takes the buddy's lock. */
void frame_check(void);

/* The kernel's window on physical memory, at a place drawn at boot. */
extern vaddr_t direct_map_base;
extern u64 direct_map_size; /* bytes, holes included */

static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(direct_map_base + pa);
}

static inline paddr_t virt_to_phys(const void *va)
{
    return (paddr_t)((vaddr_t)va - direct_map_base);
}

static inline void *pfn_to_virt(pfn_t pfn)
{
    return phys_to_virt(pfn << PAGE_SHIFT);
}
