/* SPDX-License-Identifier: MIT */
/*
 * Epoll instances that watch epoll instances: no circles, and no chain longer
 * than five, as on Linux.
 *
 * The instances in instances make a graph that only epoll_ctl(ADD) of an
 * instance extends; nest_mutex serialises those.  Walking down takes the mutex
 * of each instance on the way, walking up the lock of the files' lists.
 */
#include "epoll_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>

#define CHAIN_MAX 5u

static struct mutex nest_mutex = {.queue = WAIT_QUEUE_INIT("nested epolls", nest_mutex.queue)};

/* Is some chain from here upwards longer than `left`?  fn of epoll_any_of_file(). */
static bool is_higher(struct epoll *ep, unsigned left)
{
    return left == 0 || epoll_any_of_file(ep->file, is_higher, left - 1);
}

/* How many instances the longest chain above has, this one counted. */
static unsigned height(struct epoll *ep)
{
    unsigned n = 0;

    while (is_higher(ep, n)) {
        n++;
    }
    return n;
}

/* The same below, not more than CHAIN_MAX + 1; that too if `top` is there. */
static unsigned depth(struct epoll *ep, const struct epoll *top, unsigned left)
{
    unsigned most = 0;

    if (ep == top || left == 0) {
        return CHAIN_MAX + 1;
    }
    mutex_lock(&ep->mutex);
    for (struct rb_node *node = rb_first(&ep->items); node != NULL; node = rb_next(node)) {
        struct epoll *inner = epoll_of(container_of(node, struct epoll_item, node)->file);

        if (inner != NULL) {
            most = MAX(most, depth(inner, top, left - 1));
        }
    }
    mutex_unlock(&ep->mutex);
    return MIN(most + 1, CHAIN_MAX + 1);
}

int epoll_nest_begin(struct epoll *ep, struct file *file)
{
    mutex_lock(&nest_mutex);
    if (depth(epoll_of(file), ep, CHAIN_MAX) + height(ep) > CHAIN_MAX) {
        mutex_unlock(&nest_mutex);
        return -ELOOP;
    }
    return 0;
}

void epoll_nest_end(struct file *file)
{
    mutex_unlock(&nest_mutex);
}

/* Is anything in the instance ready?  What is not leaves the queue. */
u32 epoll_poll(struct file *file)
{
    struct epoll *ep = file->priv;
    struct list batch;
    struct epoll_entry *entry;
    u32 events = 0;

    if (!epoll_ready_any(&ep->ready)) {
        return 0;
    }
    mutex_lock(&ep->mutex);
    epoll_ready_take(&ep->ready, &batch);
    while (events == 0 && (entry = epoll_ready_next(&batch)) != NULL) {
        if (epoll_item_poll(container_of(entry, struct epoll_item, entry)) != 0) {
            epoll_ready_again(&ep->ready, entry);
            events = POLLIN | POLLRDNORM;
        }
    }
    (void)epoll_ready_give_back(&ep->ready, &batch);
    mutex_unlock(&ep->mutex);
    return events;
}
