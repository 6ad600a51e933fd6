/* SPDX-License-Identifier: MIT */
/* sources: kernel/sched/runq.c kernel/sched/role_name.c kernel/lib/rbtree.c */
#include "../../kernel/sched/runq_priv.h"
#include "host.h"
#include <kernel/role.h>

#include <stdlib.h>
#include <string.h>

#define THREADS 24

static struct thread threads[THREADS];

static struct thread *make(unsigned i, enum sched_class class, s8 nice)
{
    struct thread *t = &threads[i];

    memset(t, 0, sizeof(*t));
    t->tid = i;
    t->policy = (u32) class | (u32)(u8)nice << 8;
    runq_apply_policy(t);
    return t;
}

/* ---- Single steps ------------------------------------------------------------- */

static void test_weights(void)
{
    for (s8 nice = -20; nice < 19; nice++) {
        double ratio;

        make(0, SCHED_CLASS_FAIR, nice);
        make(1, SCHED_CLASS_FAIR, (s8)(nice + 1));
        ratio = (double)threads[0].weight / threads[1].weight;
        OK(ratio > 1.15 && ratio < 1.31);
    }
    EQ(make(0, SCHED_CLASS_FAIR, 0)->weight, WEIGHT_NICE_0);
}

static void test_classes(void)
{
    static const enum sched_class put[] = {SCHED_CLASS_IDLE, SCHED_CLASS_FAIR, SCHED_CLASS_URGENT,
                                           SCHED_CLASS_GC, SCHED_CLASS_URGENT};
    static const unsigned picked[] = {2, 4, 3, 1, 0};
    struct runq q;

    runq_init(&q);
    OK(runq_peek(&q) == NULL);
    OK(runq_pick(&q, 0) == NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(put); i++) {
        runq_put(&q, make(i, put[i], 0), RUNQ_MOVED, 10);
        runq_check(&q);
    }
    OK(runq_contended(&q, SCHED_CLASS_URGENT));
    for (unsigned i = 0; i < ARRAY_SIZE(picked); i++) {
        OK(runq_pick(&q, 10) == &threads[picked[i]]);
        runq_check(&q);
    }
    EQ(q.count, 0);
    OK(!runq_contended(&q, SCHED_CLASS_IDLE));
}

static void test_walk(void)
{
    struct runq q;
    unsigned seen = 0;

    runq_init(&q);
    for (unsigned i = 0; i < THREADS; i++) {
        make(i, (enum sched_class)rnd_below(SCHED_CLASSES), 0);
        threads[i].vruntime = rnd_below(1000);
        runq_put(&q, &threads[i], RUNQ_MOVED, 0);
    }
    for (struct thread *t = runq_next(&q, NULL), *before = NULL; t != NULL;
         before = t, t = runq_next(&q, t)) {
        OK(before == NULL || before->class < t->class ||
           (before->class == t->class &&
            (t->class != SCHED_CLASS_FAIR || before->vruntime <= t->vruntime)));
        seen++;
    }
    EQ(seen, THREADS);
    while (q.count > 0) {
        struct thread *first = runq_next(&q, NULL);

        OK(runq_pick(&q, 0) == first);
        runq_check(&q);
    }
}

static void test_yield(void)
{
    struct runq q;
    struct thread *a = make(0, SCHED_CLASS_FAIR, 0), *b = make(1, SCHED_CLASS_FAIR, 0);

    runq_init(&q);
    runq_put(&q, a, RUNQ_MOVED, 0);
    runq_put(&q, b, RUNQ_MOVED, 0);
    OK(runq_pick(&q, 0) == a);
    b->vruntime += 3 * NSEC_PER_MSEC; /* has had more: a plain return would give a the CPU */
    for (unsigned i = 0; i < 10; i++) {
        struct thread *runs = i % 2 == 0 ? a : b, *waits = i % 2 == 0 ? b : a;

        runq_account(&q, runs, i * 100);
        runq_put(&q, runs, RUNQ_YIELDS, i * 100);
        OK(runq_pick(&q, i * 100) == waits);
    }
    /* Yielding gives up a lead, and costs nothing else. */
    OK(a->vruntime <= 3 * NSEC_PER_MSEC + 1000);
}

