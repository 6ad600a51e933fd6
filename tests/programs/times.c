/* SPDX-License-Identifier: MIT */
/* Timers, clocks, scheduling, usage and limits, and the small calls about the process. */
#include "tap.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static volatile sig_atomic_t ticks;

static void on_tick(int signal)
{
    ticks++;
}

static long now(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return at.tv_sec * 1000 * MS + at.tv_nsec;
}

static struct timespec timespec_of(long ns)
{
    return (struct timespec){ns / (1000 * MS), ns % (1000 * MS)};
}

static void spin(long ns)
{
    long end = now(CLOCK_PROCESS_CPUTIME_ID) + ns;

    while (now(CLOCK_PROCESS_CPUTIME_ID) < end) {
    }
}

static void test_sleep(void)
{
    struct timespec at, bad = {0, 1000000000}, past = {0, 0}, left;
    long start, until = now(CLOCK_MONOTONIC) + 20 * MS;

    at = timespec_of(until);
    OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0 &&
           now(CLOCK_MONOTONIC) >= until,
       "clock_nanosleep: absolute");
    OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL) == 0,
       "clock_nanosleep: the past");
    OK(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL) == EINVAL, "clock_nanosleep: bad time");
    OK(clock_nanosleep(77, 0, &past, NULL) == EINVAL, "clock_nanosleep: no clock");
    at = timespec_of(now(CLOCK_REALTIME) + 10 * MS);
    OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL) == 0,
       "clock_nanosleep: wall clock");
    at = timespec_of(now(CLOCK_BOOTTIME) + 10 * MS);
    OK(clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL) == 0,
       "clock_nanosleep: since boot");
    FAILS(nanosleep(&bad, NULL), EINVAL, "nanosleep: bad time");
    signal(SIGALRM, on_tick);
    ualarm(10000, 10000); /* the first may come before it sleeps */
    at = (struct timespec){1000, 0};
    start = now(CLOCK_MONOTONIC);
    FAILS(nanosleep(&at, &left), EINTR, "nanosleep: interrupted");
    start = now(CLOCK_MONOTONIC) - start;
    ualarm(0, 0);
    OK(left.tv_sec < 1000 && left.tv_sec * 1000 * MS + left.tv_nsec >= 1000000 * MS - start,
       "nanosleep: what is left");
    FAILS(clock_gettime(77, &at), EINVAL, "clock_gettime: no clock");
    OK(clock_getres(CLOCK_MONOTONIC, &at) == 0 && at.tv_sec == 0 && at.tv_nsec == 1,
       "clock_getres");
    start = now(CLOCK_MONOTONIC_COARSE);
    OK(start <= now(CLOCK_MONOTONIC) && now(CLOCK_MONOTONIC_RAW) > 0 && now(CLOCK_TAI) > 0,
       "other clocks");
}

static void test_itimers(void)
{
    struct itimerval timer = {{0, 10000}, {0, 10000}}, old, zero = {{0, 0}, {0, 0}},
                     bad = {{0, 0}, {0, 1000000}};
    long start, left;

    ticks = 0;
    start = now(CLOCK_MONOTONIC);
    OK(setitimer(ITIMER_REAL, &timer, NULL) == 0, "ITIMER_REAL");
    while (ticks < 3) {
        pause();
    }
    OK(now(CLOCK_MONOTONIC) - start >= 29 * MS, "it ticks");
    OK(setitimer(ITIMER_REAL, &zero, &old) == 0 && old.it_interval.tv_usec == 10000 &&
           old.it_value.tv_usec <= 10000,
       "the old one");
    FAILS(setitimer(ITIMER_REAL, &bad, NULL), EINVAL, "setitimer: bad time");
    FAILS(setitimer(9, &timer, NULL), EINVAL, "setitimer: no timer");
    FAILS(getitimer(9, &timer), EINVAL, "getitimer: no timer");
    signal(SIGPROF, on_tick);
    signal(SIGVTALRM, on_tick);
    for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
        timer = (struct itimerval){{0, 20000}, {0, 20000}};
        ticks = 0;
        start = now(CLOCK_PROCESS_CPUTIME_ID);
        setitimer(which, &timer, NULL);
        usleep(60000);
        /* A machine whose host does something else in between counts that as its own time. */
        OK(ticks == 0 || now(CLOCK_PROCESS_CPUTIME_ID) - start >= 20 * MS,
           which == ITIMER_PROF ? "ITIMER_PROF: not while it sleeps"
                                : "ITIMER_VIRTUAL: not while it sleeps");
        while (ticks < 3) {
        }
        start = now(CLOCK_PROCESS_CPUTIME_ID) - start;
        OK(ticks >= 3 && start >= 20 * MS, "but while it runs");
        setitimer(which, &zero, NULL);
    }
    start = now(CLOCK_MONOTONIC);
    alarm(100);
    left = alarm(0);
    /* Rounded to the nearest second. */
    OK(left <= 100 && left * 1000 * MS >= 99500 * MS - (now(CLOCK_MONOTONIC) - start), "alarm");
}

