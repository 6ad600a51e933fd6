/* SPDX-License-Identifier: MIT */
/*
 * Large pages are the default: an empty 2 MiB window that lies wholly in its
 * region gets a 2 MiB frame at first touch, unless the region says otherwise
 * or memory runs short, when the rest is kept for those who need only 4 KiB.
 *
 * Memory that is touched in ascending order is mapped ahead, 1, 3, 7, 15
 * pages as the streak goes on: a fault costs about 130,000 cycles on kvm_pvm
 * before the first byte is zeroed, and 15 further entries cost little more.
 * What is mapped ahead may be memory wasted, so that ends when less than a
 * quarter is free, and goes far only while frames lie ready that need not be
 * zeroed during the fault.
 *
 * Where large pages do not fit, stacks and the allocator's first pages are
 * touched here and there: the aligned 64 KiB around the place are mapped while
 * more than half of memory is free, and 32 KiB while an eighth is.  A host that shadows the tables
 * looks at 8 entries at a time, too.  A thread's stack is first touched at its top, and by a JVM 20
 * pages down from there, one by one: near the end of a mapping, and where faults go downward, the
 * group below is mapped as well.
 */
#include <hugepages/policy.h>

#include <kernel/frame.h>

#define LARGE_FRAMES (1ull << ORDER_2M)

/* 2 MiB pages by default while more than a sixteenth of memory is free; in a small machine
 * a quarter, up to 16 MiB. */
#define SCARCE_DIVISOR 16
#define SCARCE_SMALL_DIVISOR 4
#define SCARCE_FRAMES (16 * MIB / PAGE_SIZE)
/* Mapping ahead while more than a quarter is free. */
#define PLENTY_DIVISOR 4
/* Small pages around the fault, while more than an eighth is free: a heap may have the rest. */
#define AROUND 8u
#define AROUND_PLENTY 16u /* while more than half is free */
#define AROUND_PLENTY_DIVISOR 2
#define AROUND_DIVISOR 8
#define STACK_LEAST (64 * PAGE_SIZE)
/* Large pages to zero ahead within a fault, 100 us each. */
#define AHEAD_UNZEROED 3u

static bool wants_large(const struct page_policy_query *q)
{
    vaddr_t window = ALIGN_DOWN(q->addr, LARGE_SIZE);
    u64 scarce = MAX(q->total_frames / SCARCE_DIVISOR,
                     MIN(q->total_frames / SCARCE_SMALL_DIVISOR, SCARCE_FRAMES));
    u64 reserve = q->pages == PAGES_LARGE || q->pages == PAGES_GIANT ? 0 : scarce;

    if (q->pages == PAGES_SMALL || !q->window_empty || window < q->start ||
        q->end - window < LARGE_SIZE) {
        return false;
    }
    return q->free_frames >= LARGE_FRAMES + reserve;
}

/* 0, 1, 3, 7, 15: doubles what a fault maps as the streak goes on. */
static unsigned ahead_by_streak(unsigned streak)
{
    return streak >= 4 ? FAULT_PAGES_MAX - 1 : (1u << streak) - 1;
}

/* Pages of `size` frames that may be mapped and still leave plenty. */
static u64 ahead_by_memory(const struct page_policy_query *q, u64 size)
{
    u64 keep = q->total_frames / PLENTY_DIVISOR + size;

    return q->free_frames > keep ? (q->free_frames - keep) / size : 0;
}

/* Is it where a stack begins, or is it growing? */
static bool goes_down(const struct page_policy_query *q)
{
    return q->falls || (q->end - q->start >= STACK_LEAST &&
                        q->end - ALIGN_DOWN(q->addr, PAGE_SIZE) <= FAULT_PAGES_MAX * PAGE_SIZE);
}

static struct page_policy_answer on_fault(const struct page_policy_query *q)
{
    struct page_policy_answer answer = {.order = wants_large(q) ? ORDER_2M : ORDER_4K};
    u64 ahead = ahead_by_streak(q->streak);

    ahead = MIN(ahead, ahead_by_memory(q, 1ull << answer.order));
    if (answer.order == ORDER_2M) {
        ahead = MIN(ahead, MAX(q->zeroed_frames / LARGE_FRAMES, AHEAD_UNZEROED));
    }
    answer.ahead = (unsigned)ahead;
    if (answer.order == ORDER_4K && q->pages != PAGES_SMALL &&
        q->free_frames > q->total_frames / AROUND_DIVISOR) {
        bool plenty = q->free_frames > q->total_frames / AROUND_PLENTY_DIVISOR;

        answer.around = plenty ? AROUND_PLENTY : AROUND;
        answer.below = plenty && goes_down(q) ? AROUND_PLENTY : 0;
    }
    return answer;
}

const struct page_policy_ops hugepages_policy = {.on_fault = on_fault};
