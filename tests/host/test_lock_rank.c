/* SPDX-License-Identifier: MIT */
/* sources: kernel/sched/lock_rank.c */
#include <kernel/lock_rank.h>

#include "host.h"

#include <string.h>

static char locks[LOCK_RANK_DEPTH + 1]; /* addresses, ascending */

static bool may_take(const struct held_locks *held, unsigned lock, enum lock_rank rank)
{
    return lock_rank_check(held, &locks[lock], rank) == NULL;
}

static void take(struct held_locks *held, unsigned lock, enum lock_rank rank)
{
    lock_rank_push(held, &locks[lock], "test", rank);
}

static void test_order(void)
{
    struct held_locks held = {0};

    OK(may_take(&held, 0, RANK_TEST_LOW));
    take(&held, 0, RANK_WAIT);
    OK(may_take(&held, 1, RANK_RUNQ));
    OK(!may_take(&held, 1, RANK_FUTEX));
    OK(!may_take(&held, 1, RANK_WAIT));
    OK(!may_take(&held, 0, RANK_RUNQ)); /* held already */
    take(&held, 1, RANK_HEAP);
    OK(!may_take(&held, 2, RANK_RUNQ));
    OK(may_take(&held, 2, RANK_CONSOLE));
    lock_rank_pop(&held, &locks[1]);
    OK(may_take(&held, 2, RANK_RUNQ));
    lock_rank_pop(&held, &locks[0]);
    EQ(held.count, 0);
}

/* The highest that is held decides, not the last that was taken. */
static void test_release_in_any_order(void)
{
    struct held_locks held = {0};

    take(&held, 0, RANK_TEST_LOW);
    take(&held, 1, RANK_TIMER);
    take(&held, 2, RANK_FRAMES);
    lock_rank_pop(&held, &locks[1]);
    EQ(held.count, 2);
    OK(!may_take(&held, 1, RANK_TIMER));
    lock_rank_pop(&held, &locks[0]);
    OK(!may_take(&held, 1, RANK_TIMER));
    lock_rank_pop(&held, &locks[2]);
    OK(may_take(&held, 1, RANK_TIMER));
}

static void test_pairs(void)
{
    static const enum lock_rank pairs[] = {RANK_FUTEX, RANK_RUNQ};

    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct held_locks held = {0};

        take(&held, 1, pairs[i]);
        OK(may_take(&held, 2, pairs[i]));
        OK(!may_take(&held, 0, pairs[i]));
        take(&held, 2, pairs[i]);
        OK(!may_take(&held, 3, pairs[i]));
        lock_rank_pop(&held, &locks[1]);
        OK(may_take(&held, 3, pairs[i]));
        lock_rank_pop(&held, &locks[2]);
    }
}

static void test_depth(void)
{
    struct held_locks held = {0};

    for (unsigned i = 0; i < LOCK_RANK_DEPTH; i++) {
        take(&held, i, (enum lock_rank)(RANK_TEST_LOW + i));
    }
    OK(EXPECT_BUG(take(&held, LOCK_RANK_DEPTH, RANK_CONSOLE)));
    EQ(held.count, LOCK_RANK_DEPTH);
}

static void test_not_held(void)
{
    struct held_locks held = {0};

    OK(EXPECT_BUG(lock_rank_pop(&held, &locks[0])));
    take(&held, 0, RANK_WAIT);
    OK(EXPECT_BUG(lock_rank_pop(&held, &locks[1])));
    EQ(held.count, 1);
}

/* Random takes and releases against the rule, said in another way. */
static void test_random(void)
{
    struct held_locks held = {0};
    enum lock_rank rank_of[LOCK_RANK_DEPTH] = {0};

    for (unsigned step = 0; step < 20000; step++) {
        unsigned lock = (unsigned)rnd_below(LOCK_RANK_DEPTH), same = 0, below = 0;
        enum lock_rank rank = (enum lock_rank)(1 + rnd_below(RANK_CONSOLE));
        bool pairs = rank == RANK_FUTEX || rank == RANK_RUNQ, fine = true;

        if (rank_of[lock] != RANK_NONE) {
            lock_rank_pop(&held, &locks[lock]);
            rank_of[lock] = RANK_NONE;
            continue;
        }
        for (unsigned i = 0; i < LOCK_RANK_DEPTH; i++) {
            fine = fine && rank_of[i] <= rank;
            same += rank_of[i] == rank;
            below += rank_of[i] == rank && i < lock;
        }
        fine = fine && (same == 0 || (pairs && same == 1 && below == 1));
        EQ(may_take(&held, lock, rank), fine);
        if (fine) {
            take(&held, lock, rank);
            rank_of[lock] = rank;
        }
    }
}

int main(void)
{
    run("locks are taken in ascending order of rank", test_order);
    run("locks are released in any order", test_release_in_any_order);
    run("two of one rank, by address, where that is allowed", test_pairs);
    run("too many locks at once", test_depth);
    run("a release of what is not held", test_not_held);
    run("random takes and releases against a model", test_random);
    return finish();
}
