/* SPDX-License-Identifier: MIT */
/*
 * The map of usable RAM, made of whatever the loader says.
 *
 * The array in struct bootinfo is sorted, disjoint and without neighbours
 * that touch, after every call: adding merges, removing trims or splits.
 * Maps of loaders may overlap themselves, so everything usable is added
 * first and everything reserved removed after it: reserved wins.  Byte
 * addresses until boot_ram_finish() aligns the ranges inwards to pages.
 *
 * With at most 32 ranges a linear pass a call costs less than any index.
 */
#include "boot_priv.h"

#include <kernel/errno.h>
#include <kernel/string.h>

/* Physical addresses have at most 52 bits (Intel SDM 3A 4.1.4). */
#define PADDR_END (1ull << 52)

/* Video memory and firmware: never RAM for us, also where a map says so. */
#define LOW_HOLE_START (640 * KIB)
#define LOW_HOLE_END (1 * MIB)

/* The end of a range given by its size; sizes that wrap end at the limit. */
static u64 range_end(u64 base, u64 size)
{
    return base >= PADDR_END || size > PADDR_END - base ? PADDR_END : base + size;
}

static void ram_erase(struct bootinfo *info, unsigned at, unsigned count)
{
    memmove(&info->ram[at], &info->ram[at + count],
            (info->ram_count - at - count) * sizeof(info->ram[0]));
    info->ram_count -= count;
}

static int ram_insert(struct bootinfo *info, unsigned at, paddr_t start, paddr_t end)
{
    if (info->ram_count == BOOT_RAM_RANGES) {
        return -ENOSPC;
    }
    memmove(&info->ram[at + 1], &info->ram[at], (info->ram_count - at) * sizeof(info->ram[0]));
    info->ram[at] = (struct boot_range){start, end};
    info->ram_count++;
    return 0;
}

int boot_ram_add(struct bootinfo *info, u64 base, u64 size)
{
    u64 end = range_end(base, size);
    unsigned first = 0;
    unsigned last;

    if (base >= end) {
        return 0;
    }
    while (first < info->ram_count && info->ram[first].end < base) {
        first++;
    }
    last = first;
    while (last < info->ram_count && info->ram[last].start <= end) {
        last++;
    }
    if (first == last) {
        return ram_insert(info, first, base, end);
    }
    info->ram[first].start = MIN(info->ram[first].start, base);
    info->ram[first].end = MAX(info->ram[last - 1].end, end);
    ram_erase(info, first + 1, last - first - 1);
    return 0;
}

int boot_ram_remove(struct bootinfo *info, u64 base, u64 size)
{
    u64 end = range_end(base, size);
    int result = 0;

    for (unsigned i = 0; i < info->ram_count && base < end;) {
        struct boot_range *r = &info->ram[i];
        u64 upper = r->end;

        if (r->end <= base || end <= r->start) {
            i++;
        } else if (base <= r->start && r->end <= end) {
            ram_erase(info, i, 1);
        } else if (base <= r->start) {
            r->start = end;
            i++;
        } else {
            r->end = base;
            i++;
            if (end < upper) {
                result = ram_insert(info, i, end, upper);
            }
        }
    }
    return result;
}

void boot_ram_finish(struct bootinfo *info)
{
    /* Without room to split, what lies above the hole is lost: nothing more to do. */
    (void)!boot_ram_remove(info, LOW_HOLE_START, LOW_HOLE_END - LOW_HOLE_START);
    for (unsigned i = 0; i < info->ram_count;) {
        struct boot_range *r = &info->ram[i];

        r->start = ALIGN_UP(r->start, PAGE_SIZE);
        r->end = ALIGN_DOWN(r->end, PAGE_SIZE);
        if (r->start < r->end) {
            i++;
        } else {
            ram_erase(info, i, 1);
        }
    }
}

bool boot_ram_contains(const struct bootinfo *info, paddr_t start, paddr_t end)
{
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (info->ram[i].start <= start && end <= info->ram[i].end) {
            return true;
        }
    }
    return false;
}
