/* SPDX-License-Identifier: MIT */
/*
 * The TSC's frequency, measured against a counter of known frequency over
 * 10 ms: the PIT's (1.193182 MHz) or ACPI's power-management timer
 * (3.579545 MHz).  For hypervisors that do not say it: QEMU's TCG, most of
 * all.
 *
 * Reading a counter takes microseconds, and at an unknown moment between
 * them it is sampled.  So each reading is bracketed by the TSC, the shortest
 * of some is kept, and the error is at most half of two such brackets in
 * 10 ms: below 0.05 % even where a port access takes 5 us.
 */
#include "clock_priv.h"

#include <kernel/bootinfo.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/port.h>

#define PIT_HZ 1193182u
#define PIT_MASK 0xffffu
#define PIT_CHANNEL0 0x40
#define PIT_CONTROL 0x43
#define PIT_CONTROL_ONE_SHOT 0x30 /* channel 0, low then high byte, mode 0 */
#define PIT_CONTROL_LATCH 0x00

#define ACPI_TIMER_HZ 3579545u

#define INTERVAL_HZ 100 /* a measurement takes 1/100 s */
#define TRIES 8

/* A counter stuck for so many cycles (0.1 to 1 s) is not there. */
#define STUCK_CYCLES 1000000000ull

struct counter {
    u32 (*read)(void); /* counts up */
    u32 mask;          /* the bits it has */
    u32 hz;
};

struct sample {
    u32 count;
    u64 tsc;     /* when it was read, as the middle of two readings */
    u64 bracket; /* their distance */
};

/* The latch command samples the count; the reads after it fetch that. */
static u32 read_pit(void)
{
    u32 low, high;

    port_write_u8(PIT_CONTROL, PIT_CONTROL_LATCH);
    low = port_read_u8(PIT_CHANNEL0);
    high = port_read_u8(PIT_CHANNEL0);
    return ~(high << 8 | low); /* it counts down */
}

static u32 read_acpi(void)
{
    return port_read_u32(bootinfo.pm_timer_port);
}

static struct sample sample_once(const struct counter *counter)
{
    u64 before = rdtsc();
    u32 count = counter->read() & counter->mask;
    u64 after = rdtsc();

    return (struct sample){count, before + (after - before) / 2, after - before};
}

static struct sample sample_best(const struct counter *counter)
{
    struct sample best = sample_once(counter);

    for (unsigned i = 1; i < TRIES; i++) {
        struct sample s = sample_once(counter);

        if (s.bracket < best.bracket) {
            best = s;
        }
    }
    return best;
}

static int measure(const struct counter *counter, u64 *mult)
{
    struct sample start = sample_best(counter);
    struct sample end;
    u32 ticks;

    do {
        end = sample_once(counter);
        ticks = (end.count - start.count) & counter->mask;
        if (end.tsc - start.tsc > STUCK_CYCLES) {
            return -ENODEV;
        }
    } while (ticks < counter->hz / INTERVAL_HZ);
    end = sample_best(counter);
    ticks = (end.count - start.count) & counter->mask;
    *mult = clock_mult_from_counts(end.tsc - start.tsc, ticks, counter->hz);
    return *mult != 0 ? 0 : -ENODEV;
}

/* One access: without a count to go with it, mode 0 stays silent. */
void clock_stop_pit(void)
{
    port_write_u8(PIT_CONTROL, PIT_CONTROL_ONE_SHOT);
}

int clock_measure_pit(u64 *mult)
{
    const struct counter pit = {read_pit, PIT_MASK, PIT_HZ};

    clock_stop_pit();
    port_write_u8(PIT_CHANNEL0, 0xff);
    port_write_u8(PIT_CHANNEL0, 0xff);
    return measure(&pit, mult);
}

int clock_measure_acpi(u64 *mult)
{
    const struct counter timer = {
        read_acpi,
        bootinfo.pm_timer_32bit ? 0xffffffffu : 0xffffffu,
        ACPI_TIMER_HZ,
    };

    return bootinfo.pm_timer_port != 0 ? measure(&timer, mult) : -ENODEV;
}
