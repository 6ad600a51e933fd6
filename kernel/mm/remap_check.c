/* SPDX-License-Identifier: MIT */
/*
 * Do the sources that a call unmaps overlap each other, or a place that another
 * pair's pages come to?  Pure: all places are sorted (a heap sort, in memory of the
 * caller's), and then looked at in ascending order.
 */
#include "remap_check_priv.h"

static void exchange(struct remap_place *a, struct remap_place *b)
{
    struct remap_place c = *a;

    *a = *b;
    *b = c;
}

/* The heap below `at` is one again, but for `at` itself. */
static void sift_down(struct remap_place *heap, u64 at, u64 count)
{
    for (u64 child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && heap[child + 1].start > heap[child].start) {
            child++;
        }
        if (heap[at].start >= heap[child].start) {
            return;
        }
        exchange(&heap[at], &heap[child]);
        at = child;
    }
}

static void sort(struct remap_place *place, u64 count)
{
    for (u64 i = count / 2; i-- > 0;) {
        sift_down(place, i, count);
    }
    for (u64 left = count; left-- > 1;) {
        exchange(&place[0], &place[left]);
        sift_down(place, 0, left);
    }
}

bool remap_sources_apart(const struct remap_pair *pairs, u64 count, struct remap_place *place)
{
    vaddr_t end_sources = 0, end_all = 0;

    for (u64 i = 0; i < count; i++) {
        place[2 * i] = (struct remap_place){pairs[i].to, pairs[i].to + pairs[i].size, false};
        place[2 * i + 1] = (struct remap_place){pairs[i].from, pairs[i].from + pairs[i].size, true};
    }
    sort(place, 2 * count);
    for (u64 i = 0; i < 2 * count; i++) {
        if (place[i].start < (place[i].source ? end_all : end_sources)) {
            return false;
        }
        end_all = MAX(end_all, place[i].end);
        end_sources = MAX(end_sources, place[i].source ? place[i].end : 0);
    }
    return true;
}
