/* SPDX-License-Identifier: MIT */
/* The clock on this machine: forward on one CPU and across CPUs, deadlines, the date. */
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/string.h>
#include <stdatomic.h>

#include "sched_help.h"

#define READS 20000

GUEST_TEST(clock_goes_forward)
{
    nsec_t last = clock_now();
    unsigned back = 0, stands = 0;

    for (unsigned i = 0; i < READS; i++) {
        nsec_t now = clock_now();

        back += now < last;
        stands += now == last;
        last = now;
    }
    EQ(back, 0);
    OK(stands < READS / 2);
    OK(strcmp(clock_source(), "none") != 0);
    OK(clock_tsc_khz() > 100000);
}

/* A time that one CPU has published is never later than what another reads after it. */
#define ROUNDS 2000
#define ROUNDS_LEAST 20 /* on a host that runs one CPU at a time, each turn may take it long */

static struct {
    _Atomic u64 published; /* the lowest bit says who */
    _Atomic unsigned back, rounds;
    _Atomic bool over; /* one of the two has had enough */
} relay;

/* Waits for the other one's time, then puts its own in its place. */
static void relay_clock(void *arg)
{
    u64 parity = (u64)arg;
    nsec_t limit = clock_now() + PATIENCE, enough = clock_now() + NSEC_PER_SEC;

    for (unsigned i = 0; i < ROUNDS && (i < ROUNDS_LEAST || clock_now() < enough); i++) {
        u64 seen = atomic_load_explicit(&relay.published, memory_order_acquire);
        nsec_t now = clock_now();

        while ((seen & 1) == parity && now < limit && !atomic_load(&relay.over)) {
            cpu_pause();
            seen = atomic_load_explicit(&relay.published, memory_order_acquire);
            now = clock_now();
        }
        if ((seen & 1) == parity) {
            break;
        }
        if (now < seen) {
            atomic_fetch_add_explicit(&relay.back, 1, memory_order_relaxed);
        }
        atomic_fetch_add_explicit(&relay.rounds, 1, memory_order_relaxed);
        /* Rounded down, so that the claim stays true. */
        atomic_store_explicit(&relay.published, ((now - 2) & ~1ull) | parity, memory_order_release);
    }
    atomic_store(&relay.over, true);
}

GUEST_TEST(clock_agrees_across_cpus)
{
    struct thread *threads[2];

    if (cpu_count() < 2) {
        guest_skip("one CPU");
        return;
    }
    relay.published = 0;
    relay.back = relay.rounds = 0;
    relay.over = false;
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = start_kernel(relay_clock, (void *)(u64)i,
                                  1ull << (i == 0 ? 0 : cpu_count() - 1), SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < 2; i++) {
        join(threads[i]);
    }
    EQ(relay.back, 0);
    OK(relay.rounds >= 2 * ROUNDS_LEAST - 1);
}

GUEST_TEST(clock_deadline_is_not_early)
{
    u64 last = clock_to_tsc(clock_now());

    for (unsigned i = 0; i < 2000; i++) {
        nsec_t when = clock_now() + i;
        u64 tsc = clock_to_tsc(when);

        OK(tsc >= last);
        last = tsc;
        while (rdtsc() < tsc) {
            cpu_pause();
        }
        OK(clock_now() >= when);
    }
    EQ(clock_to_tsc((nsec_t)-1), (u64)-1);
}

GUEST_TEST(clock_delay_takes_as_long)
{
    for (nsec_t d = 0; d <= 200 * NSEC_PER_USEC; d += 20 * NSEC_PER_USEC) {
        u64 tsc = rdtsc();
        nsec_t start = clock_now();

        clock_delay(d);
        OK(clock_now() - start >= d);
        OK(clock_cycles_to_nsec(rdtsc() - tsc) >= d);
    }
    EQ(clock_cycles_to_nsec(0), 0);
    EQ((clock_cycles_to_nsec(clock_tsc_khz() * 1000) + 5000) / 10000, NSEC_PER_SEC / 10000);
}

/* 2024-01-01; a machine without any clock says so at start-up. */
#define NEW_YEAR_2024 (1704067200 * NSEC_PER_SEC)

/* By how much the date is ahead of clock_now(): at least, and at most. */
static void wall_offset(u64 *least, u64 *most)
{
    nsec_t before = clock_now();
    u64 wall = clock_wall();

    *most = wall - before;
    *least = wall - clock_now();
}

GUEST_TEST(clock_knows_the_date)
{
    nsec_t before = clock_now();
    u64 wall = clock_wall(), least, most, new_least, new_most;
    nsec_t after = clock_now();

    if (wall < NEW_YEAR_2024) {
        guest_skip("no clock tells the date here");
        return;
    }
    clock_delay(NSEC_PER_MSEC);
    OK(clock_wall() - wall >= NSEC_PER_MSEC);
    OK(wall - before >= NEW_YEAR_2024 && after >= before);
    wall_offset(&least, &most);
    clock_recheck(); /* may step by what time servers do in a few seconds */
    wall_offset(&new_least, &new_most);
    OK(new_least < most + NSEC_PER_SEC && least < new_most + NSEC_PER_SEC);
}
