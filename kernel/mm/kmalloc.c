/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocator.  Objects of up to 2 KiB come from size classes
 * (kmalloc_small.c), larger ones are blocks of frames.  Which of the two one
 * is, is in the tag of its frame's descriptor.
 *
 * Debug builds ask for larger blocks and put guards in them
 * (kmalloc_debug.c).
 */
#include "kmalloc_priv.h"

#include "kmalloc_debug_priv.h"
#include "slab_priv.h"
#include <kernel/assert.h>
#include <kernel/frame.h>
#include <kernel/string.h>
#include <stdatomic.h>

#define OBJECT_MAX LARGE_SIZE
#define ALIGN_MIN 16

#define NEVER_FAIL UINT64_MAX

static struct {
    _Atomic u64 fail_after; /* allocations; NEVER_FAIL: none fails */
} injected = {.fail_after = NEVER_FAIL};

static void *alloc_large(size_t size, size_t *block_size)
{
    unsigned order = 0;
    pfn_t pfn;
    void *block;

    while (PAGE_SIZE << order < size) {
        order++;
    }
    if (frame_alloc(order, 0, &pfn) != 0) {
        return NULL;
    }
    frame_set_tag(pfn, (u16)(FRAME_TAG_LARGE | order));
    *block_size = PAGE_SIZE << order;
    heap_count(1, (s64)*block_size);
    block = pfn_to_virt(pfn);
    /* Blocks from the frame allocator have no note of an earlier object. */
    ((struct slab_object *)block)->note = 0;
    return block;
}

static void free_large(pfn_t pfn, unsigned order)
{
    frame_set_tag(pfn, FRAME_TAG_NONE);
    heap_count(-1, -(s64)(PAGE_SIZE << order));
    frame_free(pfn, order);
}

/* Fault injection: counts down and says no at 0. */
static bool must_fail(void)
{
    u64 left = atomic_load_explicit(&injected.fail_after, memory_order_relaxed);

    while (left != NEVER_FAIL && left > 0) {
        if (atomic_compare_exchange_weak_explicit(&injected.fail_after, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return false;
        }
    }
    return left == 0;
}

/* Without guards: what is aligned in a slab, or a block of frames, which is. */
static size_t plain_room(size_t size, size_t align)
{
    size_t room = size + align - ALIGN_MIN;

    if (align == ALIGN_MIN || room <= SMALL_MAX) {
        return room;
    }
    return MAX(size, (size_t)SMALL_MAX + 1);
}

static void *alloc(size_t size, size_t align, const void *caller)
{
    size_t room, block_size;
    void *block;

    BUG_ON(align == 0 || (align & (align - 1)) != 0 || align > PAGE_SIZE);
    align = MAX(align, (size_t)ALIGN_MIN);
    if (size > OBJECT_MAX || must_fail()) {
        return NULL;
    }
    room = MOKA_DEBUG ? guard_room(size, align) : plain_room(size, align);
    block = room <= SMALL_MAX ? small_alloc(room, &block_size) : alloc_large(room, &block_size);
    if (block == NULL) {
        return NULL;
    }
    if (MOKA_DEBUG) {
        return guard_wrap(block, block_size, size, align, caller);
    }
    return (void *)ALIGN_UP((uintptr_t)block, align);
}

void *kmalloc(size_t size)
{
    return alloc(size, ALIGN_MIN, __builtin_return_address(0));
}

void *kmalloc_aligned(size_t size, size_t align)
{
    return alloc(size, align, __builtin_return_address(0));
}

void *kzalloc(size_t size)
{
    void *object = alloc(size, ALIGN_MIN, __builtin_return_address(0));

    if (object != NULL) {
        memset(object, 0, size);
    }
    return object;
}

void kfree(void *object)
{
    void *block = object;
    pfn_t pfn;
    u16 tag;

    if (object == NULL) {
        return;
    }
    if (MOKA_DEBUG) {
        block = guard_unwrap(object, __builtin_return_address(0));
    }
    pfn = virt_to_phys(block) >> PAGE_SHIFT;
    tag = frame_tag(pfn);
    if (tag & FRAME_TAG_SLAB) {
        small_free(block, tag);
    } else if ((tag & FRAME_TAG_LARGE) && IS_ALIGNED((uintptr_t)block, PAGE_SIZE)) {
        free_large(pfn, tag & ~FRAME_TAG_LARGE);
    } else {
        BUG("%p, freed by %p, is no object: frame %lx has tag %x", object,
            __builtin_return_address(0), pfn, tag);
    }
}

void kmalloc_fail_after(u64 successes)
{
    atomic_store_explicit(&injected.fail_after, successes, memory_order_relaxed);
}

void kmalloc_get_stats(struct kmalloc_stats *stats)
{
    s64 objects, bytes;

    heap_sum(&objects, &bytes);
    stats->objects = (u64)objects;
    stats->bytes = (u64)bytes;
    stats->slab_bytes = small_slab_bytes();
}

void kmalloc_check(void)
{
    small_check();
}
