/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes to the host, with a device of our own that holds it to its
 * word: what it was given must not be used before it is taken back.  Then the device
 * wants more than there is, and at last it fails.
 */
#include "../../kernel/pressure/pressure_priv.h"
#include "guest.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/thread.h>

#define FRAMES_IN_2M (1ull << ORDER_2M)
#define MARK 0x686f7374u

static u64 free_frames(void)
{
    struct frame_stats stats;

    frame_get_stats(&stats);
    return stats.free;
}

/* Writing to all of it takes long where the host must find it first. */
static bool is_too_large(void)
{
    bool large = free_frames() > 2 * GIB / PAGE_SIZE;

    if (large) {
        guest_skip("more than 2 GiB of memory");
    }
    return large;
}

/* ---- The device. -------------------------------------------------------------------------- */

static struct {
    _Atomic u64 wanted, told;
    _Atomic int error; /* of the next call */
    unsigned stops, starts;
    u64 reported;
} fake;

static u32 *first_word(const struct frame_block *block, u64 frame)
{
    return pfn_to_virt(block->pfn + frame);
}

/* Marks the blocks, and sees that the marks stay while it has them. */
static int use_blocks(const struct frame_block *blocks, unsigned count)
{
    int error = atomic_exchange_explicit(&fake.error, 0, memory_order_relaxed);

    for (unsigned i = 0; i < count; i++) {
        OK(IS_ALIGNED(blocks[i].pfn, 1ull << blocks[i].order));
        for (u64 j = 0; j < 1ull << blocks[i].order; j++) {
            *first_word(&blocks[i], j) = MARK;
        }
    }
    sched_delay(NSEC_PER_MSEC);
    for (unsigned i = 0; i < count; i++) {
        u64 j = 0;

        while (j < 1ull << blocks[i].order && *first_word(&blocks[i], j) == MARK) {
            j++;
        }
        EQ(j, 1ull << blocks[i].order);
    }
    return error;
}

static int fake_start(void *device, unsigned *features)
{
    EQ(device, &fake);
    fake.starts++;
    *features = BALLOON_TAKE_BACK | BALLOON_REPORT;
    return 0;
}

static u64 fake_wanted(void *device)
{
    (void)device;
    return atomic_load_explicit(&fake.wanted, memory_order_relaxed);
}

static int fake_inflate(void *device, const struct frame_block *blocks, unsigned count)
{
    (void)device;
    return use_blocks(blocks, count);
}

/* What was inflated is as it was left. */
static int fake_deflate(void *device, const struct frame_block *blocks, unsigned count)
{
    (void)device;
    for (unsigned i = 0; i < count; i++) {
        EQ(*first_word(&blocks[i], 0), MARK);
    }
    return atomic_exchange_explicit(&fake.error, 0, memory_order_relaxed);
}

static void fake_tell(void *device, u64 frames)
{
    (void)device;
    atomic_store_explicit(&fake.told, frames, memory_order_relaxed);
}

static int fake_report(void *device, const struct frame_block *blocks, unsigned count)
{
    (void)device;
    for (unsigned i = 0; i < count; i++) {
        OK(blocks[i].order >= ORDER_2M);
        fake.reported += 1ull << blocks[i].order;
    }
    return use_blocks(blocks, count);
}

static void fake_stop(void *device)
{
    (void)device;
    fake.stops++;
}

static const struct balloon_ops fake_ops = {
    .start = fake_start,
    .wanted = fake_wanted,
    .inflate = fake_inflate,
    .deflate = fake_deflate,
    .tell = fake_tell,
    .report = fake_report,
    .stop = fake_stop,
};

/* ---- Blocks on their way. ----------------------------------------------------------------- */

/* All blocks of 2 MiB that can be had, in a list through themselves. */
static pfn_t take_all(u64 *frames)
{
    pfn_t list = 0, pfn;

    for (*frames = 0; frame_alloc(ORDER_2M, 0, &pfn) == 0; *frames += FRAMES_IN_2M) {
        *(pfn_t *)pfn_to_virt(pfn) = list;
        list = pfn;
    }
    return list;
}

static void free_all(pfn_t list)
{
    while (list != 0) {
        pfn_t next = *(pfn_t *)pfn_to_virt(list);

        frame_free(list, ORDER_2M);
        list = next;
    }
}

