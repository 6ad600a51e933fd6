/* SPDX-License-Identifier: MIT */
/*
 * Which signal a fault of the application is, with the code and the address
 * that Linux gives for it (arch/x86 and sigaction(2)): HotSpot's handlers
 * decide by them.  The error code gets the bit "user mode", which the
 * processor does not set in ring 0.
 */
#include <kernel/aspace.h>
#include <kernel/errno.h>
#include <kernel/process.h>
#include <kernel/signal.h>
#include <kernel/thread.h>

#include "x86_priv.h"

#define FAULT_USER 4ull

/* si_code; see sigaction(2). */
enum {
    ILL_ILLOPN = 2,
    FPE_INTDIV = 1,
    FPE_FLTDIV = 3,
    FPE_FLTOVF = 4,
    FPE_FLTUND = 5,
    FPE_FLTRES = 6,
    FPE_FLTINV = 7,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    TRAP_TRACE = 2,
};

static _Atomic bool no_memory;

struct lookup {
    vaddr_t addr;
    bool found;
};

static void look_at_region(const struct region *region, void *arg)
{
    struct lookup *lookup = arg;

    if (lookup->addr >= region->start && lookup->addr < region->end) {
        lookup->found = true;
    }
}

static bool is_mapped(vaddr_t addr)
{
    struct lookup lookup = {.addr = addr};

    if (addr >= ASPACE_MIN) {
        aspace_for_each(look_at_region, &lookup);
    }
    return lookup.found;
}

bool fault_had_no_memory(void)
{
    return atomic_load_explicit(&no_memory, memory_order_relaxed);
}

static void page_fault_signal(const struct trap_frame *frame, u64 address, int err,
                              struct siginfo *info)
{
    info->fault.addr = address;
    if (err == -ENOMEM) { /* as Linux does it, when nothing is left to be freed */
        atomic_store_explicit(&no_memory, true, memory_order_relaxed);
        info->signo = SIGKILL;
        return;
    }
    if (err != -EFAULT) { /* the region allows it, but there is nothing to be had */
        info->signo = SIGBUS;
        info->code = BUS_ADRERR;
        return;
    }
    info->signo = SIGSEGV;
    info->code =
        (frame->error & FAULT_PRESENT) != 0 || is_mapped(address) ? SEGV_ACCERR : SEGV_MAPERR;
}

/* Exception flags in the order of SDM 1, 4.9.1: invalid, denormal, divide ... */
static s32 float_code(u32 raised)
{
    if ((raised & 1) != 0) {
        return FPE_FLTINV;
    }
    if ((raised & 4) != 0) {
        return FPE_FLTDIV;
    }
    if ((raised & 8) != 0) {
        return FPE_FLTOVF;
    }
    if ((raised & (2 | 16)) != 0) {
        return FPE_FLTUND;
    }
    return (raised & 32) != 0 ? FPE_FLTRES : 0;
}

static s32 x87_code(void)
{
    u16 control, status;

    __asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
    return float_code(status & ~(u32)control & 0x3f);
}

static s32 sse_code(void)
{
    u32 mxcsr;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return float_code(mxcsr & ~(mxcsr >> 7) & 0x3f);
}

static void set(struct siginfo *info, s32 signal, s32 code, u64 addr)
{
    info->signo = signal;
    info->code = code;
    info->fault.addr = addr;
}

static void exception_signal(const struct trap_frame *frame, struct siginfo *info)
{
    switch (frame->vector) {
    case TRAP_DE:
        set(info, SIGFPE, FPE_INTDIV, frame->rip);
        break;
    case TRAP_DB:
        set(info, SIGTRAP, TRAP_TRACE, frame->rip);
        break;
    case TRAP_BP:
        set(info, SIGTRAP, SI_KERNEL, 0);
        break;
    case TRAP_UD:
        set(info, SIGILL, ILL_ILLOPN, frame->rip);
        break;
    case TRAP_MF:
        set(info, SIGFPE, x87_code(), frame->rip);
        break;
    case TRAP_XM:
        set(info, SIGFPE, sse_code(), frame->rip);
        break;
    case TRAP_AC:
        set(info, SIGBUS, BUS_ADRALN, 0);
        break;
    case TRAP_NP:
    case TRAP_SS:
        set(info, SIGBUS, SI_KERNEL, 0);
        break;
    default:
        set(info, SIGSEGV, SI_KERNEL, 0);
        break;
    }
}

bool fault_signal(struct trap_frame *frame, u64 address, int err)
{
    struct thread *thread = thread_current();
    struct siginfo info = {0};

    if (frame->vector == TRAP_PF) {
        page_fault_signal(frame, address, err, &info);
    } else {
        exception_signal(frame, &info);
    }
    if (!process_is_started() && !signal_is_caught(info.signo)) {
        return false;
    }
    thread->trap_number = frame->vector;
    thread->trap_error = frame->error;
    if (frame->vector == TRAP_PF) {
        thread->trap_error |= FAULT_USER;
        thread->trap_address = address;
    }
    signal_force(info.signo, &info);
    return true;
}