static void test_timers(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 5, .sigev_value = {.sival_int = 9}};
    struct itimerspec spec = {{0, 5 * MS}, {0, 5 * MS}}, got, none = {{0, 0}, {0, 0}},
                      bad = {{0, 0}, {0, 1000000000}};
    siginfo_t info;
    timer_t timer;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    sigprocmask(SIG_BLOCK, &set, NULL);
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    FAILS(timer_create(77, &event, &timer), EINVAL, "timer_create: no clock");
    OK(timer_settime(timer, 0, &spec, NULL) == 0, "timer_settime");
    usleep(30000);
    OK(sigwaitinfo(&set, &info) == SIGRTMIN + 5 && info.si_code == SI_TIMER &&
           info.si_value.sival_int == 9,
       "its signal");
    OK(timer_getoverrun(timer) >= 3 && info.si_overrun >= 3, "overruns");
    OK(timer_gettime(timer, &got) == 0 && got.it_interval.tv_nsec == 5 * MS &&
           got.it_value.tv_nsec <= 5 * MS,
       "timer_gettime");
    FAILS(timer_settime(timer, 0, &bad, NULL), EINVAL, "timer_settime: bad time");
    OK(timer_settime(timer, 0, &none, NULL) == 0 && timer_gettime(timer, &got) == 0 &&
           got.it_value.tv_nsec == 0,
       "stopped");
    spec = (struct itimerspec){{0, 0}, timespec_of(now(CLOCK_MONOTONIC) + 10 * MS)};
    while (sigtimedwait(&set, &info, &(struct timespec){0, 0}) > 0) {
    }
    OK(timer_settime(timer, TIMER_ABSTIME, &spec, NULL) == 0 && sigwaitinfo(&set, &info) > 0,
       "absolute");
    OK(timer_delete(timer) == 0, "timer_delete");
    FAILS(syscall(SYS_timer_delete, 12345), EINVAL, "timer_delete: none");
    event.sigev_signo = 99;
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), EINVAL,
          "timer_create: no signal");
    event = (struct sigevent){.sigev_notify = SIGEV_NONE};
    OK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 && timer_delete(timer) == 0,
       "of CPU time");
}

static void test_timerfd(void)
{
    struct itimerspec spec = {{0, 5 * MS}, {0, 5 * MS}}, got;
    uint64_t count = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct pollfd set = {fd, POLLIN, 0};

    FAILS(timerfd_create(77, 0), EINVAL, "timerfd_create: no clock");
    FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL, "timerfd_create: unknown flag");
    FAILS(read(fd, &count, 8), EAGAIN, "timerfd: not armed");
    OK(timerfd_settime(fd, 0, &spec, NULL) == 0 && poll(&set, 1, -1) == 1, "timerfd: armed");
    usleep(21000);
    OK(read(fd, &count, 8) == 8 && count >= 4, "timerfd: how often");
    FAILS(read(fd, &count, 4), EINVAL, "timerfd: too little room");
    OK(timerfd_gettime(fd, &got) == 0 && got.it_interval.tv_nsec == 5 * MS, "timerfd_gettime");
    FAILS(timerfd_settime(fd, 64, &spec, NULL), EINVAL, "timerfd_settime: unknown flag");
    FAILS(timerfd_settime(0, 0, &spec, NULL), EINVAL, "timerfd_settime: not one");
    FAILS(timerfd_settime(99, 0, &spec, NULL), EBADF, "timerfd_settime: nothing");
    close(fd);
}

