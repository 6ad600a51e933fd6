/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/cache/page_tree.c kernel/fs/cache/readahead.c */
/*
 * The tree of a file's pages, against a plain array; memory that runs out;
 * how far read-ahead goes.
 */
#include "host.h"

#include <string.h>

#include "../../kernel/fs/cache/page_tree_priv.h"
#include "../../kernel/fs/cache/readahead_priv.h"

#define SPACE 20000u

static void prune_all(struct page_tree *tree)
{
    u64 index = 0;

    while (page_tree_prune(tree, &index, PAGE_TREE_END, test_free)) {
    }
}

static void test_against_array(void)
{
    static u64 model[SPACE];
    struct page_tree tree = {0};
    u64 index = 0, wrong = 0;

    rnd_seed(1);

    for (unsigned i = 0; i < 200000; i++) {
        u64 at = rnd_below(SPACE);
        u64 *slot = page_tree_make(&tree, at, test_alloc);

        if (!OK(slot != NULL)) {
            return;
        }
        wrong += *slot != model[at];
        *slot = model[at] = rnd_below(3) == 0 ? 0 : at * 8 + 1;
        if (i % 50000 == 49999) {
            prune_all(&tree);
        }
    }
    for (u64 at = 0; at < SPACE; at++) {
        u64 *slot = page_tree_find(&tree, at);

        wrong += (slot == NULL ? 0 : *slot) != model[at];
        if (model[at] != 0) {
            u64 *next = page_tree_next(&tree, &index, SPACE);

            wrong += next == NULL || index != at || *next != model[at];
            index++;
        }
    }
    OK(wrong == 0);
    OK(page_tree_next(&tree, &index, ~0ull) == NULL);
    memset(model, 0, sizeof(model));
    for (u64 *slot; index = 0, (slot = page_tree_next(&tree, &index, SPACE)) != NULL;) {
        *slot = 0;
    }
    prune_all(&tree);
    OK(test_live() == 0 && tree.levels == 0);
}

/* The slots of a run are those of its pages, found one by one. */
static void test_slots(void)
{
    struct page_tree tree = {0};
    u64 wrong = 0, nodes = 0;

    for (u64 i = 0; i < 300; i++) {
        if (i < 64 || i >= 128) {
            *page_tree_make(&tree, i, test_alloc) = i * 8 + 1;
        }
    }
    for (u64 i = 0, n; i < 300; i += n) {
        u64 *slot = page_tree_slots(&tree, i, 300 - i, &n);

        wrong += n == 0 || n > 300 - i || (slot == NULL) != (i >= 64 && i < 128);
        for (u64 k = 0; slot != NULL && k < n; k++) {
            wrong += slot[k] != (i + k) * 8 + 1 || &slot[k] != page_tree_find(&tree, i + k);
        }
        nodes++;
    }
    OK(wrong == 0);
    OK(nodes == 6); /* page 0, then 63, 64 that are missing, 64, 64, 44 */
    for (u64 i = 0; i < 300; i++) {
        if (page_tree_find(&tree, i) != NULL) {
            *page_tree_find(&tree, i) = 0;
        }
    }
    prune_all(&tree);
    OK(test_live() == 0);
}

static void test_edges(void)

{
    struct page_tree tree = {0};
    u64 index;

    *page_tree_make(&tree, 0, test_alloc) = 5;
    OK(test_live() == 0); /* the first page needs no node */
    OK(*page_tree_find(&tree, 0) == 5);
    OK(page_tree_find(&tree, 1) == NULL);
    *page_tree_make(&tree, PAGE_TREE_END - 1, test_alloc) = 7;
    OK(page_tree_make(&tree, PAGE_TREE_END, test_alloc) == NULL);
    index = 1;
    OK(*page_tree_next(&tree, &index, PAGE_TREE_END) == 7 && index == PAGE_TREE_END - 1);
    index = 1;
    OK(page_tree_next(&tree, &index, PAGE_TREE_END - 1) == NULL);
    index = 0;
    OK(page_tree_next(&tree, &index, 0) == NULL);
    *page_tree_find(&tree, PAGE_TREE_END - 1) = 0;
    prune_all(&tree);
    OK(test_live() == 0 && tree.first == 5);
}

