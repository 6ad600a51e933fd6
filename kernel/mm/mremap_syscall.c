/* SPDX-License-Identifier: MIT */
/*
 * mremap(2) and brk(2).  What flags mean and in which order errors are found is
 * Linux's.
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/pagetable.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/wait.h>

#include "aspace_priv.h"

#define LINUX_MREMAP_MAYMOVE 1u
#define LINUX_MREMAP_FIXED 2u
#define LINUX_MREMAP_DONTUNMAP 4u

/* An old size of 0: shared pages of a file are mapped once more, and stay where they were. */
static s64 map_again(vaddr_t start, u64 new_size, vaddr_t to, u64 flags)
{
    unsigned place = flags & LINUX_MREMAP_FIXED ? MAP_PLACE_FIXED : MAP_PLACE_HINT;
    struct region_view view;
    vaddr_t addr = 0;
    int error = -EINVAL;

    if (!aspace_view(start, &view)) {
        return -EFAULT;
    }
    if (view.start > start) {
        error = -EFAULT;
    } else if (view.shared && view.object != NULL && (flags & LINUX_MREMAP_MAYMOVE)) {
        error = aspace_map_file(place == MAP_PLACE_FIXED ? to : 0, new_size, view.prot,
                                place | MAP_SHARE, view.object->file,
                                view.offset + (start - view.start), &addr);
    }
    aspace_view_end(&view);
    return error != 0 ? error : (s64)addr;
}

s64 sys_mremap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 old_size = ALIGN_UP(a1, PAGE_SIZE), new_size = ALIGN_UP(a2, PAGE_SIZE);
    vaddr_t addr = a4;
    unsigned flags = 0;
    int error;

    if ((a3 & ~(u64)(LINUX_MREMAP_MAYMOVE | LINUX_MREMAP_FIXED | LINUX_MREMAP_DONTUNMAP)) != 0 ||
        ((a3 & (LINUX_MREMAP_FIXED | LINUX_MREMAP_DONTUNMAP)) && !(a3 & LINUX_MREMAP_MAYMOVE)) ||
        ((a3 & LINUX_MREMAP_DONTUNMAP) && old_size != new_size) || !IS_ALIGNED(a0, PAGE_SIZE) ||
        new_size == 0 || new_size < a2 || old_size < a1) {
        return -EINVAL;
    }
    if (a0 < ASPACE_MIN || a0 >= VADDR_END || old_size > VADDR_END - a0 ||
        aspace_range_is_kernel(a0, a0 + MAX(old_size, PAGE_SIZE))) {
        return -EFAULT;
    }
    if (new_size > VADDR_END) {
        return a3 & LINUX_MREMAP_FIXED ? -EINVAL : -ENOMEM;
    }
    if (new_size > old_size && !aspace_within_limits(new_size - old_size, false)) {
        return -ENOMEM;
    }
    if (old_size == 0) {
        return map_again(a0, new_size, a4, a3);
    }
    flags |= a3 & LINUX_MREMAP_MAYMOVE ? MOVE_MAY : 0;
    flags |= a3 & LINUX_MREMAP_FIXED ? MOVE_FIXED : 0;
    flags |= a3 & LINUX_MREMAP_DONTUNMAP ? MOVE_KEEP : 0;
    system_time_begin();
    error = aspace_move(a0, old_size, new_size, flags, &addr);
    system_time_end();
    return error != 0 ? error : (s64)addr;
}

/* (l) lock */
static struct {
    struct mutex lock;
    vaddr_t start, end; /* (l) 0: not asked for yet; `end` is not rounded */
} heap = {.lock.queue = WAIT_QUEUE_INIT("brk", heap.lock.queue)};

static int set_brk(vaddr_t end)
{
    vaddr_t old = ALIGN_UP(heap.end, PAGE_SIZE), new = ALIGN_UP(end, PAGE_SIZE);
    vaddr_t addr;
    int error = 0;

    if (end < heap.start || end >= VADDR_END) {
        return -ENOMEM;
    }
    if (new > old && !aspace_within_limits(new - old, true)) {
        return -ENOMEM;
    }
    if (new > old) {
        error = aspace_map(old, new - old, PROT_READ | PROT_WRITE, MAP_PLACE_NOREPLACE, &addr);
    } else if (new < old) {
        error = aspace_unmap(new, old - new);
    }
    if (error == 0) {
        heap.end = end;
    }
    return error;
}

/* The kernel's brk gives the end as it is, whether it was moved or not. */
s64 sys_brk(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    int error = -ENOMEM;
    s64 end;

    mutex_lock(&heap.lock);
    if (heap.start == 0) {
        heap.start = heap.end = ALIGN_UP(process_brk_start(), PAGE_SIZE);
    }
    if (heap.start != 0) {
        error = set_brk(a0);
    }
    end = error == 0 ? (s64)a0 : (s64)heap.end;
    mutex_unlock(&heap.lock);
    return end;
}
