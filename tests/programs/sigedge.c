/* SPDX-License-Identifier: MIT */
/*
 * Signals and clocks at the edges: x87 exceptions that nobody has looked at,
 * addresses that are none, stacks that are too small, signals that are ignored
 * and waited for, the CPU time of threads that have ended, single steps.
 */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <xmmintrin.h>

#define MS 1000000l
#define SPINS 21
#define X87_DEFAULT 0x37f
#define X87_NO_DIVIDE_MASK 0x37b
#define DIVIDE 4
#define MXCSR_DEFAULT 0x1f80
#define MXCSR_TO_ZERO 0x7f80
#define STEP 0x100

static volatile int calls, last_code;
static void *volatile last_address;
static greg_t good_rip;

static void catch (int signal, int flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

    sigaction(signal, &action, NULL);
}

static void count(int signal, siginfo_t *info, void *context)
{
    calls++;
    last_code = info->si_code;
    last_address = info->si_addr;
}

static long time_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_ms(long ms)
{
    struct timespec time = {0, ms * MS};

    nanosleep(&time, NULL);
}

static void burn(long us)
{
    long end = time_of(CLOCK_THREAD_CPUTIME_ID) + us * 1000;

    while (time_of(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
}

static void *burn_thread(void *arg)
{
    burn((long)arg);
    return NULL;
}

static void on_one_cpu(bool one)
{
    static cpu_set_t all;
    cpu_set_t first;

    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (one) {
        sched_getaffinity(0, sizeof(all), &all);
    }
    sched_setaffinity(0, sizeof(first), one ? &first : &all);
}

/* ---- x87 ------------------------------------------------------------------------- */

static void set_control(uint16_t control)
{
    __asm__ volatile("fninit; fldcw %0" ::"m"(control));
}

static unsigned x87_status(void)
{
    uint16_t status;

    __asm__ volatile("fnstsw %0" : "=m"(status));
    return status;
}

/* Leaves the flag, and the exception for the next instruction if it is not masked. */
static void divide_by_zero(void)
{
    __asm__ volatile("fld1; fldz; fdivrp" ::: "memory");
}

static void mask_x87(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    count(signal, info, context);
    user->uc_mcontext.fpregs->cwd = X87_DEFAULT;
    user->uc_mcontext.fpregs->swd = 0;
}

static void *sleep_and_look(void *arg)
{
    unsigned status = 0;

    set_control(X87_NO_DIVIDE_MASK);
    for (int i = 0; i < 10; i++) {
        sleep_ms(1);
        status |= x87_status();
        __asm__ volatile("fwait");
    }
    __asm__ volatile("fninit");
    return (void *)(uintptr_t)(status & 0x3f);
}

static void test_x87(void)
{
    pthread_t thread;
    void *status;

    on_one_cpu(true);
    catch (SIGFPE, 0, mask_x87);
    calls = 0;
    set_control(X87_NO_DIVIDE_MASK);
    divide_by_zero();
    for (int i = 0; i < 5; i++) {
        sleep_ms(1); /* other threads run */
    }
    OK(calls == 0, "an x87 exception waits while its thread sleeps");
    __asm__ volatile("fwait");
    OK(calls == 1 && last_code == FPE_FLTDIV, "until the next x87 instruction");
    calls = 0;
    set_control(X87_DEFAULT);
    pthread_create(&thread, NULL, sleep_and_look, NULL);
    divide_by_zero();
    for (int i = 0; i < 15; i++) {
        sleep_ms(1);
    }
    OK((x87_status() & DIVIDE) != 0, "its flags are a thread's own");
    __asm__ volatile("fninit");
    pthread_join(thread, &status);
    OK(status == NULL && calls == 0, "no other thread sees them");
    on_one_cpu(false);
}

/* ---- Addresses and stacks ---------------------------------------------------------- */

static void jump_nowhere(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    good_rip = user->uc_mcontext.gregs[REG_RIP];
    user->uc_mcontext.gregs[REG_RIP] = INT64_MIN;
}

static void jump_back(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    count(signal, info, context);
    user->uc_mcontext.gregs[REG_RIP] = good_rip;
}

static void test_address(void)
{
    catch (SIGUSR1, 0, jump_nowhere);
    catch (SIGSEGV, 0, jump_back);
    calls = 0;
    raise(SIGUSR1);
    OK(calls == 1 && last_code == 0x80 /* SI_KERNEL */,
       "to go on at an address that is none: SIGSEGV");
}

/* The frame fits or not, by how large the vector registers are. */
static void test_small_stack(void)
{
    size_t size = 65536;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = area + size - 2048, .ss_size = 2048}, off = {.ss_flags = SS_DISABLE};
    bool clean = true;

    tap_need(area != MAP_FAILED && syscall(SYS_sigaltstack, &stack, NULL) == 0, "sigaltstack");
    catch (SIGUSR1, SA_ONSTACK, count);
    catch (SIGSEGV, 0, count);
    calls = 0;
    raise(SIGUSR1);
    for (size_t i = 0; i < size - 2048; i++) {
        clean = clean && area[i] == 0;
    }
    OK(calls == 1, "a handler on a small stack, or SIGSEGV");
    OK(clean, "nothing is written below the alternate stack");
    syscall(SYS_sigaltstack, &off, NULL);
    munmap(area, size);
}

static void skip_load(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;

    count(signal, info, context);
    user->uc_mcontext.gregs[REG_RIP] += 2;
}

static void test_fault_tells(void)
{
    struct rlimit old, none;

    getrlimit(RLIMIT_SIGPENDING, &old);
    none = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_SIGPENDING, &none);
    catch (SIGSEGV, 0, skip_load);
    __asm__ volatile("mov $0x18, %%eax\n mov (%%rax), %%al" ::: "rax");
    OK(last_address == (void *)0x18 && last_code == SEGV_MAPERR,
       "a fault tells its address whatever RLIMIT_SIGPENDING is");
    setrlimit(RLIMIT_SIGPENDING, &old);
}

