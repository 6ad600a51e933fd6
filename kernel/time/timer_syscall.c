/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals: alarm(2), setitimer(2) and timer_create(2).
 *
 * Each is a kernel timer and an entry for a signal queue.  While the entry is
 * queued, further expirations only count as overruns, as POSIX has it.  The
 * timers of CPU time (ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU) are looked at by
 * wall time: as soon as all CPUs together may have run for that long, and again
 * until they have.
 */
#include <kernel/syscall.h>

#include <kernel/clock.h>
#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/signal.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

#include "time_syscall_priv.h"

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define TIMER_ABSTIME 1u
#define TIMERS_MAX 1024
#define ITIMERS 3
enum { LIMIT_SOFT = ITIMERS, LIMIT_HARD, OWN_TIMERS }; /* RLIMIT_CPU, beside the interval timers */
#define CLOCK_USER_TIME 1000 /* the process's: nobody else knows it by this number */

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

/* (m) alarms.mutex   (t) its function, and (m) while it is stopped   (c) constant */
struct alarm {
    struct timer timer;
    struct signal_entry entry;
    int clock;             /* (c) */
    int signal;            /* (c) 0: SIGEV_NONE */
    struct thread *thread; /* (c) a reference, or NULL: the process */
    nsec_t deadline;       /* (t) of `clock`, 0: not armed */
    nsec_t interval;       /* (t) */
};

static struct {
    struct mutex mutex;
    struct alarm itimer[OWN_TIMERS]; /* (m) */
    struct alarm *timer[TIMERS_MAX]; /* (m) */
} alarms = {
    .mutex = {.queue = WAIT_QUEUE_INIT("timers", alarms.mutex.queue)},
};

struct itimerspec {
    struct timespec interval, value;
};
struct itimerval {
    struct timeval interval, value;
};

static nsec_t clock_of(const struct alarm *a)
{
    nsec_t now = 0;

    if (a->clock == CLOCK_USER_TIME) {
        return process_user_time();
    }
    (void)!time_read_clock(a->clock, &now); /* it was a good one */
    return now;
}

/* CPU time can go faster than the clock. */
static bool counts_cpu_time(const struct alarm *a)
{
    return a->clock == CLOCK_USER_TIME || a->clock == CLOCK_PROCESS_CPUTIME_ID || a->clock < 0;
}

/* On this CPU's queue, for when the clock will be there at the earliest. */
static void arm(struct alarm *a)
{
    nsec_t now = clock_of(a), mono = clock_now();
    nsec_t left = a->deadline > now ? a->deadline - now : 0;

    if (counts_cpu_time(a)) {
        left = MAX(left / cpu_count(), MIN(left, (nsec_t)NSEC_PER_MSEC));
    }
    timer_start(&a->timer, left < SCHED_NEVER - mono ? mono + left : SCHED_NEVER - 1);
}

static void expired(struct timer *timer)
{
    struct alarm *a = container_of(timer, struct alarm, timer);
    nsec_t now = clock_of(a);
    u32 missed = 0;

    if (a->deadline == 0) {
        return;
    }
    if (now < a->deadline) {
        arm(a);
        return;
    }
    if (a->interval != 0) {
        missed = (u32)MIN((now - a->deadline) / a->interval, (nsec_t)INT32_MAX);
        a->deadline += (missed + 1ull) * a->interval;
        arm(a);
    } else {
        a->deadline = 0;
    }
    if (a->signal == 0) {
        return;
    }
    signal_send_entry(a->thread, a->signal, &a->entry, missed);
}

static void setup(struct alarm *a, int clock, int signal)
{
    timer_setup(&a->timer, expired);
    a->clock = clock;
    a->signal = signal;
    a->entry = (struct signal_entry){.owned = true, .info.code = SI_KERNEL};
    list_init(&a->entry.link);
}

/* What is left; stopped, so that nothing changes meanwhile. */
static void read_out(struct alarm *a, nsec_t *value, nsec_t *interval)
{
    nsec_t now = clock_of(a);

    *value = a->deadline == 0 ? 0 : a->deadline > now ? a->deadline - now : 1;
    *interval = a->interval;
}

static void stop(struct alarm *a)
{
    nsec_t deadline;

    do { /* its function may have started it again */
        (void)timer_cancel(&a->timer);
        deadline = a->deadline;
        a->deadline = 0;
        (void)timer_cancel(&a->timer);
    } while (a->deadline != 0);
    a->deadline = deadline;
}

static void set(struct alarm *a, nsec_t value, bool absolute, nsec_t interval)
{
    a->deadline = 0;
    a->interval = interval;
    if (value != 0) {
        a->deadline = MAX(absolute ? value : clock_of(a) + value, 1);
        arm(a);
    }
}

/* ---- alarm, setitimer ---------------------------------------------------------------- */

