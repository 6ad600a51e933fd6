/* SPDX-License-Identifier: MIT */
/* The end of the machine; machine_exit() itself is declared in kernel/panic.h. */
#pragma once

/*
 * Start-up, once devices can be mapped: prepares the power-off through
 * memory that a machine without QEMU's debug-exit device may need.
 */
void machine_exit_init(void);
