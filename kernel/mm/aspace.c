/* SPDX-License-Identifier: MIT */
/*
 * The one address space: where what may lie, lookups and statistics.
 *
 *   2 MiB              the kernel
 *   2 GiB .. 32 GiB    the Java heap (compressed references): by hint only
 *   32 GiB .. 4 TiB    second choice for mappings without a place
 *   4 TiB .. 20 TiB    ZGC's views at 4, 8 and 16 TiB: by hint only
 *   20 TiB .. 64 TiB   mappings without a place, downwards from a random base
 *   66 TiB .. 94 TiB   somewhere in it, 64 GiB of the kernel's own mappings
 *   96 TiB .. 126 TiB  somewhere in it, the direct map
 *
 * What is not the kernel's is free for mappings with a hint or a fixed place.
 */
#include <kernel/aspace.h>

#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/random.h>
#include <kernel/start.h>

#include "aspace_priv.h"
#include "kmap_priv.h"

#define HEAP_END (32 * GIB)
#define VIEWS_START (4 * TIB)
#define VIEWS_END (20 * TIB)
#define PLACE_HIGHEST (64 * TIB)
#define PLACE_RANDOM (16 * TIB)

#define KERNEL_RANGES 3

struct aspace aspace = {.waiters = WAIT_QUEUE_INIT("aspace", aspace.waiters),
                        .claims = LIST_INIT(aspace.claims),
                        .turns = SPINLOCK_INIT("turns", RANK_TURNS),
                        .line = LIST_INIT(aspace.line)};

/* The kernel's regions again, for checks without a lock; constant after start-up. */
static struct {
    vaddr_t start, end;
} kernel_range[KERNEL_RANGES];

/* Each CPU writes its own, with plain loads and stores. */
static struct {
    _Atomic u64 value[COUNTERS];
} aligned_to(CACHE_LINE) counters[MAX_CPUS];

void aspace_count(enum aspace_counter counter, s64 n)
{
    _Atomic u64 *value = &counters[cpu_id()].value[counter];
    u64 old = atomic_load_explicit(value, memory_order_relaxed);

    atomic_store_explicit(value, old + (u64)n, memory_order_relaxed);
}

u64 aspace_counted(enum aspace_counter counter)
{
    u64 sum = 0;

    for (unsigned i = 0; i < cpu_count(); i++) {
        sum += atomic_load_explicit(&counters[i].value[counter], memory_order_relaxed);
    }
    return sum;
}

/* (a) NULL: nobody wants to know. */
static _Atomic(void (*)(vaddr_t va, enum aspace_event event, u64 n)) watch;

static int reserve(unsigned i, vaddr_t start, vaddr_t end)
{
    const struct region kernel = {.kind = REGION_KERNEL};
    struct region_pool pool;
    int error;

    region_pool_init(&pool);
    error = region_pool_reserve(&pool, 1, kmalloc);
    if (error != 0) {
        return error;
    }
    region_set_insert(&aspace.set, start, end, &kernel, &pool);
    kernel_range[i].start = start;
    kernel_range[i].end = end;
    return 0;
}

static int reserve_kernel(void)
{
    int error = reserve(0, ALIGN_DOWN((vaddr_t)kernel_text_start, LARGE_SIZE),
                        ALIGN_UP((vaddr_t)kernel_end, LARGE_SIZE));

    if (error == 0) {
        error = reserve(1, kmap_start(), kmap_start() + KMAP_SIZE);
    }
    if (error == 0) {
        error =
            reserve(2, direct_map_base, direct_map_base + ALIGN_UP(direct_map_size, LARGE_SIZE));
    }
    return error;
}

int aspace_init(void)
{
    vaddr_t base = PLACE_HIGHEST - ALIGN_DOWN(random_u64() % PLACE_RANDOM, LARGE_SIZE);
    const struct place_zone zones[] = {
        {VIEWS_END, base},
        {HEAP_END, VIEWS_START},
        {base, VADDR_END},
    };
    struct frame_stats frames;

    pagetable_use_frames();
    frame_get_stats(&frames);
    kmap_init(frames.total);
    aspace.total_frames = frames.total;
    region_set_init(&aspace.set, zones, ARRAY_SIZE(zones));
    return reserve_kernel();
}

void aspace_set_watch(void (*fn)(vaddr_t va, enum aspace_event event, u64 n))
{
    atomic_store_explicit(&watch, fn, memory_order_release);
}

void aspace_event(vaddr_t va, enum aspace_event event, u64 n)
{
    void (*fn)(vaddr_t, enum aspace_event, u64) =
        atomic_load_explicit(&watch, memory_order_acquire);

    if (fn != NULL) {
        fn(va, event, n);
    }
}

void aspace_set_policy(const struct page_policy_ops *ops)
{
    aspace.policy = ops;
}

bool aspace_range_is_kernel(vaddr_t start, vaddr_t end)
{
    if (end > VADDR_END) {
        return true;
    }
    for (unsigned i = 0; i < KERNEL_RANGES; i++) {
        if (start < kernel_range[i].end && end > kernel_range[i].start) {
            return true;
        }
    }
    return false;
}

int aspace_range_valid(vaddr_t start, u64 size)
{
    if (!IS_ALIGNED(start | size, PAGE_SIZE) || size == 0 || start < ASPACE_MIN ||
        start >= VADDR_END || size > VADDR_END - start) {
        return -EINVAL;
    }
    return aspace_range_is_kernel(start, start + size) ? -EINVAL : 0;
}

int aspace_check_mapped(vaddr_t start, u64 size)
{
    int error = aspace_range_valid(start, size);
    bool irq;

    if (error == 0) {
        irq = aspace_read_lock();
        error = region_set_covers(&aspace.set, start, start + size) ? 0 : -ENOMEM;
        aspace_read_unlock(irq);
    }
    return error;
}

void aspace_get_stats(struct aspace_stats *stats)
{
    bool irq = aspace_read_lock();

    *stats = (struct aspace_stats){
        .regions = aspace.set.regions,
        .bytes_mapped = aspace.set.bytes,
    };
    aspace_read_unlock(irq);
    stats->resident_4k = aspace_counted(COUNT_4K);
    stats->resident_2m = aspace_counted(COUNT_2M);
    stats->resident_1g = aspace_counted(COUNT_1G);
    stats->faults = aspace_counted(COUNT_FAULTS);
    stats->faults_2m = aspace_counted(COUNT_FAULTS_2M);
    stats->promotions = aspace_counted(COUNT_PROMOTIONS);
    stats->demotions = aspace_counted(COUNT_DEMOTIONS);
}

void aspace_for_each(void (*fn)(const struct region *region, void *arg), void *arg)
{
    bool irq = aspace_read_lock();

    region_for_each(region, &aspace.set, 0, VADDR_END)
    {
        fn(region, arg);
    }
    aspace_read_unlock(irq);
}
