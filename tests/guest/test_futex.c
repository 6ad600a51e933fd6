/* SPDX-License-Identifier: MIT */
/* Futexes as futex(2) has them, from kernel threads and from application code. */
#include "sched_help.h"

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/futex.h>
#include <kernel/pagetable.h>
#include <kernel/string.h>

#define WAITERS 6

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_WAIT_BITSET 9
#define FUTEX_PRIVATE 128
#define FUTEX_REALTIME 256
#define ANY FUTEX_BITSET_MATCH_ANY

#define SYS_FUTEX 202

static struct {
    u32 *word; /* two pages of application memory */
    u32 *other;
    _Atomic unsigned places;
    _Atomic unsigned count; /* of those that have said their place */
    unsigned order[WAITERS];
    int result[WAITERS];
    nsec_t deadline;
} f;

static bool set_up(void)
{
    vaddr_t addr;

    memset(&f, 0, sizeof(f));
    f.deadline = SCHED_NEVER;
    if (!OK(aspace_map(0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PLACE_HINT, &addr) == 0)) {
        return false;
    }
    f.word = (u32 *)addr;
    f.other = (u32 *)(addr + PAGE_SIZE + 64);
    return true;
}

static void tear_down(void)
{
    OK(aspace_unmap((vaddr_t)f.word, 2 * PAGE_SIZE) == 0);
}

static u32 word_now(void)
{
    return __atomic_load_n(f.word, __ATOMIC_ACQUIRE);
}

static void wait_on_word(void *arg)
{
    unsigned n = (unsigned)(u64)arg;

    f.result[n] = futex_wait(f.word, word_now(), f.deadline, 1u << n);
    f.order[atomic_fetch_add(&f.places, 1)] = n;
    atomic_fetch_add(&f.count, 1);
}

static void nothing(struct thread *thread, void *arg)
{
    u32 *asleep = arg;

    *asleep += strcmp(thread->name, "test") == 0 && thread->state == THREAD_SLEEPING;
}

static u32 count_asleep(void)
{
    u32 asleep = 0;

    thread_for_each(nothing, &asleep);
    return asleep;
}

static void start_waiters(struct thread **threads)
{
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(wait_on_word, (void *)i, 0, SCHED_CLASS_FAIR);
        EVENTUALLY(count_asleep() == i + 1 || clock_now() >= f.deadline);
    }
}

static void join_waiters(struct thread **threads)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        join(threads[i]);
    }
}

GUEST_TEST(futex_refuses)
{
    u32 *kernel = (u32 *)&f.count;

    if (!set_up()) {
        return;
    }
    EQ(futex_wait(f.word, 1, SCHED_NEVER, ANY), -EAGAIN);
    EQ(futex_wait(f.word, 0, SCHED_NEVER, 0), -EINVAL);
    EQ(futex_wake(f.word, 1, 0), -EINVAL);
    EQ(futex_wait((u32 *)((u64)f.word + 2), 0, SCHED_NEVER, ANY), -EINVAL);
    EQ(futex_wake((u32 *)((u64)f.word + 1), 1, ANY), -EINVAL);
    EQ(futex_requeue((u32 *)((u64)f.word + 1), f.other, 1, 1, false, 0), -EINVAL);
    EQ(futex_wait(kernel, 0, SCHED_NEVER, ANY), -EFAULT);
    EQ(futex_wait(NULL, 0, SCHED_NEVER, ANY), -EFAULT);
    EQ(futex_syscall(f.word, FUTEX_WAIT_REQUEUE_PI, 0, 0, NULL, 0), -EFAULT);
    EQ(futex_syscall(f.word, FUTEX_WAIT_REQUEUE_PI, 0, 0, f.word, 0), -EINVAL);
    EQ(futex_syscall(f.word, FUTEX_WAIT_REQUEUE_PI, 1, 0, f.other, 0), -EAGAIN);
    EQ(futex_syscall(f.word, FUTEX_WAKE | FUTEX_REALTIME, 1, 0, NULL, 0), -ENOSYS);
    EQ(futex_syscall(f.word, FUTEX_REQUEUE, (u32)-1, 0, f.other, 0), -EINVAL);
    EQ(futex_wake_op(f.word, f.other, 1, 1, 5u << 28), -ENOSYS);
    EQ(futex_wake_op(f.word, f.other, 1, 1, 6u << 24), -ENOSYS);
    EQ(futex_wake(f.word, 1, ANY), 0);
    tear_down();
    EQ(futex_wait(f.word, 0, SCHED_NEVER, ANY), -EFAULT);
    EQ(futex_requeue(f.word, f.other, 1, 1, true, 0), -EFAULT);
    EQ(futex_wake_op(f.word, f.other, 1, 1, 0), -EFAULT);
}

