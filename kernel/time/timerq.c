/* SPDX-License-Identifier: MIT */
/*
 * The queue of timers: a red-black tree with the earliest one at hand, since
 * that one is asked for all the time.  A wheel was rejected: it rounds, and
 * wants a tick; a kernel that hosts one JVM has hundreds of timers, not
 * millions.
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

void timerq_insert(struct timerq *q, struct timer *timer)
{
    struct rb_node *parent = NULL, *node = q->tree.root;
    bool leftmost = true;
    int side = 0;

    assert(!timer->queued);
    while (node != NULL) {
        parent = node;
        side = timer->deadline >= timer_of(node)->deadline;
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
    return first;
}

nsec_t timerq_deadline(const struct timerq *q)
{
    return q->first != NULL ? q->first->deadline : TIMER_NEVER;
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
        BUG_ON(before != NULL && before->deadline > timer->deadline);
        before = timer;
        count++;
    }
    BUG_ON(count != q->count);
}
