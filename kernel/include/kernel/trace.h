/* SPDX-License-Identifier: MIT */
/*
 * A ring of the last events of each CPU, always on: about 20 cycles an
 * event.  Dumped by panic, by trace_dump(), and by tools/gdb.
 */
#pragma once

#include <kernel/types.h>

/* Each event: name, format of its two arguments (both unsigned long). */
#define TRACE_EVENTS(X) \
    X(BOOT_STEP, "step %lu value %lx") \
    X(SWITCH, "from %lu to %lu") \
    X(WAKE, "thread %lu to cpu %lu") \
    X(PREEMPT, "thread %lu rip %lx") \
    X(IDLE, "polled %lu ns, halted %lu") \
    X(MIGRATE, "thread %lu to cpu %lu") \
    X(IRQ, "vector %lu rip %lx") \
    X(FAULT, "address %lx error %lx") \
    X(MAP, "start %lx length %lx") \
    X(UNMAP, "start %lx length %lx") \
    X(PROTECT, "start %lx length %lx") \
    X(PROMOTE, "window %lx result %ld") \
    X(DEMOTE, "window %lx level %lu") \
    X(REMAP, "pairs %lu result %ld") \
    X(SHOOTDOWN, "cpus %lx pages %lu") \
    X(TIMER_ARM, "deadline %lu armed %lu") \
    X(TIMER_FIRE, "now %lu late %lu") \
    X(FUTEX_WAIT, "address %lx value %lx") \
    X(FUTEX_WAKE, "address %lx woken %lu") \
    X(THREAD_NEW, "thread %lu cpu %lu") \
    X(THREAD_EXIT, "thread %lu status %lu") \
    X(NOTE, "%lx %lx")

enum trace_event {
#define TRACE_ENUM(name, fmt) TRACE_##name,
    TRACE_EVENTS(TRACE_ENUM)
#undef TRACE_ENUM
        TRACE_EVENT_COUNT
};

/* Any context.  Before trace_init() events go nowhere. */
void trace(enum trace_event event, u64 a, u64 b);

/* Start-up, one CPU.  Allocates the rings; fails with -ENOMEM. */
must_check int trace_init(unsigned cpus);

/* Prints the last `count` events of all CPUs merged by time.  Any context. */
void trace_dump(unsigned count);
