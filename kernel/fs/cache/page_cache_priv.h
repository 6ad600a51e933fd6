/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the page cache:
 *
 *   page_cache.c    caches, finding pages, statistics
 *   page_fill.c     pages that are not there: read, or zeroed memory
 *   page_large.c    the same by 2 MiB
 *   page_io.c       read(2) and write(2)
 *   page_change.c   truncation and holes
 *   page_sync.c     writing back
 *   page_shrink.c   eviction
 *   page_tree.c, readahead.c   pure
 *
 * A slot of the tree is 0 for a hole, else a frame and what is known of it:
 *
 *   63            12 11     5    4        3       2      1     0
 *   |  pfn          | unused| WRITING | RECENT | DIRTY | BUSY | HERE |
 */
#pragma once

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
    struct readahead ahead; /* (l) */
    int error;              /* (l) of writing back, not reported yet */
    u64 hand;               /* (l) where eviction goes on */
    _Atomic u32 mappings;   /* (a) regions that map it */
    _Atomic u64 generation; /* (a) how often pages were taken away */
    struct list all;        /* (g) of all caches */
};

/* How many pages the file's size needs. */
u64 page_cache_end(const struct page_cache *cache);
/* Waits while `flag` is set in the page's slot. */
void page_wait(struct page_cache *cache, u64 index, u64 flag);
/* The flag was cleared. */
void page_wake(struct page_cache *cache, u64 index);

/* Brings the page `index`, and perhaps some after it.  0 does not mean it is still there. */
must_check int page_fill(struct page_cache *cache, u64 index);
/*
 * page_large.c: a 2 MiB frame for the pages from `index` on, of which none is there.
 * -EINVAL: not a place for one; -EEXIST, -ENOMEM, -ENOSPC.
 */
must_check int page_fill_large(struct page_cache *cache, u64 index);
/* Takes over the frame: 0, -EEXIST (there is a page), -ENOMEM. */
must_check int page_insert(struct page_cache *cache, u64 index, pfn_t frame, u64 flags);
/* What the file system allows: 0 or -ENOSPC. */
must_check int page_reserve(struct page_cache *cache, s64 pages);
void page_unreserve(struct page_cache *cache, u64 pages);
/* As page_cache_get(), wherever the file ends. */
must_check int page_get_within(struct page_cache *cache, u64 index, bool write, pfn_t *frame);

/* Lock held: the totals change; the page gets dirty, if that means anything. */
void page_slot_count(struct page_cache *cache, s64 pages, s64 dirty);
void page_slot_dirty(struct page_cache *cache, u64 *slot);

/* Counts pages that were read, written, evicted. */
enum page_count { PAGES_READ, PAGES_WRITTEN, PAGES_EVICTED, PAGE_COUNTS };
void page_count(enum page_count what, u64 pages);

/* The list of all caches (page_shrink.c). */
void page_caches_add(struct page_cache *cache);
void page_caches_remove(struct page_cache *cache);
/* Evicts if memory is short; thread context. */
void page_cache_make_room(void);
