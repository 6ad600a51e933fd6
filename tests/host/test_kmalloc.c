/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/slab.c kernel/mm/kmalloc_debug.c */
/*
 * The allocator's policy: slabs with memory that may fail, against a model
 * that remembers each object and what was written to it; and the guards of
 * debug builds, with every kind of misuse.
 */
#include "host.h"

#include "../../kernel/mm/kmalloc_debug_priv.h"
#include "../../kernel/mm/slab_priv.h"
#include <string.h>

#define SLABS_MAX 2000

/* Memory for slabs, naturally aligned; test_alloc() may fail. */
static struct {
    void *raw[SLABS_MAX];
    struct slab *slab[SLABS_MAX];
    unsigned count;
} supply;

static size_t slab_size(const struct slab_class *c)
{
    return PAGE_SIZE << c->order;
}

static struct slab *get_slab(struct slab_class *c)
{
    void *raw = test_alloc(2 * slab_size(c));

    if (raw == NULL) {
        return NULL;
    }
    supply.raw[supply.count] = raw;
    supply.slab[supply.count] =
        slab_format(c, (void *)ALIGN_UP((uintptr_t)raw, (uintptr_t)slab_size(c)));
    return supply.slab[supply.count++];
}

static void put_slab(const struct slab *slab)
{
    unsigned i = 0;

    while (supply.slab[i] != slab) {
        i++;
    }
    test_free(supply.raw[i]);
    supply.count--;
    supply.slab[i] = supply.slab[supply.count];
    supply.raw[i] = supply.raw[supply.count];
}

/* What kmalloc_small.c does, without the CPUs' chains. */
static void *alloc_object(struct slab_class *c)
{
    struct slab_object *chain = NULL;

    if (slab_class_take(c, 1, &chain) == 0) {
        struct slab *slab = get_slab(c);

        if (slab == NULL) {
            return NULL;
        }
        OK(slab_class_add(c, slab) == NULL);
        OK(slab_class_take(c, 1, &chain) == 1);
    }
    OK(chain->next == NULL);
    return chain;
}

static struct slab *slab_of(struct slab_class *c, void *object)
{
    return (struct slab *)ALIGN_DOWN((uintptr_t)object, (uintptr_t)slab_size(c));
}

static void free_object(struct slab_class *c, void *object)
{
    struct slab *empty = slab_class_give(c, slab_of(c, object), object);

    if (empty != NULL) {
        put_slab(empty);
    }
}

/* The slab that the class keeps. */
static void drop_empty(struct slab_class *c)
{
    while (!list_empty(&c->partial)) {
        struct slab *slab = list_entry(c->partial.next, struct slab, link);

        EQ(slab->free, c->per_slab);
        list_remove(&slab->link);
        put_slab(slab);
    }
}

/* As kmalloc_small.c has them. */
static struct slab_class classes[14] = {
    SLAB_CLASS_INIT(classes[0], 16, 0),    SLAB_CLASS_INIT(classes[1], 32, 0),
    SLAB_CLASS_INIT(classes[2], 48, 0),    SLAB_CLASS_INIT(classes[3], 64, 0),
    SLAB_CLASS_INIT(classes[4], 96, 0),    SLAB_CLASS_INIT(classes[5], 128, 0),
    SLAB_CLASS_INIT(classes[6], 192, 0),   SLAB_CLASS_INIT(classes[7], 256, 0),
    SLAB_CLASS_INIT(classes[8], 384, 0),   SLAB_CLASS_INIT(classes[9], 512, 1),
    SLAB_CLASS_INIT(classes[10], 768, 1),  SLAB_CLASS_INIT(classes[11], 1024, 2),
    SLAB_CLASS_INIT(classes[12], 1536, 2), SLAB_CLASS_INIT(classes[13], 2048, 3)};

static void reset(struct slab_class *c)
{
    list_init(&c->partial);
    list_init(&c->full);
    c->slabs = c->free = 0;
}