/* ---- Two handlers at once ----------------------------------------------------------- */

static volatile unsigned mxcsr[4];
static volatile int begun;

static void note_mxcsr(int signal, siginfo_t *info, void *context)
{
    mxcsr[begun++ & 3] = _mm_getcsr();
}

static void test_two_handlers(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    catch (SIGUSR1, 0, note_mxcsr);
    catch (SIGUSR2, 0, note_mxcsr);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    raise(SIGUSR2);
    _mm_setcsr(MXCSR_TO_ZERO);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    OK(_mm_getcsr() == MXCSR_TO_ZERO, "two handlers at once: MXCSR is as it was");
    _mm_setcsr(MXCSR_DEFAULT);
    OK(begun == 2 && mxcsr[0] == MXCSR_DEFAULT && mxcsr[1] == MXCSR_DEFAULT,
       "and both begin with the initial one");
}

/* ---- Waiting for what is ignored ------------------------------------------------------ */

static pthread_t main_thread;

static void *send_later(void *arg)
{
    sleep_ms(30);
    pthread_kill(main_thread, (int)(intptr_t)arg);
    return NULL;
}

static void test_ignored(int signal, const char *name)
{
    struct timespec limit = {60, 0}; /* for one that never comes */
    pthread_t thread;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, send_later, (void *)(intptr_t)signal);
    OK(sigtimedwait(&set, NULL, &limit) == signal, name);
    pthread_join(thread, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- CPU time ---------------------------------------------------------------------- */

/* Asks for no clock: that would charge it. */
static void *spin_thread(void *arg)
{
    for (volatile int i = 0; i < 1000000; i++) {
    }
    return NULL;
}

static int compare(const void *one, const void *other)
{
    long a = *(const long *)one, b = *(const long *)other;

    return (a > b) - (a < b);
}

/*
 * By turns, and the least of each: a CPU may be slower for a while, and a machine
 * whose host does something else in between counts that as its own time.
 */
static void test_cpu_time(void)
{
    long own[SPINS], others[SPINS];
    pthread_t thread;

    for (int i = 0; i < SPINS; i++) {
        long start = time_of(CLOCK_PROCESS_CPUTIME_ID), ended;

        spin_thread(NULL);
        ended = time_of(CLOCK_PROCESS_CPUTIME_ID);
        pthread_create(&thread, NULL, spin_thread, NULL);
        pthread_join(thread, NULL);
        own[i] = ended - start;
        others[i] = time_of(CLOCK_PROCESS_CPUTIME_ID) - ended;
    }
    qsort(own, SPINS, sizeof(*own), compare);
    qsort(others, SPINS, sizeof(*others), compare);
    printf("# %ld us in a thread, %ld us here\n", others[0] / 1000, own[0] / 1000);
    OK(others[0] >= own[0] * 3 / 4, "the CPU time of threads that have ended is in the process's");
}

static void test_thread_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec spec = {{0, 0}, {0, 50 * MS}}, left;
    pthread_t thread;
    timer_t timer;
    long start, rest, used;
    int came;

    on_one_cpu(true); /* so that it is looked at while others run */
    catch (SIGUSR1, 0, count);
    calls = 0;
    start = time_of(CLOCK_THREAD_CPUTIME_ID);
    tap_need(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0, "timer_create");
    timer_settime(timer, 0, &spec, NULL);
    pthread_create(&thread, NULL, burn_thread, (void *)300000);
    pthread_join(thread, NULL);
    came = calls;
    tap_need(timer_gettime(timer, &left) == 0, "timer_gettime");
    rest = left.it_value.tv_nsec;
    used = time_of(CLOCK_THREAD_CPUTIME_ID) - start; /* little, if the host lets it run */
    OK(came == 0 || used >= 50 * MS, "a timer of a thread's time does not count that of others");
    OK(rest >= 50 * MS - used - 10 * MS, "it has time left");
    while (calls == 0) {
        burn(1000);
    }
    OK(calls == 1 && time_of(CLOCK_THREAD_CPUTIME_ID) - start >= 50 * MS, "but the thread's own");
    timer_delete(timer);
    on_one_cpu(false);
}

