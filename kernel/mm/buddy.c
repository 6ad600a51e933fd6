/* SPDX-License-Identifier: MIT */
/*
 * Buddy allocator.  A free list per order, last in first out, so that memory
 * that is still in the caches goes out again; a request splits the smallest
 * block that is large enough and gets its lower end, so that large blocks
 * stay whole.  Both directions cost one step per order, 18 at most.
 *
 * An allocated block may be freed in parts: buddy_free() finds the block
 * that a frame lies in by looking at the (at most 19) places where its first
 * frame can be, and splits it down to the part.
 *
 * Start-up must not touch a descriptor per frame: 20 GiB have 80 MiB of
 * them.  So only first frames are written, and buddy_free() relies on the
 * others only inside used blocks, which buddy_format() has cleared.  The one
 * place that looks outside is merging, at a block's buddy.  For a buddy that
 * is not ours, buddy_add() writes what will be seen there:
 *
 *      hole        s          range          e     hole
 *   ----x------x---|=========================|x------------
 *
 * Below a range that starts at s, the buddy of a block of order k in it can
 * only be at align_up(s, 2^k) - 2^k; above one that ends at e, only at e.
 */
#include "buddy_priv.h"

#include <kernel/assert.h>
#include <kernel/errno.h>
#include <kernel/string.h>

static bool has_desc(const struct buddy *b, pfn_t pfn)
{
    return pfn >= b->base && pfn < b->end;
}

static void list_push(struct buddy *b, pfn_t pfn, unsigned order)
{
    struct frame_desc *desc = buddy_desc(b, pfn);

    desc->state = FRAME_FREE;
    desc->order = (u8)order;
    desc->prev = BUDDY_NONE;
    desc->next = b->head[order];
    if (desc->next != BUDDY_NONE) {
        buddy_desc(b, desc->next)->prev = (u32)pfn;
    }
    b->head[order] = (u32)pfn;
    b->count[order]++;
    b->nonempty |= 1u << order;
}

static void list_remove(struct buddy *b, pfn_t pfn)
{
    struct frame_desc *desc = buddy_desc(b, pfn);
    unsigned order = desc->order;

    if (desc->prev != BUDDY_NONE) {
        buddy_desc(b, desc->prev)->next = desc->next;
    } else {
        b->head[order] = desc->next;
    }
    if (desc->next != BUDDY_NONE) {
        buddy_desc(b, desc->next)->prev = desc->prev;
    }
    desc->state = FRAME_NOT_FIRST;
    b->count[order]--;
    if (b->count[order] == 0) {
        b->nonempty &= ~(1u << order);
    }
}

void buddy_init(struct buddy *b, struct frame_desc *frames, pfn_t base, pfn_t end, bool clear)
{
    BUG_ON(base > end || end >= BUDDY_NONE);
    *b = (struct buddy){
        .frames = frames, .base = base, .end = end, .added_end = base, .cleared = clear};
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        b->head[order] = BUDDY_NONE;
    }
    if (clear) {
        memset(frames, 0, (end - base) * sizeof(*frames));
    }
}

/* Puts a block on its list, joined with its buddy as long as that is free. */
static void insert_merged(struct buddy *b, pfn_t pfn, unsigned order)
{
    b->free += 1ull << order;
    for (; order < FRAME_ORDERS - 1; order++) {
        pfn_t buddy = pfn ^ (1ull << order);

        if (!has_desc(b, buddy) || buddy_desc(b, buddy)->state != FRAME_FREE ||
            buddy_desc(b, buddy)->order != order) {
            break;
        }
        list_remove(b, buddy);
        buddy_desc(b, pfn)->state = FRAME_NOT_FIRST;
        pfn &= ~(1ull << order);
    }
    list_push(b, pfn, order);
}

static void clear_desc(struct buddy *b, pfn_t pfn)
{
    if (has_desc(b, pfn)) {
        memset(buddy_desc(b, pfn), 0, sizeof(struct frame_desc));
    }
}

