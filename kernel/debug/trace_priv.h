/* SPDX-License-Identifier: MIT */
/*
 * One CPU's ring of events, and the merging of several.  Pure: builds for
 * the host.  tools/gdb/moka.py knows the layout.
 */
#pragma once

#include <kernel/types.h>
#include <stdatomic.h>

#define TRACE_RING_EVENTS 256u /* a power of two */

/*
 * `serial` is the low half of the record's number, stored last: a record
 * whose serial is not its number is being written, or was overwritten.
 */
struct trace_record {
    u64 tsc;
    u64 a, b;
    u16 event;
    u16 cpu;
    _Atomic u32 serial;
};
_Static_assert(sizeof(struct trace_record) == 32, "two records to a cache line");

/* Written by its own CPU only; read by any. */
struct trace_ring {
    _Atomic u32 next; /* number of the next record; wraps */
    u32 reserved[15];
    struct trace_record records[TRACE_RING_EVENTS];
};

/* Each CPU's ring, NULL before trace_init(). */
extern struct trace_ring *trace_rings[MAX_CPUS];

/* Empties a ring. */
void trace_ring_init(struct trace_ring *ring);

/*
 * Reserves a record's number.  One instruction, so that an interrupt comes
 * before or after it and gets a number of its own; not locked, because no
 * other CPU writes.
 */
static inline u32 trace_ring_reserve(struct trace_ring *ring)
{
    u32 number = 1;

    __asm__ volatile("xaddl %0, %1" : "+r"(number), "+m"(ring->next)::"cc");
    return number;
}

static inline void trace_serial_set(struct trace_record *record, u32 serial)
{
    atomic_store_explicit(&record->serial, serial, memory_order_relaxed);
}

/*
 * Puts an event into the ring.  The old serial is taken away first: half a
 * record is no event.  x86 keeps the order of stores, so the compiler is all
 * that the fences restrain; trace_ring_get() reads in the same order.
 */
static inline void trace_ring_put(struct trace_ring *ring, u64 tsc, u16 event, u16 cpu, u64 a,
                                  u64 b)
{
    u32 number = trace_ring_reserve(ring);
    struct trace_record *record = &ring->records[number % TRACE_RING_EVENTS];

    trace_serial_set(record, ~number);
    atomic_signal_fence(memory_order_seq_cst);
    record->tsc = tsc;
    record->a = a;
    record->b = b;
    record->event = event;
    record->cpu = cpu;
    atomic_signal_fence(memory_order_seq_cst);
    trace_serial_set(record, number);
}

/*
 * Copies record `number`; false if it is being written or not there any more.
 */
bool trace_ring_get(const struct trace_ring *ring, u32 number, struct trace_record *record);

/* Reads the last events of several rings in the order of their times. */
struct trace_merge {
    struct trace_ring *const *rings; /* NULL where a CPU has none */
    unsigned count;
    u32 at[MAX_CPUS];  /* next record to give, by ring */
    u32 end[MAX_CPUS]; /* behind the last one to give */
    u64 last;          /* time of the last event */
};

/* Starts at the last `events` events of all rings (fewer if there are not as many). */
void trace_merge_start(struct trace_merge *merge, struct trace_ring *const *rings, unsigned count,
                       unsigned events);
/* The next event; false when there is none left. */
bool trace_merge_next(struct trace_merge *merge, struct trace_record *record);
