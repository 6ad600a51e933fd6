/* SPDX-License-Identifier: MIT */
/*
 * Debian's mimalloc as musl's allocator, compiled as one unit (its static.c)
 * with what an allocator inside libc must do otherwise:
 *
 *   - a thread's heap is a field of its control block, not thread-local
 *     storage: the loader has none of its own, and allocates before the
 *     program's exists
 *   - a thread's end is told by pthread_exit(), behind all destructors, not by
 *     a pthread key, whose destructor may run before others that allocate
 *   - no work at exit
 *   - threads begin with a heap that they share (newcomers.h)
 *
 * Chosen by measurement (benchmarks/programs/bench_libc.c; docs/libc.md has the numbers): a
 * small malloc and free takes less than with glibc, where musl's own takes eight
 * times as long.  musl's allocator catches more misuse, which costs that time.
 *
 * The public names malloc, free, realloc and so on are musl's, on top of the
 * __libc_ ones here, so that a program may bring its own allocator.
 */
#define _GNU_SOURCE
#include <unistd.h> /* ahead of musl's macro syscall() */

#include "pthread_impl.h"

#include <stddef.h>

/* mimalloc reads thread slots as it does with glibc's control block: slot 0 is its address. */
#define MI_TLS_SLOT (offsetof(struct pthread, malloc_heap) / sizeof(void *))
#define __GLIBC__ 2
#undef weak /* musl's, and mimalloc's field */
#include "mimalloc.h"

#include "mimalloc-internal.h"
#undef __GLIBC__

#define pthread_key_create(key, destructor) ((void)(destructor), 0)
#define pthread_setspecific(key, value) 0
#define atexit(function) 0

static void *newcomer_malloc(size_t size, bool zero, size_t huge_alignment);

#include "static.c"

#undef atexit
#undef pthread_key_create
#undef pthread_setspecific

#include "moka_malloc.h"
#include "newcomers.h"

#define EXPORT __attribute__((__visibility__("default")))

/* Declared in musl's own headers; dynlink.h has the hidden ones. */
#include "dynlink.h"

static void *or_enomem(void *p)
{
    if (__builtin_expect(!p, 0)) {
        errno = ENOMEM;
    }
    return p;
}

void *__libc_malloc_impl(size_t size)
{
    return or_enomem(mi_malloc(size));
}

void *__libc_realloc(void *p, size_t size)
{
    return or_enomem(mi_realloc(p, size));
}

void __libc_free(void *p)
{
    mi_free(p);
}

void *__malloc_zeroed(size_t count, size_t size)
{
    return or_enomem(mi_calloc(count, size));
}

/* As glibc does, takes any size, not only multiples of the alignment. */
EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (__malloc_replaced && !__aligned_alloc_replaced) {
        errno = ENOMEM; /* free() would not know it */
        return NULL;
    }
    newcomer_stays();
    /* Not mi_malloc_aligned(): it takes blocks of 256 and 512 bytes for aligned to their size. */
    return or_enomem(mi_malloc_aligned_at(size, alignment, 0));
}

EXPORT size_t malloc_usable_size(void *p)
{
    return mi_usable_size(p);
}

/* The loader offers what is left over in the pages of libraries: too little to manage. */
void __malloc_donate(char *start, char *end)
{
}

void __malloc_thread_exit(void)
{
    mi_heap_t *heap = mi_get_default_heap();

    if (mi_heap_is_initialized(heap)) {
        _mi_thread_done(heap);
    }
}

static bool own_page(mi_heap_t *heap, mi_page_queue_t *queue, mi_page_t *page, void *id,
                     void *unused)
{
    mi_atomic_store_release(&_mi_page_segment(page)->thread_id, (uintptr_t)id);
    return true;
}

/* Ownership of heap and segments is by the control block's address. */
void __malloc_thread_moved(const struct __pthread *early)
{
    mi_heap_t *heap = early->malloc_heap;

    if (heap) {
        __pthread_self()->malloc_heap = heap;
        heap->thread_id = _mi_thread_id();
        mi_heap_visit_pages(heap, &own_page, (void *)heap->thread_id, NULL);
    }
}
