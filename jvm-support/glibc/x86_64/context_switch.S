// SPDX-License-Identifier: MIT
//
// getcontext(), setcontext(), swapcontext(): ucontext_t as in signal frames.
// Kept are the registers that a function call keeps, the argument registers
// (for makecontext), the x87 environment, MXCSR and the signal mask.  rax is 0
// when a context is resumed.
    .set RBX, 128
    .set RBP, 120
    .set R12, 72
    .set R13, 80
    .set R14, 88
    .set R15, 96
    .set RDI, 104
    .set RSI, 112
    .set RDX, 136
    .set RCX, 152
    .set R8, 40
    .set R9, 48
    .set RSP, 160
    .set RIP, 168
    .set FPREGS, 224        // points to the memory below
    .set SIGMASK, 296
    .set FPMEM, 424
    .set MXCSR, 24

// Stores the caller's state in *rdi.  Changes rcx.
    .macro SAVE_CONTEXT
    mov %rbx, RBX(%rdi)
    mov %rbp, RBP(%rdi)
    mov %r12, R12(%rdi)
    mov %r13, R13(%rdi)
    mov %r14, R14(%rdi)
    mov %r15, R15(%rdi)
    mov %rdi, RDI(%rdi)
    mov %rsi, RSI(%rdi)
    mov %rdx, RDX(%rdi)
    mov %rcx, RCX(%rdi)
    mov %r8, R8(%rdi)
    mov %r9, R9(%rdi)
    mov (%rsp), %rcx
    mov %rcx, RIP(%rdi)
    lea 8(%rsp), %rcx       // as after our return
    mov %rcx, RSP(%rdi)
    lea FPMEM(%rdi), %rcx
    mov %rcx, FPREGS(%rdi)
    fnstenv (%rcx)
    fldenv (%rcx)           // fnstenv has masked all exceptions
    stmxcsr MXCSR(%rcx)
    .endm

    .text
    .global getcontext
    .type getcontext, @function
getcontext:
    SAVE_CONTEXT
    sub $8, %rsp
    lea SIGMASK(%rdi), %rdx
    xor %esi, %esi
    xor %edi, %edi          // SIG_BLOCK nothing: only asks
    call pthread_sigmask
    add $8, %rsp
    xor %eax, %eax
    ret
    .size getcontext, . - getcontext

    .global setcontext
    .type setcontext, @function
setcontext:
    push %rdi
    xor %edx, %edx
    lea SIGMASK(%rdi), %rsi
    mov $2, %edi            // SIG_SETMASK
    call pthread_sigmask
    pop %rdi
load_context:
    mov FPREGS(%rdi), %rcx
    fldenv (%rcx)
    ldmxcsr MXCSR(%rcx)
    mov RBX(%rdi), %rbx
    mov RBP(%rdi), %rbp
    mov R12(%rdi), %r12
    mov R13(%rdi), %r13
    mov R14(%rdi), %r14
    mov R15(%rdi), %r15
    mov RSP(%rdi), %rsp
    push RIP(%rdi)
    mov RSI(%rdi), %rsi
    mov RDX(%rdi), %rdx
    mov RCX(%rdi), %rcx
    mov R8(%rdi), %r8
    mov R9(%rdi), %r9
    mov RDI(%rdi), %rdi
    xor %eax, %eax
    ret
    .size setcontext, . - setcontext

    .global swapcontext
    .type swapcontext, @function
swapcontext:
    SAVE_CONTEXT
    push %rsi
    lea SIGMASK(%rdi), %rdx
    add $SIGMASK, %rsi
    mov $2, %edi            // SIG_SETMASK, and the old one into the old context
    call pthread_sigmask
    pop %rdi
    jmp load_context
    .size swapcontext, . - swapcontext

// What a function of makecontext() returns to: rbx is the context to go on with.
    .global __context_end
    .hidden __context_end
    .type __context_end, @function
__context_end:
    mov %rbx, %rdi
    test %rdi, %rdi
    jnz setcontext
    call exit               // the thread's last context: of success, as rdi says
    ud2
    .size __context_end, . - __context_end

    .section .note.GNU-stack, "", @progbits
