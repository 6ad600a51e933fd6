/* SPDX-License-Identifier: MIT */
/*
 * Slabs of one class.  Objects are taken from the slab that came last to the
 * front of the partial list, the empty slab being the last choice, so that
 * slabs become empty and their memory goes back.  One empty slab is kept: a
 * caller that allocates and frees a single object at the edge of a slab
 * would pay for formatting each time.
 */
#include "slab_priv.h"

#include <kernel/assert.h>

static struct slab_object *object_number(const struct slab *slab, u32 i)
{
    return (struct slab_object *)((u8 *)slab + SLAB_HEADER + (size_t)i * slab->home->size);
}

struct slab *slab_format(const struct slab_class *c, void *memory)
{
    struct slab *slab = memory;

    *slab = (struct slab){.home = c, .magic = SLAB_MAGIC, .free = c->per_slab};
    list_init(&slab->link);
    /* From the last one down, so that they are handed out ascending. */
    for (u32 i = c->per_slab; i > 0; i--) {
        struct slab_object *object = object_number(slab, i - 1);

        object->next = slab->objects;
        object->note = 0;
        slab->objects = object;
    }
    return slab;
}

static bool is_empty(const struct slab *slab)
{
    return slab->free == slab->home->per_slab;
}

/* The last slab is the empty one, if there is one. */
static bool has_empty(const struct slab_class *c)
{
    return !list_empty(&c->partial) && is_empty(list_entry(c->partial.prev, struct slab, link));
}

struct slab *slab_class_add(struct slab_class *c, struct slab *slab)
{
    BUG_ON(slab->home != c || slab->free != c->per_slab);
    if (has_empty(c)) {
        slab->magic = 0;
        return slab;
    }
    list_push_back(&c->partial, &slab->link);
    c->slabs++;
    c->free += slab->free;
    return NULL;
}

static void take_one(struct slab_class *c, struct slab *slab, struct slab_object **chain)
{
    struct slab_object *object = slab->objects;

    slab->objects = object->next;
    object->next = *chain;
    *chain = object;
    slab->free--;
    c->free--;
}

unsigned slab_class_take(struct slab_class *c, unsigned want, struct slab_object **chain)
{
    unsigned got = 0;

    while (got < want && !list_empty(&c->partial)) {
        struct slab *slab = list_entry(c->partial.next, struct slab, link);

        for (; got < want && slab->free > 0; got++) {
            take_one(c, slab, chain);
        }
        if (slab->free == 0) {
            list_remove(&slab->link);
            list_push_front(&c->full, &slab->link);
        }
    }
    return got;
}

struct slab *slab_class_give(struct slab_class *c, struct slab *slab, struct slab_object *object)
{
    bool keep;

    if (slab->home != c || is_empty(slab)) {
        BUG("object %p is not one in use of slab %p", (void *)object, (void *)slab);
    }
    if (slab->free == 0) {
        list_remove(&slab->link);
        list_push_front(&c->partial, &slab->link);
    }
    object->next = slab->objects;
    slab->objects = object;
    slab->free++;
    c->free++;
    if (!is_empty(slab)) {
        return NULL;
    }
    list_remove(&slab->link);
    keep = !has_empty(c);
    if (keep) {
        list_push_back(&c->partial, &slab->link);
        return NULL;
    }
    c->slabs--;
    c->free -= slab->free;
    slab->magic = 0;
    return slab;
}

struct slab_object *slab_object_at(const struct slab *slab, const void *address)
{
    u64 offset = (u64)((const u8 *)address - (const u8 *)slab);
    u64 i;

    if (slab->magic != SLAB_MAGIC) {
        BUG("no slab at %p: %x", (const void *)slab, slab->magic);
    }
    /* A multiplication instead of a division; exact below 2^32 / size. */
    i = (offset - SLAB_HEADER) * slab->home->reciprocal >> 32;
    if (offset < SLAB_HEADER || i >= slab->home->per_slab) {
        BUG("%p is in no object of slab %p", address, (const void *)slab);
    }
    return object_number(slab, (u32)i);
}

static void check_slab(const struct slab_class *c, const struct slab *slab)
{
    u32 free = 0;

    BUG_ON(slab->magic != SLAB_MAGIC || slab->home != c);
    for (struct slab_object *o = slab->objects; o != NULL; o = o->next) {
        BUG_ON(slab_object_at(slab, o) != o);
        free++;
        BUG_ON(free > slab->free); /* a ring */
    }
    BUG_ON(free != slab->free);
}

void slab_class_check(const struct slab_class *c)
{
    u64 slabs = 0, free = 0;

    list_for_each (node, &c->partial) {
        const struct slab *slab = list_entry(node, struct slab, link);

        check_slab(c, slab);
        BUG_ON(slab->free == 0);
        BUG_ON(is_empty(slab) && node->next != &c->partial);
        slabs++;
        free += slab->free;
    }
    list_for_each (node, &c->full) {
        const struct slab *slab = list_entry(node, struct slab, link);

        check_slab(c, slab);
        BUG_ON(slab->free != 0);
        slabs++;
    }
    BUG_ON(slabs != c->slabs || free != c->free);
}