/* Only nodes of the range go, in steps that are short however large the tree. */
static void test_prune_range(void)
{
    struct page_tree tree = {0};
    u64 index = 64 * 100, steps = 1;
    s64 all;

    for (u64 i = 0; i < 64 * 1000; i += 64) {
        *page_tree_make(&tree, i + 1, test_alloc) = 0;
    }
    all = test_live();
    OK(!page_tree_prune(&tree, &index, 64 * 103, test_free));
    OK(all - test_live() == 3);
    OK(page_tree_find(&tree, 64 * 99 + 1) != NULL);
    OK(page_tree_find(&tree, 64 * 100 + 1) == NULL);
    OK(page_tree_find(&tree, 64 * 103 + 1) != NULL);
    *page_tree_find(&tree, 64 * 500 + 1) = 9;
    for (index = 0; page_tree_prune(&tree, &index, PAGE_TREE_END, test_free); steps++) {
        OK(all - test_live() <= (s64)(steps * 64 + 3));
        all = MAX(all, test_live());
    }
    OK(steps > 10);
    OK(test_live() == 3); /* the way to the one page */
    *page_tree_find(&tree, 64 * 500 + 1) = 0;
    prune_all(&tree);
    OK(test_live() == 0 && tree.levels == 0);
}

/* Whatever allocation fails, the tree stays whole and gives all back. */
static void test_no_memory(void)
{
    struct page_tree tree = {0};
    u64 failed = 0;

    for (u64 n = 0; n < 12; n++) {
        u64 *slot;

        fail_after((s64)n);
        slot = page_tree_make(&tree, 1ull << 40, test_alloc);
        fail_after(-1);
        failed += slot == NULL;
        OK(slot == NULL || *slot == 0);
        prune_all(&tree);
        OK(test_live() == 0);
    }
    OK(failed > 5 && failed < 14);
}

static void test_readahead(void)
{
    struct readahead ahead = {0};
    u64 index = 0;
    unsigned last = 0, n;

    for (unsigned i = 0; i < 8; i++) {
        n = readahead_plan(&ahead, index, 100000);
        OK(n >= last && n <= READAHEAD_MOST);
        last = n;
        index += n;
    }
    OK(last == READAHEAD_MOST);
    OK(readahead_plan(&ahead, 5000, 100000) == READAHEAD_FIRST); /* a jump */
    OK(readahead_plan(&ahead, 5000 + READAHEAD_FIRST + 2, 100000) == 2 * READAHEAD_FIRST);
    OK(readahead_plan(&ahead, 40, 100000) == READAHEAD_FIRST); /* backwards */
    OK(readahead_plan(&ahead, 99999, 100000) == 1);
    OK(readahead_plan(&ahead, 100000, 100000) == 1);
    readahead_reset(&ahead);
    OK(ahead.window == 0);
}

static void test_windows(void)
{
    struct readahead ahead = {0};
    u64 index;

    OK(readahead_takes_windows(1000, 16000));
    OK(!readahead_takes_windows(1001, 16000)); /* a sixteenth of what is free */
    OK(readahead_takes_windows(READAHEAD_SMALL, 1u << 24));
    OK(!readahead_takes_windows(READAHEAD_SMALL + 1, 1u << 24));
    /* One window after the other is a stream; a look here and there is none. */
    readahead_note_window(&ahead, 0, 512);
    OK(readahead_next(&ahead, 4096, &index) == 0);
    readahead_note_window(&ahead, 2048, 512);
    OK(readahead_next(&ahead, 4096, &index) == 0);
    readahead_note_window(&ahead, 2560, 512);
    OK(readahead_next(&ahead, 4096, &index) == 512 && index == 3072);
}

/* A file that is read from any page on is soon read by whole frames of 2 MiB. */
static void test_streaming(void)
{
    for (unsigned start = 0; start < 2000; start += 37) {
        struct readahead ahead = {0};
        u64 index = start, requests = 0, next = 0;

        OK(!readahead_is_streaming(&ahead, index));
        while (index % 512 != 0 || ahead.window != READAHEAD_MOST) {
            index += readahead_plan(&ahead, index, 1u << 20);
            requests++;
        }
        OK(requests < 11);
        for (unsigned i = 0; i < 4; i++) {
            OK(readahead_is_streaming(&ahead, index));
            OK(readahead_plan(&ahead, index, 1u << 20) == 512);
            index += 512;
        }
        /* What is read before it is missed is not planned twice, unless it failed. */
        OK(readahead_next(&ahead, 1u << 20, &next) == 512 && next == index);
        OK(readahead_is_streaming(&ahead, index + 512));
        readahead_undo(&ahead, next);
        OK(readahead_is_streaming(&ahead, index));
        OK(readahead_next(&ahead, index + 7, &next) == 7);
        OK(readahead_next(&ahead, index + 7, &next) == 0);
        readahead_undo(&ahead, next);
        OK(!readahead_is_streaming(&ahead, 5));
        OK(readahead_plan(&ahead, index, index + 100) == 100);
    }
}

int main(void)
{
    run("random pages against an array", test_against_array);
    run("slots side by side", test_slots);
    run("the first page, the last, and none", test_edges);
    run("nodes go by range and in steps", test_prune_range);
    run("memory runs out", test_no_memory);
    run("read-ahead grows and starts anew", test_readahead);
    run("small files are read by windows", test_windows);
    run("streams are read by 2 MiB", test_streaming);
    return finish();
}
