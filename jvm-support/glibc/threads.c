/* SPDX-License-Identifier: MIT */
/*
 * Functions about threads that musl has not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glibc.h"
#include "lock.h"
#include "pthread_impl.h"

/* False: other threads may exist, use atomic operations.  libstdc++ looks. */
char __libc_single_threaded = 0;

int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void),
                      void *library)
{
    return pthread_atfork(before, parent, child);
}

cpu_set_t *__sched_cpualloc(size_t cpus)
{
    return calloc((cpus + 63) / 64, 8);
}

void __sched_cpufree(cpu_set_t *set)
{
    free(set);
}

int pthread_yield(void)
{
    return sched_yield();
}

/* Sleeps on the realtime clock; another clock's deadline is moved there once, as it stands now. */
static int to_realtime(clockid_t clock, const struct timespec *deadline, struct timespec *result)
{
    struct timespec here, there;

    if (deadline->tv_nsec < 0 || deadline->tv_nsec >= 1000000000) {
        return EINVAL;
    }
    if (clock == CLOCK_REALTIME) {
        *result = *deadline;
        return 0;
    }
    if (clock_gettime(clock, &here) || clock_gettime(CLOCK_REALTIME, &there)) {
        return EINVAL;
    }
    result->tv_sec = deadline->tv_sec - here.tv_sec + there.tv_sec;
    result->tv_nsec = deadline->tv_nsec - here.tv_nsec + there.tv_nsec;
    if (result->tv_nsec < 0) {
        result->tv_nsec += 1000000000, result->tv_sec--;
    } else if (result->tv_nsec >= 1000000000) {
        result->tv_nsec -= 1000000000, result->tv_sec++;
    }
    return 0;
}

int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *deadline)
{
    struct timespec at;
    int error = to_realtime(clock, deadline, &at);

    if (error) {
        errno = error;
        return -1;
    }
    return sem_timedwait(sem, &at);
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                            const struct timespec *deadline)
{
    struct timespec at;
    int error = to_realtime(clock, deadline, &at);

    return error ? error : pthread_mutex_timedlock(mutex, &at);
}

/* The condition variable's own clock is changed for nobody else: waiters read it when they begin.
 */
int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *deadline)
{
    struct timespec at;
    int error;

    if (cond->_c_clock == clock) {
        return pthread_cond_timedwait(cond, mutex, deadline);
    }
    error = to_realtime(clock, deadline, &at);
    return error ? error : pthread_cond_timedwait(cond, mutex, &at);
}

int pthread_sigqueue(pthread_t thread, int signal, const union sigval value)
{
    siginfo_t info;
    sigset_t old;
    int error;

    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_value = value;
    info.si_uid = getuid();
    info.si_pid = getpid();
    /* As pthread_kill(): the thread must not end, and its number be used again, meanwhile. */
    __block_app_sigs(&old);
    LOCK(thread->killlock);
    error = thread->tid ? -__syscall(SYS_rt_tgsigqueueinfo, info.si_pid, thread->tid, signal, &info)
                        : ESRCH;
    UNLOCK(thread->killlock);
    __restore_sigs(&old);
    return error;
}

/* Priority ceilings are not supported by musl's mutexes. */
int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *attributes, int ceiling)
{
    return ENOSYS;
}
