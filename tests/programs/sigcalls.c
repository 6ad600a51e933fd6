/* SPDX-License-Identifier: MIT */
/*
 * Signals: which calls start again and which do not, codes, queues and their
 * limit, the alternate stack, vector registers across a handler, sigtimedwait,
 * signalfd, what the calls refuse.
 */
#include "tap.h"

#include <fcntl.h>
#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define BIT(n) (1ull << ((n)-1))

static _Atomic int calls, last_code, last_value, last_pid;
static volatile void *last_address;

static void count(int signal, siginfo_t *info, void *context)
{
    atomic_fetch_add(&calls, 1);
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
    last_pid = info->si_pid;
}

static void catch (int signal, int flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

    sigaction(signal, &action, NULL);
}

/* ---- Interrupted calls ------------------------------------------------------------ */

static int pipe_fd[2], full_pipe[2], pair[2], lock_fd, other_lock, event_fd, timer_fd, epoll_fd,
    signal_fd;
static pthread_t main_thread;
static char page[4096];

enum call {
    READ,
    WRITE,
    READV,
    POLL,
    PPOLL,
    SELECT,
    EPOLL,
    NANOSLEEP,
    CLOCK,
    CLOCK_ABS,
    FUTEX,
    FUTEX_TIMED,
    FUTEX_BITS,
    PAUSE,
    SUSPEND,
    WAITINFO,
    EVENT,
    TIMER,
    SIGNALFD,
    RECV,
    FLOCK,
    FCNTL,
    OPEN_FIFO,
    CALLS
};
static const char *const names[] = {"read of a pipe",
                                    "write to a pipe",
                                    "readv",
                                    "poll",
                                    "ppoll",
                                    "select",
                                    "epoll_wait",
                                    "nanosleep",
                                    "clock_nanosleep",
                                    "clock_nanosleep, absolute",
                                    "futex",
                                    "futex with a time-out",
                                    "futex, absolute",
                                    "pause",
                                    "sigsuspend",
                                    "sigtimedwait",
                                    "read of an eventfd",
                                    "read of a timerfd",
                                    "read of a signalfd",
                                    "recv",
                                    "flock",
                                    "fcntl(F_SETLKW)",
                                    "open of a FIFO"};
/* Those that go on with SA_RESTART. */
static const bool restarts[] = {
    [READ] = true,  [WRITE] = true, [READV] = true,     [FUTEX] = true,
    [EVENT] = true, [TIMER] = true, [SIGNALFD] = true,  [RECV] = true,
    [FLOCK] = true, [FCNTL] = true, [OPEN_FIFO] = true, [CALLS] = false};

