/* SPDX-License-Identifier: MIT */
/*
 * mmap(2), munmap(2), mprotect(2), pkey_*(2).  What flags
 * mean and in which order errors are found is Linux's.
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/pagetable.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/vfs.h>
#include <kernel/wait.h>

#include "aspace_priv.h"

#define LINUX_MAP_SHARED 1u
#define LINUX_MAP_PRIVATE 2u
#define LINUX_MAP_SHARED_VALIDATE 3u
#define LINUX_MAP_TYPE 15u
#define LINUX_MAP_FIXED 0x10u
#define LINUX_MAP_ANONYMOUS 0x20u
#define LINUX_MAP_32BIT 0x40u
#define LINUX_MAP_GROWSDOWN 0x100u
#define LINUX_MAP_DENYWRITE 0x800u
#define LINUX_MAP_EXECUTABLE 0x1000u
#define LINUX_MAP_LOCKED 0x2000u
#define LINUX_MAP_NORESERVE 0x4000u
#define LINUX_MAP_POPULATE 0x8000u
#define LINUX_MAP_NONBLOCK 0x10000u
#define LINUX_MAP_STACK 0x20000u
#define LINUX_MAP_HUGETLB 0x40000u
#define LINUX_MAP_FIXED_NOREPLACE 0x100000u
#define LINUX_MAP_HUGE_SHIFT 26
#define LINUX_MAP_HUGE_MASK 63u
/* What MAP_SHARED_VALIDATE knows; MAP_SYNC is not in it. */
#define LINUX_MAP_KNOWN \
    (LINUX_MAP_TYPE | LINUX_MAP_FIXED | LINUX_MAP_ANONYMOUS | LINUX_MAP_32BIT | \
     LINUX_MAP_GROWSDOWN | LINUX_MAP_DENYWRITE | LINUX_MAP_EXECUTABLE | LINUX_MAP_LOCKED | \
     LINUX_MAP_NORESERVE | LINUX_MAP_POPULATE | LINUX_MAP_NONBLOCK | LINUX_MAP_STACK | \
     LINUX_MAP_HUGETLB | LINUX_MAP_FIXED_NOREPLACE | LINUX_MAP_HUGE_MASK << LINUX_MAP_HUGE_SHIFT)

#define LINUX_PROT_SEM 8u
#define LINUX_PROT_GROWSDOWN 0x01000000u
#define LINUX_PROT_GROWSUP 0x02000000u
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

#define LOW_FIRST (1 * GIB) /* where MAP_32BIT looks */
#define LOW_END (2 * GIB)

#define DEV_ZERO 0x105u

struct mmap_call {
    vaddr_t hint;
    u64 size;
    unsigned prot, linux_flags;
    u64 offset;
    struct file *file; /* NULL: anonymous */
    unsigned flags;    /* of aspace_map() */
    u64 page_size;     /* MAP_HUGETLB */
};

static int map_there(const struct mmap_call *call, vaddr_t hint, unsigned place, vaddr_t *addr)
{
    unsigned flags = call->flags | place;

    if (call->file != NULL) {
        return aspace_map_file(hint, call->size, call->prot, flags, call->file, call->offset, addr);
    }
    return aspace_map(hint, call->size, call->prot, flags, addr);
}

/* MAP_32BIT: the lowest free place that is low enough. */
static int map_low(const struct mmap_call *call, vaddr_t *addr)
{
    vaddr_t at = LOW_FIRST;

    while (at + call->size <= LOW_END) {
        int error = map_there(call, at, MAP_PLACE_NOREPLACE, addr);
        struct region_view view;

        if (error != -EEXIST) {
            return error;
        }
        if (!aspace_view(at, &view)) {
            continue; /* it has gone meanwhile */
        }
        at = view.start < at + call->size ? view.end : at;
        aspace_view_end(&view);
    }
    return -ENOMEM;
}

/* A fixed place: what Linux says about it, before any mapping there is lost. */
static int check_fixed(const struct mmap_call *call)
{
    if (!IS_ALIGNED(call->hint, PAGE_SIZE)) {
        return -EINVAL;
    }
    if (call->hint >= ADDRESS_LIMIT || call->size > ADDRESS_LIMIT - call->hint) {
        return -ENOMEM;
    }
    if (call->hint < ASPACE_MIN) {
        return -EPERM;
    }
    return 0;
}

/* At the hint if that is free, else at some multiple of 1 GiB: a part of a larger mapping. */
static int map_giants(const struct mmap_call *call, vaddr_t *addr)
{
    struct mmap_call larger = *call;
    int error = call->hint == 0 ? -EEXIST : map_there(call, call->hint, MAP_PLACE_NOREPLACE, addr);
    vaddr_t at;

    if (error == 0) {
        return 0;
    }
    larger.size += GIANT_SIZE;
    error = map_there(&larger, 0, MAP_PLACE_HINT, &at);
    if (error != 0) {
        return error;
    }
    *addr = ALIGN_UP(at, GIANT_SIZE);
    if (*addr > at) {
        error = aspace_unmap(at, *addr - at);
    }
    if (error == 0 && *addr < at + GIANT_SIZE) {
        error = aspace_unmap(*addr + call->size, at + GIANT_SIZE - *addr);
    }
    return error;
}

