/* SPDX-License-Identifier: MIT */
/* sources: kernel/time/clock_math.c */
/* Arithmetic of clocks: exactness over a hundred years, KVM's formula, dates against the C library.
 */
#include "../../kernel/time/clock_priv.h"
#include "host.h"

#include <string.h>
#include <time.h>

#define YEAR (366ull * 86400 * NSEC_PER_SEC)

typedef unsigned __int128 u128;

/* Frequencies from slow to fast, and the usual ones. */
static u64 random_khz(void)
{
    static const u64 usual[] = {100000,  999999,  1000000, 1000001, 2100000,
                                2600000, 2599998, 3792872, 5800000, 100000000};

    return rnd_below(2) != 0 ? usual[rnd_below(ARRAY_SIZE(usual))]
                             : CLOCK_KHZ_MIN + rnd_below(10000000);
}

static u64 random_bits(void)
{
    return rnd() >> rnd_below(64);
}

static void test_khz(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        u64 khz = random_khz();

        EQ(clock_khz_from_mult(clock_mult_from_khz(khz)), khz);
    }
    EQ(clock_khz_from_mult(clock_mult_from_khz(2600000) + 1), 2600000); /* to the nearest */
    EQ(clock_mult_from_khz(CLOCK_KHZ_MIN - 1), 0);
    EQ(clock_mult_from_khz(CLOCK_KHZ_MAX + 1), 0);
    EQ(clock_mult_from_khz(0), 0);
    EQ(clock_mult_from_khz(UINT64_MAX), 0);
    EQ(clock_khz_from_mult(0), 0);
    EQ(clock_khz_from_mult(1), 0);
}

/* After a hundred years the time differs from the true one by less than a microsecond. */
static void test_precision(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        u64 khz = random_khz();
        u64 mult = clock_mult_from_khz(khz);
        nsec_t true_time = rnd_below(100 * YEAR);
        u128 wide = (u128)true_time * khz / NSEC_PER_MSEC;
        nsec_t time;

        if (wide >> 63 != 0) {
            continue;
        }
        time = clock_cycles_scale((u64)wide, mult);
        if (!OK(time <= true_time && true_time - time <= 1000)) {
            return;
        }
    }
}

/* The deadline is the first cycle at which the time has come: not one early, not one late. */
static void test_deadline(void)
{
    for (unsigned i = 0; i < 200000; i++) {
        u64 mult = clock_mult_from_khz(random_khz());
        nsec_t when = rnd_below(4) == 0 ? random_bits() : rnd_below(100 * YEAR);
        u64 cycles = clock_nsec_unscale(when, mult);
        u128 scaled = (u128)when << CLOCK_SHIFT;

        if (cycles == UINT64_MAX) {
            if (!OK(scaled > (u128)(UINT64_MAX - 1) * mult)) {
                return;
            }
            continue;
        }
        if (!OK((u128)cycles * mult >= scaled) ||
            !OK(cycles == 0 || (u128)(cycles - 1) * mult < scaled) ||
            !OK(clock_cycles_scale(cycles, mult) >= when)) {
            return;
        }
    }
    EQ(clock_nsec_unscale(0, 1), 0);
    EQ(clock_nsec_unscale(1, 0), UINT64_MAX);
    EQ(clock_nsec_unscale(UINT64_MAX, clock_mult_from_khz(2600000)), UINT64_MAX);
    EQ(clock_nsec_unscale(100 * YEAR, clock_mult_from_khz(2600000)) / 2600000,
       100 * YEAR / 1000000);
}

static void test_monotonic(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        u64 mult = clock_mult_from_khz(random_khz());
        u64 cycles = random_bits() / 2;
        nsec_t last = clock_cycles_scale(cycles, mult);

        for (unsigned k = 0; k < 100; k++) {
            nsec_t now = clock_cycles_scale(++cycles, mult);

            OK(now >= last && now - last <= 11);
            last = now;
        }
    }
}

/* The guest's side of the protocol as the hypervisor's documentation has it. */
static nsec_t kvm_formula(const struct kvmclock_time *t, u64 tsc)
{
    u64 delta = tsc - t->tsc_timestamp;

    delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
    return t->system_time + (nsec_t)((u128)delta * t->tsc_to_system_mul >> 32);
}

static void test_kvm(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        struct kvmclock_time t = {
            .tsc_timestamp = rnd_below(1ull << 50),
            .system_time = rnd_below(1ull << 50),
            .tsc_to_system_mul = 0x80000000u + (u32)rnd_below(0x80000000u),
            .tsc_shift = (s8)((int)rnd_below(5) - 3),
        };
        u64 mult = clock_mult_from_kvm(t.tsc_to_system_mul, t.tsc_shift);
        u64 tsc = t.tsc_timestamp + rnd_below(1ull << 52);
        s64 off;

        OK(mult != 0);
        off = (s64)(clock_kvm_time_at(&t, mult, tsc) - kvm_formula(&t, tsc));
        if (!OK(off >= 0 && off <= 4)) { /* it cuts bits off below, we do not */
            return;
        }
    }
    EQ(clock_khz_from_mult(clock_mult_from_kvm(0xc4ec4ec4u, -1)), 2600000);
    EQ(clock_mult_from_kvm(0, 0), 0);
    EQ(clock_mult_from_kvm(0x80000000u, 10), 0);
    EQ(clock_mult_from_kvm(0x80000000u, 127), 0);
    EQ(clock_mult_from_kvm(0x80000000u, -128), 0);
    EQ(clock_mult_from_kvm(1, -28), 0);
    EQ(clock_mult_from_kvm(0xf0000100u, 20), 0); /* more than 64 bits */
}

