/* SPDX-License-Identifier: MIT */
/*
 * Intrusive red-black tree.  The caller walks to the place and links the
 * node there (rb_link), so that comparisons are inlined and typed; the tree
 * only balances.  No locks, no allocation; every operation is O(log n).
 */
#pragma once

#include <kernel/types.h>

struct rb_node {
    struct rb_node *parent;
    struct rb_node *child[2]; /* left, right */
    bool red;
};

struct rb_tree {
    struct rb_node *root;
};

/*
 * Links `node` as the `side` child (0 left, 1 right) of `parent`, which has
 * none there; parent NULL means the empty tree's root.  Then rebalances.
 */
void rb_link(struct rb_tree *tree, struct rb_node *parent, int side, struct rb_node *node);

void rb_remove(struct rb_tree *tree, struct rb_node *node);

/* In-order neighbours and ends; NULL where there is none. */
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* Walks the tree: colours, black heights and parent links; BUG on a fault. */
void rb_check(const struct rb_tree *tree);
