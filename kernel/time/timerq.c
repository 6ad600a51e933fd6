/* SPDX-License-Identifier: MIT */
/*
 * The queue of timers: a red-black tree with the earliest one at hand, since
 * that one is asked for all the time.  A wheel was rejected: it rounds, and
 * wants a tick; a kernel that hosts one JVM has hundreds of timers, not
 * millions.
 *
 * Threads with a period, as those of a collector, start their timer anew soon after it has fired,
 * with a deadline that lies as far away as the last time, but for what they did meanwhile.  If
 * that was so twice, the next deadline can be guessed, and the interrupt that fires the timer can
 * program the hardware for it.
 */
#include "timerq_priv.h"

#include <kernel/assert.h>

static struct timer *timer_of(const struct rb_node *node)
{
    return node != NULL ? container_of(node, struct timer, node) : NULL;
}

void timerq_init(struct timerq *q)
{
    *q = (struct timerq){.first = NULL};
}

void timerq_set(struct timer *timer, nsec_t deadline, nsec_t slack)
{
    nsec_t period = timer->fired != 0 && deadline > timer->fired ? deadline - timer->fired : 0;
    nsec_t off = period > timer->period ? period - timer->period : timer->period - period;

    assert(!timer->queued);
    timer->regular = period != 0 && off <= slack / 4;
    timer->period = period;
    timer->fired = 0;
    timer->deadline = deadline;
    timer->latest = deadline + slack;
}

void timerq_insert(struct timerq *q, struct timer *timer)
{
    struct rb_node *parent = NULL, *node = q->tree.root;
    bool leftmost = true;
    int side = 0;

    assert(!timer->queued);
    while (node != NULL) {
        parent = node;
        side = timer->latest >= timer_of(node)->latest;
        leftmost = leftmost && side == 0;
        node = node->child[side];
    }
    rb_link(&q->tree, parent, side, &timer->node);
    timer->queued = true;
    q->count++;
    if (leftmost) {
        q->first = timer;
    }
}

void timerq_remove(struct timerq *q, struct timer *timer)
{
    assert(timer->queued);
    if (q->first == timer) {
        q->first = timer_of(rb_next(&timer->node));
    }
    rb_remove(&q->tree, &timer->node);
    timer->queued = false;
    q->count--;
}

struct timer *timerq_pop_due(struct timerq *q, nsec_t now)
{
    struct timer *first = q->first;

    if (first == NULL || first->deadline > now) {
        return NULL;
    }
    timerq_remove(q, first);
    first->fired = now;
    return first;
}

nsec_t timerq_guess(const struct timer *timer)
{
    nsec_t slack = timer->latest - timer->deadline;

    return timer->regular ? timer->fired + timer->period + slack / 2 : TIMER_NEVER;
}

nsec_t timerq_deadline(const struct timerq *q)
{
    return q->first != NULL ? q->first->latest : TIMER_NEVER;
}

void timerq_check(const struct timerq *q)
{
    const struct timer *before = NULL;
    unsigned count = 0;

    rb_check(&q->tree);
    BUG_ON(q->first != timer_of(rb_first(&q->tree)));
    for (struct rb_node *node = rb_first(&q->tree); node != NULL; node = rb_next(node)) {
        const struct timer *timer = timer_of(node);

        BUG_ON(!timer->queued);
        BUG_ON(timer->deadline > timer->latest);
        BUG_ON(before != NULL && before->latest > timer->latest);
        before = timer;
        count++;
    }
    BUG_ON(count != q->count);
}
