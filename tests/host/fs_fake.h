/* SPDX-License-Identifier: MIT */
/*
 * What kernel/fs needs of the rest of the kernel, for one thread: memory that
 * may fail, mutexes that must not be taken twice, spinlocks whose order is
 * checked, a clock, a page cache in its simplest form, and an application
 * whose addresses below 64 KiB fault.
 */
#pragma once

#include <kernel/types.h>

/* Start-up of a test program; sets the GS base, as spinlocks look there. */
void fs_fake_init(void);
/* Files open at a time at most (RLIMIT_NOFILE). */
extern u64 fs_fake_limit;
/* Memory fails after `count` more allocations, (u64)-1: never; how many blocks are in use. */
void fs_fake_fail_after(u64 count);
s64 fs_fake_live(void);
/* The monotonic clock, which stands still. */
extern nsec_t fs_fake_now;
/* Mutexes and spinlocks that are held. */
unsigned fs_fake_locks(void);