GUEST_TEST(futex_wakes_in_order)
{
    struct thread *threads[WAITERS];

    if (!set_up()) {
        return;
    }
    start_waiters(threads);
    for (unsigned i = 0; i < WAITERS; i++) {
        EQ(futex_wake(f.word, 1, ANY), 1);
        EVENTUALLY(atomic_load(&f.count) == i + 1);
        EQ(f.order[i], i);
        EQ(f.result[i], 0);
    }
    EQ(futex_wake(f.word, 1, ANY), 0);
    join_waiters(threads);
    tear_down();
}

GUEST_TEST(futex_wakes_by_bitset)
{
    struct thread *threads[WAITERS];

    if (!set_up()) {
        return;
    }
    start_waiters(threads);
    EQ(futex_wake(f.word, WAITERS, 1u << 3), 1);
    EVENTUALLY(atomic_load(&f.count) == 1);
    EQ(f.order[0], 3);
    EQ(futex_wake(f.other, WAITERS, ANY), 0);
    EQ(futex_wake(f.word, WAITERS, ANY), WAITERS - 1);
    join_waiters(threads);
    tear_down();
}

GUEST_TEST(futex_times_out)
{
    struct thread *threads[WAITERS];

    if (!set_up()) {
        return;
    }
    f.deadline = clock_now() + 20 * NSEC_PER_MSEC;
    for (u64 i = 0; i < WAITERS; i++) {
        threads[i] = start_kernel(wait_on_word, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    join_waiters(threads);
    OK(clock_now() >= f.deadline);
    for (unsigned i = 0; i < WAITERS; i++) {
        EQ(f.result[i], -ETIMEDOUT);
    }
    EQ(futex_wake(f.word, WAITERS, ANY), 0);
    tear_down();
}

GUEST_TEST(futex_requeues)
{
    struct thread *threads[WAITERS];

    if (!set_up()) {
        return;
    }
    start_waiters(threads);
    EQ(futex_requeue(f.word, f.other, 1, 2, true, 1), -EAGAIN);
    EQ(futex_requeue(f.word, f.other, 1, 2, true, 0), 3);
    EVENTUALLY(atomic_load(&f.count) == 1);
    EQ(f.order[0], 0);
    EQ(futex_requeue(f.word, f.other, 0, 1, false, 0), 1);
    EQ(futex_requeue(f.word, f.word, 0, 9, false, 0), 2); /* onto itself */
    EQ(futex_wake(f.word, WAITERS, ANY), 2);
    EVENTUALLY(atomic_load(&f.count) == 3);
    EQ(futex_wake(f.other, WAITERS, ANY), 3);
    join_waiters(threads);
    tear_down();
}

/* A waiter that has been moved still keeps its deadline. */
GUEST_TEST(futex_times_out_after_requeue)
{
    struct thread *threads[WAITERS];
    nsec_t patience = 100 * NSEC_PER_MSEC;
    bool in_time = false;

    if (!set_up()) {
        return;
    }
    /* A host that is slow may let the deadline pass before all are moved: then with a later one. */
    for (; !in_time && patience < PATIENCE; patience *= 2) {
        s64 moved;

        f.deadline = clock_now() + patience;
        start_waiters(threads);
        moved = futex_requeue(f.word, f.other, 0, WAITERS, false, 0);
        in_time = moved == WAITERS;
        OK(in_time || clock_now() >= f.deadline);
        join_waiters(threads);
        OK(clock_now() >= f.deadline);
        for (unsigned i = 0; i < WAITERS; i++) {
            EQ(f.result[i], -ETIMEDOUT);
        }
        EQ(futex_wake(f.other, WAITERS, ANY), 0);
    }
    OK(in_time);
    tear_down();
}

static u32 wake_op(u32 op, u32 arg, u32 cmp, u32 cmp_arg)
{
    return op << 28 | cmp << 24 | (arg & 0xfff) << 12 | (cmp_arg & 0xfff);
}

GUEST_TEST(futex_wake_op_computes)
{
    /* The value before is 12: op, argument, value after. */
    static const struct {
        u32 op, arg, after;
    } ops[] = {{0, 7, 7},  {1, 5, 17}, {2, 3, 15}, {3, 4, 8}, {4, 6, 10}, {1, 0xfff, 11} /* -1 */,
               {10, 4, 28}};
    /* Comparison with 12 and 13: does it wake the second? */
    static const struct {
        u32 cmp, arg;
        bool holds;
    } compares[] = {{0, 12, true},  {0, 13, false}, {1, 12, false}, {1, 13, true},
                    {2, 12, false}, {2, 13, true},  {3, 12, true},  {3, 11, false},
                    {4, 11, true},  {4, 12, false}, {5, 12, true},  {5, 13, false}};

    if (!set_up()) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        *f.other = 12;
        EQ(futex_wake_op(f.word, f.other, 1, 1, wake_op(ops[i].op, ops[i].arg, 0, 0)), 0);
        EQ(*f.other, ops[i].after);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(compares); i++) {
        struct thread *waiter;

        *f.word = 12;
        waiter = start_kernel(wait_on_word, NULL, 0, SCHED_CLASS_FAIR);
        EVENTUALLY(count_asleep() == 1);
        /* The waiter is on the second address. */
        EQ(futex_wake_op(f.other, f.word, 1, 1, wake_op(1, 0, compares[i].cmp, compares[i].arg)),
           compares[i].holds);
        EQ(futex_wake(f.word, 1, ANY), !compares[i].holds);
        join(waiter);
        atomic_store(&f.places, 0);
    }
    tear_down();
}

/* The first access of all brings the page in. */
GUEST_TEST(futex_faults_pages_in)
{
    if (!set_up()) {
        return;
    }
    EQ(futex_wait(f.word, 1, SCHED_NEVER, ANY), -EAGAIN);
    tear_down();
    if (!set_up()) {
        return;
    }
    EQ(futex_wake_op(f.word, f.other, 1, 1, wake_op(0, 9, 0, 0)), 0);
    EQ(*f.other, 9);
    OK(aspace_protect((vaddr_t)f.word, 2 * PAGE_SIZE, PROT_READ) == 0);
    EQ(futex_wake_op(f.word, f.other, 1, 1, wake_op(0, 8, 0, 0)), -EFAULT);
    EQ(*f.other, 9);
    tear_down();
}

struct timespec {
    s64 sec, nsec;
};

static s64 timed_wait(int op, s64 sec, s64 nsec)
{
    struct timespec time = {sec, nsec};

    memcpy(f.other, &time, sizeof(time));
    return futex_syscall(f.word, op, 0, (u64)f.other, NULL, ANY);
}

GUEST_TEST(futex_syscall_time_outs)
{
    static const int clocks[] = {0, FUTEX_REALTIME, FUTEX_PRIVATE, FUTEX_PRIVATE | FUTEX_REALTIME};
    const nsec_t duration = 3 * NSEC_PER_MSEC;

    if (!set_up()) {
        return;
    }
    EQ(timed_wait(FUTEX_WAIT, -1, 0), -EINVAL);
    EQ(timed_wait(FUTEX_WAIT, 0, -1), -EINVAL);
    EQ(timed_wait(FUTEX_WAIT, 0, (s64)NSEC_PER_SEC), -EINVAL);
    EQ(futex_syscall(f.word, FUTEX_WAIT, 0, 8, NULL, 0), -EFAULT);
    for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
        nsec_t start = clock_now(), until;

        if ((clocks[i] & FUTEX_REALTIME) != 0) {
            EQ(timed_wait(FUTEX_WAIT | clocks[i], 0, (s64)duration), -ENOSYS);
        } else {
            EQ(timed_wait(FUTEX_WAIT | clocks[i], 0, (s64)duration), -ETIMEDOUT);
            OK(clock_now() - start >= duration);
        }
        start = clock_now();
        until = ((clocks[i] & FUTEX_REALTIME) != 0 ? clock_wall() : start) + duration;
        EQ(timed_wait(FUTEX_WAIT_BITSET | clocks[i], (s64)(until / NSEC_PER_SEC),
                      (s64)(until % NSEC_PER_SEC)),
           -ETIMEDOUT);
        OK(clock_now() - start >= duration - NSEC_PER_USEC);
        EQ(timed_wait(FUTEX_WAIT_BITSET | clocks[i], 0, 1), -ETIMEDOUT);
    }
    tear_down();
}