static struct alarm *itimer(unsigned which)
{
    static const struct {
        int clock, signal;
    } kinds[OWN_TIMERS] = {
        {CLOCK_MONOTONIC, SIGALRM},
        {CLOCK_USER_TIME, SIGVTALRM},
        {CLOCK_PROCESS_CPUTIME_ID, SIGPROF},
        {CLOCK_PROCESS_CPUTIME_ID, SIGXCPU}, /* and each second from then on */
        {CLOCK_PROCESS_CPUTIME_ID, SIGKILL},
    };
    struct alarm *a = &alarms.itimer[which];

    if (a->timer.fn == NULL) {
        setup(a, kinds[which].clock, kinds[which].signal);
    }
    return a;
}

static nsec_t from_timeval(const struct timeval *time)
{
    const struct timespec spec = {time->sec, time->usec * (s64)NSEC_PER_USEC};

    return time_to_nsec(&spec);
}

static struct timeval to_timeval(nsec_t time)
{
    /* Rounded up: what is left is never 0. */
    time += NSEC_PER_USEC - 1;
    return (struct timeval){(s64)(time / NSEC_PER_SEC), (s64)(time % NSEC_PER_SEC / NSEC_PER_USEC)};
}

static bool timeval_is_valid(const struct timeval *time)
{
    return time->sec >= 0 && time->usec >= 0 && time->usec < 1000000;
}

SYSCALL(getitimer)
{
    struct itimerval out;
    nsec_t value, interval;

    if ((unsigned)a0 >= ITIMERS) {
        return -EINVAL;
    }
    mutex_lock(&alarms.mutex);
    read_out(itimer((unsigned)a0), &value, &interval);
    mutex_unlock(&alarms.mutex);
    out = (struct itimerval){to_timeval(interval), to_timeval(value)};
    return user_write((void *)a1, &out, sizeof(out));
}

static void exchange(unsigned which, nsec_t *value, nsec_t *interval)
{
    nsec_t new_value = *value, new_interval = *interval;
    struct alarm *a;

    mutex_lock(&alarms.mutex);
    a = itimer(which);
    stop(a);
    read_out(a, value, interval);
    set(a, new_value, false, new_interval);
    mutex_unlock(&alarms.mutex);
}

static void limit(unsigned which, u64 seconds, nsec_t interval)
{
    struct alarm *a = itimer(which);

    stop(a);
    if (seconds < SCHED_NEVER / NSEC_PER_SEC) {
        set(a, MAX(seconds * NSEC_PER_SEC, 1ull), true, interval);
    } else {
        set(a, 0, false, 0);
    }
}

void process_limit_cpu(u64 soft, u64 hard)
{
    mutex_lock(&alarms.mutex);
    limit(LIMIT_SOFT, soft, NSEC_PER_SEC);
    limit(LIMIT_HARD, hard, 0);
    mutex_unlock(&alarms.mutex);
}

SYSCALL(setitimer)
{
    struct itimerval in = {0}, out;
    nsec_t value, interval;

    if ((unsigned)a0 >= ITIMERS) {
        return -EINVAL;
    }
    if (a1 != 0 && user_read(&in, (const void *)a1, sizeof(in)) != 0) {
        return -EFAULT;
    }
    if (!timeval_is_valid(&in.value) || !timeval_is_valid(&in.interval)) {
        return -EINVAL;
    }
    value = from_timeval(&in.value);
    interval = from_timeval(&in.interval);
    exchange((unsigned)a0, &value, &interval);
    out = (struct itimerval){to_timeval(interval), to_timeval(value)};
    return a2 != 0 ? user_write((void *)a2, &out, sizeof(out)) : 0;
}

