// SPDX-License-Identifier: MIT
//
// int __set_thread_area(void *tp): the thread pointer is the base of fs.
    .text
    .global __set_thread_area
    .hidden __set_thread_area
    .type __set_thread_area, @function
__set_thread_area:
    mov %rdi, %rsi
    mov $0x1002, %edi               // ARCH_SET_FS
    mov $158, %eax                  // SYS_arch_prctl
    call *__moka_syscall(%rip)
    ret
    .size __set_thread_area, . - __set_thread_area

    .section .note.GNU-stack, "", @progbits
