/* SPDX-License-Identifier: MIT */
/*
 * Queues of pending signals: see kernel/signal_queue.h.
 *
 * The order in which signals are taken is Linux's: those that faults make
 * first, for they belong to the instruction that is about to run again; then
 * by number; those of one number in the order of arrival.
 */
#include <kernel/signal_queue.h>

#define SYNCHRONOUS \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
     SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

void signal_queue_init(struct signal_queue *queue)
{
    queue->set = queue->bare = 0;
    list_init(&queue->entries);
}

bool signal_queue_is_full(const struct signal_queue *queue, int signal)
{
    return signal < SIGNAL_RT_FIRST && (queue->set & SIGNAL_BIT(signal)) != 0;
}

void signal_queue_add(struct signal_queue *queue, int signal, struct signal_entry *entry)
{
    queue->set |= SIGNAL_BIT(signal);
    if (entry != NULL) {
        entry->info.signo = signal;
        entry->queued = true;
        entry->queue = queue;
        list_push_back(&queue->entries, &entry->link);
    } else {
        queue->bare |= SIGNAL_BIT(signal);
    }
}

int signal_queue_next(const struct signal_queue *queue, u64 set)
{
    u64 pending = queue->set & set;

    if ((pending & SYNCHRONOUS) != 0) {
        pending &= SYNCHRONOUS;
    }
    return pending != 0 ? __builtin_ctzll(pending) + 1 : 0;
}

/* The first entry of a signal; *more says whether there is another. */
static struct signal_entry *find(const struct signal_queue *queue, int signal, bool *more)
{
    struct signal_entry *first = NULL;

    *more = false;
    list_for_each (node, &queue->entries) {
        struct signal_entry *entry = list_entry(node, struct signal_entry, link);

        if (entry->info.signo != signal) {
            continue;
        }
        if (first != NULL) {
            *more = true;
            break;
        }
        first = entry;
    }
    return first;
}

int signal_queue_take(struct signal_queue *queue, u64 set, struct siginfo *info,
                      struct signal_entry **entry)
{
    int signal = signal_queue_next(queue, set);
    struct signal_entry *found;
    bool more;

    *entry = NULL;
    if (signal == 0) {
        return 0;
    }
    found = find(queue, signal, &more);
    if (found == NULL) {
        queue->bare &= ~SIGNAL_BIT(signal);
    }
    if (!more && (queue->bare & SIGNAL_BIT(signal)) == 0) {
        queue->set &= ~SIGNAL_BIT(signal);
    }
    if (found == NULL) {
        *info = (struct siginfo){.signo = signal, .code = SI_USER};
        return signal;
    }
    *info = found->info;
    list_remove(&found->link);
    found->queued = false;
    found->overruns = found->owned ? found->info.timer.overrun : 0;
    *entry = found->owned ? NULL : found;
    return signal;
}

void signal_queue_forget(struct signal_entry *entry)
{
    bool more;
    u64 bit;

    if (!entry->queued) {
        return;
    }
    bit = SIGNAL_BIT(entry->info.signo);
    list_remove(&entry->link);
    entry->queued = false;
    if (find(entry->queue, entry->info.signo, &more) == NULL && (entry->queue->bare & bit) == 0) {
        entry->queue->set &= ~bit;
    }
}

void signal_queue_drop(struct signal_queue *queue, u64 set, struct list *dropped)
{
    list_for_each_safe (node, &queue->entries) {
        struct signal_entry *entry = list_entry(node, struct signal_entry, link);

        if ((set & SIGNAL_BIT(entry->info.signo)) != 0) {
            list_remove(node);
            entry->queued = false;
            if (!entry->owned) {
                list_push_back(dropped, node);
            }
        }
    }
    queue->set &= ~set;
    queue->bare &= ~set;
}
