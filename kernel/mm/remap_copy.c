/* SPDX-License-Identifier: MIT */
/*
 * Copying instead of remapping, for who has said that nobody looks meanwhile.
 *
 * A remap costs one shoot-down, and for each page that two entries are changed, flushed and
 * missed when it is touched again; a copy costs the copying.  Which is dearer, by how much,
 * differs: a miss costs 10 us where a host shadows the page tables, and under emulation a copy
 * costs more than anything.  So all three are measured when they are first asked for:
 *
 *   copying pays for n pages while  n * copy < shoot-down + n * miss
 *
 * where n are the pages of all pairs of a call, which have one shoot-down.
 *
 * Windows of 2 MiB that can go by their entry are never copied.  Nor is a pair of which some
 * page has no frame, or is an alias: there the entries say more than the contents.
 */
#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#include "remap_priv.h"

#define NEW_BITS (PTE_ACCESSED | PTE_DIRTY)
#define NOT_COPIED (PTE_FILE | PTE_COUNTED | PTE_SNAPSHOT)
#define TRIES 4u
#define ALWAYS 1u /* as what a call does besides is not measured */

/* ---- What it costs -------------------------------------------------------------------------- */

/* (a) 0: not measured yet. */
static _Atomic u64 limit;

static void exchange(u64 *a, u64 *b)
{
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(u64); i += 2) {
        u64 first = a[i], second = a[i + 1];

        a[i] = b[i];
        a[i + 1] = b[i + 1];
        b[i] = first;
        b[i + 1] = second;
    }
}

/* Cycles of one of these, at best. */
static u64 time_of(void (*fn)(void *a, void *b), void *a, void *b)
{
    u64 best = ~0ull;

    for (unsigned i = 0; i < TRIES; i++) {
        u64 start = rdtsc();

        fn(a, b);
        best = MIN(best, rdtsc() - start);
    }
    return MAX(best, 1);
}

static void do_exchange(void *a, void *b)
{
    exchange(a, b);
}

static void do_miss(void *page, void *unused)
{
    __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
    (void)*(const volatile u8 *)page;
}

static void do_shootdown(void *page, void *unused)
{
    struct tlb_batch batch;

    tlb_batch_init(&batch);
    tlb_batch_add(&batch, (vaddr_t)page, PAGE_SIZE, PAGE_SIZE);
    tlb_batch_finish(&batch);
}

/*
 * Bytes of a call below which copying pays; ~0: always.  Misses are of this stack's page, which is
 * a small one: the large pages of `a` and `b` would be something else.
 */
static u64 measure(void *a, void *b)
{
    void *stack = (void *)ALIGN_DOWN((vaddr_t)__builtin_frame_address(0), PAGE_SIZE);
    u64 copy = time_of(do_exchange, a, b), miss = 2 * time_of(do_miss, stack, NULL);
    u64 shootdown = time_of(do_shootdown, stack, NULL);

    return copy <= miss ? ~0ull : MAX(shootdown / (copy - miss) + 1, ALWAYS + 1) * PAGE_SIZE;
}

u64 aspace_copy_below(void)
{
    u64 now = atomic_load_explicit(&limit, memory_order_relaxed);
    pfn_t frame[2];

    if (now != 0 || frame_alloc(ORDER_4K, 0, &frame[0]) != 0) {
        return now;
    }
    if (frame_alloc(ORDER_4K, 0, &frame[1]) == 0) {
        now = measure(pfn_to_virt(frame[0]), pfn_to_virt(frame[1]));
        atomic_store_explicit(&limit, now, memory_order_relaxed);
        frame_free(frame[1], ORDER_4K);
    }
    frame_free(frame[0], ORDER_4K);
    return now;
}

/* ---- Which pairs ---------------------------------------------------------------------------- */

/* The leaf of a page and its level; all is claimed. */
static u64 leaf_at(vaddr_t va, unsigned *level)
{
    return pte_load(pt_lookup(va, level));
}

static bool may_copy(vaddr_t start, u64 size)
{
    unsigned level;

    for (vaddr_t va = start; va < start + size;
         va = ALIGN_DOWN(va, pt_level_size(level)) + pt_level_size(level)) {
        u64 leaf = leaf_at(va, &level);

        if (level > 2 || leaf == 0 || (leaf & NOT_COPIED)) {
            return false;
        }
    }
    return true;
}

/* Is there a window of 2 MiB that goes by its entry? */
static bool has_window(const struct remap_part *part)
{
    return part->whole && ALIGN_UP(part->to, LARGE_SIZE) + LARGE_SIZE <= part->to + part->size;
}

bool remap_is_copied(const struct remap *r, const struct remap_part *part)
{
    const struct aspace_remap *request = r->request;

    return request->quiet && !request->unmap && !has_window(part) &&
           r->bytes < aspace_copy_below() && may_copy(part->to, part->size) &&
           may_copy(part->from, part->size);
}

/* ---- Copying -------------------------------------------------------------------------------- */

/*
 * The page as the kernel sees it.  It counts as written to.  Locked, as what else lies in
 * the window may split a large page there.
 */
static void *new_page(vaddr_t va)
{
    struct spinlock *lock = pt_window_lock(va);
    bool irq = spin_lock(lock);
    unsigned level;
    u64 *entry = pt_lookup(va, &level), leaf = pte_load(entry);

    while ((leaf & NEW_BITS) != NEW_BITS && !pte_replace(entry, &leaf, leaf | NEW_BITS)) {
    }
    spin_unlock(lock, irq);
    return phys_to_virt((leaf & PTE_ADDRESS) + va % pt_level_size(level));
}

static void copy_page(const struct remap *r, const struct remap_part *part, u64 offset)
{
    void *to = new_page(part->to + offset), *from = new_page(part->from + offset);

    if (r->request->kind == REMAP_SWAP && !r->request->slides) {
        exchange(to, from);
    } else {
        memcpy(to, from, PAGE_SIZE);
    }
}

/* What a move leaves behind, where nothing has come to. */
static void clear_rest(const struct remap_part *part)
{
    for (vaddr_t va = part->from; va < part->from + part->size; va += PAGE_SIZE) {
        if (va < part->to || va >= part->to + part->size) {
            memset(new_page(va), 0, PAGE_SIZE);
        }
    }
}

/* In the order in which nothing is written over before it is copied. */
void remap_copy(const struct remap *r, const struct remap_part *part)
{
    bool up = part->to < part->from;

    for (u64 done = 0; done < part->size; done += PAGE_SIZE) {
        copy_page(r, part, up ? done : part->size - PAGE_SIZE - done);
        if (IS_ALIGNED(done + PAGE_SIZE, LARGE_SIZE)) {
            sched_yield(); /* the kernel is not preempted */
        }
    }
    if (r->request->kind == REMAP_MOVE) {
        clear_rest(part);
    }
    remap_count(&remap_counters.copied, part->size);
}