static struct timespec after(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static uint32_t word;
static char fifo_path[80];

static long make_call(enum call call)
{
    struct timespec time = {20, 0}, until;
    struct pollfd poll_set = {pipe_fd[0], POLLIN, 0};
    struct epoll_event event;
    struct iovec vector = {page, 1};
    struct flock record = {.l_type = F_WRLCK};
    uint64_t value;
    sigset_t none;
    fd_set set;

    sigemptyset(&none);
    switch (call) {
    case READ:
        return read(pipe_fd[0], page, 1);
    case WRITE:
        return write(full_pipe[1], page, sizeof(page));
    case READV:
        return readv(pipe_fd[0], &vector, 1);
    case POLL:
        return poll(&poll_set, 1, 20000);
    case PPOLL:
        return ppoll(&poll_set, 1, &time, &none);
    case SELECT:
        FD_ZERO(&set);
        FD_SET(pipe_fd[0], &set);
        return select(pipe_fd[0] + 1, &set, NULL, NULL, &(struct timeval){20, 0});
    case EPOLL:
        return epoll_wait(epoll_fd, &event, 1, 20000);
    case NANOSLEEP:
        return nanosleep(&time, &time);
    case CLOCK:
        errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
        return errno != 0 ? -1 : 0;
    case CLOCK_ABS:
        until = after(CLOCK_MONOTONIC, 20000);
        errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        return errno != 0 ? -1 : 0;
    case FUTEX:
        return syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    case FUTEX_TIMED:
        return syscall(SYS_futex, &word, 0, 0, &time, NULL, 0);
    case FUTEX_BITS:
        until = after(CLOCK_MONOTONIC, 20000);
        return syscall(SYS_futex, &word, 9, 0, &until, NULL, ~0u);
    case PAUSE:
        return pause();
    case SUSPEND:
        return sigsuspend(&none);
    case WAITINFO:
        sigaddset(&none, SIGUSR2);
        return syscall(SYS_rt_sigtimedwait, &none, NULL, &time, 8);
    case EVENT:
        return read(event_fd, &value, 8);
    case TIMER:
        return read(timer_fd, &value, 8);
    case SIGNALFD:
        return read(signal_fd, page, 128);
    case RECV:
        return recv(pair[0], page, 1, 0);
    case FLOCK:
        return flock(other_lock, LOCK_EX);
    case FCNTL:
        return fcntl(other_lock, 38 /* F_OFD_SETLKW */, &record);
    case OPEN_FIFO:
        return open(fifo_path, O_WRONLY);
    default:
        return 0;
    }
}

static void let_go(enum call call)
{
    uint64_t one = 1;
    struct itimerspec soon = {{0, 0}, {0, 1}};
    struct flock unlock = {.l_type = F_UNLCK};

    switch (call) {
    case READ:
    case READV:
        (void)!write(pipe_fd[1], "x", 1);
        break;
    case WRITE:
        (void)!read(full_pipe[0], page, sizeof(page));
        break;
    case FUTEX:
        word = 1;
        syscall(SYS_futex, &word, 1, 1, NULL, NULL, 0);
        break;
    case EVENT:
        (void)!write(event_fd, &one, 8);
        break;
    case TIMER:
        timerfd_settime(timer_fd, 0, &soon, NULL);
        break;
    case SIGNALFD:
        pthread_kill(main_thread, SIGUSR2);
        break;
    case RECV:
        send(pair[1], "x", 1, 0);
        break;
    case FLOCK:
        flock(lock_fd, LOCK_UN);
        break;
    case FCNTL:
        fcntl(lock_fd, 37, &unlock);
        break;
    case OPEN_FIFO:
        close(open(fifo_path, O_RDONLY | O_NONBLOCK));
        break;
    default:
        break;
    }
}

static _Atomic bool returned;
static int main_tid;

struct plan {
    enum call call;
    bool again; /* it is to go on behind the handler */
};

/*
 * A call that ends is not let go: what does that would be found by the next one.  Ten
 * seconds are for one that should have ended and has not.
 */
static void *disturb(void *arg)
{
    const struct plan *plan = arg;
    int before = calls;

    tap_until_asleep(main_tid);
    pthread_kill(main_thread, SIGUSR1);
    while (calls == before) {
        usleep(200);
    }
    for (int i = 0; i < 10000 && !plan->again && !returned; i++) {
        usleep(1000);
    }
    if (!returned) {
        tap_until_asleep(main_tid);
        let_go(plan->call);
    }
    return NULL;
}

static void test_interrupted(bool restart)
{
    struct flock record = {.l_type = F_WRLCK};
    char label[96];
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    catch (SIGUSR1, restart ? SA_RESTART : 0, count);
    for (enum call call = 0; call < CALLS; call++) {
        bool again = restart && restarts[call];
        struct plan plan = {call, again};
        pthread_t helper;
        long result;

        word = 0;
        if (call == FLOCK) {
            flock(lock_fd, LOCK_EX);
        } else if (call == FCNTL) {
            fcntl(lock_fd, 37 /* F_OFD_SETLK */, &record);
        }
        returned = false;
        /* The helper has the signal blocked, so it is this thread that is interrupted. */
        pthread_sigmask(SIG_BLOCK, &mask, NULL);
        pthread_create(&helper, NULL, disturb, &plan);
        pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
        errno = 0;
        result = make_call(call);
        int error = errno;
        returned = true;
        snprintf(label, sizeof(label), "%s: %s", restart ? "SA_RESTART" : "no SA_RESTART",
                 names[call]);
        errno = error;
        OK(again ? result >= 0 : result == -1 && error == EINTR, label);
        pthread_join(helper, NULL);
        if (call == OPEN_FIFO && result >= 0) {
            close((int)result);
        }
        flock(lock_fd, LOCK_UN);
        flock(other_lock, LOCK_UN);
        record.l_type = F_UNLCK;
        fcntl(lock_fd, 37, &record), fcntl(other_lock, 37, &record);
        record.l_type = F_WRLCK;
    }
}

static void prepare_calls(void)
{
    const char *folder = tap_folder();
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t set;
    char path[80];

    main_thread = pthread_self();
    main_tid = (int)syscall(SYS_gettid);
    tap_need(pipe(pipe_fd) == 0 && pipe(full_pipe) == 0 &&
                 socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0,
             "pipe");
    fcntl(full_pipe[1], F_SETFL, O_NONBLOCK);
    while (write(full_pipe[1], page, sizeof(page)) > 0) {
    }
    fcntl(full_pipe[1], F_SETFL, 0);
    snprintf(path, sizeof(path), "%s/lock", folder);
    snprintf(fifo_path, sizeof(fifo_path), "%s/fifo", folder);
    lock_fd = open(path, O_RDWR | O_CREAT, 0600);
    other_lock = open(path, O_RDWR);
    tap_need(mknod(fifo_path, S_IFIFO | 0600, 0) == 0 && other_lock >= 0, "mkfifo");
    event_fd = eventfd(0, 0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    epoll_fd = epoll_create1(0);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fd[0], &event);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal_fd = signalfd(-1, &set, 0);
}

static void clean_calls(void)
{
    char *slash = strrchr(fifo_path, '/');

    unlink(fifo_path);
    strcpy(slash, "/lock");
    unlink(fifo_path);
    *slash = '\0';
    rmdir(fifo_path);
}

/* ---- Codes and queues ----------------------------------------------------------------- */

static void test_codes(void)
{
    union sigval value = {.sival_int = 77};
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 5}};
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    timer_t timer;
    siginfo_t info = {0};
    int before;

    catch (SIGUSR1, 0, count);
    kill(getpid(), SIGUSR1);
    OK(last_code == SI_USER && last_pid == getpid(), "SI_USER");
    pthread_kill(pthread_self(), SIGUSR1);
    OK(last_code == SI_TKILL && last_pid == getpid(), "SI_TKILL");
    OK(sigqueue(getpid(), SIGUSR1, value) == 0 && last_code == SI_QUEUE && last_value == 77,
       "SI_QUEUE");
    before = calls;
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
           timer_settime(timer, 0, &soon, NULL) == 0,
       "a timer");
    while (calls == before) {
        usleep(1000);
    }
    OK(last_code == SI_TIMER && last_value == 5, "SI_TIMER");
    timer_delete(timer);
    info.si_code = SI_USER;
    OK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info) == 0,
       "rt_sigqueueinfo to itself: any code");
    FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), 99, &info), EINVAL,
          "rt_sigqueueinfo: no such signal");
    FAILS(syscall(SYS_rt_sigqueueinfo, 4000000, SIGUSR1, &info), EPERM,
          "rt_sigqueueinfo: a code of the kernel's");
    info.si_code = SI_QUEUE;
    FAILS(syscall(SYS_rt_sigqueueinfo, 4000000, SIGUSR1, &info), ESRCH,
          "rt_sigqueueinfo: no such process");
    FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 8), EFAULT,
          "rt_sigqueueinfo: from nowhere");
    FAILS(kill(4000000, 0), ESRCH, "kill: nobody");
    FAILS(kill(getpid(), 65), EINVAL, "kill: no such signal");
    OK(kill(getpid(), 0) == 0 && kill(0, 0) == 0, "kill: is it there?");
    FAILS(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL, "tgkill: no thread");
    FAILS(syscall(SYS_tgkill, getpid(), 4000000, SIGUSR1), ESRCH, "tgkill: not a thread");
    FAILS(syscall(SYS_tgkill, 4000000, main_tid, SIGUSR1), ESRCH, "tgkill: not of that process");
    FAILS(syscall(SYS_tkill, main_tid, 65), EINVAL, "tkill: no such signal");
}

