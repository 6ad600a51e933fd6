/* SPDX-License-Identifier: MIT */
/* timerfd(2), and pairs of sockets. */
#include "event_help.h"

#include <kernel/posix_time.h>

#define REALTIME 0
#define MONOTONIC 1
#define ABSTIME 1

static struct {
    u8 *memory;
    int fd, fds[2];
    _Atomic bool stop;
    _Atomic u64 count;
} t;

/* Nanoseconds. */
static s64 set(int fd, u32 flags, nsec_t value, nsec_t interval)
{
    struct itimerspec *to = (struct itimerspec *)t.memory;

    *to = (struct itimerspec){
        {(s64)(interval / NSEC_PER_SEC), (s64)(interval % NSEC_PER_SEC)},
        {(s64)(value / NSEC_PER_SEC), (s64)(value % NSEC_PER_SEC)},
    };
    return sys_timerfd_settime((u64)fd, flags, (u64)to, (u64)(to + 1), 0, 0);
}

static struct itimerspec get(int fd)
{
    struct itimerspec setting;

    EQ(sys_timerfd_gettime((u64)fd, (u64)t.memory, 0, 0, 0, 0), 0);
    memcpy(&setting, t.memory, sizeof(setting));
    return setting;
}

static s64 expirations(int fd, u64 *count)
{
    s64 got = ev_read(fd, t.memory, 8);

    memcpy(count, t.memory, 8);
    return got;
}

GUEST_TEST(timerfd_expires)
{
    nsec_t start;
    u64 count;
    int fd;

    t.memory = event_memory();
    EQ(sys_timerfd_create(5, 0, 0, 0, 0, 0), -EINVAL);
    EQ(sys_timerfd_create(MONOTONIC, 1, 0, 0, 0, 0), -EINVAL);
    fd = (int)sys_timerfd_create(MONOTONIC, 0, 0, 0, 0, 0);
    EQ(set(fd, 0, 1000 * NSEC_PER_SEC, 0), 0);
    OK(get(fd).value.sec > 900);
    EQ(ev_poll_now(fd), 0);
    start = clock_now();
    EQ(set(fd, 0, 2 * NSEC_PER_MSEC, 0), 0);
    EQ(expirations(fd, &count), 8);
    EQ(count, 1);
    OK(clock_now() - start >= 2 * NSEC_PER_MSEC);
    EQ(get(fd).value.nsec, 0);
    EQ(set(fd, ABSTIME, clock_now() + NSEC_PER_MSEC, NSEC_PER_MSEC), 0);
    sched_delay(5 * NSEC_PER_MSEC);
    EVENTUALLY(ev_poll_now(fd) == POLLIN); /* its timer is another CPU's, if this thread moved */
    OK(get(fd).value.nsec <= (s64)NSEC_PER_MSEC && get(fd).value.nsec > 0);
    EQ(expirations(fd, &count), 8);
    OK(count >= 4);
    EQ(expirations(fd, &count), 8);
    OK(count >= 1);
    EQ(set(fd, ABSTIME, 1, 0), 0); /* in the past */
    EQ(expirations(fd, &count), 8);
    EQ(count, 1);
    EQ(set(fd, 0, NSEC_PER_SEC, NSEC_PER_SEC), 0);
    EQ(set(fd, 0, 0, 0), 0);
    EQ(((struct itimerspec *)t.memory)[1].interval.sec, 1);
    EQ(get(fd).value.sec, 0);
    EQ(set(fd, 4, 1, 0), -EINVAL);
    EQ(sys_timerfd_settime((u64)fd, 0, 8, 0, 0, 0), -EFAULT);
    EQ(set(999, 0, 1, 0), -EBADF);
    EQ(fd_close(fd), 0);
    fd = (int)sys_timerfd_create(REALTIME, O_NONBLOCK, 0, 0, 0, 0);
    EQ(expirations(fd, &count), -EAGAIN);
    EQ(ev_read(fd, t.memory, 7), -EINVAL);
    EQ(set(fd, ABSTIME, clock_wall() + NSEC_PER_MSEC, 0), 0);
    EQ(ev_poll(t.memory, &(struct event_pollfd){fd, POLLIN, 0}, 1, 100000), 1);
    EQ(fd_close(fd), 0);
    fd = (int)sys_eventfd2(0, 0, 0, 0, 0, 0);
    EQ(set(fd, 0, 1, 0), -EINVAL);
    EQ(fd_close(fd), 0);
    event_memory_free(t.memory);
}

