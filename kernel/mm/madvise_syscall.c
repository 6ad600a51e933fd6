/* SPDX-License-Identifier: MIT */
/*
 * madvise(2), msync(2), mincore(2), mlock(2) and its family: calls that go
 * from region to region.  As on Linux, they do what they can in the whole range
 * and give -ENOMEM at the end if part of it was not mapped.
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/frame.h>
#include <kernel/pagecache.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/vfs.h>

#include "aspace_priv.h"

enum {
    MADV_NORMAL = 0,
    MADV_RANDOM = 1,
    MADV_SEQUENTIAL = 2,
    MADV_WILLNEED = 3,
    MADV_DONTNEED = 4,
    MADV_FREE = 8,
    MADV_REMOVE = 9,
    MADV_DONTFORK = 10,
    MADV_DOFORK = 11,
    MADV_MERGEABLE = 12,
    MADV_UNMERGEABLE = 13,
    MADV_HUGEPAGE = 14,
    MADV_NOHUGEPAGE = 15,
    MADV_DONTDUMP = 16,
    MADV_DODUMP = 17,
    MADV_WIPEONFORK = 18,
    MADV_KEEPONFORK = 19,
    MADV_COLD = 20,
    MADV_PAGEOUT = 21,
    MADV_POPULATE_READ = 22,
    MADV_POPULATE_WRITE = 23,
    MADV_DONTNEED_LOCKED = 24,
    MADV_COLLAPSE = 25,
};

#define FALLOC_KEEP_SIZE 1u
#define FALLOC_PUNCH_HOLE 2u

#define MS_ASYNC 1u
#define MS_INVALIDATE 2u
#define MS_SYNC 4u

#define MLOCK_ONFAULT 1u
#define MCL_ALL 7u

/* What is done to each part of a range that lies in one region. */
struct range_call {
    int (*fn)(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg);
    void *arg;
};

/* 0, -ENOMEM if there were holes, or what fn failed with. */
static int for_range(vaddr_t start, vaddr_t end, const struct range_call *call)
{
    int result = 0;

    while (start < end) {
        struct region_view view;
        vaddr_t to;
        int error;

        if (!aspace_view(start, &view)) {
            return -ENOMEM;
        }
        if (view.start > start) {
            result = -ENOMEM;
            start = view.start;
        }
        to = MIN(view.end, end);
        error = start < to && call->fn != NULL ? call->fn(&view, start, to, call->arg) : 0;
        aspace_view_end(&view);
        if (error != 0) {
            return error;
        }
        start = to;
    }
    return result;
}

/* The file's page that is mapped at `va`. */
static u64 view_index(const struct region_view *view, vaddr_t va)
{
    return (view->offset + (va - view->start)) / PAGE_SIZE;
}

static int discard(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    int error = 0;

    if (view->kind == REGION_FILE || !view->shared) {
        error = aspace_discard(start, end - start);
    }
    return error;
}

static int discard_lazily(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    return view->kind != REGION_ANON || view->shared ? -EINVAL : aspace_discard(start, end - start);
}

/* Only shared memory can lose what it has for all who share it. */
static int remove_contents(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    struct file *file;

    if (!view->shared) {
        return -EINVAL;
    }
    if (view->object == NULL) {
        return aspace_discard(start, end - start);
    }
    file = view->object->file;
    if (!view->object->may_write) {
        return -EACCES;
    }
    return file->ops->allocate == NULL
               ? -EOPNOTSUPP
               : file->ops->allocate(file, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE,
                                     view->offset + (start - view->start), end - start);
}

static int will_need(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    if (view->object != NULL) {
        page_cache_will_need(view->object->cache, view_index(view, start),
                             (end - start) / PAGE_SIZE);
    }
    return 0;
}

static int advise_pages(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    const enum region_pages *pages = arg;

    return aspace_advise_pages(start, end - start, *pages);
}

static int collapse(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    int error = 0;

    for (vaddr_t w = ALIGN_UP(start, LARGE_SIZE); w + LARGE_SIZE <= end && error == 0;
         w += LARGE_SIZE) {
        error = aspace_promote(w);
    }
    return error;
}

static int check_access(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    const unsigned *prot = arg;

    return (view->prot & *prot) == 0 ? -EINVAL : 0;
}

static int populate(vaddr_t start, vaddr_t end, bool write)
{
    unsigned prot = write ? PROT_WRITE : PROT_READ;
    struct range_call check = {.fn = check_access, .arg = &prot};

    if (for_range(start, end, &check) == -EINVAL) {
        return -EINVAL;
    }
    return aspace_populate_access(start, end - start, write);
}

