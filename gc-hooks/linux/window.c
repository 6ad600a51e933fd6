/* SPDX-License-Identifier: MIT */
/* 2 MiB pages made of 4 KiB pages, and taken apart, a window at a time. */
#include <errno.h>
#include <sys/mman.h>

#include "linux_priv.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

/*
 * Linux has no call for it, but where a mapping begins no 2 MiB page goes on.
 * Advice that means nothing to memory without a file makes it begin there, and
 * one mapping again when it is taken back.
 */
static int64_t split_window(uintptr_t window)
{
    int64_t large = linux_pages_count(window, window + PAGE_SIZE, LINUX_PAGE_HUGE);
    void *inside = (void *)(window + PAGE_SIZE);

    if (large <= 0) {
        return large;
    }
    if (madvise(inside, PAGE_SIZE, MADV_RANDOM) != 0 ||
        madvise(inside, PAGE_SIZE, MADV_NORMAL) != 0) {
        return -errno;
    }
    return 1;
}

int64_t linux_large_split(uintptr_t start, uint64_t size)
{
    int64_t done = 0;

    for (uintptr_t window = ALIGN_DOWN(start, LARGE_SIZE); window < start + size;
         window += LARGE_SIZE) {
        int64_t result = split_window(window);

        if (result < 0) {
            return result;
        }
        done += result;
    }
    return done;
}

/* 1; 0: not of this window; -ENOMEM; -EOPNOTSUPP: Linux does not tell what is there. */
static int64_t join_window(uintptr_t window, int64_t least)
{
    uintptr_t end = window + LARGE_SIZE;
    struct linux_mapping mapping;
    int64_t present;

    if (linux_mapping_at(window, &mapping) != 0 || mapping.file || mapping.shared ||
        mapping.end < end) {
        return 0;
    }
    present = linux_pages_count(window, end, LINUX_PAGE_PRESENT);
    if (present < least || linux_pages_count(window, end, LINUX_PAGE_HUGE) != 0 ||
        linux_pages_release(window, end) != 0) {
        return present < 0 ? present : 0;
    }
    if (madvise((void *)window, LARGE_SIZE, MADV_COLLAPSE) == 0) {
        return 1;
    }
    return errno == ENOMEM ? -ENOMEM : 0;
}

int64_t linux_large_join(uintptr_t start, uint64_t size, int64_t least)
{
    uintptr_t end = ALIGN_DOWN(start + size, LARGE_SIZE);
    int64_t done = 0;

    for (uintptr_t window = ALIGN_UP(start, LARGE_SIZE); window < end; window += LARGE_SIZE) {
        int64_t result = join_window(window, least);

        if (result < 0) {
            return result;
        }
        done += result;
    }
    return done;
}