/* Before the timestamp too: the kernel's first instruction is. */
static void test_kvm_before(void)
{
    struct kvmclock_time t = {.tsc_timestamp = 5000000, .system_time = 3000000};
    u64 mult = clock_mult_from_khz(1000000);

    EQ(clock_kvm_time_at(&t, mult, 5000000), 3000000);
    EQ(clock_kvm_time_at(&t, mult, 5000007), 3000007);
    EQ(clock_kvm_time_at(&t, mult, 4000000), 2000000);
}

static void test_counts(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        u64 khz = random_khz();
        u64 hz = rnd_below(2) != 0 ? 1193182 : 3579545;
        u64 ticks = hz / 100 + rnd_below(hz / 50);
        u64 cycles = (u64)((u128)ticks * khz * 1000 / hz);
        u64 got = clock_khz_from_mult(clock_mult_from_counts(cycles, ticks, hz));
        u64 off;

        /* The cycles were rounded down, by less than one. */
        off = khz / cycles + 1;
        OK(got == 0 ? khz == CLOCK_KHZ_MIN || khz == CLOCK_KHZ_MAX
                    : got + off >= khz && got <= khz + off);
    }
    EQ(clock_mult_from_counts(0, 1000, 1193182), 0);
    EQ(clock_mult_from_counts(1000, 0, 1193182), 0);
    EQ(clock_mult_from_counts(1000, 1000, 0), 0);
    EQ(clock_mult_from_counts(1000, 11931, 1193182), 0);
    EQ(clock_mult_from_counts(UINT64_MAX, 11931, 1193182), 0);
    EQ(clock_mult_from_counts(1, UINT64_MAX, 1), 0);
    for (unsigned i = 0; i < 100000; i++) {
        u64 mult = clock_mult_from_counts(random_bits(), random_bits(), random_bits());

        OK(mult == 0 || clock_khz_from_mult(mult) >= CLOCK_KHZ_MIN);
    }
}

static void test_dates(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        time_t seconds = (time_t)rnd_below(300ull * 366 * 86400);
        struct clock_date date;
        struct tm tm;

        OK(gmtime_r(&seconds, &tm) != NULL);
        date = (struct clock_date){(unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                                   (unsigned)tm.tm_mday,        (unsigned)tm.tm_hour,
                                   (unsigned)tm.tm_min,         (unsigned)tm.tm_sec};
        if (!EQ(clock_date_to_unix(&date), (u64)seconds)) {
            return;
        }
    }
}

static bool rtc_is(struct rtc_registers r, u64 want)
{
    struct clock_date date;

    return clock_date_from_rtc(&r, &date) && clock_date_to_unix(&date) == want;
}

static void test_rtc(void)
{
    const u64 t = 1709210096; /* 2024-02-29 12:34:56 */
    struct clock_date date;
    struct rtc_registers bad;

    OK(rtc_is((struct rtc_registers){0x56, 0x34, 0x12, 0x29, 0x02, 0x24, 0x20, 0x02}, t));
    OK(rtc_is((struct rtc_registers){56, 34, 12, 29, 2, 24, 20, 0x06}, t));
    OK(rtc_is((struct rtc_registers){0x56, 0x34, 0x92, 0x29, 0x02, 0x24, 0x20, 0x00}, t));
    OK(rtc_is((struct rtc_registers){56, 34, 0x8c, 29, 2, 24, 20, 0x04}, t));
    OK(rtc_is((struct rtc_registers){0x56, 0x34, 0x12, 0x29, 0x02, 0x24, 0x20, 0x00}, t - 43200));
    OK(rtc_is((struct rtc_registers){0x56, 0x34, 0x12, 0x29, 0x02, 0x24, 0x00, 0x02}, t));
    OK(rtc_is((struct rtc_registers){0x56, 0x34, 0x12, 0x29, 0x02, 0x24, 0xff, 0x02}, t));
    OK(rtc_is((struct rtc_registers){0, 0, 0, 1, 1, 0, 0x21, 0x02}, 4102444800)); /* 2100 */
    bad = (struct rtc_registers){0x56, 0x34, 0x12, 0x29, 0x02, 0x24, 0x20, 0x02};
    bad.month = 0x13;
    OK(!clock_date_from_rtc(&bad, &date));
    memset(&bad, 0xff, sizeof(bad));
    OK(!clock_date_from_rtc(&bad, &date));
    memset(&bad, 0, sizeof(bad));
    OK(!clock_date_from_rtc(&bad, &date));
}

int main(void)
{
    run("keeps a frequency", test_khz);
    run("is exact over a hundred years", test_precision);
    run("gives deadlines neither early nor late", test_deadline);
    run("never goes back", test_monotonic);
    run("agrees with KVM's formula", test_kvm);
    run("knows times before KVM's timestamp", test_kvm_before);
    run("tells a frequency from counts", test_counts);
    run("turns dates into seconds", test_dates);
    run("understands a CMOS clock", test_rtc);
    return finish();
}