static volatile int order[16], ordered;

static void note(int signal, siginfo_t *info, void *context)
{
    order[ordered++ & 15] = info->si_value.sival_int;
}

static void test_queue(void)
{
    struct rlimit old, few;
    sigset_t set;
    int queued = 0;

    catch (SIGRTMIN, 0, note);
    catch (SIGRTMIN + 1, 0, note);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) {
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i});
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    }
    calls = 0;
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    OK(ordered == 6 && order[0] == 10, "real-time signals are queued");
    /* Each handler is interrupted by the next signal at once: the last begun is the first. */
    OK(calls == 1, "others are not");
    sigprocmask(SIG_BLOCK, &set, NULL);
    getrlimit(RLIMIT_SIGPENDING, &old);
    few = (struct rlimit){5, old.rlim_max};
    setrlimit(RLIMIT_SIGPENDING, &few);
    while (queued < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 0}) == 0) {
        queued++;
    }
    OK(queued <= 5 && errno == EAGAIN, "RLIMIT_SIGPENDING");
    OK(kill(getpid(), SIGRTMIN + 1) == 0, "kill is not bound by it");
    setrlimit(RLIMIT_SIGPENDING, &old);
    ordered = 0;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    printf("# %d queued, %d arrived\n", queued, ordered);
    OK(ordered == queued + 1, "all that were accepted arrive");
}

