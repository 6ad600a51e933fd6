/* SPDX-License-Identifier: MIT */
/*
 * What debug builds put around an object of the kernel's allocator.  Pure.
 * The block is what the allocator hands out in release builds.
 */
#pragma once

#include <kernel/types.h>

/* Size of the block that an object of `size` at `align` (16 to 4096) needs. */
size_t guard_room(size_t size, size_t align);

/*
 * Makes an object in `block` of `block_size` bytes, aligned to 16, filled.
 * BUG if the block was freed before and has been written to since.
 */
void *guard_wrap(void *block, size_t block_size, size_t size, size_t align, const void *caller);

/*
 * The object is freed: checks its red zones, fills it, returns its block.
 * BUG if they are broken, or it is no object, or free already.
 */
void *guard_unwrap(void *object, const void *caller);

/* BUG if the free block has been written to since it was freed. */
void guard_check_free(void *block, size_t block_size);
