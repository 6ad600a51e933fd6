/* SPDX-License-Identifier: MIT */
/*
 * The system-call table, with Linux's numbers; the man pages are the
 * specification.  Here are the calls that need no file: memory, threads,
 * time.  A number that is not listed returns -ENOSYS.
 */
#include <kernel/syscall.h>

#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/futex.h>
#include <kernel/pagetable.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <kernel/uaccess.h>

#define LINUX_MAP_SHARED 0x01u
#define LINUX_MAP_PRIVATE 0x02u
#define LINUX_MAP_FIXED 0x10u
#define LINUX_MAP_ANONYMOUS 0x20u
#define LINUX_MAP_NORESERVE 0x4000u
#define LINUX_MAP_POPULATE 0x8000u
#define LINUX_MAP_STACK 0x20000u
#define LINUX_MAP_FIXED_NOREPLACE 0x100000u
#define LINUX_MAP_KNOWN \
    (LINUX_MAP_PRIVATE | LINUX_MAP_FIXED | LINUX_MAP_ANONYMOUS | LINUX_MAP_NORESERVE | \
     LINUX_MAP_POPULATE | LINUX_MAP_STACK | LINUX_MAP_FIXED_NOREPLACE)

#define LINUX_MADV_NORMAL 0
#define LINUX_MADV_DONTNEED 4
#define LINUX_MADV_HUGEPAGE 14
#define LINUX_MADV_NOHUGEPAGE 15
#define LINUX_MADV_COLLAPSE 25

#define LINUX_CLOCK_REALTIME 0
#define LINUX_CLOCK_MONOTONIC 1

struct linux_timespec {
    s64 sec, nsec;
};

#define SYSCALL(name) static s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

/* Anonymous private memory; files come with the layer that has files. */
SYSCALL(mmap)
{
    u32 linux_flags = (u32)a3, place = MAP_PLACE_HINT;
    u64 size = ALIGN_UP(a1, PAGE_SIZE);
    vaddr_t addr;
    int err;

    if (a1 == 0 || size < a1 || (a2 & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC)) != 0) {
        return -EINVAL;
    }
    if ((linux_flags & ~LINUX_MAP_KNOWN) != 0 || (linux_flags & LINUX_MAP_ANONYMOUS) == 0) {
        return -EOPNOTSUPP;
    }
    if ((linux_flags & LINUX_MAP_FIXED_NOREPLACE) != 0) {
        place = MAP_PLACE_NOREPLACE;
    } else if ((linux_flags & LINUX_MAP_FIXED) != 0) {
        place = MAP_PLACE_FIXED;
    }
    if (place != MAP_PLACE_HINT && !IS_ALIGNED(a0, PAGE_SIZE)) {
        return -EINVAL;
    }
    err = aspace_map(ALIGN_DOWN(a0, PAGE_SIZE), size, (unsigned)a2, place, &addr);
    if (err != 0) {
        return err;
    }
    if ((linux_flags & LINUX_MAP_POPULATE) != 0) {
        err = aspace_populate(addr, size);
        trace(TRACE_NOTE, addr, (u64)err); /* as on Linux, failing that is no error */
    }
    return (s64)addr;
}

SYSCALL(munmap)
{
    return aspace_unmap(a0, ALIGN_UP(a1, PAGE_SIZE));
}

SYSCALL(mprotect)
{
    if ((a2 & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC)) != 0) {
        return -EINVAL;
    }
    return a1 == 0 ? 0 : aspace_protect(a0, ALIGN_UP(a1, PAGE_SIZE), (unsigned)a2);
}

static s64 collapse(vaddr_t start, u64 size)
{
    int err = 0;

    for (vaddr_t w = ALIGN_UP(start, LARGE_SIZE); w + LARGE_SIZE <= start + size && err == 0;
         w += LARGE_SIZE) {
        err = aspace_promote(w);
    }
    return err;
}

SYSCALL(madvise)
{
    u64 size = ALIGN_UP(a1, PAGE_SIZE);

    if (size == 0) {
        return 0;
    }
    switch (a2) {
    case LINUX_MADV_NORMAL:
        return aspace_advise_pages(a0, size, PAGES_DEFAULT);
    case LINUX_MADV_DONTNEED:
        return aspace_discard(a0, size);
    case LINUX_MADV_HUGEPAGE:
        return aspace_advise_pages(a0, size, PAGES_LARGE);
    case LINUX_MADV_NOHUGEPAGE:
        return aspace_advise_pages(a0, size, PAGES_SMALL);
    case LINUX_MADV_COLLAPSE:
        return collapse(a0, size);
    default:
        return -EINVAL;
    }
}

SYSCALL(sched_yield)
{
    sched_yield();
    return 0;
}

SYSCALL(nanosleep)
{
    struct linux_timespec wanted;

    if (user_read(&wanted, (const void *)a0, sizeof(wanted)) != 0) {
        return -EFAULT;
    }
    if (wanted.sec < 0 || wanted.nsec < 0 || wanted.nsec >= (s64)NSEC_PER_SEC) {
        return -EINVAL;
    }
    sched_delay((u64)wanted.sec * NSEC_PER_SEC + (u64)wanted.nsec);
    return 0;
}

SYSCALL(getpid)
{
    return 1;
}

SYSCALL(getppid)
{
    return 0; /* nobody started this process, as for Linux's init */
}

SYSCALL(gettid)
{
    return thread_current()->tid;
}

SYSCALL(exit)
{
    thread_exit((int)a0);
}

SYSCALL(futex)
{
    return futex_syscall((u32 *)a0, (int)a1, (u32)a2, a3, (u32 *)a4, (u32)a5);
}

SYSCALL(sched_setaffinity)
{
    u64 mask = 0;

    if (a0 != 0 && a0 != thread_current()->tid) {
        return -ESRCH;
    }
    if (user_read(&mask, (const void *)a2, MIN(a1, sizeof(mask))) != 0) {
        return -EFAULT;
    }
    return thread_set_affinity(thread_current(), mask);
}

SYSCALL(clock_gettime)
{
    struct linux_timespec now;
    u64 ns;

    if (a0 == LINUX_CLOCK_MONOTONIC) {
        ns = clock_now();
    } else if (a0 == LINUX_CLOCK_REALTIME) {
        ns = clock_wall();
    } else {
        return -EINVAL;
    }
    now = (struct linux_timespec){(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC)};
    return user_write((void *)a1, &now, sizeof(now));
}

SYSCALL(none)
{
    return -ENOSYS;
}

/* For images whose code is split between application and kernel: tests. */
weak s64 syscall_image(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return sys_none(a0, a1, a2, a3, a4, a5);
}

#pragma GCC diagnostic ignored "-Woverride-init" /* holes first, then what fills them */
const syscall_fn syscall_table[SYSCALL_COUNT] = {
    [0 ... SYSCALL_COUNT - 1] = sys_none,
    [9] = sys_mmap,
    [10] = sys_mprotect,
    [11] = sys_munmap,
    [24] = sys_sched_yield,
    [28] = sys_madvise,
    [35] = sys_nanosleep,
    [39] = sys_getpid,
    [60] = sys_exit,
    [110] = sys_getppid,
    [186] = sys_gettid,
    [202] = sys_futex,
    [203] = sys_sched_setaffinity,
    [228] = sys_clock_gettime,
    [SYSCALL_IMAGE] = syscall_image,
};
