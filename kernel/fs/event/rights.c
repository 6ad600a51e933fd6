/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are passed along with a message (unix(7), SCM_RIGHTS).
 *
 * They travel as a parcel, which holds the files and remembers which byte of
 * the pipe it came with (pipe.c).  A parcel that nobody takes is dropped with the
 * end that would have read it, so that a socket that is passed through itself
 * goes when its peer does.
 */
#include "rights.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#include "event_priv.h"

#define SOL_SOCKET 1u
#define SCM_RIGHTS 1u
#define SCM_CREDENTIALS 2u
#define RIGHTS_MAX 253u
#define CONTROL_MAX 20480u /* net.core.optmem_max */

struct cmsghdr {
    u64 len;
    u32 level, type;
};

/*
 * A thread that drops parcels.  A socket that goes with one drops those on their way to
 * it, and so on: they are queued with the outermost call, which the stack has room for
 * however long the chain.
 *
 * (l) drains.lock   (t) the thread's own   (c) constant
 */
struct drain {
    struct list link;      /* (l) */
    struct thread *thread; /* (c) */
    struct parcel *first;  /* (t) by `next` */
};

static struct {
    struct spinlock lock;
    struct list running; /* (l) */
} drains = {.lock = SPINLOCK_INIT("drains of parcels", RANK_EVENT),
            .running = {&drains.running, &drains.running}};

/* The calling thread's, or NULL. */
static struct drain *drain_find(void)
{
    bool irq = spin_lock(&drains.lock);
    struct drain *found = NULL;

    list_for_each (node, &drains.running) {
        struct drain *drain = list_entry(node, struct drain, link);

        if (drain->thread == thread_current()) {
            found = drain;
            break;
        }
    }
    spin_unlock(&drains.lock, irq);
    return found;
}

static void put_files(struct parcel *parcel)
{
    for (u32 i = 0; i < parcel->count; i++) {
        file_put(parcel->files[i]);
    }
    kfree(parcel);
}

/* A parcel, and all that go with it. */
static void drain_from(struct parcel *parcel)
{
    struct drain drain = {.thread = thread_current()};
    bool irq;

    irq = spin_lock(&drains.lock);
    list_push_back(&drains.running, &drain.link);
    spin_unlock(&drains.lock, irq);
    while (parcel != NULL) {
        put_files(parcel);
        parcel = drain.first;
        drain.first = parcel != NULL ? parcel->next : NULL;
    }
    irq = spin_lock(&drains.lock);
    list_remove(&drain.link);
    spin_unlock(&drains.lock, irq);
}

void rights_drop(struct parcel *parcel)
{
    struct drain *outer;

    if (parcel == NULL) {
        return;
    }
    outer = drain_find();
    if (outer != NULL) {
        parcel->next = outer->first;
        outer->first = parcel;
    } else {
        drain_from(parcel);
    }
}

void rights_drop_all(struct list *parcels)
{
    while (!list_empty(parcels)) {
        rights_drop(list_entry(list_pop_front(parcels), struct parcel, link));
    }
}

/* Adds the descriptors of one header; *parcel is made with the first. */
static int add_files(struct parcel **parcel, u64 from, u64 size)
{
    u64 count = size / sizeof(s32);

    if (count > RIGHTS_MAX || (*parcel != NULL && (*parcel)->count + count > RIGHTS_MAX)) {
        return -EINVAL;
    }
    if (count != 0 && *parcel == NULL) {
        *parcel = kzalloc(sizeof(**parcel) + RIGHTS_MAX * sizeof(struct file *));
        if (*parcel == NULL) {
            return -ENOMEM;
        }
    }
    for (u64 i = 0; i < count; i++) {
        struct file *file;
        s32 fd;

        if (user_read(&fd, (const s32 *)from + i, sizeof(fd)) != 0) {
            return -EFAULT;
        }
        file = fd_get_path(fd);
        if (file == NULL) {
            return -EBADF;
        }
        (*parcel)->files[(*parcel)->count++] = file;
    }
    return 0;
}

/* There is one process and one user: any other credentials are none of its own. */
static int check_credentials(u64 from, u64 size)
{
    u32 credentials[3];

    if (size != sizeof(credentials)) {
        return -EINVAL;
    }
    if (user_read(credentials, (const void *)from, sizeof(credentials)) != 0) {
        return -EFAULT;
    }
    return credentials[0] == PROCESS_ID ? 0 : -EPERM;
}

static int add_header(struct parcel **parcel, const struct cmsghdr *head, u64 data)
{
    if (head->level != SOL_SOCKET) {
        return 0;
    }
    switch (head->type) {
    case SCM_RIGHTS:
        return add_files(parcel, data, head->len - sizeof(*head));
    case SCM_CREDENTIALS:
        return check_credentials(data, head->len - sizeof(*head));
    default:
        return -EINVAL;
    }
}

int rights_read(u64 control, u64 size, struct parcel **parcel)
{
    u64 at = 0;
    int err = size > CONTROL_MAX ? -ENOBUFS : 0;

    *parcel = NULL;
    while (err == 0 && size - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr head;

        if (user_read(&head, (const void *)(control + at), sizeof(head)) != 0) {
            err = -EFAULT;
        } else if (head.len < sizeof(head) || head.len > size - at) {
            err = -EINVAL;
        } else {
            err = add_header(parcel, &head, control + at + sizeof(head));
            at = MIN(at + ALIGN_UP(head.len, sizeof(u64)), size);
        }
    }
    if (err != 0) {
        rights_drop(*parcel);
        *parcel = NULL;
    }
    return err;
}

/* As many as there is room for: how many became descriptors. */
static u32 install(struct parcel *parcel, u64 to, u32 room, bool cloexec)
{
    u32 done = 0;

    while (done < parcel->count && done < room) {
        int fd = fd_install(file_get(parcel->files[done]), 0, cloexec);

        if (fd < 0) {
            file_put(parcel->files[done]);
            break;
        }
        if (user_write((s32 *)to + done, &fd, sizeof(fd)) != 0) {
            fd = fd_close(fd);
            break;
        }
        done++;
    }
    return done;
}

u64 rights_write(struct parcel *parcel, u64 control, u64 size, bool cloexec, bool *cut)
{
    u64 room = size > sizeof(struct cmsghdr) ? (size - sizeof(struct cmsghdr)) / sizeof(s32) : 0;
    struct cmsghdr head = {.level = SOL_SOCKET, .type = SCM_RIGHTS};
    u32 done;

    *cut = false;
    if (parcel == NULL) {
        return 0;
    }
    done = install(parcel, control + sizeof(head), (u32)MIN(room, (u64)RIGHTS_MAX), cloexec);
    *cut = done < parcel->count;
    rights_drop(parcel);
    head.len = sizeof(head) + done * sizeof(s32);
    if (done == 0 || user_write((void *)control, &head, sizeof(head)) != 0) {
        return 0;
    }
    return MIN(ALIGN_UP(head.len, sizeof(u64)), size);
}
