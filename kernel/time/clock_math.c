/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of clocks: scales between cycles and nanoseconds, KVM's way of
 * saying a frequency, dates.  Pure.
 *
 * From nanoseconds back to cycles a second, rounded factor would not do: a
 * deadline a cycle early makes a timer fire before its time and be armed
 * again.  The exact quotient costs one division, against the exit or the
 * microsecond that arming a timer costs.
 */
#include "clock_priv.h"

/* high:low / divisor, rounded down, for high < divisor (the quotient fits). */
static u64 divide_u128(u64 high, u64 low, u64 divisor, u64 *remainder)
{
    u64 quotient;

    __asm__("divq %4"
            : "=a"(quotient), "=d"(*remainder)
            : "0"(low), "1"(high), "rm"(divisor)
            : "cc");
    return quotient;
}

u64 clock_nsec_unscale(nsec_t nsec, u64 mult)
{
    u64 high = nsec >> (64 - CLOCK_SHIFT);
    u64 quotient, remainder;

    if (high >= mult) {
        return UINT64_MAX;
    }
    quotient = divide_u128(high, nsec << CLOCK_SHIFT, mult, &remainder);
    return remainder != 0 && quotient != UINT64_MAX ? quotient + 1 : quotient;
}

u64 clock_mult_from_khz(u64 khz)
{
    u64 remainder;

    if (khz < CLOCK_KHZ_MIN || khz > CLOCK_KHZ_MAX) {
        return 0;
    }
    /* 10^6 ns a millisecond, times 2^60: the high word is 10^6 / 16. */
    return divide_u128(NSEC_PER_MSEC >> (64 - CLOCK_SHIFT), NSEC_PER_MSEC << CLOCK_SHIFT, khz,
                       &remainder);
}

u64 clock_khz_from_mult(u64 mult)
{
    u64 high = NSEC_PER_MSEC >> (64 - CLOCK_SHIFT);
    u64 khz, remainder;

    if (high >= mult) {
        return 0;
    }
    khz = divide_u128(high, NSEC_PER_MSEC << CLOCK_SHIFT, mult, &remainder);
    return remainder >= mult - remainder ? khz + 1 : khz;
}

u64 clock_mult_from_counts(u64 cycles, u64 ticks, u64 hz)
{
    unsigned __int128 nsec = (unsigned __int128)ticks * NSEC_PER_SEC;
    u64 remainder, khz;
    u64 high, low;
    u64 elapsed;

    /* Elapsed time to 2^-10 ns, so that rounding costs nothing at 10 ms. */
    nsec <<= 10;
    high = (u64)(nsec >> 64);
    low = (u64)nsec;
    if (hz == 0 || high >= hz) {
        return 0;
    }
    elapsed = divide_u128(high, low, hz, &remainder);
    /* Now ns a cycle: elapsed / 2^10 / cycles * 2^60. */
    if (cycles == 0 || elapsed >> 14 >= cycles) {
        return 0;
    }
    elapsed = divide_u128(elapsed >> 14, elapsed << 50, cycles, &remainder);
    khz = elapsed == 0 ? 0 : clock_khz_from_mult(elapsed);
    return khz < CLOCK_KHZ_MIN || khz > CLOCK_KHZ_MAX ? 0 : elapsed;
}

/* KVM: ns = (cycles << shift) * mul >> 32, with a negative shift to the right. */
u64 clock_mult_from_kvm(u32 mul, s8 shift)
{
    int up = CLOCK_SHIFT - 32 + shift;
    u64 mult;
    u64 khz;

    if (mul == 0 || up <= -32 || up > 32) {
        return 0;
    }
    mult = up >= 0 ? (u64)mul << up : (u64)mul >> -up;
    khz = mult == 0 ? 0 : clock_khz_from_mult(mult);
    return khz < CLOCK_KHZ_MIN || khz > CLOCK_KHZ_MAX ? 0 : mult;
}

nsec_t clock_kvm_time_at(const struct kvmclock_time *t, u64 mult, u64 tsc)
{
    if (tsc >= t->tsc_timestamp) {
        return t->system_time + clock_cycles_scale(tsc - t->tsc_timestamp, mult);
    }
    return t->system_time - clock_cycles_scale(t->tsc_timestamp - tsc, mult);
}

u64 clock_date_to_unix(const struct clock_date *date)
{
    /* Years begin in March here, so that a leap day is the last of its year. */
    u64 year = date->month > 2 ? date->year : date->year - 1;
    u64 month = date->month > 2 ? date->month - 3 : date->month + 9;
    u64 days = year * 365 + year / 4 - year / 100 + year / 400; /* to 1 March */

    days += (153 * month + 2) / 5 + date->day - 1;
    days -= 719468; /* from 0000-03-01 to 1970-01-01 */
    return days * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
}

#define RTC_B_24_HOURS 0x02
#define RTC_B_BINARY 0x04
#define RTC_PM 0x80

static unsigned rtc_number(u8 value, bool binary)
{
    return binary ? value : (value >> 4) * 10u + (value & 15u);
}

bool clock_date_from_rtc(const struct rtc_registers *r, struct clock_date *date)
{
    bool binary = (r->status_b & RTC_B_BINARY) != 0;
    bool twelve = (r->status_b & RTC_B_24_HOURS) == 0;
    unsigned century = rtc_number(r->century, binary);

    date->second = rtc_number(r->second, binary);
    date->minute = rtc_number(r->minute, binary);
    date->hour = rtc_number(twelve ? (u8)(r->hour & ~RTC_PM) : r->hour, binary);
    if (twelve) {
        date->hour = date->hour % 12 + ((r->hour & RTC_PM) != 0 ? 12 : 0);
    }
    date->day = rtc_number(r->day, binary);
    date->month = rtc_number(r->month, binary);
    /* Not every chip has a century; this system is younger than 2000. */
    date->year =
        rtc_number(r->year, binary) + 100 * (century >= 20 && century < 100 ? century : 20);
    return date->second <= 60 && date->minute < 60 && date->hour < 24 && date->day >= 1 &&
           date->day <= 31 && date->month >= 1 && date->month <= 12 && date->year % 100 <= 99;
}