static void test_sleeper_is_placed(void)
{
    struct runq q;
    struct thread *hog = make(0, SCHED_CLASS_FAIR, 0), *t = make(1, SCHED_CLASS_FAIR, 0);
    nsec_t now = 0;

    runq_init(&q);
    runq_put(&q, hog, RUNQ_MOVED, now);
    runq_pick(&q, now);
    /* A long sleeper gets its credit, and no more. */
    runq_account(&q, hog, now += 100 * NSEC_PER_MSEC);
    runq_put(&q, t, RUNQ_WOKEN, now);
    EQ(q.min_vruntime - t->vruntime, WAKEUP_CREDIT);
    OK(runq_should_preempt(&q, hog, t));
    OK(!runq_should_preempt(&q, t, hog));
    /* One that has just run keeps what it owes. */
    runq_put(&q, hog, RUNQ_BACK, now);
    OK(runq_pick(&q, now) == t);
    runq_account(&q, t, now += 5 * NSEC_PER_MSEC);
    runq_leave(&q, t);
    OK(runq_pick(&q, now) == hog);
    runq_put(&q, t, RUNQ_WOKEN, now);
    OK(t->vruntime > hog->vruntime);
    OK(!runq_should_preempt(&q, hog, t));
    runq_check(&q);
}

static void test_run_woken(void)
{
    struct runq q;
    struct thread *gc = make(0, SCHED_CLASS_GC, 0), *fair = make(1, SCHED_CLASS_FAIR, 0);
    struct thread *other = make(2, SCHED_CLASS_FAIR, 0);

    runq_init(&q);
    OK(runq_run_woken(&q, fair, 0)); /* nobody else */
    runq_account(&q, fair, 10 * NSEC_PER_MSEC);
    runq_leave(&q, fair);
    runq_put(&q, gc, RUNQ_WOKEN, 10 * NSEC_PER_MSEC);
    OK(!runq_run_woken(&q, fair, 10 * NSEC_PER_MSEC)); /* a better class waits */
    OK(runq_pick(&q, 10 * NSEC_PER_MSEC) == gc);
    runq_put(&q, fair, RUNQ_WOKEN, 10 * NSEC_PER_MSEC);
    other->vruntime = NSEC_PER_MSEC;
    other->ran_since = 10 * NSEC_PER_MSEC;
    OK(!runq_run_woken(&q, other, 10 * NSEC_PER_MSEC)); /* a better claim waits */
    EQ(other->vruntime, NSEC_PER_MSEC);                 /* and nothing has changed */
    other->vruntime = 0;
    other->ran_since = 0;
    OK(runq_run_woken(&q, other, 10 * NSEC_PER_MSEC));
}

static void test_taken_away(void)
{
    struct runq q;
    struct thread *t;

    runq_init(&q);
    t = make(0, SCHED_CLASS_FAIR, 0);
    runq_put(&q, t, RUNQ_MOVED, 100);
    runq_take_away(&q, t, 350);
    OK(!t->queued && runq_peek(&q) == NULL);
    EQ(t->wait_time, 250);
    runq_put(&q, t, RUNQ_MOVED, 360);
    OK(runq_pick(&q, 400) == t);
    EQ(t->wait_time, 290);
}

/* A change of class while queued and while running; vruntime stays sensible. */
static void test_policy_change(void)
{
    struct runq q;
    struct thread *a = make(0, SCHED_CLASS_FAIR, 0), *b = make(1, SCHED_CLASS_FAIR, 0);

    runq_init(&q);
    runq_put(&q, a, RUNQ_MOVED, 0);
    runq_put(&q, b, RUNQ_MOVED, 0);
    runq_pick(&q, 0);
    runq_account(&q, a, NSEC_PER_SEC);
    a->policy = SCHED_CLASS_GC;
    runq_change_policy(&q, a);
    EQ(a->class, SCHED_CLASS_GC);
    runq_put(&q, a, RUNQ_BACK, NSEC_PER_SEC);
    OK(runq_pick(&q, NSEC_PER_SEC) == a);
    runq_account(&q, a, 3 * NSEC_PER_SEC);
    a->policy = SCHED_CLASS_FAIR;
    runq_change_policy(&q, a);
    runq_put(&q, a, RUNQ_BACK, 3 * NSEC_PER_SEC);
    OK(runq_pick(&q, 3 * NSEC_PER_SEC) == b);
    /* What it ran in the other class is not held against it. */
    OK((s64)(a->vruntime - b->vruntime) <= (s64)NSEC_PER_SEC);
    runq_check(&q);
}

/* ---- A CPU, simulated ------------------------------------------------------------ */

struct cpu_model {
    struct runq q;
    struct thread *current;
    nsec_t picked_at;
};

struct job {
    bool sleeps; /* now and then */
    nsec_t wakes_at;
    unsigned cpu;
};

static struct job jobs[THREADS];

