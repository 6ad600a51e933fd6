/* SPDX-License-Identifier: MIT */
/*
 * The end of a machine on which something is broken: panic() and its kin.
 *
 * The first CPU that panics wins an atomic and reports; the others are
 * stopped by NMI, or stop when they panic themselves.  The report runs on a
 * stack of its own, because the caller's may be all but full, and takes no
 * lock.  It prints the cause first and what is less and less sure to work
 * after it: registers, backtraces, trace events.  A fault on the way ends it
 * with one more line.
 *
 * Rejected: a dump of all threads (that needs their list's lock; tools/gdb
 * has it), and a restart.
 */
#include <kernel/panic.h>

#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/print.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <stdatomic.h>

#include "debug_priv.h"

#define CAUSE_SIZE 256
#define STOP_WAIT_MSEC 100
#define TRACE_EVENTS_SHOWN 40
#define TSC_KHZ_GUESS 3000000 /* before the clock is set up */

/* Where the code that panicked stands. */
struct origin {
    u64 rip, rbp;
    u64 rsp; /* 0: called panic() */
};

/* (a) atomic   (o) the CPU that owns the panic */
static struct {
    _Atomic u32 owner;              /* (a) 1 + its id; 0: no panic */
    unsigned depth;                 /* (o) panics in this panic */
    const struct trap_frame *frame; /* (o) NULL: not from a trap */
    u64 fault_address;              /* (o) CR2, if `frame` */
    bool from_app;                  /* (o) what trap_from_app() said, if `frame` */
    bool alone;                     /* (o) the others have been stopped, or as good as */
    struct origin at;               /* (o) */
    char cause[CAUSE_SIZE];         /* (o) */
    u8 stack[8 * KIB] aligned_to(16);
} state;

bool panic_active(void)
{
    return atomic_load_explicit(&state.owner, memory_order_relaxed) != 0;
}

static noreturn void stop_here(u64 rip, u64 rbp, u64 rsp)
{
    struct cpu *cpu = this_cpu();

    cpu->panic_rip = rip;
    cpu->panic_rbp = rbp;
    cpu->panic_rsp = rsp;
    atomic_store_explicit(&cpu->stopped, true, memory_order_release);
    for (;;) {
        irq_disable();
        __asm__ volatile("hlt");
    }
}

void panic_stop_cpu(const struct trap_frame *frame)
{
    stop_here(frame->rip, frame->rbp, frame->rsp);
}

