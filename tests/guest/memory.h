/* SPDX-License-Identifier: MIT */
/* What the tests of memory have in common. */
#pragma once

#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/types.h>

#include "guest.h"

#define PROT_RW (PROT_READ | PROT_WRITE)

/* A mapping without a place of its own; 0 (and a failed test) if there is none. */
static inline vaddr_t map_new(u64 size, unsigned prot)
{
    vaddr_t addr = 0;

    EQ(aspace_map(0, size, prot, MAP_PLACE_HINT, &addr), 0);
    return addr;
}

static inline u64 *word_at(vaddr_t va)
{
    return (u64 *)va;
}

/* One word a page, so that every page can be told from every other. */
static inline void stamp_pages(vaddr_t start, vaddr_t end, u64 salt)
{
    for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
        *word_at(va + (va >> PAGE_SHIFT) % 512 * 8) = va ^ salt;
    }
}

static inline bool pages_stamped(vaddr_t start, vaddr_t end, u64 salt)
{
    for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
        if (*word_at(va + (va >> PAGE_SHIFT) % 512 * 8) != (va ^ salt)) {
            guest_note("page %lx has %lx", va, *word_at(va + (va >> PAGE_SHIFT) % 512 * 8));
            return false;
        }
    }
    return true;
}

static inline bool memory_is_zero(vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; va < end; va += sizeof(u64)) {
        if (*word_at(va) != 0) {
            guest_note("%lx at %lx", *word_at(va), va);
            return false;
        }
    }
    return true;
}

/* Level of the leaf that backs `va`, 0 if none does. */
static inline unsigned backed_by(vaddr_t va)
{
    unsigned level;

    return pte_load(pt_lookup(va, &level)) == 0 ? 0 : level;
}

static inline struct aspace_stats stats_now(void)
{
    struct aspace_stats stats;

    aspace_get_stats(&stats);
    return stats;
}

/* Enough of what a test may not leave behind. */
struct memory_state {
    struct aspace_stats stats;
    u64 free;
    u64 objects;
    u64 threads; /* that may be made anew, because those that ended are not quite gone */
};

static inline u64 memory_free_frames(void)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    return stats.free;
}

/*
 * How many are free when idle CPUs have zeroed what they want to.  One that takes
 * a frame or puts it down while they are counted is counted wrong, but not twice.
 */
static inline u64 memory_settled_frames(void)
{
    u64 free;

    do {
        while (frame_zero_ahead_idle()) {
        }
        free = memory_free_frames();
        sched_delay(2 * NSEC_PER_MSEC);
    } while (memory_free_frames() != free);
    return free;
}

static inline u64 memory_objects(void)
{
    struct kmalloc_stats stats;

    kmalloc_get_stats(&stats);
    return stats.objects;
}

static inline struct memory_state memory_state_now(void)
{
    u64 free = memory_settled_frames();

    return (struct memory_state){stats_now(), free, memory_objects(), 0};
}

/*
 * Is all as before?  Frames of tables above level 1 are never given back, and
 * slabs when they please, so `spare` frames may be missing.  Others work in
 * the background: it may take a moment.
 */
static inline bool memory_back(const struct memory_state *before, u64 spare)
{
    struct aspace_stats now;

    for (nsec_t end = clock_now() + 20 * NSEC_PER_SEC;;) {
        now = stats_now();
        if (memory_free_frames() + spare + before->threads * 8 >= before->free &&
            memory_objects() <= before->objects + before->threads * 2) {
            break;
        }
        if (clock_now() > end) {
            guest_note("%lu frames free, %lu before; %lu objects, %lu before", memory_free_frames(),
                       before->free, memory_objects(), before->objects);
            return false;
        }
        sched_delay(NSEC_PER_MSEC);
    }
    return EQ(now.regions, before->stats.regions) &
           EQ(now.bytes_mapped, before->stats.bytes_mapped) &
           EQ(now.resident_4k, before->stats.resident_4k) &
           EQ(now.resident_2m, before->stats.resident_2m) &
           EQ(now.resident_1g, before->stats.resident_1g);
}

/* A kernel thread on one CPU; NULL and a failed test if there is no memory. */
static inline struct thread *kernel_thread_on(unsigned cpu, void (*fn)(void *), void *arg)
{
    const struct thread_attr attr = {
        .name = "memory",
        .entry = fn,
        .arg = arg,
        .affinity = 1ull << cpu,
        .class = SCHED_CLASS_FAIR,
    };
    struct thread *thread = NULL;

    EQ(thread_create(&attr, &thread), 0);
    return thread;
}

static inline void thread_does_nothing(void *arg)
{
}

/* One thread on each CPU runs fn(number); returns when all have ended. */
static inline void run_on_all_cpus(void (*fn)(void *number))
{
    struct thread *threads[MAX_CPUS] = {NULL};

    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        threads[cpu] = kernel_thread_on((unsigned)cpu, fn, (void *)cpu);
    }
    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        if (threads[cpu] != NULL) {
            thread_join(threads[cpu], NULL);
        }
    }
}

/*
 * Threads keep their memory for the next ones.  A test that starts some has
 * as many made before it looks at what is free.
 */
static inline struct memory_state memory_state_with_threads(void)
{
    struct memory_state state;
    struct app *apps[MAX_CPUS] = {NULL};

    for (unsigned i = 0; i < cpu_count(); i++) {
        apps[i] = app_start("warm", thread_does_nothing, NULL, 0);
    }
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (apps[i] != NULL) {
            app_join(apps[i]);
        }
    }
    state = memory_state_now();
    state.threads = cpu_count();
    return state;
}
