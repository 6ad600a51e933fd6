/* SPDX-License-Identifier: MIT */
/* sources: kernel/pressure/policy.c */
/* When memory is short, how much is asked for, and what the host may have. */
#include "host.h"

#include "../../kernel/pressure/policy_priv.h"
#include <kernel/errno.h>

#define TOTAL (1024ull * 512) /* 2 GiB of frames */
#define RESERVED (32 * MIB / PAGE_SIZE + TOTAL / 64)

static void test_limits(void)
{
    struct pressure_limits limits = pressure_limits_of(TOTAL);

    EQ(limits.low, TOTAL / 16);
    EQ(limits.critical, TOTAL / 64);
    EQ(pressure_limits_set(&limits, 1000, 1001), -EINVAL);
    EQ(pressure_limits_set(&limits, TOTAL / 2 + 1, 10), -EINVAL);
    EQ(limits.low, TOTAL / 16);
    EQ(limits.critical, TOTAL / 64);
    EQ(pressure_limits_set(&limits, 1000, 1000), 0);
    EQ(limits.low, 1000);
    EQ(limits.critical, 1000);
    EQ(pressure_limits_set(&limits, 1000, 0), 0); /* the first one would be above `low` */
    EQ(limits.critical, 1000);
    EQ(pressure_limits_set(&limits, TOTAL / 2, TOTAL / 2), 0);
    EQ(pressure_limits_set(&limits, 0, 0), 0);
    EQ(limits.low, TOTAL / 16);
    EQ(limits.critical, TOTAL / 64);
}

static void test_available(void)
{
    struct pressure_limits limits = {.total = TOTAL, .low = 1000};

    EQ(pressure_available(&limits, 500, 0), 500);
    EQ(pressure_available(&limits, 500, 100), 550);
    EQ(pressure_available(&limits, 500, 2000), 1500);
    EQ(pressure_available(&limits, 500, 5000), 4500);
}

static void test_level(void)
{
    struct pressure_limits limits = pressure_limits_of(TOTAL);

    EQ(pressure_level_of(&limits, TOTAL), PRESSURE_NONE);
    EQ(pressure_level_of(&limits, limits.low), PRESSURE_NONE);
    EQ(pressure_level_of(&limits, limits.low - 1), PRESSURE_LOW);
    EQ(pressure_level_of(&limits, limits.critical), PRESSURE_LOW);
    EQ(pressure_level_of(&limits, limits.critical - 1), PRESSURE_CRITICAL);
    EQ(pressure_level_of(&limits, 0), PRESSURE_CRITICAL);
}

static void test_lacking(void)
{
    struct pressure_limits limits = pressure_limits_of(TOTAL);

    EQ(pressure_lacking(&limits, limits.low), 0);
    EQ(pressure_lacking(&limits, limits.low - 1), limits.low / 4 + 1);
    EQ(pressure_lacking(&limits, 0), limits.low + limits.low / 4);
}

static void test_next_mark(void)
{
    struct pressure_limits limits = pressure_limits_of(TOTAL);

    EQ(pressure_next_mark(&limits, 10000, 12000), 10000 - 2048);
    EQ(pressure_next_mark(&limits, 10000, limits.low + 30), 10000 - 30);
    EQ(pressure_next_mark(&limits, 20, limits.low + 30), 0);
    EQ(pressure_next_mark(&limits, 0, 0), 0);
    limits.low = 8000;
    EQ(pressure_next_mark(&limits, 7000, 7000), 6000);
}

