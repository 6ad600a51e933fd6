/* SPDX-License-Identifier: MIT */
/*
 * Switching between threads, and the halts of the two platforms.
 */
#include "../platform/kvm_pvm/pvm_host.h"

    .text

    /*
     * struct thread *arch_switch_stack(struct thread *prev, u64 *save,
     *                                  u64 load, u64 *prev_fs, u64 next_fs)
     *                rdi               rsi   rdx  rcx          r8
     *
     * A switch is a function call to the compiler, so only what a call
     * preserves is saved: rbx rbp r12-r15, and the control parts of MXCSR
     * and the x87 control word (SysV ABI 3.2.1).  FS is the thread's TLS.
     * Layout from the saved stack pointer: mxcsr and x87 word (8 bytes),
     * r15 r14 r13 r12 rbx rbp, return address.
     */
    .balign 16
    .globl arch_switch_stack
    .type arch_switch_stack, @function
arch_switch_stack:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov (%rsp), %r9
    rdfsbase %r10
    mov %r10, (%rcx)
    mov %rsp, (%rsi)
    mov %rdx, %rsp
    wrfsbase %r8
    xor (%rsp), %r9
    shl $16, %r9                  /* the top two bytes are not used */
    jnz 1f
    add $8, %rsp
2:  pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    mov %rdi, %rax
    ret
1:  ldmxcsr (%rsp)
    fldcw 4(%rsp)
    add $8, %rsp
    jmp 2b

    /* What a new thread's stack returns to: rax = the thread it follows. */
    .globl arch_thread_first
    .type arch_thread_first, @function
arch_thread_first:
    mov %rax, %rdi
    xor %ebp, %ebp
    push %rbp                     /* ends the backtrace; aligns */
    call thread_start
    ud2

    /*
     * noreturn void arch_run_app(entry, arg, stack): leaves the kernel stack
     * for good; the kernel finds it empty when it comes back.  Interrupts
     * are disabled; the caller's flag enables them on the way.
     */
    .globl arch_run_app
    .type arch_run_app, @function
arch_run_app:
    mov %rdx, %rsp
    and $-16, %rsp
    fninit
    push $0x1f80
    ldmxcsr (%rsp)
    add $8, %rsp
    push %rdi
    mov %rsi, %rdi
    xor %ebp, %ebp
    xor %ebx, %ebx
    testb $1, platform_is_pvm
    jz 1f
    movb $1, %gs:CPU_IRQ_ENABLED
    testb $1, %gs:CPU_IRQ_PENDING
    jz 2f
    cli                           /* an exit: the host delivers */
    jmp 2f
1:  sti
2:  pop %rax
    call *%rax
    mov $60, %eax                 /* exit(0) */
    xor %edi, %edi
    call syscall_entry
    ud2

    /*
     * kvm_pvm has no STI shadow: an interrupt may come between the enabling
     * and the HLT, which would then sleep through what it announced.  So
     * fix_frame() moves a return address inside [begin, end) to the end.
     */
    .globl pvm_halt, pvm_halt_begin, pvm_halt_end
    .type pvm_halt, @function
pvm_halt:
pvm_halt_begin:
    movb $1, %gs:CPU_IRQ_ENABLED
    testb $1, %gs:CPU_IRQ_PENDING
    jnz 1f
    hlt
    jmp pvm_halt_end
1:  cli                           /* an exit: the host delivers */
    nop
pvm_halt_end:
    ret

    .globl bare_halt
    .type bare_halt, @function
bare_halt:
    sti
    hlt
    ret

    /* noreturn void cpu_run_on_stack(u64 stack_top, void (*fn)(void *), void *arg) */
    .globl cpu_run_on_stack
    .type cpu_run_on_stack, @function
cpu_run_on_stack:
    mov %rdi, %gs:CPU_KSTACK_TOP
    mov %rdi, %rsp
    mov %rdx, %rdi
    xor %ebp, %ebp
    push %rbp                     /* ends the backtrace */
    push %rbp
    call *%rsi
    ud2

    .section .note.GNU-stack, "", @progbits
