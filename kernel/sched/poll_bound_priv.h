/* SPDX-License-Identifier: MIT */
/*
 * How long an idle CPU polls before it halts.  Policy only, no hardware.
 *
 * Polling saves the interrupt that wakes a halted CPU (tens of microseconds
 * under a hypervisor) and burns the host's time.  It is worth while if idle
 * periods end soon, and the best guess for the next one is the last few.
 */
#pragma once

#include <kernel/types.h>

#define POLL_START (20 * NSEC_PER_USEC)
#define POLL_MAX (200 * NSEC_PER_USEC)
#define POLL_LEAST (2 * NSEC_PER_USEC) /* below it is not worth the trouble */

struct poll_bound {
    nsec_t bound; /* 0 .. POLL_MAX */
};

void poll_bound_init(struct poll_bound *poll);
/* An idle period has ended that lasted so long. */
void poll_bound_update(struct poll_bound *poll, nsec_t period);
