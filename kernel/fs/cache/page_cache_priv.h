/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the page cache:
 *
 *   page_cache.c    caches, finding pages, statistics
 *   page_fill.c     pages that are not there: read, or zeroed memory
 *   page_ahead.c    the thread that reads ahead
 *   page_large.c    frames of 2 MiB
 *   page_io.c, page_write.c     read(2) and write(2)
 *   page_change.c   truncation and holes
 *   page_sync.c     writing back
 *   page_shrink.c   eviction; the list of all caches
 *   page_writer.c   the thread that writes back and finds memory
 *   page_tree.c, readahead.c   pure
 *
 * A slot of the tree is 0 for a hole, else a frame and what is known of it:
 *
 *   63            12 11     6    5       4        3       2      1     0
 *   |  pfn          | unused| AHEAD | WRITING | RECENT | DIRTY | BUSY | HERE |
 */
#pragma once

#include <kernel/frame.h>
#include <kernel/list.h>
#include <kernel/pagecache.h>
#include <kernel/spinlock.h>
#include <kernel/types.h>
#include <stdatomic.h>

#include "page_tree_priv.h"
#include "readahead_priv.h"

#define SLOT_HERE 1ull
#define SLOT_BUSY 2ull     /* being read: nobody but the reader has it */
#define SLOT_DIRTY 4ull    /* newer than what the file system has */
#define SLOT_RECENT 8ull   /* used since eviction last came by */
#define SLOT_WRITING 16ull /* being written back */

#define SLOT_AHEAD 32ull /* who comes here has what follows read */
#define SLOT_FLAGS (PAGE_SIZE - 1)

static inline pfn_t slot_pfn(u64 slot)
{
    return slot >> PAGE_SHIFT;
}

/* (c) constant   (l) lock   (a) atomic   (g) lock of the list of caches */
struct page_cache {
    struct inode *inode;              /* (c) */
    const struct page_cache_ops *ops; /* (c) */
    struct spinlock lock;
    struct page_tree tree;  /* (l) */
    u64 pages, dirty;       /* (l) slots in use; of those with SLOT_DIRTY */
    u64 writing;            /* (l) of those with SLOT_WRITING */
    u64 writers;            /* (l) write(2)s: they may have frames of pages that look clean */
    struct readahead ahead; /* (l) */
    int error;              /* (l) of writing back, not reported yet */
    u64 hand;               /* (l) where eviction goes on */
    _Atomic u32 mappings;   /* (a) regions that map it */
    _Atomic u64 generation; /* (a) how often pages were taken away */
    nsec_t dirty_since;     /* (l) when `dirty` was 0 last */
    struct list all;        /* (g) of all caches */
    struct list written;    /* (g) of those that are written back */
    u64 pins;               /* (g) the cache must stay */
    u64 round;              /* (g) in which it was written back last */
};

/* The order of the largest block of frames for some of `pages` pages from `index` on. */
static inline unsigned page_block_order(u64 index, u64 pages)
{
    unsigned order = 0;

    while (order < ORDER_2M && IS_ALIGNED(index, 2ull << order) && 2ull << order <= pages) {
        order++;
    }
    return order;
}

/* How many pages the file's size needs. */
u64 page_cache_end(const struct page_cache *cache);
/* Where one waits for a page of the file. */
struct wait_queue *page_queue(const struct page_cache *cache, u64 index);
/* Waits while `flag` is set in the page's slot. */
void page_wait(struct page_cache *cache, u64 index, u64 flag);
/* A flag of the pages was cleared. */
void page_wake_run(struct page_cache *cache, u64 index, u64 pages);
/* How many pages from `index` on are not there, up to `most`. */
u64 page_holes(struct page_cache *cache, u64 index, u64 most);

/*
 * Frames for `count` pages from `index` on, in as large blocks as there are: few requests, and
 * large pages for mappings.  How many.
 */
