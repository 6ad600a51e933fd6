/* SPDX-License-Identifier: MIT */
/* sources: kernel/sched/poll_bound.c */
#include "../../kernel/sched/poll_bound_priv.h"
#include "host.h"

static void test_stays_in_range(void)
{
    struct poll_bound poll;

    poll_bound_init(&poll);
    EQ(poll.bound, POLL_START);
    for (unsigned i = 0; i < 100000; i++) {
        poll_bound_update(&poll, rnd() >> (20 + rnd_below(44)));
        OK(poll.bound <= POLL_MAX);
        OK(poll.bound == 0 || poll.bound >= POLL_LEAST);
    }
}

static void test_grows_with_short_periods(void)
{
    struct poll_bound poll;

    poll_bound_init(&poll);
    poll_bound_update(&poll, 50 * NSEC_PER_USEC);
    EQ(poll.bound, 100 * NSEC_PER_USEC);
    poll_bound_update(&poll, 150 * NSEC_PER_USEC);
    EQ(poll.bound, POLL_MAX);
    for (unsigned i = 0; i < 100; i++) {
        poll_bound_update(&poll, NSEC_PER_USEC);
    }
    EQ(poll.bound, POLL_START);
}

/* An idle guest must cost the host nothing. */
static void test_long_periods_end_polling(void)
{
    struct poll_bound poll;
    nsec_t polled = 0;
    unsigned rounds = 0;

    poll_bound_init(&poll);
    poll_bound_update(&poll, 150 * NSEC_PER_USEC);
    while (poll.bound != 0 && rounds < 100) {
        polled += poll.bound;
        poll_bound_update(&poll, 10 * NSEC_PER_MSEC);
        rounds++;
    }
    OK(rounds < 10);
    OK(polled < 2 * POLL_MAX);
    poll_bound_update(&poll, NSEC_PER_SEC);
    EQ(poll.bound, 0);
    poll_bound_update(&poll, 30 * NSEC_PER_USEC); /* and it comes back */
    EQ(poll.bound, 60 * NSEC_PER_USEC);
}

int main(void)
{
    run("the bound stays in its range", test_stays_in_range);
    run("the bound follows short periods", test_grows_with_short_periods);
    run("long periods end polling", test_long_periods_end_polling);
    return finish();
}
