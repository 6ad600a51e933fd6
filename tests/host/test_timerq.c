/* SPDX-License-Identifier: MIT */
/* sources: kernel/time/timerq.c kernel/lib/rbtree.c */
#include "../../kernel/time/timerq_priv.h"
#include "host.h"

#include <string.h>

#define TIMERS 200

static struct timerq q;
static struct timer timers[TIMERS];

static void reset(void)
{
    memset(timers, 0, sizeof(timers));
    timerq_init(&q);
}

static void insert(struct timer *t, nsec_t deadline)
{
    timerq_set(t, deadline, 0);
    timerq_insert(&q, t);
}

static void test_empty(void)
{
    reset();
    EQ(timerq_deadline(&q), TIMER_NEVER);
    OK(timerq_pop_due(&q, TIMER_NEVER) == NULL);
    timerq_check(&q);
}

static void test_order(void)
{
    static const nsec_t deadlines[] = {50, 10, 40, 20, 30};

    reset();
    for (unsigned i = 0; i < ARRAY_SIZE(deadlines); i++) {
        insert(&timers[i], deadlines[i]);
        timerq_check(&q);
    }
    EQ(timerq_deadline(&q), 10);
    OK(timerq_pop_due(&q, 9) == NULL);
    OK(timerq_pop_due(&q, 10) == &timers[1]);
    OK(timerq_pop_due(&q, 10) == NULL);
    OK(timerq_pop_due(&q, 100) == &timers[3]);
    OK(timerq_pop_due(&q, 100) == &timers[4]);
    timerq_remove(&q, &timers[2]);
    OK(!timers[2].queued);
    OK(timerq_pop_due(&q, 100) == &timers[0]);
    EQ(q.count, 0);
    timerq_check(&q);
}

static void test_same_deadline(void)
{
    reset();
    for (unsigned i = 0; i < 10; i++) {
        insert(&timers[i], 7);
    }
    for (unsigned i = 0; i < 10; i++) {
        OK(timerq_pop_due(&q, 7) == &timers[i]);
    }
}

/* The model: the queued timer that must fire first, the first started of those. */
static u64 started[TIMERS];

static struct timer *model_first(void)
{
    struct timer *first = NULL;

    for (unsigned i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];

        if (t->queued && (first == NULL || t->latest < first->latest ||
                          (t->latest == first->latest && started[i] < started[first - timers]))) {
            first = t;
        }
    }
    return first;
}

static void test_random(void)
{
    nsec_t now = 0;

    reset();
    for (u64 step = 0; step < 20000; step++) {
        u64 i = rnd_below(TIMERS);
        struct timer *t = &timers[i], *first = model_first();

        OK(q.first == first);
        EQ(timerq_deadline(&q), first != NULL ? first->latest : TIMER_NEVER);
        if (rnd_below(4) == 0) {
            now += rnd_below(30);
            OK(timerq_pop_due(&q, now) == (first != NULL && first->deadline <= now ? first : NULL));
        } else if (t->queued) {
            timerq_remove(&q, t);
        } else {
            timerq_set(t, now + rnd_below(100), rnd_below(2) * rnd_below(50));
            timerq_insert(&q, t);
            started[i] = step;
        }
        timerq_check(&q);
    }
}

/* With slack: no sooner than the deadline, and the hardware is wanted at the latest time only. */
static void test_slack(void)
{
    reset();
    timerq_set(&timers[0], 100, 50);
    timerq_insert(&q, &timers[0]);
    timerq_set(&timers[1], 120, 0);
    timerq_insert(&q, &timers[1]);
    EQ(timerq_deadline(&q), 120);
    OK(timerq_pop_due(&q, 119) == NULL); /* the other waits for it */
    OK(timerq_pop_due(&q, 120) == &timers[1]);
    EQ(timerq_deadline(&q), 150);
    OK(timerq_pop_due(&q, 120) == &timers[0]);
    timerq_set(&timers[0], 100, 50);
    timerq_insert(&q, &timers[0]);
    OK(timerq_pop_due(&q, 99) == NULL);
    OK(timerq_pop_due(&q, 100) == &timers[0]);
}

/* Fires at its deadline, and is started anew `busy` later for `sleep`, with a slack of 100. */
static nsec_t cycle(struct timer *t, nsec_t busy, nsec_t sleep)
{
    nsec_t now = t->deadline, guess;

    OK(timerq_pop_due(&q, now) == t);
    guess = timerq_guess(t);
    timerq_set(t, now + busy + sleep, 100);
    timerq_insert(&q, t);
    return guess;
}

static void test_guess(void)
{
    struct timer *t = &timers[0];
    nsec_t guess;

    reset();
    timerq_set(t, 1000, 100);
    timerq_insert(&q, t);
    EQ(cycle(t, 10, 10000), TIMER_NEVER); /* it may have been the only time */
    EQ(cycle(t, 10, 10000), TIMER_NEVER);
    for (unsigned i = 0; i < 10; i++) {
        guess = cycle(t, 10 + i % 2 * 20, 10000);
        /* An interrupt then finds it due, and in time. */
        OK(guess >= t->deadline && guess <= t->latest);
    }
    (void)cycle(t, 10, 5000);
    EQ(cycle(t, 10, 5000), TIMER_NEVER);
    OK(cycle(t, 10, 5000) != TIMER_NEVER);
    /* Who did not sleep until the end is not who sleeps regularly. */
    timerq_remove(&q, t);
    timerq_set(t, t->deadline + 5010, 100);
    timerq_insert(&q, t);
    EQ(cycle(t, 10, 5000), TIMER_NEVER);
}

/* The check must notice what it is there for. */
static void test_check(void)
{
    reset();
    insert(&timers[0], 1);
    insert(&timers[1], 2);
    timers[0].latest = 3;
    OK(EXPECT_BUG(timerq_check(&q)));
    timers[0].latest = 0;
    OK(EXPECT_BUG(timerq_check(&q)));
    timers[0].latest = 1;
    q.count = 3;
    OK(EXPECT_BUG(timerq_check(&q)));
    q.count = 2;
    q.first = &timers[1];
    OK(EXPECT_BUG(timerq_check(&q)));
    q.first = &timers[0];
    timerq_check(&q);
    OK(EXPECT_BUG(timerq_insert(&q, &timers[0])));
}

int main(void)
{
    run("an empty queue", test_empty);
    run("timers come in the order of their deadlines", test_order);
    run("timers of one deadline come in the order of their start", test_same_deadline);
    run("a timer with slack waits for others", test_slack);
    run("the next time of a regular timer is guessed", test_guess);
    run("random inserts, removes and pops against a model", test_random);
    run("the check notices broken invariants", test_check);
    return finish();
}
