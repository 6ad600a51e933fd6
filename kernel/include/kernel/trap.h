/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts as C sees them.  kernel/x86/entry.S builds the
 * frame; an event that hit application code has it at the top of the
 * thread's kernel stack, one that hit the kernel has it below what it hit.
 */
#pragma once

#include <kernel/types.h>

struct trap_frame {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

/*
 * What syscall_entry leaves at the top of the kernel stack while a system
 * call by function call runs.  `rsp` points at the return address.  A SYSCALL
 * instruction leaves a trap_frame there, with the number as `error`.
 */
struct syscall_frame {
    u64 pad, r9, r8, r10, rdx, rsi, rdi, nr, rbp, rsp;
};

enum trap_vector {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_NMI = 2,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_BR = 5,
    TRAP_UD = 6,
    TRAP_DF = 8,
    TRAP_NP = 11,
    TRAP_SS = 12,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_MF = 16,
    TRAP_AC = 17,
    TRAP_XM = 19,
    VECTOR_FIRST = 32, /* below it exceptions, from it on interrupts */
    VECTOR_TIMER = 0x40,
    VECTOR_RESCHED = 0x41,
    VECTOR_SHOOTDOWN = 0x42,
    VECTOR_DEVICE = 0x50, /* first of the vectors handed out by irq_register() */
    VECTOR_SPURIOUS = 0xff,
    /* Not the processor's: how a system call came. */
    TRAP_SYSCALL_CALL = 0x100,
    TRAP_SYSCALL_INSN = 0x101,
};

/* Selectors of the application, and of the kernel. */
#define TRAP_CS 0x10
#define TRAP_SS 0x18

/* Page-fault error code: Intel SDM 3A 4.7. */
#define FAULT_PRESENT 1ull /* protection, not a missing page */
#define FAULT_WRITE 2ull
#define FAULT_RESERVED 8ull
#define FAULT_EXECUTE 16ull

/* Whether the event interrupted application code (which may be preempted). */
bool trap_from_app(const struct trap_frame *frame);

/*
 * A fault of application code that the kernel cannot resolve goes to the
 * thread's handler (signals, one day; tests now).  Returns true if `frame`
 * may be returned to, as changed.  Runs on the thread's kernel stack with
 * interrupts enabled.
 */
typedef bool (*trap_handler)(struct trap_frame *frame, u64 fault_address);

/* A page fault found no memory, and has ended the process by SIGKILL for that. */
bool fault_had_no_memory(void);

/* The frame of the system call that the calling thread is in, made by call or by SYSCALL:
 * the registers that the application has when it goes on, but rax. */
void trap_syscall_registers(struct trap_frame *frame);
/* Leaves the kernel for the application, with these registers, and with the vector registers
 * of thread->xsave (or initial ones: vectors_reset). */
noreturn void trap_resume(const struct trap_frame *frame);

/* Registers a handler of device interrupts; returns its vector or -ENOSPC. */
typedef void (*irq_handler)(void *arg);
must_check int irq_register(irq_handler handler, void *arg);
