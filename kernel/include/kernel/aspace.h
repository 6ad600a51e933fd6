/* SPDX-License-Identifier: MIT */
/*
 * The address space: an ordered set of regions, and what may be done to
 * them.  mmap(2), munmap(2), mprotect(2) and madvise(2) are thin wrappers.
 *
 * Addresses and sizes are multiples of PAGE_SIZE; sizes above 0; a range
 * ends at or below VADDR_END, does not start below ASPACE_MIN and has no part
 * in the kernel's own regions.  -EINVAL otherwise.
 *
 * Locking (docs/locking.md): lookups and anonymous faults hold a big-reader
 * lock, own CPU's cache line only.  An operation changes the set under the
 * write side, briefly, and then works on the page tables of regions that it
 * has marked busy; operations on overlapping ranges and faults in them wait
 * for it, everything elsewhere does not.
 *
 * The operations are for thread context with no spinlock held.  They are
 * all or nothing: when one fails, nothing has changed (but see
 * aspace_populate).
 */
#pragma once

#include <kernel/rbtree.h>
#include <kernel/trap.h>
#include <kernel/types.h>
#include <stdatomic.h>

struct file;       /* vfs.h */
struct page_cache; /* pagecache.h */

#define ASPACE_MIN (64 * KIB) /* NULL pointers with an offset trap */

#define MAP_PLACE_HINT 0u      /* `hint` if that is free, else elsewhere */
#define MAP_PLACE_FIXED 1u     /* exactly there, replacing what is there */
#define MAP_PLACE_NOREPLACE 2u /* exactly there or -EEXIST */
#define MAP_PLACE_MASK 3u
#define MAP_STACK_GUARD 4u /* leave an unmapped page below */
#define MAP_SHARE 8u       /* others see what is written; MADV_DONTNEED loses nothing */

/* What a region is for; faults on it go to the kind's handler. */
enum region_kind {
    REGION_ANON,   /* zero-filled on demand */
    REGION_FILE,   /* pages of a file's cache, or copies of them */
    REGION_KERNEL, /* the kernel's own: no operation from outside touches it */
};

/* Page-size advice of a region (madvise, later the GC hooks). */
enum region_pages {
    PAGES_DEFAULT, /* the policy decides: 2 MiB wherever a window fits */
    PAGES_SMALL,   /* 4 KiB only */
    PAGES_LARGE,   /* 2 MiB, also where that means promoting */
    PAGES_GIANT,   /* 1 GiB where nothing is in one yet, else 2 MiB */
    PAGES_UP_TO_2M /* as PAGES_DEFAULT, and never 1 GiB */
};

/* The file behind a region, shared by the regions that one mapping was split into. */
struct region_object {
    _Atomic u32 uses;         /* regions, and faults under way */
    bool may_write;           /* PROT_WRITE may come by mprotect(2) */
    bool shared;              /* and would reach the file */
    struct file *file;        /* a reference */
    struct page_cache *cache; /* of its inode */
};

/* (m) changed under the write lock; while busy only by the operation that made it so */
struct region {
    struct rb_node node; /* (m) */
    vaddr_t start, end;  /* (m) */
    u8 prot;             /* (m) PROT_* */
    u8 kind;             /* (m) enum region_kind */
    u8 pages;            /* (m) enum region_pages */
    bool guard;          /* (m) placement leaves a page free below it */
    bool busy;           /* (m) an operation works on its page tables: faults wait */
    bool closing;        /* (m) being unmapped: faults see no region */
    bool shared;         /* (m) MAP_SHARE */
    u64 offset;          /* (m) REGION_FILE: of `start` in the file, a multiple of a page */
    struct region_object *object; /* (m) REGION_FILE: one use; else NULL */
};

/* Start-up, one CPU, after memory_init(). */
must_check int aspace_init(void);

/*
 * Maps anonymous memory.  Returns the address in *addr.  -ENOMEM: no memory
 * or no room; -EEXIST: see MAP_PLACE_NOREPLACE.  A hint is rounded down to a
 * page.  Mappings of 2 MiB and more are placed at a multiple of that.
 */
must_check int aspace_map(vaddr_t hint, u64 size, unsigned prot, unsigned flags, vaddr_t *addr);
/*
 * Maps a file that has a page cache, from `offset` (a multiple of a page) on; the
 * mapping keeps a reference to it.  Private pages are copied at the first write.
 * -ENODEV: it has none.  Whether the file was opened for that is the caller's to ask.
 */
