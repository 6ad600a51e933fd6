// SPDX-License-Identifier: MIT
//
// void __unmapself(void *base, size_t size)
//
// The end of a detached thread: unmaps its stack and exits.  Signals are
// blocked.  Each of the two calls pushes its return address, and the thread's
// own stack is gone after the first; so they push it to two words that all
// threads share.  That needs no lock: whoever is here writes the same address
// to the same word, so that nobody can find another than his own.
    .text
    .global __unmapself
    .hidden __unmapself
    .type __unmapself, @function
__unmapself:
    lea 1f(%rip), %rsp
    mov $11, %eax                   // SYS_munmap
    call *__moka_syscall(%rip)
    lea 2f(%rip), %rsp
    xor %edi, %edi
    mov $60, %eax                   // SYS_exit
    call *__moka_syscall(%rip)
    ud2
    .size __unmapself, . - __unmapself

    .bss
    .balign 16
    .skip 8                         // the return address of munmap
1:  .skip 8                         // of exit
2:
    .section .note.GNU-stack, "", @progbits
