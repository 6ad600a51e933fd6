/* SPDX-License-Identifier: MIT */
/*
 * Run-queue policy.  Classes are strict; all but FAIR are served in order of
 * arrival, with slices.  FAIR threads run in the order of their virtual run
 * time: time on the CPU, scaled by 1024 / weight.  A step of nice changes
 * the weight by a factor of 1.25, and with it the share.
 *
 * min_vruntime follows the least vruntime of those that run or wait.  Who
 * slept is placed at most WAKEUP_CREDIT behind it: early enough to run soon,
 * not so early that years of sleep turn into years of running.  Who yields
 * gives up any lead over the next one, else it would be picked again.
 *
 * The GC class goes before FAIR, but not for ever: when it has run for GC_AHEAD
 * with FAIR threads waiting, these go first until they have had their part.
 * A program that gives its threads the names of a collector's gains that much.
 *
 * Costs: with at most one thread queued no tree is walked; a charge is one
 * multiplication.  A deadline scheduler (EEVDF) was rejected for now: the
 * latency that a JVM needs is for the GC classes, which do not wait at all.
 */
#include "runq_priv.h"

#include <kernel/assert.h>
#include <kernel/role.h>

/* 1024 * 1.25^-nice, for nice -20 .. 19. */
static const u32 weights[40] = {
    88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921, 9537, 7629, 6104, 4883,
    3906,  3125,  2500,  2000,  1600,  1280,  1024,  819,   655,   524,   419,  336,  268,  215,
    172,   137,   110,   88,    70,    56,    45,    36,    29,    23,    18,   15,
};

#define INVERSE_SHIFT 22

static s64 vruntime_diff(const struct thread *a, const struct thread *b)
{
    return (s64)(a->vruntime - b->vruntime);
}

static struct thread *thread_of(const struct rb_node *node)
{
    return node != NULL ? container_of(node, struct thread, rq_node) : NULL;
}

void runq_init(struct runq *q)
{
    *q = (struct runq){.count = 0};
    for (unsigned i = 0; i < SCHED_CLASSES; i++) {
        list_init(&q->fifo[i]);
    }
}

/* Class, nice and what follows from them. */
static void set_policy(struct thread *t, enum sched_class class, s8 nice)
{
    u32 weight = weights[nice + 20];

    t->class = class;
    t->nice = nice;
    t->weight = weight;
    t->inverse_weight = (u32)(((u64)WEIGHT_NICE_0 << INVERSE_SHIFT) / weight);
}

void runq_apply_policy(struct thread *t)
{
    u32 policy = atomic_load_explicit(&t->policy, memory_order_relaxed);

    set_policy(t, (enum sched_class)(policy & 0xff), (s8)(policy >> 8));
}

void runq_change_policy(struct runq *q, struct thread *t)
{
    runq_leave(q, t);
    runq_apply_policy(t);
    if (t->class == SCHED_CLASS_FAIR) {
        t->vruntime += q->min_vruntime;
    }
}

/* ---- The FAIR class ------------------------------------------------------- */

static void tree_insert(struct runq *q, struct thread *t)
{
    struct rb_node *parent = NULL, *node = q->fair.root;
    int side = 0;

    while (node != NULL) {
        parent = node;
        side = vruntime_diff(t, thread_of(node)) >= 0;
        node = node->child[side];
    }
    rb_link(&q->fair, parent, side, &t->rq_node);
}

/* The tree's first becomes the front. */
static void refill_front(struct runq *q)
{
    struct rb_node *first = rb_first(&q->fair);

    q->front = thread_of(first);
    if (first != NULL) {
        rb_remove(&q->fair, first);
    }
}

static void fair_insert(struct runq *q, struct thread *t)
{
    if (q->front == NULL) {
        q->front = t;
    } else if (vruntime_diff(t, q->front) < 0) {
        tree_insert(q, q->front);
        q->front = t;
    } else {
        tree_insert(q, t);
    }
    q->fair_count++;
}

static void fair_remove(struct runq *q, struct thread *t)
{
    q->fair_count--;
    if (t != q->front) {
        rb_remove(&q->fair, &t->rq_node);
    } else if (q->fair_count == 0) {
        q->front = NULL;
    } else {
        refill_front(q);
    }
}

static void place_woken(struct runq *q, struct thread *t, nsec_t now)
{
    s64 slept = (s64)(now - t->ran_since), lag = (s64)t->vruntime;

    lag -= MAX(slept, 0);
    t->vruntime = q->min_vruntime + (u64)MAX(lag, -(s64)WAKEUP_CREDIT);
}

/* Gives the thread its absolute vruntime. */
static void fair_place(struct runq *q, struct thread *t, enum runq_put how, nsec_t now)
{
    if (how == RUNQ_WOKEN) {
        place_woken(q, t, now);
    } else if (how == RUNQ_MOVED) {
        t->vruntime += q->min_vruntime;
    } else if (how == RUNQ_YIELDS && q->front != NULL && vruntime_diff(q->front, t) > 0) {
        t->vruntime = q->front->vruntime;
    }
}