static void pick(struct cpu_model *c, nsec_t now)
{
    c->current = runq_pick(&c->q, now);
    c->picked_at = now;
}

static void wake(struct cpu_model *c, struct thread *t, nsec_t now)
{
    if (c->current != NULL) {
        runq_account(&c->q, c->current, now);
    }
    runq_put(&c->q, t, RUNQ_WOKEN, now);
    if (c->current == NULL) {
        pick(c, now);
    } else if (runq_should_preempt(&c->q, c->current, t)) {
        runq_put(&c->q, c->current, RUNQ_BACK, now);
        pick(c, now);
    }
}

static void tick(struct cpu_model *c, nsec_t now)
{
    struct thread *t = c->current;
    struct job *job;

    if (t == NULL) {
        return;
    }
    job = &jobs[t->tid];
    runq_account(&c->q, t, now);
    if (job->sleeps && rnd_below(40) == 0) {
        job->wakes_at = now + rnd_below(20 * NSEC_PER_MSEC);
        runq_leave(&c->q, t);
        pick(c, now);
    } else if (now - c->picked_at >= SLICE) {
        c->picked_at = now;
        if (runq_should_rotate(&c->q, t)) {
            runq_put(&c->q, t, RUNQ_BACK, now);
            pick(c, now);
        }
    }
}

static void wake_sleepers(struct cpu_model *c, unsigned count, nsec_t now)
{
    for (unsigned i = 0; i < count; i++) {
        if (jobs[i].wakes_at != 0 && jobs[i].wakes_at <= now) {
            jobs[i].wakes_at = 0;
            wake(&c[jobs[i].cpu], &threads[i], now);
        }
    }
}

static void simulate(struct cpu_model *c, unsigned count, nsec_t from, nsec_t to)
{
    for (nsec_t now = from; now < to; now += 50 * NSEC_PER_USEC) {
        wake_sleepers(c, count, now);
        tick(c, now);
        if (rnd_below(64) == 0) {
            runq_check(&c->q);
        }
    }
}

static void start(struct cpu_model *c, unsigned count)
{
    runq_init(&c->q);
    c->current = NULL;
    for (unsigned i = 0; i < count; i++) {
        runq_put(&c->q, &threads[i], RUNQ_MOVED, 0);
    }
    pick(c, 0);
}

/* Hogs of random weights get shares in proportion to them. */
static void test_fair_shares(void)
{
    for (unsigned round = 0; round < 20; round++) {
        unsigned count = 2 + (unsigned)rnd_below(8);
        u64 weights = 0;
        struct cpu_model c;

        memset(jobs, 0, sizeof(jobs));
        for (unsigned i = 0; i < count; i++) {
            weights += make(i, SCHED_CLASS_FAIR, (s8)((s8)rnd_below(11) - 5))->weight;
        }
        start(&c, count);
        simulate(&c, count, 0, 10 * NSEC_PER_SEC);
        for (unsigned i = 0; i < count; i++) {
            double share = (double)threads[i].run_time / (10.0 * NSEC_PER_SEC);
            double wanted = (double)threads[i].weight / (double)weights;

            OK(share > wanted * 0.95 - 0.002 && share < wanted * 1.05 + 0.002);
        }
    }
}

/* Sleepers neither starve nor starve the others, and wake up to little delay. */
static void test_fair_with_sleepers(void)
{
    struct cpu_model c;
    nsec_t hogs_least = ~0ull, hogs_most = 0;

    memset(jobs, 0, sizeof(jobs));
    for (unsigned i = 0; i < 8; i++) {
        make(i, SCHED_CLASS_FAIR, 0);
        jobs[i].sleeps = i >= 4;
    }
    start(&c, 8);
    simulate(&c, 8, 0, 20 * NSEC_PER_SEC);
    for (unsigned i = 0; i < 4; i++) {
        hogs_least = MIN(hogs_least, threads[i].run_time);
        hogs_most = MAX(hogs_most, threads[i].run_time);
    }
    OK(hogs_most - hogs_least < hogs_most / 10);
    for (unsigned i = 4; i < 8; i++) {
        OK(threads[i].run_time > NSEC_PER_SEC / 10);
        OK(threads[i].run_time <= hogs_most + hogs_most / 10);
    }
    OK(hogs_least > 20 * NSEC_PER_SEC / 8 - NSEC_PER_SEC / 5);
}

