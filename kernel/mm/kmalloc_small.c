/* SPDX-License-Identifier: MIT */
/*
 * Blocks of up to 2 KiB, in 14 size classes.  Each CPU has a chain of free
 * blocks per class, used with interrupts off: no lock, about 40 cycles.  An
 * empty chain is refilled from the class's slabs by half its limit, a full
 * one gives half back.  A block may be freed on any CPU; it simply joins the
 * chain there.
 *
 * Where a block's slab begins is in the tag of its frame; the class is in
 * the slab.  Slabs have one to eight frames, whatever wastes at most 7 %.
 */
#include "kmalloc_priv.h"

#include "kmalloc_debug_priv.h"
#include "slab_priv.h"
#include <kernel/assert.h>
#include <kernel/frame.h>
#include <kernel/spinlock.h>

/* A CPU's chain holds up to 8 KiB, but 8 to 64 objects. */
#define CHAIN_BYTES (8 * KIB)
#define CHAIN_MIN 8
#define CHAIN_MAX 64

/* (l) lock */
struct heap_class {
    struct spinlock lock;
    struct slab_class slabs; /* (l) */
} aligned_to(CACHE_LINE);

#define CLASSES 14

/* (i) own CPU, interrupts off   (a) atomic, written by the own CPU */
struct heap_cpu {
    struct chain {
        struct slab_object *first;
        u32 count;
    } chain[CLASSES];    /* (i) */
    _Atomic s64 objects; /* (a) allocated less freed here: may be negative */
    _Atomic s64 bytes;   /* (a) the same, of their blocks */
} aligned_to(CACHE_LINE);

#define CLASS(i, size, order) \
    { \
        .lock = SPINLOCK_INIT("heap " #size, RANK_HEAP), \
        .slabs = SLAB_CLASS_INIT(heap.class[i].slabs, size, order) \
    }

/* Apart from `heap`: what is zero at first takes no room in the image file. */
static struct heap_cpu heap_cpus[MAX_CPUS];

static struct {
    struct heap_class class[CLASSES];
} heap = {
    .class =
        {
            CLASS(0, 16, 0),
            CLASS(1, 32, 0),
            CLASS(2, 48, 0),
            CLASS(3, 64, 0),
            CLASS(4, 96, 0),
            CLASS(5, 128, 0),
            CLASS(6, 192, 0),
            CLASS(7, 256, 0),
            CLASS(8, 384, 0),
            CLASS(9, 512, 1),
            CLASS(10, 768, 1),
            CLASS(11, 1024, 2),
            CLASS(12, 1536, 2),
            CLASS(13, 2048, 3),
        },
};

/* Class of a size, by the size in units of 16 bytes, rounded up. */
static const u8 class_of[SMALL_MAX / 16 + 1] = {
    [0 ... 1] = 0,    [2] = 1,          [3] = 2,          [4] = 3,          [5 ... 6] = 4,
    [7 ... 8] = 5,    [9 ... 12] = 6,   [13 ... 16] = 7,  [17 ... 24] = 8,  [25 ... 32] = 9,
    [33 ... 48] = 10, [49 ... 64] = 11, [65 ... 96] = 12, [97 ... 128] = 13};

static u32 chain_limit(const struct slab_class *c)
{
    return (u32)MIN(MAX(CHAIN_BYTES / c->size, CHAIN_MIN), CHAIN_MAX);
}

/* Own CPU, interrupts off. */
static void count(struct heap_cpu *cpu, s64 objects, s64 bytes)
{
    s64 o = atomic_load_explicit(&cpu->objects, memory_order_relaxed);
    s64 b = atomic_load_explicit(&cpu->bytes, memory_order_relaxed);

    atomic_store_explicit(&cpu->objects, o + objects, memory_order_relaxed);
    atomic_store_explicit(&cpu->bytes, b + bytes, memory_order_relaxed);
}

void heap_count(s64 objects, s64 bytes)
{
    bool irq = irq_save();

    count(&heap_cpus[cpu_id()], objects, bytes);
    irq_restore(irq);
}

void heap_sum(s64 *objects, s64 *bytes)
{
    *objects = *bytes = 0;
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        *objects += atomic_load_explicit(&heap_cpus[i].objects, memory_order_relaxed);
        *bytes += atomic_load_explicit(&heap_cpus[i].bytes, memory_order_relaxed);
    }
}

static struct slab *make_slab(const struct slab_class *c)
{
    pfn_t pfn;

    if (frame_alloc(c->order, 0, &pfn) != 0) {
        return NULL;
    }
    for (u16 i = 0; i < 1u << c->order; i++) {
        frame_set_tag(pfn + i, FRAME_TAG_SLAB | i);
    }
    return slab_format(c, pfn_to_virt(pfn));
}

