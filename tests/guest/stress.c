/* SPDX-License-Identifier: MIT */
/*
 * The stress: all kinds of workers at once, more threads than CPUs, and
 * every value checked.  Kernel threads use the allocator and timers at the
 * same time.  A line of progress every ten seconds; at the end the
 * structures are walked.
 */
#include "stress.h"

#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/frame.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/timer.h>

#include "guest.h"

#define WORKERS 64
#define BLOCKS 64
#define WORKERS_SIZE ALIGN_UP(WORKERS * sizeof(struct stress_worker), PAGE_SIZE)

static struct {
    struct stress_shared shared;
    struct stress_worker *worker; /* WORKERS of them, in application memory */
    const char *kind[WORKERS];
    struct app *app[WORKERS];
    struct thread *thread[WORKERS];
    unsigned count;
} stress;

/* Allocates, fills and frees blocks of any size; their contents must stay. */
static void kernel_allocate(void *arg)
{
    struct stress_worker *worker = arg;
    struct block {
        u8 *memory;
        size_t size;
        u8 fill;
    } *blocks = kzalloc(BLOCKS * sizeof(*blocks));

    while (blocks != NULL && !stress_stopped(worker)) {
        struct block *b = &blocks[stress_random(&worker->seed) % BLOCKS];

        if (b->memory != NULL) {
            for (size_t i = 0; i < b->size; i += 61) {
                if (b->memory[i] != b->fill) {
                    stress_fail(worker, "kmalloc: wrong contents", (u64)b->memory, i, b->memory[i]);
                    break;
                }
            }
            kfree(b->memory);
            b->memory = NULL;
        } else {
            b->size = 1 + stress_random(&worker->seed) % (1u << stress_random(&worker->seed) % 15);
            b->fill = (u8)stress_random(&worker->seed);
            b->memory = kmalloc(b->size);
            if (b->memory != NULL) {
                memset(b->memory, b->fill, b->size);
            }
        }
        if (worker->rounds++ % 256 == 0) {
            sched_yield();
        }
    }
    for (unsigned i = 0; blocks != NULL && i < BLOCKS; i++) {
        kfree(blocks[i].memory);
    }
    kfree(blocks);
}

struct stress_timer {
    struct timer timer;
    _Atomic u64 fired;
    nsec_t deadline;
    struct stress_worker *worker;
};

static void timer_fired(struct timer *timer)
{
    struct stress_timer *t = container_of(timer, struct stress_timer, timer);

    if (clock_now() < t->deadline) {
        stress_fail(t->worker, "timer: early", clock_now(), t->deadline, 0);
    }
    atomic_fetch_add(&t->fired, 1);
}

/* Starts timers, lets some fire, cancels others: each fires once or never. */
static void kernel_timers(void *arg)
{
    struct stress_worker *worker = arg;
    struct stress_timer t = {.worker = worker};

    timer_setup(&t.timer, timer_fired);
    while (!stress_stopped(worker)) {
        u64 before = atomic_load(&t.fired), fired;
        bool cancelled;

        t.deadline = clock_now() + stress_random(&worker->seed) % NSEC_PER_MSEC;
        timer_start(&t.timer, t.deadline);
        sched_delay(stress_random(&worker->seed) % NSEC_PER_MSEC);
        cancelled = timer_cancel(&t.timer);
        fired = atomic_load(&t.fired) - before;
        if (fired + cancelled != 1) {
            stress_fail(worker, "timer: fired and cancelled do not add up", fired, cancelled, 0);
        }
        worker->rounds++;
    }
}

static struct stress_worker *worker_new(const char *kind)
{
    struct stress_worker *worker = &stress.worker[stress.count];

    *worker = (struct stress_worker){.shared = &stress.shared, .seed = stress.count * 7919 + 1};
    stress.kind[stress.count] = kind;
    return worker;
}

static void add_app(const char *kind, void (*fn)(void *), struct stress_worker *worker)
{
    stress.app[stress.count] = app_start(kind, fn, worker, 0);
    if (OK(stress.app[stress.count] != NULL)) {
        stress.count++;
    }
}

static void add_kernel(const char *kind, void (*fn)(void *))
{
    struct thread_attr attr = {
        .name = kind, .entry = fn, .arg = worker_new(kind), .class = SCHED_CLASS_FAIR};

    if (OK(thread_create(&attr, &stress.thread[stress.count]) == 0)) {
        stress.count++;
    }
}

