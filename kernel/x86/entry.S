/* SPDX-License-Identifier: MIT */
/*
 * How events reach C, on both platforms.
 *
 * Interrupts arrive on IST 1, exceptions on IST 2, double faults on IST 3,
 * NMIs on IST 4: none touches the interrupted stack, so the application's
 * red zone is safe and a fault on a bad stack is harmless.  Interrupts and
 * exceptions then move at once to the thread's kernel stack:
 *
 *   interrupted code on the kernel stack    below what it was using
 *   interrupted code elsewhere (the         at its top: the kernel stack is
 *   application's stack)                    empty then
 *
 * which frees the IST stack for the next event and lets the thread be
 * switched away.  A stack pointer in the guard below the kernel stack, or
 * within KSTACK_RESERVE of its end, is an overflow.
 *
 * The frame is struct trap_frame (kernel/trap.h).
 */
#include "../platform/kvm_pvm/pvm_host.h"

#ifndef MOKA_KSTACK_SHIFT
#define MOKA_KSTACK_SHIFT 14
#endif
#define KSTACK_SIZE (1 << MOKA_KSTACK_SHIFT)
#define KSTACK_GUARD (1 << MOKA_KSTACK_SHIFT)
#define KSTACK_RESERVE 1024
#define THREAD_APP_WORK 8
#define TRAP_SYSCALL_CALL 0x100
#define TRAP_SYSCALL_INSN 0x101

    .macro SAVE_REGS
    push %rdi; push %rsi; push %rdx; push %rcx; push %rax
    push %r8;  push %r9;  push %r10; push %r11; push %rbx
    push %rbp; push %r12; push %r13; push %r14; push %r15
    .endm

    .macro LOAD_REGS
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp
    pop %rbx; pop %r11; pop %r10; pop %r9;  pop %r8
    pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi
    .endm

    .text

    /* 256 stubs of 16 bytes: a dummy error code where the CPU pushes none. */
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vec, 0
    .rept 256
    .balign 16
    .if (vec == 8) || (vec >= 10 && vec <= 14) || (vec == 17) || (vec == 21) || (vec == 29) || (vec == 30)
    .else
    push $0
    .endif
    push $vec
    .if vec == 8
    jmp trap_double_fault
    .elseif vec == 2
    jmp trap_nmi
    .else
    jmp trap_common
    .endif
    .set vec, vec + 1
    .endr

    .globl trap_common
    .type trap_common, @function
trap_common:
    push %rax
    push %rcx
    push %rdx
    mov 64(%rsp), %rax            /* interrupted rsp */
    mov %gs:CPU_KSTACK_TOP, %rcx
    lea -1(%rcx), %rdx
    sub %rax, %rdx                /* distance below the top */
    cmp $(KSTACK_SIZE - KSTACK_RESERVE), %rdx
    jae 2f
    mov %rax, %rcx                /* on the kernel stack: stay below */
    and $-16, %rcx
1:  /* Copies vector, error, rip, cs, rflags, rsp, ss to end at rcx. */
    .set off, 24
    .rept 7
    mov off(%rsp), %rax
    mov %rax, (off - 24 - 56)(%rcx)
    .set off, off + 8
    .endr
    mov 16(%rsp), %rax
    lea -56(%rcx), %rdx
    mov %rdx, %gs:CPU_SCRATCH
    mov (%rsp), %rdx
    mov 8(%rsp), %rcx
    mov %gs:CPU_SCRATCH, %rsp
    SAVE_REGS
    cld
    mov %rsp, %rdi
    call trap_dispatch            /* returns with interrupts disabled */

    .globl trap_return
trap_return:
    LOAD_REGS
    add $16, %rsp                 /* -> rip cs rflags rsp ss */
    testb $1, platform_is_pvm
    jz trap_iret
    /*
     * On kvm_pvm an IRETQ to the guest's CS exits (10k cycles and more).  The
     * CPU is at CPL 3, so one to the hardware's own selectors needs none;
     * the interrupt flag is the byte in memory.  Between its store and the
     * IRETQ an interrupt may come: fix_frame() undoes this return then.
     */
    movl $PVM_HW_CS, 8(%rsp)
    movl $PVM_HW_SS, 32(%rsp)
    testl $0x200, 16(%rsp)
    jz trap_iret
    movb $1, %gs:CPU_IRQ_ENABLED
    .globl trap_return_window
trap_return_window:
    testb $1, %gs:CPU_IRQ_PENDING
    jz trap_iret
    /* An interrupt waits: an IRETQ to the guest's selectors lets the host
     * deliver it after. */
    movl $PVM_GUEST_CS, 8(%rsp)
    movl $PVM_GUEST_SS, 32(%rsp)
    .globl trap_iret, trap_iret_end
