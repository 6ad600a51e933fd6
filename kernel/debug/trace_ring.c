/* SPDX-License-Identifier: MIT */
/*
 * The trace rings' pure part: putting, getting, and merging by time.
 *
 * A reader may run while the ring's CPU goes on writing.  It takes a copy
 * and keeps it only if the record's serial was right before and after; on
 * x86 loads are not reordered with loads, so compiler fences are enough.
 *
 * Merging keeps one cursor a ring and looks at all rings for each event:
 * events times CPUs, which for 40 events of 64 CPUs is nothing.
 */
#include "trace_priv.h"

void trace_ring_init(struct trace_ring *ring)
{
    atomic_store_explicit(&ring->next, 0, memory_order_relaxed);
    for (u32 i = 0; i < TRACE_RING_EVENTS; i++) {
        trace_serial_set(&ring->records[i], ~i);
    }
}

static u32 serial_of(const struct trace_record *record)
{
    return atomic_load_explicit(&record->serial, memory_order_relaxed);
}

bool trace_ring_get(const struct trace_ring *ring, u32 number, struct trace_record *record)
{
    const struct trace_record *source = &ring->records[number % TRACE_RING_EVENTS];

    if (serial_of(source) != number) {
        return false;
    }
    atomic_signal_fence(memory_order_seq_cst);
    record->tsc = source->tsc;
    record->a = source->a;
    record->b = source->b;
    record->event = source->event;
    record->cpu = source->cpu;
    atomic_signal_fence(memory_order_seq_cst);
    return serial_of(source) == number;
}

/*
 * The record before a ring's cursor.  The cursor passes over what is being
 * written: behind it there are whole records again.
 */
static bool peek_back(struct trace_merge *merge, unsigned ring, struct trace_record *record)
{
    if (merge->rings[ring] == NULL) {
        return false;
    }
    while (merge->end[ring] - merge->at[ring] < TRACE_RING_EVENTS) {
        if (trace_ring_get(merge->rings[ring], merge->at[ring] - 1, record)) {
            return true;
        }
        merge->at[ring]--;
    }
    return false;
}

/* Moves the ring with the latest event one back; false if none is left. */
static bool step_back(struct trace_merge *merge)
{
    struct trace_record record;
    unsigned latest = merge->count;
    u64 tsc = 0;

    for (unsigned i = 0; i < merge->count; i++) {
        if (peek_back(merge, i, &record) && (latest == merge->count || record.tsc > tsc)) {
            latest = i;
            tsc = record.tsc;
        }
    }
    if (latest == merge->count) {
        return false;
    }
    merge->at[latest]--;
    merge->last = MAX(merge->last, tsc);
    return true;
}

void trace_merge_start(struct trace_merge *merge, struct trace_ring *const *rings, unsigned count,
                       unsigned events)
{
    merge->rings = rings;
    merge->last = 0;
    merge->count = MIN(count, MAX_CPUS);
    for (unsigned i = 0; i < merge->count; i++) {
        merge->end[i] =
            rings[i] != NULL ? atomic_load_explicit(&rings[i]->next, memory_order_relaxed) : 0;
        merge->at[i] = merge->end[i];
    }
    while (events > 0 && step_back(merge)) {
        events--;
    }
}

bool trace_merge_next(struct trace_merge *merge, struct trace_record *record)
{
    struct trace_record candidate;
    unsigned earliest = merge->count;

    for (unsigned i = 0; i < merge->count; i++) {
        /* What was overwritten since the start is passed over. */
        while (merge->at[i] != merge->end[i] &&
               !trace_ring_get(merge->rings[i], merge->at[i], &candidate)) {
            merge->at[i]++;
        }
        if (merge->at[i] != merge->end[i] &&
            (earliest == merge->count || candidate.tsc < record->tsc)) {
            earliest = i;
            *record = candidate;
        }
    }
    if (earliest == merge->count) {
        return false;
    }
    merge->at[earliest]++;
    return true;
}
