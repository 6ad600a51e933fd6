/* SPDX-License-Identifier: MIT */
/* Faults: on several CPUs at once, beside operations, and what may not be. */
#include "memory.h"

#include <kernel/errno.h>
#include <kernel/start.h>
#include <kernel/tlb.h>
#include <kernel/trap.h>
#include <stdatomic.h>

#define LINUX_EXIT 60

/* Shared by the threads of the test that runs. */
static struct {
    vaddr_t va;
    u64 size;
    _Atomic u32 ready;
    _Atomic bool go, stop;
    _Atomic u64 done, faulted;
} shared;

static void shared_reset(vaddr_t va, u64 size)
{
    shared.va = va;
    shared.size = size;
    shared.ready = 0;
    shared.go = shared.stop = false;
    shared.done = shared.faulted = 0;
}

/* All threads of run_on_all_cpus() go on together. */
static void meet(void)
{
    atomic_fetch_add(&shared.ready, 1);
    while (atomic_load(&shared.ready) < cpu_count()) {
        sched_yield();
    }
}

static void touch_same_window(void *number)
{
    meet();
    *word_at(shared.va + 8 * (u64)number) = 1 + (u64)number;
}

/* Several CPUs touch a window at once: one frame, and nobody's word is lost. */
GUEST_TEST(fault_same_window)
{
    struct memory_state before = memory_state_with_threads();

    for (unsigned round = 0; round < 100; round++) {
        vaddr_t va = map_new(LARGE_SIZE, PROT_RW);

        shared_reset(va, LARGE_SIZE);
        run_on_all_cpus(touch_same_window);
        EQ(stats_now().resident_2m, before.stats.resident_2m + 1);
        for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
            EQ(*word_at(va + 8 * cpu), 1 + cpu);
        }
        EQ(aspace_unmap(va, LARGE_SIZE), 0);
    }
    OK(memory_back(&before, 4));
}

static void touch_same_pages(void *number)
{
    meet();
    for (vaddr_t va = shared.va; va < shared.va + shared.size; va += PAGE_SIZE) {
        *word_at(va + 8 * (u64)number) = va + (u64)number;
    }
}

GUEST_TEST(fault_same_small_pages)
{
    struct memory_state before = memory_state_with_threads();
    u64 size = LARGE_SIZE - PAGE_SIZE;
    vaddr_t va = map_new(size, PROT_RW);

    shared_reset(va, size);
    run_on_all_cpus(touch_same_pages);
    EQ(stats_now().resident_4k, before.stats.resident_4k + 511);
    for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
        for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
            EQ(*word_at(at + 8 * cpu), at + cpu);
        }
    }
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

