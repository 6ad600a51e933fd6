/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own mappings: 64 GiB of addresses at a place drawn at boot.
 *
 *   base          +32 GiB                       +64 GiB
 *   | stack slots | devices, one after the other |
 *
 * A stack slot is a power of two: the lower half is never mapped, so that a
 * stack that overflows faults; the upper half is the stack.
 *
 * Making a thread must be cheap, and mapping is not (a page's first use costs
 * 25,000 cycles and more on kvm_pvm), so free stacks stay mapped and are used
 * again, last in first out, as long as they are no more than a sixty-fourth of
 * memory.  Beyond that all pages but the top one are given back: that one holds
 * the list's link.  It is done for KSTACK_BATCH stacks at once, because they
 * share one shoot-down: with one for each, the ends of a thousand threads were
 * as many waits of 10 to 50 ms on a host that had not got a CPU for each of ours.
 */
#include "kmap_priv.h"

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagetable.h>
#include <kernel/random.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/tlb.h>

/* Between what mmap hands out and the direct map. */
#define KMAP_LOWEST (66 * TIB)
#define KMAP_HIGHEST (94 * TIB)

#define STACKS_SIZE (32 * GIB)
#define SLOT_SIZE (2 * KSTACK_SIZE)
#define KSTACK_CACHED 64u /* at least */
#define KSTACK_SHARE 64u  /* of memory: one part in so many */
#define KSTACK_BATCH 16u
_Static_assert(KSTACK_GUARD <= KSTACK_SIZE, "the guard is the slot's lower half");
_Static_assert((SLOT_SIZE & (SLOT_SIZE - 1)) == 0, "slots do not straddle windows");

#define BITS_STACK (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY | PTE_NX)
#define BITS_DEVICE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_CACHE_OFF | PTE_NX)

/* In the last bytes of a free stack. */
struct free_stack {
    struct free_stack *next;
};

/* (c) constant after start-up   (l) lock */
static struct {
    struct spinlock lock;
    vaddr_t base;              /* (c) */
    u64 keep;                  /* (c) whole stacks */
    vaddr_t stack_next;        /* (l) first slot that was never used */
    vaddr_t device_next;       /* (l) */
    struct free_stack *cached; /* (l) whole stacks */
    u64 cached_count;          /* (l) */
    struct free_stack *hollow; /* (l) only the top page is there */
} kmap = {.lock = SPINLOCK_INIT("kmap", RANK_KMAP)};

void kmap_init(u64 frames)
{
    kmap.keep = MAX(KSTACK_CACHED, frames / KSTACK_SHARE / (KSTACK_SIZE / PAGE_SIZE));
    kmap.base = KMAP_LOWEST + ALIGN_DOWN(random_u64() % (KMAP_HIGHEST - KMAP_LOWEST), GIANT_SIZE);
    kmap.stack_next = kmap.base;
    kmap.device_next = kmap.base + STACKS_SIZE;
}

vaddr_t kmap_start(void)
{
    return kmap.base;
}

int kernel_map_device(paddr_t pa, u64 size, void **va)
{
    paddr_t first = ALIGN_DOWN(pa, PAGE_SIZE);
    u64 bytes = ALIGN_UP(pa + size, PAGE_SIZE) - first;
    u64 unit = bytes >= LARGE_SIZE ? LARGE_SIZE : PAGE_SIZE;
    bool irq = spin_lock(&kmap.lock);
    /* At the same place within a unit as in physical memory: large leaves fit. */
    vaddr_t at = ALIGN_UP(kmap.device_next, unit) + (first & (unit - 1));
    bool fits = at + bytes < kmap.base + KMAP_SIZE;
    int error;

    if (fits) {
        kmap.device_next = at + bytes + PAGE_SIZE; /* an unmapped page between devices */
    }
    spin_unlock(&kmap.lock, irq);
    if (!fits) {
        return -ENOMEM;
    }
    error = pt_map_range(at, first, bytes, BITS_DEVICE);
    if (error != 0) {
        return error; /* the addresses are lost; there are plenty */
    }
    *va = (void *)(at + (pa - first));
    return 0;
}

static struct free_stack *free_stack_of(u64 top)
{
    return (struct free_stack *)top - 1;
}

static u64 top_of(struct free_stack *stack)
{
    return (u64)(stack + 1);
}

static int map_page(vaddr_t va)
{
    u64 *entry;
    pfn_t pfn;
    bool irq;
    int error = frame_alloc(ORDER_4K, 0, &pfn);

    if (error != 0) {
        return error;
    }
    irq = spin_lock(pt_window_lock(va));
    error = pt_entry(va, 1, &entry);
    if (error == 0) {
        BUG_ON(pte_load(entry) != 0);
        pte_store(entry, pfn << PAGE_SHIFT | BITS_STACK);
    }
    spin_unlock(pt_window_lock(va), irq);
    if (error != 0) {
        frame_free(pfn, ORDER_4K);
    }
    return error;
}

