/* SPDX-License-Identifier: MIT */
/*
 * The life of threads: made, started, ended, joined, used again.
 *
 * A dead thread's memory, kernel stack included, goes to a free list and
 * becomes the next thread.  That saves mapping a stack and its guard for
 * each one, and lets the thread that follows on the CPU do it, which could
 * not unmap anything: it is in the middle of a switch.  Stacks beyond
 * KEEP_STACKS are given back by whoever makes or ends a thread next.  The
 * struct itself is never given back: kernel/thread.h says why.
 *
 * A thread holds one reference to itself until its registers are out of the
 * CPU; so no stack is used again before.
 */
#include <kernel/thread.h>

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>
#include <kernel/process.h>
#include <kernel/string.h>
#include <kernel/trace.h>
#include <kernel/wait.h>

#include "arch_priv.h"
#include "sched_priv.h"

#define KEEP_STACKS 256u
#define TID_BUCKETS 256u

/* (l) threads.lock: application threads; next is NULL before the first use.  Apart from
 * `threads`: what is zero at first takes no room in the image file. */
static struct list threads_by_tid[TID_BUCKETS];

/* (l) lock   (a) atomic */
static struct {
    struct spinlock lock;
    struct list all;        /* (l) living threads, idle ones too */
    struct list free;       /* (l) dead ones, with a kernel stack */
    struct list bare;       /* (l) dead ones, without */
    unsigned free_count;    /* (l) of `free` */
    _Atomic u32 last_tid;   /* (a) */
    struct wait_queue ends; /* threads that wait for another's end */
} threads = {
    .lock = SPINLOCK_INIT("threads", RANK_THREADS),
    .all = {&threads.all, &threads.all},
    .free = {&threads.free, &threads.free},
    .bare = {&threads.bare, &threads.bare},
    .last_tid = PROCESS_ID, /* which is the first thread's of the process */
    .ends = WAIT_QUEUE_INIT("thread ends", threads.ends),
};

/* ---- Memory ----------------------------------------------------------------- */

static struct thread *first_of(struct list *list)
{
    struct list *node = list_pop_front(list);

    return node != NULL ? list_entry(node, struct thread, all) : NULL;
}

/* A dead thread to use again, best with a stack; or NULL. */
static struct thread *take_free(void)
{
    bool irq = spin_lock(&threads.lock);
    struct thread *t = first_of(&threads.free);

    if (t != NULL) {
        threads.free_count--;
    } else {
        t = first_of(&threads.bare);
    }
    spin_unlock(&threads.lock, irq);
    return t;
}

/* Keeps the memory of a thread that nobody refers to.  Any context. */
static void keep(struct thread *t)
{
    bool irq = spin_lock(&threads.lock);

    if (t->kstack_top != 0) {
        list_push_front(&threads.free, &t->all); /* the warmest first */
        threads.free_count++;
    } else {
        list_push_front(&threads.bare, &t->all);
    }
    spin_unlock(&threads.lock, irq);
}

/* Gives back a stack if too many are kept.  Thread context. */
static void trim(void)
{
    struct thread *t = NULL;
    bool irq = spin_lock(&threads.lock);

    if (threads.free_count > KEEP_STACKS) {
        t = list_entry(threads.free.prev, struct thread, all);
        list_remove(&t->all);
        threads.free_count--;
    }
    spin_unlock(&threads.lock, irq);
    if (t != NULL) {
        kstack_free(t->kstack_top);
        t->kstack_top = 0;
        arch_xsave_free(t);
        keep(t);
    }
}

/* A thread with a kernel stack, and room for vector registers if `app`. */
static int allocate(bool app, struct thread **thread)
{
    struct thread *t = take_free();
    int err = 0;

    if (t == NULL) {
        t = kzalloc(sizeof(*t));
        if (t == NULL) {
            return -ENOMEM;
        }
        atomic_store_explicit(&t->state, THREAD_DEAD, memory_order_relaxed);
    }
    if (t->kstack_top == 0) {
        err = kstack_alloc(&t->kstack_top);
    }
    if (err == 0 && app && t->xsave == NULL) {
        err = arch_xsave_alloc(t);
    }
    if (err != 0) {
        keep(t);
        return err;
    }
    *thread = t;
    return 0;
}

