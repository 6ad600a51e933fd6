/* SPDX-License-Identifier: MIT */
/*
 * Access to memory whose address came from the application.  It may be
 * unmapped or read-only: the functions return -EFAULT then instead of
 * taking the kernel down.  A range that reaches into the kernel's own
 * memory is refused.  Thread context, no spinlock held, except for the
 * _nofault ones, which never wait and fail also on a page that is merely not
 * there yet.
 *
 * A copy that fails may have copied some of the bytes.
 */
#pragma once

#include <kernel/types.h>

must_check int user_read(void *dst, const void *src, size_t size);
must_check int user_write(void *dst, const void *src, size_t size);
must_check int user_read_u32(const u32 *addr, u32 *value);

must_check int user_read_u32_nofault(const u32 *addr, u32 *value);
/* *old receives the value before; swapped only if it was `expected`. */
must_check int user_cmpxchg_u32_nofault(u32 *addr, u32 expected, u32 desired, u32 *old);

/* Is [addr, addr + size) outside the kernel's own memory and canonical? */
bool user_range_ok(const void *addr, size_t size);

/*
 * For the trap handler: where to go on when the kernel's instruction at `rip`
 * faulted for good; 0 if that instruction must not fault.
 */
u64 fixup_lookup(u64 rip);