GUEST_TEST(pressure_lends_frames)
{
    struct frame_block blocks[8];
    struct frame_stats stats;
    u64 lent = 0, taken, all;
    unsigned count;
    pfn_t list;

    if (is_too_large()) {
        return;
    }
    frame_trim();
    list = take_all(&all);
    free_all(list);
    if (all < 16 * FRAMES_IN_2M) {
        guest_skip("too little memory");
        return;
    }
    frame_trim(); /* an idle CPU may have zeroed some of it */
    count = frame_lend(blocks, ARRAY_SIZE(blocks), all / 2);
    OK(count > 0);
    for (unsigned i = 0; i < count; i++) {
        OK(blocks[i].order >= ORDER_2M && blocks[i].order <= 14);
        lent += 1ull << blocks[i].order;
    }
    OK(lent <= all / 2);
    frame_get_stats(&stats);
    EQ(stats.lent, lent);
    list = take_all(&taken);
    OK(taken <= all - lent + 8 * FRAMES_IN_2M); /* not these; others may have come free */
    free_all(list);
    frame_lent(blocks, count / 2);
    frame_lend_cancel(blocks + count / 2, count - count / 2);
    list = take_all(&taken);
    OK(taken + 8 * FRAMES_IN_2M >= all);
    frame_get_stats(&stats);
    EQ(stats.lent, 0);
    free_all(list);
    EQ(frame_lend(blocks, ARRAY_SIZE(blocks), FRAMES_IN_2M - 1), 0);
    frame_check();
}

/* ---- All of it. --------------------------------------------------------------------------- */

static bool comes_to(u64 frames)
{
    for (nsec_t end = clock_now() + 150 * NSEC_PER_SEC; clock_now() < end;) {
        if (balloon_frames() == frames) {
            return true;
        }
        sched_delay(10 * NSEC_PER_MSEC);
    }
    guest_note("%lu frames in the balloon, not %lu", balloon_frames(), frames);
    return false;
}

static void host_wants(u64 frames)
{
    atomic_store_explicit(&fake.wanted, frames, memory_order_relaxed);
    balloon_changed();
}

static void gives(void)
{
    struct pressure_stats before, after;
    u64 taken;
    s64 given;

    pressure_get_stats(&before);
    given = pressure_give(4 * FRAMES_IN_2M);
    pressure_get_stats(&after);
    EQ(given, 4 * FRAMES_IN_2M);
    EQ(fake.reported, given);
    EQ(after.lent, before.lent + (u64)given);
    EQ(after.given_to_host, before.given_to_host + (u64)given);
    EQ(pressure_give(0), 0);
    free_all(take_all(&taken));
    pressure_get_stats(&after);
    EQ(after.lent, 0);
    frame_check();
}

static void inflates(void)
{
    u64 part = free_frames() / 4, before;

    host_wants(part + 3);
    OK(comes_to(part + 3));
    EQ(atomic_load(&fake.told), part + 3);
    host_wants(part / 2);
    OK(comes_to(part / 2));
    EQ(atomic_load(&fake.told), part / 2);
    before = free_frames();
    host_wants(0);
    OK(comes_to(0));
    OK(free_frames() + FRAMES_IN_2M >= before + part / 2);
    frame_check();
}

/* So much is free, or less. */
static bool falls_to(u64 frames)
{
    for (nsec_t end = clock_now() + 150 * NSEC_PER_SEC; clock_now() < end;) {
        if (frame_free_estimate() <= frames) {
            return true;
        }
        sched_delay(10 * NSEC_PER_MSEC);
    }
    guest_note("%lu frames free, not %lu", frame_free_estimate(), frames);
    return false;
}

/* Some memory is left, and what is in the balloon can be had when there is none. */
static void wants_too_much(void)
{
    struct pressure_stats stats;
    u64 frames;

    pressure_get_stats(&stats);
    host_wants(0xffffffff);
    OK(falls_to(stats.critical_bytes / PAGE_SIZE + 1));
    OK(balloon_frames() > stats.free / 2);
    OK(free_frames() >= stats.critical_bytes / PAGE_SIZE / 2);
    OK(balloon_take_back(1000) >= 1000); /* it may take some more until then, but not after */
    frames = balloon_frames();
    EQ(atomic_load(&fake.told), frames);
    sched_delay(300 * NSEC_PER_MSEC);
    EQ(balloon_frames(), frames);
    host_wants(0);
    OK(comes_to(0));
}

static void fails(void)
{
    u64 before, taken;

    free_all(take_all(&taken));
    before = free_frames();
    atomic_store(&fake.error, -EIO);
    EQ(pressure_give(4 * FRAMES_IN_2M), 0);
    EQ(fake.stops, 1);
    EQ(pressure_give(4 * FRAMES_IN_2M), -EOPNOTSUPP);
    host_wants(1000);
    sched_delay(100 * NSEC_PER_MSEC);
    EQ(balloon_frames(), 0);
    OK(free_frames() + 2 * FRAMES_IN_2M >= before);
    EQ(fake.starts, 1);
    frame_check();
}

GUEST_TEST(pressure_device)
{
    if (balloon_is_there()) {
        guest_skip("the machine has a balloon, or this test has run");
        return;
    }
    if (free_frames() < 32 * FRAMES_IN_2M) {
        guest_skip("too little memory");
        return;
    }
    if (is_too_large()) {
        return;
    }
    EQ(pressure_give(1), -EOPNOTSUPP);
    balloon_register(&fake_ops, &fake);
    pressure_start();
    gives();
    inflates();
    wants_too_much();
    fails();
}
