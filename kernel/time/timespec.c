/* SPDX-License-Identifier: MIT */
/* Times that system calls are given. */
#include <kernel/timespec.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>

int timespec_read(u64 pointer, nsec_t *value)
{
    struct timespec time;

    if (user_read(&time, (const void *)pointer, sizeof(time)) != 0) {
        return -EFAULT;
    }
    if (!timespec_is_valid(&time)) {
        return -EINVAL;
    }
    *value = timespec_to_nsec(&time);
    return 0;
}

nsec_t timespec_deadline(nsec_t relative)
{
    return relative == 0 ? 0 : clock_now() + relative;
}

int timespec_read_deadline(u64 pointer, nsec_t *deadline)
{
    nsec_t relative;
    int err = 0;

    *deadline = SCHED_NEVER;
    if (pointer != 0) {
        err = timespec_read(pointer, &relative);
        if (err == 0) {
            *deadline = timespec_deadline(relative);
        }
    }
    return err;
}
