/* SPDX-License-Identifier: MIT */
/*
 * The events that an inotify instance has not handed out yet.  No locks; pure,
 * tested on the host.
 */
#pragma once

#include <kernel/list.h>
#include <kernel/types.h>

#define INOTIFY_QUEUE_MAX 16384u /* Linux's default max_queued_events */

#define IN_Q_OVERFLOW 0x4000u
#define IN_IGNORED 0x8000u

struct inotify_event { /* as in inotify(7) */
    s32 wd;
    u32 mask, cookie, len;
};

struct inotify_record {
    struct list link;
    struct inotify_event event; /* len: of the name, with its zeroes */
    char name[];
};

struct inotify_queue {
    struct list records;
    u32 count;
    u64 bytes; /* that a read of all would give */
};

void inotify_queue_init(struct inotify_queue *queue);
void inotify_queue_free(struct inotify_queue *queue);

/*
 * Adds an event, unless the last one says the same.  When the queue is full, or
 * memory is out, one IN_Q_OVERFLOW stands for all that is lost.  False: nothing
 * has changed.
 */
bool inotify_queue_add(struct inotify_queue *queue, const struct inotify_event *event,
                       const char *name, size_t len);

/*
 * The first record, which is the caller's to free then: 0; -EAGAIN: none;
 * -EINVAL: it is larger than `space`.
 */
must_check int inotify_queue_take(struct inotify_queue *queue, u64 space,
                                  struct inotify_record **record);