static void test_geometry(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
        struct slab_class *c = &classes[i];
        size_t used = SLAB_HEADER + (size_t)c->per_slab * c->size;

        EQ(c->size % 16, 0);
        OK(used <= slab_size(c));
        OK(slab_size(c) - used < c->size);
        OK((slab_size(c) - (size_t)c->per_slab * c->size) * 100 <= slab_size(c) * 7);
    }
}

/* Every byte of a slab belongs to the object that division says. */
static void test_object_at(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
        struct slab_class *c = &classes[i];
        struct slab *slab = get_slab(c);
        u8 *base = (u8 *)slab;

        for (size_t offset = SLAB_HEADER; offset < slab_size(c); offset++) {
            size_t n = (offset - SLAB_HEADER) / c->size;

            if (n < c->per_slab) {
                OK((u8 *)slab_object_at(slab, base + offset) == base + SLAB_HEADER + n * c->size);
            }
        }
        OK(EXPECT_BUG(slab_object_at(slab, base)));
        OK(EXPECT_BUG(slab_object_at(slab, base + SLAB_HEADER - 1)));
        OK(EXPECT_BUG(slab_object_at(slab, base + SLAB_HEADER + (size_t)c->per_slab * c->size)));
        put_slab(slab);
    }
}

#define OBJECTS 3000

struct object {
    u8 *p;
    u8 value; /* its bytes */
};

static bool intact(const struct object *o, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (o->p[i] != o->value) {
            return false;
        }
    }
    return true;
}

/* Returns how many allocations failed. */
static unsigned random_walk(struct slab_class *c, unsigned steps)
{
    static struct object objects[OBJECTS];
    unsigned count = 0, failures = 0;

    reset(c);
    for (unsigned i = 0; i < steps; i++) {
        bool grow = rnd_below(10) < (i / 1500 % 2 ? 3u : 7u);

        fail_after(rnd_below(3) ? -1 : 0);
        if (grow && count < OBJECTS) {
            struct object *o = &objects[count];

            o->p = alloc_object(c);
            if (o->p == NULL) {
                failures++;
                EQ(c->free, 0);
                continue;
            }
            o->value = (u8)rnd();
            memset(o->p, o->value, c->size);
            count++;
        } else if (count > 0) {
            unsigned n = (unsigned)rnd_below(count);

            OK(intact(&objects[n], c->size));
            free_object(c, objects[n].p);
            objects[n] = objects[--count];
        }
        EQ(c->slabs * c->per_slab, c->free + count);
        EQ(c->slabs, supply.count);
        if (i % 64 == 0) {
            slab_class_check(c);
        }
    }
    while (count > 0) {
        OK(intact(&objects[--count], c->size));
        free_object(c, objects[count].p);
    }
    slab_class_check(c);
    EQ(c->slabs, 1); /* one is kept */
    drop_empty(c);
    return failures;
}

static void test_random(void)
{
    unsigned failures = 0;

    failures += random_walk(&classes[0], 20000);
    failures += random_walk(&classes[6], 10000);
    failures += random_walk(&classes[10], 10000);
    failures += random_walk(&classes[13], 10000);
    OK(failures > 50);
}

static void test_batches(void)
{
    struct slab_class *c = &classes[7];
    struct slab_object *chain = NULL;
    unsigned n = 0;

    reset(c);
    EQ(slab_class_take(c, 10, &chain), 0);
    OK(chain == NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct slab *unwanted = get_slab(c);

        OK(slab_class_add(c, get_slab(c)) == NULL);
        OK(slab_class_add(c, unwanted) == unwanted);
        put_slab(unwanted);
        slab_class_check(c);
        EQ(slab_class_take(c, 2, &chain), 2);
        EQ(slab_class_take(c, 1000, &chain), c->per_slab - 2);
    }
    while (chain != NULL) {
        struct slab_object *object = chain;

        chain = object->next;
        free_object(c, object);
        n++;
    }
    EQ(n, 3 * c->per_slab);
    drop_empty(c);
}

