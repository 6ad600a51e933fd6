/* SPDX-License-Identifier: MIT */
/*
 * The queue behind an inotify instance (inotify_queue.h).
 *
 * A record is one allocation with the name as read(2) gives it: padded with
 * zeroes to a multiple of the event's size.  Room for the overflow event is kept
 * in advance by nobody: if memory is out for it too, it is lost, as all is then.
 */
#include "inotify_queue.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>

void inotify_queue_init(struct inotify_queue *queue)
{
    *queue = (struct inotify_queue){.count = 0};
    list_init(&queue->records);
}

void inotify_queue_free(struct inotify_queue *queue)
{
    struct list *link = queue->records.next;

    while (link != &queue->records) {
        struct inotify_record *record = list_entry(link, struct inotify_record, link);

        link = link->next;
        kfree(record);
    }
    inotify_queue_init(queue);
}

/* Does the last event say the same?  The cookie does not matter, as on Linux. */
static bool repeats_last(const struct inotify_queue *queue, const struct inotify_event *event,
                         const char *name, size_t len)
{
    const struct inotify_record *last;

    if (queue->count == 0 || (event->mask & IN_IGNORED) != 0) {
        return false;
    }
    last = list_entry(queue->records.prev, struct inotify_record, link);
    if (last->event.wd != event->wd || last->event.mask != event->mask) {
        return false;
    }
    if (len == 0 || last->event.len == 0) {
        return len == last->event.len;
    }
    return strnlen(last->name, last->event.len) == len && memcmp(last->name, name, len) == 0;
}

static bool append(struct inotify_queue *queue, const struct inotify_event *event, const char *name,
                   size_t len)
{
    size_t padded = len == 0 ? 0 : ALIGN_UP(len + 1, sizeof(*event));
    struct inotify_record *record = kmalloc(sizeof(*record) + padded);

    if (record == NULL) {
        return false;
    }
    record->event = *event;
    record->event.len = (u32)padded;
    if (padded != 0) {
        memset(record->name, 0, padded);
        memcpy(record->name, name, len);
    }
    list_push_back(&queue->records, &record->link);
    queue->count++;
    queue->bytes += sizeof(*event) + padded;
    return true;
}

static bool overflow(struct inotify_queue *queue)
{
    const struct inotify_event event = {.wd = -1, .mask = IN_Q_OVERFLOW};

    return !repeats_last(queue, &event, NULL, 0) && append(queue, &event, NULL, 0);
}

bool inotify_queue_add(struct inotify_queue *queue, const struct inotify_event *event,
                       const char *name, size_t len)
{
    if (repeats_last(queue, event, name, len)) {
        return false;
    }
    if (queue->count >= INOTIFY_QUEUE_MAX) {
        return overflow(queue);
    }
    return append(queue, event, name, len) || overflow(queue);
}

int inotify_queue_take(struct inotify_queue *queue, u64 space, struct inotify_record **record)
{
    struct inotify_record *first;

    if (list_empty(&queue->records)) {
        return -EAGAIN;
    }
    first = list_entry(queue->records.next, struct inotify_record, link);
    if (sizeof(first->event) + first->event.len > space) {
        return -EINVAL;
    }
    list_remove(&first->link);
    queue->count--;
    queue->bytes -= sizeof(first->event) + first->event.len;
    *record = first;
    return 0;
}
