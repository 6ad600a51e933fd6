/* SPDX-License-Identifier: MIT */
/*
 * A scene for tests/gdb.sh: threads of each kind, a region, an event, a lock.
 * The debugger stops in debugger_scene_ready() and looks at all of them.
 * Without a debugger it is a test that the scene comes about.
 */
#include "guest.h"

#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <kernel/wait.h>

/* What tests/gdb.sh looks for. */
#define SCENE_ADDRESS (40 * TIB)
#define SCENE_EVENT 0x5ce4eul

static struct {
    _Atomic bool over;
    _Atomic unsigned ready;
} scene;

static struct wait_queue scene_queue = WAIT_QUEUE_INIT("scene", scene_queue);
static struct spinlock scene_lock = SPINLOCK_INIT("scene", RANK_TEST_LOW);

static bool is_over(void)
{
    return atomic_load_explicit(&scene.over, memory_order_acquire);
}

static void one_more_ready(void)
{
    atomic_fetch_add_explicit(&scene.ready, 1, memory_order_release);
}

/* Visible, so that the names stay; tests/gdb.sh finds them in backtraces. */
void debugger_scene_ready(void);
void debugger_scene_sleeps(void *arg);
long debugger_scene_in_kernel(void *arg);
void debugger_scene_calls(void *arg);
void debugger_scene_spins(void *arg);

void __attribute__((noinline)) debugger_scene_ready(void)
{
    __asm__ volatile("" ::: "memory");
}

/* A kernel thread, asleep. */
void debugger_scene_sleeps(void *arg)
{
    (void)arg;
    one_more_ready();
    wait_until(&scene_queue, is_over());
}

/* An application thread, asleep in a system call. */
long debugger_scene_in_kernel(void *arg)
{
    debugger_scene_sleeps(arg);
    return 0;
}

void debugger_scene_calls(void *arg)
{
    app_call_kernel(debugger_scene_in_kernel, arg);
    __asm__ volatile(""); /* no tail call: this function stays in the backtrace */
}

/* Two application threads on one CPU: one of them is preempted at any time. */
void debugger_scene_spins(void *arg)
{
    (void)arg;
    one_more_ready();
    while (!is_over()) {
        cpu_pause();
    }
}

static void show_scene(void)
{
    bool irq;

    while (atomic_load_explicit(&scene.ready, memory_order_acquire) < 4) {
        sched_delay(NSEC_PER_MSEC);
    }
    irq = spin_lock(&scene_lock);
    trace(TRACE_NOTE, SCENE_EVENT, 0);
    debugger_scene_ready();
    spin_unlock(&scene_lock, irq);
    atomic_store_explicit(&scene.over, true, memory_order_release);
    wait_wake_all(&scene_queue);
}

GUEST_TEST(debugger_scene)
{
    u64 last_cpu = 1ull << (cpu_count() - 1);
    vaddr_t addr = SCENE_ADDRESS;
    struct thread *sleeper = NULL;
    struct thread_attr attr = {
        .name = "scene-sleeper", .entry = debugger_scene_sleeps, .class = SCHED_CLASS_FAIR};
    struct app *apps[3];

    scene.ready = 0;
    scene.over = false;
    OK(aspace_map(addr, LARGE_SIZE, PROT_READ, MAP_PLACE_FIXED, &addr) == 0);
    OK(thread_create(&attr, &sleeper) == 0);
    apps[0] = app_start("scene-caller", debugger_scene_calls, NULL, 0);
    apps[1] = app_start("scene-spinner-1", debugger_scene_spins, NULL, last_cpu);
    apps[2] = app_start("scene-spinner-2", debugger_scene_spins, NULL, last_cpu);
    if (OK(sleeper != NULL) && OK(apps[0] != NULL && apps[1] != NULL && apps[2] != NULL)) {
        show_scene();
        thread_join(sleeper, NULL);
        for (unsigned i = 0; i < ARRAY_SIZE(apps); i++) {
            EQ(app_join(apps[i]), 0);
        }
    }
    OK(aspace_unmap(addr, LARGE_SIZE) == 0);
}
