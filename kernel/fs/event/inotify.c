/* SPDX-License-Identifier: MIT */
/*
 * inotify(7): instances, which are files, and the watches that they have.
 *
 * A watch keeps its inode in memory (`pinned`) as long as the inode has a name:
 * else an inode that nobody uses could go, and its watch with it.  When the last
 * name has been removed the watches let go, so that the inode ends when its
 * last user leaves: that is IN_DELETE_SELF, after which the watch is gone.
 */
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/io.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "event_priv.h"
#include "inotify_priv.h"

#define IN_ONLYDIR 0x01000000u
#define IN_DONT_FOLLOW 0x02000000u
#define IN_MASK_CREATE 0x10000000u
#define IN_MASK_ADD 0x20000000u
#define IN_KNOWN \
    (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | \
     IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)

#define FIONREAD 0x541bu

/* The first record that fits, waiting for it if asked to: 0 or -errno. */
static int take(struct inotify *instance, u64 space, bool block, struct inotify_record **record)
{
    bool irq = spin_lock(&inotify_lock);
    int interrupted = 0, err;

    for (;;) {
        err = inotify_queue_take(&instance->queue, space, record);
        if (err != -EAGAIN || !block) {
            break;
        }
        if (interrupted != 0) {
            err = interrupted;
            break;
        }
        interrupted = event_wait(&inotify_lock, &irq, &instance->waiters, 0, SCHED_NEVER);
    }
    spin_unlock(&inotify_lock, irq);
    return err;
}

static int inotify_read(struct file *file, struct io *io, u64 *pos)
{
    bool block = (atomic_load_explicit(&file->flags, memory_order_relaxed) & O_NONBLOCK) == 0;
    struct inotify_record *record;
    int err;

    while ((err = take(file->priv, io->left, block, &record)) == 0) {
        err = io_put(io, &record->event, sizeof(record->event));
        if (err == 0) {
            err = io_put(io, record->name, record->event.len);
        }
        kfree(record);
        if (err != 0) {
            break;
        }
        block = false;
    }
    return io->done != 0 ? 0 : err;
}

static s64 inotify_ioctl(struct file *file, u32 request, u64 arg)
{
    struct inotify *instance = file->priv;
    bool irq;
    u32 bytes;

    if (request != FIONREAD) {
        return -ENOTTY;
    }
    irq = spin_lock(&inotify_lock);
    bytes = (u32)instance->queue.bytes;
    spin_unlock(&inotify_lock, irq);
    return user_write((void *)arg, &bytes, sizeof(bytes));
}

static u32 inotify_poll(struct file *file)
{
    struct inotify *instance = file->priv;
    bool irq = spin_lock(&inotify_lock);
    u32 events = instance->queue.count != 0 ? POLLIN | POLLRDNORM : 0;

    spin_unlock(&inotify_lock, irq);
    return events;
}

static struct poll_source *inotify_source(struct file *file)
{
    return &((struct inotify *)file->priv)->source;
}

/* Takes one watch out, NULL for the first: 0, -EINVAL. */
static int remove_watch(struct inotify *instance, s32 wd, bool any)
{
    struct inode *inode = NULL;
    int err = -EINVAL;
    bool irq = spin_lock(&inotify_lock);

    list_for_each_safe (link, &instance->watches) {
        struct inotify_watch *watch = list_entry(link, struct inotify_watch, of_instance);

        if (any || watch->wd == wd) {
            inode = watch->inode;
            inode = inotify_unlink_watch(watch) ? inode : NULL;
            err = 0;
            break;
        }
    }
    spin_unlock(&inotify_lock, irq);
    inotify_drop(inode, inode != NULL);
    return err;
}

static void inotify_release(struct file *file)
{
    struct inotify *instance = file->priv;

    while (remove_watch(instance, 0, true) == 0) {
    }
    inotify_queue_free(&instance->queue);
    kfree(instance);
}

static const struct file_ops inotify_ops = {
    .read = inotify_read,
    .ioctl = inotify_ioctl,
    .poll = inotify_poll,
    .source = inotify_source,
    .release = inotify_release,
};

