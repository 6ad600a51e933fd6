// SPDX-License-Identifier: MIT
//
// long __syscall_cp_asm(volatile int *cancel, long nr, u, v, w, x, y, z)
//
// A system call that is a cancellation point.  The handler of SIGCANCEL acts
// on an interrupted program counter in [__cp_begin, __cp_end): the request was
// looked for, and the call has had no effect yet.  At __cp_end the call is over,
// and what it did must be reported.  __cp_cancel is where the handler sends the
// thread, with rsp as it was at the call.
//
// A call that the kernel will start again shows the handler either the call
// instruction (as SYSCALL does on Linux) or the kernel's entry with __cp_end on
// top of the stack; pthread_cancel.c knows both.
    .text
    .global __cp_begin, __cp_end, __cp_cancel, __syscall_cp_asm
    .hidden __cp_begin, __cp_end, __cp_cancel, __syscall_cp_asm
    .hidden __cancel
    .type __syscall_cp_asm, @function
__syscall_cp_asm:
__cp_begin:
    mov (%rdi), %eax
    test %eax, %eax
    jnz __cp_cancel
    mov %rsi, %rax
    mov %rdx, %rdi
    mov %rcx, %rsi
    mov %r8, %rdx
    mov %r9, %r10
    mov 8(%rsp), %r8
    mov 16(%rsp), %r9
    call *__moka_syscall(%rip)
__cp_end:
    ret
__cp_cancel:
    jmp __cancel
    .size __syscall_cp_asm, . - __syscall_cp_asm

    .section .note.GNU-stack, "", @progbits