/* ---- Application code: a lock of the usual kind --------------------------------------- */

#define LOCKERS 6

static struct {
    _Atomic u32 word; /* 0 free, 1 taken, 2 taken and waited for */
    u64 counter;
    _Atomic bool stop;
    _Atomic u64 wrong, rounds[LOCKERS];
    u32 *lock;
} app;

static void futex_lock(_Atomic u32 *lock)
{
    u32 expected = 0;

    if (atomic_compare_exchange_strong(lock, &expected, 1)) {
        return;
    }
    while (atomic_exchange(lock, 2) != 0) {
        app_syscall(SYS_FUTEX, (long)lock, FUTEX_WAIT | FUTEX_PRIVATE, 2, 0, 0, 0);
    }
}

static void futex_unlock(_Atomic u32 *lock)
{
    if (atomic_exchange(lock, 0) == 2) {
        app_syscall(SYS_FUTEX, (long)lock, FUTEX_WAKE | FUTEX_PRIVATE, 1, 0, 0, 0);
    }
}

static void lock_and_count(void *arg)
{
    while (!atomic_load_explicit(&app.stop, memory_order_relaxed)) {
        u64 before;

        futex_lock((_Atomic u32 *)app.lock);
        before = app.counter;
        for (unsigned i = 0; i < 20; i++) {
            cpu_pause();
        }
        app.counter = before + 1;
        futex_unlock((_Atomic u32 *)app.lock);
        atomic_fetch_add_explicit(&app.rounds[(u64)arg], 1, memory_order_relaxed);
    }
}

static bool all_had_it(void)
{
    for (unsigned i = 0; i < LOCKERS; i++) {
        if (atomic_load(&app.rounds[i]) == 0) {
            return false;
        }
    }
    return true;
}

GUEST_TEST(futex_makes_a_lock)
{
    struct app *apps[LOCKERS];
    u64 rounds = 0;

    if (!set_up()) {
        return;
    }
    memset(&app, 0, sizeof(app));
    app.lock = f.word;
    for (u64 i = 0; i < LOCKERS; i++) {
        apps[i] = app_start("lock", lock_and_count, (void *)i, 0);
        if (!OK(apps[i] != NULL)) {
            return;
        }
    }
    sched_delay(300 * NSEC_PER_MSEC);
    EVENTUALLY(all_had_it());
    atomic_store(&app.stop, true);
    for (unsigned i = 0; i < LOCKERS; i++) {
        EQ(app_join(apps[i]), 0);
        rounds += app.rounds[i];
    }
    EQ(app.counter, rounds);
    EQ(*f.word, 0);
    tear_down();
}
