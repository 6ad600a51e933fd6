/* SPDX-License-Identifier: MIT */
/*
 * The bound follows the length of the idle periods: it grows to twice a
 * period that a poll of at most POLL_MAX would have caught, and is halved by
 * each one that it would not.  After seven long periods in a row it is 0,
 * and the CPU halts at once; one short period brings polling back.
 */
#include "poll_bound_priv.h"

void poll_bound_init(struct poll_bound *poll)
{
    poll->bound = POLL_START;
}

void poll_bound_update(struct poll_bound *poll, nsec_t period)
{
    if (period <= POLL_MAX) {
        nsec_t wanted = MIN(MAX(2 * period, POLL_START), POLL_MAX);

        /* Up at once, down by an eighth: a burst is rarely even. */
        poll->bound = MAX(wanted, poll->bound - poll->bound / 8);
    } else {
        poll->bound /= 2;
        if (poll->bound < POLL_LEAST) {
            poll->bound = 0;
        }
    }
}
