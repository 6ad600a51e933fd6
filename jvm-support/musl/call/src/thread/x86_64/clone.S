// SPDX-License-Identifier: MIT
//
// int __clone(int (*fn)(void *), void *stack, int flags, void *arg,
//             int *ptid, void *tls, int *ctid)
//
// The kernel starts the child behind the call, with rax = 0, rsp = the stack we
// ask for, and all other general registers as they were at the call: r9, which
// clone does not take, carries fn across, and the stack's first word arg.
// Nothing is pushed on the child's stack by the call.
    .text
    .global __clone
    .hidden __clone
    .type __clone, @function
__clone:
    mov 8(%rsp), %r10               // ctid
    mov %rdi, %rax                  // fn
    mov %rdx, %rdi                  // flags
    mov %r8, %rdx                   // ptid
    mov %r9, %r8                    // tls
    mov %rax, %r9
    and $-16, %rsi
    sub $8, %rsi
    mov %rcx, (%rsi)                // arg
    mov $56, %eax                   // SYS_clone
    call *__moka_syscall(%rip)
    test %eax, %eax
    jnz 1f
    // The child: the outermost frame, aligned for a call by the pop.
    xor %ebp, %ebp
    pop %rdi
    call *%r9
    mov %eax, %edi
    mov $60, %eax                   // SYS_exit
    call *__moka_syscall(%rip)
    ud2
1:  ret
    .size __clone, . - __clone

    .section .note.GNU-stack, "", @progbits
