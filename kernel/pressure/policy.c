/* SPDX-License-Identifier: MIT */
/*
 * When to ask for memory, and when to give it away.
 *
 * Shrinkers are asked for a quarter more than is lacking, so that the next
 * allocation does not ask again.  One that had nothing is left in peace for a second,
 * unless it is urgent: garbage is made by the program, not by asking.
 *
 * To the host goes what nobody has needed for five periods, less a
 * reserve: giving back costs little, but memory that the host has to find again costs
 * 3 to 5 ms for 2 MiB where it is virtual itself (kvm_pvm).  A
 * program whose use goes up and down, as a heap's between two collections, keeps what it
 * has at the peaks.
 */
#include "policy_priv.h"

#include <kernel/errno.h>

#define LOW_DIVISOR 16u
#define CRITICAL_DIVISOR 64u
#define LOW_MOST_DIVISOR 2u /* of all memory */
#define SPARE_DIVISOR 4u    /* of `low`: asked for in addition */
#define STEP_DIVISOR 8u     /* of `low`: when that much more is gone */
#define STEP_MOST (8 * MIB / PAGE_SIZE)

#define PAUSE_FRUITFUL (10 * NSEC_PER_MSEC)
#define PAUSE_FRUITLESS NSEC_PER_SEC
#define PAUSE_URGENT (50 * NSEC_PER_MSEC)
#define INTERVAL (250 * NSEC_PER_MSEC)

/* What is not lent, however long it has been free. */
#define RESERVE (32 * MIB / PAGE_SIZE)
#define RESERVE_DIVISOR 64u
/* Lent in one period: the host is at work for it, on a CPU that may be ours. */
#define LEND_MOST (512 * MIB / PAGE_SIZE)
#define LEND_LEAST (1ull << ORDER_2M)

struct pressure_limits pressure_limits_of(u64 total)
{
    return (struct pressure_limits){
        .total = total, .low = total / LOW_DIVISOR, .critical = total / CRITICAL_DIVISOR};
}

int pressure_limits_set(struct pressure_limits *limits, u64 low, u64 critical)
{
    struct pressure_limits first = pressure_limits_of(limits->total);

    low = low == 0 ? first.low : low;
    critical = critical == 0 ? MIN(first.critical, low) : critical;
    if (critical > low || low > limits->total / LOW_MOST_DIVISOR) {
        return -EINVAL;
    }
    limits->low = low;
    limits->critical = critical;
    return 0;
}

u64 pressure_available(const struct pressure_limits *limits, u64 free, u64 cache)
{
    return free + cache - MIN(cache / 2, limits->low);
}

enum pressure_level pressure_level_of(const struct pressure_limits *limits, u64 available)
{
    if (available >= limits->low) {
        return PRESSURE_NONE;
    }
    return available >= limits->critical ? PRESSURE_LOW : PRESSURE_CRITICAL;
}

u64 pressure_lacking(const struct pressure_limits *limits, u64 available)
{
    return available >= limits->low ? 0 : limits->low + limits->low / SPARE_DIVISOR - available;
}

u64 pressure_next_mark(const struct pressure_limits *limits, u64 free, u64 available)
{
    u64 step = MIN(limits->low / STEP_DIVISOR, STEP_MOST);

    if (available >= limits->low) {
        step = available - limits->low; /* then it is low: each page that is taken counts */
    }

    return free > step ? free - step : 0;
}

nsec_t pressure_pause(enum pressure_level level, u64 wanted, u64 given)
{
    if (given > 0 && given >= wanted / 2) {
        return 0;
    }
    if (level == PRESSURE_CRITICAL) {
        return given > 0 ? 0 : PAUSE_URGENT;
    }
    return given > 0 ? PAUSE_FRUITFUL : PAUSE_FRUITLESS;
}

nsec_t pressure_interval(enum pressure_level level)
{
    return level == PRESSURE_CRITICAL ? PAUSE_URGENT : INTERVAL;
}

void unused_note(struct unused *unused, u64 low)
{
    unused->low[unused->seen++ % UNUSED_PERIODS] = low;
}

u64 unused_to_lend(const struct unused *unused, u64 total, u64 lent)
{
    u64 least = unused->low[0], keep = lent + RESERVE + total / RESERVE_DIVISOR;

    if (unused->seen < UNUSED_PERIODS) {
        return 0;
    }
    for (unsigned i = 1; i < UNUSED_PERIODS; i++) {
        least = MIN(least, unused->low[i]);
    }
    return least < keep + LEND_LEAST ? 0 : MIN(least - keep, LEND_MOST);
}

s64 balloon_move(const struct balloon_state *state)
{
    u64 wanted = state->wanted, room;

    if (wanted <= state->has) {
        return -(s64)(state->has - wanted);
    }
    if (state->last != 0 && state->now - state->last < BALLOON_REST) {
        return 0;
    }
    room = state->free > state->floor ? state->free - state->floor : 0;
    return (s64)MIN(wanted - state->has, room);
}
