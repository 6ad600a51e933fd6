/* SPDX-License-Identifier: MIT */
/* Time-outs as the application writes them. */
#pragma once

#include <kernel/timespec.h>

/* poll(2): less than 0 is SCHED_NEVER, 0 is 0 (the past). */
nsec_t timeout_from_ms(int ms);

/*
 * A relative time at `pointer` (NULL: never), a timespec or (`micro`) a timeval,
 * as a deadline; 0 for no wait at all.  0, -EFAULT, -EINVAL.
 */
must_check int timeout_read(u64 pointer, bool micro, nsec_t *deadline);
/* Writes back how much is left. */
void timeout_write_left(u64 pointer, bool micro, nsec_t deadline);
