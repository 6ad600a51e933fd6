/* SPDX-License-Identifier: MIT */
/*
 * Programs that must die: each breaks one rule, and the panic has to say so
 * in the words given.  A test that returns has not died, and fails.
 *
 * What is broken is hidden from the compiler (opaque()), which would warn, or
 * take undefined behaviour as leave to do nothing.
 */
#include "guest.h"

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/clock.h>
#include <kernel/cpu.h>
#include <kernel/kmalloc.h>
#include <kernel/pagetable.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <kernel/timer.h>

#define RET 0xc3 /* the instruction */

static u64 opaque(u64 value)
{
    __asm__ volatile("" : "+r"(value)::"memory");
    return value;
}

static void read_at(u64 addr)
{
    opaque(*(const volatile u8 *)opaque(addr));
}

static void write_at(u64 addr)
{
    *(volatile u8 *)opaque(addr) = 1;
}

static void call_at(u64 addr)
{
    ((void (*)(void))opaque(addr))();
}

/* An application thread that runs fn(arg); whoever joins it should not live to. */
static void run_app(void (*fn)(void *arg), void *arg)
{
    struct app *app = app_start("victim", fn, arg, 0);

    if (OK(app != NULL)) {
        app_join(app);
    }
}

/* The kernel and its own addresses. */

GUEST_DEATH(null_read, "read of unmapped NULL pointer, address 0x0")
{
    read_at(0);
}

GUEST_DEATH(null_read_offset, "read of unmapped NULL pointer, address 0xfff8")
{
    read_at(ASPACE_MIN - 8);
}

GUEST_DEATH(null_write, "write to unmapped NULL pointer, address 0x0")
{
    write_at(0);
}

GUEST_DEATH(null_write_offset, "write to unmapped NULL pointer, address 0x1238")
{
    write_at(0x1238);
}

GUEST_DEATH(null_execute, "execution of unmapped NULL pointer, address 0x0")
{
    call_at(0);
}

GUEST_DEATH(write_text, "write to protected kernel text")
{
    write_at((u64)memcpy);
}

static const u8 constants[16] = {RET};

GUEST_DEATH(write_rodata, "write to protected kernel read-only data")
{
    write_at((u64)constants);
}

static u8 variables[16] = {RET};

GUEST_DEATH(execute_data, "execution of protected memory")
{
    call_at((u64)variables);
}

GUEST_DEATH(execute_heap, "execution of protected memory")
{
    u8 *code = kmalloc(64);

    if (OK(code != NULL)) {
        memset(code, RET, 64);
        call_at((u64)code);
    }
}

GUEST_DEATH(execute_stack, "execution of protected stack")
{
    u8 code[16];

    memset(code, RET, sizeof(code));
    call_at((u64)code);
}

/* A non-canonical address faults without an address. */
GUEST_DEATH(non_canonical, "general protection")
{
    read_at(1ull << 62);
}

/* The kernel's stack. */

static u64 __attribute__((noinline)) recurse(u64 depth)
{
    volatile u64 room[16];

    room[0] = depth;
    if (opaque(depth) == 0) {
        return room[0];
    }
    return recurse(depth - 1) + room[0];
}

GUEST_DEATH(kernel_stack_overflow,
            "kernel stack overflow: guard page of the kernel stack of thread")
{
    opaque(recurse(1000000));
}

static void __attribute__((noinline)) overrun_buffer(size_t size)
{
    char buffer[16];

    memset((void *)opaque((u64)buffer), 'x', size);
}

GUEST_DEATH(stack_smash, "stack smashed")
{
    overrun_buffer(opaque(40));
}

/*
 * The interrupt stack of exceptions moves to where there is no memory, so
 * that a page fault cannot be delivered: Intel SDM 3A, 8.7 for the layout.
 */
GUEST_DEATH(double_fault, "vector 8 (double fault)")
{
    u64 nowhere = ASPACE_MIN;

    (void)irq_save();
    memcpy((u8 *)this_cpu()->tss + 44, &nowhere, sizeof(nowhere));
    read_at(0);
}

/* Instructions. */

GUEST_DEATH(invalid_opcode, "vector 6 (invalid opcode)")
{
    __asm__ volatile("ud2");
}

GUEST_DEATH(divide_by_zero, "vector 0 (divide error)")
{
    u64 quotient = 1, rest = 0;

    __asm__ volatile("divq %2" : "+a"(quotient), "+d"(rest) : "r"(opaque(0)));
}

/* Checks of our own. */

