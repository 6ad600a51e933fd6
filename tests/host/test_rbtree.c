/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/rbtree.c */
/*
 * The tree against a sorted array, after every step; and in small, all
 * orders of insertion and removal of a handful of keys.
 */
#include "host.h"

#include <kernel/rbtree.h>

#define KEYS 300

struct item {
    struct rb_node node;
    unsigned key;
    bool in;
};

static struct {
    struct rb_tree tree;
    struct item items[KEYS]; /* items[k].key == k */
} fixture;

static struct item *item_of(struct rb_node *node)
{
    return container_of(node, struct item, node);
}

static void insert(struct item *item)
{
    struct rb_node *parent = NULL;
    struct rb_node *node = fixture.tree.root;
    int side = 0;

    while (node != NULL) {
        parent = node;
        side = item->key > item_of(node)->key;
        node = node->child[side];
    }
    rb_link(&fixture.tree, parent, side, &item->node);
    item->in = true;
}

static void remove_item(struct item *item)
{
    rb_remove(&fixture.tree, &item->node);
    item->in = false;
}

static void reset(void)
{
    fixture.tree.root = NULL;
    for (unsigned k = 0; k < KEYS; k++) {
        fixture.items[k].key = k;
        fixture.items[k].in = false;
    }
}

/* Walks both ways and compares with the `in` flags. */
static bool agrees(unsigned keys)
{
    struct rb_node *node = rb_first(&fixture.tree);
    struct rb_node *last = NULL;

    rb_check(&fixture.tree);
    for (unsigned k = 0; k < keys; k++) {
        if (!fixture.items[k].in) {
            continue;
        }
        if (node != &fixture.items[k].node || rb_prev(node) != last) {
            return false;
        }
        last = node;
        node = rb_next(node);
    }
    return node == NULL && last == rb_last(&fixture.tree);
}

static void test_empty(void)
{
    reset();
    OK(rb_first(&fixture.tree) == NULL);
    OK(rb_last(&fixture.tree) == NULL);
    rb_check(&fixture.tree);
    insert(&fixture.items[0]);
    OK(agrees(1));
    remove_item(&fixture.items[0]);
    OK(fixture.tree.root == NULL);
}

#define FEW 6
#define FEW_ORDERS 720

/* The n-th permutation of 0 .. FEW - 1. */
static void permutation(unsigned n, unsigned order[FEW])
{
    for (unsigned i = 0; i < FEW; i++) {
        order[i] = i;
    }
    for (unsigned i = FEW; i > 1; n /= i, i--) {
        unsigned j = n % i;
        unsigned swap = order[i - 1];

        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static void test_all_orders(void)
{
    unsigned in[FEW], out[FEW];

    for (unsigned i = 0; i < FEW_ORDERS; i++) {
        for (unsigned j = 0; j < FEW_ORDERS; j += 7) {
            bool good = true;

            permutation(i, in);
            permutation((i + j) % FEW_ORDERS, out);
            reset();
            for (unsigned k = 0; k < FEW; k++) {
                insert(&fixture.items[in[k]]);
                good = good && agrees(FEW);
            }
            for (unsigned k = 0; k < FEW; k++) {
                remove_item(&fixture.items[out[k]]);
                good = good && agrees(FEW);
            }
            if (!OK(good)) {
                return;
            }
        }
    }
}

static void test_ascending_is_shallow(void)
{
    unsigned depth = 0;

    reset();
    for (unsigned k = 0; k < KEYS; k++) {
        insert(&fixture.items[k]);
    }
    for (struct rb_node *n = rb_last(&fixture.tree); n != NULL; n = n->parent) {
        depth++;
    }
    OK(agrees(KEYS));
    OK(depth <= 18); /* 2 log2(300 + 1) */
}

static void test_random(void)
{
    reset();
    for (unsigned step = 0; step < 20000; step++) {
        /* The tree swells and shrinks in turns. */
        bool grow = rnd_below(10) < (step / 1000 % 2 ? 7u : 3u);
        struct item *item = &fixture.items[rnd_below(KEYS)];

        if (grow != item->in) {
            item->in ? remove_item(item) : insert(item);
        }
        if (!OK(agrees(KEYS))) {
            return;
        }
    }
}

static void test_check_finds_faults(void)
{
    reset();
    for (unsigned k = 0; k < 10; k++) {
        insert(&fixture.items[k]);
    }
    struct rb_node *leaf = rb_first(&fixture.tree);

    leaf->red = !leaf->red;
    OK(EXPECT_BUG(rb_check(&fixture.tree)));
    leaf->red = !leaf->red;
    rb_check(&fixture.tree);

    struct rb_node *other = leaf->parent;

    leaf->parent = rb_last(&fixture.tree);
    OK(EXPECT_BUG(rb_check(&fixture.tree)));
    leaf->parent = other;
    fixture.tree.root->red = true;
    OK(EXPECT_BUG(rb_check(&fixture.tree)));
}

int main(void)
{
    run("an empty tree", test_empty);
    run("all orders of six keys", test_all_orders);
    run("ascending keys stay balanced", test_ascending_is_shallow);
    run("random insertions and removals", test_random);
    run("rb_check finds faults", test_check_finds_faults);
    return finish();
}
