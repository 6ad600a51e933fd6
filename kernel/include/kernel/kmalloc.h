/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocator: size classes of 16 bytes to 2 KiB with per-CPU
 * free lists, whole frames above (up to 2 MiB).  Memory lies in the direct
 * map.  Debug builds put red zones around each object, fill it when it is
 * allocated and when it is freed, keep who allocated it, and check all that
 * at free.  Any context but NMI; none blocks.
 */
#pragma once

#include <kernel/types.h>

void *kmalloc(size_t size) must_check
    __attribute__((malloc)); /* NULL: no memory, or above 2 MiB; aligned to 16 */
void *kzalloc(size_t size) must_check __attribute__((malloc)); /* zeroed */
void kfree(void *object);                                      /* NULL is ignored */

/* Alignment: power of two up to 4096.  Freed by kfree(). */
void *kmalloc_aligned(size_t size, size_t align) must_check __attribute__((malloc));

struct kmalloc_stats {
    u64 objects;    /* in use */
    u64 bytes;      /* their blocks, rounding and guards included */
    u64 slab_bytes; /* memory in slabs, of free objects too */
};
void kmalloc_get_stats(struct kmalloc_stats *stats);

/*
 * Tests: makes every allocation fail after `count` more succeeded, on all
 * CPUs; (u64)-1 turns that off.
 */
void kmalloc_fail_after(u64 count);

/* Walks all slabs, and this CPU's free lists; BUG on a broken invariant. */
void kmalloc_check(void);
