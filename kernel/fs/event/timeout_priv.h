/* SPDX-License-Identifier: MIT */
/* Time-outs as the application writes them. */
#pragma once

#include <kernel/types.h>
#include <kernel/vfs.h>

/* Longer ones are cut to this; sums with a time of now do not overflow. */
#define TIMEOUT_MAX ((nsec_t)1 << 62)

/* poll(2): less than 0 is SCHED_NEVER, 0 is 0 (the past). */
nsec_t timeout_from_ms(int ms);

/* 0, or -EINVAL: negative, or nanoseconds beyond a second. */
must_check int timeout_to_nsec(const struct timespec *time, nsec_t *ns);
struct timespec timeout_to_timespec(nsec_t ns);

/*
 * A relative time at `pointer` (NULL: never), a timespec or (`micro`) a timeval,
 * as a deadline; 0 for no wait at all.  0, -EFAULT, -EINVAL.
 */
must_check int timeout_read(u64 pointer, bool micro, nsec_t *deadline);
/* Writes back how much is left. */
void timeout_write_left(u64 pointer, bool micro, nsec_t deadline);
