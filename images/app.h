/* SPDX-License-Identifier: MIT */
/*
 * Application code inside an image, for tests and benchmarks: it runs on a
 * stack of its own, is preempted, faults its memory in, and reaches the
 * kernel by system calls only.
 */
#pragma once

#include <kernel/trap.h>
#include <kernel/types.h>

struct app;

/*
 * Runs fn(arg) as application code in a new thread on a stack of 256 KiB
 * with a guard.  `affinity` 0: any CPU.  NULL: no memory.
 * Kernel context.
 */
struct app *app_start(const char *name, void (*fn)(void *arg), void *arg, u64 affinity);
/* The same with a handler for its faults. */
struct app *app_start_handler(const char *name, void (*fn)(void *arg), void *arg, u64 affinity,
                              trap_handler on_fault);
/* Waits for its end: the status of exit(), 0 if fn returned.  Kernel context. */
int app_join(struct app *app);
/* Its thread.  Valid until app_join(). */
struct thread *app_thread(struct app *app);

/* A system call by number, through syscall_entry.  Application context. */
long app_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5);

/* Runs fn(arg) in kernel context and returns its value.  Application context. */
long app_call_kernel(long (*fn)(void *arg), void *arg);

/* In a program that returns 0, or the line that failed. */
#define FAIL_IF(cond) \
    do { \
        if (cond) { \
            return __LINE__; \
        } \
    } while (0)