/* Stronger classes are never kept waiting by weaker ones. */
static void test_class_strictness(void)
{
    struct cpu_model c;

    memset(jobs, 0, sizeof(jobs));
    for (unsigned i = 0; i < 12; i++) {
        make(i, (enum sched_class)(i % SCHED_CLASSES), 0);
        jobs[i].sleeps = i % SCHED_CLASSES != SCHED_CLASS_IDLE;
    }
    start(&c, 12);
    for (nsec_t now = 0; now < 5 * NSEC_PER_SEC; now += 50 * NSEC_PER_USEC) {
        const struct thread *first;

        wake_sleepers(&c, 12, now);
        tick(&c, now);
        first = runq_peek(&c.q);
        OK(first == NULL || (c.current != NULL && c.current->class <= first->class));
    }
    runq_check(&c.q);
}

/* Threads that move between two queues keep their place: nobody gains or loses by it. */
static void test_migration(void)
{
    struct cpu_model c[2];
    nsec_t least = ~0ull, most = 0;

    memset(jobs, 0, sizeof(jobs));
    runq_init(&c[0].q);
    runq_init(&c[1].q);
    c[1].q.min_vruntime = 1ull << 63; /* queues of different age */
    for (unsigned i = 0; i < 6; i++) {
        runq_put(&c[i & 1].q, make(i, SCHED_CLASS_FAIR, 0), RUNQ_MOVED, 0);
    }
    pick(&c[0], 0);
    pick(&c[1], 0);
    for (nsec_t now = 0; now < 10 * NSEC_PER_SEC; now += 50 * NSEC_PER_USEC) {
        tick(&c[0], now);
        tick(&c[1], now);
        if (rnd_below(100) == 0) {
            for (unsigned from = 0; from < 2; from++) {
                struct thread *t = runq_peek(&c[from].q);

                runq_remove(&c[from].q, t);
                runq_leave(&c[from].q, t);
                OK((s64)t->vruntime < (s64)(20 * NSEC_PER_MSEC));
                OK((s64)t->vruntime > -(s64)(20 * NSEC_PER_MSEC));
                runq_put(&c[!from].q, t, RUNQ_MOVED, now);
            }
            runq_check(&c[0].q);
            runq_check(&c[1].q);
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        least = MIN(least, threads[i].run_time);
        most = MAX(most, threads[i].run_time);
    }
    OK(most - least < most / 10);
}

/* Puts, picks and removals at random, checked after each. */
static void test_random_operations(void)
{
    struct runq q;
    struct thread *running = NULL;
    nsec_t now = 0;

    runq_init(&q);
    for (unsigned i = 0; i < THREADS; i++) {
        make(i, (enum sched_class)rnd_below(SCHED_CLASSES), (s8)((s8)rnd_below(40) - 20));
    }
    for (unsigned step = 0; step < 20000; step++) {
        struct thread *t = &threads[rnd_below(THREADS)];

        now += rnd_below(NSEC_PER_MSEC);
        if (running != NULL) {
            u64 min = q.min_vruntime;

            runq_account(&q, running, now);
            OK((s64)(q.min_vruntime - min) >= 0);
            if (rnd_below(2) == 0) {
                runq_put(&q, running, rnd_below(2) == 0 ? RUNQ_BACK : RUNQ_YIELDS, now);
            } else {
                runq_leave(&q, running);
            }
            running = NULL;
        } else if (t->queued && rnd_below(2) == 0) {
            runq_remove(&q, t);
            runq_leave(&q, t);
        } else if (!t->queued) {
            runq_put(&q, t, rnd_below(2) == 0 ? RUNQ_WOKEN : RUNQ_MOVED, now);
        } else {
            const struct thread *first = runq_peek(&q);

            running = runq_pick(&q, now);
            OK(running == first);
        }
        runq_check(&q);
    }
}

static void test_check(void)
{
    struct runq q;

    runq_init(&q);
    for (unsigned i = 0; i < 3; i++) {
        runq_put(&q, make(i, SCHED_CLASS_FAIR, 0), RUNQ_MOVED, 0);
    }
    runq_check(&q);
    threads[0].vruntime = 1; /* the front is not the least any more */
    OK(EXPECT_BUG(runq_check(&q)));
    threads[0].vruntime = 0;
    q.count = 2;
    OK(EXPECT_BUG(runq_check(&q)));
    q.count = 3;
    q.classes = 0;
    OK(EXPECT_BUG(runq_check(&q)));
    q.classes = 1u << SCHED_CLASS_FAIR;
    threads[2].queued = false;
    OK(EXPECT_BUG(runq_check(&q)));
    OK(EXPECT_BUG(runq_put(&q, &threads[1], RUNQ_BACK, 0)));
}

/* ---- Collectors' threads ------------------------------------------------------------ */

static void test_turns(void)
{
    static const enum role roles[] = {ROLE_MUTATOR, ROLE_COMPILER, ROLE_UNNAMED, ROLE_NONE,
                                      ROLE_GC_CONCURRENT};
    struct runq q;

    runq_init(&q);
    for (unsigned i = 0; i < ARRAY_SIZE(roles); i++) {
        make(i, SCHED_CLASS_FAIR, 0)->role = (u8)roles[i];
        threads[i].vruntime = 100 - i;
        runq_put(&q, &threads[i], RUNQ_MOVED, 0);
    }
    /* Those that must stop, the one that ran least first, each once in a round. */
    OK(runq_pick_turn(&q, 1, 0) == &threads[4]);
    runq_put(&q, &threads[4], RUNQ_BACK, 0);
    OK(runq_pick_turn(&q, 1, 0) == &threads[2]);
    OK(runq_pick_turn(&q, 1, 0) == &threads[0]);
    OK(!runq_has_turn(&q, 1) && runq_pick_turn(&q, 1, 0) == NULL);
    OK(runq_has_turn(&q, 2));
    /* What goes before them all is not in their way. */
    runq_put(&q, make(9, SCHED_CLASS_GC, 0), RUNQ_MOVED, 0);
    OK(runq_pick_turn(&q, 2, 0) == NULL && runq_pick(&q, 0) == &threads[9]);
    OK(runq_pick_turn(&q, 2, 0) == &threads[4]);
    runq_check(&q);
}

/* One of each: what FAIR gets of a second in slices. */
static void test_gc_is_held(void)
{
    nsec_t had[2] = {0, 0}, now = 0;
    struct thread *current;
    struct runq q;

    runq_init(&q);
    runq_put(&q, make(0, SCHED_CLASS_GC, 0), RUNQ_MOVED, now);
    runq_put(&q, make(1, SCHED_CLASS_FAIR, 0), RUNQ_MOVED, now);
    current = runq_pick(&q, now);
    OK(current == &threads[0] && runq_contended(&q, SCHED_CLASS_GC));
    for (unsigned slice = 0; slice < 1000; slice++) {
        now += SLICE;
        had[current->tid] += SLICE;
        runq_account(&q, current, now);
        if (runq_should_preempt(&q, current, runq_peek(&q)) || runq_should_rotate(&q, current)) {
            runq_put(&q, current, RUNQ_BACK, now);
            current = runq_pick(&q, now);
        }
        runq_check(&q);
    }
    OK(had[1] * 25 >= now && had[1] * 16 <= now);
    /* Nobody waits: nothing is owed. */
    runq_init(&q);
    q.gc_ahead = GC_AHEAD / 2;
    threads[0].queued = false;
    runq_account(&q, &threads[0], now + 1);
    EQ(q.gc_ahead, 0);
}

static void test_names(void)
{
    EQ(role_of_name("VM Thread"), ROLE_VM);
    EQ(role_of_name("VM Threads"), ROLE_UNNAMED);
    EQ(role_of_name("GC Thread#17"), ROLE_GC_PAUSE);
    EQ(role_of_name("G1 Refine#0"), ROLE_GC_CONCURRENT);
    EQ(role_of_name("Shenandoah Cont"), ROLE_GC_CONCURRENT);
    EQ(role_of_name("C2 CompilerThre"), ROLE_COMPILER);
    EQ(role_of_name("VM Periodic Tas"), ROLE_NONE);
    EQ(role_of_name("main"), ROLE_UNNAMED);
    EQ(role_of_name(""), ROLE_UNNAMED);
}

int main(void)
{
    run("a step of nice is a factor of 1.25", test_weights);
    run("classes are served in order", test_classes);
    run("a walk sees all in order", test_walk);
    run("who yields lets the other go first", test_yield);
    run("sleepers are placed", test_sleeper_is_placed);
    run("a hand-over needs the better claim", test_run_woken);
    run("what a thread waited goes with it", test_taken_away);
    run("class and nice change anywhere", test_policy_change);
    run("shares follow the weights", test_fair_shares);
    run("sleepers and hogs share", test_fair_with_sleepers);
    run("classes are strict over time", test_class_strictness);
    run("migration is neither gain nor loss", test_migration);
    run("random operations keep the invariants", test_random_operations);
    run("turns go to those that must stop", test_turns);
    run("a collector's threads leave a part to others", test_gc_is_held);
    run("names give roles", test_names);
    run("the check notices broken invariants", test_check);
    return finish();
}
