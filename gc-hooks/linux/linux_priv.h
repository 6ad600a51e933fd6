/* SPDX-License-Identifier: MIT */
/*
 * The library for Linux within: ranges, what Linux tells of pages, and the
 * groups of hooks, each in the file of its name.  All results are 0 or more,
 * or -errno, as the hooks' own are.
 */
#pragma once

#include <moka/hooks.h>
#include <moka/large.h>
#include <moka/page.h>
#include <moka/pressure.h>
#include <moka/role.h>
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
struct linux_range_about {
    uintptr_t start, end;
    uint64_t promotions, demotions; /* since it was opened */
};
/* -EBADF. */
int linux_range_get(int range, struct linux_range_about *about);
void linux_range_count(int range, int64_t promotions, int64_t demotions);

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

/* ---- mapping.c: what is mapped ---------------------------------------------------------- */

#define LINUX_ALIAS_NAME "moka-alias" /* of the files that aliases are mapped of */

struct linux_mapping {
    uint64_t start, end;
    int prot;
    bool file, shared; /* shared memory without a name, and an alias, are not a file */
};
/* What is mapped there; -ENOMEM: nothing. */
int linux_mapping_at(uintptr_t address, struct linux_mapping *mapping);
/* The first that ends behind the address. */
int linux_mapping_from(uintptr_t address, struct linux_mapping *mapping);

/* ---- pressure.c ---------------------------------------------------------------------------- */

/* What could be had without others going short; 0: Linux does not tell. */
uint64_t linux_memory_available(void);

/* ---- window.c: windows of 2 MiB -------------------------------------------------------------- */

/* All that have a part in the memory are split.  How many were. */
int64_t linux_large_split(uintptr_t start, uint64_t size);
/* Those wholly in it, of which so many of the 512 pages are there, become one page.  How many. */
int64_t linux_large_join(uintptr_t start, uint64_t size, int64_t least);

/* ---- The groups ---------------------------------------------------------------------------- */

extern const struct moka_page_hooks linux_page_hooks;
extern const struct moka_large_hooks linux_large_hooks;
extern const struct moka_role_hooks linux_role_hooks;
extern const struct moka_pressure_hooks linux_pressure_hooks;