static void free_slab(struct slab *slab, unsigned order)
{
    pfn_t pfn = virt_to_phys(slab) >> PAGE_SHIFT;

    for (unsigned i = 0; i < 1u << order; i++) {
        frame_set_tag(pfn + i, FRAME_TAG_NONE);
    }
    frame_free(pfn, order);
}

/* Interrupts off.  False if there is no memory. */
static bool refill(struct heap_class *class, struct chain *chain)
{
    unsigned want = chain_limit(&class->slabs) / 2;
    bool irq = spin_lock(&class->lock);
    struct slab *slab;

    chain->count = slab_class_take(&class->slabs, want, &chain->first);
    spin_unlock(&class->lock, irq);
    if (chain->count > 0) {
        return true;
    }
    slab = make_slab(&class->slabs);
    if (slab == NULL) {
        return false;
    }
    irq = spin_lock(&class->lock);
    slab = slab_class_add(&class->slabs, slab);
    chain->count = slab_class_take(&class->slabs, want, &chain->first);
    spin_unlock(&class->lock, irq);
    if (slab != NULL) {
        free_slab(slab, class->slabs.order);
    }
    return true;
}

static struct slab *slab_of(const void *address, u16 tag)
{
    pfn_t pfn = virt_to_phys(address) >> PAGE_SHIFT;

    return pfn_to_virt(pfn - (tag & ~FRAME_TAG_SLAB));
}

/* Interrupts off.  Gives back half of the chain. */
static void drain(struct heap_class *class, struct chain *chain)
{
    struct list empty = LIST_INIT(empty);
    bool irq = spin_lock(&class->lock);
    struct list *node;

    for (u32 n = chain->count / 2; n > 0; n--) {
        struct slab_object *object = chain->first;
        u16 tag = frame_tag(virt_to_phys(object) >> PAGE_SHIFT);
        struct slab *slab;

        chain->first = object->next;
        chain->count--;
        slab = slab_class_give(&class->slabs, slab_of(object, tag), object);
        if (slab != NULL) {
            list_push_back(&empty, &slab->link);
        }
    }
    spin_unlock(&class->lock, irq);
    while ((node = list_pop_front(&empty)) != NULL) {
        free_slab(list_entry(node, struct slab, link), class->slabs.order);
    }
}

void *small_alloc(size_t size, size_t *block_size)
{
    unsigned i = class_of[(size + 15) / 16];
    bool irq = irq_save();
    struct heap_cpu *cpu = &heap_cpus[cpu_id()];
    struct chain *chain = &cpu->chain[i];
    struct slab_object *object = NULL;

    *block_size = heap.class[i].slabs.size;
    if (chain->first != NULL || refill(&heap.class[i], chain)) {
        object = chain->first;
        chain->first = object->next;
        chain->count--;
        count(cpu, 1, (s64)*block_size);
    }
    irq_restore(irq);
    return object;
}

void small_free(const void *address, u16 tag)
{
    struct slab *slab = slab_of(address, tag);
    struct slab_object *object = slab_object_at(slab, address);
    struct heap_class *class = container_of(slab->home, struct heap_class, slabs);
    unsigned i = (unsigned)(class - heap.class);
    bool irq = irq_save();
    struct heap_cpu *cpu = &heap_cpus[cpu_id()];
    struct chain *chain = &cpu->chain[i];

    object->next = chain->first;
    chain->first = object;
    chain->count++;
    count(cpu, -1, -(s64) class->slabs.size);
    if (chain->count > chain_limit(&class->slabs)) {
        drain(class, chain);
    }
    irq_restore(irq);
}

/* Interrupts off. */
static void check_chain(const struct heap_class *class, const struct chain *chain)
{
    u32 n = 0;

    for (struct slab_object *object = chain->first; object != NULL; object = object->next) {
        u16 tag = frame_tag(virt_to_phys(object) >> PAGE_SHIFT);
        const struct slab *slab = slab_of(object, tag);

        BUG_ON(!(tag & FRAME_TAG_SLAB) || slab->home != &class->slabs);
        BUG_ON(slab_object_at(slab, object) != object);
        if (MOKA_DEBUG) {
            guard_check_free(object, class->slabs.size);
        }
        n++;
        BUG_ON(n > chain->count); /* a ring */
    }
    BUG_ON(n != chain->count);
}

u64 small_slab_bytes(void)
{
    u64 bytes = 0;

    for (unsigned i = 0; i < CLASSES; i++) {
        struct heap_class *class = &heap.class[i];
        bool irq = spin_lock(&class->lock);

        bytes += class->slabs.slabs * (PAGE_SIZE << class->slabs.order);
        spin_unlock(&class->lock, irq);
    }
    return bytes;
}

void small_check(void)
{
    for (unsigned i = 0; i < CLASSES; i++) {
        struct heap_class *class = &heap.class[i];
        bool irq = spin_lock(&class->lock);

        slab_class_check(&class->slabs);
        check_chain(class, &heap_cpus[cpu_id()].chain[i]);
        spin_unlock(&class->lock, irq);
    }
}
