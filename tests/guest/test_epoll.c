/* SPDX-License-Identifier: MIT */
/* epoll(7): its errors, levels and edges, instances in instances, threads. */
#include "event_help.h"

static struct {
    u8 *memory;
    int ep, fds[64], ends[64][2];
    _Atomic bool stop;
    _Atomic u64 sent, taken, waits, empty, refused;
    _Atomic unsigned next;
} e;

static int make_eventfd(u64 count)
{
    return (int)sys_eventfd2(count, O_NONBLOCK, 0, 0, 0, 0);
}

static void set_up(void)
{
    memset(&e, 0, sizeof(e));
    e.memory = event_memory();
    e.ep = (int)sys_epoll_create1(0, 0, 0, 0, 0, 0);
    OK(e.ep >= 0);
}

static void tear_down(void)
{
    EQ(fd_close(e.ep), 0);
    event_memory_free(e.memory);
}

static struct event_epoll seen(unsigned n)
{
    return ((struct event_epoll *)e.memory)[n];
}

static s64 raise(int fd)
{
    u64 one = 1;

    memcpy(e.memory + 4096, &one, 8);
    return ev_write(fd, e.memory + 4096, 8);
}

static s64 lower(int fd)
{
    return ev_read(fd, e.memory + 4096, 8);
}

GUEST_TEST(epoll_refuses)
{
    int fd, other;

    set_up();
    fd = make_eventfd(0);
    EQ(sys_epoll_create(0, 0, 0, 0, 0, 0), -EINVAL);
    EQ(sys_epoll_create1(1, 0, 0, 0, 0, 0), -EINVAL);
    other = (int)sys_epoll_create1(O_CLOEXEC, 0, 0, 0, 0, 0);
    OK(fd_cloexec(other));
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, 999, POLLIN, 0), -EBADF);
    EQ(ev_ctl(e.memory, 999, EV_ADD, fd, POLLIN, 0), -EBADF);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, e.ep, POLLIN, 0), -EINVAL);
    EQ(ev_ctl(e.memory, fd, EV_ADD, other, POLLIN, 0), -EINVAL);
    EQ(ev_ctl(e.memory, e.ep, 7, fd, POLLIN, 0), -EINVAL);
    EQ(sys_epoll_ctl((u64)e.ep, EV_ADD, (u64)fd, 8, 0, 0), -EFAULT);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, fd, POLLIN, 0), -ENOENT);
    EQ(ev_ctl(e.memory, e.ep, EV_DEL, fd, POLLIN, 0), -ENOENT);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN, 0), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN, 0), -EEXIST);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, fd, POLLIN | EV_EXCLUSIVE, 0), -EINVAL);
    EQ(sys_epoll_ctl((u64)e.ep, EV_DEL, (u64)fd, 0, 0, 0), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN | EV_EXCLUSIVE | EV_ONESHOT, 0), -EINVAL);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, other, POLLIN | EV_EXCLUSIVE, 0), -EINVAL);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN | EV_EXCLUSIVE | EV_ET, 0), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, fd, POLLIN, 0), -EINVAL);
    EQ(ev_wait(e.memory, e.ep, 0, 0), -EINVAL);
    EQ(ev_wait(e.memory, e.ep, -1, 0), -EINVAL);
    EQ(ev_wait(e.memory, fd, 1, 0), -EINVAL);
    EQ(ev_wait(e.memory, 999, 1, 0), -EBADF);
    EQ(ev_wait((u8 *)&e, e.ep, 1, 0), -EFAULT);
    EQ(raise(fd), 8);
    EQ(ev_wait((u8 *)8, e.ep, 1, 0), -EFAULT);
    EQ(ev_wait(e.memory, e.ep, 1, 0), 1); /* it was not lost by that */
    EQ(fd_close(other), 0);
    EQ(fd_close(fd), 0);
    tear_down();
}

