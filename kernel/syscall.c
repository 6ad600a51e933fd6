/* SPDX-License-Identifier: MIT */
/*
 * The system-call table, with Linux's numbers; the man pages are the
 * specification.  The calls are at home in the folders
 * that the list names.  What nobody defines is counted and returns -ENOSYS
 * (syscall_missing.S gives each call of the list that meaning, weakly).
 */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <stdatomic.h>

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

#pragma GCC diagnostic ignored "-Woverride-init" /* holes first, then what fills them */
const syscall_fn syscall_table[SYSCALL_COUNT] = {
    [0 ... SYSCALL_COUNT - 1] = sys_missing,
#define X(nr, name, blocks, where) [nr] = sys_##name,
    SYSCALL_LIST(X)
#undef X
        [SYSCALL_IMAGE] = syscall_image,
};