SYSCALL(alarm)
{
    nsec_t value = (u32)a0 * NSEC_PER_SEC, interval = 0;

    exchange(0, &value, &interval);
    /* Rounded, but not down to 0: alarm(2) says that one is there. */
    return value == 0 ? 0 : (s64)MAX((value + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1);
}

/* ---- timer_create ----------------------------------------------------------------------- */

struct sigevent {
    u64 value;
    s32 signal, notify, tid;
    s32 reserved[11];
};

/* The caller's own, by its number: it is read in interrupts of others. */
static int named_clock(int clock)
{
    bool own = clock == CLOCK_THREAD_CPUTIME_ID ||
               (clock < 0 && (clock & CPU_CLOCK_THREAD) != 0 && (clock >> 3) == -1 &&
                (clock & CPU_CLOCK_KIND) != CPU_CLOCK_KIND);

    return own ? (int)(~thread_current()->tid << 3 | CPU_CLOCK_THREAD | CPU_CLOCK_SCHED) : clock;
}

static int fill(struct alarm *a, int clock, const struct sigevent *event, int id)
{
    setup(a, named_clock(clock), event->notify == SIGEV_NONE ? 0 : event->signal);
    a->entry.info =
        (struct siginfo){.signo = event->signal, .code = SI_TIMER, .timer.value = event->value};
    a->entry.info.timer.id = id;
    if (event->notify == SIGEV_THREAD_ID) {
        a->thread = thread_find((u32)event->tid);
        return a->thread != NULL ? 0 : -EINVAL;
    }
    return 0;
}

/* A free number, or -EAGAIN.  Mutex held. */
static int free_id(void)
{
    for (int id = 0; id < TIMERS_MAX; id++) {
        if (alarms.timer[id] == NULL) {
            return id;
        }
    }
    return -EAGAIN;
}

SYSCALL(timer_create)
{
    struct sigevent event = {.signal = SIGALRM};
    struct alarm *a;
    nsec_t now;
    int err = time_read_clock((int)a0, &now), id = -1;

    if (err == 0 && a1 != 0 && user_read(&event, (const void *)a1, sizeof(event)) != 0) {
        err = -EFAULT;
    }
    if (err == 0 && ((event.notify != SIGEV_NONE && (event.signal < 1 || event.signal > SIGNALS)) ||
                     (event.notify & ~(SIGEV_THREAD | SIGEV_THREAD_ID)) > SIGEV_NONE)) {
        err = -EINVAL;
    }
    if (err != 0) {
        return err;
    }
    a = kzalloc(sizeof(*a));
    if (a == NULL) {
        return -EAGAIN;
    }
    mutex_lock(&alarms.mutex);
    id = free_id();
    err = id < 0 ? id : fill(a, (int)a0, &event, id);
    if (err == 0) {
        if (a1 == 0) {
            a->entry.info.timer.value = (u64)id;
        }
        alarms.timer[id] = a;
    }
    mutex_unlock(&alarms.mutex);
    if (err != 0) {
        kfree(a);
        return err;
    }
    return user_write((void *)a2, &id, sizeof(id));
}

/* With the mutex held. */
static struct alarm *find(u64 id)
{
    return (u32)id < TIMERS_MAX ? alarms.timer[(u32)id] : NULL;
}

SYSCALL(timer_settime)
{
    struct itimerspec in, out;
    nsec_t value, interval;
    struct alarm *a;

    if (a2 == 0) {
        return -EINVAL;
    }
    if (user_read(&in, (const void *)a2, sizeof(in)) != 0) {
        return -EFAULT;
    }
    if (!time_is_valid(&in.value) || !time_is_valid(&in.interval)) {
        return -EINVAL;
    }
    mutex_lock(&alarms.mutex);
    a = find(a0);
    if (a != NULL) {
        stop(a);
        read_out(a, &value, &interval);
        out = (struct itimerspec){time_from_nsec(interval), time_from_nsec(value)};
        set(a, time_to_nsec(&in.value), ((u32)a1 & TIMER_ABSTIME) != 0, time_to_nsec(&in.interval));
    }
    mutex_unlock(&alarms.mutex);
    if (a == NULL) {
        return -EINVAL;
    }
    return a3 != 0 ? user_write((void *)a3, &out, sizeof(out)) : 0;
}

SYSCALL(timer_gettime)
{
    struct itimerspec out;
    nsec_t value, interval;
    struct alarm *a;

    mutex_lock(&alarms.mutex);
    a = find(a0);
    if (a != NULL) {
        read_out(a, &value, &interval);
        out = (struct itimerspec){time_from_nsec(interval), time_from_nsec(value)};
    }
    mutex_unlock(&alarms.mutex);
    return a != NULL ? user_write((void *)a1, &out, sizeof(out)) : -EINVAL;
}

SYSCALL(timer_getoverrun)
{
    struct alarm *a;
    s64 overruns = -EINVAL;

    mutex_lock(&alarms.mutex);
    a = find(a0);
    if (a != NULL) {
        overruns = a->entry.overruns;
    }
    mutex_unlock(&alarms.mutex);
    return overruns;
}

/* Of one that nobody finds any more, and whose function does not run. */
static void release(struct alarm *a)
{
    signal_forget_entry(&a->entry);
    if (a->thread != NULL) {
        thread_put(a->thread);
    }
    kfree(a);
}

/* Stopped, and without its number; NULL: it has none.  Mutex held. */
static struct alarm *take(u64 id)
{
    struct alarm *a = find(id);

    if (a != NULL) {
        stop(a);
        alarms.timer[(u32)id] = NULL;
    }
    return a;
}

SYSCALL(timer_delete)
{
    struct alarm *a;

    mutex_lock(&alarms.mutex);
    a = take(a0);
    mutex_unlock(&alarms.mutex);
    if (a == NULL) {
        return -EINVAL;
    }
    release(a);
    return 0;
}

void process_forget_timers(void)
{
    mutex_lock(&alarms.mutex);
    for (unsigned which = 0; which < OWN_TIMERS; which++) {
        struct alarm *a = itimer(which);

        stop(a);
        set(a, 0, false, 0);
        signal_forget_entry(&a->entry);
    }
    for (u64 id = 0; id < TIMERS_MAX; id++) {
        struct alarm *a = take(id);

        if (a != NULL) {
            release(a);
        }
    }
    mutex_unlock(&alarms.mutex);
}
