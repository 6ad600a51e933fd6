/* SPDX-License-Identifier: MIT */
/*
 * Time-outs of poll(2), select(2), epoll(7) and timerfd_create(2): Linux's
 * structures as deadlines in clock_now() time.
 */
#include "timeout_priv.h"

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>

nsec_t timeout_from_ms(int ms)
{
    if (ms < 0) {
        return SCHED_NEVER;
    }
    return ms == 0 ? 0 : clock_now() + (u64)ms * NSEC_PER_MSEC;
}

int timeout_read(u64 pointer, bool micro, nsec_t *deadline)
{
    struct timespec time;

    *deadline = SCHED_NEVER;
    if (!micro || pointer == 0) {
        return timespec_read_deadline(pointer, deadline);
    }
    if (user_read(&time, (const void *)pointer, sizeof(time)) != 0) {
        return -EFAULT;
    }
    if (time.nsec < 0) {
        return -EINVAL;
    }
    /* select(2) takes a second of microseconds or more */
    time.sec = (s64)((u64)time.sec + (u64)time.nsec / 1000000);
    time.nsec = time.nsec % 1000000 * 1000;
    if (!timespec_is_valid(&time)) {
        return -EINVAL;
    }
    *deadline = timespec_deadline(timespec_to_nsec(&time));
    return 0;
}

void timeout_write_left(u64 pointer, bool micro, nsec_t deadline)
{
    nsec_t now = clock_now(), left = deadline > now ? deadline - now : 0;
    struct timespec time = timespec_from_nsec(left);

    if (micro) {
        time.nsec /= 1000;
    }
    if (pointer != 0 && user_write((void *)pointer, &time, sizeof(time)) != 0) {
        return; /* memory that may be read only: as on Linux no error */
    }
}
