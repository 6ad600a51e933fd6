/* SPDX-License-Identifier: MIT */
/* poll(2) and ppoll(2). */
#include <kernel/errno.h>
#include <kernel/fd.h>
#include <kernel/kmalloc.h>
#include <kernel/syscall.h>
#include <kernel/uaccess.h>

#include "poll_set_priv.h"
#include "sigmask_priv.h"
#include "timeout_priv.h"

struct pollfd {
    s32 fd;
    u16 events;
    u16 revents;
};

#define CHUNK 32u /* of the application's array that is copied at once */

static int read_entries(struct poll_set *set, u64 array, unsigned count)
{
    struct pollfd chunk[CHUNK];

    for (unsigned done = 0; done < count;) {
        unsigned n = MIN(count - done, CHUNK);

        if (user_read(chunk, (const struct pollfd *)array + done, n * sizeof(chunk[0])) != 0) {
            return -EFAULT;
        }
        for (unsigned i = 0; i < n; i++) {
            (void)poll_set_add(set, chunk[i].fd, chunk[i].events);
        }
        done += n;
    }
    return 0;
}

/* Only revents, which may lie where another thread changes the rest. */
static int write_found(const struct poll_set *set, u64 array)
{
    struct pollfd *to = (struct pollfd *)array;

    for (unsigned i = 0; i < set->count; i++) {
        u16 found = (u16)set->entries[i].found;

        if (user_write(&to[i].revents, &found, sizeof(found)) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

static s64 do_poll(u64 array, u32 count, nsec_t deadline)
{
    struct poll_set set;
    int result;

    if (count > fd_limit()) {
        return -EINVAL;
    }
    result = poll_set_init(&set, count);
    if (result != 0) {
        return result;
    }
    result = read_entries(&set, array, count);
    if (result == 0) {
        result = poll_set_wait(&set, deadline);
        if (result >= 0 && write_found(&set, array) != 0) {
            result = -EFAULT;
        }
    }
    poll_set_destroy(&set);
    return result == -EINTR ? -ERESTARTNOHAND : result;
}

/* A handler ends it even with SA_RESTART; else it waits for what is left. */
s64 sys_poll(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return do_poll(a0, (u32)a1, timeout_from_ms((int)a2));
}

s64 sys_ppoll(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct sigmask_swap swap;
    nsec_t deadline;
    s64 result = timeout_read(a2, false, &deadline);

    if (result == 0) {
        result = sigmask_begin(&swap, a3, a4);
    }
    if (result != 0) {
        return result;
    }
    result = do_poll(a0, (u32)a1, deadline);
    sigmask_end(&swap, result);
    timeout_write_left(a2, false, deadline);
    return result;
}
