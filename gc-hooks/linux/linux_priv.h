/* SPDX-License-Identifier: MIT */
/*
 * The library for Linux within: ranges, what Linux tells of pages, and the
 * groups of hooks, each in the file of its name.  All results are 0 or more,
 * or -errno, as the hooks' own are.
 */
#pragma once

#include <moka/hooks.h>
#include <moka/page.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ul
#define LARGE_SIZE (2ul << 20)
#define ALIGN_DOWN(value, unit) ((value) & ~((unit)-1))
#define ALIGN_UP(value, unit) ALIGN_DOWN((value) + (unit)-1, unit)

/* ---- range.c --------------------------------------------------------------------------- */

int linux_range_open(void *start, uint64_t size);
int linux_range_close(int range);
/* A part of the range: 0; -EBADF: no such range; -ERANGE: beyond it. */
int linux_range_check(int range, uintptr_t start, uint64_t size);
/* The same of whole pages, at least one; -EINVAL. */
int linux_range_check_pages(int range, uintptr_t start, uint64_t size);

/* ---- pagemap.c: what Linux tells of pages -------------------------------------------------- */

/* The categories of PAGEMAP_SCAN (Linux: admin-guide/mm/pagemap). */
enum {
    LINUX_PAGE_WRITTEN = 1 << 1,
    LINUX_PAGE_FILE = 1 << 2,
    LINUX_PAGE_PRESENT = 1 << 3,
    LINUX_PAGE_ZERO = 1 << 5, /* the one page of zeroes, as a read has mapped it */
    LINUX_PAGE_HUGE = 1 << 6,
};

struct linux_pages {
    uintptr_t start, end;
    unsigned any;    /* pages of which any of these is true */
    bool clear;      /* LINUX_PAGE_WRITTEN is taken back of them */
    unsigned wanted; /* categories that take() is to know */
    /* Neighbours that are alike, in ascending order.  Not 0: the walk ends so. */
    int (*take)(void *arg, uintptr_t start, uintptr_t end, unsigned categories);
    void *arg;
};

/* -EOPNOTSUPP: Linux is older than 6.7. */
int linux_pages_walk(const struct linux_pages *pages);
/* From now on the pages' being written to can be taken back.  -EOPNOTSUPP: not of these. */
int linux_pages_track(uintptr_t start, uintptr_t end);
/* Ends that, as far as Linux does things with pages only then; all count as written to. */
int linux_pages_release(uintptr_t start, uintptr_t end);
/* How many pages there are of a category. */
int64_t linux_pages_count(uintptr_t start, uintptr_t end, unsigned category);
/* Of one page; 0 if this process may not know it. */
uint64_t linux_page_frame(uintptr_t page);

struct linux_mapping {
    uint64_t start, end;
    int prot;
    bool file, shared;
};
/* What is mapped there; -ENOMEM: nothing. */
int linux_mapping_at(uintptr_t address, struct linux_mapping *mapping);

/* ---- The groups ---------------------------------------------------------------------------- */

extern const struct moka_page_hooks linux_page_hooks;