/* See the top of the file. */
static void clear_below(struct buddy *b, pfn_t start)
{
    for (unsigned order = 0; order < FRAME_ORDERS - 1; order++) {
        pfn_t above = ALIGN_UP(start, 1ull << order);

        /* What was added before has been written already. */
        if (above >= b->added_end + (1ull << order)) {
            clear_desc(b, above - (1ull << order));
        }
    }
}

/* The largest order of a block that starts at `pfn` and ends by `end`. */
static unsigned order_at(pfn_t pfn, pfn_t end)
{
    unsigned order = 0;

    while (order < FRAME_ORDERS - 1 && IS_ALIGNED(pfn, 2ull << order) &&
           pfn + (2ull << order) <= end) {
        order++;
    }
    return order;
}

void buddy_add(struct buddy *b, pfn_t start, pfn_t end)
{
    BUG_ON(start < b->added_end || start >= end || end > b->end);
    clear_below(b, start);
    b->added_end = end;
    b->total += end - start;
    while (start < end) {
        unsigned order = order_at(start, end);

        /* The buddy above, if it is that block, is not in yet or not ours. */
        clear_desc(b, start + (1ull << order));
        insert_merged(b, start, order);
        start += 1ull << order;
    }
}

/* Makes the free block `pfn` one of `order`; the rest goes to the lists. */
static void split_free(struct buddy *b, pfn_t pfn, unsigned order)
{
    unsigned have = buddy_desc(b, pfn)->order;

    list_remove(b, pfn);
    while (have > order) {
        have--;
        list_push(b, pfn + (1ull << have), have);
    }
}

int buddy_alloc(struct buddy *b, unsigned order, pfn_t *pfn)
{
    u32 candidates;

    BUG_ON(order >= FRAME_ORDERS);
    candidates = b->nonempty >> order;
    if (candidates == 0) {
        return -ENOMEM;
    }
    *pfn = b->head[order + (unsigned)__builtin_ctz(candidates)];
    split_free(b, *pfn, order);
    buddy_desc(b, *pfn)->state = FRAME_USED;
    buddy_desc(b, *pfn)->order = (u8)order;
    b->free -= 1ull << order;
    return 0;
}

void buddy_format(struct buddy *b, pfn_t pfn, unsigned order)
{
    struct frame_desc *first = buddy_desc(b, pfn);

    first->tag = 0;
    atomic_store_explicit(&first->uses, 0, memory_order_relaxed);
    memset(first + 1, 0, ((1ull << order) - 1) * sizeof(*first));
}

/* The first frame of the block that `pfn` lies in, or BUDDY_NONE. */
static pfn_t find_block(const struct buddy *b, pfn_t pfn)
{
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        pfn_t first = ALIGN_DOWN(pfn, 1ull << order);
        const struct frame_desc *desc;

        if (!has_desc(b, first)) {
            break;
        }
        desc = buddy_desc(b, first);
        if (desc->state != FRAME_NOT_FIRST && pfn - first < 1ull << desc->order) {
            return first;
        }
    }
    return BUDDY_NONE;
}

bool buddy_is_used(const struct buddy *b, pfn_t pfn, unsigned order)
{
    pfn_t first = IS_ALIGNED(pfn, 1ull << order) ? find_block(b, pfn) : BUDDY_NONE;

    return first != BUDDY_NONE && buddy_desc(b, first)->state == FRAME_USED &&
           buddy_desc(b, first)->order >= order;
}

/* The used block that holds the whole of the block to be freed; else BUG. */
static pfn_t find_used(const struct buddy *b, pfn_t pfn, unsigned order)
{
    pfn_t first;

    if (order >= FRAME_ORDERS || !IS_ALIGNED(pfn, 1ull << order) || !has_desc(b, pfn)) {
        BUG("freed frame %lx, order %u: no block of ours", pfn, order);
    }
    first = find_block(b, pfn);
    if (first == BUDDY_NONE) {
        BUG("freed frame %lx, order %u: reserved", pfn, order);
    }
    if (buddy_desc(b, first)->state != FRAME_USED) {
        BUG("freed frame %lx, order %u: is free already, in block %lx of order %u", pfn, order,
            first, buddy_desc(b, first)->order);
    }
    if (buddy_desc(b, first)->order < order) {
        BUG("freed frame %lx, order %u: was allocated with order %u", pfn, order,
            buddy_desc(b, first)->order);
    }
    return first;
}