must_check int aspace_map_file(vaddr_t hint, u64 size, unsigned prot, unsigned flags,
                               struct file *file, u64 offset, vaddr_t *addr);
/* Unmaps whatever is mapped in the range; holes are no error.  -ENOMEM: no
 * memory to split what is mapped only partly in the range. */
must_check int aspace_unmap(vaddr_t start, u64 size);
/* -ENOMEM if part of the range is not mapped; -EACCES: a shared file not open for writing. */
must_check int aspace_protect(vaddr_t start, u64 size, unsigned prot);
/*
 * MADV_DONTNEED: the next access finds zeroes, or what the file has; shared
 * memory without a file keeps its contents.  -ENOMEM as above.
 */
must_check int aspace_discard(vaddr_t start, u64 size);
/* The same, but -ENOMEM comes half-way, and holes and shared memory without a file are left
 * out; large frames may be kept for aspace_populate_unzeroed(). */
must_check int aspace_discard_own(vaddr_t start, u64 size);
/* MADV_HUGEPAGE / NOHUGEPAGE.  -ENOMEM as above. */
must_check int aspace_advise_pages(vaddr_t start, u64 size, enum region_pages pages);
/* The same without promoting anything. */
must_check int aspace_set_pages(vaddr_t start, u64 size, enum region_pages pages);
/* Backs the range with frames now (MAP_POPULATE).  -ENOMEM; what is backed
 * until then stays.  Pages of private files are copied if they are writable. */
must_check int aspace_populate(vaddr_t start, u64 size);
/* As aspace_populate(); private memory without a file may show what was in such memory when
 * it was given to aspace_discard_own(), and nothing else. */
must_check int aspace_populate_unzeroed(vaddr_t start, u64 size);
/*
 * Backs all of it with 2 MiB pages, promotes what is smaller, and then makes that the advice.
 * -EINVAL: alignment, or not private memory without a file, of one region in each window;
 * -ENOMEM: no such frames, or a hole: the advice is as it was, and what is backed stays.
 */
must_check int aspace_require_large(vaddr_t start, u64 size);
/* The same with 1 GiB pages, of one region in each. */
must_check int aspace_require_giant(vaddr_t start, u64 size);

/*
 * Backs the GiB at `va` with one page, if its advice is that, it lies in one region, and nothing is
 * in it.  0 (also if not), -ENOMEM: no such frame.  `zero` zeroes its frame; NULL: done here.
 */
must_check int aspace_populate_giant(vaddr_t va, void (*zero)(void *arg, void *at, u64 size),
                                     void *arg);
/* MADV_POPULATE_READ and _WRITE: -ENOMEM, -EFAULT (beyond the end of a file), -EINVAL. */
must_check int aspace_populate_access(vaddr_t start, u64 size, bool write);
/*
 * mremap(2): moves what is mapped at [start, start + old_size) to a place of
 * new_size, by moving entries of the page table.  The rest of the new place is
 * mapped likewise.  -EFAULT: the old range is not one region; -ENOMEM; -EINVAL.
 */
#define MOVE_MAY 1u   /* MREMAP_MAYMOVE */
#define MOVE_FIXED 2u /* to *addr, replacing what is there */
#define MOVE_KEEP 4u  /* MREMAP_DONTUNMAP: an empty mapping stays behind */
must_check int aspace_move(vaddr_t start, u64 old_size, u64 new_size, unsigned flags,
                           vaddr_t *addr);
/*
 * Pages change places: gc-hooks/include/moka/remap.h says how.  How many pairs are
 * done, from the first; or, when that is none: -EINVAL, -ENXIO (a place is not mapped),
 * -EOPNOTSUPP (or by a file), -EBUSY, -ENOMEM.  Only when memory is short are it fewer than all.
 */
enum remap_kind {
    REMAP_SWAP,     /* exchange */
    REMAP_MOVE,     /* what was at `to` is given back */
    REMAP_SHARE,    /* and `from` keeps its pages too: the same ones */
    REMAP_SNAPSHOT, /* or as many of its own, copied when they are written to */
};
struct remap_pair {
    vaddr_t to, from;
    u64 size;
};
struct aspace_remap {
    enum remap_kind kind;
    bool unmap;  /* REMAP_MOVE: the sources; else they are left without frames */
    bool slides; /* the places of a pair may overlap */
    bool quiet;  /* nobody accesses them meanwhile */
    const struct remap_pair *pairs;
    u64 count;
};
must_check s64 aspace_remap(const struct aspace_remap *request);

