/* SPDX-License-Identifier: MIT */
/*
 * The page cache: file contents by page, shared by read(2), write(2) and
 * every mapping.  One per inode.
 *
 * A page is a 4 KiB frame, perhaps one of 512 that make a 2 MiB one; the cache holds one use of it
 * (frame_get), each mapping another. Clean pages that nobody maps are given back when memory runs
 * short, oldest first.
 *
 * Thread context, no spinlock held, except where it says.
 */
#pragma once

#include <kernel/types.h>

struct inode;
struct io;
struct page_cache;

struct page_cache_ops {
    /*
     * Fills `count` frames with pages from `index` on; beyond the end of the
     * file with zeroes.  The pages are locked.  0 or -EIO and the like.
     */
    int (*read)(struct inode *inode, u64 index, const pfn_t *frames, unsigned count);
    /* Writes them back: up to `size` bytes in all.  NULL: memory is where they live. */
    int (*write)(struct inode *inode, u64 index, const pfn_t *frames, unsigned count, u64 size);
    /* Before memory is used for a page that was a hole: 0 or -ENOSPC.  NULL: no limit. */
    int (*reserve)(struct inode *inode, s64 pages);
};

must_check int page_cache_new(struct inode *inode, const struct page_cache_ops *ops,
                              struct page_cache **cache);
/* ops->read of NULL: memory is all there is, holes are zeroes, nothing is ever evicted.
 * Else clean pages may go at any time and are read again. */
/* All pages go; nothing is written.  The inode is going away. */
void page_cache_free(struct page_cache *cache);

/*
 * read(2) and write(2) below the size that the inode has.  A write that goes
 * beyond it sets inode->size; the caller holds inode->lock for a write.
 */
must_check int page_cache_read(struct page_cache *cache, struct io *io, u64 *pos);
must_check int page_cache_write(struct page_cache *cache, struct io *io, u64 *pos);

/*
 * The page `index`, read if need be, for a mapping: with a use for the caller.
 * `write`: it will be dirty.  -ENODATA beyond the end (SIGBUS), -EIO, -ENOMEM.
 */
must_check int page_cache_get(struct page_cache *cache, u64 index, bool write, pfn_t *frame);
/*
 * The 2 MiB frame of the pages from `index` on, with a use of each of its 512.
 * -EEXIST: not so; -EINVAL: no such place, or the file is too short; -ENOMEM, -EIO.
 */
enum large_effort {
    LARGE_IF_READY, /* only if they lie side by side */
    LARGE_MAKE,     /* else they are moved together; a memory file gets what it has not */
    LARGE_READ,     /* and a file that is being read through is read on */
};
must_check int page_cache_get_large(struct page_cache *cache, u64 index, enum large_effort effort,
                                    pfn_t *frame);
/* Is it so small that it is read by windows of 2 MiB, whatever part of one is wanted? */
bool page_cache_takes_windows(struct page_cache *cache);
/* Is all that is there of a window to be mapped at once? */
bool page_cache_maps_windows(struct page_cache *cache);
/* And it never changes, so that private copies of its pages may be made ahead? */
bool page_cache_may_copy_ahead(struct page_cache *cache);
/*
 * Frames of 2 MiB of the caller's own with the pages from `index` on, read past the cache: how
 * many, up to `count`.  -EINVAL: not a file to copy ahead, or too short; -ENOMEM, -EIO.
 */
must_check int page_cache_copy_large(struct page_cache *cache, u64 index, unsigned count,
                                     pfn_t *frames);
/* As that, but single pages: all, or -EINVAL, -ENOMEM, -EIO.  -EEXIST: the cache has the first. */
must_check int page_cache_copy_pages(struct page_cache *cache, u64 index, unsigned count,
                                     pfn_t *frames);
/* Whatever of [index, index + count) is there already: how many in a row, each with a use. */
unsigned page_cache_get_ready(struct page_cache *cache, u64 index, unsigned count, pfn_t *frames);
/*
 * The first page from *index on, before `end`, that has data or is a hole: false if there is
 * none.  Only memory files have holes.
 */
must_check bool page_cache_seek(struct page_cache *cache, u64 *index, u64 end, bool data);
void page_cache_set_dirty(struct page_cache *cache, u64 index);

/* A mapping comes or goes; while there are none, taking pages away is cheaper. */
void page_cache_add_mapping(struct page_cache *cache, int n);
/* How often pages were taken away: see page_change.c.  Any context. */
u64 page_cache_generation(struct page_cache *cache);
/* Is it worth telling when a page is written to? */
bool page_cache_has_dirty(struct page_cache *cache);
/* madvise(2): the application says how it will read. */
void page_cache_will_need(struct page_cache *cache, u64 index, u64 count);
/*
 * What is not there of `count` pages from `index` on, by the caller's thread, in requests of up
 * to 2 MiB and whatever the file's size; others may read other parts meanwhile.
 */
void page_cache_read_ahead(struct page_cache *cache, u64 index, u64 count);
/* As the first, but nobody waits: of a file that is read by windows, those that are not there at
 * all. */
void page_cache_will_need_soon(struct page_cache *cache, u64 index, u64 count);

/*
 * Pages from `size` on go, the rest of the last one is zeroed; mappings too.
 * The inode has its new size already, if it shrinks.
 */
void page_cache_truncate(struct page_cache *cache, u64 size);
/* Pages wholly in the range become holes (PUNCH_HOLE), edges are zeroed; mappings too. */
must_check int page_cache_punch(struct page_cache *cache, u64 start, u64 end);
/* Writes dirty pages of the range back, and waits.  0 or the first error since the last call. */
must_check int page_cache_sync(struct page_cache *cache, u64 start, u64 end);
/*
 * The file was changed by somebody else: clean pages that nobody maps go, those that are being
 * read as soon as they are; how many are left.
 */
u64 page_cache_drop_clean(struct page_cache *cache);
/* posix_fadvise(2), DONTNEED: those that lie wholly in [start, end), bytes. */
void page_cache_forget(struct page_cache *cache, u64 start, u64 end);
u64 page_cache_pages(struct page_cache *cache);

/* Gives up to `pages` clean, unmapped pages back to the frame allocator; returns how many. */
u64 page_cache_shrink(u64 pages);

/*
 * Memory is short: names, clean pages, then mapped and dirty ones are given back by
 * a thread that the caller waits for.  True if that helped.  Thread context; the
 * caller may hold mutexes, but none that a file system takes to drop an inode.
 */
bool page_cache_find_memory(void);
/* How often to look for dirty pages, and how old they must be; 0: as at start. */
void page_cache_set_write_back(nsec_t interval, nsec_t age);

struct page_cache_stats {
    u64 pages, dirty, mapped, read, written, evicted;
    u64 memory; /* of the pages: of files that are nowhere else */
};
void page_cache_get_stats(struct page_cache_stats *stats);