/* Set and read by several threads, while it fires. */
static void set_and_read(void *arg)
{
    u8 *memory = t.memory + 4096 * (1 + (u64)arg);

    while (!atomic_load(&t.stop)) {
        struct itimerspec *to = (struct itimerspec *)memory;

        *to = (struct itimerspec){{0, (s64)(guest_random() % 50000)},
                                  {0, (s64)(guest_random() % 100000)}};
        if (guest_random() % 4 == 0) {
            EQ(sys_timerfd_settime((u64)t.fd, 0, (u64)to, 0, 0, 0), 0);
        }
        if (ev_read(t.fd, memory + 512, 8) == 8) {
            atomic_fetch_add(&t.count, 1);
        }
        EQ(sys_timerfd_gettime((u64)t.fd, (u64)memory, 0, 0, 0, 0), 0);
        sched_yield(); /* kernel code is not preempted */
    }
}

GUEST_TEST(timerfd_survives_races)
{
    struct thread *threads[3];

    memset(&t, 0, sizeof(t));
    t.memory = event_memory();
    t.fd = (int)sys_timerfd_create(MONOTONIC, O_NONBLOCK, 0, 0, 0, 0);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i] = start_kernel(set_and_read, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    sched_delay(200 * NSEC_PER_MSEC);
    EVENTUALLY(atomic_load(&t.count) > 0);
    atomic_store(&t.stop, true);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
    }
    EQ(fd_close(t.fd), 0);
    event_memory_free(t.memory);
}

/* ---- Socket pairs ------------------------------------------------------------------------ */

#define STREAM 1
#define DGRAM 2
#define SEQPACKET 5
#define PEEK 2
#define TRUNC 0x20
#define DONTWAIT 0x40
#define NOSIGNAL 0x4000

static s64 make(u32 type)
{
    s64 err = sys_socketpair(1, type | O_NONBLOCK, 0, (u64)t.memory, 0, 0);

    memcpy(t.fds, t.memory, sizeof(t.fds));
    return err;
}

static s64 send(int fd, u64 size)
{
    return sys_sendto((u64)fd, (u64)t.memory + 4096, size, NOSIGNAL, 0, 0);
}

static s64 receive(int fd, u64 size, u32 flags)
{
    return sys_recvfrom((u64)fd, (u64)t.memory + 8192, size, flags, 0, 0);
}

static void close_both(void)
{
    EQ(fd_close(t.fds[0]), 0);
    EQ(fd_close(t.fds[1]), 0);
}

