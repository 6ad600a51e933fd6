/* SPDX-License-Identifier: MIT */
/*
 * The hooks on roles: a nice value for each role, where the process may set
 * one, and the times that Linux keeps of each thread.  Linux knows neither
 * pauses nor what the names of HotSpot's threads mean.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <moka/role.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_priv.h"

#define THREADS_MOST 4096

/* What a thread of the role gets; raising needs CAP_SYS_NICE. */
static const int nice_of[MOKA_ROLES] = {[MOKA_ROLE_VM] = -10, [MOKA_ROLE_GC_PAUSE] = -10};

static struct {
    pthread_mutex_t lock;
    int count;
    struct {
        int tid, role;
    } thread[THREADS_MOST]; /* those with a role */
    int conductor;          /* of a pause; 0: none */
} roles = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool lives(int tid)
{
    return syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

/* The lock is held.  Where the thread is, or the first free place. */
static int place_of(int tid)
{
    int place = 0;

    while (place < roles.count && roles.thread[place].tid != tid) {
        place++;
    }
    return place;
}

/* The lock is held. */
static void forget_ended(void)
{
    for (int i = 0; i < roles.count;) {
        if (lives(roles.thread[i].tid)) {
            i++;
        } else {
            roles.thread[i] = roles.thread[--roles.count];
        }
    }
}

static int tid_of(int tid)
{
    return tid == 0 ? (int)syscall(SYS_gettid) : tid;
}

static int set(int number, int role)
{
    int tid = tid_of(number), place, error = 0;

    if (role == MOKA_ROLE_BY_NAME) {
        role = MOKA_ROLE_NONE;
    }
    if (role < 0 || role >= MOKA_ROLES) {
        return -EINVAL;
    }
    if (tid < 0 || !lives(tid)) {
        return -ESRCH;
    }
    pthread_mutex_lock(&roles.lock);
    forget_ended();
    place = place_of(tid);
    if (place == THREADS_MOST) {
        error = -ENOMEM;
    } else {
        roles.count += place == roles.count;
        roles.thread[place].tid = tid;
        roles.thread[place].role = role;
        setpriority(PRIO_PROCESS, (id_t)tid, nice_of[role]); /* as far as it may */
    }
    pthread_mutex_unlock(&roles.lock);
    return error;
}

static int get(int number)
{
    int tid = tid_of(number), place, role = MOKA_ROLE_NONE;

    if (tid < 0 || !lives(tid)) {
        return -ESRCH;
    }
    pthread_mutex_lock(&roles.lock);
    place = place_of(tid);
    if (place < roles.count) {
        role = roles.thread[place].role;
    }
    pthread_mutex_unlock(&roles.lock);
    return role;
}

static int by_name(int on)
{
    return on < -1 || on > 1 ? -EINVAL : on == 1 ? -EOPNOTSUPP : 0;
}

static int pause_begin(int phase)
{
    int self = tid_of(0), error = 0;

    if (phase != MOKA_PAUSE_REACHING && phase != MOKA_PAUSE_STOPPED) {
        return -EINVAL;
    }
    pthread_mutex_lock(&roles.lock);
    if (roles.conductor != 0 && roles.conductor != self && lives(roles.conductor)) {
        error = -EBUSY;
    } else {
        roles.conductor = self;
    }
    pthread_mutex_unlock(&roles.lock);
    return error;
}

static int pause_end(void)
{
    int error = -EPERM;

    pthread_mutex_lock(&roles.lock);
    if (roles.conductor == tid_of(0)) {
        roles.conductor = 0;
        error = 0;
    }
    pthread_mutex_unlock(&roles.lock);
    return error;
}

/* ---- Times --------------------------------------------------------------------------------- */

static void add_times(struct moka_role_times *times, int tid)
{
    char path[64], text[96] = "", *end;
    uint64_t running;
    int file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    if (read(file, text, sizeof(text) - 1) > 0) {
        running = strtoull(text, &end, 10);
        times->threads++;
        times->running += running;
        times->waiting += strtoull(end, NULL, 10);
    }
    close(file);
}

static int times(struct moka_role_times *times, unsigned count)
{
    struct moka_role_times sum[MOKA_ROLES] = {{0}};
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;

    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        int tid = atoi(task->d_name), role = tid > 0 ? get(tid) : -ESRCH;

        if (role >= 0) {
            add_times(&sum[role], tid);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    if (times == NULL && count > 0) {
        return -EFAULT;
    }
    for (unsigned i = 0; i < count && i < MOKA_ROLES; i++) {
        times[i] = sum[i];
    }
    return MOKA_ROLES;
}

const struct moka_role_hooks linux_role_hooks = {
    .size = sizeof(linux_role_hooks),
    .set = set,
    .get = get,
    .by_name = by_name,
    .pause_begin = pause_begin,
    .pause_end = pause_end,
    .times = times,
};