GUEST_TEST(epoll_level_edge_oneshot)
{
    int level, edge, once;

    set_up();
    level = make_eventfd(0);
    edge = make_eventfd(0);
    once = make_eventfd(0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, level, POLLIN, 11), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, edge, POLLIN | EV_ET, 22), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, once, POLLIN | EV_ONESHOT, 33), 0);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 0);
    raise(level);
    raise(edge);
    raise(once);
    EQ(ev_wait(e.memory, e.ep, 8, 1000), 3);
    EQ(seen(0).data, 11);
    EQ(seen(1).data, 22);
    EQ(seen(2).data, 33);
    EQ(seen(0).events, POLLIN);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 1);
    EQ(seen(0).data, 11);
    raise(edge);
    raise(once);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 2);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, once, POLLIN | EV_ONESHOT, 44), 0);
    EQ(lower(level), 8);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 1);
    EQ(seen(0).data, 44);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, edge, POLLIN | POLLOUT | EV_ET, 55), 0);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 1);
    EQ(seen(0).events, POLLIN | POLLOUT);
    EQ(seen(0).data, 55);
    EQ(ev_ctl(e.memory, e.ep, EV_MOD, level, 0, 0), 0);
    raise(level);
    EQ(ev_wait(e.memory, e.ep, 8, 0), 0);
    EQ(fd_close(edge), 0); /* closing removes */
    EQ(fd_close(once), 0);
    EQ(ev_ctl(e.memory, e.ep, EV_DEL, edge, 0, 0), -EBADF);
    EQ(ev_wait(e.memory, e.ep, 8, 2), 0);
    EQ(fd_close(level), 0);
    tear_down();
}

/* More are ready than asked for: each comes in its turn. */
GUEST_TEST(epoll_takes_turns)
{
    u64 counts[8] = {0};

    set_up();
    for (unsigned i = 0; i < 8; i++) {
        e.fds[i] = make_eventfd(1);
        EQ(ev_ctl(e.memory, e.ep, EV_ADD, e.fds[i], POLLIN, i), 0);
    }
    for (unsigned i = 0; i < 24; i++) {
        EQ(ev_wait(e.memory, e.ep, 1, 0), 1);
        counts[seen(0).data & 7]++;
    }
    for (unsigned i = 0; i < 8; i++) {
        EQ(counts[i], 3);
        EQ(fd_close(e.fds[i]), 0);
    }
    tear_down();
}