static void test_wait(void)
{
    struct timespec zero = {0, 0}, bad = {0, 2000000000};
    sigset_t set, pending;
    siginfo_t info;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN, "sigtimedwait: nothing");
    FAILS(sigtimedwait(&set, &info, &bad), EINVAL, "sigtimedwait: bad time");
    FAILS(syscall(SYS_rt_sigtimedwait, &set, &info, &zero, 4), EINVAL, "sigtimedwait: bad size");
    sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 3});
    kill(getpid(), SIGTERM);
    OK(sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1 &&
           sigismember(&pending, SIGUSR1) == 0,
       "sigpending");
    OK(sigtimedwait(&set, &info, &zero) == SIGTERM && info.si_signo == SIGTERM,
       "sigtimedwait: the lowest first");
    OK(sigtimedwait(&set, &info, NULL) == SIGRTMIN + 2 && info.si_code == SI_QUEUE &&
           info.si_value.sival_int == 3,
       "sigtimedwait: its value");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    FAILS(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL, "sigaction: no such signal");
    FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL, "sigaction: bad size");
    FAILS(syscall(SYS_rt_sigaction, SIGKILL, &(uint64_t[4]){1}, NULL, 8), EINVAL,
          "sigaction: SIGKILL");
    OK(syscall(SYS_rt_sigaction, SIGKILL, NULL, &(uint64_t[4]){1}, 8) == 0,
       "sigaction: SIGKILL, asked");
    FAILS(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8), EINVAL, "sigprocmask: bad operation");
    FAILS(syscall(SYS_rt_sigprocmask, 0, 8, NULL, 8), EFAULT, "sigprocmask: from nowhere");
    FAILS(syscall(SYS_rt_sigprocmask, 0, &set, NULL, 16), EINVAL, "sigprocmask: bad size");
    FAILS(syscall(SYS_rt_sigsuspend, &set, 4), EINVAL, "sigsuspend: bad size");
}

static void test_signalfd(void)
{
    struct signalfd_siginfo info[4];
    sigset_t set;
    struct pollfd poll_set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    sigaddset(&set, SIGKILL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    poll_set = (struct pollfd){fd, POLLIN, 0};
    OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "signalfd");
    FAILS(read(fd, info, sizeof(info)), EAGAIN, "signalfd: nothing");
    FAILS(read(fd, info, 100), EINVAL, "signalfd: too little room");
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 1});
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 2});
    OK(poll(&poll_set, 1, 0) == 1 && read(fd, info, sizeof(info)) == 256 && info[0].ssi_int == 1 &&
           info[1].ssi_int == 2 && info[1].ssi_signo == (unsigned)SIGRTMIN + 3 &&
           info[0].ssi_code == SI_QUEUE && info[0].ssi_pid == (unsigned)getpid(),
       "signalfd: both at once");
    FAILS(signalfd(pipe_fd[0], &set, 0), EINVAL, "signalfd: not one");
    FAILS(signalfd(900, &set, 0), EBADF, "signalfd: no descriptor");
    FAILS(signalfd(-1, &set, 1), EINVAL, "signalfd: unknown flag");
    FAILS(write(fd, info, 128), EINVAL, "signalfd: written");
    close(fd);
}

/* ---- Stacks, flags, registers -------------------------------------------------------------- */

static char *alt;
static volatile bool on_alt;
static int alt_error, alt_flags;

static void on_stack(int signal, siginfo_t *info, void *context)
{
    char here;
    stack_t stack = {.ss_sp = alt, .ss_size = 65536}, old;
    ucontext_t *user = context;

    on_alt = &here > alt && &here < alt + 65536;
    errno = 0;
    alt_error = sigaltstack(&stack, &old) == -1 ? errno : 0;
    alt_flags = sigaltstack(NULL, &old) == 0 ? old.ss_flags : -1;
    on_alt = on_alt && user->uc_stack.ss_sp == alt && user->uc_stack.ss_size == 65536;
}