/* Memory touched in ascending order needs far fewer faults than pages. */
GUEST_TEST(fault_ahead)
{
    struct memory_state before = memory_state_now();
    u64 size = 64 * MIB;
    struct aspace_stats first, second;
    vaddr_t va;

    if (before.free < 3 * size / PAGE_SIZE) {
        guest_skip("less than 192 MiB are free");
        return;
    }
    va = map_new(size, PROT_RW);
    first = stats_now();
    stamp_pages(va, va + size, 1);
    second = stats_now();
    guest_note("%lu faults for 32 windows", second.faults - first.faults);
    OK(second.faults - first.faults <= 16);
    EQ(second.resident_2m, first.resident_2m + 32);
    OK(pages_stamped(va, va + size, 1));
    EQ(aspace_unmap(va, size), 0);

    /* Never beyond the region. */
    va = map_new(size, 0);
    EQ(aspace_protect(va, 3 * LARGE_SIZE, PROT_RW), 0);
    first = stats_now();
    stamp_pages(va, va + 3 * LARGE_SIZE, 1);
    EQ(stats_now().resident_2m, first.resident_2m + 3);
    EQ(backed_by(va + 3 * LARGE_SIZE), 0);
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

GUEST_TEST(fault_refused)
{
    struct memory_state before = memory_state_now();
    vaddr_t va = map_new(LARGE_SIZE, PROT_READ);

    EQ(aspace_fault(0, 0), -EFAULT);
    EQ(aspace_fault(8, FAULT_WRITE), -EFAULT);
    EQ(aspace_fault(ASPACE_MIN, 0), -EFAULT);
    EQ(aspace_fault(VADDR_END, 0), -EFAULT);
    EQ(aspace_fault(~0ull, FAULT_WRITE), -EFAULT);
    EQ(aspace_fault((vaddr_t)kernel_text_start, FAULT_WRITE | FAULT_PRESENT), -EFAULT);
    EQ(aspace_fault(direct_map_base, 0), -EFAULT);
    EQ(aspace_fault(va, FAULT_WRITE), -EFAULT);
    EQ(aspace_fault(va, FAULT_EXECUTE), -EFAULT);
    EQ(aspace_fault(va, FAULT_RESERVED | FAULT_PRESENT), -EFAULT);
    EQ(backed_by(va), 0);
    EQ(aspace_fault(va + 5, 0), 0);
    EQ(backed_by(va), 2);
    EQ(aspace_fault(va, 0), 0); /* spurious */
    EQ(aspace_fault(va, FAULT_PRESENT), 0);
    EQ(aspace_fault(va, FAULT_WRITE | FAULT_PRESENT), -EFAULT);
    EQ(aspace_protect(va, LARGE_SIZE, PROT_READ | PROT_EXEC), 0);
    EQ(aspace_fault(va, FAULT_EXECUTE | FAULT_PRESENT), 0);
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    EQ(aspace_fault(va, 0), -EFAULT);
    OK(memory_back(&before, 4));
}

/* A leaf that allows less than its region is put right. */
GUEST_TEST(fault_refreshes_leaf)
{
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    unsigned level;
    u64 *entry;

    *word_at(va) = 5;
    entry = pt_lookup(va, &level);
    pte_store(entry, pte_load(entry) & ~PTE_WRITE);
    tlb_flush_all_local();
    *word_at(va) = 6;
    OK((pte_load(entry) & PTE_WRITE) != 0);
    EQ(*word_at(va), 6);
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
}

/* Application code. */

static void app_leave(void)
{
    app_syscall(LINUX_EXIT, 7, 0, 0, 0, 0, 0);
}

/* Counts the fault and ends the thread. */
static bool on_fault(struct trap_frame *frame, u64 address)
{
    atomic_fetch_add(&shared.faulted, 1);
    frame->rip = (u64)app_leave;
    frame->rsp = ALIGN_DOWN(frame->rsp - 256, 16) - 8; /* as after a call */
    return true;
}

static void write_until_fault(void *arg)
{
    while (!atomic_load_explicit(&shared.stop, memory_order_relaxed)) {
        *(volatile u64 *)shared.va += 1;
        atomic_store_explicit(&shared.done, 1, memory_order_release);
    }
}

static void wait_for_writer(void)
{
    while (atomic_load_explicit(&shared.done, memory_order_acquire) == 0) {
        sched_delay(100 * NSEC_PER_USEC);
    }
}

/*
 * A thread on another CPU writes without pause.  After the protection has
 * changed, or the memory is gone, not one more write may get through.
 */
static void writer_must_fault(u64 size, int (*operation)(vaddr_t va, u64 size), bool readable)
{
    vaddr_t va = map_new(size, PROT_RW);
    struct app *app;
    pfn_t pfn;
    u64 value;
    unsigned level;

    shared_reset(va, size);
    *word_at(va) = 0;
    pfn = (pte_load(pt_lookup(va, &level)) & PTE_ADDRESS) >> PAGE_SHIFT;
    app = app_start_handler("writer", write_until_fault, NULL, 1ull << (cpu_count() - 1), on_fault);
    if (!OK(app != NULL)) {
        return;
    }
    wait_for_writer();
    EQ(operation(va, size), 0);
    if (readable) {
        value = *(u64 *)pfn_to_virt(pfn);
        sched_delay(2 * NSEC_PER_MSEC);
        EQ(*(u64 *)pfn_to_virt(pfn), value);
        EQ(*word_at(va), value);
    }
    EQ(app_join(app), 7);
    EQ(shared.faulted, 1);
    EQ(aspace_unmap(va, size), 0);
}

static int make_read_only(vaddr_t va, u64 size)
{
    return aspace_protect(va, size, PROT_READ);
}

GUEST_TEST(fault_after_protect)
{
    struct memory_state before = memory_state_with_threads();

    for (unsigned i = 0; i < 20; i++) {
        writer_must_fault(LARGE_SIZE, make_read_only, true);
        writer_must_fault(PAGE_SIZE, make_read_only, true);
        writer_must_fault(9 * LARGE_SIZE / 8, make_read_only, true);
    }
    OK(memory_back(&before, 4));
}

GUEST_TEST(fault_after_unmap)
{
    struct memory_state before = memory_state_with_threads();

    for (unsigned i = 0; i < 20; i++) {
        writer_must_fault(LARGE_SIZE, aspace_unmap, false);
        writer_must_fault(PAGE_SIZE, aspace_unmap, false);
    }
    OK(memory_back(&before, 4));
}

/* Reads each page once, sleeps until told, and reads again. */
static void read_sleep_read(void *arg)
{
    u64 sum = 0;

    for (vaddr_t va = shared.va; va < shared.va + shared.size; va += PAGE_SIZE) {
        sum += *word_at(va);
    }
    atomic_store(&shared.done, 1 + sum);
    while (!atomic_load(&shared.go)) {
        sched_delay(NSEC_PER_MSEC); /* its CPU goes idle */
    }
    sum = 0;
    for (vaddr_t va = shared.va; va < shared.va + shared.size; va += PAGE_SIZE) {
        sum += *word_at(va);
    }
    atomic_store(&shared.done, 1 + sum);
}

/* A CPU that slept through a shoot-down does not go on with what it knew. */
GUEST_TEST(fault_idle_cpu_flushes)
{
    struct memory_state before = memory_state_with_threads();
    u64 sizes[] = {4 * PAGE_SIZE, 2 * LARGE_SIZE};

    for (unsigned i = 0; i < 20; i++) {
        u64 size = sizes[i % 2], pages = size / PAGE_SIZE;
        vaddr_t va = map_new(size, PROT_RW);
        struct thread *thread;

        for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
            *word_at(at) = 3;
        }
        shared_reset(va, size);
        thread = kernel_thread_on(cpu_count() - 1, read_sleep_read, NULL);
        wait_for_writer();
        EQ(shared.done, 1 + 3 * pages);
        sched_delay(3 * NSEC_PER_MSEC);
        EQ(aspace_discard(va, size), 0);
        for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
            *word_at(at) = 5;
        }
        atomic_store(&shared.go, true);
        thread_join(thread, NULL);
        EQ(shared.done, 1 + 5 * pages);
        EQ(aspace_unmap(va, size), 0);
    }
    OK(memory_back(&before, 4));
}

