/* SPDX-License-Identifier: MIT */
/*
 * Between the files of kernel/time: arithmetic of clocks (clock_math.c,
 * plain code that the host tests too) and the sources of time.
 */
#pragma once

#include <kernel/types.h>

/*
 * A frequency is kept as nanoseconds a cycle, times 2^60.  With 64 bits that
 * covers 62.5 MHz and above to one part in 10^17 or better, so that a
 * hundred years of uptime are off by less than a microsecond.
 */
#define CLOCK_SHIFT 60
#define CLOCK_KHZ_MIN 100000ull    /* 100 MHz */
#define CLOCK_KHZ_MAX 100000000ull /* 100 GHz */

/* floor(cycles * mult / 2^60), modulo 2^64. */
static inline nsec_t clock_cycles_scale(u64 cycles, u64 mult)
{
    return (nsec_t)((unsigned __int128)cycles * mult >> CLOCK_SHIFT);
}

/* The least number of cycles that scales to `nsec` or more; all ones if none does. */
u64 clock_nsec_unscale(nsec_t nsec, u64 mult);

/* 0 if the frequency is outside CLOCK_KHZ_MIN .. CLOCK_KHZ_MAX. */
u64 clock_mult_from_khz(u64 khz);
u64 clock_khz_from_mult(u64 mult);
/* From cycles counted while another clock of `hz` counted `ticks`; 0 as above. */
u64 clock_mult_from_counts(u64 cycles, u64 ticks, u64 hz);

/* What KVM's parameters say (Linux, Documentation/virt/kvm/x86/msr.rst). */
struct kvmclock_time {
    u32 version; /* odd while it is being changed */
    u32 pad0;
    u64 tsc_timestamp;
    u64 system_time; /* ns, at tsc_timestamp */
    u32 tsc_to_system_mul;
    s8 tsc_shift;
    u8 flags;
    u8 pad1[2];
};
#define KVMCLOCK_TSC_STABLE 1u

/* 0 if the parameters make no sense. */
u64 clock_mult_from_kvm(u32 mul, s8 shift);
/* KVM's system time when the TSC was `tsc`, which may be before the timestamp. */
nsec_t clock_kvm_time_at(const struct kvmclock_time *t, u64 mult, u64 tsc);

/* A date of the Gregorian calendar as seconds since 1970, year >= 1970. */
struct clock_date {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
};
u64 clock_date_to_unix(const struct clock_date *date);

/* The registers of a CMOS clock as they were read. */
struct rtc_registers {
    u8 second, minute, hour, day, month, year, century;
    u8 status_b;
};
/* False if they are no date. */
bool clock_date_from_rtc(const struct rtc_registers *r, struct clock_date *date);

/*
 * kvmclock.c.  init: -ENODEV if the hypervisor has none.  Then the current
 * parameters, and the wall-clock time at which system time was 0.
 */
must_check int kvmclock_init(void);
struct kvmclock_time kvmclock_read(void);
u64 kvmclock_wall_base(void);

/* measure.c: 0 and the TSC's scale, or -ENODEV. */
must_check int clock_measure_pit(u64 *mult);
must_check int clock_measure_acpi(u64 *mult);
/* Ends the PIT's periodic interrupt, which it makes from reset on. */
void clock_stop_pit(void);

/* rtc.c: seconds since 1970, or -ENODEV. */
must_check int clock_read_rtc(u64 *seconds);
