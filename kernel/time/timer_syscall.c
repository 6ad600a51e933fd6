/* SPDX-License-Identifier: MIT */
/* timer_create(2) and its kin: alarms with a number. */
#include <kernel/syscall.h>

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/process.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

#include "alarm_priv.h"
#include "time_syscall_priv.h"

#define SYSCALL(name) s64 sys_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define TIMERS_MAX 1024

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

/* (m) timers_mutex; apart from it, what is zero at first takes no room in the image file */
static struct alarm *timers[TIMERS_MAX];
static struct mutex timers_mutex = {.queue = WAIT_QUEUE_INIT("timers", timers_mutex.queue)};

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
    alarm_setup(a, named_clock(clock), event->notify == SIGEV_NONE ? 0 : event->signal);
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
        if (timers[id] == NULL) {
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
    mutex_lock(&timers_mutex);
    id = free_id();
    err = id < 0 ? id : fill(a, (int)a0, &event, id);
    if (err == 0) {
        if (a1 == 0) {
            a->entry.info.timer.value = (u64)id;
        }
        timers[id] = a;
    }
    mutex_unlock(&timers_mutex);
    if (err != 0) {
        kfree(a);
        return err;
    }
    return user_write((void *)a2, &id, sizeof(id));
}

/* With the mutex held. */
static struct alarm *find(u64 id)
{
    return (u32)id < TIMERS_MAX ? timers[(u32)id] : NULL;
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
    if (!timespec_is_valid(&in.value) || !timespec_is_valid(&in.interval)) {
        return -EINVAL;
    }
    mutex_lock(&timers_mutex);
    a = find(a0);
    if (a != NULL) {
        alarm_stop(a);
        alarm_read(a, &value, &interval);
        out = (struct itimerspec){timespec_from_nsec(interval), timespec_from_nsec(value)};
        alarm_set(a, timespec_to_nsec(&in.value), ((u32)a1 & TIMER_ABSTIME) != 0,
                  timespec_to_nsec(&in.interval));
    }
    mutex_unlock(&timers_mutex);
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

    mutex_lock(&timers_mutex);
    a = find(a0);
    if (a != NULL) {
        alarm_read(a, &value, &interval);
        out = (struct itimerspec){timespec_from_nsec(interval), timespec_from_nsec(value)};
    }
    mutex_unlock(&timers_mutex);
    return a != NULL ? user_write((void *)a1, &out, sizeof(out)) : -EINVAL;
}

SYSCALL(timer_getoverrun)
{
    struct alarm *a;
    s64 overruns = -EINVAL;

    mutex_lock(&timers_mutex);
    a = find(a0);
    if (a != NULL) {
        overruns = a->entry.overruns;
    }
    mutex_unlock(&timers_mutex);
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
        alarm_stop(a);
        timers[(u32)id] = NULL;
    }
    return a;
}

SYSCALL(timer_delete)
{
    struct alarm *a;

    mutex_lock(&timers_mutex);
    a = take(a0);
    mutex_unlock(&timers_mutex);
    if (a == NULL) {
        return -EINVAL;
    }
    release(a);
    return 0;
}

void process_forget_timers(void)
{
    itimer_forget_all();
    mutex_lock(&timers_mutex);
    for (u64 id = 0; id < TIMERS_MAX; id++) {
        struct alarm *a = take(id);

        if (a != NULL) {
            release(a);
        }
    }
    mutex_unlock(&timers_mutex);
}