static void test_stack(void)
{
    stack_t stack, old, off = {.ss_flags = SS_DISABLE};

    alt = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack = (stack_t){.ss_sp = alt, .ss_size = 65536};
    OK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE, "sigaltstack: none");
    FAILS(syscall(SYS_sigaltstack, &(stack_t){.ss_sp = alt, .ss_size = 100}, NULL), ENOMEM,
          "sigaltstack: too small");
    FAILS(
        syscall(SYS_sigaltstack, &(stack_t){.ss_sp = alt, .ss_size = 65536, .ss_flags = 77}, NULL),
        EINVAL, "sigaltstack: unknown flag");
    FAILS(syscall(SYS_sigaltstack, 8, NULL), EFAULT, "sigaltstack: from nowhere");
    OK(sigaltstack(&stack, NULL) == 0, "sigaltstack");
    catch (SIGUSR1, SA_ONSTACK, on_stack);
    raise(SIGUSR1);
    OK(on_alt, "the handler runs there");
    OK(alt_error == EPERM && alt_flags == SS_ONSTACK, "which is not changed meanwhile");
    catch (SIGUSR1, 0, on_stack);
    raise(SIGUSR1);
    OK(!on_alt && alt_error == 0, "without SA_ONSTACK it runs here");
    stack.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
    OK(sigaltstack(&stack, NULL) == 0, "SS_AUTODISARM");
    catch (SIGUSR1, SA_ONSTACK, on_stack);
    raise(SIGUSR1);
    OK(on_alt && alt_error == 0, "it may be changed there");
    OK(sigaltstack(&off, &old) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE,
       "SS_DISABLE");
}

static volatile int depth, deepest, begun;

static void nest(int signal, siginfo_t *info, void *context)
{
    depth++;
    deepest = depth > deepest ? depth : deepest;
    if (begun++ < 2) {
        raise(signal);
    }
    depth--;
}

static void test_flags(void)
{
    struct sigaction action;

    catch (SIGUSR1, 0, nest);
    raise(SIGUSR1);
    OK(deepest == 1 && begun == 3, "a signal is blocked in its own handler");
    deepest = begun = 0;
    catch (SIGUSR1, SA_NODEFER, nest);
    raise(SIGUSR1);
    OK(deepest == 3, "SA_NODEFER");
    catch (SIGUSR1, (int)SA_RESETHAND, count);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    OK(action.sa_handler == SIG_DFL, "SA_RESETHAND");
    signal(SIGUSR1, SIG_IGN);
    OK(raise(SIGUSR1) == 0, "SIG_IGN");
}

__attribute__((target("avx"))) static void spoil(int signal, siginfo_t *info, void *context)
{
    __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n"
                     "vmovaps %%ymm0, %%ymm7\n vmovaps %%ymm0, %%ymm15\n fldpi\n" ::
                         : "memory");
}

__attribute__((target("avx"))) static bool vectors_survive(void)
{
    static const uint64_t in[4] = {1, 2, 3, 4};
    uint64_t seven[4], fifteen[4];
    long self = getpid();

    /* kill(2) by hand: everything between is ours. */
    __asm__ volatile("vmovupd %[in], %%ymm7\n vmovupd %[in], %%ymm15\n syscall\n"
                     "vmovupd %%ymm7, %[seven]\n vmovupd %%ymm15, %[fifteen]\n"
                     : [seven] "=m"(seven), [fifteen] "=m"(fifteen), "+D"(self)
                     : [in] "m"(in), "a"(SYS_kill), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "xmm7", "xmm15");
    return memcmp(seven, in, sizeof(in)) == 0 && memcmp(fifteen, in, sizeof(in)) == 0;
}

static void change(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    user->uc_mcontext.gregs[REG_RBX] = 4711;
    user->uc_mcontext.fpregs->_xmm[0].element[0] = 0x42280000; /* 42.0f */
}

static bool context_changes(void)
{
    long self = getpid(), rbx = 0;
    float xmm = 0;

    __asm__ volatile(
        "mov $0, %%rbx\n xorps %%xmm0, %%xmm0\n syscall\n mov %%rbx, %[rbx]\n movss %%xmm0, %[xmm]\n"
        : [rbx] "=m"(rbx), [xmm] "=m"(xmm), "+D"(self)
        : "a"(SYS_kill), "S"(SIGUSR1)
        : "rcx", "r11", "rbx", "memory", "xmm0");
    return rbx == 4711 && xmm == 42.0f;
}

