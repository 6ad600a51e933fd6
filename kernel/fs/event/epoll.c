/* SPDX-License-Identifier: MIT */
/*
 * epoll(7): instances, and epoll_ctl(2).
 *
 * An item is a watch of a file, in a tree by descriptor and file, and an entry
 * of the ready queue.  It does not count the file; see epoll_file.c.
 *
 * Of the instances that have a file with EPOLLEXCLUSIVE, those are told that come
 * before one who had somebody to wake (poll.c).  EPOLLWAKEUP has no meaning without
 * suspend.
 */
#include "epoll_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3 };
#define EXCLUSIVE_OK (POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* ---- Items ---------------------------------------------------------------------- */

bool epoll_wake_one(struct epoll *ep)
{
    struct thread *thread;
    bool irq;

    /* The look is ordered after the push by its fence. */
    if (__atomic_load_n(&ep->waiters.next, __ATOMIC_RELAXED) == &ep->waiters) {
        return false;
    }
    irq = spin_lock(&ep->lock);
    thread = event_choose(&ep->waiters, (u64)-1);
    spin_unlock(&ep->lock, irq);
    if (thread != NULL) {
        (void)sched_wake(thread);
    }
    return thread != NULL;
}

/* The file has changed.  Below the lock of its source. */
static void told(struct poll_watch *watch, u32 events)
{
    struct epoll_item *item = container_of(watch, struct epoll_item, watch);
    struct epoll *ep = item->epoll;

    if ((events & atomic_load_explicit(&item->events, memory_order_relaxed)) == 0) {
        return;
    }
    if (epoll_ready_push(&ep->ready, &item->entry)) {
        watch->took = epoll_wake_one(ep);
    }
    /* Also if it was queued: it may have been looked at, and be there for the next look. */
    poll_notify_nested(&ep->source, POLLIN | POLLRDNORM, watch->source->nested);
}

u32 epoll_item_poll(const struct epoll_item *item)
{
    u32 wanted = atomic_load_explicit(&item->events, memory_order_relaxed) & ~EPOLL_FLAGS;

    return wanted == 0 ? 0 : file_poll(item->file) & wanted;
}

static int compare(const struct epoll_item *item, const struct file *file, int fd)
{
    if (fd != item->fd) {
        return fd < item->fd ? -1 : 1;
    }
    return file == item->file ? 0 : file < item->file ? -1 : 1;
}

static struct epoll_item *item_of(struct rb_node *node)
{
    return container_of(node, struct epoll_item, node);
}

static struct epoll_item *epoll_find(struct epoll *ep, struct file *file, int fd)
{
    struct rb_node *node = ep->items.root;

    while (node != NULL) {
        int order = compare(item_of(node), file, fd);

        if (order == 0) {
            return item_of(node);
        }
        node = node->child[order > 0];
    }
    return NULL;
}

static void link_item(struct epoll *ep, struct epoll_item *item)
{
    struct rb_node *parent = NULL, *node = ep->items.root;
    int side = 0;

    while (node != NULL) {
        parent = node;
        side = compare(item_of(node), item->file, item->fd) > 0;
        node = node->child[side];
    }
    rb_link(&ep->items, parent, side, &item->node);
}

static u32 wanted_of(const struct epoll_event *event)
{
    return (event->events & ~EPOLLWAKEUP) | POLLERR | POLLHUP;
}

/* Queues the item if it is ready; mutex held.  True: somebody is to be told. */
static bool look_at(struct epoll *ep, struct epoll_item *item)
{
    if (epoll_item_poll(item) == 0) {
        return false;
    }
    epoll_ready_again(&ep->ready, &item->entry);
    return true;
}

static void tell(struct epoll *ep)
{
    (void)epoll_wake_one(ep);
    poll_notify_quick(&ep->source, POLLIN | POLLRDNORM);
}

int epoll_insert(struct epoll *ep, struct file *file, int fd, const struct epoll_event *event)
{
    struct epoll_item *item = kmalloc(sizeof(*item));
    struct poll_source *source = event_file_source(file);

    if (item == NULL) {
        return -ENOMEM;
    }
    *item = (struct epoll_item){.epoll = ep, .file = file, .fd = fd, .data = event->data};
    epoll_entry_init(&item->entry);
    atomic_store_explicit(&item->events, wanted_of(event), memory_order_relaxed);
    link_item(ep, item);
    epoll_file_add(item);
    item->watch.exclusive = (event->events & EPOLLEXCLUSIVE) != 0;
    if (source != NULL) {
        poll_watch_add(source, &item->watch, told);
    }
    return look_at(ep, item);
}

void epoll_remove(struct epoll *ep, struct epoll_item *item)
{
    if (item->watch.source != NULL) {
        poll_watch_remove(&item->watch);
    }
    epoll_ready_remove(&ep->ready, &item->entry);
    rb_remove(&ep->items, &item->node);
    epoll_file_remove(item);
    kfree(item);
}

static int modify(struct epoll *ep, struct epoll_item *item, const struct epoll_event *event)
{
    u32 old = atomic_load_explicit(&item->events, memory_order_relaxed), wanted = wanted_of(event);

    if (((old | event->events) & EPOLLEXCLUSIVE) != 0) {
        return -EINVAL;
    }
    item->data = event->data;
    atomic_store_explicit(&item->events, wanted, memory_order_relaxed);
    if ((wanted & ~old) != 0) {
        /* What happens after the look below finds what is newly wanted. */
        atomic_thread_fence(memory_order_seq_cst);
    }
    return look_at(ep, item);
}