static void *burn_later(void *stop)
{
    sleep_ms(60);
    while (!atomic_load((_Atomic bool *)stop)) {
        burn(1000);
    }
    return NULL;
}

static void test_cpu_sleep(void)
{
    struct timespec time = {0, 30 * MS};
    long before, took;
    _Atomic bool stop = false;
    pthread_t thread;

    pthread_create(&thread, NULL, burn_later, &stop);
    before = time_of(CLOCK_PROCESS_CPUTIME_ID);
    OK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &time, NULL) == 0, "to sleep for CPU time");
    took = time_of(CLOCK_PROCESS_CPUTIME_ID) - before;
    OK(took >= 30 * MS, "until the process has had it");
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

/* ---- Steps --------------------------------------------------------------------------- */

static void test_steps(void)
{
    catch (SIGTRAP, 0, count);
    calls = 0;
    __asm__ volatile("pushfq; orl %0, (%%rsp); popfq" ::"i"(STEP) : "memory", "cc");
    getppid();
    __asm__ volatile("pushfq; andl %0, (%%rsp); popfq" ::"i"(~STEP) : "memory", "cc");
    OK(calls > 1, "single steps into a system call");
}

int main(void)
{
    main_thread = pthread_self();
    test_cpu_time();
    test_thread_timer();
    test_cpu_sleep();
    test_fault_tells();
    test_two_handlers();
    test_small_stack();
    signal(SIGUSR2, SIG_IGN);
    test_ignored(SIGUSR2, "sigtimedwait: what SIG_IGN ignores");
    test_ignored(SIGCHLD, "sigtimedwait: what is ignored by default");
    test_address();
    test_x87();
    test_steps();
    return tap_end();
}