static int advise(vaddr_t start, vaddr_t end, u32 advice)
{
    enum region_pages pages = advice == MADV_HUGEPAGE ? PAGES_LARGE : PAGES_SMALL;
    struct range_call call = {.arg = &pages};

    switch (advice) {
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
        call.fn = discard;
        break;
    case MADV_FREE:
        call.fn = discard_lazily;
        break;
    case MADV_REMOVE:
        call.fn = remove_contents;
        break;
    case MADV_WILLNEED:
        call.fn = will_need;
        break;
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
        call.fn = advise_pages;
        break;
    case MADV_COLLAPSE:
        call.fn = collapse;
        break;
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
        return populate(start, end, advice == MADV_POPULATE_WRITE);
    default: /* there is no fork, no core file, and no page is written out */
        break;
    }
    return for_range(start, end, &call);
}

static bool advice_known(u32 advice)
{
    return advice <= MADV_DONTNEED || (advice >= MADV_FREE && advice <= MADV_COLLAPSE);
}

s64 sys_madvise(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    int error;

    if (!advice_known((u32)a2) || !IS_ALIGNED(a0, PAGE_SIZE) || size < a1 || a0 + size < a0) {
        return -EINVAL;
    }
    if (size == 0) {
        return 0;
    }
    aspace_note_resident();
    system_time_begin();
    error = advise(a0, a0 + size, (u32)a2);
    system_time_end();
    return error;
}

static int sync_part(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    u64 from = view->offset + (start - view->start);
    struct file *file;
    int error;

    if (view->object == NULL || !view->shared) {
        return 0;
    }
    file = view->object->file;
    error = page_cache_sync(view->object->cache, from, from + (end - start));
    if (error == 0 && file->ops->sync != NULL) {
        error = file->ops->sync(file, true);
    }
    return error;
}

s64 sys_msync(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    u32 flags = (u32)a2;
    /* MS_ASYNC: it is dirty, and will be written some time. */
    struct range_call call = {.fn = flags & MS_SYNC ? sync_part : NULL};

    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 || !IS_ALIGNED(a0, PAGE_SIZE) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
        return -EINVAL;
    }
    if (size < a1 || a0 + size < a0) {
        return -ENOMEM;
    }
    return for_range(a0, a0 + size, &call);
}

static bool page_in_core(const struct region_view *view, vaddr_t va)
{
    unsigned level;
    pfn_t frame;

    if (pte_load(pt_lookup(va, &level)) != 0) {
        return true;
    }
    if (view->object == NULL ||
        page_cache_get_ready(view->object->cache, view_index(view, va), 1, &frame) == 0) {
        return false;
    }
    frame_put(frame, ORDER_4K);
    return true;
}

struct mincore_call {
    vaddr_t start;
    u8 *out;
};

static int mincore_part(const struct region_view *view, vaddr_t start, vaddr_t end, void *arg)
{
    const struct mincore_call *call = arg;
    u8 core[64];

    while (start < end) {
        u64 n = MIN((end - start) / PAGE_SIZE, sizeof(core));

        for (u64 i = 0; i < n; i++) {
            core[i] = page_in_core(view, start + i * PAGE_SIZE);
        }
        if (user_write(call->out + (start - call->start) / PAGE_SIZE, core, n) != 0) {
            return -EFAULT;
        }
        start += n * PAGE_SIZE;
    }
    return 0;
}

s64 sys_mincore(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    struct mincore_call mincore = {a0, (u8 *)a2};
    struct range_call call = {.fn = mincore_part, .arg = &mincore};

    if (!IS_ALIGNED(a0, PAGE_SIZE)) {
        return -EINVAL;
    }
    if (size < a1 || a0 + size < a0 || a0 + size > VADDR_END) {
        return -ENOMEM;
    }
    return for_range(a0, a0 + size, &call);
}

/* Nothing is ever paged out: locking is bringing it in. */
static s64 lock_range(u64 start, u64 length, bool now)
{
    struct range_call check = {.fn = NULL};
    u64 size = ALIGN_UP(length + start % PAGE_SIZE, PAGE_SIZE);
    s64 error;

    start = ALIGN_DOWN(start, PAGE_SIZE);
    if (size < length || start + size < start) {
        return -EINVAL;
    }
    error = for_range(start, start + size, &check);
    if (error == 0 && now && size > 0) {
        error = aspace_populate(start, size);
    }
    return error == 0 || error == -ENOMEM ? error : -EAGAIN;
}

s64 sys_mlock(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return lock_range(a0, a1, true);
}

s64 sys_mlock2(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return (a2 & ~(u64)MLOCK_ONFAULT) != 0 ? -EINVAL : lock_range(a0, a1, a2 == 0);
}

s64 sys_munlock(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return lock_range(a0, a1, false);
}

s64 sys_mlockall(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return a0 == 0 || a0 == 4 || (a0 & ~(u64)MCL_ALL) != 0 ? -EINVAL : 0;
}

s64 sys_munlockall(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return 0;
}
