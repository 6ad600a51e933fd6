/* SPDX-License-Identifier: MIT */
/* A set of files to wait for: poll(2) and select(2). */
#pragma once

#include <kernel/types.h>

#include "event_priv.h"

struct poll_entry {
    struct poll_watch watch;
    struct poll_sleeper *sleeper; /* NULL: not watched */
    struct file *file;            /* NULL: no such descriptor, or none wanted (fd < 0) */
    u32 events;                   /* wanted; POLLERR and POLLHUP always */
    u32 found;
    int fd;
};

/* What one kmalloc() holds. */
#define POLL_SET_MAX (2 * MIB / sizeof(struct poll_entry))

struct poll_set {
    struct poll_entry *entries;
    unsigned count;
    struct poll_sleeper sleeper;
    struct poll_entry few[6]; /* as many as go on the stack */
};

/* -ENOMEM; to be destroyed if it was successful. */
must_check int poll_set_init(struct poll_set *set, unsigned capacity);
/* The next entry; false if the descriptor is not open. */
bool poll_set_add(struct poll_set *set, int fd, u32 events);
/* How many entries have `found` something; 0 after the deadline (0: no wait); -EINTR. */
must_check int poll_set_wait(struct poll_set *set, nsec_t deadline);
void poll_set_destroy(struct poll_set *set);