static void test_slab_misuse(void)
{
    struct slab_class *c = &classes[3];
    struct slab_object *object;
    struct slab *slab;

    reset(c);
    reset(&classes[4]);
    object = alloc_object(c);
    slab = slab_of(c, object);
    OK(EXPECT_BUG((void)!slab_class_give(&classes[4], slab, object))); /* another class */
    OK(EXPECT_BUG((void)!slab_class_add(&classes[4], slab)));
    slab->free--;
    OK(EXPECT_BUG(slab_class_check(c)));
    slab->free++;
    slab->objects->next = slab->objects;
    OK(EXPECT_BUG(slab_class_check(c)));
    slab->objects->next = (struct slab_object *)((u8 *)(slab->objects + 4) + 8);
    OK(EXPECT_BUG(slab_class_check(c)));
    slab_format(c, slab);
    OK(EXPECT_BUG((void)!slab_class_give(c, slab, object))); /* it has no object in use */
    put_slab(slab);
}

/* Guards: a block as the allocator gives it out the first time. */
static u8 block[8192] aligned_to(4096);

#define HERE ((void *)test_guards)

static u8 *wrap(size_t size, size_t align)
{
    size_t room = guard_room(size, align);

    return guard_wrap(block, ALIGN_UP(room, 16ul), size, align, (void *)wrap);
}

static void test_guards(void)
{
    for (size_t align = 16; align <= 4096; align *= 2) {
        for (size_t size = 0; size < 300; size += 1 + size / 40) {
            u8 *p;

            memset(block, 0, sizeof(block));
            p = wrap(size, align);
            OK(IS_ALIGNED((uintptr_t)p, align));
            OK(p >= block + 16);
            OK(p + size + 16 <= block + guard_room(size, align));
            for (size_t i = 0; i < size; i++) {
                OK(p[i] == 0xa5);
            }
            memset(p, 0x11, size);
            OK(guard_unwrap(p, HERE) == block);
            guard_check_free(block, sizeof(block));
        }
    }
}

/* Whether a write of one byte at `offset` is found when the object is freed. */
static bool overrun_found(int offset)
{
    u8 *p;

    memset(block, 0, sizeof(block));
    p = wrap(100, 64);
    p[offset] ^= 1;
    return EXPECT_BUG(guard_unwrap(p, HERE));
}

static void test_guard_overruns(void)
{
    for (volatile int offset = -16; offset < 100 + 16; offset++) {
        EQ(overrun_found(offset), offset < 0 || offset >= 100);
    }
}

static bool late_write_found(int offset)
{
    u8 *p;

    memset(block, 0, sizeof(block));
    p = wrap(100, 16);
    guard_unwrap(p, HERE);
    p[offset] ^= 0x40;
    return EXPECT_BUG(wrap(20, 16)) && EXPECT_BUG(guard_check_free(block, sizeof(block)));
}

static void test_guard_use_after_free(void)
{
    for (volatile int offset = 0; offset < 100; offset++) {
        OK(late_write_found(offset));
    }
    memset(block, 0, sizeof(block));
    guard_unwrap(wrap(100, 16), HERE);
    ((struct slab_object *)block)->next = (void *)block; /* the allocator's own */
    OK(wrap(90, 16) != NULL);
}

static void test_guard_wrong_frees(void)
{
    u8 *p;

    memset(block, 0, sizeof(block));
    p = wrap(500, 16);
    OK(EXPECT_BUG(guard_unwrap(p + 16, HERE)));
    OK(EXPECT_BUG(guard_unwrap(p + 8, HERE)));
    OK(EXPECT_BUG(guard_unwrap(p + 256, HERE)));
    guard_unwrap(p, HERE);
    OK(EXPECT_BUG(guard_unwrap(p, HERE)));
}

int main(void)
{
    run("size classes waste little", test_geometry);
    run("addresses find their object", test_object_at);
    run("random allocations, with failures", test_random);
    run("batches", test_batches);
    run("slab misuse is found", test_slab_misuse);
    run("guards of all sizes and alignments", test_guards);
    run("overruns and underruns are found", test_guard_overruns);
    run("use after free is found", test_guard_use_after_free);
    run("wrong frees are found", test_guard_wrong_frees);
    return finish();
}
