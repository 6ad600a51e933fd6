/* SPDX-License-Identifier: MIT */
/*
 * What the rest of libc asks of the allocator beside malloc().
 */
#ifndef MOKA_MALLOC_H
#define MOKA_MALLOC_H

struct __pthread;

/*
 * A thread's last act with its own heap, after all destructors.  What it frees
 * later is as if another thread freed it.
 */
__attribute__((__visibility__("hidden"))) void __malloc_thread_exit(void);

/*
 * The first thread's control block is no longer `early`, which the loader
 * began with, because the program's thread-local storage did not fit there.
 */
__attribute__((__visibility__("hidden"))) void __malloc_thread_moved(const struct __pthread *early);

/* calloc(), for when malloc() is not the program's own. */
__attribute__((__visibility__("hidden"))) void *__malloc_zeroed(unsigned long count,
                                                                unsigned long size);

#endif