/* ---- Beginning ---------------------------------------------------------------- */

/* The state of a thread that has not run.  Keeps stack and save area. */
static void initialise(struct thread *t, const struct thread_attr *attr)
{
    *t = (struct thread){
        .magic = THREAD_MAGIC,
        .kstack_top = t->kstack_top,
        .xsave = t->xsave,
        .fs_base = attr->fs_base,
        .state = THREAD_RUNNABLE,
        .cpu = cpu_id(),
        .policy = policy_pack(attr->class, attr->nice),
        .affinity = attr->affinity != 0 ? attr->affinity : ~0ull,
        .moved = true,
        .role = ROLE_NONE,
        .entry = attr->entry,
        .arg = attr->arg,
        .app_stack = attr->app_stack,
        .on_fault = attr->on_fault,
        .detached = attr->detached,
        .references = 1,
    };
    runq_apply_policy(t);
    timer_setup(&t->sleep_timer, sched_sleep_expired);
    strlcpy(t->name, attr->name != NULL ? attr->name : "", sizeof(t->name));
}

static struct list *tid_bucket(u32 tid)
{
    struct list *bucket = &threads_by_tid[tid % TID_BUCKETS];

    if (bucket->next == NULL) {
        list_init(bucket);
    }
    return bucket;
}

/* With the list's lock held. */
static struct thread *find_locked(u32 tid)
{
    list_for_each (node, tid_bucket(tid)) {
        struct thread *t = list_entry(node, struct thread, by_tid);

        if (t->tid == tid) {
            return t;
        }
    }
    return NULL;
}

struct thread *thread_find(u32 tid)
{
    bool irq = spin_lock(&threads.lock);
    struct thread *t = find_locked(tid);

    if (t != NULL) {
        thread_get(t);
    }
    spin_unlock(&threads.lock, irq);
    return t;
}

/* The next number that no application thread has.  Lock held. */
static u32 next_tid(void)
{
    u32 tid = atomic_load_explicit(&threads.last_tid, memory_order_relaxed);

    do {
        tid = tid + 1 < TID_LIMIT ? tid + 1 : PROCESS_ID + 1;
    } while (find_locked(tid) != NULL);
    atomic_store_explicit(&threads.last_tid, tid, memory_order_relaxed);
    return tid;
}

/* Gives it its number, and to the list. */
static void add_to_list(struct thread *t, u32 tid)
{
    bool irq = spin_lock(&threads.lock);

    t->tid = tid != 0 ? tid : next_tid();
    list_push_back(&threads.all, &t->all);
    if (t->app_stack != 0) {
        list_push_back(tid_bucket(t->tid), &t->by_tid);
    } else {
        list_init(&t->by_tid);
    }
    spin_unlock(&threads.lock, irq);
}

int thread_create(const struct thread_attr *attr, struct thread **thread)
{
    u64 affinity = attr->affinity != 0 ? attr->affinity : ~0ull;
    struct thread *t;
    int err;

    if ((affinity & balance_online()) == 0 || (unsigned)attr->class >= SCHED_CLASSES ||
        attr->nice < -20 || attr->nice > 19) {
        return -EINVAL;
    }
    trim();
    err = allocate(attr->app_stack != 0, &t);
    if (err != 0) {
        return err;
    }
    initialise(t, attr);
    if (thread != NULL) {
        t->references = 2;
        *thread = t;
    }
    add_to_list(t, attr->tid);
    trace(TRACE_THREAD_NEW, t->tid, cpu_id());
    arch_thread_init(t, attr->start);
    if (t->app_stack != 0) {
        role_begin(t, thread_current());
    }
    if (attr->prepare != NULL) {
        attr->prepare(t, attr->prepare_arg);
    }
    if (t->app_stack != 0) {
        process_thread_begin(t);
    }
    sched_ready(t);
    return 0;
}

