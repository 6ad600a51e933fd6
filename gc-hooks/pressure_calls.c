/* SPDX-License-Identifier: MIT */
/*
 * The hooks on the machine's memory, as gc-hooks/include/moka/pressure.h says:
 * bytes there, frames in the kernel, whose pressure.h does the work.
 */
#include <kernel/errno.h>
#include <kernel/pressure.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#define MOKA_KERNEL
#include <moka/pressure.h>

_Static_assert((unsigned)MOKA_LEVEL_PLENTY == PRESSURE_NONE &&
                   (unsigned)MOKA_LEVEL_LOW == PRESSURE_LOW &&
                   (unsigned)MOKA_LEVEL_CRITICAL == PRESSURE_CRITICAL,
               "a level goes on as it is");

s64 sys_moka_pressure_memory(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct pressure_stats stats;
    struct moka_memory memory;

    if (a1 == 0) {
        return -EINVAL;
    }
    pressure_get_stats(&stats);
    memory = (struct moka_memory){
        .total = stats.total * PAGE_SIZE,
        .free = stats.free * PAGE_SIZE,
        .available = stats.available * PAGE_SIZE,
        .zeroed = stats.zeroed * PAGE_SIZE,
        .reported = stats.lent * PAGE_SIZE,
        .cache = stats.cache * PAGE_SIZE,
        .balloon = stats.balloon * PAGE_SIZE,
        .balloon_wanted = stats.balloon_wanted * PAGE_SIZE,
        .low = stats.low_bytes,
        .critical = stats.critical_bytes,
        .given_by_cache = stats.given_by_cache * PAGE_SIZE,
        .given_by_shrinkers = stats.given_by_shrinkers * PAGE_SIZE,
        .shrinks = stats.shrinks,
        .given_to_host = stats.given_to_host * PAGE_SIZE,
        .level = stats.level,
    };
    return user_write((void *)a0, &memory, MIN(a1, sizeof(memory)));
}

s64 sys_moka_pressure_thresholds(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return pressure_set(a0, a1);
}

s64 sys_moka_pressure_listen(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 wanted = 0;
    int error = pressure_listen(&wanted, (s64)a1 < 0 ? PRESSURE_UNASKED : a1 / PAGE_SIZE);

    wanted *= PAGE_SIZE;
    return error != 0 ? error : user_write((void *)a0, &wanted, sizeof(wanted));
}

s64 sys_moka_pressure_give(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    s64 frames = pressure_give(a0 / PAGE_SIZE);

    return frames < 0 ? frames : frames * (s64)PAGE_SIZE;
}
