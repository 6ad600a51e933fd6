/* SPDX-License-Identifier: MIT */
#ifndef MOKA_THREADS_H
#define MOKA_THREADS_H

#include <features.h>
#include <stddef.h>

struct __pthread;

/* Destroys the calling thread's thread_local objects; at its end and in exit(). */
hidden void __thread_dtors_run(void);

/* ---- stack_cache.c -------------------------------------------------------- */

#define STACK_CACHE_MAX ((size_t)256 << 20)

/*
 * Keeps the mapping of a thread that has ended, or of the calling one, which
 * ends now and holds the lock of the list of threads.  0 if it is too large.
 */
hidden int __thread_stack_keep(struct __pthread *thread);

/* A mapping of exactly that shape, with the contents it had; NULL if there is none. */
hidden unsigned char *__thread_stack_take(size_t size, size_t guard);

/* Unmaps what is above the limit. */
hidden void __thread_stacks_trim(void);

#endif
