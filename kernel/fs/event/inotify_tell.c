/* SPDX-License-Identifier: MIT */
/*
 * fsnotify(), by which the file systems tell what happened (kernel/vfs.h has the
 * rules for them), to those who watch the inode: inotify.c.
 *
 * One lock for all of it.  Events are made by operations that take longer than
 * queueing one; and when nobody watches the inodes concerned, fsnotify() looks at
 * two list heads without it.
 */
#include <kernel/kmalloc.h>

#include "event_priv.h"
#include "inotify_priv.h"

#define IN_SELF (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)
/* What a watch of a file itself gets; the rest is for watches of its directory. */
#define IN_OF_INODE \
    (IN_ACCESS | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE | IN_OPEN | IN_SELF)

struct spinlock inotify_lock = SPINLOCK_INIT("inotify", RANK_EVENT);

_Atomic u32 fsnotify_watch_count;

static _Atomic u32 last_cookie;

static void queue_event(struct inotify_watch *watch, u32 mask, const char *name, size_t len,
                        u32 cookie)
{
    struct inotify *instance = watch->instance;
    const struct inotify_event event = {watch->wd, mask, cookie, 0};
    struct thread *thread;

    if (!inotify_queue_add(&instance->queue, &event, name, len)) {
        return;
    }
    thread = event_choose(&instance->waiters, (u64)-1);
    if (thread != NULL) {
        (void)sched_wake(thread);
    }
    poll_notify_quick(&instance->source, POLLIN | POLLRDNORM);
}

bool inotify_unlink_watch(struct inotify_watch *watch)
{
    bool pinned = watch->pinned;

    queue_event(watch, IN_IGNORED, NULL, 0, 0);
    list_remove(&watch->of_inode);
    list_remove(&watch->of_instance);
    atomic_fetch_sub_explicit(&fsnotify_watch_count, 1, memory_order_relaxed);
    kfree(watch);
    return pinned;
}

/* Tells the watches of an inode; returns how many references to it are to be dropped. */
static unsigned tell(struct inode *inode, u32 mask, const char *name, size_t len, u32 cookie)
{
    u32 events = mask & (IN_ALL_EVENTS | IN_UNMOUNT);
    unsigned unpinned = 0;

    list_for_each_safe (link, &inode->watches) {
        struct inotify_watch *watch = list_entry(link, struct inotify_watch, of_inode);
        bool last = (events & (IN_DELETE_SELF | IN_UNMOUNT)) != 0;

        if ((watch->mask & IN_EXCL_UNLINK) != 0 && (mask & IN_UNLINKED) != 0) {
            continue;
        }
        if ((watch->mask & events) != 0 || (events & IN_UNMOUNT) != 0) {
            queue_event(watch, mask & ~IN_UNLINKED, name, len, cookie);
            last |= (watch->mask & IN_ONESHOT) != 0;
        }
        if (last) {
            unpinned += inotify_unlink_watch(watch);
        }
    }
    return unpinned;
}

/* The inode has no name any more: see the top of this file. */
static unsigned unpin(struct inode *inode)
{
    unsigned unpinned = 0;

    list_for_each (link, &inode->watches) {
        struct inotify_watch *watch = list_entry(link, struct inotify_watch, of_inode);

        unpinned += watch->pinned;
        watch->pinned = false;
    }
    return unpinned;
}

static bool is_watched(struct inode *inode)
{
    return inode != NULL &&
           __atomic_load_n(&inode->watches.next, __ATOMIC_RELAXED) != &inode->watches;
}

void inotify_drop(struct inode *inode, unsigned references)
{
    for (; references > 0; references--) {
        inode_put(inode);
    }
}

void fsnotify(struct inode *inode, u32 mask, struct inode *dir, const char *name, size_t len,
              u32 cookie)
{
    unsigned of_inode = 0, of_dir = 0;
    u32 kind = 0;
    bool irq;

    if (!is_watched(inode) && !is_watched(dir)) {
        return;
    }
    if (inode != NULL && (inode->mode & S_IFMT) == S_IFDIR && (mask & IN_SELF) == 0) {
        kind = IN_ISDIR;
    }
    irq = spin_lock(&inotify_lock);
    if (dir != NULL && (mask & IN_SELF) == 0) {
        of_dir = tell(dir, mask | kind, name, len, cookie);
    }
    if (inode != NULL && (mask & IN_OF_INODE) != 0) {
        of_inode = tell(inode, mask | kind, NULL, 0, 0);
    }
    if (inode != NULL && atomic_load_explicit(&inode->links, memory_order_relaxed) == 0) {
        of_inode += unpin(inode);
    }
    spin_unlock(&inotify_lock, irq);
    inotify_drop(dir, of_dir);
    inotify_drop(inode, of_inode);
}

u32 fsnotify_cookie(void)
{
    return atomic_fetch_add_explicit(&last_cookie, 1, memory_order_relaxed) + 1;
}