/* Splits the used block `first` until `pfn` is one of `order` of its own. */
static void split_used(struct buddy *b, pfn_t first, pfn_t pfn, unsigned order)
{
    while (buddy_desc(b, first)->order > order) {
        struct frame_desc *lower = buddy_desc(b, first);
        pfn_t middle;

        lower->order--;
        middle = first + (1ull << lower->order);
        buddy_desc(b, middle)->state = FRAME_USED;
        buddy_desc(b, middle)->order = lower->order;
        if (pfn >= middle) {
            first = middle;
        }
    }
}

void buddy_free(struct buddy *b, pfn_t pfn, unsigned order)
{
    pfn_t first = find_used(b, pfn, order);
    const struct frame_desc *desc = buddy_desc(b, pfn);

    if (desc->tag != 0 || atomic_load_explicit(&desc->uses, memory_order_relaxed) != 0) {
        BUG("freed frame %lx, order %u: still has tag %x and %u further uses", pfn, order,
            desc->tag, atomic_load_explicit(&desc->uses, memory_order_relaxed));
    }
    split_used(b, first, pfn, order);
    insert_merged(b, pfn, order);
}

void buddy_check_used(const struct buddy *b, pfn_t pfn, unsigned order)
{
    (void)find_used(b, pfn, order);
}

static void check_free_block(const struct buddy *b, pfn_t pfn, unsigned order, u32 prev)
{
    pfn_t buddy = pfn ^ (1ull << order);

    BUG_ON(!has_desc(b, pfn) || pfn + (1ull << order) > b->end);
    BUG_ON(!IS_ALIGNED(pfn, 1ull << order));
    BUG_ON(buddy_desc(b, pfn)->state != FRAME_FREE);
    BUG_ON(buddy_desc(b, pfn)->order != order);
    BUG_ON(buddy_desc(b, pfn)->prev != prev);
    if (order < FRAME_ORDERS - 1 && has_desc(b, buddy)) {
        BUG_ON(buddy_desc(b, buddy)->state == FRAME_FREE && buddy_desc(b, buddy)->order == order);
    }
}

static void check_list(const struct buddy *b, unsigned order)
{
    u32 prev = BUDDY_NONE;
    u64 count = 0;

    for (u32 pfn = b->head[order]; pfn != BUDDY_NONE; pfn = buddy_desc(b, pfn)->next) {
        check_free_block(b, pfn, order, prev);
        prev = pfn;
        count++;
        BUG_ON(count > b->count[order]); /* a ring */
    }
    BUG_ON(count != b->count[order]);
    BUG_ON((count > 0) != ((b->nonempty >> order & 1) != 0));
}

/* Every block, by address; holes read as FRAME_NOT_FIRST. */
static void check_blocks(const struct buddy *b)
{
    u64 frames[3] = {0, 0, 0};

    for (pfn_t pfn = b->base; pfn < b->end;) {
        const struct frame_desc *desc = buddy_desc(b, pfn);
        u64 size = desc->state == FRAME_NOT_FIRST ? 1 : 1ull << desc->order;

        BUG_ON(desc->state > FRAME_USED || !IS_ALIGNED(pfn, size) || pfn + size > b->end);
        frames[desc->state] += size;
        pfn += size;
    }
    BUG_ON(frames[FRAME_FREE] != b->free);
    BUG_ON(frames[FRAME_FREE] + frames[FRAME_USED] != b->total);
}

void buddy_check(const struct buddy *b)
{
    u64 free = 0;

    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        check_list(b, order);
        free += b->count[order] << order;
    }
    BUG_ON(free != b->free);
    BUG_ON(b->free > b->total);
    if (b->cleared) {
        check_blocks(b);
    }
}
