/* SPDX-License-Identifier: MIT */
/* Pipes as pipe(7) has them. */
#include "event_help.h"

#include <kernel/kmalloc.h>

#define FIONREAD 0x541b
#define SETPIPE_SZ 1031
#define GETPIPE_SZ 1032

GUEST_TEST(pipe_refuses)
{
    u8 *memory = event_memory();
    int fds[2];

    EQ(sys_pipe2((u64)memory, 1, 0, 0, 0, 0), -EINVAL);
    EQ(sys_pipe(8, 0, 0, 0, 0, 0), -EFAULT);
    EQ(ev_pipe(fds, O_NONBLOCK, memory), 0);
    EQ(ev_read(fds[0], memory, 1), -EAGAIN);
    EQ(ev_read(fds[1], memory, 1), -EBADF);
    EQ(ev_write(fds[0], memory, 1), -EBADF);
    EQ(ev_read(fds[0], memory, 0), 0);
    EQ(ev_write(fds[1], memory, 0), 0);
    EQ(ev_write(fds[1], (void *)8, 10), -EFAULT);
    EQ(ev_write(fds[1], "abc", 3), -EFAULT); /* the kernel's memory */
    memcpy(memory, "hello", 5);
    EQ(ev_write(fds[1], memory, 5), 5);
    EQ(ev_read(fds[0], (void *)8, 10), -EFAULT);
    EQ(ev_ioctl(fds[0], FIONREAD, (u64)memory + 64), 0);
    EQ(*(u32 *)(memory + 64), 5);
    EQ(ev_ioctl(fds[0], FIONREAD, 8), -EFAULT);
    EQ(ev_ioctl(fds[0], 0x1234, 0), -ENOTTY);
    EQ(ev_read(fds[0], memory + 100, 10), 5);
    OK(memcmp(memory + 100, "hello", 5) == 0);
    EQ(fd_close(fds[0]), 0);
    EQ(ev_write(fds[1], memory, 1), -EPIPE);
    EQ(ev_poll_now(fds[1]), POLLOUT | POLLWRNORM | POLLERR);
    EQ(fd_close(fds[1]), 0);
    EQ(ev_pipe(fds, 0, memory), 0);
    EQ(ev_write(fds[1], memory, 3), 3);
    EQ(fd_close(fds[1]), 0);
    EQ(ev_poll_now(fds[0]), POLLIN | POLLRDNORM | POLLHUP);
    EQ(ev_read(fds[0], memory, 10), 3);
    EQ(ev_poll_now(fds[0]), POLLHUP);
    EQ(ev_read(fds[0], memory, 10), 0);
    EQ(fd_close(fds[0]), 0);
    event_memory_free(memory);
}

GUEST_TEST(pipe_fills_and_resizes)
{
    u8 *memory = event_memory();
    int fds[2];
    struct file *file;

    EQ(ev_pipe(fds, O_NONBLOCK, memory), 0);
    EQ(ev_write(fds[1], memory, 100000), 65536);
    EQ(ev_write(fds[1], memory, 1), -EAGAIN);
    EQ(ev_poll_now(fds[1]), 0);
    EQ(ev_read(fds[0], memory, 4095), 4095);
    EQ(ev_poll_now(fds[1]), 0);
    EQ(ev_write(fds[1], memory, 4096), -EAGAIN); /* whole or not at all */
    EQ(ev_write(fds[1], memory, 5000), -EAGAIN); /* nor while no page is free */
    EQ(ev_read(fds[0], memory, 1), 1);
    EQ(ev_poll_now(fds[1]), POLLOUT | POLLWRNORM);
    EQ(ev_write(fds[1], memory, 4096), 4096);

    file = fd_get(fds[0]);
    EQ(pipe_fcntl(file, GETPIPE_SZ, 0), 65536);
    EQ(pipe_fcntl(file, SETPIPE_SZ, 4096), -EBUSY);
    EQ(pipe_fcntl(file, SETPIPE_SZ, 100000), 131072);
    EQ(pipe_fcntl(file, SETPIPE_SZ, 2 << 20), -EPERM);
    EQ(ev_write(fds[1], memory, 100000), 65536);
    EQ(ev_read(fds[0], memory, 200000), 131072);
    EQ(pipe_fcntl(file, SETPIPE_SZ, 1), 4096);
    EQ(pipe_fcntl(file, GETPIPE_SZ, 0), 4096);
    EQ(ev_write(fds[1], memory, 100000), 4096);
    EQ(pipe_fcntl(file, 7, 0), -EINVAL);
    file_put(file);
    EQ(fd_close(fds[0]), 0);
    EQ(fd_close(fds[1]), 0);
    event_memory_free(memory);
}

