/* SPDX-License-Identifier: MIT */
/*
 * Moka's hooks for memory managers: page tables, large pages and remapping of
 * the caller's own memory, the scheduling of its collector's threads, and the
 * machine's memory.
 *
 *   const struct moka_hooks *moka = moka_hooks_find();
 *   int range = moka != NULL ? moka->range_open(heap, heap_size) : -ENOSYS;
 *
 * On Moka the C library has the functions; they are found by dlsym(3), so that
 * a library that uses them also loads, and finds none, on any Linux.  They are
 * system calls, which on Moka are function calls of some nanoseconds.
 *
 * All that changes or tells of memory works on ranges that were opened first.
 * Opening checks once that the range is the caller's own memory; from then on
 * a call can neither reach beyond it nor, whatever is mapped there later, into
 * the kernel.
 *
 * Results are 0 or more, or a negative errno, which errno itself is not set
 * to.  Every call may be made from any thread, not from signal handlers.
 */
#ifndef MOKA_HOOKS_H
#define MOKA_HOOKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOKA_HOOKS_VERSION 1

struct moka_hooks {
    uint32_t version; /* MOKA_HOOKS_VERSION, or later: what is here stays as it is */
    uint32_t size;    /* of this struct, which grows at its end */

    /*
     * Opens [start, start + size), multiples of 4096, which must be mapped
     * (a reservation with PROT_NONE is) now.  The range's number.
     * -EINVAL: not multiples, nothing, or not memory of the application;
     * -ENOMEM: not mapped everywhere, or no memory; -EMFILE: too many ranges.
     */
    int (*range_open)(void *start, uint64_t size);
    /* -EBADF: no such range. */
    int (*range_close)(int range);

    /* Groups, each in a header of its name; NULL: this system has none of it. */
    const struct moka_page_hooks *page;
    const struct moka_large_hooks *large;
    const struct moka_remap_hooks *remap;
    const struct moka_role_hooks *role;
    const struct moka_pressure_hooks *pressure;
};

/* The functions, if there are any of at least that version; else NULL. */
const struct moka_hooks *moka_hooks_get(uint32_t version);

#if defined(__has_include) && !defined(MOKA_KERNEL)
#if __has_include(<dlfcn.h>)
#include <dlfcn.h>
/* The same, for whoever is not linked with them. */
static inline const struct moka_hooks *moka_hooks_find(void)
{
    const struct moka_hooks *(*get)(uint32_t) =
        (const struct moka_hooks *(*)(uint32_t))dlsym(RTLD_DEFAULT, "moka_hooks_get");

    return get != NULL ? get(MOKA_HOOKS_VERSION) : NULL;
}
#endif
#endif

#ifdef __cplusplus
}
#endif

#endif