static void unmap_pages(struct tlb_batch *batch, vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
        unsigned level;
        u64 old;
        bool irq;

        if (tlb_batch_full(batch)) {
            tlb_batch_finish(batch);
        }
        irq = spin_lock(pt_window_lock(va));
        old = pte_exchange(pt_lookup(va, &level), 0);
        spin_unlock(pt_window_lock(va), irq);
        BUG_ON(level != 1 || old == 0);
        tlb_batch_add(batch, va, PAGE_SIZE, PAGE_SIZE);
        tlb_batch_free(batch, (old & PTE_ADDRESS) >> PAGE_SHIFT, ORDER_4K);
    }
}

/* Maps downwards from `end`; all or nothing. */
static int map_pages(vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = end; va > start; va -= PAGE_SIZE) {
        int error = map_page(va - PAGE_SIZE);

        if (error != 0) {
            struct tlb_batch batch;

            tlb_batch_init(&batch);
            unmap_pages(&batch, va, end);
            tlb_batch_finish(&batch);
            return error;
        }
    }
    return 0;
}

static int stack_fill(struct free_stack *hollow, u64 *top)
{
    int error;

    *top = top_of(hollow);
    error = map_pages(*top - KSTACK_SIZE, *top - PAGE_SIZE);
    if (error != 0) {
        bool irq = spin_lock(&kmap.lock);

        hollow->next = kmap.hollow;
        kmap.hollow = hollow;
        spin_unlock(&kmap.lock, irq);
    }
    return error;
}

static int stack_new(u64 *top)
{
    bool irq = spin_lock(&kmap.lock);
    vaddr_t slot = kmap.stack_next;
    int error = -ENOMEM;

    if (slot + SLOT_SIZE <= kmap.base + STACKS_SIZE) {
        kmap.stack_next += SLOT_SIZE;
        error = 0;
    }
    spin_unlock(&kmap.lock, irq);
    if (error != 0) {
        return error;
    }
    *top = slot + SLOT_SIZE;
    error = map_pages(*top - KSTACK_SIZE, *top);
    if (error != 0) {
        irq = spin_lock(&kmap.lock);
        if (kmap.stack_next == *top) { /* else the slot is lost: 1 in a million */
            kmap.stack_next = slot;
        }
        spin_unlock(&kmap.lock, irq);
    }
    return error;
}

int kstack_alloc(u64 *top)
{
    bool irq = spin_lock(&kmap.lock);
    struct free_stack *whole = kmap.cached;
    struct free_stack *hollow = NULL;

    if (whole != NULL) {
        kmap.cached = whole->next;
        kmap.cached_count--;
    } else if (kmap.hollow != NULL) {
        hollow = kmap.hollow;
        kmap.hollow = hollow->next;
    }
    spin_unlock(&kmap.lock, irq);
    if (whole != NULL) {
        *top = top_of(whole);
        return 0;
    }
    return hollow != NULL ? stack_fill(hollow, top) : stack_new(top);
}

/* The last KSTACK_BATCH that came, if there are so many more than are kept.  Lock held. */
static struct free_stack *take_surplus(void)
{
    struct free_stack *first = kmap.cached, *last = first;

    if (kmap.cached_count < kmap.keep + KSTACK_BATCH) {
        return NULL;
    }
    for (unsigned i = 1; i < KSTACK_BATCH; i++) {
        last = last->next;
    }
    kmap.cached = last->next;
    kmap.cached_count -= KSTACK_BATCH;
    last->next = NULL;
    return first;
}

/* All that are linked to `first`, with one shoot-down. */
static void hollow_out(struct free_stack *first)
{
    struct free_stack *last = NULL;
    struct tlb_batch batch;
    bool irq;

    tlb_batch_init(&batch);
    for (struct free_stack *stack = first; stack != NULL; stack = stack->next) {
        unmap_pages(&batch, top_of(stack) - KSTACK_SIZE, top_of(stack) - PAGE_SIZE);
        last = stack;
    }
    tlb_batch_finish(&batch);
    irq = spin_lock(&kmap.lock);
    last->next = kmap.hollow;
    kmap.hollow = first;
    spin_unlock(&kmap.lock, irq);
}

void kstack_free(u64 top)
{
    struct free_stack *stack = free_stack_of(top), *surplus;
    bool irq;

    assert(IS_ALIGNED(top, SLOT_SIZE) && top - kmap.base <= STACKS_SIZE);
    irq = spin_lock(&kmap.lock);
    stack->next = kmap.cached;
    kmap.cached = stack;
    kmap.cached_count++;
    surplus = take_surplus();
    spin_unlock(&kmap.lock, irq);
    if (surplus != NULL) {
        hollow_out(surplus);
    }
}
