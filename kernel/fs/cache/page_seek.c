/* SPDX-License-Identifier: MIT */
/*
 * Where a memory file has data and where holes, for lseek(2).  A page that is
 * in the cache is data, also if it was never written; one that is not is a
 * hole.  Long runs are walked in parts, so that interrupts are not kept waiting.
 */
#include "page_cache_priv.h"

#define PART 4096u /* pages looked at with the lock held */

/* The first page in [index, index + PART) that is not there. */
static bool find_hole(struct page_cache *cache, u64 *index, u64 end)
{
    end = MIN(end, *index + PART);
    while (*index < end) {
        u64 n;
        const u64 *slot = page_tree_slots(&cache->tree, *index, end - *index, &n);

        if (slot == NULL) {
            return true;
        }
        for (u64 i = 0; i < n; i++) {
            if (slot[i] == 0) {
                *index += i;
                return true;
            }
        }
        *index += n;
    }
    return false;
}

bool page_cache_seek(struct page_cache *cache, u64 *index, u64 end, bool data)
{
    bool found = false;

    if (cache->ops->read != NULL) {
        return data && *index < end;
    }
    while (!found && *index < end) {
        bool irq = spin_lock(&cache->lock);

        if (data) {
            found = page_tree_next(&cache->tree, index, end) != NULL;
        } else {
            found = find_hole(cache, index, end);
        }
        spin_unlock(&cache->lock, irq);
        if (data) {
            break;
        }
    }
    return found;
}
