/* SPDX-License-Identifier: MIT */
/*
 * The system-call table, with Linux's numbers; the man pages are the
 * specification.  Here are the calls that need no file: memory, threads,
 * time.  What nobody defines is counted and returns -ENOSYS
 * (syscall_missing.S gives each call of the list that meaning, weakly).
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
#include <stdatomic.h>

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

/* Anonymous private memory; files come with the layer that has files. */
s64 sys_mmap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

s64 sys_munmap(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return aspace_unmap(a0, ALIGN_UP(a1, PAGE_SIZE));
}

s64 sys_mprotect(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

s64 sys_madvise(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

s64 sys_sched_yield(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    sched_yield();
    return 0;
}

s64 sys_nanosleep(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

s64 sys_getpid(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return 1;
}

s64 sys_getppid(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return 0; /* nobody started this process, as for Linux's init */
}

s64 sys_gettid(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return thread_current()->tid;
}

s64 sys_exit(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    thread_exit((int)a0);
}

s64 sys_futex(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return futex_syscall((u32 *)a0, (int)a1, (u32)a2, a3, (u32 *)a4, (u32)a5);
}

s64 sys_sched_setaffinity(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

s64 sys_clock_gettime(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
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

/* For images whose code is split between application and kernel: tests. */
weak s64 syscall_image(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return syscall_missing(SYSCALL_IMAGE);
}

/* (a) atomic */
static struct {
    _Atomic u32 missing[SYSCALL_COUNT]; /* (a) how often it was called in vain */
} calls;

s64 syscall_missing(u64 nr)
{
    if (nr < SYSCALL_COUNT) {
        atomic_fetch_add_explicit(&calls.missing[nr], 1, memory_order_relaxed);
    }
    return -ENOSYS;
}

u64 syscall_missed(unsigned nr)
{
    return atomic_load_explicit(&calls.missing[nr], memory_order_relaxed);
}

const char *syscall_name(unsigned nr)
{
    static const char *const names[SYSCALL_COUNT] = {
#define X(nr, name, blocks, where) [nr] = #name,
        SYSCALL_LIST(X)
#undef X
    };

    return nr < SYSCALL_COUNT ? names[nr] : NULL;
}

bool syscall_exists(unsigned nr)
{
    return nr < SYSCALL_COUNT && syscall_table[nr] != sys_missing;
}

#pragma GCC diagnostic ignored "-Woverride-init" /* holes first, then what fills them */
const syscall_fn syscall_table[SYSCALL_COUNT] = {
    [0 ... SYSCALL_COUNT - 1] = sys_missing,
#define X(nr, name, blocks, where) [nr] = sys_##name,
    SYSCALL_LIST(X)
#undef X
        [SYSCALL_IMAGE] = syscall_image,
};
