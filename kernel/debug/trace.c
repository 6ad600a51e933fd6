/* SPDX-License-Identifier: MIT */
/*
 * The trace: what each CPU did last, always on.  A ring of 256 events per
 * CPU (8 KiB), written by its own CPU without a lock.
 *
 * trace() is a call, not inline: half of its cost is RDTSC, and sixty copies
 * of it would cost more in the instruction cache than the call does.
 */
#include <kernel/trace.h>

#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/print.h>

#include "trace_priv.h"

/* (c) constant after trace_init(); tools/gdb reads it */
struct trace_ring *trace_rings[MAX_CPUS];

static const struct {
    const char *name;
    const char *format;
} trace_events[] = {
#define TRACE_TEXT(event_name, event_format) {#event_name, event_format},
    TRACE_EVENTS(TRACE_TEXT)
#undef TRACE_TEXT
};

void trace(enum trace_event event, u64 a, u64 b)
{
    unsigned cpu = cpu_id();
    struct trace_ring *ring = trace_rings[cpu];

    if (likely(ring != NULL)) {
        trace_ring_put(ring, rdtsc(), (u16)event, (u16)cpu, a, b);
    }
}

int trace_init(unsigned cpus)
{
    for (unsigned i = 0; i < cpus; i++) {
        struct trace_ring *ring = kmalloc_aligned(sizeof(struct trace_ring), CACHE_LINE);

        if (ring == NULL) {
            return -ENOMEM;
        }
        trace_ring_init(ring);
        trace_rings[i] = ring;
    }
    return 0;
}

/* Times count back from the last event: what happened just before matters. */
static void print_record(const struct trace_record *record, u64 last)
{
    u64 cycles = last - record->tsc;
    nsec_t before = clock_tsc_khz() != 0 ? clock_cycles_to_nsec(cycles) : cycles;

    kprintf("  -%lu.%03lu us cpu %u %s ", before / 1000, before % 1000, record->cpu,
            record->event < TRACE_EVENT_COUNT ? trace_events[record->event].name : "?");
    if (record->event < TRACE_EVENT_COUNT) {
        kprintf(trace_events[record->event].format, record->a, record->b);
    }
    kprintf("\n");
}

void trace_dump(unsigned count)
{
    struct trace_merge merge;
    struct trace_record record;

    trace_merge_start(&merge, trace_rings, MAX_CPUS, count);
    while (trace_merge_next(&merge, &record)) {
        print_record(&record, merge.last);
    }
}