static void add_pair(void)
{
    struct stress_worker *a = worker_new("pair"), *b = a + 1;

    *b = (struct stress_worker){.shared = &stress.shared, .partner = a};
    a->partner = b;
    a->futex = 1;
    add_app("pair", stress_pair, a);
    stress.kind[stress.count] = "pair";
    add_app("pair", stress_pair, b);
}

static void start_all(unsigned cpus)
{
    for (unsigned i = 0; i < cpus + 1; i++) {
        add_app("memory", stress_memory, worker_new("memory"));
        add_app("vectors", stress_vectors, worker_new("vectors"));
        add_app("sleep", stress_sleep, worker_new("sleep"));
        if (i < 3) {
            struct stress_worker *worker = worker_new("migrate");

            worker->detail[0] = cpus;
            add_app("migrate", stress_migrate, worker);
            add_pair();
            add_kernel("kmalloc", kernel_allocate);
            add_kernel("timers", kernel_timers);
        }
    }
}

static void report(u64 seconds)
{
    u64 rounds[4] = {0};
    static const char *const names[] = {"memory", "vectors", "pair", "sleep"};
    u64 wakes = 0, preemptions = 0, migrations = 0;

    for (unsigned i = 0; i < stress.count; i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
            if (strcmp(stress.kind[i], names[k]) == 0) {
                rounds[k] += stress.worker[i].rounds;
            }
        }
    }
    for (unsigned i = 0; i < cpu_count(); i++) {
        struct sched_stats s;

        sched_get_stats(i, &s);
        wakes += s.wakes;
        preemptions += s.preemptions;
        migrations += s.migrations;
    }
    guest_note("%lu s: memory %lu, vectors %lu, pair %lu, sleep %lu rounds; %lu wakes, "
               "%lu preemptions, %lu migrations",
               (unsigned long)seconds, (unsigned long)rounds[0], (unsigned long)rounds[1],
               (unsigned long)rounds[2], (unsigned long)rounds[3], (unsigned long)wakes,
               (unsigned long)preemptions, (unsigned long)migrations);
}

/* A worker that did nothing in all the time: who, and what it had of the CPUs. */
static void report_idle_workers(void)
{
    for (unsigned i = 0; i < stress.count; i++) {
        const struct thread *t =
            stress.app[i] != NULL ? app_thread(stress.app[i]) : stress.thread[i];

        if (!OK(stress.worker[i].rounds > 0)) {
            guest_note("worker %u (%s) did nothing: ran %lu ms, waited %lu ms, state %u, CPU %u", i,
                       stress.kind[i], (unsigned long)(t->run_time / NSEC_PER_MSEC),
                       (unsigned long)(t->wait_time / NSEC_PER_MSEC), t->state, t->cpu);
        }
    }
}

static void join_all(void)
{
    for (unsigned i = 0; i < stress.count; i++) {
        struct stress_worker *w = &stress.worker[i];

        if (stress.app[i] != NULL) {
            EQ(app_join(stress.app[i]), 0);
        } else {
            thread_join(stress.thread[i], NULL);
        }
        if (w->failure != NULL) {
            guest_note("worker %u: %s (%lx %lx %lx)", i, w->failure, (unsigned long)w->detail[0],
                       (unsigned long)w->detail[1], (unsigned long)w->detail[2]);
        }
    }
}

/* The memory in use after must be that of before. */
bool stress_run(u64 seconds)
{
    u64 start = clock_now();

    vaddr_t workers;

    memset(&stress, 0, sizeof(stress));
    if (!OK(aspace_map(0, WORKERS_SIZE, PROT_READ | PROT_WRITE, 0, &workers) == 0)) {
        return false;
    }
    stress.worker = (struct stress_worker *)workers;
    start_all(cpu_count());
    for (u64 s = 1; s <= seconds && stress.shared.failures == 0; s++) {
        sched_delay(NSEC_PER_SEC);
        if (s % 10 == 0 || s == seconds) {
            report((clock_now() - start) / NSEC_PER_SEC);
        }
    }
    report_idle_workers();
    atomic_store(&stress.shared.stop, true);
    join_all();
    aspace_check();
    frame_check();
    EQ(aspace_unmap(workers, WORKERS_SIZE), 0);
    EQ(stress.shared.failures, 0);
    kprintf("%sok 1 - stress %lu s, %u threads\n1..1\n", guest_failed() ? "not " : "",
            (unsigned long)seconds, stress.count);
    return !guest_failed();
}