unsigned page_take_frames(u64 index, pfn_t *frames, unsigned count);
void page_give_frames(const pfn_t *frames, unsigned count);
/* Brings the page `index`, and perhaps some after it.  0 does not mean it is still there. */
must_check int page_fill(struct page_cache *cache, u64 index);
/* And all around it that is missing of its 2 MiB, of a file that lives elsewhere. */
must_check int page_fill_window(struct page_cache *cache, u64 index);
/*
 * Pages that are being read, busy until page_run_read() has ended or page_run_drop()
 * has removed them; both free the run.
 */
struct page_run {
    struct list link; /* page_ahead.c */
    struct page_cache *cache;
    u64 index;
    unsigned count;
    pfn_t frame[];
};
/* Up to `count`; NULL: the first is there already, or there is no memory. */
struct page_run *page_run_claim(struct page_cache *cache, u64 index, unsigned count, u64 flags);
must_check int page_run_read(struct page_run *run);
void page_run_drop(struct page_run *run);

/* page_ahead.c.  Start-up, once. */
void page_ahead_start(void);
/* Is the caller that thread? */
bool page_ahead_is_me(void);
/* The reader has come to what was read ahead, or misses: what follows is read, if he streams. */
void page_ahead(struct page_cache *cache);

/* Is the file being read from one end to the other, and at `index` now? */
bool page_is_streaming(struct page_cache *cache, u64 index);
/*
 * page_large.c: a 2 MiB frame for the pages of a memory file from `index` on, of
 * which none is there.  -EINVAL: not a place for one; -EEXIST, -ENOMEM, -ENOSPC.
 */
must_check int page_fill_large(struct page_cache *cache, u64 index);
/*
 * Takes over a block of frames, all or none: 0, -EEXIST (there is a page), -ENOMEM.
 * The file is `size` bytes long with them, if it was not longer.
 */
must_check int page_insert_run(struct page_cache *cache, u64 index, pfn_t frame, u64 pages,
                               u64 flags, u64 size);
/* What the file system allows: 0 or -ENOSPC. */
must_check int page_reserve(struct page_cache *cache, s64 pages);
void page_unreserve(struct page_cache *cache, u64 pages);
/* As page_cache_get(), wherever the file ends. */
must_check int page_get_within(struct page_cache *cache, u64 index, bool write, pfn_t *frame);

/* Lock held: the totals change; the page gets dirty, if that means anything. */
void page_slot_count(struct page_cache *cache, s64 pages, s64 dirty);
void page_slot_dirty(struct page_cache *cache, u64 *slot);
/* Lock held: the file is at least `size` bytes long.  Who sees that sees the bytes. */
void page_extend(struct page_cache *cache, u64 size);

/* Counts pages that were read, written, evicted. */
enum page_count { PAGES_READ, PAGES_WRITTEN, PAGES_EVICTED, PAGE_COUNTS };
void page_count(enum page_count what, u64 pages);

/* The list of all caches (page_shrink.c).  page_caches_remove() waits until nobody pins it. */
void page_caches_add(struct page_cache *cache);
void page_caches_remove(struct page_cache *cache);
u64 page_caches_count(void);
/* A number that no cache was found under yet. */
u64 page_caches_round(void);
/* One with pages dirty since `before`, or that is mapped, pinned; NULL: no more. */
struct page_cache *page_caches_next_dirty(u64 round, nsec_t before);
struct page_cache *page_caches_next_mapped(void);
void page_cache_unpin(struct page_cache *cache);
/* Would it be after `pages` more? */
bool page_memory_is_short(u64 pages);
/* Evicts if memory is short or will be after `pages` more; thread context. */
void page_cache_make_room(u64 pages);
/* Unmaps a part of the file, the next one each time, and evicts it: how many pages. */
u64 page_evict_mapped(struct page_cache *cache);

/* page_writer.c.  Start-up, once. */
void page_writer_start(void);
/* There are dirty pages now.  Any context. */
void page_writer_note_dirty(void);
/* Before more pages of the file get dirty: writes it back if there are too many. */
void page_balance_dirty(struct page_cache *cache);
/* page_sync.c: page_cache_sync() without telling of errors; by pages.  `all`: whatever fails. */
void page_write_back(struct page_cache *cache, u64 index, u64 end, bool all);
/* page_cache.c: of all files. */
u64 page_dirty_total(void);
