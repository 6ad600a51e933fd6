/* SPDX-License-Identifier: MIT */
/*
 * The ready queue of an epoll instance (epoll_ready.h).
 *
 * A notifier does one exchange and one compare-and-swap, and takes no lock:
 * it runs below the locks of the source and must not wait for who scans.
 */
#include "epoll_ready.h"

void epoll_ready_init(struct epoll_ready *queue)
{
    atomic_store_explicit(&queue->pending, NULL, memory_order_relaxed);
    atomic_store_explicit(&queue->left, false, memory_order_relaxed);
    list_init(&queue->ready);
}

void epoll_entry_init(struct epoll_entry *entry)
{
    atomic_store_explicit(&entry->queued, false, memory_order_relaxed);
    entry->next = NULL;
    list_init(&entry->link);
}

bool epoll_ready_push(struct epoll_ready *queue, struct epoll_entry *entry)
{
    struct epoll_entry *head;

    /* Sequentially consistent, as the clearing: one of us two sees the other. */
    if (atomic_exchange_explicit(&entry->queued, true, memory_order_seq_cst)) {
        return false;
    }
    head = atomic_load_explicit(&queue->pending, memory_order_relaxed);
    do {
        entry->next = head;
        /* Also a fence before the look for who waits; see epoll_wait.c. */
    } while (!atomic_compare_exchange_weak_explicit(&queue->pending, &head, entry,
                                                    memory_order_seq_cst, memory_order_relaxed));
    return true;
}

bool epoll_ready_any(struct epoll_ready *queue)
{
    return atomic_load_explicit(&queue->pending, memory_order_seq_cst) != NULL ||
           atomic_load_explicit(&queue->left, memory_order_seq_cst);
}

/* What notifiers brought goes behind what is there, the oldest first. */
static void collect(struct epoll_ready *queue)
{
    struct epoll_entry *entry;
    struct list *end = &queue->ready;

    if (atomic_load_explicit(&queue->pending, memory_order_relaxed) == NULL) {
        return;
    }
    entry = atomic_exchange_explicit(&queue->pending, NULL, memory_order_acquire);
    while (entry != NULL) {
        struct epoll_entry *next = entry->next;

        list_insert_before(end, &entry->link);
        end = &entry->link;
        entry = next;
    }
}

/* Moves all of `from` to the front of `to`. */
static void splice_front(struct list *from, struct list *to)
{
    if (list_empty(from)) {
        return;
    }
    from->prev->next = to->next;
    to->next->prev = from->prev;
    to->next = from->next;
    from->next->prev = to;
    list_init(from);
}

void epoll_ready_take(struct epoll_ready *queue, struct list *batch)
{
    /* Set for the time of the scan: who comes meanwhile waits for its result. */
    atomic_store_explicit(&queue->left, true, memory_order_relaxed);
    collect(queue);
    list_init(batch);
    splice_front(&queue->ready, batch);
}

struct epoll_entry *epoll_ready_next(struct list *batch)
{
    struct list *link = list_pop_front(batch);
    struct epoll_entry *entry;

    if (link == NULL) {
        return NULL;
    }
    entry = list_entry(link, struct epoll_entry, link);
    atomic_store_explicit(&entry->queued, false, memory_order_seq_cst);
    return entry;
}

void epoll_ready_again(struct epoll_ready *queue, struct epoll_entry *entry)
{
    if (!atomic_exchange_explicit(&entry->queued, true, memory_order_seq_cst)) {
        list_push_back(&queue->ready, &entry->link);
        atomic_store_explicit(&queue->left, true, memory_order_seq_cst);
    }
}

bool epoll_ready_give_back(struct epoll_ready *queue, struct list *batch)
{
    bool left;

    splice_front(batch, &queue->ready);
    left = !list_empty(&queue->ready);
    atomic_store_explicit(&queue->left, left, memory_order_seq_cst);
    return left || atomic_load_explicit(&queue->pending, memory_order_relaxed) != NULL;
}

void epoll_ready_remove(struct epoll_ready *queue, struct epoll_entry *entry)
{
    if (atomic_load_explicit(&entry->queued, memory_order_acquire)) {
        collect(queue);
        list_remove(&entry->link);
    }
    atomic_store_explicit(&queue->left, !list_empty(&queue->ready), memory_order_seq_cst);
}