static int map_call(const struct mmap_call *call, vaddr_t *addr)
{
    u32 fixed = call->linux_flags & (LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE);
    int error;

    if (fixed == 0 && call->page_size == GIANT_SIZE) {
        return map_giants(call, addr);
    }
    if (fixed == 0) {
        return (call->linux_flags & LINUX_MAP_32BIT) && call->hint == 0
                   ? map_low(call, addr)
                   : map_there(call, ALIGN_DOWN(call->hint, PAGE_SIZE), MAP_PLACE_HINT, addr);
    }
    error = check_fixed(call);
    if (error != 0) {
        return error;
    }
    if (fixed & LINUX_MAP_FIXED_NOREPLACE) {
        return map_there(call, call->hint, MAP_PLACE_NOREPLACE, addr);
    }
    error = map_there(call, call->hint, MAP_PLACE_FIXED, addr);
    /* The kernel's own memory looks like the end of the address space. */
    return error == -EINVAL ? -ENOMEM : error;
}

/* May the file be mapped like that? */
static int check_file(struct mmap_call *call)
{
    struct file *file = call->file;
    u32 access = atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE;

    if ((call->flags & MAP_SHARE) && (call->prot & PROT_WRITE) && access != O_RDWR) {
        return -EACCES;
    }
    if (access == O_WRONLY) {
        return -EACCES;
    }
    if (file->inode == NULL) {
        return -ENODEV;
    }
    if ((call->flags & MAP_SHARE) && (call->prot & PROT_WRITE) &&
        (atomic_load_explicit(&file->inode->seals, memory_order_acquire) & F_SEALS_WRITE) != 0) {
        return -EPERM;
    }
    if (file->inode->pages == NULL && file->inode->rdev == DEV_ZERO &&
        (file->inode->mode & S_IFMT) == S_IFCHR) {
        call->file = NULL;
        return 0;
    }
    return file->inode->pages == NULL ? -ENODEV : 0;
}

/* Of 2 MiB or 1 GiB (2 MiB pages where there are no others), or the default size. */
static int check_huge(struct mmap_call *call)
{
    unsigned shift = call->linux_flags >> LINUX_MAP_HUGE_SHIFT & LINUX_MAP_HUGE_MASK;

    bool giant = shift == GIANT_SHIFT && (call->flags & MAP_SHARE) == 0 && cpu_has_giant_pages();

    if (call->file != NULL || (shift != 0 && shift != LARGE_SHIFT && shift != GIANT_SHIFT)) {
        return -EINVAL;
    }
    call->page_size = giant ? GIANT_SIZE : LARGE_SIZE;
    if ((call->linux_flags & (LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE)) &&
        !IS_ALIGNED(call->hint, call->page_size)) {
        return -EINVAL;
    }
    call->size = ALIGN_UP(call->size, shift == GIANT_SHIFT ? GIANT_SIZE : LARGE_SIZE);
    call->hint = ALIGN_UP(call->hint, call->page_size);
    return 0;
}

static int check_call(struct mmap_call *call)
{
    unsigned type = call->linux_flags & LINUX_MAP_TYPE;

    if (call->file != NULL && call->offset + call->size < call->offset) {
        return -EOVERFLOW;
    }
    if (type != LINUX_MAP_SHARED && type != LINUX_MAP_PRIVATE &&
        (type != LINUX_MAP_SHARED_VALIDATE || call->file == NULL)) {
        return -EINVAL;
    }
    if (type == LINUX_MAP_SHARED_VALIDATE && (call->linux_flags & ~LINUX_MAP_KNOWN) != 0) {
        return -EOPNOTSUPP;
    }
    call->flags = type == LINUX_MAP_PRIVATE ? 0 : MAP_SHARE;
    if (call->linux_flags & LINUX_MAP_GROWSDOWN) {
        call->flags |= MAP_STACK_GUARD;
    }
    return call->file == NULL ? 0 : check_file(call);
}

