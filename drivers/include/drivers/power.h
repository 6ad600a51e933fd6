/* SPDX-License-Identifier: MIT */
/*
 * The machine's power button, and starting it anew.  machine_exit(), which
 * switches it off, is declared in kernel/panic.h.
 */
#pragma once

#include <kernel/types.h>

/*
 * Calls fn, in interrupt context, each time the button is pressed (QMP's
 * system_powerdown).  Once, at start-up, after devices_init().
 * -ENODEV: the machine has no button that is known.
 */
must_check int power_button_set(void (*fn)(void));

/* Resets the machine; under QEMU's -no-reboot that ends it. */
noreturn void machine_reboot(void);
