/* SPDX-License-Identifier: MIT */
/*
 * What to do about memory that is short or free, as arithmetic: pure, tested on
 * the host.  Amounts are frames; limits are set in any unit.
 */
#pragma once

#include <kernel/pressure.h>
#include <kernel/types.h>

struct pressure_limits {
    u64 total, low, critical;
};
/* Those of the start. */
struct pressure_limits pressure_limits_of(u64 total);
/* 0: as at the start.  -EINVAL: `limits` has not changed. */
must_check int pressure_limits_set(struct pressure_limits *limits, u64 low, u64 critical);

/*
 * What programs can have: of the cache of files, up to a half is in use all the time, of
 * more than `low`.  As Linux reckons.
 */
u64 pressure_available(const struct pressure_limits *limits, u64 free, u64 cache);
enum pressure_level pressure_level_of(const struct pressure_limits *limits, u64 available);
/* How much more there should be; 0: enough. */
u64 pressure_lacking(const struct pressure_limits *limits, u64 available);
/* How long to leave the shrinkers in peace after they have given so much of what was wanted. */
nsec_t pressure_pause(enum pressure_level level, u64 wanted, u64 given);
/* With so much free, which is less than `low`: below what there is to look again at once. */
u64 pressure_next_mark(const struct pressure_limits *limits, u64 free, u64 available);
/* How long until the next look while less than `low` is free. */
nsec_t pressure_interval(enum pressure_level level);

/*
 * How much has been free all the time of late: the least of each of the last periods.
 * While there are fewer, nothing is known.
 */
#define UNUSED_PERIODS 5u
struct unused {
    u64 low[UNUSED_PERIODS];
    u64 seen;
};
void unused_note(struct unused *unused, u64 low);
/* How much more of it the host may have, which has `lent` already. */
u64 unused_to_lend(const struct unused *unused, u64 total, u64 lent);

struct balloon_state {
    u64 wanted, has;
    u64 free;
    u64 floor; /* so much free memory stays */
    nsec_t now;
    nsec_t last; /* when memory was out and the balloon gave some back; 0: never */
};
#define BALLOON_REST (10 * NSEC_PER_SEC) /* after that it takes none for so long */
/* How much to take now, or, if negative, to give back. */
s64 balloon_move(const struct balloon_state *state);