/* ---- All classes ---------------------------------------------------------- */

void runq_put(struct runq *q, struct thread *t, enum runq_put how, nsec_t now)
{
    assert(!t->queued);
    if (t->class == SCHED_CLASS_FAIR) {
        fair_place(q, t, how, now);
        fair_insert(q, t);
    } else {
        list_push_back(&q->fifo[t->class], &t->rq_link);
    }
    t->queued = true;
    t->queued_at = now;
    q->classes |= 1u << t->class;
    q->count++;
}

void runq_remove(struct runq *q, struct thread *t)
{
    bool last;

    assert(t->queued);
    if (t->class == SCHED_CLASS_FAIR) {
        fair_remove(q, t);
        last = q->fair_count == 0;
    } else {
        list_remove(&t->rq_link);
        last = list_empty(&q->fifo[t->class]);
    }
    t->queued = false;
    q->count--;
    if (last) {
        q->classes &= ~(1u << t->class);
    }
}

void runq_leave(struct runq *q, struct thread *t)
{
    if (t->class == SCHED_CLASS_FAIR) {
        t->vruntime -= q->min_vruntime;
    }
}

void runq_take_away(struct runq *q, struct thread *t, nsec_t now)
{
    runq_remove(q, t);
    runq_leave(q, t);
    t->wait_time += MAX((s64)(now - t->queued_at), 0);
}

/* Lower goes first. */
static unsigned rank(const struct runq *q, enum sched_class class)
{
    return q->gc_held && class == SCHED_CLASS_GC ? 2 * SCHED_CLASS_FAIR + 1 : 2 * class;
}

struct thread *runq_peek(const struct runq *q)
{
    u32 classes = q->classes;
    unsigned class;

    if (classes == 0) {
        return NULL;
    }
    if (unlikely(q->gc_held) && (classes >> SCHED_CLASS_FAIR & 1) != 0) {
        classes &= ~(1u << SCHED_CLASS_GC);
    }
    class = (unsigned)__builtin_ctz(classes);
    if (class == SCHED_CLASS_FAIR) {
        return q->front;
    }
    return list_entry(q->fifo[class].next, struct thread, rq_link);
}

static void begin_run(struct thread *t, nsec_t now)
{
    t->wait_time += MAX((s64)(now - t->queued_at), 0);
    t->ran_since = now;
}

struct thread *runq_pick(struct runq *q, nsec_t now)
{
    struct thread *t = runq_peek(q);

    if (t != NULL) {
        runq_remove(q, t);
        begin_run(t, now);
    }
    return t;
}

bool runq_run_woken(struct runq *q, struct thread *t, nsec_t now)
{
    const struct thread *first = runq_peek(q);
    u64 vruntime = t->vruntime;

    if (first != NULL && rank(q, first->class) <= rank(q, t->class) &&
        (first->class != t->class || t->class != SCHED_CLASS_FAIR)) {
        return false;
    }
    if (t->class == SCHED_CLASS_FAIR) {
        place_woken(q, t, now);
        if (first != NULL && first->class == SCHED_CLASS_FAIR && vruntime_diff(first, t) < 0) {
            t->vruntime = vruntime;
            return false;
        }
    }
    t->queued_at = now;
    begin_run(t, now);
    return true;
}

/* The first queued thread of class `class` or a lower one. */
static struct thread *first_from(const struct runq *q, unsigned class)
{
    for (; class < SCHED_CLASSES; class ++) {
        if (class == SCHED_CLASS_FAIR && q->front != NULL) {
            return q->front;
        }
        if (class != SCHED_CLASS_FAIR && !list_empty(&q->fifo[class])) {
            return list_entry(q->fifo[class].next, struct thread, rq_link);
        }
    }
    return NULL;
}

struct thread *runq_next(const struct runq *q, const struct thread *t)
{
    struct rb_node *node;

    if (t == NULL) {
        return first_from(q, 0);
    }
    if (t->class != SCHED_CLASS_FAIR) {
        if (t->rq_link.next != &q->fifo[t->class]) {
            return list_entry(t->rq_link.next, struct thread, rq_link);
        }
        return first_from(q, t->class + 1);
    }
    node = t == q->front ? rb_first(&q->fair) : rb_next(&t->rq_node);
    return node != NULL ? thread_of(node) : first_from(q, SCHED_CLASS_FAIR + 1);
}

/* ---- Turns ---------------------------------------------------------------- */

bool runq_stops(const struct thread *t)
{
    u32 role = atomic_load_explicit(&t->role, memory_order_relaxed);

    return t->class == SCHED_CLASS_FAIR &&
           (role == ROLE_MUTATOR || role == ROLE_UNNAMED || role == ROLE_GC_CONCURRENT);
}

/* In the order of their run times.  Who had a turn is passed over: rarely many. */
static struct thread *find_turn(const struct runq *q, u32 round)
{
    for (struct thread *t = q->front; t != NULL && t->class == SCHED_CLASS_FAIR;
         t = runq_next(q, t)) {
        if (t->turn != round && runq_stops(t)) {
            return t;
        }
    }
    return NULL;
}