GUEST_TEST(pipe_packets)
{
    u8 *memory = event_memory();
    int fds[2];

    EQ(ev_pipe(fds, O_NONBLOCK | O_DIRECT, memory), 0);
    memcpy(memory, "abcdefgh", 8);
    EQ(ev_write(fds[1], memory, 3), 3);
    EQ(ev_write(fds[1], memory + 3, 5), 5);
    EQ(ev_write(fds[1], memory, 5000), 5000); /* two packets */
    EQ(ev_read(fds[0], memory + 100, 50), 3);
    EQ(ev_read(fds[0], memory + 100, 2), 2); /* the rest of it is lost */
    OK(memcmp(memory + 100, "de", 2) == 0);
    EQ(ev_read(fds[0], memory + 100, 5000), 4096);
    EQ(ev_read(fds[0], memory + 100, 5000), 904);
    EQ(ev_read(fds[0], memory + 100, 5000), -EAGAIN);
    EQ(fd_close(fds[0]), 0);
    EQ(fd_close(fds[1]), 0);
    event_memory_free(memory);
}

/* ---- Threads ------------------------------------------------------------------------ */

#define WRITERS 4
#define READERS 3
#define MESSAGES 3000

static struct {
    int fds[2];
    u8 *memory;
    _Atomic u64 sum_in, sum_out, bytes, torn;
    _Atomic unsigned next, done;
} p;

/* Messages of 8 to 200 bytes, each filled with one value: none may be torn. */
static void write_messages(void *arg)
{
    unsigned n = atomic_fetch_add(&p.next, 1);
    u8 *buf = p.memory + n * 4096;

    for (unsigned i = 0; i < MESSAGES; i++) {
        u8 size = (u8)(2 + guest_random() % 200), value = (u8)(guest_random() | 1);

        memset(buf, value, size);
        buf[0] = size;
        atomic_fetch_add(&p.sum_in, (u64)value * (size - 1u));
        EQ(ev_write(p.fds[1], buf, size), size);
    }
    atomic_fetch_add(&p.done, 1);
}

static void read_messages(void *arg)
{
    u8 *buf = p.memory + 256 * KIB;
    u64 sum = 0;

    for (;;) {
        s64 got = ev_read(p.fds[0], buf, 1), rest = 0;

        if (got != 1) {
            EQ(got, 0);
            break;
        }
        for (s64 left = buf[0] - 1; left > 0; left -= rest) {
            rest = ev_read(p.fds[0], buf + 1, (u64)left);
            if (rest <= 0) {
                OK(rest > 0);
                return;
            }
            for (s64 i = 1; i <= rest; i++) {
                sum += buf[i];
                p.torn += buf[i] != buf[1];
            }
        }
    }
    atomic_fetch_add(&p.sum_out, sum);
}

GUEST_TEST(pipe_keeps_messages_whole)
{
    struct thread *writers[WRITERS], *reader;

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    EQ(ev_pipe(p.fds, 0, p.memory), 0);
    reader = start_kernel(read_messages, NULL, 0, SCHED_CLASS_FAIR);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = start_kernel(write_messages, NULL, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        join(writers[i]);
    }
    EQ(fd_close(p.fds[1]), 0);
    join(reader);
    EQ(p.sum_in, p.sum_out);
    EQ(p.torn, 0);
    EQ(fd_close(p.fds[0]), 0);
    event_memory_free(p.memory);
}