void thread_start(struct thread *prev)
{
    struct thread *t = this_cpu()->current;

    sched_finish_switch(prev);
    if (t->app_stack != 0) {
        arch_enter_app(t);
    }
    irq_enable();
    t->entry(t->arg);
    thread_exit(0);
}

/* An idle thread has no tid, and the stack that the CPU has started on. */
int thread_init_cpu(unsigned cpu)
{
    const struct thread_attr attr = {.class = SCHED_CLASS_IDLE, .affinity = 1ull << cpu};
    struct thread *t = kzalloc(sizeof(*t));

    if (t == NULL) {
        return -ENOMEM;
    }
    initialise(t, &attr);
    ksnprintf(t->name, sizeof(t->name), "idle/%u", cpu);
    t->kstack_top = this_cpu()->kstack_top;
    t->on_cpu = true;
    add_to_list(t, 0);
    t->tid = 0;
    this_cpu()->current = t;
    sched_init_cpu(cpu, t);
    return 0;
}

/* ---- End ------------------------------------------------------------------------ */

void thread_exit(int status)
{
    struct thread *t = thread_current();
    bool irq;

    if (t->app_stack != 0) {
        role_end(t);
        process_thread_end(t, status);
    }
    trim();
    trace(TRACE_THREAD_EXIT, t->tid, (u32)status);
    irq = spin_lock(&threads.lock);
    list_remove(&t->all);
    list_remove(&t->by_tid);
    spin_unlock(&threads.lock, irq);
    t->exit_status = status;
    /* Release: pairs with thread_join(). */
    atomic_store_explicit(&t->exited, true, memory_order_release);
    wait_wake_all(&threads.ends);
    irq_disable();
    atomic_store_explicit(&t->state, THREAD_DEAD, memory_order_relaxed);
    sched_schedule(LEAVE_DIES);
    BUG("thread %u (%s) runs after its end", t->tid, t->name);
}

void thread_join(struct thread *thread, int *status)
{
    BUG_ON(thread == thread_current());
    wait_until(&threads.ends, atomic_load_explicit(&thread->exited, memory_order_acquire));
    if (status != NULL) {
        *status = thread->exit_status;
    }
    thread_put(thread);
}

void thread_get(struct thread *thread)
{
    u32 before = atomic_fetch_add_explicit(&thread->references, 1, memory_order_relaxed);

    BUG_ON(before == 0);
}

void thread_put(struct thread *thread)
{
    u32 before = atomic_fetch_sub_explicit(&thread->references, 1, memory_order_acq_rel);

    BUG_ON(before == 0);
    if (before == 1) {
        assert(atomic_load_explicit(&thread->state, memory_order_relaxed) == THREAD_DEAD);
        keep(thread);
    }
}

/* ---- The rest ----------------------------------------------------------------- */

void thread_set_name(struct thread *thread, const char *name)
{
    strlcpy(thread->name, name, sizeof(thread->name));
    if (thread->app_stack != 0) {
        role_named(thread);
    }
}

void thread_for_each(void (*fn)(struct thread *thread, void *arg), void *arg)
{
    bool irq = spin_lock(&threads.lock);

    list_for_each (node, &threads.all) {
        fn(list_entry(node, struct thread, all), arg);
    }
    spin_unlock(&threads.lock, irq);
}

void sched_get_stats(unsigned cpu, struct sched_stats *stats)
{
    const struct sched_counters *c = &sched_cpus[cpu].stats;
    nsec_t since = atomic_load_explicit(&sched_cpus[cpu].idle_since, memory_order_relaxed);

#define COUNTER(name) .name = atomic_load_explicit(&c->name, memory_order_relaxed)
    *stats = (struct sched_stats){
        COUNTER(switches),   COUNTER(preemptions), COUNTER(wakes),     COUNTER(wakes_without_ipi),
        COUNTER(migrations), COUNTER(halts),       COUNTER(poll_hits), COUNTER(idle_time),
    };
#undef COUNTER
    if (since != 0) {
        stats->idle_time += clock_now() - since; /* it is idle just now */
    }
}
