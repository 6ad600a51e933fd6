/* SPDX-License-Identifier: MIT */
/*
 * What happens after entry.S: interrupts go to their handlers, page faults
 * to the address space, faults that nobody resolves to the thread's handler
 * or to panic.  Kernel code is not preempted; application code is, on the
 * way out of here.
 */
#include <kernel/trap.h>

#include <kernel/aspace.h>
#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/errno.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/start.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/tlb.h>
#include <kernel/trace.h>
#include <kernel/uaccess.h>

#include "../sched/arch_priv.h"
#include "x86_priv.h"

#define IRQ_VECTORS (VECTOR_SPURIOUS - VECTOR_DEVICE)

static struct {
    _Atomic unsigned next;
    struct {
        irq_handler handler; /* constant once registered */
        void *arg;
    } vector[IRQ_VECTORS];
} irqs;

bool trap_from_app(const struct trap_frame *frame)
{
    return this_cpu()->kstack_top - 1 - frame->rsp >= KSTACK_SIZE;
}

int irq_register(irq_handler handler, void *arg)
{
    unsigned index = atomic_fetch_add_explicit(&irqs.next, 1, memory_order_relaxed);

    if (index >= IRQ_VECTORS) {
        return -ENOSPC;
    }
    irqs.vector[index].arg = arg;
    irqs.vector[index].handler = handler;
    return VECTOR_DEVICE + (int)index;
}

static void device_interrupt(unsigned vector)
{
    unsigned index = vector - VECTOR_DEVICE;

    if (index < IRQ_VECTORS && irqs.vector[index].handler != NULL) {
        irqs.vector[index].handler(irqs.vector[index].arg);
    } else {
        trace(TRACE_NOTE, vector, 0);
    }
}

static void interrupt_dispatch(struct trap_frame *frame)
{
    struct cpu *cpu = this_cpu();

    cpu->irq_depth++;
    switch (frame->vector) {
    case VECTOR_TIMER:
        platform->end_of_interrupt();
        timer_interrupt();
        break;
    case VECTOR_RESCHED:
        platform->end_of_interrupt();
        sched_interrupt();
        break;
    case VECTOR_SHOOTDOWN:
        platform->end_of_interrupt();
        tlb_shootdown_poll();
        break;
    case VECTOR_SPURIOUS: /* no end-of-interrupt: SDM 3A, 11.9 */
        break;
    default:
        trace(TRACE_IRQ, frame->vector, frame->rip);
        device_interrupt((unsigned)frame->vector);
        platform->end_of_interrupt();
        break;
    }
    cpu->irq_depth--;
}

/* Nobody resolved the fault: the application's handler, the fixup, or the end. */
static void fault_unresolved(struct trap_frame *frame, u64 address, bool app, int err)
{
    struct thread *thread = this_cpu()->current;
    u64 landing;

    if (!app) {
        landing = fixup_lookup(frame->rip);
        if (landing == 0) {
            panic_frame(frame, "kernel fault");
        }
        frame->rip = landing;
        return;
    }
    if (thread->on_fault != NULL && thread->on_fault(frame, address)) {
        return;
    }
    if (!fault_signal(frame, address, err)) {
        panic_frame(frame, "fault of thread %u (%s)", thread->tid, thread->name);
    }
}

static void page_fault(struct trap_frame *frame, bool app)
{
    u64 address = platform->fault_address();
    int err;

    if (!app && this_cpu()->no_fault) {
        fault_unresolved(frame, address, false, -EFAULT);
        return;
    }
    if ((frame->rflags & RFLAGS_IF) != 0) {
        irq_enable();
    }
    if (app) {
        system_time_begin();
    }
    err = aspace_fault(address, frame->error);
    if (app) {
        system_time_end();
    }
    if (err != 0) {
        fault_unresolved(frame, address, app, err);
    } else if (app) {
        this_cpu()->current->minor_faults++;
    }
    irq_disable();
}

static void exception_dispatch(struct trap_frame *frame, bool app)
{
    bool entered = frame->rip == (u64)syscall_entry && (frame->rflags & RFLAGS_TF) == 0;

    /* The application steps through its instructions; the kernel does not. */
    if (frame->vector == TRAP_DB && (!app || entered)) {
        frame->rflags &= ~RFLAGS_TF;
        return;
    }
    if (frame->vector == TRAP_PF) {
        page_fault(frame, app);
        return;
    }
    if (app && (frame->rflags & RFLAGS_IF) != 0) {
        irq_enable();
    }
    fault_unresolved(frame, 0, app, -EFAULT);
    irq_disable();
}

/*
 * An interrupt hit the end of a system call, between its look at
 * need_resched and the switch to the application's stack: look again.
 */
static void syscall_exit_fix(struct trap_frame *frame)
{
    if (frame->rip >= (u64)syscall_exit && frame->rip < (u64)syscall_exit_end) {
        frame->rip = (u64)syscall_exit;
    }
}

/*
 * The first instructions of a system call by function call have changed nothing but registers
 * that the call may change: the application is about to make it.  It makes it without steps.
 */
static void syscall_entry_fix(struct trap_frame *frame)
{
    if (frame->rip > (u64)syscall_entry &&
        frame->rip <= (u64)syscall_entry + (u64)syscall_entry_early) {
        frame->rsp = frame->r11;
        frame->rip = (u64)syscall_entry;
        frame->rflags &= ~RFLAGS_TF;
    }
}

