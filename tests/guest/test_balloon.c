/* SPDX-License-Identifier: MIT */
/*
 * QEMU's balloon, as tests/balloon.sh asks for it when it reads what is printed
 * here: memory is written to, taken by the host, given back, and given by ourselves.
 */
#include "../../kernel/pressure/pressure_priv.h"
#include "guest.h"

#include <drivers/devices.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define FRAMES_IN_2M (1ull << ORDER_2M)
#define TAKEN (256 * MIB / PAGE_SIZE)
#define LAST (64 * MIB / PAGE_SIZE)

/* Until the host has done its part, or hangs. */
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

/* Writes to seven eighths of what is free, so that the host has to have it. */
static u64 write_to_most(void)
{
    struct frame_stats stats;
    u64 blocks, done = 0;
    pfn_t list = 0, pfn;

    frame_get_stats(&stats);
    blocks = stats.free / FRAMES_IN_2M / 8 * 7;
    while (done < blocks && frame_alloc(ORDER_2M, 0, &pfn) == 0) {
        memset(pfn_to_virt(pfn), 0x5a, LARGE_SIZE);
        *(pfn_t *)pfn_to_virt(pfn) = list;
        list = pfn;
        done++;
    }
    while (list != 0) {
        pfn = list;
        list = *(pfn_t *)pfn_to_virt(pfn);
        frame_free(pfn, ORDER_2M);
    }
    return done;
}

GUEST_TEST(balloon_by_host)
{
    struct pressure_stats stats;
    s64 given;

    devices_init();
    if (!balloon_is_there()) {
        guest_skip("no balloon");
        return;
    }
    pressure_start();
    OK(write_to_most() > 128);
    guest_note("written");
    if (!OK(comes_to(TAKEN))) {
        return;
    }
    guest_note("taken");
    pressure_get_stats(&stats);
    EQ(stats.balloon, TAKEN);
    EQ(stats.balloon_wanted, TAKEN);
    if (!OK(comes_to(0))) {
        return;
    }
    OK(write_to_most() > 128);
    given = pressure_give(~0ull);
    OK(given == -EOPNOTSUPP || given > (s64)TAKEN);
    guest_note("given %ld", (long)(given < 0 ? given : given * (s64)PAGE_SIZE / (s64)MIB));
    OK(comes_to(LAST));
    frame_check();
}
