/* SPDX-License-Identifier: MIT */
/*
 * Red-black tree after Cormen et al., chapter 13, with the mirrored cases
 * folded into one by indexing the children, and NULL for the leaves (so the
 * removal carries the parent of the doubly black place along).
 *
 * Invariants, walked by rb_check():
 *   child->parent == node, root->parent == NULL
 *   red(root) == false; red(node) => !red(node->child[0 and 1])
 *   every path from the root to a leaf holds the same number of black nodes
 */
#include <kernel/rbtree.h>

#include <kernel/assert.h>

static bool is_red(const struct rb_node *node)
{
    return node != NULL && node->red;
}

static int side_of(const struct rb_node *node)
{
    return node->parent->child[1] == node;
}

/* Puts `new`, which may be NULL, where `old` hangs. */
static void replace_child(struct rb_tree *tree, struct rb_node *old, struct rb_node *new)
{
    if (old->parent == NULL) {
        tree->root = new;
    } else {
        old->parent->child[side_of(old)] = new;
    }
    if (new != NULL) {
        new->parent = old->parent;
    }
}

/* Moves `node` down to `side`; its child on the other side takes its place. */
static void rotate(struct rb_tree *tree, struct rb_node *node, int side)
{
    struct rb_node *up = node->child[!side];

    replace_child(tree, node, up);
    node->child[!side] = up->child[side];
    if (node->child[!side] != NULL) {
        node->child[!side]->parent = node;
    }
    up->child[side] = node;
    node->parent = up;
}

/* `node` is red; repairs a red parent. */
static void fix_link(struct rb_tree *tree, struct rb_node *node)
{
    while (is_red(node->parent)) {
        struct rb_node *parent = node->parent;
        struct rb_node *grand = parent->parent;
        int side = side_of(parent);
        struct rb_node *uncle = grand->child[!side];

        if (is_red(uncle)) {
            parent->red = uncle->red = false;
            grand->red = true;
            node = grand;
            continue;
        }
        if (side_of(node) != side) {
            rotate(tree, parent, side);
            parent = node;
        }
        parent->red = false;
        grand->red = true;
        rotate(tree, grand, !side);
        break;
    }
    tree->root->red = false;
}

void rb_link(struct rb_tree *tree, struct rb_node *parent, int side, struct rb_node *node)
{
    node->parent = parent;
    node->child[0] = node->child[1] = NULL;
    node->red = true;
    if (parent == NULL) {
        assert(tree->root == NULL);
        tree->root = node;
    } else {
        assert(parent->child[side] == NULL);
        parent->child[side] = node;
    }
    fix_link(tree, node);
}

/* The subtree on `side` of `parent` is one black node short. */
static void fix_remove(struct rb_tree *tree, struct rb_node *parent, int side)
{
    while (parent != NULL && !is_red(parent->child[side])) {
        struct rb_node *sibling = parent->child[!side];

        if (sibling->red) {
            sibling->red = false;
            parent->red = true;
            rotate(tree, parent, side);
            sibling = parent->child[!side];
        }
        if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
            sibling->red = true;
            if (parent->red || parent->parent == NULL) {
                parent->red = false;
                return;
            }
            side = side_of(parent);
            parent = parent->parent;
            continue;
        }
        if (!is_red(sibling->child[!side])) {
            sibling->child[side]->red = false;
            sibling->red = true;
            rotate(tree, sibling, !side);
            sibling = parent->child[!side];
        }
        sibling->red = parent->red;
        parent->red = false;
        sibling->child[!side]->red = false;
        rotate(tree, parent, side);
        return;
    }
    if (parent != NULL) {
        parent->child[side]->red = false;
    } else if (tree->root != NULL) {
        tree->root->red = false;
    }
}

/* `node` has two children: its successor takes its place and colour. */
static void remove_inner(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *next = rb_next(node);
    struct rb_node *parent = next->parent;
    bool was_red = next->red;
    int side = side_of(next);

    replace_child(tree, next, next->child[1]);
    if (parent == node) {
        parent = next;
    }
    replace_child(tree, node, next);
    next->red = node->red;
    for (int i = 0; i < 2; i++) {
        next->child[i] = node->child[i];
        if (next->child[i] != NULL) {
            next->child[i]->parent = next;
        }
    }
    if (!was_red) {
        fix_remove(tree, parent, side);
    }
}

void rb_remove(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *parent = node->parent;
    int side;

    if (node->child[0] != NULL && node->child[1] != NULL) {
        remove_inner(tree, node);
        return;
    }
    side = parent != NULL && side_of(node);
    replace_child(tree, node, node->child[node->child[0] == NULL]);
    if (!node->red) {
        fix_remove(tree, parent, side);
    }
}

static struct rb_node *outermost(struct rb_node *node, int side)
{
    while (node != NULL && node->child[side] != NULL) {
        node = node->child[side];
    }
    return node;
}

/* The in-order neighbour of `node` on `side`. */
static struct rb_node *neighbour(const struct rb_node *node, int side)
{
    if (node->child[side] != NULL) {
        return outermost(node->child[side], !side);
    }
    while (node->parent != NULL && side_of(node) == side) {
        node = node->parent;
    }
    return node->parent;
}

struct rb_node *rb_first(const struct rb_tree *tree)
{
    return outermost(tree->root, 0);
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
    return outermost(tree->root, 1);
}

struct rb_node *rb_next(const struct rb_node *node)
{
    return neighbour(node, 1);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    return neighbour(node, 0);
}

static unsigned black_above(const struct rb_node *node)
{
    unsigned n = 0;

    for (; node != NULL; node = node->parent) {
        n += !node->red;
    }
    return n;
}

void rb_check(const struct rb_tree *tree)
{
    unsigned height = 0;

    BUG_ON(is_red(tree->root));
    BUG_ON(tree->root != NULL && tree->root->parent != NULL);
    for (struct rb_node *node = rb_first(tree); node != NULL; node = rb_next(node)) {
        for (int i = 0; i < 2; i++) {
            BUG_ON(node->child[i] != NULL && node->child[i]->parent != node);
            BUG_ON(node->red && is_red(node->child[i]));
        }
        if (node->child[0] == NULL || node->child[1] == NULL) {
            unsigned above = black_above(node);

            BUG_ON(height != 0 && above != height);
            height = above;
        }
    }
}
