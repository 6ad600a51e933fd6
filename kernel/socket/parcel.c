/* SPDX-License-Identifier: MIT */
/*
 * Parcels of files that are passed along with a message.
 *
 * The last file that goes with one may be a socket with more of them waiting,
 * and so on.  So a thread that drops parcels keeps a list of them: what comes
 * up while it puts files is queued with its outermost call, and the stack has
 * room however long the chain is.
 */
#include "parcel.h"

#include <kernel/kmalloc.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/vfs.h>

/* (l) drains.lock   (t) the thread's own   (c) constant */
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

struct parcel *parcel_new(u32 room)
{
    struct parcel *parcel = kzalloc(sizeof(*parcel) + room * sizeof(struct file *));

    if (parcel != NULL) {
        list_init(&parcel->link);
    }
    return parcel;
}

struct parcel *parcel_copy(const struct parcel *parcel)
{
    struct parcel *copy = parcel_new(parcel->count);

    if (copy != NULL) {
        copy->count = parcel->count;
        for (u32 i = 0; i < parcel->count; i++) {
            copy->files[i] = file_get(parcel->files[i]);
        }
    }
    return copy;
}

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

void parcel_drop(struct parcel *parcel)
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

void parcel_drop_all(struct parcel *first)
{
    while (first != NULL) {
        struct parcel *next = first->next;

        parcel_drop(first);
        first = next;
    }
}
