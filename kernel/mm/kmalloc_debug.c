/* SPDX-License-Identifier: MIT */
/*
 * Guards around objects, in debug builds:
 *
 *   block                                    object
 *   | link | note | gap | struct guard       | bytes asked for | red zone |
 *                         ... red zone, 16 |                     16 to 64
 *
 * The link is the allocator's, which uses it while the block is free.  The
 * note says where the object was, so that the next allocation of the block
 * finds the freed one and sees whether it has been written to.
 *
 * An overrun breaks a red zone, which is seen when the object is freed; a
 * longer one breaks the next object's guard.  This costs up to 128 bytes and
 * two passes over each object.
 */
#include "kmalloc_debug_priv.h"

#include "slab_priv.h"
#include <kernel/assert.h>
#include <kernel/string.h>

#define MAGIC_USED 0x0b1ec700u
#define MAGIC_FREE 0xf4eed000u

#define BYTE_RED 0xbd
#define BYTE_ALLOCATED 0xa5
#define BYTE_FREED 0xdb

#define RED_MIN 16
#define RED_MAX 64

struct guard {
    u32 magic;
    u32 red; /* bytes of red zone behind the object */
    u64 size;
    void *block;
    const void *caller; /* who allocated it, then who freed it */
    u8 before[RED_MIN];
};
_Static_assert(sizeof(struct guard) % 16 == 0, "keeps the object aligned");

#define FRONT (sizeof(struct slab_object) + sizeof(struct guard))

static struct guard *guard_of(void *object)
{
    return (struct guard *)object - 1;
}

size_t guard_room(size_t size, size_t align)
{
    return FRONT + (align - 16) + size + RED_MIN;
}

/* The first byte of [p, p + n) that is not `byte`, or NULL. */
static const u8 *find_other(const u8 *p, u8 byte, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != byte) {
            return p + i;
        }
    }
    return NULL;
}

void guard_check_free(void *block, size_t block_size)
{
    u64 place = ((struct slab_object *)block)->note;
    u8 *object = (u8 *)block + place;
    struct guard *g = guard_of(object);
    const u8 *bad;

    if (place == 0) {
        return; /* never in use */
    }
    if (place < FRONT || place > block_size || g->magic != MAGIC_FREE || g->block != block ||
        g->size > block_size - place) {
        BUG("freed block %p was written to in its first %zu bytes", block, FRONT);
    }
    bad = find_other(object, BYTE_FREED, g->size);
    if (bad != NULL) {
        BUG("object %p, size %lu, freed by %p, was written to at offset %ld: %02x", (void *)object,
            g->size, g->caller, bad - object, *bad);
    }
}

void *guard_wrap(void *block, size_t block_size, size_t size, size_t align, const void *caller)
{
    u8 *object = (u8 *)ALIGN_UP((uintptr_t)block + FRONT, align);
    struct guard *g = guard_of(object);
    size_t room = block_size - (size_t)(object - (u8 *)block);

    guard_check_free(block, block_size);
    BUG_ON(room < size + RED_MIN);
    *g = (struct guard){.magic = MAGIC_USED,
                        .red = (u32)MIN((size_t)RED_MAX, room - size),
                        .size = size,
                        .block = block,
                        .caller = caller};
    ((struct slab_object *)block)->note = (u64)(object - (u8 *)block);
    memset(g->before, BYTE_RED, sizeof(g->before));
    memset(object, BYTE_ALLOCATED, size);
    memset(object + size, BYTE_RED, g->red);
    return object;
}

static void check_red_zones(const struct guard *g, const u8 *object)
{
    const u8 *bad = find_other(g->before, BYTE_RED, sizeof(g->before));

    if (bad == NULL) {
        bad = find_other(object + g->size, BYTE_RED, g->red);
    }
    if (bad != NULL) {
        BUG("object %p, size %lu, allocated by %p: red zone broken at offset %ld: %02x",
            (const void *)object, g->size, g->caller, bad - object, *bad);
    }
}

void *guard_unwrap(void *object, const void *caller)
{
    struct guard *g = guard_of(object);

    if ((uintptr_t)object % 16 != 0) {
        BUG("%p, freed by %p, is no object", object, caller);
    }
    if (g->magic == MAGIC_FREE) {
        BUG("object %p, freed by %p, was freed before by %p", object, caller, g->caller);
    }
    if (g->magic != MAGIC_USED) {
        BUG("%p, freed by %p, is no object, or its guard is broken: %x", object, caller, g->magic);
    }
    check_red_zones(g, object);
    g->magic = MAGIC_FREE;
    g->caller = caller;
    memset(object, BYTE_FREED, g->size);
    return g->block;
}
