/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of devices: which CPU and which vector (of irq_register() in
 * kernel/trap.h) they arrive at.  Thread context, start-up.
 *
 * All are edges: kvm_pvm delivers a level twice.  A device whose line stays
 * up until it is acknowledged must be acknowledged before its handler looks
 * for work.
 */
#pragma once

#include <kernel/types.h>

/* Unmasks the pin of a global system interrupt.  -ENODEV: no I/O APIC has it. */
must_check int irq_route_gsi(u32 gsi, unsigned vector, unsigned cpu);

/* What a device writes to raise `vector` at `cpu` (SDM 3A, 11.11). */
struct msi_message {
    u64 address;
    u32 data;
};
struct msi_message irq_msi_message(unsigned vector, unsigned cpu);

/* The CPU for the next device's messages: they take turns. */
unsigned irq_next_cpu(void);