static void test_pause(void)
{
    OK(pressure_pause(PRESSURE_CRITICAL, 100, 1) == 0);
    OK(pressure_pause(PRESSURE_CRITICAL, 100, 0) > 0);
    OK(pressure_pause(PRESSURE_CRITICAL, 0, 0) > 0);
    OK(pressure_pause(PRESSURE_LOW, 100, 50) == 0);
    OK(pressure_pause(PRESSURE_LOW, 100, 49) > 0);
    OK(pressure_pause(PRESSURE_LOW, 100, 0) > pressure_pause(PRESSURE_LOW, 100, 1));
    OK(pressure_pause(PRESSURE_LOW, 100, 0) > pressure_pause(PRESSURE_CRITICAL, 100, 0));
    OK(pressure_interval(PRESSURE_CRITICAL) <= pressure_interval(PRESSURE_LOW));
}

static void test_unused(void)
{
    struct unused unused = {0};

    for (unsigned i = 0; i < UNUSED_PERIODS; i++) {
        EQ(unused_to_lend(&unused, TOTAL, 0), 0); /* nothing is known yet */
        unused_note(&unused, 100000);
    }
    EQ(unused_to_lend(&unused, TOTAL, 0), 100000 - RESERVED);
    EQ(unused_to_lend(&unused, TOTAL, 50000), 50000 - RESERVED);
    EQ(unused_to_lend(&unused, TOTAL, 100000), 0);
    EQ(unused_to_lend(&unused, TOTAL, 100000 - RESERVED - 511), 0);
    EQ(unused_to_lend(&unused, TOTAL, 100000 - RESERVED - 512), 512);
}

/* Whoever needs memory once in the time keeps it. */
static void test_unused_peaks(void)
{
    struct unused unused = {0};

    for (unsigned i = 0; i < 100; i++) {
        unused_note(&unused, i % UNUSED_PERIODS == 0 ? RESERVED : 400000);
        EQ(unused_to_lend(&unused, TOTAL, 0), 0);
    }
    for (unsigned i = 0; i < UNUSED_PERIODS - 1; i++) {
        unused_note(&unused, 400000);
    }
    OK(unused_to_lend(&unused, TOTAL, 0) > 0);
    unused_note(&unused, 0);
    EQ(unused_to_lend(&unused, TOTAL, 0), 0);
}

/* Not more at a time than a host does in between. */
static void test_unused_rate(void)
{
    struct unused unused = {0};

    for (unsigned i = 0; i < UNUSED_PERIODS; i++) {
        unused_note(&unused, 64 * TOTAL);
    }
    EQ(unused_to_lend(&unused, 64 * TOTAL, 0), 512 * MIB / PAGE_SIZE);
}

static void test_balloon(void)
{
    struct balloon_state state = {.wanted = 5000, .free = 100000, .floor = 20000, .now = 100};

    EQ(balloon_move(&state), 5000);
    state.has = 4000;
    EQ(balloon_move(&state), 1000);
    state.free = 20300;
    EQ(balloon_move(&state), 300);
    state.free = 20000;
    EQ(balloon_move(&state), 0);
    state.free = 0;
    EQ(balloon_move(&state), 0);
    state.has = 5000;
    EQ(balloon_move(&state), 0);
    state.has = 6000;
    EQ(balloon_move(&state), -1000);
}

/* What memory that was out got back stays out of it for a while. */
static void test_balloon_rests(void)
{
    struct balloon_state state = {.wanted = 5000, .free = 100000, .now = 10 * BALLOON_REST};

    state.last = state.now - BALLOON_REST + 1;
    EQ(balloon_move(&state), 0);
    state.last--;
    EQ(balloon_move(&state), 5000);
    state.last = state.now;
    state.has = 6000;
    EQ(balloon_move(&state), -1000);
}

int main(void)
{
    run("limits", test_limits);
    run("available memory", test_available);
    run("levels", test_level);
    run("what is lacking", test_lacking);
    run("when to look again", test_next_mark);
    run("pauses", test_pause);
    run("unused memory", test_unused);
    run("unused memory with peaks", test_unused_peaks);
    run("unused memory, how much at a time", test_unused_rate);
    run("the balloon", test_balloon);
    run("the balloon rests", test_balloon_rests);
    return finish();
}
