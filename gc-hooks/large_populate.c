/* SPDX-License-Identifier: MIT */
/*
 * Populating by several CPUs: first what gets pages of 1 GiB, one after the other, whose frames
 * are zeroed by all; then the rest.  The caller and some kernel threads each take the next part
 * of 32 MiB until there is none.  Parts are whole groups of windows, so that no two
 * CPUs want the same lock of the page table, nor stores to the same entries.
 * With fewer parts than threads, or no memory for threads, there are fewer of them.
 */
#include "large_priv.h"

#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <stdatomic.h>

/* (c) constant while there are threads   (a) atomic */
struct work {
    vaddr_t start, end; /* (c) */
    unsigned threads;   /* (c) */
    bool unzeroed;      /* (c) */
    bool zero;          /* (c) it is the kernel's window on a frame, to be zeroed */
    u64 parts;          /* (c) */
    _Atomic u64 next;   /* (a) part that nobody has taken */
    _Atomic int error;  /* (a) the first one; ends the work */
};

static u64 part_count(vaddr_t start, vaddr_t end)
{
    return (ALIGN_UP(end, PT_GROUP_SIZE) - ALIGN_DOWN(start, PT_GROUP_SIZE)) / PT_GROUP_SIZE;
}

static int populate_part(const struct work *work, u64 part)
{
    vaddr_t group = ALIGN_DOWN(work->start, PT_GROUP_SIZE) + part * PT_GROUP_SIZE;
    vaddr_t start = MAX(work->start, group), end = MIN(work->end, group + PT_GROUP_SIZE);

    if (work->zero) {
        memzero_uncached((void *)start, end - start);
        sched_yield();
        return 0;
    }
    return work->unzeroed ? aspace_populate_unzeroed(start, end - start)
                          : aspace_populate(start, end - start);
}

static void populate_parts(void *arg)
{
    struct work *work = arg;

    while (atomic_load_explicit(&work->error, memory_order_relaxed) == 0) {
        u64 part = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
        int error = part < work->parts ? populate_part(work, part) : 0, none = 0;

        if (part >= work->parts) {
            return;
        }
        if (error != 0) {
            atomic_compare_exchange_strong_explicit(&work->error, &none, error,
                                                    memory_order_relaxed, memory_order_relaxed);
        }
    }
}

static int do_work(struct work *work)
{
    const struct thread_attr attr = {
        .name = "populate", .entry = populate_parts, .arg = work, .class = SCHED_CLASS_FAIR};
    struct thread *helper[MAX_CPUS];
    unsigned helpers = 0, wanted;

    work->parts = part_count(work->start, work->end);
    wanted = work->threads == 0 ? cpu_count() : MIN(work->threads, cpu_count());
    wanted = (unsigned)MIN(wanted, work->parts);
    while (helpers + 1 < wanted && thread_create(&attr, &helper[helpers]) == 0) {
        helpers++;
    }
    populate_parts(work);
    while (helpers > 0) {
        thread_join(helper[--helpers], NULL);
    }
    return atomic_load_explicit(&work->error, memory_order_relaxed);
}

static void zero_frame(void *arg, void *at, u64 size)
{
    const struct work *like = arg;
    struct work work = {
        .start = (vaddr_t)at, .end = (vaddr_t)at + size, .threads = like->threads, .zero = true};

    (void)!do_work(&work);
}

int large_populate(vaddr_t start, vaddr_t end, bool unzeroed, unsigned threads)
{
    struct work work = {.start = start, .end = end, .threads = threads, .unzeroed = unzeroed};

    for (vaddr_t va = ALIGN_UP(start, GIANT_SIZE);
         cpu_has_giant_pages() && va < end && end - va >= GIANT_SIZE; va += GIANT_SIZE) {
        if (aspace_populate_giant(va, zero_frame, &work) != 0) {
            break; /* no such frames: smaller ones then */
        }
    }
    return do_work(&work);
}