trap_iret:
    iretq
trap_iret_end:

2:  cmp $(KSTACK_SIZE + KSTACK_GUARD), %rdx
    jae 1b                        /* application's stack: rcx is the top */
    pop %rdx
    pop %rcx
    pop %rax
    SAVE_REGS
    cld
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    call trap_stack_overflow
    ud2

trap_double_fault:
    SAVE_REGS
    cld
    mov %rsp, %rdi
    and $-16, %rsp
    call trap_fatal
    ud2

trap_nmi:
    SAVE_REGS
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_nmi_dispatch
    mov %rbx, %rsp
    jmp trap_return

    /*
     * See kernel/syscall.h.  Number and arguments are kept as struct
     * syscall_frame, for the call to be made again, and for debuggers.
     */
    .globl syscall_entry
    .type syscall_entry, @function
syscall_entry:
    mov %rsp, %r11
    mov %gs:CPU_KSTACK_TOP, %rsp
    .globl syscall_entry_early        /* so far it is the application: trap.c */
    .set syscall_entry_early, . - syscall_entry
    push %r11
    push %rbp
    mov %rsp, %rbp
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %r10
    push %r8
    push %r9
    sub $8, %rsp
    cmp $512, %rax
    jae 3f
    mov %r10, %rcx
    call *syscall_table(, %rax, 8)
    /*
     * An interrupt that came while the kernel ran may want another thread to
     * run, and there may be a signal.  An interrupt that comes between this
     * look and the switch of stacks starts it again: trap_dispatch() knows
     * the two labels.
     */
    .globl syscall_exit, syscall_exit_end
syscall_exit:
    mov %gs:CPU_CURRENT, %rcx
    cmpb $0, %gs:CPU_NEED_RESCHED
    jne 4f
    cmpb $0, THREAD_APP_WORK(%rcx)
    jne 4f
    mov 64(%rsp), %rbp
    mov 72(%rsp), %rsp
syscall_exit_end:
    ret
3:  mov $-38, %rax                /* -ENOSYS */
    jmp syscall_exit
    /* Back by a whole trap_frame, with the registers that a call preserves. */
4:  mov %rsp, %r11
    push $PVM_GUEST_SS
    push 72(%r11)
    push $0x202                   /* interrupts enabled */
    push $PVM_GUEST_CS
    push $0                       /* trap_syscall_exit() reads it from the stack */
    push 56(%r11)
    push $TRAP_SYSCALL_CALL
    mov 48(%r11), %rdi
    mov 40(%r11), %rsi
    mov 32(%r11), %rdx
    mov 24(%r11), %r10
    mov 16(%r11), %r8
    mov 8(%r11), %r9
    mov 64(%r11), %rbp
    SAVE_REGS
    mov %rsp, %rdi
    call trap_syscall_exit        /* returns with interrupts disabled */
    jmp trap_return

    /*
     * Where a SYSCALL instruction goes (LSTAR), with the return address in
     * rcx and the flags in r11, still on the application's stack.  FMASK has
     * disabled interrupts, but on kvm_pvm they are a byte in memory.
     */
    .globl syscall_instruction
    .type syscall_instruction, @function
syscall_instruction:
    testb $1, platform_is_pvm
    jz 5f
    movb $0, %gs:CPU_IRQ_ENABLED
5:  mov %rsp, %gs:CPU_SCRATCH
    mov %gs:CPU_KSTACK_TOP, %rsp
    push $PVM_GUEST_SS
    push %gs:CPU_SCRATCH
    push %r11
    push $PVM_GUEST_CS
    push %rcx
    push %rax
    push $TRAP_SYSCALL_INSN
    SAVE_REGS
    cld
    mov %rsp, %rdi
    call trap_syscall_instruction /* returns with interrupts disabled */
    jmp trap_return

    /*
     * noreturn void trap_load_frame(struct trap_frame *frame): the frame lies
     * on the kernel stack, interrupts are disabled.
     */
    .globl trap_load_frame
    .type trap_load_frame, @function
trap_load_frame:
    mov %rdi, %rsp
    jmp trap_return

    /*
     * clone(2) and clone3(2) have the child begin with the registers of the
     * parent, of which a call keeps these for the caller.
     */
    .macro WITH_REGISTERS name function
    .globl \name
    .type \name, @function
\name:
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %r9                 /* instead of the sixth argument */
    call \function
    add $40, %rsp
    ret
    .endm

    WITH_REGISTERS sys_clone process_clone
    WITH_REGISTERS sys_clone3 process_clone3


    .section .note.GNU-stack, "", @progbits
