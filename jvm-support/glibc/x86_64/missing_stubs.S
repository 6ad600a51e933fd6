// SPDX-License-Identifier: MIT
//
// 256 stubs of 16 bytes; each calls __missing_called() with its index.
    .text
    .global __missing_stubs
    .hidden __missing_stubs
    .hidden __missing_called
    .balign 16
__missing_stubs:
    .set index, 0
    .rept 256
    .balign 16
    mov $index, %edi
    jmp 1f
    .set index, index + 1
    .endr
    .balign 16
1:  and $-16, %rsp
    call __missing_called
    ud2

    .section .note.GNU-stack, "", @progbits
