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
    t->deadline = deadline;
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

/* The model: the queued timer with the least deadline, the first started of those. */
static u64 started[TIMERS];

static struct timer *model_first(void)
{
    struct timer *first = NULL;

    for (unsigned i = 0; i < TIMERS; i++) {
        struct timer *t = &timers[i];

        if (t->queued &&
            (first == NULL || t->deadline < first->deadline ||
             (t->deadline == first->deadline && started[i] < started[first - timers]))) {
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
        EQ(timerq_deadline(&q), first != NULL ? first->deadline : TIMER_NEVER);
        if (rnd_below(4) == 0) {
            now += rnd_below(30);
            OK(timerq_pop_due(&q, now) == (first != NULL && first->deadline <= now ? first : NULL));
        } else if (t->queued) {
            timerq_remove(&q, t);
        } else {
            insert(t, now + rnd_below(100));
            started[i] = step;
        }
        timerq_check(&q);
    }
}

/* The check must notice what it is there for. */
static void test_check(void)
{
    reset();
    insert(&timers[0], 1);
    insert(&timers[1], 2);
    timers[0].deadline = 3;
    OK(EXPECT_BUG(timerq_check(&q)));
    timers[0].deadline = 1;
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
    run("random inserts, removes and pops against a model", test_random);
    run("the check notices broken invariants", test_check);
    return finish();
}
