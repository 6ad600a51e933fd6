/* SPDX-License-Identifier: MIT */
/* Between power.c and exit.c. */
#pragma once

#include <kernel/types.h>

/* Start-up: finds the registers of the power button and of power-off. */
void power_init(void);
/* exit.c: the PM1 control register, where no table has named one. */
void machine_set_sleep_port(u16 port);
/* exit.c: the last resort of both ends. */
noreturn void machine_triple_fault(void);