/* ---- The instance ---------------------------------------------------------------- */

void epoll_put(struct epoll *ep)
{
    if (atomic_fetch_sub_explicit(&ep->references, 1, memory_order_acq_rel) == 1) {
        kfree(ep);
    }
}

static void epoll_release(struct file *file)
{
    struct epoll *ep = file->priv;
    struct rb_node *node;

    mutex_lock(&ep->mutex);
    while ((node = rb_first(&ep->items)) != NULL) {
        epoll_remove(ep, item_of(node));
    }
    mutex_unlock(&ep->mutex);
    epoll_put(ep);
}

static struct poll_source *epoll_source(struct file *file)
{
    return &((struct epoll *)file->priv)->source;
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll,
    .source = epoll_source,
    .release = epoll_release,
};

struct epoll *epoll_of(struct file *file)
{
    return file->ops == &epoll_ops ? file->priv : NULL;
}

static int epoll_new(struct file **file)
{
    struct epoll *ep = kzalloc(sizeof(*ep));
    int err;

    if (ep == NULL) {
        return -ENOMEM;
    }
    mutex_init(&ep->mutex, "epoll");
    epoll_ready_init(&ep->ready);
    spinlock_init(&ep->lock, "epoll waiters", RANK_WAIT);
    list_init(&ep->waiters);
    poll_source_init_nested(&ep->source, "epoll watches");
    atomic_store_explicit(&ep->references, 1, memory_order_relaxed);
    err = file_new(&epoll_ops, "anon_inode:[eventpoll]", O_RDWR, ep, file);
    if (err != 0) {
        kfree(ep);
        return err;
    }
    ep->file = *file;
    return 0;
}

/* ---- System calls ------------------------------------------------------------------ */

s64 sys_epoll_create1(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file;
    int err;

    if (((u32)a0 & ~O_CLOEXEC) != 0) {
        return -EINVAL;
    }
    err = epoll_new(&file);
    return err != 0 ? err : event_install(file, ((u32)a0 & O_CLOEXEC) != 0);
}

s64 sys_epoll_create(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return (int)a0 <= 0 ? -EINVAL : sys_epoll_create1(0, 0, 0, 0, 0, 0);
}

/* Under the mutex: 0, 1 (somebody is to be told) or -errno. */
static int change(struct epoll *ep, int op, struct file *file, int fd,
                  const struct epoll_event *event)
{
    struct epoll_item *item = epoll_find(ep, file, fd);

    switch (op) {
    case EPOLL_CTL_ADD:
        return item != NULL ? -EEXIST : epoll_insert(ep, file, fd, event);
    case EPOLL_CTL_MOD:
        return item == NULL ? -ENOENT : modify(ep, item, event);
    default:
        if (item == NULL) {
            return -ENOENT;
        }
        epoll_remove(ep, item);
        return 0;
    }
}

static int check(struct file *self, int op, struct file *file, const struct epoll_event *event)
{
    if (file->ops == NULL || file->ops->poll == NULL) {
        return -EPERM;
    }
    if (file == self || epoll_of(self) == NULL || op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD) {
        return -EINVAL;
    }
    if (op == EPOLL_CTL_DEL || (event->events & EPOLLEXCLUSIVE) == 0) {
        return 0;
    }
    if (op == EPOLL_CTL_MOD || epoll_of(file) != NULL || (event->events & ~EXCLUSIVE_OK) != 0) {
        return -EINVAL;
    }
    return 0;
}

/* The change under the mutex, and what follows: 0 or -errno. */
static int change_and_tell(struct epoll *ep, int op, struct file *file, int fd,
                           const struct epoll_event *event)
{
    int result;

    mutex_lock(&ep->mutex);
    result = change(ep, op, file, fd, event);
    mutex_unlock(&ep->mutex);
    if (result > 0) {
        tell(ep);
        result = 0;
    }
    return result;
}

/*
 * MOD and DEL of a file that the instance has, which need not be counted: its end
 * waits for the mutex to take the item out (epoll_forget_file).  -ENOENT: it has not.
 */
static int control_known(struct file *self, int op, int fd, const struct epoll_event *event)
{
    if (epoll_of(self) == NULL || (op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)) {
        return -ENOENT;
    }
    return change_and_tell(epoll_of(self), op, fd_peek(fd), fd, event);
}

static int control(struct file *self, int op, struct file *file, int fd,
                   const struct epoll_event *event)
{
    int result = check(self, op, file, event);
    bool nests = op == EPOLL_CTL_ADD && epoll_of(file) != NULL;
    struct epoll *ep = epoll_of(self);

    if (result == 0 && nests) {
        result = epoll_nest_begin(ep, file);
    }
    if (result != 0) {
        return result;
    }
    result = change_and_tell(ep, op, file, fd, event);
    if (nests) {
        epoll_nest_end(file);
    }
    return result;
}

s64 sys_epoll_ctl(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct epoll_event event = {0, 0};
    struct file *self, *file;
    int result;

    if ((int)a1 != EPOLL_CTL_DEL && user_read(&event, (const void *)a3, sizeof(event)) != 0) {
        return -EFAULT;
    }
    self = fd_get((int)a0);
    if (self == NULL) {
        return -EBADF;
    }
    result = control_known(self, (int)a1, (int)a2, &event);
    if (result == -ENOENT) {
        file = fd_get((int)a2);
        result = file == NULL ? -EBADF : control(self, (int)a1, file, (int)a2, &event);
        if (file != NULL) {
            file_put(file);
        }
    }
    file_put(self);
    return result;
}