/* IRETQ would fault on such an address, in the kernel. */
static void check_rip(struct thread *thread, const struct trap_frame *frame)
{
    const struct siginfo info = {.signo = SIGSEGV, .code = SI_KERNEL};

    if (likely((u64)((s64)(frame->rip << 16) >> 16) == frame->rip)) {
        return;
    }
    thread->trap_number = TRAP_GP;
    thread->trap_error = 0;
    signal_force(SIGSEGV, &info);
}

/*
 * The last steps before the application goes on: others may run first, and
 * signals are handled.  A handler starts with fresh vector registers.
 */
void trap_go_on(struct trap_frame *frame)
{
    struct thread *thread = this_cpu()->current;

    for (;;) {
        if (this_cpu()->need_resched) {
            sched_preempt();
        }
        check_rip(thread, frame);
        if (!atomic_load_explicit(&thread->app_work, memory_order_relaxed)) {
            break;
        }
        irq_enable();
        signal_handle(frame, frame->vector >= TRAP_SYSCALL_CALL);
        irq_disable();
    }
    if (unlikely(thread->vectors_reset)) {
        thread->vectors_reset = false;
        fpu_load_initial();
    }
}

/* The slow way out of a system call by function call. */
void trap_syscall_exit(struct trap_frame *frame)
{
    u64 address;

    /* What the application called from: its RET is done here. */
    if (user_read(&address, (const void *)frame->rsp, sizeof(address)) != 0) {
        const struct siginfo info = {
            .signo = SIGSEGV, .code = SEGV_MAPERR, .fault.addr = frame->rsp};

        signal_force(SIGSEGV, &info);
    } else {
        frame->rip = address;
        frame->rsp += sizeof(address);
    }
    irq_disable();
    trap_go_on(frame);
}

static s64 call_by_number(const struct trap_frame *f, u64 nr)
{
    if (nr >= SYSCALL_COUNT || syscall_table[nr] == sys_missing) {
        return syscall_missing(nr);
    }
    return syscall_table[nr](f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9);
}

/*
 * A SYSCALL instruction keeps the vector registers, so they are live all
 * through the call.
 */
void trap_syscall_instruction(struct trap_frame *frame)
{
    struct thread *thread = this_cpu()->current;
    u64 nr = frame->error;

    thread->vectors_live = thread->xsave != NULL;
    frame->rflags |= RFLAGS_IF; /* on kvm_pvm the flag that r11 shows is not ours */
    irq_enable();
    frame->rax = (u64)call_by_number(frame, nr);
    irq_disable();
    trap_go_on(frame);
    thread->vectors_live = false;
}

/* At the top of the kernel stack is SS of a trap frame, or a stack pointer. */
static bool syscall_by_instruction(const struct thread *thread)
{
    return *(const u64 *)(thread->kstack_top - 8) < PAGE_SIZE;
}

void trap_syscall_registers(struct trap_frame *frame)
{
    struct thread *thread = this_cpu()->current;
    const struct syscall_frame *call = (const struct syscall_frame *)thread->kstack_top - 1;

    if (syscall_by_instruction(thread)) {
        *frame = ((const struct trap_frame *)thread->kstack_top)[-1];
        return;
    }
    *frame = (struct trap_frame){
        .rdi = call->rdi,
        .rsi = call->rsi,
        .rdx = call->rdx,
        .r10 = call->r10,
        .r8 = call->r8,
        .r9 = call->r9,
        .rbp = call->rbp,
        .rax = call->nr,
        .error = call->nr,
        .vector = TRAP_SYSCALL_CALL,
        .cs = TRAP_CS,
        .ss = TRAP_SS,
        .rflags = RFLAGS_IF | 2,
        .rsp = call->rsp,
    };
}

void arch_syscall_restart(struct trap_frame *frame)
{
    frame->rax = frame->error;
    if (frame->vector == TRAP_SYSCALL_CALL) {
        frame->rsp -= 8; /* the return address is still there */
        frame->rip = (u64)syscall_entry;
    } else {
        frame->rip -= 2; /* SYSCALL is two bytes long */
    }
}

void trap_resume(const struct trap_frame *frame)
{
    struct thread *thread = this_cpu()->current;
    struct trap_frame *place = (struct trap_frame *)thread->kstack_top - 1;

    irq_disable();
    memmove(place, frame, sizeof(*frame));
    if (!thread->vectors_reset) {
        arch_xrstor(thread);
        thread->vectors_live = true;
    }
    trap_go_on(place);
    thread->vectors_live = false;
    trap_load_frame(place);
}

void trap_dispatch(struct trap_frame *frame)
{
    struct thread *thread;
    bool app;

    platform->fix_frame(frame);
    syscall_entry_fix(frame);
    app = trap_from_app(frame);
    thread = this_cpu()->current;
    if (app && thread != NULL) {
        thread->vectors_live = thread->xsave != NULL;
    }
    if (frame->vector >= VECTOR_FIRST) {
        interrupt_dispatch(frame);
    } else {
        exception_dispatch(frame, app);
    }
    if (app && thread != NULL) {
        trap_go_on(frame);
        thread->vectors_live = false;
    } else if (!app) {
        syscall_exit_fix(frame);
    }
}

void trap_stack_overflow(struct trap_frame *frame)
{
    panic_frame(frame, "kernel stack overflow");
}

void trap_fatal(struct trap_frame *frame)
{
    panic_frame(frame, "double fault");
}

void trap_nmi_dispatch(struct trap_frame *frame)
{
    if (panic_active()) {
        panic_stop_cpu(frame);
    }
}