static void test_sched(void)
{
    struct sched_param param = {0}, one = {.sched_priority = 1};
    struct attr {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attr;
    struct timespec slice;
    cpu_set_t set;
    int cpus = 0;

    OK(sched_getaffinity(0, sizeof(set), &set) == 0 && (cpus = CPU_COUNT(&set)) >= 1,
       "sched_getaffinity");
    OK(sysconf(_SC_NPROCESSORS_ONLN) >= cpus, "as many as are online");
    FAILS(syscall(SYS_sched_getaffinity, 0, 1, &set), EINVAL, "sched_getaffinity: too little room");
    FAILS(sched_getaffinity(4000000, sizeof(set), &set), ESRCH, "sched_getaffinity: nobody");
    OK(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
    CPU_ZERO(&set);
    FAILS(sched_setaffinity(0, sizeof(set), &set), EINVAL, "sched_setaffinity: no CPU");
    CPU_SET(1000, &set);
    FAILS(sched_setaffinity(0, sizeof(set), &set), EINVAL, "sched_setaffinity: none that is there");
    OK(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER, "sched_getscheduler");
    OK(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) == 0 &&
           syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH,
       "SCHED_BATCH");
    FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &one), EINVAL,
          "SCHED_OTHER has no priority");
    FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EINVAL, "SCHED_FIFO has one");
    FAILS(syscall(SYS_sched_setscheduler, 0, 99, &param), EINVAL, "no policy");
    FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL, "no parameters");
    FAILS(syscall(SYS_sched_setscheduler, 4000000, SCHED_OTHER, &param), ESRCH, "nobody");
    OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == 0, "SCHED_OTHER");
    if (syscall(SYS_sched_setscheduler, 0, SCHED_RR, &one) == 0) {
        OK(syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 1 &&
               syscall(SYS_sched_getscheduler, 0) == SCHED_RR,
           "SCHED_RR");
        param.sched_priority = 0;
        OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == 0, "and back");
    } else {
        OK(errno == EPERM, "SCHED_RR is not allowed");
        OK(syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 0,
           "and nothing has changed");
    }
    OK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1 &&
           sched_get_priority_max(SCHED_OTHER) == 0,
       "priorities");
    FAILS(sched_get_priority_max(99), EINVAL, "sched_get_priority_max: no policy");
    OK(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0, "sched_rr_get_interval");
    memset(&attr, 0, sizeof(attr));
    OK(syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == 0 && attr.size == sizeof(attr) &&
           attr.policy == SCHED_OTHER && attr.nice == 0,
       "sched_getattr");
    FAILS(syscall(SYS_sched_getattr, 0, &attr, 8, 0), EINVAL, "sched_getattr: too little room");
    attr = (struct attr){.size = sizeof(attr), .policy = SCHED_OTHER, .nice = 3};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 3,
       "sched_setattr");
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 1), EINVAL, "sched_setattr: unknown flag");
    FAILS(getpriority(9, 0), EINVAL, "getpriority: of what?");
    OK(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19,
       "setpriority: at most 19");
    OK(sched_yield() == 0, "sched_yield");
    unsigned cpu = 9999, node = 9999;
    OK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu < 1024 && node == 0, "getcpu");
}

static void test_usage(void)
{
    struct rusage before, after, children;
    struct tms tms;
    char *memory;
    long user, cpu = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);

    getrusage(RUSAGE_SELF, &before);
    spin(50 * MS);
    /* Linux looks at each tick where it is, which need not be in the kernel. */
    do {
        memory = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (long i = 0; i < 64 << 20; i += 4096) {
            memory[i] = 1;
        }
        munmap(memory, 64 << 20);
    } while (getrusage(RUSAGE_SELF, &after) == 0 &&
             after.ru_stime.tv_sec * 1000000 + after.ru_stime.tv_usec == 0);
    OK(getrusage(RUSAGE_SELF, &after) == 0, "getrusage");
    user = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
           before.ru_utime.tv_usec + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
           after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    OK(user >= 40000, "time it has run");
    OK(after.ru_stime.tv_sec * 1000000 + after.ru_stime.tv_usec > 0, "and in the kernel");
    OK(after.ru_minflt > before.ru_minflt && after.ru_maxrss > 1000, "faults, memory");
    OK(now(CLOCK_PROCESS_CPUTIME_ID) - cpu >= 50 * MS &&
           now(CLOCK_THREAD_CPUTIME_ID) - thread >= 40 * MS,
       "clocks of CPU time");
    OK(getrusage(RUSAGE_THREAD, &after) == 0 && after.ru_utime.tv_sec + after.ru_utime.tv_usec > 0,
       "RUSAGE_THREAD");
    OK(getrusage(RUSAGE_CHILDREN, &children) == 0 && children.ru_utime.tv_usec == 0,
       "RUSAGE_CHILDREN");
    FAILS(getrusage(9, &after), EINVAL, "getrusage: of whom?");
    OK(times(&tms) != -1 && tms.tms_utime + tms.tms_stime >= 4, "times");
}

