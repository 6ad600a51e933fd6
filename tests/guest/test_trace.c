/* SPDX-License-Identifier: MIT */
/* The trace as the kernel writes it: on each CPU, under interrupts, merged. */
#include "guest.h"

#include <kernel/cpu.h>
#include <kernel/thread.h>
#include <kernel/trace.h>

#include "../../kernel/debug/trace_priv.h"

#define MARK 0x6d61726bul
#define ROUNDS 20000ul

/* An interrupt between an event's time and its place puts its own events before it. */
#define TURNED_ROUND 8u

/* Notes that CPU `cpu` still has with this mark, which must come in order. */
static unsigned count_marks(unsigned cpu, u64 mark)
{
    struct trace_merge merge;
    struct trace_record record;
    unsigned marks = 0, back = 0;
    u64 before = 0;

    trace_merge_start(&merge, trace_rings, cpu_count(), TRACE_RING_EVENTS * cpu_count());
    while (trace_merge_next(&merge, &record)) {
        back += record.tsc < before;
        before = record.tsc;
        if (record.cpu == cpu && record.event == TRACE_NOTE && record.a == mark) {
            marks++;
        }
    }
    OK(back <= TURNED_ROUND);
    return marks;
}

GUEST_TEST(trace_keeps_events)
{
    unsigned marks;

    for (u64 i = 0; i < 10; i++) {
        trace(TRACE_NOTE, MARK, i);
    }
    marks = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        marks += count_marks(cpu, MARK);
    }
    EQ(marks, 10);
}

static void trace_thread(void *arg)
{
    for (u64 i = 0; i < ROUNDS; i++) {
        trace(TRACE_NOTE, (u64)arg, i);
    }
}

/* All CPUs at once, with whatever interrupts come: each has its own last events. */
GUEST_TEST(trace_of_each_cpu)
{
    struct thread *threads[MAX_CPUS] = {NULL};

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct thread_attr attr = {
            .name = "tracer",
            .entry = trace_thread,
            .arg = (void *)(MARK + 1 + cpu),
            .affinity = 1ull << cpu,
            .class = SCHED_CLASS_FAIR,
        };

        OK(thread_create(&attr, &threads[cpu]) == 0);
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (threads[cpu] != NULL) {
            thread_join(threads[cpu], NULL);
            OK(count_marks(cpu, MARK + 1 + cpu) > 0);
        }
    }
}

/* What one event costs, for the record. */
GUEST_TEST(trace_cost)
{
    u64 start = rdtsc();

    trace_thread((void *)MARK);
    guest_note("trace(): %lu cycles", (unsigned long)((rdtsc() - start) / ROUNDS));
    OK(true);
}

GUEST_TEST(trace_dump_prints)
{
    trace_dump(5);
    OK(true);
}
