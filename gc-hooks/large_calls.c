/* SPDX-License-Identifier: MIT */
/*
 * The hooks on page sizes, as gc-hooks/include/moka/large.h says: arguments are
 * checked here, the work is the address space's.
 */
#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "large_priv.h"
#include "range_priv.h"

#define MOKA_KERNEL
#include <moka/large.h>

static int check_size(u64 page_size)
{
    return page_size == MOKA_SIZE_2M || page_size == MOKA_SIZE_1G ? 0 : -EINVAL;
}

/* All of the part must be mapped. */
static int check_mapped(int range, vaddr_t start, u64 size)
{
    int error = hook_part_check(range, start, size);

    return error != 0 ? error : aspace_check_mapped(start, size);
}

/* Bytes that have frames. */
static u64 backed(vaddr_t start, u64 size)
{
    struct aspace_resident resident;

    aspace_resident_in(start, start + size, &resident);
    return resident.bytes;
}

/* ---- Policies ----------------------------------------------------------------------------- */

/* Makes pages of 2 MiB of those of 1 GiB that have a part in [start, end): how many were split. */
static s64 split_giants(vaddr_t start, vaddr_t end)
{
    s64 done = 0;

    for (vaddr_t va = ALIGN_DOWN(start, GIANT_SIZE); va < end; va += GIANT_SIZE) {
        int result = aspace_demote_giant(va);

        if (result < 0) {
            return result;
        }
        done += result;
    }
    return done;
}

/* Makes pages of 4 KiB of all that have a part in it. */
static s64 split(vaddr_t start, vaddr_t end)
{
    s64 done = split_giants(start, end);

    if (done < 0) {
        return done;
    }
    for (vaddr_t window = ALIGN_DOWN(start, LARGE_SIZE); window < end; window += LARGE_SIZE) {
        int result = aspace_demote(window);

        if (result < 0) {
            return result;
        }
        done += result;
    }
    return done;
}

static int refuse(vaddr_t start, u64 size, u64 page_size)
{
    bool small = page_size == MOKA_SIZE_2M;
    int error = aspace_set_pages(start, size, small ? PAGES_SMALL : PAGES_UP_TO_2M);
    s64 done = error;

    if (error == 0) {
        done = small ? split(start, start + size) : split_giants(start, start + size);
    }
    return done < 0 ? (int)done : 0;
}

static int set_policy(vaddr_t start, u64 size, u64 page_size, u64 policy)
{
    bool giant = page_size == MOKA_SIZE_1G && cpu_has_giant_pages();

    switch (policy) {
    case MOKA_LARGE_DEFAULT:
        return aspace_set_pages(start, size, PAGES_DEFAULT);
    case MOKA_LARGE_REFUSE:
        return refuse(start, size, page_size);
    case MOKA_LARGE_PREFER:
        return aspace_set_pages(start, size, giant ? PAGES_GIANT : PAGES_LARGE);
    default:
        return page_size == MOKA_SIZE_2M ? aspace_require_large(start, size)
               : giant                   ? aspace_require_giant(start, size)
                                         : -EOPNOTSUPP;
    }
}

s64 sys_moka_large_policy(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 policy = (u32)a4;
    int error = policy > MOKA_LARGE_REQUIRE ? -EINVAL : 0;

    if (error == 0 && policy != MOKA_LARGE_DEFAULT) {
        error = check_size(a3);
    }
    if (error == 0 && policy == MOKA_LARGE_REQUIRE && !IS_ALIGNED(a1 | a2, a3)) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = check_mapped((int)a0, a1, a2);
    }
    return error != 0 ? error : set_policy(a1, a2, a3, policy);
}

/* ---- Frames ------------------------------------------------------------------------------- */

s64 sys_moka_large_populate(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u32 flags = (u32)a3;
    int error = (flags & ~MOKA_POPULATE_UNZEROED) != 0 ? -EINVAL : check_mapped((int)a0, a1, a2);
    u64 before, after;

    if (error != 0) {
        return error;
    }
    system_time_begin();
    before = backed(a1, a2);
    error = large_populate(a1, a1 + a2, (flags & MOKA_POPULATE_UNZEROED) != 0, (u32)a4);
    after = backed(a1, a2);
    system_time_end();
    return error != 0 ? error : after > before ? (s64)(after - before) : 0;
}

s64 sys_moka_large_discard(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = check_mapped((int)a0, a1, a2);
    u64 before, after;

    if (error != 0) {
        return error;
    }
    aspace_note_resident();
    before = backed(a1, a2);
    error = aspace_discard_own(a1, a2);
    after = backed(a1, a2);
    return error != 0 ? error : before > after ? (s64)(before - after) : 0;
}

/* ---- Making one size of another ----------------------------------------------------------- */

s64 sys_moka_large_promote(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = check_size(a3);
    u64 made;

    if (error == 0) {
        error = hook_part_check((int)a0, a1, a2);
    }
    if (error == 0) {
        error = a3 == MOKA_SIZE_2M ? aspace_promote_range(a1, a1 + a2, &made)
                                   : aspace_promote_giants(a1, a1 + a2, &made);
    }
    return error != 0 ? error : (s64)made;
}

s64 sys_moka_large_demote(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = a3 != MOKA_SIZE_4K && a3 != MOKA_SIZE_2M ? -EINVAL : 0;

    if (error == 0) {
        error = hook_part_check((int)a0, a1, a2);
    }
    if (error != 0) {
        return error;
    }
    return a3 == MOKA_SIZE_4K ? split(a1, a1 + a2) : split_giants(a1, a1 + a2);
}

/* ---- Statistics --------------------------------------------------------------------------- */

s64 sys_moka_large_stats(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct aspace_resident resident;
    struct moka_range_stats out = {0};
    struct hook_range range;
    int error = hook_range_get((int)a0, &range);

    if (error != 0) {
        return error;
    }
    aspace_resident_in(range.start, range.end, &resident);
    out.mapped = aspace_mapped_in(range.start, range.end);
    out.bytes_4k = resident.bytes - resident.large_bytes;
    out.bytes_2m = resident.large_bytes - resident.giant_bytes;
    out.bytes_1g = resident.giant_bytes;
    out.bytes_file = resident.file_bytes;
    out.faults = range.events[ASPACE_FAULT];
    out.promotions = range.events[ASPACE_PROMOTED];
    out.demotions = range.events[ASPACE_DEMOTED];
    out.zeroed_ahead = range.events[ASPACE_ZEROED];
    out.page_sizes = MOKA_SIZE_4K | MOKA_SIZE_2M | (cpu_has_giant_pages() ? MOKA_SIZE_1G : 0);
    return user_write((void *)a1, &out, sizeof(out));
}
