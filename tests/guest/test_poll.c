/* SPDX-License-Identifier: MIT */
/* poll(2), select(2) and eventfd(2). */
#include "event_help.h"

#define SEMAPHORE 1

static struct {
    u8 *memory;
    int fd, fds[2];
    _Atomic u64 count;
    _Atomic bool stop;
} t;

static s64 add(int fd, u64 value)
{
    u8 *at = t.memory + 4096;

    memcpy(at, &value, 8);
    return ev_write(fd, at, 8);
}

static s64 take(int fd, u64 *value)
{
    s64 got = ev_read(fd, t.memory + 4096, 8);

    memcpy(value, t.memory + 4096, 8);
    return got;
}

GUEST_TEST(eventfd_counts)
{
    u64 value;
    int fd;

    t.memory = event_memory();
    EQ(sys_eventfd2(0, 2, 0, 0, 0, 0), -EINVAL);
    fd = (int)sys_eventfd2(3, O_NONBLOCK, 0, 0, 0, 0);
    EQ(ev_poll_now(fd), POLLIN | POLLOUT);
    EQ(add(fd, 4), 8);
    EQ(ev_read(fd, t.memory, 7), -EINVAL);
    EQ(ev_write(fd, t.memory, 7), -EINVAL);
    EQ(take(fd, &value), 8);
    EQ(value, 7);
    EQ(take(fd, &value), -EAGAIN);
    EQ(ev_poll_now(fd), POLLOUT);
    EQ(add(fd, ~0ull), -EINVAL);
    EQ(add(fd, ~0ull - 1), 8);
    EQ(ev_poll_now(fd), POLLIN);
    EQ(add(fd, 1), -EAGAIN);
    EQ(add(fd, 0), 8);
    EQ(take(fd, &value), 8);
    EQ(value, ~0ull - 1);
    EQ(ev_write(fd, (void *)8, 8), -EFAULT);
    EQ(fd_close(fd), 0);

    fd = (int)sys_eventfd2(2, O_NONBLOCK | SEMAPHORE, 0, 0, 0, 0);
    EQ(take(fd, &value), 8);
    EQ(value, 1);
    EQ(take(fd, &value), 8);
    EQ(value, 1);
    EQ(take(fd, &value), -EAGAIN);
    EQ(fd_close(fd), 0);
    event_memory_free(t.memory);
}

GUEST_TEST(poll_reports)
{
    struct event_pollfd fds[4], *seen;
    nsec_t start;

    t.memory = event_memory();
    seen = (struct event_pollfd *)t.memory;
    EQ(ev_pipe(t.fds, 0, t.memory), 0);
    fds[0] = (struct event_pollfd){t.fds[0], POLLIN, 77};
    fds[1] = (struct event_pollfd){t.fds[1], POLLOUT, 77};
    fds[2] = (struct event_pollfd){-1, POLLIN, 77};
    fds[3] = (struct event_pollfd){999, 0, 77};
    EQ(ev_poll(t.memory, fds, 4, -1), 2);
    EQ(seen[0].revents, 0);
    EQ(seen[1].revents, POLLOUT);
    EQ(seen[2].revents, 0);
    EQ(seen[3].revents, POLLNVAL);
    EQ(ev_write(t.fds[1], t.memory, 1), 1);
    EQ(ev_poll(t.memory, fds, 1, -1), 1);
    EQ(seen[0].revents, POLLIN);
    EQ(ev_read(t.fds[0], t.memory, 1), 1);
    start = clock_now();
    EQ(ev_poll(t.memory, fds, 1, 3), 0);
    OK(clock_now() - start >= 3 * NSEC_PER_MSEC);
    EQ(ev_poll(t.memory, fds, 1, 0), 0);
    EQ(sys_poll(8, 1, 0, 0, 0, 0), -EFAULT);
    EQ(sys_poll(0, 0, 0, 0, 0, 0), 0);
    EQ(sys_poll((u64)t.memory, (u32)-1, 0, 0, 0, 0), -EINVAL);
    EQ(fd_close(t.fds[1]), 0);
    EQ(ev_poll(t.memory, fds, 1, -1), 1);
    EQ(seen[0].revents, POLLHUP);
    EQ(fd_close(t.fds[0]), 0);
    event_memory_free(t.memory);
}

