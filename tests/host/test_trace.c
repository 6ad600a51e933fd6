/* SPDX-License-Identifier: MIT */
/* sources: kernel/debug/trace_ring.c */
/*
 * Trace rings: what is kept, what a reader sees while a record is being
 * written, and the merging of several rings, against a sorted array.
 */
#include "host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "../../kernel/debug/trace_priv.h"

#define RINGS 5
#define EVENTS_MAX 2000

static struct {
    struct trace_ring ring[RINGS];
    struct trace_ring *rings[RINGS];
    struct event {
        u64 tsc, a;
    } event[EVENTS_MAX];
    unsigned events;
} model;

static void setup(void)
{
    memset(&model, 0xa5, sizeof(model));
    model.events = 0;
    for (unsigned i = 0; i < RINGS; i++) {
        trace_ring_init(&model.ring[i]);
        model.rings[i] = &model.ring[i];
    }
}

/* b follows from a, so that a record of two halves shows. */
static void put(unsigned ring, u64 tsc, u64 a)
{
    trace_ring_put(&model.ring[ring], tsc, (u16)(a % 7), (u16)ring, a, a * 3 + tsc);
    model.event[model.events++] = (struct event){tsc, a};
}

static bool record_is_whole(const struct trace_record *record)
{
    return record->b == record->a * 3 + record->tsc && record->event == record->a % 7;
}

static void test_empty(void)
{
    struct trace_merge merge;
    struct trace_record record;

    setup();
    for (u32 number = 0; number < 2 * TRACE_RING_EVENTS; number++) {
        OK(!trace_ring_get(&model.ring[0], number, &record));
    }
    model.rings[2] = NULL;
    trace_merge_start(&merge, model.rings, RINGS, 40);
    OK(!trace_merge_next(&merge, &record));
}

static void test_keeps_the_last(void)
{
    struct trace_record record;

    setup();
    for (u32 i = 0; i < 1000; i++) {
        put(0, i, i);
        OK(trace_ring_get(&model.ring[0], i, &record) && record.a == i);
        EQ(trace_ring_get(&model.ring[0], i - (TRACE_RING_EVENTS - 1), &record),
           i >= TRACE_RING_EVENTS - 1);
        OK(!trace_ring_get(&model.ring[0], i - TRACE_RING_EVENTS, &record));
        OK(!trace_ring_get(&model.ring[0], i + 1, &record));
    }
}

/* A number that was reserved and never filled: what an NMI in between sees. */
static void test_half_written(void)
{
    struct trace_merge merge;
    struct trace_record record;
    unsigned seen = 0;

    setup();
    put(0, 10, 1);
    EQ(trace_ring_reserve(&model.ring[0]), 1);
    put(0, 30, 3);
    put(1, 20, 2);
    EQ(trace_ring_reserve(&model.ring[1]), 1);
    trace_merge_start(&merge, model.rings, RINGS, 40);
    while (trace_merge_next(&merge, &record)) {
        OK(record_is_whole(&record));
        seen++;
    }
    EQ(seen, 3);
    EQ(merge.last, 30);
}

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    return x->tsc < y->tsc ? -1 : x->tsc > y->tsc;
}

/* `wanted` events, of rings that start to count at `start`. */
static void check_merge(unsigned wanted, u32 start)
{
    unsigned events = (unsigned)rnd_below(300);
    struct trace_merge merge;
    struct trace_record record;
    unsigned at;

    setup();
    for (unsigned i = 0; i < RINGS; i++) {
        atomic_store(&model.ring[i].next, start);
    }
    for (unsigned i = 0; i < events; i++) {
        put((unsigned)rnd_below(RINGS), 1000 + 2 * i + rnd_below(2), rnd());
    }
    qsort(model.event, events, sizeof(model.event[0]), by_time);
    at = events - MIN(events, wanted);
    trace_merge_start(&merge, model.rings, RINGS, wanted);
    while (trace_merge_next(&merge, &record)) {
        if (!OK(at < events)) {
            return;
        }
        EQ(record.tsc, model.event[at].tsc);
        EQ(record.a, model.event[at].a);
        at++;
    }
    EQ(at, events);
}

static void test_merges_by_time(void)
{
    for (unsigned i = 0; i < 300; i++) {
        check_merge((unsigned)rnd_below(120), 0);
        check_merge((unsigned)rnd_below(120), (u32)-100);
    }
}

/* More are wanted than the rings hold: each gives all that it has. */
static void test_gives_all(void)
{
    struct trace_merge merge;
    struct trace_record record;
    unsigned seen = 0;
    u64 before = 0;

    setup();
    for (unsigned i = 0; i < 600; i++) {
        put(i % 2, i, i);
    }
    trace_merge_start(&merge, model.rings, RINGS, 10000);
    while (trace_merge_next(&merge, &record)) {
        OK(record.tsc >= before && record_is_whole(&record));
        before = record.tsc;
        seen++;
    }
    EQ(seen, 2 * TRACE_RING_EVENTS);
}

/* The ring goes on while it is read: what is gone is passed over. */
static void test_overtaken(void)
{
    struct trace_merge merge;
    struct trace_record record;
    unsigned seen = 0;

    setup();
    for (unsigned i = 0; i < 100; i++) {
        put(0, i, i);
    }
    trace_merge_start(&merge, model.rings, RINGS, 50);
    OK(trace_merge_next(&merge, &record) && record.a == 50);
    for (unsigned i = 100; i < TRACE_RING_EVENTS + 60; i++) {
        put(0, i, i);
    }
    while (trace_merge_next(&merge, &record)) {
        EQ(record.a, 60 + seen);
        seen++;
    }
    EQ(seen, 40);
}

static volatile sig_atomic_t interrupts;

static void interrupt(int number)
{
    (void)number;
    interrupts = interrupts + 1;
    trace_ring_put(&model.ring[0], 1, 0, 0, 0, 1);
}

/* A signal is to this thread what an interrupt is to a CPU. */
static void test_interrupted(void)
{
    struct itimerval often = {{0, 20}, {0, 20}}, never = {{0, 0}, {0, 0}};
    struct trace_record record;
    u32 puts = 0, next;

    setup();
    interrupts = 0;
    signal(SIGALRM, interrupt);
    setitimer(ITIMER_REAL, &often, NULL);
    while (interrupts < 500) {
        trace_ring_put(&model.ring[0], puts, (u16)(puts % 7), 0, puts, 4ull * puts);
        puts++;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    next = atomic_load(&model.ring[0].next);
    EQ(next, puts + (u32)interrupts);
    for (u32 i = next - TRACE_RING_EVENTS; i != next; i++) {
        OK(trace_ring_get(&model.ring[0], i, &record) && record_is_whole(&record));
    }
}

int main(void)
{
    run("empty rings", test_empty);
    run("keeps the last events", test_keeps_the_last);
    run("passes over a half-written record", test_half_written);
    run("merges by time", test_merges_by_time);
    run("gives all there is", test_gives_all);
    run("passes over what was overwritten", test_overtaken);
    run("put is interrupted by put", test_interrupted);
    return finish();
}