static void write_much(void *arg)
{
    unsigned n = atomic_fetch_add(&p.next, 1);
    u8 *buf = p.memory + n * 65536;

    for (unsigned i = 0; i < 60; i++) {
        u64 size = 1 + guest_random() % 65536;

        EQ(ev_write(p.fds[1], buf, size), size);
        atomic_fetch_add(&p.sum_in, size);
    }
}

static void read_much(void *arg)
{
    unsigned n = atomic_fetch_add(&p.next, 1);
    u8 *buf = p.memory + n * 65536;
    s64 got;

    while ((got = ev_read(p.fds[0], buf, 1 + guest_random() % 65536)) > 0) {
        atomic_fetch_add(&p.sum_out, (u64)got);
    }
    EQ(got, 0);
}

/* Nobody sleeps for ever: the sizes make all wait for room and for bytes in turn. */
GUEST_TEST(pipe_loses_no_wakeup)
{
    struct thread *writers[WRITERS], *readers[READERS];

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    EQ(ev_pipe(p.fds, 0, p.memory), 0);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = start_kernel(read_much, NULL, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = start_kernel(write_much, NULL, 0, SCHED_CLASS_FAIR);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        join(writers[i]);
    }
    EQ(fd_close(p.fds[1]), 0);
    for (unsigned i = 0; i < READERS; i++) {
        join(readers[i]);
    }
    EQ(p.sum_in, p.sum_out);
    EQ(fd_close(p.fds[0]), 0);
    event_memory_free(p.memory);
}

#define TURNS 20000

static int back[2];

static void answer(void *arg)
{
    u8 *buf = p.memory + 4096;

    for (u64 i = 0; i < (u64)arg; i++) {
        if (ev_read(p.fds[0], buf, 1) != 1 || ev_write(back[1], buf, 1) != 1) {
            OK(false);
            return;
        }
    }
}

static void ping_pong(u64 affinity, u64 turns, const char *where)
{
    struct thread *thread;
    nsec_t start;
    bool good = true;

    thread = start_kernel(answer, (void *)turns, affinity, SCHED_CLASS_FAIR);
    start = clock_now();
    for (u64 i = 0; i < turns && good; i++) {
        good = ev_write(p.fds[1], p.memory, 1) == 1 && ev_read(back[0], p.memory, 1) == 1;
    }
    OK(good);
    guest_note("a round trip of one byte, %s: %lu ns", where, (clock_now() - start) / turns);
    join(thread);
}

GUEST_TEST(pipe_ping_pong)
{
    u64 mine = 1ull << cpu_id();
    u64 before = thread_current()->affinity;

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    EQ(ev_pipe(p.fds, 0, p.memory), 0);
    EQ(ev_pipe(back, 0, p.memory), 0);
    OK(thread_set_affinity(thread_current(), mine) == 0);
    ping_pong(mine, TURNS, "one CPU");
    OK(thread_set_affinity(thread_current(), before) == 0);
    ping_pong(0, TURNS / 20, "any CPU");
    for (unsigned i = 0; i < 2; i++) {
        EQ(fd_close(p.fds[i]), 0);
        EQ(fd_close(back[i]), 0);
    }
    event_memory_free(p.memory);
}

/* An end that is closed wakes who sleeps at the other. */
static void read_to_end(void *arg)
{
    EQ(ev_read(p.fds[0], p.memory + 4096, 10), 0);
    atomic_fetch_add(&p.done, 1);
}

static void write_to_end(void *arg)
{
    EQ(ev_write(p.fds[1], p.memory, 100000), 65536);
    EQ(ev_write(p.fds[1], p.memory, 1), -EPIPE);
    atomic_fetch_add(&p.done, 1);
}