GUEST_TEST(select_reports)
{
    u64 *in, *out;
    struct timespec *time;

    t.memory = event_memory();
    EQ(ev_pipe(t.fds, 0, t.memory), 0);
    in = (u64 *)(t.memory + 8192);
    out = in + 64;
    time = (struct timespec *)(out + 64);
    *in = 1ull << t.fds[0];
    *out = 1ull << t.fds[1];
    EQ(sys_select((u64)t.fds[1] + 1, (u64)in, (u64)out, 0, 0, 0), 1);
    EQ(*in, 0);
    EQ(*out, 1ull << t.fds[1]);
    EQ(ev_write(t.fds[1], t.memory, 1), 1);
    *in = 1ull << t.fds[0];
    EQ(sys_select((u64)t.fds[1] + 1, (u64)in, (u64)out, 0, 0, 0), 2);
    EQ(ev_read(t.fds[0], t.memory, 1), 1);
    *time = (struct timespec){0, 2000}; /* microseconds */
    EQ(sys_select((u64)t.fds[1] + 1, (u64)in, 0, 0, (u64)time, 0), 0);
    EQ(*in, 0);
    EQ(time->nsec, 0);
    *in = 1ull << t.fds[1]; /* not for reading: says nothing */
    *time = (struct timespec){1000, 0};
    EQ(fd_close(t.fds[0]), 0);
    EQ(sys_select((u64)t.fds[1] + 1, (u64)in, 0, 0, (u64)time, 0), 1); /* POLLERR */
    OK(time->sec < 1000 && time->sec > 900);
    *in = 1ull << 63;
    EQ(sys_select(64, (u64)in, 0, 0, 0, 0), -EBADF);
    EQ(sys_select((u64)-1, 0, 0, 0, 0, 0), -EINVAL);
    EQ(sys_select(64, 8, 0, 0, 0, 0), -EFAULT);
    *time = (struct timespec){-1, 0};
    EQ(sys_select(0, 0, 0, 0, (u64)time, 0), -EINVAL);
    *time = (struct timespec){0, 1000000};
    EQ(sys_pselect6(0, 0, 0, 0, (u64)time, 0), 0);
    EQ(fd_close(t.fds[1]), 0);
    event_memory_free(t.memory);
}

/* ---- Threads -------------------------------------------------------------------------- */

#define ROUNDS 20000

static void poll_and_take(void *arg)
{
    u8 *memory = t.memory + 65536;
    struct event_pollfd want = {t.fd, POLLIN, 0};
    u64 got = 0, value;

    while (got < ROUNDS) {
        if (ev_poll(memory, &want, 1, 20000) != 1) {
            OK(false);
            return;
        }
        while (ev_read(t.fd, memory, 8) == 8) {
            memcpy(&value, memory, 8);
            got += value;
        }
    }
    atomic_store(&t.count, got);
}

/* The writer's turn comes as often as not between the look and the sleep. */
GUEST_TEST(poll_loses_no_wakeup)
{
    struct thread *thread;

    memset(&t, 0, sizeof(t));
    t.memory = event_memory();
    t.fd = (int)sys_eventfd2(0, O_NONBLOCK, 0, 0, 0, 0);
    thread = start_kernel(poll_and_take, NULL, 0, SCHED_CLASS_FAIR);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (add(t.fd, 1) != 8) {
            OK(false);
        }
        for (u64 n = guest_random() % 200; n > 0; n--) {
            cpu_pause();
        }
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    join(thread);
    EQ(t.count, ROUNDS);
    EQ(fd_close(t.fd), 0);
    event_memory_free(t.memory);
}

static void take_blocking(void *arg)
{
    u8 *memory = t.memory + 65536 * (u64)arg;

    for (;;) {
        u64 value;

        if (ev_read(t.fd, memory, 8) != 8) {
            OK(false);
            return;
        }
        memcpy(&value, memory, 8);
        if (atomic_fetch_add(&t.count, value) + value >= ROUNDS) {
            break;
        }
        if (atomic_load(&t.stop)) {
            break;
        }
    }
    /* The others may sleep still. */
    atomic_store(&t.stop, true);
    memset(memory, 0, 8);
    memory[0] = 1;
    EQ(ev_write(t.fd, memory, 8), 8);
}

GUEST_TEST(eventfd_loses_no_wakeup)
{
    struct thread *threads[4];

    memset(&t, 0, sizeof(t));
    t.memory = event_memory();
    t.fd = (int)sys_eventfd2(0, SEMAPHORE, 0, 0, 0, 0);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i] = start_kernel(take_blocking, (void *)(i + 1), 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (add(t.fd, 1) != 8) {
            OK(false);
        }
    }
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
    }
    OK(t.count >= ROUNDS);
    EQ(fd_close(t.fd), 0);
    event_memory_free(t.memory);
}
