/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the kernel's allocator:
 *
 *   kmalloc.c        public functions, large blocks
 *   kmalloc_small.c  size classes and the chains of each CPU
 *   slab.c           slabs of one class (policy)
 *   kmalloc_debug.c  guards around objects (policy)
 *
 * Any context but NMI.
 */
#pragma once

#include <kernel/kmalloc.h>
#include <kernel/types.h>

#define SMALL_MAX 2048

/* A block of at least `size` <= SMALL_MAX bytes, and its size; or NULL. */
void *small_alloc(size_t size, size_t *block_size);

/* The block that `address` lies in; its frame has `tag`. */
void small_free(const void *address, u16 tag);

u64 small_slab_bytes(void);
void small_check(void);

/* Counts what is in use: objects and bytes of blocks. */
void heap_count(s64 objects, s64 bytes);
void heap_sum(s64 *objects, s64 *bytes);
