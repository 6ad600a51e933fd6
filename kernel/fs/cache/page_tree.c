/* SPDX-License-Identifier: MIT */
/*
 * The tree of a file's pages.  Finding a page of a 16 GiB file takes four
 * steps.  A node is 512 bytes and stands for 256 KiB, so a file that is cached
 * whole pays 0.2 %; most files are smaller than a page and pay nothing.
 * Nodes stay until somebody prunes: eviction, which may run inside the
 * allocator, must not free them.
 *
 * Rejected: a node of 512 slots, wasteful for small files; a hash table of all
 * pages, where neighbours share no cache line and truncation has to search.
 */
#include "page_tree_priv.h"

#include <kernel/string.h>

#define PRUNE_NODES 64u /* looked at in one step; more than there are levels */

static unsigned slot_of(u64 index, unsigned level)
{
    return (index >> (PAGE_NODE_SHIFT * level)) % PAGE_NODE_SLOTS;
}

static struct page_node *child_of(u64 slot)
{
    return (struct page_node *)slot;
}

/* How many pages `levels` levels of nodes have room for. */
static u64 capacity(unsigned levels)
{
    return levels == 0 ? 0 : 1ull << (PAGE_NODE_SHIFT * levels);
}

u64 *page_tree_find(struct page_tree *tree, u64 index)
{
    struct page_node *node = tree->root;

    if (index == 0) {
        return &tree->first;
    }
    if (index >= capacity(tree->levels)) {
        return NULL;
    }
    for (unsigned level = tree->levels - 1; level > 0 && node != NULL; level--) {
        node = child_of(node->slot[slot_of(index, level)]);
    }
    return node == NULL ? NULL : &node->slot[slot_of(index, 0)];
}

u64 *page_tree_slots(struct page_tree *tree, u64 index, u64 most, u64 *count)
{
    /* Page 0 lies elsewhere than what follows it. */
    *count = index == 0 ? 1 : MIN(most, PAGE_NODE_SLOTS - index % PAGE_NODE_SLOTS);
    return page_tree_find(tree, index);
}

static struct page_node *new_node(void *(*alloc)(size_t size))
{
    struct page_node *node = alloc(sizeof(*node));

    if (node != NULL) {
        memset(node, 0, sizeof(*node));
    }
    return node;
}

static bool grow(struct page_tree *tree, u64 index, void *(*alloc)(size_t size))
{
    while (index >= capacity(tree->levels)) {
        struct page_node *node = new_node(alloc);

        if (node == NULL) {
            return false;
        }
        node->slot[0] = (u64)tree->root;
        tree->root = node;
        tree->levels++;
    }
    return true;
}

u64 *page_tree_make(struct page_tree *tree, u64 index, void *(*alloc)(size_t size))
{
    struct page_node *node;

    if (index == 0) {
        return &tree->first;
    }
    if (index >= PAGE_TREE_END || !grow(tree, index, alloc)) {
        return NULL;
    }
    node = tree->root;
    for (unsigned level = tree->levels - 1; level > 0; level--) {
        u64 *slot = &node->slot[slot_of(index, level)];

        if (*slot == 0) {
            *slot = (u64)new_node(alloc);
        }
        if (*slot == 0) {
            return NULL;
        }
        node = child_of(*slot);
    }
    return &node->slot[slot_of(index, 0)];
}

/* As page_tree_next(), in the nodes; on NULL *index is where to go on. */
static u64 *next_in_nodes(struct page_tree *tree, u64 *index)
{
    struct page_node *node = tree->root;
    unsigned level = tree->levels - 1;

    for (; level > 0; level--) {
        node = child_of(node->slot[slot_of(*index, level)]);
        if (node == NULL) {
            *index = ALIGN_DOWN(*index, capacity(level)) + capacity(level);
            return NULL;
        }
    }
    for (unsigned i = slot_of(*index, 0); i < PAGE_NODE_SLOTS; i++) {
        if (node->slot[i] != 0) {
            *index = ALIGN_DOWN(*index, (u64)PAGE_NODE_SLOTS) + i;
            return &node->slot[i];
        }
    }
    *index = ALIGN_DOWN(*index, (u64)PAGE_NODE_SLOTS) + PAGE_NODE_SLOTS;
    return NULL;
}

u64 *page_tree_next(struct page_tree *tree, u64 *index, u64 end)
{
    if (*index == 0 && end > 0) {
        if (tree->first != 0) {
            return &tree->first;
        }
        *index = 1;
    }
    end = MIN(end, capacity(tree->levels));
    while (*index < end) {
        u64 *slot = next_in_nodes(tree, index);

        if (slot != NULL) {
            return *index < end ? slot : NULL;
        }
    }
    return NULL;
}

struct prune {
    u64 index, end; /* where to go on, and to stop */
    unsigned left;  /* nodes that may still be looked at */
    void (*release)(void *node);
};

static bool node_is_empty(const struct page_node *node)
{
    for (unsigned i = 0; i < PAGE_NODE_SLOTS; i++) {
        if (node->slot[i] != 0) {
            return false;
        }
    }
    return true;
}

/*
 * Prunes below the node of `level` that begins with page `base`, as far as it may; true if
 * nothing is left in it.
 */
static bool prune_node(struct prune *prune, struct page_node *node, unsigned level, u64 base)
{
    u64 room = capacity(level); /* pages below each slot */

    if (level == 0) {
        prune->index = base + PAGE_NODE_SLOTS;
    }
    while (level > 0 && prune->index < MIN(prune->end, base + capacity(level + 1))) {
        u64 *slot = &node->slot[slot_of(prune->index, level)];
        u64 start = ALIGN_DOWN(prune->index, room);

        if (*slot != 0 && prune->left == 0) {
            return false;
        }
        if (*slot != 0) {
            prune->left--;
            if (prune_node(prune, child_of(*slot), level - 1, start)) {
                prune->release(child_of(*slot));
                *slot = 0;
            } else if (prune->index < MIN(prune->end, start + room)) {
                return false;
            }
        }
        prune->index = MAX(prune->index, start + room);
    }
    return node_is_empty(node);
}

bool page_tree_prune(struct page_tree *tree, u64 *index, u64 end, void (*release)(void *node))
{
    struct prune prune = {*index, MIN(end, capacity(tree->levels)), PRUNE_NODES, release};

    if (prune.index >= prune.end) {
        return false;
    }
    if (prune_node(&prune, tree->root, tree->levels - 1, 0)) {
        release(tree->root);
        tree->root = NULL;
        tree->levels = 0;
        return false;
    }
    *index = prune.index;
    return prune.index < prune.end;
}