static void test_limits(void)
{
    struct rlimit limit, old;

    OK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur > 65536, "RLIMIT_STACK");
    FAILS(syscall(SYS_getrlimit, 99, &limit), EINVAL, "getrlimit: of what?");
    FAILS(syscall(SYS_prlimit64, 0, 99, NULL, &limit), EINVAL, "prlimit: of what?");
    FAILS(syscall(SYS_prlimit64, 4000000, RLIMIT_CORE, NULL, &limit), ESRCH, "prlimit: of whom?");
    FAILS(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, NULL), EFAULT, "prlimit: from nowhere");
    getrlimit(RLIMIT_CORE, &old);
    limit = (struct rlimit){5, 4};
    FAILS(setrlimit(RLIMIT_CORE, &limit), EINVAL, "setrlimit: more than the most");
    limit = (struct rlimit){0, old.rlim_max};
    OK(prlimit(getpid(), RLIMIT_CORE, &limit, &old) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 &&
           limit.rlim_cur == 0,
       "prlimit");
    getrlimit(RLIMIT_CPU, &old);
    signal(SIGXCPU, on_tick);
    ticks = 0;
    limit =
        (struct rlimit){1 + (rlim_t)(now(CLOCK_PROCESS_CPUTIME_ID) / (1000 * MS)), old.rlim_max};
    setrlimit(RLIMIT_CPU, &limit);
    while (ticks == 0) {
    }
    OK(ticks > 0, "RLIMIT_CPU: SIGXCPU"); /* or a hang */
    setrlimit(RLIMIT_CPU, &old);
}

static void test_small(void)
{
    struct utsname name;
    struct sysinfo info;
    char bytes[300] = {0}, text[17] = "";
    int value = 0;
    pid_t pid;

    OK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 &&
           strcmp(name.machine, "x86_64") == 0,
       "uname");
    FAILS(syscall(SYS_uname, 8), EFAULT, "uname: to nowhere");
    OK(sysinfo(&info) == 0 && info.totalram > 0 && info.freeram > 0 &&
           info.freeram < info.totalram && info.mem_unit == 1 && info.procs > 0 && info.uptime > 0,
       "sysinfo");
    OK(syscall(SYS_getrandom, bytes, 300, 0) == 300 && memcmp(bytes + 250, text, 17) != 0,
       "getrandom");
    FAILS(syscall(SYS_getrandom, bytes, 300, 8), EINVAL, "getrandom: unknown flag");
    FAILS(syscall(SYS_getrandom, bytes, 300, 6), EINVAL, "getrandom: both kinds");
    FAILS(syscall(SYS_getrandom, 8, 300, 0), EFAULT, "getrandom: to nowhere");
    OK(syscall(SYS_membarrier, 0, 0, 0) > 0, "membarrier: what is there");
    OK(syscall(SYS_membarrier, 16, 0, 0) == 0 && syscall(SYS_membarrier, 8, 0, 0) == 0,
       "membarrier: private, expedited");
    FAILS(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL, "membarrier: unknown");
    FAILS(syscall(SYS_membarrier, 0, 1 << 10, 0), EINVAL, "membarrier: unknown flag");
    OK(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, text) == 0 &&
           strcmp(text, "a name that is ") == 0,
       "PR_SET_NAME");
    FAILS(prctl(9999), EINVAL, "prctl: unknown");
    OK(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && prctl(PR_GET_PDEATHSIG, &value) == 0 &&
           value == SIGTERM,
       "PR_SET_PDEATHSIG");
    OK(getpid() > 0 && getppid() >= 0 && syscall(SYS_gettid) == getpid() &&
           getpgid(0) == getpgrp() && getsid(0) >= 0,
       "who it is");
    FAILS(getpgid(4000000), ESRCH, "getpgid: nobody");
    FAILS(wait(&value), ECHILD, "wait: no children");
    FAILS(waitpid(-1, &value, 0x40), EINVAL, "waitpid: unknown flag");
    OK(getuid() == geteuid() && getgid() == getegid(), "ids");
    FAILS(syscall(SYS_clone, SIGCHLD | CLONE_THREAD, NULL, NULL, NULL, 0), EINVAL,
          "clone: a thread without its memory");
    pid = (pid_t)syscall(999);
    OK(pid == -1 && errno == ENOSYS, "no such call");
}

int main(void)
{
    test_sleep();
    test_itimers();
    test_timers();
    test_timerfd();
    test_sched();
    test_usage();
    test_limits();
    test_small();
    return tap_end();
}