s64 sys_inotify_init1(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a0;
    struct inotify *instance;
    struct file *file;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    instance = kzalloc(sizeof(*instance));
    if (instance == NULL) {
        return -ENOMEM;
    }
    inotify_queue_init(&instance->queue);
    list_init(&instance->watches);
    list_init(&instance->waiters);
    poll_source_init(&instance->source, "inotify watches");
    if (file_new(&inotify_ops, "anon_inode:inotify", flags & O_NONBLOCK, instance, &file) != 0) {
        kfree(instance);
        return -ENOMEM;
    }
    return event_install(file, (flags & O_CLOEXEC) != 0);
}

s64 sys_inotify_init(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_inotify_init1(0, 0, 0, 0, 0, 0);
}

/* ---- Watches ------------------------------------------------------------------------ */

static struct inotify_watch *find_watch(struct inotify *instance, struct inode *inode)
{
    list_for_each (link, &inode->watches) {
        struct inotify_watch *watch = list_entry(link, struct inotify_watch, of_inode);

        if (watch->instance == instance) {
            return watch;
        }
    }
    return NULL;
}

static int change_watch(struct inotify_watch *watch, u32 mask)
{
    u32 kept = mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_EXCL_UNLINK | IN_ONESHOT);

    if ((mask & IN_MASK_CREATE) != 0) {
        return -EEXIST;
    }
    watch->mask = (mask & IN_MASK_ADD) != 0 ? watch->mask | kept : kept;
    return watch->wd;
}

static void enter_watch(struct inotify *instance, struct inode *inode, struct inotify_watch *watch,
                        u32 mask)
{
    *watch = (struct inotify_watch){
        .instance = instance,
        .inode = inode,
        .wd = ++instance->last_wd,
        .mask = mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_EXCL_UNLINK | IN_ONESHOT),
        .pinned = atomic_load_explicit(&inode->links, memory_order_relaxed) != 0,
    };
    if (watch->pinned) {
        (void)inode_get(inode);
    }
    list_push_back(&inode->watches, &watch->of_inode);
    list_push_back(&instance->watches, &watch->of_instance);
    atomic_fetch_add_explicit(&fsnotify_watch_count, 1, memory_order_relaxed);
}

static s64 add_watch(struct inotify *instance, struct inode *inode, u32 mask)
{
    struct inotify_watch *fresh = kmalloc(sizeof(*fresh)), *watch;
    s64 wd = -ENOMEM;
    bool irq;

    if (fresh == NULL) {
        return -ENOMEM;
    }
    irq = spin_lock(&inotify_lock);
    watch = find_watch(instance, inode);
    if (watch != NULL) {
        wd = change_watch(watch, mask);
    } else {
        enter_watch(instance, inode, fresh, mask);
        wd = fresh->wd;
        fresh = NULL;
    }
    spin_unlock(&inotify_lock, irq);
    kfree(fresh);
    return wd;
}

static s64 add_watch_at(struct inotify *instance, u64 path, u32 mask)
{
    u32 flags = ((mask & IN_DONT_FOLLOW) != 0 ? LOOKUP_NOFOLLOW : 0) |
                ((mask & IN_ONLYDIR) != 0 ? LOOKUP_DIRECTORY : 0);
    struct dentry *dentry;
    char *copy;
    s64 result = user_path((const char *)path, &copy);

    if (result != 0) {
        return result;
    }
    result = vfs_lookup(NULL, copy, flags, &dentry);
    kfree(copy);
    if (result != 0) {
        return result;
    }
    result = add_watch(instance, dentry->inode, mask);
    dentry_put(dentry);
    return result;
}

/* The instance's file, counted; -EBADF, -EINVAL. */
static int get_inotify(u64 fd, struct file **file)
{
    *file = fd_get((int)fd);
    if (*file == NULL) {
        return -EBADF;
    }
    if ((*file)->ops != &inotify_ops) {
        file_put(*file);
        return -EINVAL;
    }
    return 0;
}

s64 sys_inotify_add_watch(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 mask = (u32)a2, both = IN_MASK_ADD | IN_MASK_CREATE;
    struct file *file;
    s64 result;

    if ((mask & IN_KNOWN) == 0) {
        return -EINVAL;
    }
    result = get_inotify(a0, &file);
    if (result != 0) {
        return result;
    }
    result = (mask & both) == both ? -EINVAL : add_watch_at(file->priv, a1, mask);
    file_put(file);
    return result;
}

s64 sys_inotify_rm_watch(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct file *file;
    int err = get_inotify(a0, &file);

    if (err == 0) {
        err = remove_watch(file->priv, (s32)a1, false);
        file_put(file);
    }
    return err;
}