GUEST_DEATH(bug_on, "BUG at tests/guest/deaths.c:")
{
    BUG_ON(opaque(1) == 1);
}

GUEST_DEATH(panic_says_why, "panic: the number is 42, the name moka")
{
    panic("the number is %lu, the name %s", (unsigned long)opaque(42), "moka");
}

/* A frame that cannot be read: panic faults while it reports. */
GUEST_DEATH(panic_in_panic, "panic while reporting 'the frame is bad'")
{
    panic_frame((const struct trap_frame *)opaque(ASPACE_MIN - 0x200), "the frame is bad");
}

/* Not the frame of a static function by the compiler's choice: a name to look for. */
void deaf_to_interrupts(void);

void __attribute__((noinline)) deaf_to_interrupts(void)
{
    (void)irq_save();
    for (;;) {
        cpu_pause();
    }
}

static void deaf_thread(void *arg)
{
    atomic_store_explicit((_Atomic bool *)arg, true, memory_order_release);
    if (cpu_count() == 1) {
        panic("no other CPU to stop in deaf_to_interrupts+0x0");
    }
    deaf_to_interrupts();
}

/* CPU 0 spins with interrupts off; a panic elsewhere shows where all the same. */
GUEST_DEATH(panic_stops_others, "deaf_to_interrupts+0x")
{
    _Atomic bool started = false;
    struct thread_attr attr = {
        .name = "deaf",
        .entry = deaf_thread,
        .arg = &started,
        .affinity = 1,
        .class = SCHED_CLASS_FAIR,
        .detached = true,
    };

    OK(thread_set_affinity(thread_current(), 1ull << (cpu_count() - 1)) == 0);
    OK(thread_create(&attr, NULL) == 0);
    while (!atomic_load_explicit(&started, memory_order_acquire)) {
        sched_delay(NSEC_PER_MSEC);
    }
    clock_delay(NSEC_PER_MSEC);
    panic("the other CPU does not listen");
}

/* Backtraces go on behind what came between. */

void victim_of_interrupt(void *arg);

static struct thread *_Atomic victim;
static _Atomic bool victim_runs;

void victim_of_interrupt(void *arg)
{
    (void)arg;
    atomic_store(&victim_runs, true);
    for (;;) {
        cpu_pause();
    }
}

/* However late the victim comes to run, it is the one that is interrupted. */
static void panic_in_timer(struct timer *timer)
{
    if (atomic_load(&victim_runs) && thread_current() == atomic_load(&victim)) {
        panic("in the middle of something");
    }
    timer_start(timer, clock_now() + NSEC_PER_MSEC);
}

/* The timer is this CPU's, and the victim runs on it. */
GUEST_DEATH(backtrace_behind_interrupt, "victim_of_interrupt+0x")
{
    static struct timer timer;
    struct app *app;

    OK(thread_set_affinity(thread_current(), 1) == 0);
    timer_setup(&timer, panic_in_timer);
    app = app_start("victim", victim_of_interrupt, NULL, 1);
    if (OK(app != NULL)) {
        atomic_store(&victim, app_thread(app));
        timer_start(&timer, clock_now() + NSEC_PER_MSEC);
        app_join(app);
    }
}

static long panic_in_call(void *arg)
{
    (void)arg;
    panic("in a system call");
}

void caller_of_kernel(void *arg);

void caller_of_kernel(void *arg)
{
    app_call_kernel(panic_in_call, arg);
    opaque((u64)arg); /* no tail call: the frame stays */
}

GUEST_DEATH(backtrace_behind_syscall, "caller_of_kernel+0x")
{
    run_app(caller_of_kernel, NULL);
}

static struct spinlock low = SPINLOCK_INIT("low", RANK_TEST_LOW);
static struct spinlock high = SPINLOCK_INIT("high", RANK_TEST_HIGH);

GUEST_DEATH(spinlock_rank, "spinlock low (rank 1) after high: a lock of a higher rank is held")
{
    bool outer = spin_lock(&high);
    bool inner = spin_lock(&low);

    spin_unlock(&low, inner);
    spin_unlock(&high, outer);
}

GUEST_DEATH(spinlock_twice, "spinlock high is taken twice by CPU")
{
    bool outer = spin_lock(&high);
    bool inner = spin_lock(&high);

    spin_unlock(&high, inner);
    spin_unlock(&high, outer);
}

GUEST_DEATH(unlock_not_held, "spinlock high is released by CPU")
{
    spin_unlock(&high, irq_save());
}