static void test_registers(void)
{
    catch (SIGUSR1, 0, spoil);
    if (__builtin_cpu_supports("avx")) {
        OK(vectors_survive(), "the upper halves of vector registers survive a handler");
    } else {
        printf("ok %d - vectors # SKIP no AVX\n", ++tap_tests);
    }
    catch (SIGUSR1, 0, change);
    OK(context_changes(), "what a handler changes in the context is in force");
}

static volatile int fault_code, fault_trap;

static void skip_fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    fault_code = signal << 8 | info->si_code;
    fault_trap = (int)user->uc_mcontext.gregs[REG_TRAPNO];
    last_address = info->si_addr;
    user->uc_mcontext.gregs[REG_RIP] += 2;
}

static void test_faults(void)
{
    catch (SIGILL, 0, skip_fault);
    catch (SIGFPE, 0, skip_fault);
    catch (SIGSEGV, 0, skip_fault);
    __asm__ volatile("ud2");
    OK(fault_code == (SIGILL << 8 | ILL_ILLOPN) && fault_trap == 6, "SIGILL");
    __asm__ volatile("xor %%edx, %%edx\n xor %%ecx, %%ecx\n mov $1, %%eax\n div %%ecx" ::
                         : "rax", "rcx", "rdx");
    OK(fault_code == (SIGFPE << 8 | FPE_INTDIV) && fault_trap == 0, "SIGFPE");
    __asm__ volatile("mov $0x4000000000000000, %%rax\n mov (%%rax), %%al" ::: "rax");
    OK(fault_code == (SIGSEGV << 8 | 0x80) && fault_trap == 13 && last_address == NULL,
       "a non-canonical address");
    catch (SIGTRAP, 0, count);
    __asm__ volatile("int3");
    OK(last_code == 0x80 /* SI_KERNEL */, "SIGTRAP");
}

/* ---- Stopping ---------------------------------------------------------------------------- */

static void test_stop(void)
{
    sigset_t set, pending;

    catch (SIGCONT, 0, count);
    calls = 0;
    kill(getpid(), SIGCONT);
    OK(calls == 1, "SIGCONT is caught");
    catch (SIGTSTP, 0, count);
    kill(getpid(), SIGTSTP);
    OK(calls == 2, "SIGTSTP is caught");
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGTSTP);
    sigpending(&pending);
    OK(sigismember(&pending, SIGTSTP) == 1, "SIGTSTP waits while it is blocked");
    kill(getpid(), SIGCONT);
    sigpending(&pending);
    OK(sigismember(&pending, SIGTSTP) == 0 && sigismember(&pending, SIGCONT) == 1,
       "SIGCONT takes it away");
    kill(getpid(), SIGTSTP);
    sigpending(&pending);
    OK(sigismember(&pending, SIGTSTP) == 1 && sigismember(&pending, SIGCONT) == 0,
       "and the other way round");
    kill(getpid(), SIGCONT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A thread that waits in the kernel meanwhile, and does not notice. */
static void *wait_on(void *arg)
{
    char byte;

    return (void *)read(*(int *)arg, &byte, 1);
}

static void test_sigstop(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
    struct itimerspec later[] = {{{0, 0}, {0, 30000000}}, {{0, 0}, {1, 0}}, {{0, 0}, {20, 0}}};
    timer_t timer[3];
    pthread_t thread;
    sigset_t set, pending;
    void *got;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, wait_on, &pipe_fd[0]);
    usleep(2000);
    for (int i = 0; i < 3; i++) {
        tap_need(timer_create(CLOCK_MONOTONIC, &event, &timer[i]) == 0, "timer_create");
        timer_settime(timer[i], 0, &later[i], NULL);
    }
    /* A SIGCONT that has come already is taken away: the one that is there came while it held. */
    kill(getpid(), SIGSTOP);
    sigpending(&pending);
    OK(sigismember(&pending, SIGCONT) == 1, "SIGSTOP holds it until SIGCONT");
    (void)!write(pipe_fd[1], "x", 1);
    pthread_join(thread, &got);
    OK(got == (void *)1, "a thread that waits goes on waiting");
    for (int i = 0; i < 3; i++) {
        timer_delete(timer[i]);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
    alarm(90);
    prepare_calls();
    test_interrupted(false);
    test_interrupted(true);
    clean_calls();
    test_codes();
    test_queue();
    test_wait();
    test_signalfd();
    test_stack();
    test_flags();
    test_registers();
    test_faults();
    test_stop();
    test_sigstop();
    return tap_end();
}
