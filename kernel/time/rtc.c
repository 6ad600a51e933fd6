/* SPDX-License-Identifier: MIT */
/*
 * The date from the PC's battery-backed clock (MC146818), read once at
 * start-up where the hypervisor has no better one.  To a second.
 *
 * The registers change one by one, for 2 ms of each second, and the chip
 * says when it may begin.  They are read when it says that it does not, and
 * again until two readings agree.
 */
#include "clock_priv.h"

#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/port.h>
#include <kernel/string.h>

#define RTC_INDEX 0x70
#define RTC_DATA 0x71

#define RTC_SECOND 0x00
#define RTC_MINUTE 0x02
#define RTC_HOUR 0x04
#define RTC_DAY 0x07
#define RTC_MONTH 0x08
#define RTC_YEAR 0x09
#define RTC_STATUS_A 0x0a
#define RTC_STATUS_B 0x0b
#define RTC_CENTURY 0x32

#define RTC_A_UPDATE 0x80

/* Above 2 ms of reading; where there is no chip, the bit reads as set for ever. */
#define UPDATE_TRIES 10000
#define READ_TRIES 10

static u8 rtc_read(u8 reg)
{
    port_write_u8(RTC_INDEX, reg);
    return port_read_u8(RTC_DATA);
}

static int wait_no_update(void)
{
    for (unsigned i = 0; i < UPDATE_TRIES; i++) {
        u8 status = rtc_read(RTC_STATUS_A);

        if (status == 0xff) {
            return -ENODEV;
        }
        if ((status & RTC_A_UPDATE) == 0) {
            return 0;
        }
    }
    return -ENODEV;
}

static struct rtc_registers read_registers(void)
{
    return (struct rtc_registers){
        .second = rtc_read(RTC_SECOND),
        .minute = rtc_read(RTC_MINUTE),
        .hour = rtc_read(RTC_HOUR),
        .day = rtc_read(RTC_DAY),
        .month = rtc_read(RTC_MONTH),
        .year = rtc_read(RTC_YEAR),
        .century = rtc_read(RTC_CENTURY),
        .status_b = rtc_read(RTC_STATUS_B),
    };
}

int clock_read_rtc(u64 *seconds)
{
    struct rtc_registers last = {0}, now = {0};
    struct clock_date date;

    for (unsigned i = 0; i < READ_TRIES; i++) {
        if (wait_no_update() != 0) {
            return -ENODEV;
        }
        last = now;
        now = read_registers();
        if (i > 0 && memcmp(&last, &now, sizeof(now)) == 0) {
            if (!clock_date_from_rtc(&now, &date)) {
                return -ENODEV;
            }
            *seconds = clock_date_to_unix(&date);
            return 0;
        }
    }
    return -ENODEV;
}
