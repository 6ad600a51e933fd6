/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked circular list.  A head is a node that is in no
 * object; an empty head, and a node in no list, point at themselves.
 */
#pragma once

#include <kernel/types.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name) ((struct list){&(name), &(name)})

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_before(struct list *pos, struct list *node)
{
    node->next = pos;
    node->prev = pos->prev;
    pos->prev->next = node;
    pos->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

/* The node points at itself afterwards, so that removing twice is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* NULL if the list is empty. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *node = head->next;

    if (node == head) {
        return NULL;
    }
    list_remove(node);
    return node;
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_for_each(node, head) \
    for (struct list *node = (head)->next; node != (head); node = node->next)

/* As list_for_each, but `node` may be removed in the body. */
#define list_for_each_safe(node, head) \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
         node = node##_next, node##_next = node->next)
