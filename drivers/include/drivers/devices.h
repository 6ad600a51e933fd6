/* SPDX-License-Identifier: MIT */
/* All devices: found, started, registered (kernel/block.h, p9.h, console.h). */
#pragma once

/*
 * Start-up, in a thread, when all CPUs are online; takes some hundred
 * microseconds a device.  A device that cannot be used is named in a line and left
 * out.  Calls after the first do nothing.
 */
void devices_init(void);
/*
 * Before that, if wanted: the disks alone, so that they are read while the others are started.
 * As above.
 */
void devices_init_disks(void);