GUEST_TEST(pipe_close_wakes)
{
    struct thread *threads[2];

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    EQ(ev_pipe(p.fds, 0, p.memory), 0);
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = start_kernel(read_to_end, NULL, 0, SCHED_CLASS_FAIR);
    }
    sched_delay(5 * NSEC_PER_MSEC);
    EQ(p.done, 0);
    EQ(fd_close(p.fds[1]), 0);
    join(threads[0]);
    join(threads[1]);
    EQ(fd_close(p.fds[0]), 0);

    EQ(ev_pipe(p.fds, 0, p.memory), 0);
    threads[0] = start_kernel(write_to_end, NULL, 0, SCHED_CLASS_FAIR);
    EVENTUALLY(ev_poll_now(p.fds[1]) == 0);
    EQ(fd_close(p.fds[0]), 0);
    join(threads[0]);
    EQ(p.done, 3);
    EQ(fd_close(p.fds[1]), 0);
    event_memory_free(p.memory);
}

/* ---- FIFOs ----------------------------------------------------------------------------- */

static u64 fifo_path(unsigned place)
{
    char *at = (char *)p.memory + 256 * KIB + place * 4096;

    strlcpy(at, "/fifo-test", 64);
    return (u64)at;
}

static s64 open_fifo(unsigned place, u32 flags)
{
    return sys_open(fifo_path(place), flags, 0, 0, 0, 0);
}

static void open_and_write(void *arg)
{
    s64 fd = open_fifo(2, O_WRONLY);

    OK(fd >= 0);
    EQ(ev_write((int)fd, p.memory, 3), 3);
    EQ(fd_close((int)fd), 0);
    atomic_fetch_add(&p.done, 1);
}

GUEST_TEST(pipe_fifo)
{
    struct thread *thread;
    struct super *super;
    s64 reader, writer, both;

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    if (!OK(tmpfs_new(MIB, NULL, &super) == 0)) {
        return;
    }
    (void)!vfs_mount_root(super);
    EQ(sys_mknod(fifo_path(0), S_IFIFO | 0600, 0, 0, 0, 0), 0);
    EQ(open_fifo(0, O_WRONLY | O_NONBLOCK), -ENXIO);
    reader = open_fifo(0, O_RDONLY | O_NONBLOCK);
    OK(reader >= 0);
    EQ(ev_poll_now((int)reader), 0); /* nobody has hung up yet */
    EQ(ev_read((int)reader, p.memory, 1), 0);
    writer = open_fifo(0, O_WRONLY | O_NONBLOCK);
    OK(writer >= 0);
    EQ(ev_read((int)reader, p.memory, 1), -EAGAIN);
    EQ(ev_write((int)writer, p.memory, 2), 2);
    EQ(fd_close((int)writer), 0);
    EQ(ev_poll_now((int)reader), POLLIN | POLLRDNORM | POLLHUP);
    EQ(ev_read((int)reader, p.memory, 9), 2);
    EQ(ev_read((int)reader, p.memory, 9), 0);
    EQ(fd_close((int)reader), 0);

    both = open_fifo(0, O_RDWR); /* waits for nobody */
    EQ(ev_write((int)both, p.memory, 2), 2);
    EQ(ev_read((int)both, p.memory, 9), 2);
    EQ(fd_close((int)both), 0);

    thread = start_kernel(open_and_write, NULL, 0, SCHED_CLASS_FAIR);
    sched_delay(3 * NSEC_PER_MSEC);
    EQ(p.done, 0); /* it waits for a reader */
    reader = open_fifo(0, O_RDONLY);
    EQ(ev_read((int)reader, p.memory, 9), 3);
    join(thread);
    EQ(ev_read((int)reader, p.memory, 9), 0);
    EQ(fd_close((int)reader), 0);
    EQ(sys_unlink(fifo_path(0), 0, 0, 0, 0, 0), 0);
    event_memory_free(p.memory);
}

/* Both come, one goes at once, and neither misses the other. */
#define FIFO_ROUNDS 3000u

static _Atomic unsigned fifo_round[2];

static void meet(unsigned side, unsigned round)
{
    atomic_store(&fifo_round[side], round);
    while (atomic_load(&fifo_round[1 - side]) < round) {
        sched_yield();
    }
}

