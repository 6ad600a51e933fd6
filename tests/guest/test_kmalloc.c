/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocator on the machine: all sizes, alignments, objects that
 * are freed on another CPU, failures on demand, and no memory lost.
 */
#include "guest.h"

#include <kernel/cpu.h>
#include <kernel/kmalloc.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>

static u64 objects_in_use(void)
{
    struct kmalloc_stats stats;

    kmalloc_get_stats(&stats);
    return stats.objects;
}

static bool filled(const u8 *p, u8 value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (p[i] != value) {
            return false;
        }
    }
    return true;
}

static void check_size(size_t size)
{
    u8 *a = kmalloc(size);
    u8 *b = kzalloc(size);

    if (OK(a != NULL && b != NULL)) {
        OK(IS_ALIGNED((u64)a, 16) && IS_ALIGNED((u64)b, 16));
        OK(filled(b, 0, size));
        memset(a, 0x11, size);
        memset(b, 0x22, size);
        OK(filled(a, 0x11, size));
    }
    kfree(a);
    kfree(b);
}

GUEST_TEST(kmalloc_sizes)
{
    u64 before = objects_in_use();

    for (size_t size = 0; size < 4500; size += 1 + size / 60) {
        check_size(size);
    }
    for (size_t size = 8 * KIB; size <= MIB; size *= 2) {
        check_size(size - 1);
        check_size(size);
        check_size(size + 1);
    }
    OK(kmalloc(LARGE_SIZE + 1) == NULL);
    OK(kmalloc(SIZE_MAX) == NULL);
    kfree(NULL);
    EQ(objects_in_use(), before);
    kmalloc_check();
}

GUEST_TEST(kmalloc_alignments)
{
    u64 before = objects_in_use();

    for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
        for (size_t size = 1; size <= 10000; size += 1 + size / 3) {
            u8 *p = kmalloc_aligned(size, align);

            if (OK(p != NULL)) {
                OK(IS_ALIGNED((u64)p, align));
                memset(p, 0x33, size);
            }
            kfree(p);
        }
    }
    EQ(objects_in_use(), before);
    kmalloc_check();
}

/* So many objects that chains and slabs fill up, then empty. */
GUEST_TEST(kmalloc_many)
{
    u64 before = objects_in_use();

    for (size_t size = 8; size <= 2048; size *= 2) {
        void **list = NULL;
        unsigned n = 0;

        for (; n < 700; n++) {
            void **p = kmalloc(size);

            if (!OK(p != NULL)) {
                break;
            }
            *p = list;
            list = p;
        }
        EQ(objects_in_use(), before + n);
        while (list != NULL) {
            void **next = *list;

            kfree(list);
            list = next;
        }
        kmalloc_check();
    }
    EQ(objects_in_use(), before);
}

GUEST_TEST(kmalloc_fails_on_demand)
{
    void *p[4];

    kmalloc_fail_after(2);
    for (unsigned i = 0; i < 4; i++) {
        p[i] = kmalloc(100);
    }
    OK(kmalloc(5000) == NULL);
    OK(kmalloc_aligned(100, 256) == NULL);
    OK(kzalloc(10) == NULL);
    kmalloc_fail_after((u64)-1);
    OK(p[0] != NULL && p[1] != NULL && p[2] == NULL && p[3] == NULL);
    for (unsigned i = 0; i < 4; i++) {
        kfree(p[i]);
    }
}

/* Objects travel between CPUs; each holds its size in its first and last byte. */
#define SLOTS 256
#define ROUNDS 10000

static struct {
    _Atomic(u8 *) slot[SLOTS];
    _Atomic u32 wrong;
} exchange;

static size_t random_size(void)
{
    u64 r = random_u64();

    return 4 + (r & 15 ? (r >> 8) % 1000 : (r >> 8) % 20000);
}

static u8 *new_object(void)
{
    u32 size = (u32)random_size();
    u8 *p = kmalloc(size + 1);

    if (p != NULL) {
        memcpy(p, &size, sizeof(size));
        p[size] = (u8)(size * 7);
    }
    return p;
}

static void drop_object(u8 *p)
{
    u32 size;

    if (p == NULL) {
        return;
    }
    memcpy(&size, p, sizeof(size));
    if (size > 20004 || p[size] != (u8)(size * 7)) {
        atomic_fetch_add_explicit(&exchange.wrong, 1, memory_order_relaxed);
    }
    kfree(p);
}

static void trade(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned slot = (unsigned)(random_u64() % SLOTS);

        drop_object(
            atomic_exchange_explicit(&exchange.slot[slot], new_object(), memory_order_acq_rel));
        if (i % 64 == 0) {
            sched_yield();
        }
    }
    kmalloc_check();
}

GUEST_TEST(kmalloc_many_cpus)
{
    struct thread *threads[MAX_CPUS] = {NULL};
    struct thread_attr attr = {.name = "kmalloc", .entry = trade, .class = SCHED_CLASS_FAIR};

    exchange.wrong = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        attr.affinity = 1ull << cpu;
        EQ(thread_create(&attr, &threads[cpu]), 0);
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (threads[cpu] != NULL) {
            thread_join(threads[cpu], NULL);
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        drop_object(atomic_exchange_explicit(&exchange.slot[i], NULL, memory_order_acq_rel));
    }
    EQ(exchange.wrong, 0);
    kmalloc_check();
}
