/* SPDX-License-Identifier: MIT */
/*
 * How much of a thread's time is the kernel's: what getrusage(2) calls system
 * time.
 *
 * A system call is a function call here, and reading the clock at both ends of
 * each would cost more than most of them do.  So only what can take long is
 * measured: page faults, changes of mappings, and reads and writes of
 * 16 KiB and more.  The rest counts as the application's.  Time asleep is in neither.
 */
#include <kernel/clock.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

/* Of the calling thread; an interrupt or another CPU may charge it between the reads. */
static nsec_t own_run_time(const struct thread *t)
{
    const volatile struct thread *now = t;
    u32 before, after;
    nsec_t time;

    do {
        /* Acquire: pairs with runq_account(). */
        before = atomic_load_explicit(&now->charges, memory_order_acquire);
        time = now->run_time + (clock_now() - now->ran_since);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&now->charges, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    return time;
}

void system_time_begin(void)
{
    struct thread *t = thread_current();

    if (t->system_depth++ == 0) {
        t->system_since = own_run_time(t);
    }
}

void system_time_end(void)
{
    struct thread *t = thread_current();

    if (--t->system_depth == 0) {
        nsec_t now = own_run_time(t);

        t->system_time += now > t->system_since ? now - t->system_since : 0;
    }
}
