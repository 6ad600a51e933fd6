/* SPDX-License-Identifier: MIT */
/* The signal mask that ppoll(2), pselect(2) and epoll_pwait(2) wait under. */
#pragma once

#include <kernel/errno.h>
#include <kernel/signal.h>
#include <kernel/types.h>
#include <kernel/uaccess.h>

struct sigmask_swap {
    u64 old;
    bool swapped;
};

/* `pointer` NULL: the mask stays.  0, -EFAULT, -EINVAL. */
static inline must_check int sigmask_begin(struct sigmask_swap *swap, u64 pointer, u64 size)
{
    u64 mask;

    swap->swapped = false;
    if (pointer == 0) {
        return 0;
    }
    if (size != sizeof(mask)) {
        return -EINVAL;
    }
    if (user_read(&mask, (const void *)pointer, sizeof(mask)) != 0) {
        return -EFAULT;
    }
    signal_mask_swap(mask, &swap->old);
    swap->swapped = true;
    return 0;
}

static inline void sigmask_end(const struct sigmask_swap *swap, s64 result)
{
    if (swap->swapped) {
        signal_mask_restore(swap->old, result == -EINTR || result == -ERESTARTNOHAND);
    }
}
