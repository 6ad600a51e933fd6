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

/* Prunes below the node of `level`; true if nothing is left in it. */
static bool prune_node(struct page_node *node, unsigned level, void (*release)(void *node))
{
    bool empty = true;

    for (unsigned i = 0; i < PAGE_NODE_SLOTS; i++) {
        struct page_node *child = child_of(node->slot[i]);

        if (level > 0 && child != NULL && prune_node(child, level - 1, release)) {
            release(child);
            node->slot[i] = 0;
        }
        empty &= node->slot[i] == 0;
    }
    return empty;
}

void page_tree_prune(struct page_tree *tree, void (*release)(void *node))
{
    if (tree->levels > 0 && prune_node(tree->root, tree->levels - 1, release)) {
        release(tree->root);
        tree->root = NULL;
        tree->levels = 0;
    }
}
