/* SPDX-License-Identifier: MIT */
/*
 * System calls by function call.  The application loads the registers as for
 * SYSCALL (number in rax; rdi rsi rdx r10 r8 r9) and calls syscall_entry,
 * which switches to the thread's kernel stack, calls the table's entry and
 * returns its value in rax.  As after any function call, the registers that
 * the SysV ABI lets a function change are lost, vector registers included.
 */
#pragma once

#include <kernel/syscall_list.h>
#include <kernel/types.h>

#define SYSCALL_COUNT 512
#define SYSCALL_IMAGE 511 /* the image's own; see syscall_image() */

typedef s64 (*syscall_fn)(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

extern const syscall_fn syscall_table[SYSCALL_COUNT];

/* sys_read(fd, buf, size, ...) and so on: whoever defines it has the call. */
#define X(nr, name, blocks, where) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
SYSCALL_LIST(X)
#undef X

/* Of a call that nobody defines: counts it, returns -ENOSYS. */
s64 sys_missing(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5); /* assembly: knows the number */
s64 syscall_missing(u64 nr);
/* How often the call was tried in vain. */
u64 syscall_missed(unsigned nr);
/* NULL: there is no such call. */
const char *syscall_name(unsigned nr);

/* Assembly; not for C to call as it is: see above. */
void syscall_entry(void);

/* A weak default returns -ENOSYS; an image with calls of its own defines it. */
s64 syscall_image(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