GUEST_DEATH(sleep_with_lock, "panic: BUG at kernel/sched/")
{
    bool irq = spin_lock(&high);

    sched_delay(NSEC_PER_MSEC);
    spin_unlock(&high, irq);
}

/* The kernel's allocator. */

GUEST_DEATH(kmalloc_overrun, "red zone broken at offset 40: 01")
{
    u8 *object = kmalloc(40);

    if (OK(object != NULL)) {
        write_at((u64)object + 40);
        kfree(object);
    }
}

GUEST_DEATH(kmalloc_underrun, "red zone broken at offset -1: 01")
{
    u8 *object = kmalloc(40);

    if (OK(object != NULL)) {
        write_at((u64)object - 1);
        kfree(object);
    }
}

/* What was written after the free is noticed when the object is used again. */
GUEST_DEATH(kmalloc_use_after_free, "was written to at offset 8: 01")
{
    u8 *object = kmalloc(40);

    if (OK(object != NULL)) {
        kfree(object);
        write_at((u64)object + 8);
        for (unsigned i = 0; i < 1000; i++) {
            opaque((u64)kmalloc(40));
        }
    }
}

GUEST_DEATH(kmalloc_double_free, "was freed before by")
{
    u8 *object = kmalloc(40);

    if (OK(object != NULL)) {
        kfree(object);
        kfree((void *)opaque((u64)object));
    }
}

GUEST_DEATH(kfree_stray, "is no object")
{
    kfree((void *)opaque((u64)variables));
}

/* Application code without a handler of its faults. */

static void app_read(void *arg)
{
    read_at((u64)arg);
}

static void app_write(void *arg)
{
    write_at((u64)arg);
}

static void app_call(void *arg)
{
    call_at((u64)arg);
}

static void app_ud2(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static void app_divide(void *arg)
{
    u64 quotient = 1, rest = 0;

    __asm__ volatile("divq %2" : "+a"(quotient), "+d"(rest) : "r"(arg));
}

static void app_recurse(void *arg)
{
    opaque(recurse((u64)arg));
}

GUEST_DEATH(app_null, "read of unmapped NULL pointer, address 0x10")
{
    run_app(app_read, (void *)0x10);
}

GUEST_DEATH(app_null_execute, "execution of unmapped NULL pointer, address 0x10")
{
    run_app(app_call, (void *)0x10);
}

GUEST_DEATH(app_write_text, "write to protected kernel text")
{
    run_app(app_write, memcpy);
}

GUEST_DEATH(app_invalid_opcode, "vector 6 (invalid opcode)")
{
    run_app(app_ud2, NULL);
}

GUEST_DEATH(app_divide_by_zero, "vector 0 (divide error)")
{
    run_app(app_divide, NULL);
}

GUEST_DEATH(app_stack_overflow, "write to unmapped stack")
{
    run_app(app_recurse, (void *)1000000);
}

GUEST_DEATH(app_unmapped, "read of unmapped memory")
{
    vaddr_t addr = 0;

    OK(aspace_map(0, LARGE_SIZE, PROT_READ | PROT_WRITE, MAP_PLACE_HINT, &addr) == 0);
    OK(aspace_populate(addr, LARGE_SIZE) == 0);
    OK(aspace_unmap(addr + PAGE_SIZE, PAGE_SIZE) == 0);
    run_app(app_read, (void *)(addr + PAGE_SIZE));
}

GUEST_DEATH(app_write_protected, "write to protected memory")
{
    vaddr_t addr = 0;

    OK(aspace_map(0, LARGE_SIZE, PROT_READ | PROT_WRITE, MAP_PLACE_HINT, &addr) == 0);
    OK(aspace_populate(addr, LARGE_SIZE) == 0);
    OK(aspace_protect(addr + PAGE_SIZE, PAGE_SIZE, PROT_READ) == 0);
    run_app(app_write, (void *)(addr + PAGE_SIZE));
}

GUEST_DEATH(app_execute_data, "execution of protected memory")
{
    vaddr_t addr = 0;

    /* Far enough from the stack, which may lie beside it. */
    OK(aspace_map(0, LARGE_SIZE, PROT_READ | PROT_WRITE, MAP_PLACE_HINT, &addr) == 0);
    addr += LARGE_SIZE / 2;
    write_at(addr);
    run_app(app_call, (void *)addr);
}

static void app_call_stack(void *arg)
{
    u8 code[16];

    (void)arg;
    memset(code, RET, sizeof(code));
    call_at((u64)code);
}

GUEST_DEATH(app_execute_stack, "execution of protected stack")
{
    run_app(app_call_stack, NULL);
}