static s64 mmap_checked(struct mmap_call *call)
{
    bool populate =
        (call->linux_flags & LINUX_MAP_LOCKED) != 0 ||
        (call->linux_flags & (LINUX_MAP_POPULATE | LINUX_MAP_NONBLOCK)) == LINUX_MAP_POPULATE;
    vaddr_t addr;
    int error = check_call(call);

    if (error == 0 && (call->linux_flags & LINUX_MAP_HUGETLB)) {
        error = check_huge(call);
    }
    if (error == 0 && !aspace_within_limits(call->size, (call->prot & PROT_WRITE) != 0 &&
                                                            (call->flags & MAP_SHARE) == 0)) {
        error = -ENOMEM;
    }
    if (error == 0) {
        error = map_call(call, &addr);
    }
    if (error != 0) {
        return error;
    }
    if (call->linux_flags & LINUX_MAP_HUGETLB) {
        error = call->page_size == GIANT_SIZE ? aspace_set_pages(addr, call->size, PAGES_GIANT)
                                              : aspace_advise_pages(addr, call->size, PAGES_LARGE);
    }
    if (populate) {
        error = aspace_populate(addr, call->size); /* as on Linux, failing is no error */
    }
    return (s64)addr;
}

s64 sys_mmap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct mmap_call call = {
        .hint = a0,
        .size = ALIGN_UP(a1, PAGE_SIZE),
        .prot = (unsigned)a2 & PROT_ALL,
        .linux_flags = (unsigned)a3,
        .offset = a5,
    };
    struct file *file = NULL;
    s64 result;

    if (!IS_ALIGNED(a5, PAGE_SIZE)) {
        return -EINVAL;
    }
    if ((call.linux_flags & LINUX_MAP_ANONYMOUS) == 0) {
        file = fd_get((int)a4);
        if (file == NULL) {
            return -EBADF;
        }
    }
    call.file = file;
    if (a1 == 0) {
        result = -EINVAL;
    } else if (call.size < a1 || call.size > VADDR_END) {
        result = -ENOMEM;
    } else {
        system_time_begin();
        result = mmap_checked(&call);
        system_time_end();
    }
    if (file != NULL) {
        file_put(file);
    }
    return result;
}

s64 sys_munmap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    int error;

    if (!IS_ALIGNED(a0, PAGE_SIZE) || a0 > VADDR_END || size > VADDR_END - a0 || size == 0) {
        return -EINVAL;
    }
    if (a0 < ASPACE_MIN) { /* nothing can be mapped there */
        u64 below = MIN(ASPACE_MIN - a0, size);

        a0 += below;
        size -= below;
    }
    if (size == 0) {
        return 0;
    }
    aspace_note_resident();
    system_time_begin();
    error = aspace_unmap(a0, size);
    system_time_end();
    return error;
}

/* PROT_GROWSDOWN: from where the region begins that `start` lies in. */
static int find_growing(u64 *start)
{
    struct region_view view;
    int error = 0;

    if (!aspace_view(*start, &view)) {
        return -ENOMEM;
    }
    if (!view.grows) {
        error = view.start > *start ? -ENOMEM : -EINVAL;
    }
    *start = view.start;
    aspace_view_end(&view);
    return error;
}

/* As on Linux, what lies before the first hole is changed, and then -ENOMEM. */
static int protect_to_hole(u64 start, u64 end, unsigned prot)
{
    struct region_view view;
    u64 covered = start;
    int error;

    while (covered < end && aspace_view(covered, &view)) {
        u64 from = view.start, to = view.end;

        aspace_view_end(&view);
        if (from > covered) {
            break;
        }
        covered = to;
    }
    if (covered == start) {
        return -ENOMEM;
    }
    error = aspace_protect(start, MIN(covered, end) - start, prot);
    return error == 0 && covered < end ? -ENOMEM : error;
}

static s64 protect(u64 start, u64 length, u64 prot)
{
    u64 size = ALIGN_UP(length, PAGE_SIZE);
    u64 grows = prot & (LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP);
    int error;

    if (!IS_ALIGNED(start, PAGE_SIZE) || grows == (LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP)) {
        return -EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    if (size < length || start + size < start) {
        return -ENOMEM;
    }
    if ((prot & ~(u64)(PROT_ALL | LINUX_PROT_SEM | grows)) != 0 || (grows & LINUX_PROT_GROWSUP)) {
        return -EINVAL;
    }
    if (start < ASPACE_MIN || start + size > VADDR_END) {
        return -ENOMEM;
    }
    if (grows != 0) {
        u64 end = start + size;

        error = find_growing(&start);
        if (error != 0) {
            return error;
        }
        size = end - start;
    }
    error = aspace_protect(start, size, (unsigned)prot & PROT_ALL);
    return error == -ENOMEM ? protect_to_hole(start, start + size, (unsigned)prot & PROT_ALL)
                            : error;
}

s64 sys_mprotect(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    s64 result;

    system_time_begin();
    result = protect(a0, a1, a2);
    system_time_end();
    return result;
}

/* There are no protection keys, as on a CPU without them. */
s64 sys_pkey_mprotect(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return (int)a3 == -1 ? protect(a0, a1, a2) : -EINVAL;
}

s64 sys_pkey_alloc(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return a0 != 0 || (a1 & ~3ull) != 0 ? -EINVAL : -ENOSPC;
}

s64 sys_pkey_free(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return -EINVAL;
}
