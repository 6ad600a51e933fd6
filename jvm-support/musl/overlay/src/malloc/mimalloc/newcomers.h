/* SPDX-License-Identifier: MIT */
/*
 * One heap for all threads that have not allocated much yet, under a lock; part of mimalloc.c.
 *
 * mimalloc gives a thread a segment of its own at its first malloc, 32 MiB of addresses, of
 * which ten or twenty pages are touched: a page table and a dozen faults.  Most of a JVM's
 * threads, and nearly all of a thousand Java threads, allocate a few dozen blocks in their
 * lives.  So a thread gets its own heap at its NEWCOMER_BLOCKS-th block.
 *
 * To mimalloc this heap is that of a thread which allocates only: whoever frees a block, frees
 * it as another thread does, without the lock.  While a thread allocates, the heap is its
 * default one, by which mimalloc finds whose the new segments are.
 *
 * Rejected: smaller segments, since the classes of sizes and what is fast hang by their size.
 */
#ifndef NEWCOMERS_H
#define NEWCOMERS_H

#include "fork_impl.h"
#include "lock.h"

#define NEWCOMER_BLOCKS 1000u

static struct {
    volatile int lock[1];
    mi_tld_t tld;   /* (l) */
    mi_heap_t heap; /* (l) */
} newcomers;

/* As _mi_heap_init() does for a thread.  Its identity is an address that no thread has. */
static void newcomers_init(void)
{
    mi_tld_t *tld = &newcomers.tld;
    mi_heap_t *heap = &newcomers.heap;

    _mi_memcpy_aligned(tld, &tld_empty, sizeof(*tld));
    _mi_memcpy_aligned(heap, &_mi_heap_empty, sizeof(*heap));
    _mi_random_init(&heap->random);
    heap->cookie = _mi_heap_random_next(heap) | 1;
    heap->keys[0] = _mi_heap_random_next(heap);
    heap->keys[1] = _mi_heap_random_next(heap);
    heap->thread_id = (mi_threadid_t)heap;
    heap->tld = tld;
    tld->heap_backing = heap;
    tld->heaps = heap;
    tld->segments.stats = &tld->stats;
    tld->segments.os = &tld->os;
    tld->os.stats = &tld->stats;
}

/* For _mi_malloc_generic(), when the thread has no heap.  NULL: it is to get one. */
static void *newcomer_malloc(size_t size, bool zero, size_t huge_alignment)
{
    struct pthread *self = __pthread_self();
    void *p;

    if (_mi_is_main_thread() || huge_alignment > 0 || self->malloc_count >= NEWCOMER_BLOCKS) {
        return NULL;
    }
    self->malloc_count++;
    LOCK(newcomers.lock);
    if (newcomers.heap.tld == NULL) {
        newcomers_init();
    }
    self->malloc_heap = &newcomers.heap;
    p = _mi_heap_malloc_zero(&newcomers.heap, size, zero);
    self->malloc_heap = NULL;
    UNLOCK(newcomers.lock);
    return p;
}

/* A block that begins within another marks its page, as only the page's owner may. */
static void newcomer_stays(void)
{
    if (!mi_heap_is_initialized(mi_get_default_heap())) {
        __pthread_self()->malloc_count = NEWCOMER_BLOCKS;
        mi_thread_init();
    }
}

/* musl's fork(): -1 before, 0 behind it in the parent, 1 in the child. */
void __malloc_atfork(int who)
{
    if (who < 0) {
        LOCK(newcomers.lock);
    } else if (who == 0) {
        UNLOCK(newcomers.lock);
    } else {
        newcomers.lock[0] = 0;
    }
}

#endif