bool runq_has_turn(const struct runq *q, u32 round)
{
    return find_turn(q, round) != NULL;
}

struct thread *runq_pick_turn(struct runq *q, u32 round, nsec_t now)
{
    const struct thread *first = runq_peek(q);
    struct thread *t;

    if (first == NULL || first->class < SCHED_CLASS_FAIR) {
        return NULL;
    }
    t = find_turn(q, round);
    if (t != NULL) {
        runq_remove(q, t);
        begin_run(t, now);
        t->turn = round;
    }
    return t;
}

/* ---- Time ----------------------------------------------------------------- */

static void advance_min(struct runq *q, const struct thread *current)
{
    u64 least = current->vruntime;

    if (q->front != NULL && (s64)(q->front->vruntime - least) < 0) {
        least = q->front->vruntime;
    }
    if ((s64)(least - q->min_vruntime) > 0) {
        q->min_vruntime = least;
    }
}

/* Release and acquire: pairs with own_run_time(). */
static void count_charge(struct thread *t)
{
    u32 charges = atomic_load_explicit(&t->charges, memory_order_relaxed);

    atomic_store_explicit(&t->charges, charges + 1, memory_order_release);
    atomic_thread_fence(memory_order_acq_rel);
}

/* The running thread of that class has run for so long. */
static void account_gc(struct runq *q, enum sched_class class, nsec_t ran)
{
    if (class == SCHED_CLASS_GC) {
        q->gc_ahead = q->fair_count != 0 ? MIN(q->gc_ahead + ran, GC_AHEAD) : 0;
    } else if (class == SCHED_CLASS_FAIR) {
        q->gc_ahead -= MIN(q->gc_ahead, ran * GC_PAYBACK);
    }
    q->gc_held = q->gc_ahead == GC_AHEAD || (q->gc_held && q->gc_ahead != 0);
}

void runq_account(struct runq *q, struct thread *current, nsec_t now)
{
    s64 ran = (s64)(now - current->ran_since);

    if (ran <= 0) {
        return; /* the clocks of two CPUs may differ by a little */
    }
    count_charge(current);
    current->ran_since = now;
    current->run_time += (u64)ran;
    count_charge(current);
    account_gc(q, current->class, (nsec_t)ran);
    if (current->class == SCHED_CLASS_FAIR) {
        current->vruntime +=
            (u64)(((unsigned __int128)(u64)ran * current->inverse_weight) >> INVERSE_SHIFT);
        advance_min(q, current);
    }
}

bool runq_should_preempt(const struct runq *q, const struct thread *current,
                         const struct thread *woken)
{
    if (woken->class != current->class) {
        return rank(q, woken->class) < rank(q, current->class);
    }
    return woken->class == SCHED_CLASS_FAIR &&
           vruntime_diff(current, woken) > (s64)WAKEUP_GRANULARITY;
}

bool runq_should_rotate(const struct runq *q, const struct thread *current)
{
    const struct thread *next = runq_peek(q);

    if (next == NULL || rank(q, next->class) > rank(q, current->class)) {
        return false;
    }
    return next->class != current->class || next->class != SCHED_CLASS_FAIR ||
           vruntime_diff(next, current) < 0;
}

bool runq_contended(const struct runq *q, enum sched_class class)
{
    u32 others = (2u << class) - 1;

    if (class == SCHED_CLASS_GC) {
        others |= 1u << SCHED_CLASS_FAIR; /* whom it may not keep waiting for ever */
    }
    return (q->classes & others) != 0;
}

/* ---- Checks --------------------------------------------------------------- */

static void check_fair(const struct runq *q)
{
    const struct thread *before = q->front;
    unsigned count = q->front != NULL;

    rb_check(&q->fair);
    for (struct rb_node *n = rb_first(&q->fair); n != NULL; n = rb_next(n)) {
        BUG_ON(before == NULL || vruntime_diff(before, thread_of(n)) > 0);
        before = thread_of(n);
        count++;
    }
    BUG_ON(count != q->fair_count);
    BUG_ON((count != 0) != ((q->classes >> SCHED_CLASS_FAIR & 1) != 0));
}

void runq_check(const struct runq *q)
{
    unsigned count = 0;

    check_fair(q);
    BUG_ON(q->gc_ahead > GC_AHEAD || (q->gc_held && q->gc_ahead == 0));
    for (unsigned class = 0; class < SCHED_CLASSES; class ++) {
        if (class != SCHED_CLASS_FAIR) {
            BUG_ON(list_empty(&q->fifo[class]) == ((q->classes >> class & 1) != 0));
        }
    }
    for (struct thread *t = runq_next(q, NULL); t != NULL; t = runq_next(q, t)) {
        BUG_ON(!t->queued);
        BUG_ON(t->weight != weights[t->nice + 20]);
        count++;
    }
    BUG_ON(count != q->count);
}
