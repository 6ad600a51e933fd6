/* SPDX-License-Identifier: MIT */
/* Queues of pending signals against a plain model. */
/* sources: kernel/process/signal_queue.c */
#include <kernel/signal_queue.h>

#include "host.h"

static struct signal_entry *entry(s32 code)
{
    struct signal_entry *e = test_alloc(sizeof(*e));

    *e = (struct signal_entry){.info.code = code};
    return e;
}

static s32 take(struct signal_queue *q, u64 set, int *signal)
{
    struct signal_entry *e;
    struct siginfo info = {.code = -1000};

    *signal = signal_queue_take(q, set, &info, &e);
    test_free(e);
    return info.code;
}

static void test_order(void)
{
    struct signal_queue q;
    int signal;

    signal_queue_init(&q);
    signal_queue_add(&q, 40, entry(1));
    signal_queue_add(&q, SIGTERM, entry(2));
    signal_queue_add(&q, 40, entry(3));
    signal_queue_add(&q, SIGSEGV, entry(4));
    signal_queue_add(&q, SIGHUP, NULL);
    EQ(signal_queue_next(&q, ~0ull), SIGSEGV);
    EQ(take(&q, ~0ull, &signal), 4);
    EQ(signal, SIGSEGV);
    EQ(take(&q, ~0ull, &signal), SI_USER);
    EQ(signal, SIGHUP);
    EQ(take(&q, ~SIGNAL_BIT(SIGTERM), &signal), 1);
    EQ(signal, 40);
    OK(signal_queue_is_full(&q, SIGTERM));
    OK(!signal_queue_is_full(&q, 40));
    EQ(take(&q, SIGNAL_BIT(40), &signal), 3);
    EQ(take(&q, SIGNAL_BIT(40), &signal), -1000);
    EQ(signal, 0);
    EQ(take(&q, ~0ull, &signal), 2);
    EQ(q.set, 0);
    OK(list_empty(&q.entries));
    EQ(test_live(), 0);
}

/* Another of the same number, without an entry, stays pending. */
static void test_forget(void)
{
    struct signal_entry owned = {.owned = true}, other = {.owned = true};
    struct signal_queue q, r;
    int signal;

    signal_queue_init(&q);
    signal_queue_init(&r);
    signal_queue_add(&q, 40, &owned);
    signal_queue_add(&q, 40, NULL);
    signal_queue_add(&r, 40, NULL);
    signal_queue_forget(&owned);
    OK(!owned.queued);
    EQ(q.set, SIGNAL_BIT(40));
    EQ(r.set, SIGNAL_BIT(40));
    EQ(take(&q, ~0ull, &signal), SI_USER);
    EQ(signal, 40);
    EQ(q.set, 0);
    signal_queue_add(&q, 40, NULL);
    signal_queue_add(&q, 40, &other);
    EQ(take(&q, ~0ull, &signal), 0);
    EQ(take(&q, ~0ull, &signal), SI_USER);
    EQ(q.set, 0);
    signal_queue_add(&q, 40, &owned);
    signal_queue_forget(&owned);
    signal_queue_forget(&owned);
    EQ(q.set, 0);
}

static void test_drop(void)
{
    struct list dropped = LIST_INIT(dropped);
    struct signal_entry owned = {.owned = true};
    struct signal_queue q;
    unsigned count = 0;

    signal_queue_init(&q);
    for (int i = 0; i < 10; i++) {
        signal_queue_add(&q, 33 + i % 2, entry(i));
    }
    signal_queue_add(&q, 33, &owned);
    OK(owned.queued);
    signal_queue_drop(&q, SIGNAL_BIT(33), &dropped);
    OK(!owned.queued);
    EQ(q.set, SIGNAL_BIT(34));
    while (!list_empty(&dropped)) {
        test_free(list_entry(list_pop_front(&dropped), struct signal_entry, link));
        count++;
    }
    EQ(count, 5);
    list_init(&dropped);
    signal_queue_drop(&q, ~0ull, &dropped);
    while (!list_empty(&dropped)) {
        test_free(list_entry(list_pop_front(&dropped), struct signal_entry, link));
    }
    EQ(test_live(), 0);
}

/* The model: how many of each signal are queued, and a number for each. */
#define ROUNDS 20000
static void test_random(void)
{
    static unsigned first[SIGNALS + 1], next[SIGNALS + 1];
    struct signal_queue q;
    int signal;

    signal_queue_init(&q);
    for (unsigned i = 0; i < ROUNDS; i++) {
        int s = (int)rnd_below(SIGNALS) + 1;

        if (rnd_below(2) == 0) {
            if (!signal_queue_is_full(&q, s)) {
                signal_queue_add(&q, s, entry((s32)next[s]++));
            }
            continue;
        }
        s32 code = take(&q, rnd(), &signal);

        if (signal != 0) {
            EQ(code, first[signal]);
            first[signal]++;
        }
    }
    for (int s = 1; s <= SIGNALS; s++) {
        EQ((q.set & SIGNAL_BIT(s)) != 0, first[s] != next[s]);
    }
    while (take(&q, ~0ull, &signal), signal != 0) {
    }
    EQ(test_live(), 0);
}

int main(void)
{
    run("takes in order", test_order);
    run("drops", test_drop);
    run("forgets", test_forget);
    run("random", test_random);
    return finish();
}