static bool all_stopped(u64 mask)
{
    for (unsigned i = 0; i < cpu_count(); i++) {
        if ((mask >> i & 1) != 0 &&
            !atomic_load_explicit(&cpu_get(i)->stopped, memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

/* A CPU that does not answer in time is left as it is; print_cpu() says so. */
static void stop_others(void)
{
    u64 khz = clock_tsc_khz() != 0 ? clock_tsc_khz() : TSC_KHZ_GUESS;
    u64 start = rdtsc();
    u64 mask = 0;

    for (unsigned i = 0; i < cpu_count(); i++) {
        mask |= i != cpu_id() ? 1ull << i : 0;
    }
    if (mask == 0 || state.alone) {
        return;
    }
    state.alone = true;
    cpu_send_nmi(mask);
    while (!all_stopped(mask) && rdtsc() - start < khz * STOP_WAIT_MSEC) {
        cpu_pause();
    }
}

static void print_thread(const struct cpu *cpu)
{
    const struct thread *thread = cpu->current;
    u64 probe;

    if (thread == NULL) {
        kprintf("no thread\n");
    } else if (!debug_peek((vaddr_t)thread, &probe) || thread->magic != THREAD_MAGIC) {
        kprintf("thread structure at %p is broken\n", (const void *)thread);
    } else {
        kprintf("thread %u '%.*s'\n", thread->tid, THREAD_NAME, thread->name);
    }
}

static void print_other(unsigned id)
{
    const struct cpu *cpu = cpu_get(id);

    kprintf("backtrace of CPU %u, ", id);
    print_thread(cpu);
    if (atomic_load_explicit(&cpu->stopped, memory_order_acquire)) {
        debug_backtrace(cpu->panic_rip, cpu->panic_rbp, cpu->panic_rsp);
    } else {
        kprintf("  it did not answer within %u ms\n", STOP_WAIT_MSEC);
    }
}

static noreturn void report(void)
{
    console_panic();
    stop_others();
    kprintf("panic: %s\n", state.cause);
    if (state.frame != NULL) {
        debug_print_cause(state.frame, state.fault_address, state.from_app);
    }
    kprintf("  on CPU %u of %u, ", cpu_id(), cpu_count());
    print_thread(this_cpu());
    if (state.frame != NULL) {
        debug_print_registers(state.frame, state.fault_address);
    }
    kprintf("backtrace of CPU %u:\n", cpu_id());
    debug_backtrace(state.at.rip, state.at.rbp, state.at.rsp);
    for (unsigned i = 0; i < cpu_count(); i++) {
        if (i != cpu_id()) {
            print_other(i);
        }
    }
    kprintf("last events:\n");
    trace_dump(TRACE_EVENTS_SHOWN);
    machine_exit(EXIT_PANIC);
}

/* From here on a trap counts as one that hit the kernel's stack. */
static noreturn void report_on_own_stack(void)
{
    this_cpu()->kstack_top = (u64)state.stack + sizeof(state.stack);
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "call *%1" ::"r"(state.stack + sizeof(state.stack)),
                     "r"(report)
                     : "memory");
    __builtin_unreachable();
}

/* Something broke while reporting: no more than one line, and no line the third time. */
static noreturn void panic_again(const char *fmt, va_list ap)
{
    if (state.depth == 2) {
        console_panic();
        stop_others();
        kprintf("panic while reporting '%s': ", state.cause);
        kvprintf(fmt, ap);
        kprintf("\n");
    }
    machine_exit(EXIT_PANIC);
}

/*
 * Returns to the CPU that panicked first.  An NMI may stop this CPU anywhere
 * in here, which is just as well.
 */
static void panic_own(struct origin at)
{
    u32 me = cpu_id() + 1;
    u32 owner = 0;

    irq_disable();
    if (!atomic_compare_exchange_strong_explicit(&state.owner, &owner, me, memory_order_relaxed,
                                                 memory_order_relaxed) &&
        owner != me) {
        stop_here(at.rip, at.rbp, at.rsp);
    }
    state.depth++;
}

/* A frame may be no frame at all: it is read when the cause is safe. */
static void take_frame(const struct trap_frame *frame)
{
    state.at = (struct origin){frame->rip, frame->rbp, frame->rsp};
    state.from_app = trap_from_app(frame);
    state.fault_address = platform->fault_address();
    state.frame = frame;
}

static noreturn void panic_at(struct origin at, const struct trap_frame *frame, const char *fmt,
                              va_list ap)
{
    panic_own(at);
    if (state.depth > 1) {
        panic_again(fmt, ap);
    }
    state.at = at;
    kvsnprintf(state.cause, sizeof(state.cause), fmt, ap);
    if (frame != NULL) {
        take_frame(frame);
    }
    report_on_own_stack();
}

/* The caller of the function that uses this. */
#define CALLER \
    ((struct origin){(u64)__builtin_return_address(0), *(u64 *)__builtin_frame_address(0), 0})

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    panic_at(CALLER, NULL, fmt, ap);
}

void panic_frame(const struct trap_frame *frame, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    panic_at(CALLER, frame, fmt, ap);
}

void bug(const char *file, int line, const char *fmt, ...)
{
    struct origin at = CALLER;
    va_list ap;

    panic_own(at);
    if (state.depth == 1) {
        int len = ksnprintf(state.cause, sizeof(state.cause), "BUG at %s:%d: ", file, line);

        va_start(ap, fmt);
        kvsnprintf(state.cause + len, sizeof(state.cause) - (size_t)len, fmt, ap);
        state.at = at;
        report_on_own_stack();
    }
    va_start(ap, fmt);
    panic_again(fmt, ap);
}

void config_error(const char *fmt, ...)
{
    va_list ap;

    console_end_line();
    kprintf("moka: cannot start: ");
    va_start(ap, fmt);
    kvprintf(fmt, ap);
    va_end(ap);
    kprintf("\n");
    machine_exit(EXIT_CONFIG);
}
