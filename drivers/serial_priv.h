/* SPDX-License-Identifier: MIT */
/* The serial port as a byte channel: for devices.c. */
#pragma once

/*
 * Registers it as "serial"; after the other channels: what comes in is noticed only if
 * none of them is "stdin".
 */
void serial_channel_init(void);
