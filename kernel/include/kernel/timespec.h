/* SPDX-License-Identifier: MIT */
/* Times as applications give and get them; <kernel/posix_time.h> has the rest. */
#pragma once

#include <kernel/types.h>

struct timespec {
    s64 sec, nsec;
};

/* Longer times are cut to these 292 years, as on Linux: a sum with a time of now has room. */
#define TIMESPEC_MAX ((nsec_t)-1 >> 1)

static inline bool timespec_is_valid(const struct timespec *time)
{
    return time->sec >= 0 && time->nsec >= 0 && time->nsec < (s64)NSEC_PER_SEC;
}

/* Of a valid one: at most TIMESPEC_MAX. */
static inline nsec_t timespec_to_nsec(const struct timespec *time)
{
    if ((u64)time->sec >= TIMESPEC_MAX / NSEC_PER_SEC) {
        return TIMESPEC_MAX;
    }
    return (u64)time->sec * NSEC_PER_SEC + (u64)time->nsec;
}

static inline struct timespec timespec_from_nsec(nsec_t nsec)
{
    return (struct timespec){(s64)(nsec / NSEC_PER_SEC), (s64)(nsec % NSEC_PER_SEC)};
}

/* The application's struct timespec at `pointer`: 0, -EFAULT, -EINVAL. */
must_check int timespec_read(u64 pointer, nsec_t *value);

/*
 * A relative time at `pointer` (NULL: never) as a deadline in clock_now() time;
 * 0, which is past, for no wait at all.  0, -EFAULT, -EINVAL.
 */
must_check int timespec_read_deadline(u64 pointer, nsec_t *deadline);
/* timespec_read_deadline() of a time that is known. */
nsec_t timespec_deadline(nsec_t relative);
