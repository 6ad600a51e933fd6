/* SPDX-License-Identifier: MIT */
/*
 * mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), pkey_*(2).  What flags
 * mean and in which order errors are found is Linux's.
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/pagetable.h>
#include <kernel/process.h>
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

#define LINUX_MREMAP_MAYMOVE 1u
#define LINUX_MREMAP_FIXED 2u
#define LINUX_MREMAP_DONTUNMAP 4u

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
    if (call->hint >= VADDR_END || call->size > VADDR_END - call->hint) {
        return -ENOMEM;
    }
    if (call->hint < ASPACE_MIN) {
        return -EPERM;
    }
    return 0;
}

static int map_call(const struct mmap_call *call, vaddr_t *addr)
{
    u32 fixed = call->linux_flags & (LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE);
    int error;

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
    if (file->inode->pages == NULL && file->inode->rdev == DEV_ZERO &&
        (file->inode->mode & S_IFMT) == S_IFCHR) {
        call->file = NULL;
        return 0;
    }
    return file->inode->pages == NULL ? -ENODEV : 0;
}

/* Of 2 MiB or 1 GiB (which is 2 MiB pages here), or the default size. */
static int check_huge(struct mmap_call *call)
{
    unsigned shift = call->linux_flags >> LINUX_MAP_HUGE_SHIFT & LINUX_MAP_HUGE_MASK;

    if (call->file != NULL || (shift != 0 && shift != LARGE_SHIFT && shift != GIANT_SHIFT)) {
        return -EINVAL;
    }
    if ((call->linux_flags & (LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE)) &&
        !IS_ALIGNED(call->hint, LARGE_SIZE)) {
        return -EINVAL;
    }
    call->size = ALIGN_UP(call->size, shift == GIANT_SHIFT ? GIANT_SIZE : LARGE_SIZE);
    call->hint = ALIGN_UP(call->hint, LARGE_SIZE);
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
    if (error == 0) {
        error = map_call(call, &addr);
    }
    if (error != 0) {
        return error;
    }
    if (call->linux_flags & LINUX_MAP_HUGETLB) {
        error = aspace_advise_pages(addr, call->size, PAGES_LARGE);
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
        result = mmap_checked(&call);
    }
    if (file != NULL) {
        file_put(file);
    }
    return result;
}

s64 sys_munmap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);

    if (!IS_ALIGNED(a0, PAGE_SIZE) || a0 > VADDR_END || size > VADDR_END - a0 || size == 0) {
        return -EINVAL;
    }
    if (a0 < ASPACE_MIN) { /* nothing can be mapped there */
        u64 below = MIN(ASPACE_MIN - a0, size);

        a0 += below;
        size -= below;
    }
    return size == 0 ? 0 : aspace_unmap(a0, size);
}

static s64 protect(u64 start, u64 length, u64 prot)
{
    u64 size = ALIGN_UP(length, PAGE_SIZE);
    u64 grows = prot & (LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP);

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
    return aspace_protect(start, size, (unsigned)prot & PROT_ALL);
}

s64 sys_mprotect(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return protect(a0, a1, a2);
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
    flags |= a3 & LINUX_MREMAP_MAYMOVE ? MOVE_MAY : 0;
    flags |= a3 & LINUX_MREMAP_FIXED ? MOVE_FIXED : 0;
    flags |= a3 & LINUX_MREMAP_DONTUNMAP ? MOVE_KEEP : 0;
    error = aspace_move(a0, old_size, new_size, flags, &addr);
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
