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
#include <kernel/sched.h>
#include <kernel/start.h>
#include <kernel/tlb.h>
#include <kernel/trace.h>
#include <kernel/uaccess.h>

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
static void fault_unresolved(struct trap_frame *frame, u64 address, bool app)
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
    if (thread->on_fault == NULL || !thread->on_fault(frame, address)) {
        panic_frame(frame, "fault of thread %u (%s)", thread->tid, thread->name);
    }
}

static void page_fault(struct trap_frame *frame, bool app)
{
    u64 address = platform->fault_address();

    if (!app && this_cpu()->no_fault) {
        fault_unresolved(frame, address, false);
        return;
    }
    if ((frame->rflags & RFLAGS_IF) != 0) {
        irq_enable();
    }
    if (aspace_fault(address, frame->error) != 0) {
        fault_unresolved(frame, address, app);
    }
    irq_disable();
}

static void exception_dispatch(struct trap_frame *frame, bool app)
{
    if (frame->vector == TRAP_PF) {
        page_fault(frame, app);
        return;
    }
    if (app && (frame->rflags & RFLAGS_IF) != 0) {
        irq_enable();
    }
    fault_unresolved(frame, 0, app);
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

void trap_syscall_reschedule(void)
{
    irq_disable();
    if (this_cpu()->need_resched) {
        sched_preempt();
    }
    irq_enable();
}

void trap_dispatch(struct trap_frame *frame)
{
    struct thread *thread;
    bool app;

    platform->fix_frame(frame);
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
        if (this_cpu()->need_resched) {
            sched_preempt();
        }
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
