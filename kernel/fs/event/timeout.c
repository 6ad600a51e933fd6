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

int timeout_to_nsec(const struct timespec *time, nsec_t *ns)
{
    if (time->sec < 0 || time->nsec < 0 || time->nsec >= (s64)NSEC_PER_SEC) {
        return -EINVAL;
    }
    if ((u64)time->sec >= TIMEOUT_MAX / NSEC_PER_SEC) {
        *ns = TIMEOUT_MAX; /* centuries */
        return 0;
    }
    *ns = (u64)time->sec * NSEC_PER_SEC + (u64)time->nsec;
    return 0;
}

int timeout_read(u64 pointer, bool micro, nsec_t *deadline)
{
    struct timespec time;
    nsec_t ns;
    int err;

    *deadline = SCHED_NEVER;
    if (pointer == 0) {
        return 0;
    }
    if (user_read(&time, (const void *)pointer, sizeof(time)) != 0) {
        return -EFAULT;
    }
    if (micro && time.nsec >= 0 && time.sec >= 0) {
        time.sec += time.nsec / 1000000; /* select(2) takes a second of microseconds or more */
        time.nsec = time.nsec % 1000000 * 1000;
    }
    err = timeout_to_nsec(&time, &ns);
    if (err == 0) {
        *deadline = ns == 0 ? 0 : clock_now() + ns;
    }
    return err;
}

void timeout_write_left(u64 pointer, bool micro, nsec_t deadline)
{
    nsec_t now = clock_now(), left = deadline > now ? deadline - now : 0;
    struct timespec time = timeout_to_timespec(left);

    if (micro) {
        time.nsec /= 1000;
    }
    if (pointer != 0 && user_write((void *)pointer, &time, sizeof(time)) != 0) {
        return; /* memory that may be read only: as on Linux no error */
    }
}

struct timespec timeout_to_timespec(nsec_t ns)
{
    return (struct timespec){(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC)};
}