GUEST_TEST(epoll_in_epoll)
{
    int eps[7], fd = make_eventfd(0), other;

    set_up();
    for (unsigned i = 0; i < 7; i++) {
        eps[i] = (int)sys_epoll_create1(0, 0, 0, 0, 0, 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        EQ(ev_ctl(e.memory, eps[i + 1], EV_ADD, eps[i], POLLIN, i), 0);
    }
    EQ(ev_ctl(e.memory, eps[0], EV_ADD, eps[4], POLLIN, 0), -ELOOP); /* a circle */
    EQ(ev_ctl(e.memory, eps[0], EV_ADD, eps[5], POLLIN, 0), -ELOOP); /* too long */
    EQ(ev_ctl(e.memory, eps[5], EV_ADD, eps[4], POLLIN, 0), -ELOOP);
    EQ(ev_ctl(e.memory, eps[0], EV_ADD, fd, POLLIN, 99), 0);
    EQ(ev_wait(e.memory, eps[4], 8, 0), 0);
    EQ(ev_poll_now(eps[4]), 0);
    raise(fd);
    EQ(ev_poll_now(eps[4]), POLLIN | POLLRDNORM);
    EQ(ev_wait(e.memory, eps[4], 8, 1000), 1);
    EQ(seen(0).data, 3);
    EQ(ev_wait(e.memory, eps[0], 8, 0), 1);
    EQ(seen(0).data, 99);
    EQ(lower(fd), 8);
    EQ(ev_wait(e.memory, eps[4], 8, 0), 0);
    /* An edge goes through, although the item inside is queued still. */
    EQ(ev_ctl(e.memory, eps[4], EV_MOD, eps[3], POLLIN | EV_ET, 5), 0);
    for (unsigned i = 0; i < 3; i++) {
        raise(fd);
        EQ(ev_wait(e.memory, eps[4], 8, 1000), 1);
        EQ(ev_wait(e.memory, eps[4], 8, 0), 0);
        EQ(lower(fd), 8);
    }
    other = eps[2];
    EQ(fd_close(other), 0); /* the chain is cut */
    raise(fd);
    EQ(ev_wait(e.memory, eps[4], 8, 2), 0);
    for (unsigned i = 0; i < 7; i++) {
        if (eps[i] != other) {
            EQ(fd_close(eps[i]), 0);
        }
    }
    EQ(fd_close(fd), 0);
    tear_down();
}

/* ---- Threads: nothing is lost ----------------------------------------------------------- */

#define SOURCES 8
#define WAITERS 3
#define ROUNDS 20000

/* Waits, and takes what it is told of; counts what it took. */
static void wait_and_take(void *arg)
{
    u8 *memory = e.memory + 65536 * (1 + (u64)arg);

    while (!atomic_load(&e.stop)) {
        s64 n = ev_wait(memory, e.ep, 1 + (int)(guest_random() % 4), 40000);

        if (!OK(n >= 0)) {
            return;
        }
        atomic_fetch_add(&e.waits, 1);
        for (s64 i = 0; i < n; i++) {
            struct event_epoll event = ((struct event_epoll *)memory)[i];
            u64 value;

            if (event.data >= SOURCES) {
                continue; /* the one that ends it */
            }
            while (ev_read(e.fds[event.data], memory + 4096, 8) == 8) {
                memcpy(&value, memory + 4096, 8);
                atomic_fetch_add(&e.taken, value);
            }
            if ((e.fds[63] & (int)EV_ONESHOT) != 0) {
                EQ(ev_ctl(memory + 8192, e.ep, EV_MOD, e.fds[event.data], POLLIN | EV_ONESHOT,
                          event.data),
                   0);
            }
        }
    }
}

static void send_events(void *arg)
{
    u8 *memory = e.memory + 65536 * (4 + (u64)arg);
    u64 one = 1;

    for (unsigned i = 0; i < ROUNDS / 2; i++) {
        memcpy(memory, &one, 8);
        if (ev_write(e.fds[guest_random() % SOURCES], memory, 8) != 8) {
            OK(false);
        }
        atomic_fetch_add(&e.sent, 1);
        for (u64 n = guest_random() % 100; n > 0; n--) {
            cpu_pause();
        }
        if (guest_random() % 32 == 0) {
            sched_yield();
        }
    }
}

static void lose_nothing(u32 flags)
{
    struct thread *waiters[WAITERS], *senders[2];
    int last;

    set_up();
    e.fds[63] = (int)flags;
    for (unsigned i = 0; i < SOURCES; i++) {
        e.fds[i] = make_eventfd(0);
        EQ(ev_ctl(e.memory, e.ep, EV_ADD, e.fds[i], POLLIN | flags, i), 0);
    }
    for (u64 i = 0; i < WAITERS; i++) {
        waiters[i] = start_kernel(wait_and_take, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (u64 i = 0; i < 2; i++) {
        senders[i] = start_kernel(send_events, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    join(senders[0]);
    join(senders[1]);
    EVENTUALLY(atomic_load(&e.taken) == ROUNDS);
    EQ(e.taken, ROUNDS);
    atomic_store(&e.stop, true);
    last = make_eventfd(1);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, last, POLLIN, SOURCES), 0);
    for (u64 i = 0; i < WAITERS; i++) {
        join(waiters[i]);
    }
    guest_note("%lu waits for %u events", e.waits, ROUNDS);
    for (unsigned i = 0; i < SOURCES; i++) {
        EQ(fd_close(e.fds[i]), 0);
    }
    EQ(fd_close(last), 0);
    tear_down();
}

GUEST_TEST(epoll_loses_nothing_level)
{
    lose_nothing(0);
}

GUEST_TEST(epoll_loses_nothing_edge)
{
    lose_nothing(EV_ET);
}

GUEST_TEST(epoll_loses_nothing_oneshot)
{
    lose_nothing(EV_ONESHOT);
}

/*
 * One event at a time, each sent when the one before has been taken: the waiters
 * are asleep, or about to be, every time.
 */
static void one_by_one(u32 flags)
{
    struct thread *waiters[WAITERS];
    int last = make_eventfd(1);
    nsec_t end = clock_now() + 300 * NSEC_PER_MSEC; /* a round is dear where CPUs are emulated */

    set_up();
    e.fds[63] = (int)flags;
    e.fds[0] = make_eventfd(0);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, e.fds[0], POLLIN | flags, 0), 0);
    for (u64 i = 0; i < WAITERS; i++) {
        waiters[i] = start_kernel(wait_and_take, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    for (u64 i = 1; i <= 2000 && clock_now() < end; i++) {
        nsec_t limit = clock_now() + PATIENCE;

        raise(e.fds[0]);
        while (atomic_load(&e.taken) != i && clock_now() < limit) {
            sched_yield();
        }
        if (atomic_load(&e.taken) != i) {
            EQ(e.taken, i);
            break;
        }
        for (u64 n = guest_random() % 300; n > 0; n--) {
            cpu_pause();
        }
    }
    atomic_store(&e.stop, true);
    EQ(ev_ctl(e.memory, e.ep, EV_ADD, last, POLLIN, SOURCES), 0);
    for (u64 i = 0; i < WAITERS; i++) {
        join(waiters[i]);
    }
    EQ(fd_close(e.fds[0]), 0);
    EQ(fd_close(last), 0);
    tear_down();
}

GUEST_TEST(epoll_wakes_one_by_one)
{
    one_by_one(0);
    one_by_one(EV_ET);
    one_by_one(EV_ONESHOT);
}

/* ---- Threads: adding, changing, removing and closing while all else goes on -------------- */

static _Atomic int shared[SOURCES];

static void churn(void *arg)
{
    u8 *memory = e.memory + 65536 * (1 + (u64)arg);
    u64 one = 1;

    while (!atomic_load(&e.stop)) {
        unsigned n = (unsigned)(guest_random() % SOURCES);
        int fd = atomic_load(&shared[n]);
        s64 result = 0;

        switch (guest_random() % 6) {
        case 0:
            result = ev_ctl(memory, e.ep, EV_ADD, fd, POLLIN | (guest_random() & EV_ET), n);
            break;
        case 1:
            result = ev_ctl(memory, e.ep, EV_DEL, fd, 0, 0);
            break;
        case 2:
            result = ev_ctl(memory, e.ep, EV_MOD, fd, POLLIN | POLLOUT, n);
            break;
        case 3:
            memcpy(memory, &one, 8);
            result = ev_write(fd, memory, 8);
            break;
        case 4:
            result = ev_wait(memory, e.ep, 4, (int)(guest_random() % 2));
            break;
        default:
            /* Who gets the number out closes it. */
            fd = atomic_exchange(&shared[n], -1);
            if (fd >= 0) {
                EQ(fd_close(fd), 0);
                atomic_store(&shared[n], make_eventfd(0));
            }
            break;
        }
        OK(result >= 0 || result == -EEXIST || result == -ENOENT || result == -EBADF ||
           result == -EAGAIN);
        atomic_fetch_add(&e.waits, 1);
        sched_yield(); /* kernel code is not preempted */
    }
}

GUEST_TEST(epoll_survives_churn)
{
    struct thread *threads[5];

    set_up();
    for (unsigned i = 0; i < SOURCES; i++) {
        atomic_store(&shared[i], make_eventfd(0));
    }
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i] = start_kernel(churn, (void *)i, 0, SCHED_CLASS_FAIR);
    }
    sched_delay(300 * NSEC_PER_MSEC);
    atomic_store(&e.stop, true);
    for (u64 i = 0; i < ARRAY_SIZE(threads); i++) {
        join(threads[i]);
    }
    guest_note("%lu operations", e.waits);
    for (unsigned i = 0; i < SOURCES; i++) {
        EQ(fd_close(shared[i]), 0);
    }
    tear_down();
}

GUEST_TEST(epoll_speed)
{
    nsec_t start;
    int fd;

    set_up();
    fd = make_eventfd(1);
    start = clock_now();
    for (unsigned i = 0; i < 10000; i++) {
        ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN, 1);
        ev_ctl(e.memory, e.ep, EV_DEL, fd, POLLIN, 1);
    }
    guest_note("epoll_ctl: %lu ns", (clock_now() - start) / 20000);
    ev_ctl(e.memory, e.ep, EV_ADD, fd, POLLIN, 1);
    start = clock_now();
    for (unsigned i = 0; i < 10000; i++) {
        ev_wait(e.memory, e.ep, 1, -1);
    }
    guest_note("epoll_wait, ready: %lu ns", (clock_now() - start) / 10000);
    EQ(ev_wait(e.memory, e.ep, 1, -1), 1);
    EQ(fd_close(fd), 0);
    tear_down();
}
