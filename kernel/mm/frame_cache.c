/* SPDX-License-Identifier: MIT */
/*
 * Magazines: each CPU keeps a few free frames of 4 KiB and of 2 MiB, so that
 * allocating and freeing touch no cache line of another CPU.  An empty one
 * takes half its size from the zone in one hold of the lock, a full one
 * gives half back.
 *
 * Each magazine has a lock of its own.  Its CPU takes it without contention;
 * it is there for a CPU that finds the zone empty and collects what all the
 * others hold (cache_drain).  Without it such frames could only be had by
 * interrupting their owners.
 *
 * A frame in a magazine is in use as far as the buddy allocator knows.  Its
 * tag says that it is not, which catches a second free.
 */
#include "frame_priv.h"

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/spinlock.h>

#define SMALL_CAPACITY 64
#define LARGE_CAPACITY 4

/* (c) constant after start-up   (l) lock */
struct magazine {
    struct spinlock lock;
    u32 *pfns;    /* (c) room for `capacity` */
    u16 order;    /* (c) */
    u16 capacity; /* (c) */
    u32 count;    /* (l) 0 .. capacity */
};

struct cpu_cache {
    struct magazine small, large;
    u32 small_pfns[SMALL_CAPACITY];
    u32 large_pfns[LARGE_CAPACITY];
} aligned_to(CACHE_LINE);

static struct {
    struct cpu_cache cpu[MAX_CPUS];
} state;

static void magazine_init(struct magazine *m, unsigned order, u32 *pfns, unsigned capacity)
{
    spinlock_init(&m->lock, "frame magazine", RANK_MAGAZINE);
    m->pfns = pfns;
    m->order = (u16)order;
    m->capacity = (u16)capacity;
}

void cache_init(void)
{
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        struct cpu_cache *c = &state.cpu[i];

        magazine_init(&c->small, ORDER_4K, c->small_pfns, SMALL_CAPACITY);
        magazine_init(&c->large, ORDER_2M, c->large_pfns, LARGE_CAPACITY);
    }
}

bool cache_handles(unsigned order)
{
    return order == ORDER_4K || order == ORDER_2M;
}

static struct magazine *magazine_of(unsigned cpu, unsigned order)
{
    return order == ORDER_4K ? &state.cpu[cpu].small : &state.cpu[cpu].large;
}

static void set_tag(u32 pfn, u16 from, u16 to)
{
    struct frame_desc *desc = zone_desc(pfn);

    if (unlikely(desc->tag != from)) {
        BUG("frame %x has tag %x instead of %x", pfn, desc->tag, from);
    }
    desc->tag = to;
}

static void refill(struct magazine *m)
{
    m->count = zone_alloc(m->order, m->pfns, m->capacity / 2);
    for (unsigned i = 0; i < m->count; i++) {
        set_tag(m->pfns[i], 0, FRAME_TAG_CACHED);
    }
}

/* Gives the oldest `count` frames back: the newest are the warm ones. */
static void give_back(struct magazine *m, unsigned count)
{
    if (count == 0) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        set_tag(m->pfns[i], FRAME_TAG_CACHED, 0);
    }
    zone_free(m->order, m->pfns, count);
    m->count -= count;
    for (unsigned i = 0; i < m->count; i++) {
        m->pfns[i] = m->pfns[i + count];
    }
}

bool cache_alloc(unsigned order, pfn_t *pfn)
{
    struct magazine *m = magazine_of(cpu_id(), order);
    bool irq = spin_lock(&m->lock);
    bool got;

    if (m->count == 0) {
        refill(m);
    }
    got = m->count > 0;
    if (got) {
        m->count--;
        *pfn = m->pfns[m->count];
        set_tag(m->pfns[m->count], FRAME_TAG_CACHED, 0);
    }
    spin_unlock(&m->lock, irq);
    return got;
}

void cache_free(unsigned order, pfn_t pfn)
{
    struct magazine *m = magazine_of(cpu_id(), order);
    bool irq = spin_lock(&m->lock);

    if (m->count == m->capacity) {
        give_back(m, m->capacity / 2);
    }
    set_tag((u32)pfn, 0, FRAME_TAG_CACHED);
    m->pfns[m->count++] = (u32)pfn;
    spin_unlock(&m->lock, irq);
}

static u64 drain(struct magazine *m)
{
    bool irq = spin_lock(&m->lock);
    u64 frames = (u64)m->count << m->order;

    give_back(m, m->count);
    spin_unlock(&m->lock, irq);
    return frames;
}

u64 cache_drain(void)
{
    u64 frames = 0;

    for (unsigned i = 0; i < MAX_CPUS; i++) {
        frames += drain(&state.cpu[i].small) + drain(&state.cpu[i].large);
    }
    return frames;
}

static u64 frames_in(struct magazine *m)
{
    bool irq = spin_lock(&m->lock);
    u64 frames = (u64)m->count << m->order;

    spin_unlock(&m->lock, irq);
    return frames;
}

u64 cache_frames(void)
{
    u64 frames = 0;

    for (unsigned i = 0; i < MAX_CPUS; i++) {
        frames += frames_in(&state.cpu[i].small) + frames_in(&state.cpu[i].large);
    }
    return frames;
}

static void check(struct magazine *m)
{
    bool irq = spin_lock(&m->lock);

    BUG_ON(m->count > m->capacity);
    for (unsigned i = 0; i < m->count; i++) {
        BUG_ON(zone_desc(m->pfns[i])->tag != FRAME_TAG_CACHED);
        zone_check_used(m->pfns[i], m->order);
    }
    spin_unlock(&m->lock, irq);
}

void cache_check(void)
{
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        check(&state.cpu[i].small);
        check(&state.cpu[i].large);
    }
}