static void open_and_go(void *arg)
{
    for (unsigned i = 1; i <= FIFO_ROUNDS; i++) {
        s64 fd;

        meet(1, i);
        fd = open_fifo(2, O_WRONLY);
        OK(fd >= 0 && fd_close((int)fd) == 0);
    }
}

GUEST_TEST(pipe_fifo_meets)
{
    struct thread *thread;
    struct super *super;

    memset(&p, 0, sizeof(p));
    memset((void *)fifo_round, 0, sizeof(fifo_round));
    p.memory = event_memory();
    if (!OK(tmpfs_new(MIB, NULL, &super) == 0)) {
        return;
    }
    (void)!vfs_mount_root(super);
    EQ(sys_mknod(fifo_path(0), S_IFIFO | 0600, 0, 0, 0, 0), 0);
    thread = start_kernel(open_and_go, NULL, 0, SCHED_CLASS_FAIR);
    for (unsigned i = 1; i <= FIFO_ROUNDS; i++) {
        s64 fd;

        meet(0, i);
        fd = open_fifo(0, O_RDONLY);
        OK(fd >= 0 && fd_close((int)fd) == 0);
    }
    join(thread);
    EQ(sys_unlink(fifo_path(0), 0, 0, 0, 0, 0), 0);
    event_memory_free(p.memory);
}

/* ---- Without memory ----------------------------------------------------------------------- */

static s64 make_pipe(void)
{
    int fds[2];
    s64 err = ev_pipe(fds, 0, p.memory);

    if (err == 0) {
        EQ(fd_close(fds[0]), 0);
        EQ(fd_close(fds[1]), 0);
    }
    return err;
}

static s64 make_pair(void)
{
    s64 err = sys_socketpair(1, 1, 0, (u64)p.memory, 0, 0);
    int fds[2];

    memcpy(fds, p.memory, sizeof(fds));
    if (err == 0) {
        EQ(fd_close(fds[0]), 0);
        EQ(fd_close(fds[1]), 0);
    }
    return err;
}

static s64 closed(s64 fd)
{
    if (fd >= 0) {
        EQ(fd_close((int)fd), 0);
    }
    return fd < 0 ? fd : 0;
}

static s64 make_epoll(void)
{
    return closed(sys_epoll_create1(0, 0, 0, 0, 0, 0));
}

static s64 make_eventfd(void)
{
    return closed(sys_eventfd2(0, 0, 0, 0, 0, 0));
}

static s64 make_timerfd(void)
{
    return closed(sys_timerfd_create(1, 0, 0, 0, 0, 0));
}

static s64 make_inotify(void)
{
    return closed(sys_inotify_init1(0, 0, 0, 0, 0, 0));
}

static s64 make_signalfd(void)
{
    return closed(sys_signalfd4((u64)-1, (u64)p.memory, 8, 0, 0, 0));
}

/* Every allocation on the way fails once: -ENOMEM, nothing is left, and then it works. */
GUEST_TEST(event_no_memory)
{
    static s64 (*const make[])(void) = {make_pipe,    make_pair,    make_epoll,   make_eventfd,
                                        make_timerfd, make_inotify, make_signalfd};

    memset(&p, 0, sizeof(p));
    p.memory = event_memory();
    memset(p.memory, 0, 4096);
    for (unsigned i = 0; i < ARRAY_SIZE(make); i++) {
        struct kmalloc_stats before, after;
        s64 err = -ENOMEM;

        EQ(make[i](), 0);
        kmalloc_get_stats(&before);
        for (u64 n = 0; err != 0 && n < 20; n++) {
            kmalloc_fail_after(n);
            err = make[i]();
            kmalloc_fail_after((u64)-1);
            OK(err == 0 || err == -ENOMEM);
        }
        EQ(err, 0);
        kmalloc_get_stats(&after);
        EQ(after.objects, before.objects);
    }
    event_memory_free(p.memory);
}