/* A host that runs one CPU at a time may take a second for each shoot-down: fewer will do then. */
#define ENOUGH (20 * NSEC_PER_SEC)

#define COUNTER_STEP (33 * PAGE_SIZE)
#define COUNTERS_PER_THREAD 14u

/* Each thread counts in words of its own, all over the window, until told to stop. */
static void count_up(void *number)
{
    u64 rounds = 0;

    while (!atomic_load_explicit(&shared.stop, memory_order_relaxed)) {
        for (u64 i = 0; i < COUNTERS_PER_THREAD; i++) {
            *(volatile u64 *)(shared.va + i * COUNTER_STEP + 64 * (u64)number) += 1;
        }
        rounds++;
        atomic_store_explicit(&shared.done, 1, memory_order_release);
    }
    for (u64 i = 0; i < COUNTERS_PER_THREAD; i++) {
        EQ(*word_at(shared.va + i * COUNTER_STEP + 64 * (u64)number), rounds);
    }
}

/*
 * While threads write all over a window, it is split, made read-only in part,
 * writable again and promoted, over and over: not a single write is lost.
 */
GUEST_TEST(fault_beside_promotion)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t va = map_new(LARGE_SIZE, PROT_RW);
    struct app *apps[MAX_CPUS] = {NULL};
    nsec_t enough = clock_now() + ENOUGH;
    unsigned promoted = 0, rounds = 0;

    EQ(aspace_populate(va, LARGE_SIZE), 0);
    shared_reset(va, LARGE_SIZE);
    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        apps[cpu] = app_start("counter", count_up, (void *)cpu, 1ull << cpu);
    }
    wait_for_writer();
    for (unsigned i = 0; i < 150 && (i < 20 || clock_now() < enough); i++) {
        u64 page = i % 512;

        /* A page that no counter is in loses its rights; the window is split. */
        page += page % 33 == 0;
        EQ(aspace_protect(va + page * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
        if (i % 3 == 0) {
            EQ(aspace_protect(va + page * PAGE_SIZE, PAGE_SIZE, 0), 0);
        }
        EQ(aspace_protect(va, LARGE_SIZE, PROT_RW), 0);
        promoted += aspace_promote(va) == 0;
        rounds++;
        sched_yield();
    }
    atomic_store(&shared.stop, true);
    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        if (OK(apps[cpu] != NULL)) {
            EQ(app_join(apps[cpu]), 0);
        }
    }
    EQ(promoted, rounds);
    EQ(stats_now().demotions, before.stats.demotions + rounds);
    EQ(aspace_unmap(va, LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/* Each page reads as zero or as what was last written there. */
static void write_and_check(void *number)
{
    u64 mark = 1 + (u64)number;

    while (!atomic_load_explicit(&shared.stop, memory_order_relaxed)) {
        for (vaddr_t va = shared.va; va < shared.va + shared.size; va += 3 * PAGE_SIZE) {
            volatile u64 *word = word_at(va + 64 * (u64)number);
            u64 value = *word;

            if (value != 0 && value != (va ^ mark)) {
                OK(value == (va ^ mark));
                return;
            }
            *word = va ^ mark;
        }
        atomic_store_explicit(&shared.done, 1, memory_order_release);
    }
}

/* Discards and fixed mappings under threads that go on writing. */
GUEST_TEST(fault_beside_discard)
{
    struct memory_state before = memory_state_with_threads();
    u64 size = 2 * LARGE_SIZE + LARGE_SIZE / 2;
    vaddr_t va = map_new(size, PROT_RW), addr;
    struct app *apps[MAX_CPUS] = {NULL};
    nsec_t enough = clock_now() + ENOUGH;

    shared_reset(va, size);
    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        apps[cpu] = app_start("writer", write_and_check, (void *)cpu, 1ull << cpu);
    }
    wait_for_writer();
    for (unsigned i = 0; i < 200 && (i < 20 || clock_now() < enough) && !guest_failed(); i++) {
        u64 offset = i * 37 % 560 * PAGE_SIZE;

        if (i % 3 == 0) {
            EQ(aspace_map(va + offset, LARGE_SIZE, PROT_RW, MAP_PLACE_FIXED, &addr), 0);
        } else {
            EQ(aspace_discard(va + offset, (i % 2 ? 7 : 700) * PAGE_SIZE), 0);
        }
        sched_yield();
    }
    atomic_store(&shared.stop, true);
    for (u64 cpu = 0; cpu < cpu_count(); cpu++) {
        if (OK(apps[cpu] != NULL)) {
            EQ(app_join(apps[cpu]), 0);
        }
    }
    EQ(stats_now().regions, before.stats.regions + 1);
    EQ(aspace_unmap(va, size), 0);
    OK(memory_back(&before, 4));
}

/* Mapping, touching and unmapping on all CPUs, each for itself. */
static void map_touch_unmap(void *number)
{
    nsec_t enough = clock_now() + ENOUGH;

    for (unsigned i = 0; i < 150 && (i < 20 || clock_now() < enough); i++) {
        u64 size = i % 5 == 0 ? LARGE_SIZE + PAGE_SIZE : (1 + i % 7) * PAGE_SIZE;
        vaddr_t va;

        if (aspace_map(0, size, PROT_RW, MAP_PLACE_HINT, &va) != 0) {
            OK(false);
            return;
        }
        OK(*word_at(va) == 0);
        OK(*word_at(va + size - 8) == 0);
        *word_at(va) = *word_at(va + size - 8) = va;
        if (i % 16 == 0) {
            sched_yield();
        }
        EQ(*word_at(va), va);
        EQ(aspace_unmap(va, size), 0);
    }
}

GUEST_TEST(fault_on_all_cpus)
{
    struct memory_state before = memory_state_with_threads();

    run_on_all_cpus(map_touch_unmap);
    OK(memory_back(&before, 8));
}

/* The top of what may be a stack: the group below, too.  And at each fault just below. */
GUEST_TEST(fault_downward)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t place = map_new(2 * LARGE_SIZE, 0), va = ALIGN_UP(place, LARGE_SIZE) + 4 * PAGE_SIZE;
    u64 resident = stats_now().resident_4k;

    EQ(aspace_protect(va, 160 * PAGE_SIZE, PROT_RW), 0); /* pages 4 to 163 of the window */
    *word_at(va + 159 * PAGE_SIZE) = 1;                  /* 160 to 163, and 144 to 159 */
    EQ(stats_now().resident_4k, resident + 20);
    *word_at(va + 139 * PAGE_SIZE) = 2; /* 143: 128 to 143, and 112 to 127 */
    EQ(stats_now().resident_4k, resident + 52);
    *word_at(va + 100 * PAGE_SIZE) = 3; /* 104, not just below: 96 to 111 */
    EQ(stats_now().resident_4k, resident + 68);
    *word_at(va + 28 * PAGE_SIZE) = 4; /* 32 to 47 */
    EQ(stats_now().resident_4k, resident + 84);
    *word_at(va + 27 * PAGE_SIZE) = 5; /* 31: 16 to 31, and from 4 on, where it begins */
    EQ(stats_now().resident_4k, resident + 112);
    EQ(*word_at(va + 159 * PAGE_SIZE) + *word_at(va + 139 * PAGE_SIZE), 3);
    EQ(aspace_unmap(place, 2 * LARGE_SIZE), 0);
    OK(memory_back(&before, 4));
}

/* Where no large page fits, the aligned group around the place; never beyond the mapping. */
GUEST_TEST(fault_around)
{
    struct memory_state before = memory_state_with_threads();
    vaddr_t place = map_new(2 * LARGE_SIZE, 0), va = ALIGN_UP(place, LARGE_SIZE) + 3 * PAGE_SIZE;
    u64 resident = stats_now().resident_4k;

    EQ(aspace_protect(va, 18 * PAGE_SIZE, PROT_RW), 0);
    *word_at(va + 7 * PAGE_SIZE) = 1; /* page 10 of the window: 3 to 15 */
    EQ(stats_now().resident_4k, resident + 13);
    *word_at(va + 17 * PAGE_SIZE) = 3; /* 20: 16 to 20 */
    EQ(stats_now().resident_4k, resident + 18);
    EQ(*word_at(va + 7 * PAGE_SIZE), 1);
    *word_at(va + 7 * PAGE_SIZE) = *word_at(va + 17 * PAGE_SIZE) = 0;
    OK(memory_is_zero(va, va + 18 * PAGE_SIZE));
    /* A hole among them, and memory for which small pages were asked. */
    EQ(aspace_discard(va + 6 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
    EQ(*word_at(va + 7 * PAGE_SIZE), 0);
    EQ(stats_now().resident_4k, resident + 18);
    EQ(aspace_discard(va, 18 * PAGE_SIZE), 0);
    EQ(aspace_advise_pages(va, 18 * PAGE_SIZE, PAGES_SMALL), 0);
    *word_at(va + 7 * PAGE_SIZE) = 1;
    EQ(stats_now().resident_4k, resident + 1);
    aspace_check();
    EQ(aspace_unmap(place, 2 * LARGE_SIZE), 0);
    OK(memory_back(&before, 8));
}
