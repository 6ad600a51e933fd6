/* SPDX-License-Identifier: MIT */
/*
 * Slabs: blocks of memory cut into objects of one size.  Pure policy: the
 * memory comes from and goes back to the caller, who also holds the lock.
 *
 *   | struct slab, 64 bytes | object 0 | object 1 | ... | waste |
 *
 * A free object's first word links it to the next one, in the slab and in
 * the callers' chains; the second word is the callers'.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

#define SLAB_HEADER 64u
#define SLAB_MAGIC 0x51ab51abu

struct slab_object {
    struct slab_object *next;
    u64 note; /* 0 in an object that was never handed out */
};

/* (c) constant while it is a slab   (l) the class's lock */
struct slab {
    struct list link;              /* (l) in its class's partial or full list */
    const struct slab_class *home; /* (c) */
    u32 magic;                     /* (c) */
    u32 free;                      /* (l) length of `objects` */
    struct slab_object *objects;   /* (l) free ones */
};
_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "objects begin after the header");

/*
 * Invariants, walked by slab_class_check():
 *   0 < free <= per_slab for slabs in `partial`, free == 0 in `full`
 *   at most one slab has free == per_slab, and it is the last in `partial`
 *   slabs = length of partial + length of full
 *   free = sum of the slabs' free
 */
struct slab_class {
    u32 size;            /* (c) of an object, multiple of 16 */
    u32 order;           /* (c) a slab has PAGE_SIZE << order bytes */
    u32 per_slab;        /* (c) objects */
    u32 reciprocal;      /* (c) of size, times 2^32, rounded up */
    struct list partial; /* (l) */
    struct list full;    /* (l) */
    u64 slabs;           /* (l) */
    u64 free;            /* (l) objects */
};

/* `name` is what is initialised: an lvalue of constant address. */
#define SLAB_CLASS_INIT(name, object_size, slab_order) \
    { \
        .size = (object_size), .order = (slab_order), \
        .per_slab = (u32)(((PAGE_SIZE << (slab_order)) - SLAB_HEADER) / (object_size)), \
        .reciprocal = (u32)(((1ull << 32) + (object_size)-1) / (object_size)), \
        .partial = LIST_INIT((name).partial), .full = LIST_INIT((name).full) \
    }

/* Makes a slab of `memory`; not yet in the class, so no lock is needed. */
struct slab *slab_format(const struct slab_class *c, void *memory);

/*
 * Adds a slab that was just formatted.  If there is one without objects in use
 * already, as another CPU may have added it meanwhile, this one is not wanted
 * and is returned, for the caller to free; else NULL.
 */
must_check struct slab *slab_class_add(struct slab_class *c, struct slab *slab);

/* Puts up to `want` free objects in front of *chain; returns how many. */
unsigned slab_class_take(struct slab_class *c, unsigned want, struct slab_object **chain);

/*
 * Takes back an object of `slab`.  If that leaves a second slab without
 * objects in use, the slab is no longer in the class and is returned, for the
 * caller to free; else NULL.
 */
must_check struct slab *slab_class_give(struct slab_class *c, struct slab *slab,
                                        struct slab_object *object);

/* The object of `slab` that `address` lies in; BUG if in none. */
struct slab_object *slab_object_at(const struct slab *slab, const void *address);

/* BUG on a broken invariant. */
void slab_class_check(const struct slab_class *c);
