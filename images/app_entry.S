/* SPDX-License-Identifier: MIT */
/* long app_syscall(nr, a0, a1, a2, a3, a4, a5): C's registers to Linux's. */
    .text
    .globl app_syscall
    .type app_syscall, @function
app_syscall:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    jmp syscall_entry

    .section .note.GNU-stack, "", @progbits
