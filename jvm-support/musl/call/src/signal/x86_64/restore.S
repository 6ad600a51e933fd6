// SPDX-License-Identifier: MIT
//
// Where a signal handler returns to: rt_sigreturn restores the interrupted
// state from the frame that rsp points to (its first word, the return address
// that brought us here, is already popped; the call writes there again).
//
// libgcc's unwinder knows Linux's trampoline by its bytes, which these are not.
// The rules below tell it and GDB the same: all registers are in the frame's
// ucontext (sigaction(2)), which begins at rsp, its general registers at 40.
    .text
    .global __restore_rt
    .hidden __restore_rt
    .type __restore_rt, @function
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa_offset 0
    .cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06 // CFA: the saved rsp, *(rsp + 160)
    .cfi_escape 0x10, 8, 2, 0x77, 40            // r8
    .cfi_escape 0x10, 9, 2, 0x77, 48            // r9
    .cfi_escape 0x10, 10, 2, 0x77, 56           // r10
    .cfi_escape 0x10, 11, 3, 0x77, 0xc0, 0x00   // r11, *(rsp + 64)
    .cfi_escape 0x10, 12, 3, 0x77, 0xc8, 0x00   // r12
    .cfi_escape 0x10, 13, 3, 0x77, 0xd0, 0x00   // r13
    .cfi_escape 0x10, 14, 3, 0x77, 0xd8, 0x00   // r14
    .cfi_escape 0x10, 15, 3, 0x77, 0xe0, 0x00   // r15
    .cfi_escape 0x10, 5, 3, 0x77, 0xe8, 0x00    // rdi, *(rsp + 104)
    .cfi_escape 0x10, 4, 3, 0x77, 0xf0, 0x00    // rsi
    .cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x00    // rbp
    .cfi_escape 0x10, 3, 3, 0x77, 0x80, 0x01    // rbx, *(rsp + 128)
    .cfi_escape 0x10, 1, 3, 0x77, 0x88, 0x01    // rdx
    .cfi_escape 0x10, 0, 3, 0x77, 0x90, 0x01    // rax
    .cfi_escape 0x10, 2, 3, 0x77, 0x98, 0x01    // rcx
    .cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x01   // rip, *(rsp + 168)
    // An unwinder looks up the byte before a return address.
    nop
__restore_rt:
    mov $15, %eax                   // SYS_rt_sigreturn
    call *__moka_syscall(%rip)
    ud2
    .cfi_endproc
    .size __restore_rt, . - __restore_rt

    .section .note.GNU-stack, "", @progbits
