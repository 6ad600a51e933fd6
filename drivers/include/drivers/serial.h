/* SPDX-License-Identifier: MIT */
/* The PC's first serial port as the kernel's console. */
#pragma once

/*
 * Sets the port up and makes it the console; what was printed before comes
 * out now.  Start-up, CPU 0, before bootinfo_init() so that its errors are
 * seen.  Needs neither memory nor interrupts.
 */
void serial_init(void);
