/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any of several files: the core of poll(2) and select(2).
 *
 * The files are looked at once without watches, for often one is ready or the
 * caller does not wait.  Only then each gets a watch, and after that all are
 * looked at again after each wake-up.  The files are counted meanwhile, so
 * that closing one does no harm.
 */
#include "poll_set_priv.h"

#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>

static void told(struct poll_watch *watch, u32 events)
{
    struct poll_entry *entry = container_of(watch, struct poll_entry, watch);

    if ((events & entry->events) != 0) {
        poll_sleeper_wake(entry->sleeper);
    }
}

int poll_set_init(struct poll_set *set, unsigned capacity)
{
    *set = (struct poll_set){.entries = set->few};
    if (capacity > ARRAY_SIZE(set->few)) {
        set->entries =
            capacity <= POLL_SET_MAX ? kmalloc(capacity * sizeof(struct poll_entry)) : NULL;
    }
    return set->entries != NULL ? 0 : -ENOMEM;
}

bool poll_set_add(struct poll_set *set, int fd, u32 events)
{
    struct poll_entry *entry = &set->entries[set->count];

    *entry = (struct poll_entry){.fd = fd, .events = events | POLLERR | POLLHUP};
    entry->file = fd >= 0 ? fd_get(fd) : NULL;
    set->count++;
    return entry->file != NULL;
}

/* Looks at all: how many are ready. */
static int look(struct poll_set *set)
{
    int ready = 0;

    for (unsigned i = 0; i < set->count; i++) {
        struct poll_entry *entry = &set->entries[i];

        if (entry->file != NULL) {
            entry->found = file_poll(entry->file) & entry->events;
        } else {
            entry->found = entry->fd >= 0 ? POLLNVAL : 0;
        }
        ready += entry->found != 0;
    }
    return ready;
}

static void watch_all(struct poll_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        struct poll_entry *entry = &set->entries[i];
        struct poll_source *source = entry->file != NULL ? event_file_source(entry->file) : NULL;

        if (source != NULL) {
            entry->sleeper = &set->sleeper;
            poll_watch_add(source, &entry->watch, told);
        }
    }
}

static void unwatch_all(struct poll_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->entries[i].sleeper != NULL) {
            poll_watch_remove(&set->entries[i].watch);
            set->entries[i].sleeper = NULL;
        }
    }
}

int poll_set_wait(struct poll_set *set, nsec_t deadline)
{
    int ready = look(set), err = 0;

    if (ready == 0 && deadline == 0 && signal_pending()) {
        return -EINTR; /* a mask for the time of the call lets signals in even so */
    }
    if (ready != 0 || deadline == 0) {
        return ready;
    }
    poll_sleeper_init(&set->sleeper);
    watch_all(set);
    for (;;) {
        ready = look(set);
        if (ready != 0 || err != 0) {
            break;
        }
        err = poll_sleeper_sleep(&set->sleeper, deadline);
    }
    unwatch_all(set);
    return ready != 0 || err == -ETIMEDOUT ? ready : err;
}

void poll_set_destroy(struct poll_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->entries[i].file != NULL) {
            file_put(set->entries[i].file);
        }
    }
    if (set->entries != set->few) {
        kfree(set->entries);
    }
}
