/* SPDX-License-Identifier: MIT */
/*
 * Time.  clock_now() is monotonic and the same on all CPUs: from the TSC
 * with the hypervisor's kvmclock parameters where there are some, else with
 * a frequency from CPUID or measured against the PIT or ACPI's timer.
 */
#pragma once

#include <kernel/types.h>

/*
 * Start-up, CPU 0, after bootinfo_init().  -ENODEV: there is nothing to tell
 * the TSC's frequency from.
 */
must_check int clock_init(void);
/* On every other CPU as it comes up. */
void clock_cpu_init(void);

nsec_t clock_now(void);         /* ns since boot_tsc; any context */
u64 clock_wall(void);           /* ns since 1970-01-01 UTC; any context; may step */
const char *clock_source(void); /* "kvmclock", "tsc (cpuid)", "tsc (pit)", "tsc (acpi)" */
u64 clock_tsc_khz(void);

/*
 * The first TSC value at which clock_now() is `when` or later; for
 * deadlines.  Beyond the TSC's end: all ones.
 */
u64 clock_to_tsc(nsec_t when);
/* A duration in TSC cycles as nanoseconds. */
nsec_t clock_cycles_to_nsec(u64 cycles);

/* Spins.  Any context. */
void clock_delay(nsec_t duration);

/*
 * Follows the host's wall clock, which time servers adjust, and prints a
 * note if the TSC's frequency is not what it was (a migrated guest).  For a
 * housekeeping thread, once a minute or so; costs an exit.  One caller at a time.
 */
void clock_recheck(void);
