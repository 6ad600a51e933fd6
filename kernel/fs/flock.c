/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: flock(2), and fcntl(2)'s of the process and of an open file.
 *
 * With one process its own fcntl locks never exclude each other; they do
 * exclude, and are excluded by, those of open files (F_OFD_*).  flock(2)'s
 * live in a world of their own, as on Linux.
 *
 * All locks are under one mutex, and who waits for any waits in one queue:
 * locks on files are rare and held long.  A range that is set anew cuts what
 * the same owner had there; the pieces are allocated before anything changes.
 */
#include "flock_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/string.h>

#include "fs_priv.h"

/* (l) the mutex */
struct file_lock {
    struct list link;       /* (l) in inode->file_locks */
    struct file_lock *next; /* of spare ones */
    const void *owner;      /* (l) the file; NULL: the process */
    bool whole;             /* (l) flock(2)'s */
    bool write;             /* (l) */
    u64 start, end;         /* (l) first and last byte */
};

static struct {
    struct mutex lock;
    struct wait_queue changed; /* some lock has gone */
} flocks = {
    .lock = {.queue = WAIT_QUEUE_INIT("flocks", flocks.lock.queue)},
    .changed = WAIT_QUEUE_INIT("flock", flocks.changed),
};

static bool same_world(const struct file_lock *lock, const struct lock_range *range)
{
    return lock->whole == range->whole;
}

static struct file_lock *find_conflict(struct inode *inode, const struct lock_range *range)
{
    list_for_each (node, &inode->file_locks) {
        struct file_lock *lock = list_entry(node, struct file_lock, link);

        if (same_world(lock, range) && lock->owner != range->owner && lock->start <= range->end &&
            range->start <= lock->end && (lock->write || range->type == LOCK_WRITE)) {
            return lock;
        }
    }
    return NULL;
}

static void add(struct inode *inode, struct file_lock **spare, const struct lock_range *range,
                bool write, u64 start, u64 end)
{
    struct file_lock *lock = *spare;

    BUG_ON(lock == NULL); /* a piece that was cut off, and the new lock */
    *spare = lock->next;
    *lock = (struct file_lock){
        .owner = range->owner, .whole = range->whole, .write = write, .start = start, .end = end};
    list_push_back(&inode->file_locks, &lock->link);
}

/* Removes what the owner has in the range; pieces that stick out stay.  True: there was some. */
static bool cut(struct inode *inode, struct file_lock **spare, const struct lock_range *range)
{
    bool any = false;

    list_for_each_safe (node, &inode->file_locks) {
        struct file_lock *lock = list_entry(node, struct file_lock, link);

        if (!same_world(lock, range) || lock->owner != range->owner || lock->start > range->end ||
            range->start > lock->end) {
            continue;
        }
        any = true;
        if (lock->start < range->start && lock->end > range->end) {
            add(inode, spare, range, lock->write, range->end + 1, lock->end);
            lock->end = range->start - 1;
        } else if (lock->start < range->start) {
            lock->end = range->start - 1;
        } else if (lock->end > range->end) {
            lock->start = range->end + 1;
        } else {
            list_remove(&lock->link);
            kfree(lock);
        }
    }
    return any;
}

/* Two nodes: the lock itself, and the piece behind a range cut out of the middle. */
static struct file_lock *spare_nodes(void)
{
    struct file_lock *first = NULL;

    for (unsigned i = 0; i < 2; i++) {
        struct file_lock *node = kmalloc(sizeof(*node));

        if (node == NULL) {
            kfree(first);
            return NULL;
        }
        node->next = first;
        first = node;
    }
    return first;
}

static void free_spare(struct file_lock *spare)
{
    while (spare != NULL) {
        struct file_lock *next = spare->next;

        kfree(spare);
        spare = next;
    }
}

/*
 * 0, or -EAGAIN: somebody else has it.  flock(2)'s old lock goes before the new one is
 * looked for, as on Linux: two that share a lock and both want it alone would wait for
 * each other.
 */
static int try_lock(struct inode *inode, const struct lock_range *range, struct file_lock **spare)
{
    bool changed = false;
    int error = 0;

    mutex_lock(&flocks.lock);
    if (range->whole) {
        changed = cut(inode, spare, range);
    }
    if (range->type != LOCK_NONE && find_conflict(inode, range) != NULL) {
        error = -EAGAIN;
    } else {
        if (!range->whole) {
            changed = cut(inode, spare, range);
        }
        if (range->type != LOCK_NONE) {
            add(inode, spare, range, range->type == LOCK_WRITE, range->start, range->end);
        }
    }
    mutex_unlock(&flocks.lock);
    if (changed) {
        (void)wait_wake_all(&flocks.changed);
    }
    return error;
}

int file_lock_set(struct inode *inode, const struct lock_range *range, bool wait)
{
    struct file_lock *spare = spare_nodes();
    int error;

    if (spare == NULL) {
        return -ENOLCK;
    }
    for (;;) {
        struct waiter waiter;

        wait_begin(&flocks.changed, &waiter);
        error = try_lock(inode, range, &spare);
        if (error != -EAGAIN || !wait || signal_pending()) {
            wait_abort(&flocks.changed, &waiter);
            if (error == -EAGAIN && wait) {
                error = -ERESTARTSYS;
            }
            break;
        }
        /* A signal is seen by signal_pending() in the next round. */
        (void)wait_sleep_signal(&flocks.changed, &waiter, SCHED_NEVER);
    }
    free_spare(spare);
    return error;
}

void file_lock_test(struct inode *inode, struct lock_range *range)
{
    const struct file_lock *lock;

    mutex_lock(&flocks.lock);
    lock = find_conflict(inode, range);
    range->type = LOCK_NONE;
    if (lock != NULL) {
        *range = (struct lock_range){.owner = lock->owner,
                                     .type = lock->write ? LOCK_WRITE : LOCK_READ,
                                     .start = lock->start,
                                     .end = lock->end};
    }
    mutex_unlock(&flocks.lock);
}

static void drop(struct inode *inode, const void *owner, bool all)
{
    bool any = false;

    if (list_empty(&inode->file_locks)) {
        return;
    }
    mutex_lock(&flocks.lock);
    list_for_each_safe (node, &inode->file_locks) {
        struct file_lock *lock = list_entry(node, struct file_lock, link);

        if (lock->owner == owner && (all || !lock->whole)) {
            list_remove(&lock->link);
            kfree(lock);
            any = true;
        }
    }
    mutex_unlock(&flocks.lock);
    if (any) {
        (void)wait_wake_all(&flocks.changed);
    }
}

void file_locks_close(struct file *file)
{
    drop(file->inode, NULL, false);
}

void file_locks_release(struct file *file)
{
    drop(file->inode, file, true);
}