GUEST_TEST(socketpair_stream)
{
    t.memory = event_memory();
    EQ(sys_socketpair(3, STREAM, 0, (u64)t.memory, 0, 0), -EAFNOSUPPORT);
    EQ(sys_socketpair(1, 99, 0, (u64)t.memory, 0, 0), -EINVAL);
    EQ(sys_socket(3, STREAM, 0, 0, 0, 0), -EAFNOSUPPORT);
    EQ(make(STREAM), 0);
    EQ(ev_poll_now(t.fds[0]), 0x304);
    EQ(receive(t.fds[0], 1, 0), -EAGAIN);
    memcpy(t.memory + 4096, "abc", 3);
    EQ(send(t.fds[0], 3), 3);
    EQ(ev_poll_now(t.fds[1]), 0x345);
    EQ(receive(t.fds[1], 2, PEEK), 2);
    EQ(receive(t.fds[1], 9, 0), 3);
    OK(memcmp(t.memory + 8192, "abc", 3) == 0);
    EQ(ev_write(t.fds[1], t.memory, 5), 5);
    EQ(ev_read(t.fds[0], t.memory, 9), 5);
    EQ(sys_sendto((u64)t.fds[0], (u64)t.memory, 1, 0, (u64)t.memory, 16), -EISCONN);
    EQ(send(t.fds[0], 1), 1);
    EQ(sys_shutdown((u64)t.fds[0], 1, 0, 0, 0, 0), 0);
    EQ(ev_poll_now(t.fds[0]), 0x304);
    EQ(ev_poll_now(t.fds[1]), 0x2345);
    EQ(send(t.fds[0], 1), -EPIPE);
    EQ(receive(t.fds[1], 9, 0), 1);
    EQ(receive(t.fds[1], 9, 0), 0);
    EQ(send(t.fds[1], 1), 1);
    EQ(fd_close(t.fds[0]), 0); /* with a byte unread */
    EQ(receive(t.fds[1], 9, 0), -ECONNRESET);
    EQ(receive(t.fds[1], 9, 0), 0);
    EQ(send(t.fds[1], 1), -EPIPE);
    EQ(ev_poll_now(t.fds[1]), 0x2355);
    EQ(fd_close(t.fds[1]), 0);
    event_memory_free(t.memory);
}

GUEST_TEST(socketpair_records)
{
    static const u32 types[] = {DGRAM, SEQPACKET};

    t.memory = event_memory();
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        EQ(make(types[i]), 0);
        EQ(send(t.fds[0], 0), 0);
        EQ(send(t.fds[0], 3), 3);
        EQ(send(t.fds[0], 5), 5);
        EQ(send(t.fds[0], 300000), -EMSGSIZE);
        EQ(receive(t.fds[1], 9, 0), 0);
        EQ(receive(t.fds[1], 2, PEEK), 2);
        EQ(receive(t.fds[1], 2, TRUNC), 3);
        EQ(receive(t.fds[1], 2, 0), 2);
        EQ(receive(t.fds[1], 2, 0), -EAGAIN);
        EQ(fd_close(t.fds[1]), 0);
        EQ(receive(t.fds[0], 2, 0), types[i] == DGRAM ? -EAGAIN : 0);
        EQ(send(t.fds[0], 1), types[i] == DGRAM ? -ECONNREFUSED : -EPIPE);
        EQ(fd_close(t.fds[0]), 0);
    }
    event_memory_free(t.memory);
}

GUEST_TEST(socketpair_messages)
{
    struct iovec *vec;
    u64 *header;

    t.memory = event_memory();
    EQ(make(SEQPACKET), 0);
    header = (u64 *)t.memory;
    vec = (struct iovec *)(t.memory + 256);
    memcpy(t.memory + 4096, "onetwo", 6);
    vec[0] = (struct iovec){t.memory + 4096, 3};
    vec[1] = (struct iovec){t.memory + 4099, 3};
    memset(header, 0, 56);
    header[2] = (u64)vec;
    header[3] = 2;
    EQ(sys_sendmsg((u64)t.fds[0], (u64)header, 0, 0, 0, 0), 6);
    vec[0] = (struct iovec){t.memory + 8192, 1};
    vec[1] = (struct iovec){t.memory + 8292, 4};
    EQ(sys_recvmsg((u64)t.fds[1], (u64)header, 0, 0, 0, 0), 5);
    OK(t.memory[8192] == 'o' && memcmp(t.memory + 8292, "netw", 4) == 0);
    EQ((u32)header[6], TRUNC);
    EQ(sys_sendmsg((u64)t.fds[0], 8, 0, 0, 0, 0), -EFAULT);
    header[3] = 2000;
    EQ(sys_sendmsg((u64)t.fds[0], (u64)header, 0, 0, 0, 0), -EMSGSIZE);
    close_both();
    EQ(sys_sendmsg((u64)t.fds[0], (u64)header, 0, 0, 0, 0), -EBADF);
    EQ(send(t.fds[0], 1), -EBADF);
    event_memory_free(t.memory);
}
