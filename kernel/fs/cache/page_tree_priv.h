/* SPDX-License-Identifier: MIT */
/*
 * One file's pages by index, as a pure data structure: a radix tree of 64
 * slots a node.  No locks, no memory but through the functions it is given.
 */
#pragma once

#include <kernel/types.h>

#define PAGE_NODE_SHIFT 6
#define PAGE_NODE_SLOTS (1u << PAGE_NODE_SHIFT)
#define PAGE_TREE_LEVELS 9 /* 2^54 pages */
#define PAGE_TREE_END (1ull << (PAGE_NODE_SHIFT * PAGE_TREE_LEVELS))

/* In a node of the lowest level pages, as page_cache_priv.h says; else nodes. */
struct page_node {
    u64 slot[PAGE_NODE_SLOTS];
};

struct page_tree {
    u64 first;              /* page 0: a file that has no other needs no node */
    struct page_node *root; /* NULL if levels is 0 */
    unsigned levels;
};

/* The page's slot, or NULL if there is no node for it. */
u64 *page_tree_find(struct page_tree *tree, u64 index);
/*
 * The slots of page `index` and of what follows it, as far as they lie side by
 * side; *count is how many, at least 1 and at most `most`.  NULL: so many pages
 * have no node.
 */
u64 *page_tree_slots(struct page_tree *tree, u64 index, u64 most, u64 *count);
/* As page_tree_find(), making nodes; NULL if there is no memory.  index < PAGE_TREE_END. */
u64 *page_tree_make(struct page_tree *tree, u64 index, void *(*alloc)(size_t size));
/* The first slot in use in [*index, end), and its index; NULL if there is none. */
u64 *page_tree_next(struct page_tree *tree, u64 *index, u64 end);
/*
 * Gives nodes back in which no slot is in use, of those that stand for a page of
 * [*index, end).  One step of some microseconds; true: there is more, from *index on.
 */
must_check bool page_tree_prune(struct page_tree *tree, u64 *index, u64 end,
                                void (*release)(void *node));
