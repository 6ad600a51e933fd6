/* SPDX-License-Identifier: MIT */
/*
 * Ranges of memory in a sorted array.  There are a handful, and each
 * operation runs a few times in a boot: insertion by shifting is enough.
 */
#include "ram_list_priv.h"

#include <kernel/assert.h>

static void delete_at(struct ram_list *list, unsigned i)
{
    list->count--;
    for (; i < list->count; i++) {
        list->range[i] = list->range[i + 1];
    }
}

static bool insert_at(struct ram_list *list, unsigned i, paddr_t start, paddr_t end)
{
    if (list->count == RAM_LIST_MAX) {
        return false;
    }
    for (unsigned j = list->count; j > i; j--) {
        list->range[j] = list->range[j - 1];
    }
    list->range[i] = (struct mem_range){start, end};
    list->count++;
    return true;
}

bool ram_list_add(struct ram_list *list, paddr_t start, paddr_t end)
{
    unsigned i = 0;

    start = ALIGN_UP(start, PAGE_SIZE);
    end = ALIGN_DOWN(end, PAGE_SIZE);
    if (start >= end) {
        return true;
    }
    while (i < list->count && list->range[i].end < start) {
        i++;
    }
    if (i == list->count || list->range[i].start > end) {
        return insert_at(list, i, start, end);
    }
    if (list->range[i].end > start) {
        BUG_ON(list->range[i].start < end);
        list->range[i].start = start; /* touches from below */
        return true;
    }
    list->range[i].end = end;
    if (i + 1 < list->count && list->range[i + 1].start <= end) {
        BUG_ON(list->range[i + 1].start < end);
        list->range[i].end = list->range[i + 1].end;
        delete_at(list, i + 1);
    }
    return true;
}

bool ram_list_remove(struct ram_list *list, paddr_t start, paddr_t end)
{
    unsigned i = 0;

    while (i < list->count) {
        struct mem_range *range = &list->range[i];
        paddr_t old_end = range->end;

        if (range->start >= start && old_end <= end) {
            delete_at(list, i);
            continue;
        }
        i++;
        if (old_end <= start || range->start >= end) {
            continue;
        }
        if (range->start >= start) {
            range->start = end;
            continue;
        }
        range->end = start;
        if (old_end > end && !insert_at(list, i, end, old_end)) {
            return false;
        }
    }
    return true;
}

bool ram_list_take(struct ram_list *list, u64 size, paddr_t *start)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->range[i].end - list->range[i].start >= size) {
            *start = list->range[i].start;
            return ram_list_remove(list, *start, *start + size);
        }
    }
    return false;
}