/*
 * With `quiet`, the pairs of a call of less than so many bytes in all are copied, but those
 * of which a window of 2 MiB can go by its entry.  Measured the first time; 0: nothing is
 * copied, as there was no memory to measure with.
 */
u64 aspace_copy_below(void);

/* What remaps have done since the start: entries stored, bytes copied instead. */
struct aspace_remap_stats {
    u64 pairs, small, large, giant, copied, splits, shootdowns, copies;
};
void aspace_get_remap_stats(struct aspace_remap_stats *stats);

/* Makes one 2 MiB window a large page if it is wholly backed by 4 KiB ones
 * of one region: 0, -EINVAL (not such a window), -ENOMEM. */
must_check int aspace_promote(vaddr_t window);

/* All windows in [start, end) that may be; pages that are missing in one become zeroes.
 * *made: how many.  0 or -ENOMEM. */
must_check int aspace_promote_range(vaddr_t start, vaddr_t end, u64 *made);

/* The same with 1 GiB pages, of 2 MiB and 4 KiB ones. */
must_check int aspace_promote_giants(vaddr_t start, vaddr_t end, u64 *made);

/* Makes 4 KiB pages of the 2 MiB one at `window`: 1; 0: there is none; -EINVAL, -ENOMEM. */
must_check int aspace_demote(vaddr_t window);
/* Makes 2 MiB pages of the 1 GiB one that `va` lies in: 1; 0: there is none. */
must_check int aspace_demote_giant(vaddr_t va);

/*
 * A page fault at `addr`.  0 if the access may be tried again; -EFAULT if there
 * is no region or it does not allow the access (SIGSEGV); anything else is
 * SIGBUS: -ENODATA (beyond the end of the file), -EIO, -ENOSPC, -ENOMEM.
 * Thread context or the trap handler's; interrupts as the fault found them:
 * when they are off it does not wait for a busy region, nor look into files,
 * but gives -EFAULT.
 */
must_check int aspace_fault(vaddr_t addr, u64 error);

/*
 * Pages [first, end) of a file have left its page cache, or are to be seen
 * clean: all mappings lose them (`copies`: those that were copied by a write
 * to a private mapping as well), or the right to write to them.  Waits for the
 * shoot-down.
 */
void aspace_unmap_file(struct page_cache *cache, u64 first, u64 end, bool copies);
void aspace_clean_file(struct page_cache *cache, u64 first, u64 end);

/* Is all of the range mapped?  0, -EINVAL, -ENOMEM. */
must_check int aspace_check_mapped(vaddr_t start, u64 size);
/* Has [start, end) a part in the kernel's own memory, or beyond VADDR_END? */
bool aspace_range_is_kernel(vaddr_t start, vaddr_t end);

/*
 * Room for the kernel's own mappings (stacks with guards, devices).
 * kernel_map_device() maps uncached and for good; `pa` need not be aligned.
 */
must_check int kernel_map_device(paddr_t pa, u64 size, void **va);
/* *top is the address after the last byte of KSTACK_SIZE. */
must_check int kstack_alloc(u64 *top);
/* Not the stack that is in use.  Thread context, no spinlock held. */
void kstack_free(u64 top);

/* What happens to a page; n: how often, or bytes. */
enum aspace_event {
    ASPACE_FAULT,
    ASPACE_PROMOTED,
    ASPACE_DEMOTED,
    ASPACE_ZEROED, /* backed by n bytes that had been zeroed ahead */
    ASPACE_EVENTS
};
/* fn is called with any lock held: it counts, and no more. */
void aspace_set_watch(void (*fn)(vaddr_t va, enum aspace_event event, u64 n));

