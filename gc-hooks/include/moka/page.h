/* SPDX-License-Identifier: MIT */
/*
 * Page tables of an opened range: what a page is like, which pages were
 * written to, and pages of 2 MiB made of those of 4 KiB and back.
 */
#ifndef MOKA_PAGE_H
#define MOKA_PAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a page is like: flags of struct moka_page. */
#define MOKA_PAGE_READ 1u /* what mprotect(2) allows */
#define MOKA_PAGE_WRITE 2u
#define MOKA_PAGE_EXEC 4u
#define MOKA_PAGE_PRESENT 8u    /* backed by a frame */
#define MOKA_PAGE_DIRTY 16u     /* written to since the last scan that cleared */
#define MOKA_PAGE_ACCESSED 32u  /* read or written, likewise */
#define MOKA_PAGE_FILE 64u      /* of a mapped file */
#define MOKA_PAGE_ZERO 128u     /* not backed: the first access finds zeroes */
#define MOKA_PAGE_WRITABLE 256u /* a write goes through without a page fault */

struct moka_page {
    uint64_t frame; /* physical address / 4096 of the 4 KiB asked for; 0 if not present */
    uint64_t size;  /* bytes that its entry maps: 4096, 2 MiB or 1 GiB; 0 if not present */
    uint32_t flags; /* MOKA_PAGE_* */
    uint32_t reserved;
};

/* Which pages a scan tells of: those that any of these is true of. */
#define MOKA_SCAN_PRESENT 1u
#define MOKA_SCAN_DIRTY 2u
#define MOKA_SCAN_ACCESSED 4u
#define MOKA_SCAN_LARGE 8u /* mapped by an entry of 2 MiB or 1 GiB */
/* Take back the dirty and accessed bits that are asked for. */
#define MOKA_SCAN_CLEAR 256u

struct moka_scan {
    void *start;      /* multiple of the grain, in the range */
    uint64_t size;    /* bytes, a multiple of the grain, above 0 */
    uint32_t grain;   /* bytes: 4096, or 2097152 for one bit for each 2 MiB */
    uint32_t flags;   /* MOKA_SCAN_* */
    uint64_t *bitmap; /* bit i of word n: unit 64 n + i; NULL: only count */
    uint64_t words;   /* that the bitmap has room for: at least one for 64 units */
};

struct moka_page_hooks {
    uint64_t size; /* of this struct, which grows at its end */

    /*
     * Tells of the page at `address`.  -EBADF; -ERANGE: the address is not in
     * the range; -ENOMEM: nothing is mapped there now; -EFAULT: `page`.
     */
    int (*query)(int range, const void *address, struct moka_page *page);

    /*
     * Looks at all pages of a part of the range.  The number of units it tells
     * of.  Exact beside writers: a write that comes after the call has
     * returned is in the next scan that asks for dirty pages, and one that came
     * before is in this one, in an earlier one, or in the next.  Whoever copies
     * the pages that a clearing scan tells of, after it, misses no write.
     * One shoot-down of the CPUs' TLBs at most, whatever the size.
     *
     * A page counts as dirty from when it is mapped, if it may be written then.  At
     * a grain of 4096 all units of a 2 MiB page have the same answer, as have those of a
     * 1 GiB page at either; of such a page that is only partly in the scan, nothing is cleared.
     * What is not mapped counts as absent.
     *
     * -EBADF; -ERANGE; -EINVAL: flags, grain or alignment; -ENOSPC: the bitmap
     * is too small; -EFAULT: it cannot be written.  Nothing has been cleared then.
     */
    int64_t (*scan)(int range, const struct moka_scan *scan);

    /*
     * Makes 4 KiB pages of all larger ones that have a part in [start, start +
     * size), multiples of 4096 (of a page of 1 GiB the rest keeps 2 MiB); dirty and
     * accessed are carried over.  How many were split.  -EBADF, -ERANGE, -EINVAL; -ENOMEM: some may
     * have been split.
     */
    int64_t (*split)(int range, void *start, uint64_t size);
    /*
     * The reverse: wherever 2 MiB are wholly in [start, start + size), private,
     * without a file, of one protection and all there, they become one page, in
     * place if they were one and no page was given back, else by copying.  How many were made.
     * -EBADF, -ERANGE, -EINVAL; -ENOMEM: some may have been made.
     */
    int64_t (*join)(int range, void *start, uint64_t size);
};

#ifdef __cplusplus
}
#endif

#endif
