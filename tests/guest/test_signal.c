/* SPDX-License-Identifier: MIT */
/* Signals, clone and the two ways into a system call, as a C library uses them. */
#include "guest.h"

#include "signal_app.h"
#include <kernel/process.h>
#include <kernel/thread.h>

static struct {
    long (*fn)(void);
    long line;
} program;

static void run_program(void *arg)
{
    (void)arg;
    program.line = program.fn();
}

static void check(long (*fn)(void))
{
    struct app *app;

    program.fn = fn;
    program.line = -1;
    app = app_start("signals", run_program, NULL, 0);
    if (!OK(app != NULL)) {
        return;
    }
    EQ(app_join(app), 0);
    EQ(program.line, 0);
    (void)process_wait(); /* its threads; and its handlers are forgotten */
}

GUEST_TEST(signal_handlers)
{
    check(signal_app_self);
}

GUEST_TEST(signal_faults)
{
    check(signal_app_fault);
}

GUEST_TEST(signal_alternate_stack)
{
    check(signal_app_stack);
}

GUEST_TEST(signal_clone)
{
    check(signal_app_clone);
    guest_note("clone, exit and join: %ld ns", signal_app_clone_ns);
}

/* Called by the program. */
long signal_app_is_asleep(void *tid)
{
    struct thread *t = thread_find((u32)(u64)tid);
    bool asleep;

    if (t == NULL) {
        return false;
    }
    asleep = atomic_load(&t->state) == THREAD_SLEEPING;
    thread_put(t);
    return asleep;
}

GUEST_TEST(signal_wakes_sleepers)
{
    check(signal_app_sleepers);
}

GUEST_TEST(signal_owned_locks)
{
    check(signal_app_locks);
}

GUEST_TEST(signal_keeps_registers)
{
    check(signal_app_vectors);
}