struct aspace_stats {
    u64 regions, bytes_mapped;                 /* but the kernel's own */
    u64 resident_4k, resident_2m, resident_1g; /* leaves */
    u64 faults, faults_2m, promotions, demotions;
};
void aspace_get_stats(struct aspace_stats *stats);
/* Bytes that are backed by frames now, and at most so far. */
u64 aspace_resident(void);
u64 aspace_resident_peak(void);
/* Before memory is given back. */
void aspace_note_resident(void);
/* Of a range that begins and ends at a page: what has frames, and of which kind. */
struct aspace_resident {
    u64 bytes, large_bytes, file_bytes;
    u64 giant_bytes; /* of large_bytes: in pages of 1 GiB */
    u64 dirty_bytes; /* or that may be, being writable */
};
void aspace_resident_in(vaddr_t start, vaddr_t end, struct aspace_resident *out);
/* Bytes of [start, end) where something is mapped. */
u64 aspace_mapped_in(vaddr_t start, vaddr_t end);
/* The frame behind a page of the application; false: there is none now. */
must_check bool aspace_find_page(vaddr_t va, pfn_t *frame, bool *file);

/* A page of the application, as it is now. */
struct aspace_page {
    u64 size;    /* of the leaf; 0: nothing is there, and an access would find zeroes or a file's */
    pfn_t frame; /* of this very page */
    unsigned prot; /* of the region */
    bool file;     /* a region of a file's */
    bool write;    /* the leaf lets a write through without a fault */
    bool dirty, accessed;
};
/* `va` is a multiple of PAGE_SIZE.  -EINVAL; -ENOMEM: nothing is mapped there. */
must_check int aspace_query(vaddr_t va, struct aspace_page *page);

/* Which leaves a scan is after: any of these. */
#define SCAN_PRESENT 1u /* backed by a frame */
#define SCAN_DIRTY 2u   /* written to; or mapped ahead of a write nearby */
#define SCAN_ACCESSED 4u
#define SCAN_LARGE 8u
#define SCAN_ALL 15u

/*
 * Looks at all pages of a range, and tells of them 64 by 64: bit i of word n is unit
 * 64 n + i, counted from the start.  With `clear`, dirty and accessed bits that are
 * asked for go as they are seen; every write after the scan's return sets the bit
 * again, and every write before it is in what the scan tells, or is told by the next.
 * A 2 MiB page of which only a part is in the range is told, but not cleared.
 *
 * -EINVAL; -ENOMEM; what `emit` returns, if not 0, which ends the scan.  Thread
 * context, no spinlock held.  What is not mapped counts as clean.
 */
struct aspace_scan {
    vaddr_t start, end; /* multiples of a unit */
    unsigned order;     /* of a unit: ORDER_4K, ORDER_2M */
    unsigned what;      /* SCAN_* */
    bool clear;
    /* Words `first` and on; ascending, each once.  No lock is held. */
    int (*emit)(void *arg, u64 first, const u64 *words, unsigned count);
    void *arg;
};
must_check int aspace_scan(const struct aspace_scan *request);

/* Calls fn for each region, lowest first, under the read lock. */
void aspace_for_each(void (*fn)(const struct region *region, void *arg), void *arg);

/* Walks regions and page tables; BUG on a broken invariant. */
void aspace_check(void);

/*
 * Large-page policy, handed down at init from hugepages/.  Called under the
 * read lock and a window lock: it must be pure and quick.
 */
struct page_policy_query {
    vaddr_t addr;       /* that faulted */
    vaddr_t start, end; /* of the region */
    enum region_pages pages;
    bool write;
    bool window_empty; /* nothing mapped in the 2 MiB window yet */
    bool window_table; /* the window has a table of 4 KiB pages */
    unsigned streak;   /* faults in a row that went on where the one before ended */
    bool falls;        /* one began just above */
    u64 free_frames;   /* in the machine */
    u64 zeroed_frames; /* of those: need not be zeroed any more */
    u64 total_frames;
};
struct page_policy_answer {
    unsigned order; /* ORDER_4K or ORDER_2M */
    unsigned ahead; /* further pages of that order to map, ascending */
    /* ORDER_4K: the aligned group of so many pages, a power of two, is mapped too; 0: no. */
    unsigned around;
    unsigned below; /* and so many pages below the group, FAULT_PAGES_MAX at most */
};
struct page_policy_ops {
    struct page_policy_answer (*on_fault)(const struct page_policy_query *query);
};
/* Pages that one fault maps at most; a larger `ahead` is cut. */
#define FAULT_PAGES_MAX 16u
void aspace_set_policy(const struct page_policy_ops *ops);
