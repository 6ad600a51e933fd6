/* SPDX-License-Identifier: MIT */
/*
 * The C side of switching threads: what the scheduler calls, on top of
 * switch.S.
 */
#include <kernel/assert.h>
#include <kernel/cpu.h>
#include <kernel/string.h>
#include <kernel/thread.h>

#include "../sched/arch_priv.h"
#include "x86_priv.h"

#define MXCSR_DEFAULT 0x1f80ull
#define X87_CONTROL_DEFAULT 0x37full
#define X87_EXCEPTIONS 0xffu /* flags, stack fault, summary */

/* switch.S */
struct thread *arch_switch_stack(struct thread *prev, u64 *save, u64 load, u64 *prev_fs,
                                 u64 next_fs);
void arch_thread_first(void);
noreturn void arch_run_app(void (*entry)(void *), void *arg, vaddr_t stack);

/* What arch_switch_stack() pops, lowest address first. */
struct switch_frame {
    u64 control; /* MXCSR, x87 control word */
    u64 r15, r14, r13, r12, rbx, rbp;
    u64 rip;
    u64 pad; /* so that the first function finds an aligned stack */
};

/* What FNSTENV stores: SDM 1, 8.1.10. */
struct x87_environment {
    u32 control, status, tag, rest[4];
};

/*
 * Takes exceptions that have been raised out of the x87 unit: FLDCW would trap on what another
 * thread masks otherwise, and they are the thread's own.  False: there are none.
 */
static bool take_x87_exceptions(struct x87_environment *environment)
{
    u16 status;

    __asm__ volatile("fnstsw %0" : "=a"(status));
    if (likely((status & X87_EXCEPTIONS) == 0)) {
        return false;
    }
    /* FNSTENV masks all. */
    __asm__ volatile("fnstenv %0; fnclex; fldcw %0" : "=m"(*environment));
    return true;
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
    struct x87_environment environment;
    struct thread *last;
    bool raised = false;

    if (unlikely(prev->vectors_live)) {
        arch_xsave(prev);
        /* Who comes back from a call finds the x87 stack empty. */
        __asm__ volatile("fninit");
    } else {
        raised = take_x87_exceptions(&environment);
    }
    last = arch_switch_stack(prev, &prev->saved_sp, next->saved_sp, &prev->fs_base, next->fs_base);
    if (unlikely(prev->vectors_live)) {
        arch_xrstor(prev);
    } else if (unlikely(raised)) {
        __asm__ volatile("fldenv %0" ::"m"(environment));
    }
    return last;
}

/* What the calling thread has: a clone inherits it. */
static u64 control_words(void)
{
    u32 mxcsr;
    u16 x87;

    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (u64)x87 << 32 | mxcsr;
}

void arch_thread_init(struct thread *thread, const struct trap_frame *start)
{
    u64 top = thread->kstack_top - sizeof(struct trap_frame);
    struct switch_frame *frame = (struct switch_frame *)top - 1;
    struct trap_frame *regs = (struct trap_frame *)top;

    memset(regs, 0, sizeof(*regs));
    if (start != NULL) {
        *regs = *start;
    }
    *frame = (struct switch_frame){
        .control = start != NULL ? control_words() : X87_CONTROL_DEFAULT << 32 | MXCSR_DEFAULT,
        .rip = (u64)arch_thread_first,
    };
    thread->saved_sp = (u64)frame;
}

void arch_enter_app(struct thread *thread)
{
    struct trap_frame *regs = (struct trap_frame *)thread->kstack_top - 1;

    assert(thread->app_stack != 0 && !irq_enabled());
    if (regs->rip != 0) {
        trap_go_on(regs);
        trap_load_frame(regs);
    }
    arch_run_app(thread->entry, thread->arg, thread->app_stack);
}
